/**
 * A map as a file: the points as SVG or CSV.
 * @module
 */

import { classColor } from "../widgets/palette.js";
import { csvText } from "../widgets/save.js";

/**
 * @typedef {import("./embedding-data.js").PointSet} PointSet
 * @typedef {{ points: Float32Array, indices: number[], set: PointSet, classes: ArrayLike<number> | null, predicted: ArrayLike<number> | null, wrong: Uint8Array | null, labels: readonly string[] }} Plot `classes` colours the points; `labels` names the predicted classes
 */

/**
 * A row a point: its number, place, label and prediction.
 * @param {Plot} plot
 */
export function csv({ points, indices, set, predicted, labels }) {
  const rows = indices.map((index, at) => {
    const label = set.labels ? (set.classes[set.labels[index]] ?? "") : "";
    const said = predicted ? (labels[predicted[index]] ?? "") : "";
    const name = set.names?.[index] ?? "";
    return [index, points[2 * at], points[2 * at + 1], label, said, name];
  });
  return csvText([["index", "x", "y", "label", "prediction", "name"], ...rows]);
}

/**
 * Points as circles, wrong ones as crosses.
 * @param {Pick<Plot, "points" | "indices" | "classes" | "wrong">} plot
 * @param {number} [radius]
 */
export function drawing({ points, indices, classes, wrong }, radius = 3) {
  const size = 800;
  const xs = indices.map((_, at) => points[2 * at]);
  const ys = indices.map((_, at) => points[2 * at + 1]);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const scale = (size - 40) / Math.max(right - left, high - low, 1e-12);
  const tall = Math.ceil((high - low) * scale + 40);
  const shapes = indices.map((index, at) => {
    const x = (20 + (xs[at] - left) * scale).toFixed(1);
    const y = (tall - 20 - (ys[at] - low) * scale).toFixed(1);
    const color = classColor(classes ? classes[index] : 0);
    return wrong?.[index]
      ? `<path d="M${x} ${y}m-4-4l8 8m0-8l-8 8" stroke="${color}" stroke-width="2"/>`
      : `<circle cx="${x}" cy="${y}" r="${radius}" fill="${color}"/>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${tall}" width="${size}" height="${tall}">\n${shapes.join("\n")}\n</svg>\n`;
}
