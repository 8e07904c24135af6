/**
 * A small map of points in the colours of their classes; those that are wrong are crosses.
 * @module
 */

import { h, pixelRatio, redrawer } from "../widgets/dom.js";
import { classColor } from "../widgets/palette.js";
import { createSaves } from "../widgets/save.js";
import { drawing } from "./embedding-save.js";

/**
 * @typedef {{ points: Float32Array, classes: ArrayLike<number>, name: (index: number) => string, wrong?: (index: number) => boolean }} Sight
 *   `points` are x, y, x, y, …; `name` is what a point's class is called
 */

/** Radius of a point in CSS pixels. */
const RADIUS = 3;

/**
 * @param {{ label: string, file: string, signal: AbortSignal }} options `file` is what it is saved as
 */
export function createScatter({ label, file, signal }) {
  const canvas = h("canvas", { role: "img", "aria-label": label });
  const box = h("div", { class: "scatter" }, canvas);
  const saves = createSaves({ art, rows, name: () => file, signal });
  saves.hidden = true;
  const element = h("div", { class: "small-map" }, box, saves);
  /** @type {Sight | null} */
  let sight = null;

  function art() {
    if (!sight) return null;
    const { points, classes, wrong } = sight;
    const indices = Array.from({ length: points.length / 2 }, (_, index) => index);
    const marked = Uint8Array.from(indices, (index) => (wrong?.(index) ? 1 : 0));
    return drawing({ points, indices, classes, wrong: marked }, 5);
  }

  /** A row a point. */
  function rows() {
    const { points = new Float32Array(), name, wrong } = sight ?? {};
    const each = Array.from({ length: points.length / 2 }, (_, index) => [
      index,
      points[2 * index],
      points[2 * index + 1],
      name?.(index) ?? "",
      ...(wrong ? [Number(wrong(index))] : []),
    ]);
    return [["index", "x", "y", "class", ...(wrong ? ["wrong"] : [])], ...each];
  }

  function draw() {
    const ratio = pixelRatio();
    canvas.width = Math.round(box.clientWidth * ratio);
    canvas.height = Math.round(box.clientHeight * ratio);
    const context = canvas.getContext("2d");
    if (!context || !sight || canvas.width === 0) return;
    const { points, classes, wrong } = sight;
    const xs = points.filter((_, index) => index % 2 === 0);
    const ys = points.filter((_, index) => index % 2 === 1);
    const [left, right] = [Math.min(...xs), Math.max(...xs)];
    const [low, high] = [Math.min(...ys), Math.max(...ys)];
    const edge = 2 * RADIUS * ratio;
    const radius = RADIUS * ratio;
    for (const [index, value] of xs.entries()) {
      const x = edge + ((value - left) / (right - left || 1)) * (canvas.width - 2 * edge);
      const y = edge + ((high - ys[index]) / (high - low || 1)) * (canvas.height - 2 * edge);
      context.fillStyle = classColor(classes[index]);
      context.strokeStyle = context.fillStyle;
      context.beginPath();
      if (wrong?.(index)) {
        context.lineWidth = 1.5 * ratio;
        context.moveTo(x - radius, y - radius);
        context.lineTo(x + radius, y + radius);
        context.moveTo(x - radius, y + radius);
        context.lineTo(x + radius, y - radius);
        context.stroke();
      } else {
        context.arc(x, y, radius, 0, 2 * Math.PI);
        context.fill();
      }
    }
  }

  const redraw = redrawer(box, draw, signal);

  return {
    element,
    /** @param {Sight | null} next */
    show(next) {
      sight = next;
      saves.hidden = next === null;
      if (next) redraw();
      else canvas.width = 0;
    },
  };
}
