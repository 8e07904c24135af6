/**
 * The numbers behind the view of kernels: ranges, bytes, and kernels made by rule.
 * @module
 */

import { extent } from "./reduce.js";

/**
 * @typedef {"each" | "layer" | "signed"} Scale
 * @typedef {"sobel_x" | "sobel_y" | "blur" | "sharpen" | "identity" | "negate" | "zero"} Preset
 */

/**
 * The range that is spread over [0, 255].
 * @param {Scale} scale
 * @param {Float32Array} kernel all weights of one output channel
 * @param {Float32Array} layer all weights of the layer
 * @returns {[number, number]}
 */
export function range(scale, kernel, layer) {
  if (scale === "each") return extent(kernel);
  const [low, high] = extent(layer);
  if (scale === "layer") return [low, high];
  const most = Math.max(-low, high);
  return [-most, most];
}

/**
 * The byte for a weight: round(255·(w − low)/(high − low)), 128 where all weights are equal.
 * @param {number} weight
 * @param {[number, number]} range
 */
export function byte(weight, [low, high]) {
  if (high === low) return 128;
  return Math.round(255 * Math.min(1, Math.max(0, (weight - low) / (high - low))));
}

/**
 * Row `order` of Pascal's triangle: the smoothing filter of Sobel's kernels.
 * @param {number} order
 */
function binomial(order) {
  let row = [1];
  for (let step = 0; step < order; step += 1)
    row = [...row, 0].map((value, index) => value + (row[index - 1] ?? 0));
  return row;
}

/**
 * The derivative that belongs to {@link binomial}: for three taps −1, 0, 1.
 * @param {number} taps
 */
function derivative(taps) {
  if (taps < 2) return [0];
  const smooth = binomial(taps - 2);
  return Array.from(
    { length: taps },
    (_, index) => (smooth[index - 1] ?? 0) - (smooth[index] ?? 0),
  );
}

/**
 * A kernel made by rule. All but `negate`, `zero` and `identity` are scaled to the sum of absolute weights of the kernel
 * they replace, so that the layers behind see values of the size they know; `identity` too.
 * @param {Preset} preset
 * @param {Float32Array} old `height` × `width` weights
 * @param {number} height
 * @param {number} width
 * @returns {Float32Array}
 */
export function made(preset, old, height, width) {
  if (preset === "negate") return old.map((weight) => -weight);
  if (preset === "zero") return new Float32Array(old.length);
  const next = shape(preset, height, width);
  const total = (/** @type {Float32Array} */ values) =>
    values.reduce((sum, value) => sum + Math.abs(value), 0);
  const size = total(next);
  const wanted = total(old) || 1;
  return size === 0 ? next : next.map((value) => (value * wanted) / size);
}

/**
 * @param {Preset} preset
 * @param {number} height
 * @param {number} width
 */
function shape(preset, height, width) {
  const rows = preset === "sobel_y" ? derivative(height) : binomial(height - 1);
  const columns = preset === "sobel_x" ? derivative(width) : binomial(width - 1);
  const product = Float32Array.from(
    { length: height * width },
    (_, index) => rows[Math.floor(index / width)] * columns[index % width],
  );
  const middle = Math.floor((height - 1) / 2) * width + Math.floor((width - 1) / 2);
  const point = Float32Array.from(product, (_, index) => (index === middle ? 1 : 0));
  if (preset === "identity") return point;
  if (preset !== "sharpen") return product;
  const sum = product.reduce((total, value) => total + value, 0);
  return point.map((value, index) => 2 * value - product[index] / sum);
}
