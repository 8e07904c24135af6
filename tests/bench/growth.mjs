// How the time of a call grows with pixels, channels, depth and the batch; in the page, over the public API alone. A call copies its
// picture into the worker and its result back, which a call's time includes.
import { convolutions, operations, prepare, tensor, timeTogether } from "./in-page.mjs";

/** @typedef {import("../../www/convscope.js").Scope} Scope */
/** @typedef {{ label: string, megaflops: number, forwardMs: number, gradientMs: number }} Row */
/** @typedef {{ title: string, rows: Row[] }} Family */
/** @typedef {{ label: string, megabytes: number, seconds: number }} Held what an engine held after a large call, in its device or its wasm memory */
/** @typedef {{ families: Family[], held: Held[] }} Growth */
/** @typedef {{ backend: "cpu" | "webgpu", rounds: number }} Order */

/** The class whose logit is differentiated. */
const CLASS = 3;
/** A chain of so many 3×3 convolutions of so many channels on a square picture, where nothing else is said. */
const USUAL = { channels: 32, side: 28, depth: 4 };
const FAMILIES = [
  { title: "pixels", key: "side", values: [14, 28, 56, 112] },
  { title: "channels", key: "channels", values: [16, 32, 64, 128] },
  { title: "depth", key: "depth", values: [2, 4, 8, 16] },
];
const BATCHES = [1, 4, 16, 64];
/** Channels of VGG-16's convolutions up to its fourth block; 0 is a pooling. */
const TRUNK = [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512];
const TRUNK_SIDE = 512;

/**
 * @param {Scope} scope
 * @param {{ channels: number, side: number, depth: number }} size
 * @param {number} rounds
 */
async function chain(scope, { channels, side, depth }, rounds) {
  const shape = [channels, side, side];
  const c = { name: "", input: shape, out: channels, kernel: 3, stride: 1, padding: 1, groups: 1 };
  const { nodes, weights, last } = convolutions(c, depth);
  const graph = { name: "growth", input: { name: "x", shape }, output: last, nodes };
  const net = await scope.load({ graph, weights });
  const pictures = [1, 2].map((seed) => tensor([1, ...shape], seed));
  const dot = tensor([1, ...shape], 3);
  const [forward, gradient] = await timeTogether(rounds, [
    repeated((turn) => net.activations(pictures[turn % 2], [last])),
    repeated((turn) => net.gradient(pictures[turn % 2], { layer: last, dot })),
  ]);
  net.dispose();
  const megaflops = (operations(c) * depth) / 1e6;
  return { megaflops, forwardMs: forward.ms, gradientMs: gradient.ms };
}

/** @param {(turn: number) => Promise<unknown>} call */
function repeated(call) {
  let turn = 0;
  return async (/** @type {number} */ repetitions) => {
    for (let i = 0; i < repetitions; i++) await call(turn++);
  };
}

/**
 * `fashion` on batches: figures are of one picture.
 * @param {Scope} scope
 * @param {number} rounds
 * @returns {Promise<Row[]>}
 */
async function batches(scope, rounds) {
  const net = await scope.load("fashion");
  const works = BATCHES.flatMap((n) => {
    const sets = [1, 2].map((seed) => tensor([n, ...net.input.shape.slice(1)], seed));
    return [
      repeated((turn) => net.predict(sets[turn % 2])),
      repeated((turn) => net.gradient(sets[turn % 2], { logit: CLASS })),
    ];
  });
  const timings = await timeTogether(rounds, works);
  const megaflops = net.layers.reduce((sum, { macs }) => sum + 2 * macs, 0) / 1e6;
  net.dispose();
  return BATCHES.map((n, i) => ({
    label: String(n),
    megaflops,
    forwardMs: timings[2 * i].ms / n,
    gradientMs: timings[2 * i + 1].ms / n,
  }));
}

/**
 * VGG-16's trunk as data.
 * @param {number} side
 */
function trunk(side) {
  /** @type {Record<string, unknown>[]} */
  const nodes = [];
  /** @type {Record<string, import("../../www/convscope.js").Tensor>} */
  const weights = {};
  let [source, inputs] = ["x", 3];
  for (const [index, channels] of TRUNK.entries()) {
    if (channels === 0) {
      const pool = { name: `pool${index}`, op: "max_pool2d", kernel: [2, 2], stride: [2, 2] };
      nodes.push({ ...pool, inputs: [source] });
      source = pool.name;
      continue;
    }
    const [name, weight] = [`conv${index}`, `conv${index}.weight`];
    weights[weight] = tensor([channels, inputs, 3, 3], index + 1, Math.sqrt(2 / (3 * inputs)));
    nodes.push({ name, op: "conv2d", inputs: [source], weight, padding: [1, 1, 1, 1] });
    nodes.push({ name: `relu${index}`, op: "relu", inputs: [name] });
    [source, inputs] = [`relu${index}`, channels];
  }
  const graph = { name: "trunk", input: { name: "x", shape: [3, side, side] }, nodes };
  return { graph, weights, last: source };
}

/**
 * What large calls hold: the gradient to a large picture through a large trunk, and a layer's output for 2,000 pictures.
 * @param {(label: string) => void} say
 * @param {Order["backend"]} backend
 * @returns {Promise<Held[]>}
 */
async function held(say, backend) {
  const { open } = await prepare();
  const measured = async (
    /** @type {string} */ label,
    /** @type {(scope: Scope) => Promise<unknown>} */ call,
  ) => {
    say(label);
    const scope = await open({ backend, workers: 0 });
    const began = performance.now();
    await call(scope);
    const seconds = (performance.now() - began) / 1000;
    const { gpuBytes, wasmBytes } = await scope.memory();
    scope.close();
    return { label, megabytes: (backend === "webgpu" ? gpuBytes : wasmBytes) / 1e6, seconds };
  };
  return [
    await measured(
      `gradient to ${TRUNK_SIDE}×${TRUNK_SIDE} through VGG-16's trunk`,
      async (scope) => {
        const { graph, weights, last } = trunk(TRUNK_SIDE);
        const net = await scope.load({ graph, weights });
        const picture = tensor([1, 3, TRUNK_SIDE, TRUNK_SIDE], 1);
        await net.gradient(picture, { layer: last, channel: 0 });
      },
    ),
    await measured("act1 of fashion for 2,000 pictures, in principal components", async (scope) => {
      const net = await scope.load("fashion");
      const pictures = tensor([2000, ...net.input.shape.slice(1)], 1);
      await net.embed(pictures, { method: "pca", layer: "act1" });
    }),
  ];
}

/**
 * @param {Order} order
 * @param {(step: string) => void} say
 * @returns {Promise<Growth>}
 */
export async function grow({ backend, rounds }, say) {
  const { open } = await prepare();
  const scope = await open({ backend });
  const families = [];
  for (const { title, key, values } of FAMILIES) {
    const rows = [];
    for (const value of values) {
      say(`${title} ${value}`);
      const size = { ...USUAL, [key]: value };
      rows.push({ label: String(value), ...(await chain(scope, size, rounds)) });
    }
    families.push({ title, rows });
  }
  say("batches");
  families.push({ title: "batch of fashion, a picture", rows: await batches(scope, rounds) });
  scope.close();
  return { families, held: await held(say, backend) };
}
