/**
 * Gram matrices beside each other on one scale: the content's, the style's, and the picture's as it changes.
 * @module
 */

import { h } from "../widgets/dom.js";
import { number } from "../widgets/format.js";
import { createLegend } from "../widgets/legend.js";
import { createLink, createPixels } from "../widgets/pixels.js";
import { figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {"style" | "result" | "content"} Name
 */

/** Share of the largest entries that the scale's ends may leave out. */
const OUTSIDE = 0.01;

/**
 * The size that all but a few entries stay below.
 * @param {Tensor[]} matrices
 */
export function reach(matrices) {
  const sizes = Float32Array.from(
    matrices.flatMap(({ data }) => Array.from(data, Math.abs)),
  ).sort();
  return sizes[Math.floor((sizes.length - 1) * (1 - OUTSIDE))] || 1;
}

/**
 * @param {{ app: Session, names?: [Name, string][], signal: AbortSignal }} options
 */
export function createGrams({
  app,
  names = [
    ["style", "G of the style"],
    ["result", "G of the result"],
    ["content", "G of the content"],
  ],
  signal,
}) {
  const link = createLink();
  const legend = createLegend(app.scope);
  const told = h("p", { class: "gram-told", role: "status" });
  /** @type {Partial<Record<Name, Tensor>>} */
  const matrices = {};
  const sights = names.map(([name, label]) => {
    const pixels = createPixels({ label, link, onHover: tell, signal });
    return { name, label, pixels, sight: figure(pixels.element, label) };
  });
  const element = h(
    "div",
    { class: "grams" },
    ...sights.map(({ sight }) => sight.element),
    h("div", { class: "gram-key" }, legend.element, told),
  );
  let high = 1;
  let layer = "";

  /** @param {import("../widgets/pixels.js").Cell | null} cell */
  function tell(cell) {
    if (!cell) {
      told.textContent = `Layer ${layer}: point at an entry for its two channels.`;
      return;
    }
    const { x: j, y: i } = cell;
    const values = sights.flatMap(({ name }) => {
      const matrix = matrices[name];
      const channels = matrix?.shape[0] ?? 0;
      const value = matrix?.data[i * channels + j];
      return value === undefined ? [] : [`${name} ${number(value)}`];
    });
    const pair = i === j ? `channel ${i} with itself` : `channels ${i} and ${j}`;
    told.textContent = `G of ${pair}: ${values.join(" · ")}`;
  }

  /** @param {Name} name */
  async function draw(name) {
    const matrix = matrices[name];
    const at = sights.find((each) => each.name === name);
    if (!matrix || !at) return;
    const [channels] = matrix.shape;
    const { bitmap } = await app.scope.paint(
      { data: matrix.data, shape: [1, 1, channels, channels] },
      { map: "diverging", scale: [-high, high] },
    );
    if (matrices[name] !== matrix || signal.aborted) return;
    at.pixels.show({ width: channels, height: channels, layers: [{ bitmap }], smooth: false });
  }

  return {
    element,
    /**
     * What does not change in a run, and the scale of all.
     * @param {string} name of the layer
     * @param {Partial<Record<Name, Tensor>>} known
     */
    begin(name, known) {
      layer = name;
      for (const each of sights) delete matrices[each.name];
      Object.assign(matrices, known);
      high = reach(Object.values(known));
      legend.show({ map: "diverging", low: -high, high, note: `${name}, F Fᵀ / (H·W)` });
      tell(null);
      for (const { name: each } of sights) void draw(each);
    },
    /** @param {Tensor} matrix */
    result(matrix) {
      matrices.result = matrix;
      void draw("result");
    },
  };
}

/** @typedef {ReturnType<typeof createGrams>} Grams */
