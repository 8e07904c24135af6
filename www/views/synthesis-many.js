/**
 * Many pictures at once: every channel of a layer, what each layer still knows of the picture, the way from one unit to
 * another, several pictures of one unit, and each setting changed by itself.
 * @module
 */

import { groups } from "../app/list.js";
import { number, percent } from "../widgets/format.js";
import { variants } from "./synthesis-settings.js";
import { createSheet } from "./synthesis-sheet.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("../convscope.js").Objective} Objective
 * @typedef {Exclude<Objective, unknown[]>} Term
 * @typedef {import("../convscope.js").SynthesisSettings} SynthesisSettings
 * @typedef {import("../convscope.js").SynthesisOptions} SynthesisOptions
 * @typedef {{ settings: SynthesisSettings, seed: number, steps: number, turn: () => Promise<boolean>, onStep: (done: number, total: number) => void, signal: AbortSignal }} Making
 */

/** Pictures of a grid have at most this many pixels a side, where the layer takes them. */
const GRID_SIDE = 64;

/** Values of one picture, times channels, in a batch: 64 channels of small grey pictures, 40 of coloured ones. */
const GRID_VALUES = 40 * 3 * GRID_SIDE ** 2;
const MOST_CHANNELS = 64;

const GRID_STEPS = 64;

/** How much nearness to a layer's values counts against smoothness. */
const NEARNESS = 20;

/**
 * What brings pictures back from layers early and late: a pyramid, since pixels alone leave late layers' pictures to noise
 * and a steep spectrum keeps early ones from their edges; grey to begin with, from where no sigmoid is flat.
 * @type {SynthesisSettings & { steps: number }}
 */
const INVERSION = {
  parametrization: "pyramid",
  levels: 4,
  background: "mean",
  transforms: [],
  copies: 1,
  octaves: 1,
  inputNoise: 0,
  learningRate: 0.08,
  tv: 0.2,
  l2: 0.02,
  steps: 96,
};

/** Pictures on the way between two units. */
const BETWEEN = 5;

/** Pictures of one unit, and how much their likeness counts against the share of the objective that it is worth. */
const APART = 4;
const LIKENESS = 0.3;

/**
 * An objective times a factor, as a list of terms.
 * @param {Objective} objective
 * @param {number} factor
 * @returns {Term[]}
 */
function scaled(objective, factor) {
  const terms = Array.isArray(objective) ? objective : [objective];
  return terms.map((term) => ({ ...term, weight: factor * (term.weight ?? 1) }));
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

/**
 * @param {{ app: Session, onChannel: (channel: number) => void, signal: AbortSignal }} options
 */
export function createMany({ app, onChannel, signal }) {
  let first = 0;
  let most = 1;
  const sheet = createSheet({
    onPick: (index) => onChannel(first + index),
    smooth: () => Math.max(...app.net.input.shape.slice(2)) > GRID_SIDE,
    signal,
  });

  /**
   * Grows a batch into the cards from `from` on; `before` of `total` steps were done by others. Says whether it was ended.
   * @param {Making} making
   * @param {SynthesisOptions & { steps: number }} options
   * @param {{ from?: number, before?: number, total?: number, every?: number }} [place]
   */
  async function grow({ seed, turn, onStep, signal: until }, options, place = {}) {
    const { from = 0, before = 0, total = options.steps, every = 4 } = place;
    let ended = false;
    const show = async (/** @type {Tensor} */ images, /** @type {number} */ step) => {
      const all = Array.from({ length: images.shape[0] }, (_, index) => one(images, index));
      const pictures = await Promise.all(all.map((image) => app.net.toPixels(image)));
      await sheet.place({ step: before + step, first: from, pictures });
      onStep(before + step, total);
    };
    const result = await app.net.synthesize({
      ...options,
      every,
      seed,
      signal: until,
      onStep: async ({ step, image }) => {
        await show(image, step);
        ended = await turn();
        return ended ? { stop: true } : undefined;
      },
    });
    await show(result.image, result.state.step);
    return { history: result.history, ended };
  }

  return {
    element: sheet.element,
    /** What there is to save. */
    get sheet() {
      return sheet;
    },
    get steps() {
      return sheet.steps;
    },
    /** @param {number} step */
    seek: (step) => void sheet.seek(step),
    /**
     * Frames a channel of the grid; false when it is on another page of it.
     * @param {number} channel
     */
    choose(channel) {
      if (channel < first || channel >= first + most) return false;
      sheet.choose(channel - first);
      return true;
    },
    /**
     * The channels of the layer in question in one batch, as many as fit.
     * @param {Making} making
     */
    async grid(making) {
      const { name, shape } = app.layer;
      const chosen = Math.min(app.store.get().channel, shape[0] - 1);
      const [, depth, rows, columns] = app.net.input.shape;
      const shrink = Math.min(1, GRID_SIDE / Math.max(rows, columns));
      const size = /** @type {[number, number]} */ (
        [rows, columns].map((length) => Math.round(length * shrink))
      );
      most = Math.min(MOST_CHANNELS, Math.floor(GRID_VALUES / (depth * size[0] * size[1])));
      first = Math.floor(chosen / most) * most;
      const count = Math.min(most, shape[0] - first);
      const channels = Array.from({ length: count }, (_, index) => first + index);
      sheet.lay(channels.map((channel) => `channel ${channel}`));
      sheet.choose(chosen - first);
      await grow(making, {
        ...making.settings,
        objectives: channels.map((channel) => ({ layer: name, channel })),
        size,
        steps: GRID_STEPS,
      });
      return { first, count, of: shape[0] };
    },
    /**
     * What layers still know of the picture: pictures that give the same values there, a layer for each block.
     * @param {Making} making
     */
    async layers(making) {
      const known = app.net.layers.filter((layer) => !["input", "softmax"].includes(layer.op));
      const shown = groups(known).map((group) => group.shown);
      sheet.deal(["The picture", ...shown.map((layer) => layer.name)]);
      await sheet.place({ step: 0, first: 0, pictures: [app.seen] });
      for (const [index, layer] of shown.entries()) {
        const { [layer.name]: content } = await app.net.activations(app.input, [layer.name], {
          signal: making.signal,
        });
        const square = content.data.reduce((sum, value) => sum + value * value, 0);
        const weight = -NEARNESS / Math.max(square / content.data.length, 1e-12);
        const { decay: _, ...settings } = making.settings;
        const { history, ended } = await grow(
          making,
          { ...settings, ...INVERSION, objective: { layer: layer.name, content, weight } },
          {
            from: index + 1,
            before: index * INVERSION.steps,
            total: shown.length * INVERSION.steps,
            every: 16,
          },
        );
        const left = (history.at(-1) ?? 0) / -NEARNESS;
        sheet.caption(index + 1, `${layer.name}: ${percent(Math.min(1, left))}`);
        if (ended) return;
      }
    },
    /**
     * The same picture with each of its settings changed by itself.
     * @param {Making & { objective: Objective, init: SynthesisOptions["init"] }} making
     * @returns {Promise<number>} how many there are
     */
    async switches(making) {
      const { objective, init, steps } = making;
      const ways = variants(making.settings);
      sheet.deal(ways.map((way) => way.label));
      for (const [index, way] of ways.entries()) {
        const { history, ended } = await grow(
          making,
          { ...way.settings, objective, init, steps },
          { from: index, before: index * steps, total: ways.length * steps, every: 8 },
        );
        sheet.caption(index, `${way.label} (${number(history.at(-1) ?? 0, 3)})`);
        if (ended) break;
      }
      return ways.length;
    },
    /**
     * The way from one objective to another, in one batch.
     * @param {Making & { from: Objective, to: Objective, names: [string, string] }} making
     */
    async between(making) {
      const { from, to, names, steps } = making;
      const shares = Array.from({ length: BETWEEN }, (_, index) => index / (BETWEEN - 1));
      sheet.deal(
        shares.map((share) => {
          if (share === 0) return names[0];
          return share === 1 ? names[1] : `${100 * (1 - share)} % · ${100 * share} %`;
        }),
      );
      const objectives = shares.map((share) => [...scaled(from, 1 - share), ...scaled(to, share)]);
      await grow(making, { ...making.settings, objectives, steps });
    },
    /**
     * Pictures of one objective, first each for itself, then kept apart at a layer.
     * @param {Making & { objective: Objective, layer: string }} making
     */
    async diverse(making) {
      const { objective, layer, steps, settings } = making;
      const numbers = Array.from({ length: APART }, (_, index) => index + 1);
      sheet.deal([
        ...numbers.map((place) => `${place}, by itself`),
        ...numbers.map((place) => `${place}, kept apart`),
      ]);
      const options = { ...settings, copies: 1, objective, count: APART, steps };
      const total = 2 * steps;
      const { history, ended } = await grow(making, options, { total });
      if (ended) return;
      const diversity = LIKENESS * Math.abs((history.at(-1) ?? 0) / APART);
      const apart = { ...options, diversity, diversityLayer: layer };
      await grow(making, apart, { from: APART, before: steps, total });
    },
  };
}
