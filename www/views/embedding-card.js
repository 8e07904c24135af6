/**
 * What is known of one point of a map: its picture, its label, what the network says of it, and its nearest neighbours in
 * the original space.
 * @module
 */

import { h, pixelRatio } from "../widgets/dom.js";
import { percent } from "../widgets/format.js";
import { classColor } from "../widgets/palette.js";

/**
 * @typedef {import("./embedding-data.js").PointSet} PointSet
 * @typedef {import("./embedding-data.js").Sprites} Sprites
 * @typedef {{ index: number, near: number[] }} Point both as numbers within the set
 * @typedef {{ set: PointSet, colors: ArrayLike<number> | null, label: (index: number) => string, said: (index: number) => { label: string, probability: number } | null, wrong: Uint8Array | null }} Known
 */

const LARGE = 84;
const SMALL = 26;

/**
 * @param {Sprites} sprites
 * @param {number} index
 * @param {number} side in CSS pixels
 * @param {string | null} color
 */
function thumb({ sheet, side: tile, columns }, index, side, color) {
  const canvas = h("canvas", { width: side * pixelRatio(), height: side * pixelRatio() });
  canvas.style.width = `${side}px`;
  canvas.style.height = `${side}px`;
  if (color) canvas.style.borderColor = color;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.imageSmoothingEnabled = side < tile;
  const [x, y] = [(index % columns) * tile, Math.floor(index / columns) * tile];
  context.drawImage(sheet, x, y, tile, tile, 0, 0, canvas.width, canvas.height);
  return canvas;
}

export function createCard() {
  const element = h("div", { class: "point-card", "aria-live": "polite" });
  return {
    element,
    /**
     * @param {Known} known
     * @param {Point | null} point
     */
    show({ set, colors, label, said, wrong }, point) {
      if (!point) {
        const what = set.sprites ? "a picture" : "a point";
        element.replaceChildren(
          h(
            "p",
            { class: "muted" },
            `Point at ${what} to see what it is and who its neighbours are; click to keep it.`,
          ),
        );
        return;
      }
      const { index, near } = point;
      const color = (/** @type {number} */ each) => (colors ? classColor(colors[each]) : null);
      const answer = said(index);
      const own = label(index);
      const words = h(
        "div",
        {},
        h("p", {}, own ? h("strong", {}, own) : (set.names?.[index] ?? `point ${index}`)),
        own && set.names ? h("p", { class: "muted small" }, set.names[index]) : null,
        answer
          ? h(
              "p",
              { class: wrong?.[index] ? "wrong" : "muted" },
              `${wrong?.[index] ? "✕ taken for" : "predicted"} ${answer.label}, ${percent(answer.probability)}`,
            )
          : null,
      );
      const agree = own && near.length > 0 ? near.filter((each) => label(each) === own).length : -1;
      const thumbs = near.map((each) => {
        if (!set.sprites) return null;
        const picture = thumb(set.sprites, each, SMALL, color(each));
        picture.title = label(each) || (set.names?.[each] ?? String(each));
        return picture;
      });
      element.replaceChildren(
        h(
          "div",
          { class: "about" },
          set.sprites ? thumb(set.sprites, index, LARGE, color(index)) : null,
          words,
        ),
        h(
          "p",
          { class: "muted small" },
          near.length === 0
            ? ""
            : `Its ${near.length} nearest ${agree < 0 ? "" : `(${agree} of the same class) `}before the map was drawn:`,
        ),
        h("div", { class: "near" }, ...thumbs),
      );
    },
  };
}
