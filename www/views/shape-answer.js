/**
 * An answer between two classes as three bars: the shape's, the texture's, the likeliest other one.
 * @module
 */

import { h } from "../widgets/dom.js";
import { percent } from "../widgets/format.js";

/** @typedef {import("./shape-material.js").Answer} Answer */

const KINDS = /** @type {const} */ (["shape", "texture", "other"]);

export function createAnswer() {
  const rows = KINDS.map((kind) => {
    const name = h("span", { class: "name" });
    const fill = h("span", { class: "fill" });
    const value = h("span", { class: "number" });
    const element = h("li", { class: kind }, name, h("span", { class: "track" }, fill), value);
    return { element, name, fill, value };
  });
  const element = h("ul", { class: "of-two" }, ...rows.map((row) => row.element));

  /** @param {number} index @param {string} name @param {number | null} probability */
  function put(index, name, probability) {
    const row = rows[index];
    row.name.textContent = name;
    row.element.title = name;
    row.fill.style.transform = `scaleX(${probability === null ? 0 : Math.max(probability, 0.004)})`;
    row.value.textContent = probability === null ? "" : percent(probability);
  }

  return {
    element,
    clear() {
      for (const index of KINDS.keys()) put(index, "", null);
    },
    /** @param {Answer} answer @param {[string, string]} names of shape and texture */
    show({ shape, texture, other }, names) {
      put(0, names[0], shape);
      put(1, names[1], texture);
      put(2, other.label, other.probability);
    },
  };
}
