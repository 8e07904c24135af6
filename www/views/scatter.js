/**
 * A small map of points in the colours of their classes; those that are wrong are crosses.
 * @module
 */

import { h, pixelRatio, redrawer } from "../widgets/dom.js";
import { classColor } from "../widgets/palette.js";

/** Radius of a point in CSS pixels. */
const RADIUS = 3;

/**
 * @param {{ label: string, signal: AbortSignal }} options
 */
export function createScatter({ label, signal }) {
  const canvas = h("canvas", { role: "img", "aria-label": label });
  const element = h("div", { class: "scatter" }, canvas);
  /** @type {{ points: Float32Array, classes: ArrayLike<number>, wrong?: (index: number) => boolean } | null} */
  let sight = null;

  function draw() {
    const ratio = pixelRatio();
    canvas.width = Math.round(element.clientWidth * ratio);
    canvas.height = Math.round(element.clientHeight * ratio);
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

  const redraw = redrawer(element, draw, signal);

  return {
    element,
    /** @param {NonNullable<typeof sight> | null} next `points` are x, y, x, y, … */
    show(next) {
      sight = next;
      if (next) redraw();
      else canvas.width = 0;
    },
  };
}
