/**
 * The key to a colour map: its colours from low to high with the numbers at the ends, and zero where it lies between.
 * @module
 */

import { h, pixelRatio } from "./dom.js";
import { number } from "./format.js";

/**
 * @typedef {import("../convscope.js").Scope} Scope
 * @typedef {"gray" | "sequential" | "diverging"} ColourMap
 */

/**
 * `show` paints the colours by the same code that paints the maps, so that the key cannot differ from the sight.
 * @param {Scope} scope
 */
export function createLegend(scope) {
  const canvas = h("canvas", { class: "ramp", "aria-hidden": true });
  const low = h("span", { class: "number" });
  const high = h("span", { class: "number" });
  const note = h("span", { class: "muted" });
  const element = h(
    "div",
    { class: "legend", role: "img" },
    h("span", { class: "scale" }, low, canvas, high),
    note,
  );
  let shown = "";

  /** @param {ColourMap} map */
  async function paint(map) {
    const steps = 256;
    const data = Float32Array.from({ length: steps }, (_, index) => index);
    const { bitmap } = await scope.paint(
      { data, shape: [1, 1, 1, steps] },
      { map, scale: [0, steps - 1] },
    );
    if (shown !== map) return;
    const context = canvas.getContext("2d");
    canvas.width = Math.round(150 * pixelRatio());
    canvas.height = Math.round(10 * pixelRatio());
    context?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  }

  return {
    element,
    /**
     * @param {{ map: ColourMap, low: number, high: number, note?: string, label?: string }} key `low` and `high` are the
     *   values at the ends; `label` says what they measure
     */
    show({ map, low: from, high: to, note: words = "", label = "Colours" }) {
      low.textContent = number(from);
      high.textContent = number(to);
      note.textContent = words;
      element.setAttribute(
        "aria-label",
        `${label}: from ${number(from)} to ${number(to)}. ${words}`,
      );
      if (shown === map) return;
      shown = map;
      void paint(map);
    },
    /**
     * For maps that each have their own range.
     * @param {{ map: ColourMap, low: string, high: string, note?: string }} key
     */
    words({ map, low: from, high: to, note: words = "" }) {
      low.textContent = from;
      high.textContent = to;
      note.textContent = words;
      element.setAttribute("aria-label", `Colours: from ${from} to ${to}. ${words}`);
      if (shown === map) return;
      shown = map;
      void paint(map);
    },
  };
}
