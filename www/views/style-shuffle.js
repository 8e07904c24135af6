/**
 * Shuffling the positions of a layer’s maps leaves its Gram matrix as it is.
 * @module
 */

import { h } from "../widgets/dom.js";
import { number } from "../widgets/format.js";
import { createPixels } from "../widgets/pixels.js";
import { createGrams } from "./style-grams.js";
import { figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../convscope.js").Tensor} Tensor
 */

/**
 * An order of `count` places by a seed (Fisher and Yates).
 * @param {number} count
 * @param {number} seed
 */
export function shuffledOrder(count, seed) {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  let state = (seed + 1) >>> 0;
  for (let last = count - 1; last > 0; last -= 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const other = Math.floor((state / 2 ** 32) * (last + 1));
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}

/**
 * Maps with their positions in another order, the same for all channels.
 * @param {Tensor} maps `[1, C, H, W]`
 * @param {Uint32Array} order
 * @returns {Tensor}
 */
export function reordered({ data, shape }, order) {
  const plane = order.length;
  const moved = new Float32Array(data.length);
  for (let index = 0; index < data.length; index += 1) {
    const place = index % plane;
    moved[index] = data[index - place + order[place]];
  }
  return { data: moved, shape };
}

/**
 * F Fᵀ / (H·W) in plain loops, since what is shuffled is no picture that the network could be shown.
 * @param {Tensor} maps `[1, C, H, W]`
 * @returns {Tensor} `[C, C]`
 */
export function gramOf({ data, shape: [, channels, height, width] }) {
  const plane = height * width;
  const gram = new Float32Array(channels * channels);
  for (let i = 0; i < channels; i += 1)
    for (let j = 0; j <= i; j += 1) {
      let sum = 0;
      for (let k = 0; k < plane; k += 1) sum += data[i * plane + k] * data[j * plane + k];
      gram[i * channels + j] = sum / plane;
      gram[j * channels + i] = sum / plane;
    }
  return { data: gram, shape: [channels, channels] };
}

/** The strongest map of a layer. @param {Tensor} maps */
function strongest({ data, shape: [, channels, height, width] }) {
  const plane = height * width;
  const sums = Array.from({ length: channels }, (_, channel) =>
    data
      .subarray(channel * plane, (channel + 1) * plane)
      .reduce((sum, value) => sum + Math.abs(value), 0),
  );
  return sums.indexOf(Math.max(...sums));
}

/**
 * @param {{ app: Session, signal: AbortSignal }} options
 */
export function createShuffle({ app, signal }) {
  const maps = ["A map as it is", "Its positions shuffled"].map((label) => {
    const pixels = createPixels({ label, signal });
    return { pixels, sight: figure(pixels.element, label) };
  });
  const grams = createGrams({
    app,
    names: [
      ["style", "G as it is"],
      ["result", "G of the shuffled maps"],
    ],
    signal,
  });
  const element = h(
    "div",
    { class: "style-shuffle" },
    h("div", { class: "pair" }, ...maps.map(({ sight }) => sight.element)),
    grams.element,
  );
  return {
    element,
    /**
     * @param {Tensor} input in model space
     * @param {string} layer
     * @param {number} seed
     * @param {AbortSignal} until
     * @returns {Promise<string>} what came of it, in words
     */
    async show(input, layer, seed, until) {
      const { [layer]: found } = await app.net.activations(input, [layer], { signal: until });
      const [, channels, height, width] = found.shape;
      const shuffled = reordered(found, shuffledOrder(height * width, seed));
      const channel = strongest(found);
      const [before, after] = [gramOf(found), gramOf(shuffled)];
      grams.begin(layer, { style: before });
      grams.result(after);
      const plane = height * width;
      for (const [index, tensor] of [found, shuffled].entries()) {
        const data = tensor.data.slice(channel * plane, (channel + 1) * plane);
        const { bitmap } = await app.scope.paint(
          { data, shape: [1, 1, height, width] },
          { map: "gray" },
        );
        maps[index].pixels.show({ width, height, layers: [{ bitmap }] });
        maps[index].sight.caption(
          `Channel ${channel}, ${index ? "positions shuffled" : "as it is"}`,
        );
      }
      const most = before.data.reduce(
        (worst, value, at) => Math.max(worst, Math.abs(value - after.data[at])),
        0,
      );
      const moved = most > 0 ? `moved by more than ${number(most, 2)}, which is rounding` : "moved";
      return `${channels} channels, ${plane} positions shuffled alike: no entry of G ${moved}.`;
    },
  };
}
