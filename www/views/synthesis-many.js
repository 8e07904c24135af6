/**
 * Many pictures at once: every channel of a layer, what each layer still knows of the picture, and the way from one unit
 * to another.
 * @module
 */

import { h } from "../widgets/dom.js";
import { number, percent } from "../widgets/format.js";
import { createPixels } from "../widgets/pixels.js";
import { createTiles } from "../widgets/tiles.js";
import { stretched } from "./synthesis-lane.js";
import { variants } from "./synthesis-settings.js";
import { figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {Exclude<import("../convscope.js").Objective, unknown[]>} Term
 * @typedef {import("../convscope.js").SynthesisSettings} SynthesisSettings
 * @typedef {{ settings: SynthesisSettings, seed: number, turn: () => Promise<boolean>, onStep: (done: number, total: number) => void, signal: AbortSignal }} Making
 */

/** Channels of one grid. */
const CHANNELS = 36;

/** Pictures of a grid have at most this many pixels a side, where the layer takes them. */
const GRID_SIDE = 64;

const GRID_STEPS = 64;

/** Layers of one row. */
const LAYERS = 6;

const LAYER_STEPS = 96;

/** How much nearness to the layer's values counts against smoothness. */
const NEARNESS = 20;

/** Pictures that a row shows large. */
const FEW = 10;

/** Pictures on the way between two units. */
const BETWEEN = 5;

/**
 * @param {{ app: Session, onChannel: (channel: number) => void, signal: AbortSignal }} options
 */
export function createMany({ app, onChannel, signal }) {
  const tiles = createTiles({
    label: "What each channel wants to see",
    onPick: (cell) => onChannel(cell),
    signal,
  });
  const row = h("div", { class: "grown-row" });
  const element = h("div", { class: "many" }, tiles.element, row);
  /** The cards of the row. @type {{ pixels: ReturnType<typeof createPixels>, sight: ReturnType<typeof figure> }[]} */
  let cards = [];

  /** @param {"tiles" | "row"} which */
  function only(which) {
    tiles.element.hidden = which !== "tiles";
    row.hidden = which !== "row";
  }

  /** @param {string[]} captions */
  function deal(captions) {
    only("row");
    row.classList.toggle("full", captions.length > FEW);
    cards = captions.map((caption) => {
      const pixels = createPixels({ label: caption, signal });
      return { pixels, sight: figure(pixels.element, caption) };
    });
    row.style.setProperty("--count", String(captions.length));
    row.replaceChildren(...cards.map((card) => card.sight.element));
  }

  /**
   * @param {number} index
   * @param {ImageData} pixels
   */
  async function place(index, pixels) {
    const bitmap = await createImageBitmap(stretched(pixels).pixels);
    const { width, height } = bitmap;
    cards[index].pixels.show({ width, height, layers: [{ bitmap }] });
  }

  /**
   * @param {Tensor} images
   * @param {number} index
   * @returns {Tensor}
   */
  function one(images, index) {
    const [, ...extents] = images.shape;
    const length = extents.reduce((product, extent) => product * extent, 1);
    return {
      data: images.data.slice(index * length, (index + 1) * length),
      shape: [1, ...extents],
    };
  }

  return {
    element,
    /**
     * The channels of the layer in question, as many as fit one batch.
     * @param {Making} making
     */
    async grid({ settings, seed, turn, onStep, signal: until }) {
      const { name, shape } = app.layer;
      const chosen = app.store.get().channel;
      const first = Math.min(Math.floor(chosen / CHANNELS) * CHANNELS, shape[0] - 1);
      const channels = Array.from(
        { length: Math.min(CHANNELS, shape[0] - first) },
        (_, index) => first + index,
      );
      const [, depth, rows, columns] = app.net.input.shape;
      const shrink = Math.min(1, GRID_SIDE / Math.max(rows, columns));
      only("tiles");
      /** @param {Tensor} image */
      const show = async (image) => {
        const painted = await app.scope.paint(image, {
          map: depth === 3 ? "rgb" : "gray",
          scale: "each",
          percentile: 99,
        });
        tiles.show({
          ...painted,
          count: channels.length,
          name: (index) => `channel ${channels[index]}`,
        });
        tiles.choose(chosen - first);
      };
      const result = await app.net.synthesize({
        ...settings,
        objectives: channels.map((channel) => ({ layer: name, channel })),
        size: [Math.round(rows * shrink), Math.round(columns * shrink)],
        steps: GRID_STEPS,
        every: 4,
        seed,
        signal: until,
        onStep: async ({ step, image }) => {
          await show(image);
          onStep(step, GRID_STEPS);
          return (await turn()) ? { stop: true } : undefined;
        },
      });
      await show(result.image);
      return { first, count: channels.length, of: shape[0] };
    },
    /**
     * What layers still know of the picture: pictures that give the same values there.
     * @param {Making} making
     */
    async layers({ settings, seed, turn, onStep, signal: until }) {
      const known = app.net.layers.filter((layer) => !["input", "softmax"].includes(layer.op));
      const picked = Array.from(
        { length: Math.min(LAYERS, known.length) },
        (_, index) => known[Math.round((index * (known.length - 1)) / Math.max(1, LAYERS - 1))],
      );
      const unique = [...new Set(picked)];
      deal(["The picture", ...unique.map((layer) => layer.name)]);
      await place(0, app.seen);
      for (const [index, layer] of unique.entries()) {
        const { [layer.name]: content } = await app.net.activations(app.input, [layer.name], {
          signal: until,
        });
        const square = content.data.reduce((sum, value) => sum + value * value, 0);
        const weight = -NEARNESS / Math.max(square / content.data.length, 1e-12);
        let ended = false;
        const result = await app.net.synthesize({
          ...settings,
          objective: { layer: layer.name, content, weight },
          transforms: [],
          tv: 0.2,
          l2: 0,
          steps: LAYER_STEPS,
          every: 8,
          seed,
          signal: until,
          onStep: async ({ step, image }) => {
            await place(index + 1, await app.net.toPixels(image));
            onStep(index * LAYER_STEPS + step, unique.length * LAYER_STEPS);
            ended = await turn();
            return ended ? { stop: true } : undefined;
          },
        });
        await place(index + 1, await app.net.toPixels(result.image));
        const left = (result.history.at(-1) ?? 0) / -NEARNESS;
        cards[index + 1].sight.caption(`${layer.name}: ${percent(Math.min(1, left))} off`);
        if (ended) return;
      }
    },
    /**
     * The same picture with each of its settings changed by itself.
     * @param {Making & { objective: Term, init: import("../convscope.js").SynthesisOptions["init"], steps: number }} making
     * @returns {Promise<number>} how many there are
     */
    async switches({ settings, seed, turn, onStep, signal: until, objective, init, steps }) {
      const ways = variants(settings);
      deal(ways.map((way) => way.label));
      for (const [index, way] of ways.entries()) {
        let ended = false;
        const { image, history } = await app.net.synthesize({
          ...way.settings,
          objective,
          init,
          steps,
          every: 8,
          seed,
          signal: until,
          onStep: async ({ step, image: grown }) => {
            await place(index, await app.net.toPixels(grown));
            onStep(index * steps + step, ways.length * steps);
            ended = await turn();
            return ended ? { stop: true } : undefined;
          },
        });
        await place(index, await app.net.toPixels(image));
        cards[index].sight.caption(`${way.label} (${number(history.at(-1) ?? 0, 3)})`);
        if (ended) break;
      }
      return ways.length;
    },
    /**
     * The way from one objective to another, in one batch.
     * @param {Making & { from: Term, to: Term, names: [string, string], steps: number }} making
     */
    async between({ settings, seed, turn, onStep, signal: until, from, to, names, steps }) {
      const shares = Array.from({ length: BETWEEN }, (_, index) => index / (BETWEEN - 1));
      deal(
        shares.map((share) =>
          share === 0
            ? names[0]
            : share === 1
              ? names[1]
              : `${percent(1 - share)} · ${percent(share)}`,
        ),
      );
      /** @param {Tensor} images */
      const show = async (images) => {
        for (const index of shares.keys())
          await place(index, await app.net.toPixels(one(images, index)));
      };
      const result = await app.net.synthesize({
        ...settings,
        objectives: shares.map((share) => [
          { ...from, weight: 1 - share },
          { ...to, weight: share },
        ]),
        steps,
        every: 4,
        seed,
        signal: until,
        onStep: async ({ step, image }) => {
          await show(image);
          onStep(step, steps);
          return (await turn()) ? { stop: true } : undefined;
        },
      });
      await show(result.image);
    },
  };
}
