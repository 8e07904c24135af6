// The half of the benchmark that runs in the page, over the public API alone.
//
// A call through the API also copies the picture into the worker and results back. A single convolution is therefore
// measured by what each one more of its kind adds: the same calls on a network of one and of several convolutions, and the
// difference divided by the number added.

/** @typedef {{ name: string, input: number[], out: number, kernel: number, stride: number, padding: number, groups: number }} Case */
/** @typedef {import("../../www/convscope.js").Scope} Scope */
/** @typedef {import("../../www/convscope.js").Net} Net */
/** @typedef {import("../../www/convscope.js").Tensor} Tensor */
/** @typedef {{ ms: number, calibrationMs: number, rounds: number }} Timing */
/** @typedef {(repetitions: number) => Promise<void>} Work */
/** @typedef {(net: Net, picture: Tensor) => Promise<unknown>} Call */
/** @typedef {Record<"multiply_adds" | "copy", string>} Shaders */
/** @typedef {{ backend: "cpu" | "webgpu", cases: Case[], rounds: number, shaders: Shaders, networks: string[] }} Order */
/** @typedef {{ nodes: Record<string, unknown>[], weights: Record<string, Tensor>, last: string, input: number[] }} Parts */

/** As in src/bin/bench/peak.rs. */
const LOOP_OPERATIONS = 2 * 4 * 8 * 256 * 4096;
/** As in src/bin/bench/rounds.rs, but longer, because the clock of a page ticks every 0.1 ms. */
const ROUND_MS = 5;
const PATIENCE_MS = 1000;
const MAX_ROUNDS = 200;
/** As in src/bin/bench/adapter.rs. */
const INVOCATIONS = 2 ** 17;
const INVOCATION_OPERATIONS = 64 * 8 * 4 * 2;
const COPIED_BYTES = 2 ** 25;
/** The class whose logit is differentiated. */
const CLASS = 3;
/** Floating point operations by which the longer network exceeds the shorter one, as far as `FEWEST` and `MOST` allow. */
const ADDED = 4e8;
const FEWEST = 3;
const MOST = 16;

/** @type {() => void} */
let fixedLoop = () => {};

function calibrate() {
  const begin = performance.now();
  for (let pass = 0; pass < 4; pass++) fixedLoop();
  return (performance.now() - begin) / 4;
}

/**
 * The fastest of several rounds of a work that is told how often to repeat itself.
 * @param {number} rounds at least
 * @param {Work} work
 * @returns {Promise<Timing>}
 */
const time = async (rounds, work) => (await timeTogether(rounds, [work]))[0];

/**
 * The same for works whose times are compared: they take turns in each round.
 * @param {number} rounds at least
 * @param {Work[]} works
 * @returns {Promise<Timing[]>}
 */
export async function timeTogether(rounds, works) {
  const milliseconds = async (/** @type {Work} */ work, /** @type {number} */ repetitions) => {
    const begin = performance.now();
    await work(repetitions);
    return performance.now() - begin;
  };
  const turns = [];
  for (const work of works) {
    let repetitions = 1;
    await work(1);
    while ((await milliseconds(work, repetitions)) < ROUND_MS) repetitions *= 2;
    turns.push({ work, repetitions, ms: Infinity });
  }
  const begin = performance.now();
  const patience = PATIENCE_MS * works.length;
  let [done, calibrationMs] = [0, Infinity];
  while (done < rounds || (performance.now() - begin < patience && done < MAX_ROUNDS)) {
    calibrationMs = Math.min(calibrationMs, calibrate());
    for (const turn of turns) {
      const ms = (await milliseconds(turn.work, turn.repetitions)) / turn.repetitions;
      turn.ms = Math.min(turn.ms, ms);
    }
    done++;
  }
  return turns.map(({ ms }) => ({ ms, calibrationMs, rounds: done }));
}

/**
 * Numbers in [−1, 1), the same for the same seed.
 * @param {number[]} shape
 * @param {number} seed
 * @param {number} scale
 * @returns {Tensor}
 */
export function tensor(shape, seed, scale = 1) {
  let state = (seed * 7919) >>> 0;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return scale * ((state >>> 0) / 2 ** 31 - 1);
  };
  const length = shape.reduce((product, extent) => product * extent, 1);
  return { data: Float32Array.from({ length }, next), shape };
}

/** @param {Case} c */
function outputOf(c) {
  const side = (/** @type {number} */ extent) =>
    Math.floor((extent + 2 * c.padding - c.kernel) / c.stride) + 1;
  return [c.out, side(c.input[1]), side(c.input[2])];
}

/** @param {Case} c */
export function operations(c) {
  const [channels, height, width] = outputOf(c);
  return 2 * channels * height * width * (c.input[0] / c.groups) * c.kernel ** 2;
}

/**
 * Whether the output can be the next one's input.
 * @param {Case} c
 */
const isChain = (c) => outputOf(c).every((extent, axis) => extent === c.input[axis]);

/**
 * Convolutions one after another where they can be, else side by side on multiples of the picture, with their outputs added
 * up. On the same picture, their gradients to the weights would all be one, which is computed once.
 * @param {Case} c
 * @param {number} count
 * @returns {Parts}
 */
export function convolutions(c, count) {
  const fanIn = (c.input[0] / c.groups) * c.kernel ** 2;
  /** @type {Parts} */
  const parts = { nodes: [], weights: {}, last: "", input: c.input };
  const add = (/** @type {string} */ name, /** @type {string[]} */ inputs) => {
    parts.nodes.push({ name, op: "add", inputs });
    return name;
  };
  let source = "x";
  for (let index = 0; index < count; index++) {
    const name = `conv${index}`;
    const weight = `${name}.weight`;
    const shape = [c.out, c.input[0] / c.groups, c.kernel, c.kernel];
    // Uniform numbers of this width keep the variance from layer to layer.
    parts.weights[weight] = tensor(shape, index + 1, Math.sqrt(3 / fanIn));
    parts.nodes.push({
      name,
      op: "conv2d",
      inputs: [source],
      weight,
      stride: [c.stride, c.stride],
      padding: Array(4).fill(c.padding),
      groups: c.groups,
    });
    if (isChain(c)) {
      parts.last = source = name;
    } else {
      parts.last = index > 0 ? add(`sum${index}`, [parts.last, name]) : name;
      source = add(`multiple${index}`, [source, "x"]);
    }
  }
  return parts;
}

/**
 * Additions one after another.
 * @param {number[]} shape
 * @param {number} count
 * @returns {Parts}
 */
function additions(shape, count) {
  const nodes = Array.from({ length: count }, (_, index) => ({
    name: `sum${index}`,
    op: "add",
    inputs: [index > 0 ? `sum${index - 1}` : "x", "x"],
  }));
  return { nodes, weights: {}, last: `sum${count - 1}`, input: shape };
}

/**
 * Repeats a call. Two pictures take turns, because the same one twice would be answered from what the first call left.
 * @param {Net} net
 * @param {Call} call
 * @returns {Work}
 */
function calls(net, call) {
  const shape = [1, ...net.input.shape.slice(1)];
  const pictures = [tensor(shape, 101), tensor(shape, 102)];
  let turn = 0;
  return async (repetitions) => {
    for (let repetition = 0; repetition < repetitions; repetition++) {
      turn++;
      await call(net, pictures[turn % 2]);
    }
  };
}

/**
 * What one more node of a kind adds to each of some calls, and those calls on one node.
 * @param {Scope} scope
 * @param {(count: number) => Parts} network
 * @param {number} count nodes of the longer network
 * @param {number} rounds
 * @param {((parts: Parts) => Call)[]} callers
 */
async function marginal(scope, network, count, rounds, callers) {
  const works = [];
  /** @type {Net[]} */
  const nets = [];
  for (const parts of [network(1), network(count)]) {
    const input = { name: "x", shape: parts.input };
    const graph = { name: "bench", input, output: parts.last, nodes: parts.nodes };
    const net = await scope.load({ graph, weights: parts.weights });
    nets.push(net);
    works.push(...callers.map((caller) => calls(net, caller(parts))));
  }
  const timings = await timeTogether(rounds, works);
  for (const net of nets) net.dispose();
  return callers.map((_, index) => {
    const [short, long] = [timings[index], timings[callers.length + index]];
    return { ...long, ms: (long.ms - short.ms) / (count - 1), callMs: short.ms };
  });
}

/**
 * @param {Parts} parts
 * @returns {Call}
 */
const forwardOf = (parts) => (net, picture) => net.activations(picture, [parts.last]);

/**
 * @param {Scope} scope
 * @param {Case} c
 * @param {number} rounds
 */
async function convolution(scope, c, rounds) {
  const work = operations(c);
  const wanted = Math.round(ADDED / work) + 1;
  const count = Math.max(FEWEST, Math.min(MOST, wanted));
  const [x, y] = [c.input, outputOf(c)];
  const dot = tensor([1, ...y], 103);
  const backwardOf =
    (/** @type {boolean} */ toWeights) =>
    (/** @type {Parts} */ { last, weights }) => {
      const wrt = ["input", ...(toWeights ? Object.keys(weights) : [])];
      return (/** @type {Net} */ net, /** @type {Tensor} */ picture) =>
        net.gradient(picture, { layer: last, dot }, { wrt });
    };
  const callers = [forwardOf, backwardOf(false), backwardOf(true)];
  const network = (/** @type {number} */ length) => convolutions(c, length);
  const steps = await marginal(scope, network, count, rounds, callers);
  // Side by side, each convolution brings additions: of its output and input, and of two gradients to the picture.
  const addition = async (/** @type {number[]} */ shape) => {
    if (isChain(c)) return 0;
    const network = (/** @type {number} */ length) => additions(shape, length);
    return (await marginal(scope, network, MOST, rounds, [forwardOf]))[0].ms;
  };
  const [addY, addX] = [await addition(y), await addition(x)];
  const added = [addY + addX, 2 * addX, 0];
  const figure = (/** @type {number} */ step) => {
    const before = step > 0 ? steps[step - 1].ms : 0;
    const ms = steps[step].ms - before - added[step];
    if (ms <= 0) return { missing: "less than the noise of its two measurements" };
    return { ...steps[step], ms, gflops: work / ms / 1e6 };
  };
  return { name: c.name, count, forward: figure(0), toInput: figure(1), toWeights: figure(2) };
}

/**
 * @param {Scope} scope
 * @param {string} id
 * @param {number} rounds
 */
async function network(scope, id, rounds) {
  if (!scope.models.some((model) => model.id === id)) {
    const missing = { missing: "it is not in dist/" };
    return { name: id, forward: missing, inputGradient: missing };
  }
  const net = await scope.load(id);
  const figure = async (/** @type {Call} */ call) => {
    const work = calls(net, call);
    const begin = performance.now();
    await work(1);
    return { firstMs: performance.now() - begin, ...(await time(rounds, work)) };
  };
  const forward = await figure((net, picture) => net.predict(picture));
  const inputGradient = await figure((net, picture) => net.gradient(picture, { logit: CLASS }));
  net.dispose();
  return { name: id, forward, inputGradient };
}

/**
 * What runs on many pictures, samples or places: a network's id and a call.
 * @type {Record<string, [string, (net: Net, set: Tensor) => Promise<unknown>]>}
 */
const SWEEPS = {
  "fashion, predict 2000": ["fashion", (net, set) => net.predict(set)],
  "fashion, topActivations 2000": ["fashion", (net, set) => net.topActivations(set, "act3")],
  "fashion, smooth_grad 500": [
    "fashion",
    (net, set) => net.attribute(one(set), { method: "smooth_grad", samples: 500 }),
  ],
  "efficientnet-lite0, smooth_grad 16": [
    "efficientnet-lite0",
    (net, set) => net.attribute(one(set), { method: "smooth_grad", samples: 16 }),
  ],
  "efficientnet-lite0, occlusion 25": [
    "efficientnet-lite0",
    (net, set) => net.attribute(one(set), { method: "occlusion", window: 64, stride: 40 }),
  ],
};

/**
 * The first picture of a set.
 * @param {Tensor} set
 */
function one({ data, shape: [count, ...extents] }) {
  return { data: data.slice(0, data.length / count), shape: [1, ...extents] };
}

/**
 * Sweeps without helpers and with as many as there usually are, in turn.
 * @param {typeof import("../../www/convscope.js").open} open
 * @param {number} rounds
 * @param {(step: string) => void} say
 */
async function sweeps(open, rounds, say) {
  const scopes = [await open({ backend: "cpu", workers: 0 }), await open({ backend: "cpu" })];
  const rows = [];
  for (const [name, [id, call]] of Object.entries(SWEEPS)) {
    if (!scopes[0].models.some((model) => model.id === id)) continue;
    say(name);
    const nets = await Promise.all(scopes.map((scope) => scope.load(id)));
    const [, ...extents] = nets[0].input.shape;
    const set = tensor([id === "fashion" ? 2000 : 1, ...extents], 104);
    const works = nets.map((net) => async (/** @type {number} */ repetitions) => {
      for (let repetition = 0; repetition < repetitions; repetition++) await call(net, set);
    });
    const [alone, helped] = await timeTogether(rounds, works);
    const { workers } = await scopes[1].memory();
    rows.push({ name, helpers: workers, aloneMs: alone.ms, helpedMs: helped.ms });
    for (const net of nets) net.dispose();
  }
  for (const scope of scopes) scope.close();
  return rows;
}

/** @param {number} rounds */
async function processorPeak(rounds) {
  const loop = await time(rounds, async (repetitions) => {
    for (let pass = 0; pass < repetitions; pass++) fixedLoop();
  });
  const source = new Float32Array(COPIED_BYTES / 4).fill(1);
  const target = new Float32Array(source.length);
  const copy = await time(rounds, async (repetitions) => {
    for (let pass = 0; pass < repetitions; pass++) target.set(source);
  });
  return {
    gflops: LOOP_OPERATIONS / loop.ms / 1e6,
    gigabytes: (2 * COPIED_BYTES) / copy.ms / 1e6,
  };
}

/**
 * @param {Shaders} shaders
 * @param {number} rounds
 */
async function adapterPeak(shaders, rounds) {
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
  const device = await adapter?.requestDevice();
  if (!device) throw new Error("This browser has no WebGPU adapter.");
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
  const buffers = [0, 1].map(() => device.createBuffer({ size: COPIED_BYTES, usage }));
  const factors = Float32Array.from({ length: 8 }, (_, lane) => (lane < 4 ? 0.999 : 1e-3));
  device.queue.writeBuffer(buffers[1], 0, factors);
  const dispatchMs = async (/** @type {string} */ code, /** @type {number} */ invocations) => {
    const module = device.createShaderModule({ code });
    const pipeline = device.createComputePipeline({ layout: "auto", compute: { module } });
    const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
    const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
    const timing = await time(rounds, async (repetitions) => {
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      for (let repetition = 0; repetition < repetitions; repetition++)
        pass.dispatchWorkgroups(invocations / 64);
      pass.end();
      device.queue.submit([encoder.finish()]);
      await device.queue.onSubmittedWorkDone();
    });
    return timing.ms;
  };
  const arithmeticMs = await dispatchMs(shaders.multiply_adds, INVOCATIONS);
  const copyMs = await dispatchMs(shaders.copy, COPIED_BYTES / 16);
  device.destroy();
  return {
    gflops: (INVOCATIONS * INVOCATION_OPERATIONS) / arithmeticMs / 1e6,
    gigabytes: (2 * COPIED_BYTES) / copyMs / 1e6,
  };
}

/** Loads the fixed loop and the library. @returns {Promise<typeof import("../../www/convscope.js")>} */
export async function prepare() {
  const here = new URL(".", import.meta.url);
  const loop = await WebAssembly.instantiateStreaming(fetch(new URL("peak.wasm", here)));
  fixedLoop = () => /** @type {any} */ (loop.instance.exports).main(0, 0);
  return import(new URL("convscope.js", here).href);
}

/**
 * All figures of one engine.
 * @param {Order} order
 * @param {(step: string) => void} say
 */
export async function measure({ backend, cases, rounds, shaders, networks }, say) {
  const { open } = await prepare();
  say("peak");
  const peak = backend === "cpu" ? await processorPeak(rounds) : await adapterPeak(shaders, rounds);
  const networkRows = [];
  for (const id of networks) {
    say(id);
    // A scope of its own: its first call compiles its shaders.
    const scope = await open({ backend });
    networkRows.push(await network(scope, id, rounds));
    scope.close();
  }
  const convolutionRows = [];
  const scope = await open({ backend });
  for (const c of cases) {
    say(c.name);
    convolutionRows.push(await convolution(scope, c, rounds));
  }
  const { adapter } = scope;
  scope.close();
  const shared = backend === "cpu" ? await sweeps(open, rounds, say) : [];
  return {
    engine: backend,
    place: "browser",
    adapter,
    peak,
    calibrationMs: (await time(rounds, async (n) => Array(n).fill(0).forEach(fixedLoop))).ms,
    convolutions: convolutionRows,
    networks: networkRows,
    sweeps: shared,
  };
}
