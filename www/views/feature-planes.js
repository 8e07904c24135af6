/**
 * The channels of a layer as planes: how strong each is, in which order they are shown, and how their numbers become
 * colours. Plain data, no drawing.
 * @module
 */

import { clipAt } from "./reduce.js";

/**
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {"each" | "layer" | "network"} Scale whose range the colours span: of each map, of the layer, of all layers
 * @typedef {"mean" | "max"} Strength
 * @typedef {{ data: Float32Array, channels: number, height: number, width: number }} Planes
 * @typedef {{ tensor: Tensor, map: "sequential" | "diverging", scale: [number, number], most: number }} Ready what
 *   `scope.paint` needs; `most` is the value of the strongest colour, 1 where every map has its own
 */

/**
 * `[1, C, H, W]`, or a vector `[1, K]`, as C planes.
 * @param {Tensor} tensor
 * @returns {Planes}
 */
export function planesOf({ data, shape }) {
  const [channels, height, width] = [...shape.slice(1), 1, 1, 1];
  return { data, channels, height, width };
}

/**
 * One plane, as a window on the numbers.
 * @param {Planes} planes
 * @param {number} channel
 */
export function plane({ data, height, width }, channel) {
  return data.subarray(channel * height * width, (channel + 1) * height * width);
}

/**
 * The mean or the largest absolute value of each plane.
 * @param {Planes} planes
 * @param {Strength} how
 */
export function strengths(planes, how) {
  const size = planes.height * planes.width;
  const found = new Float64Array(planes.channels);
  for (let channel = 0; channel < planes.channels; channel += 1) {
    let most = 0;
    let sum = 0;
    for (const value of plane(planes, channel)) {
      const strength = Math.abs(value);
      sum += strength;
      if (strength > most) most = strength;
    }
    found[channel] = how === "max" ? most : sum / size;
  }
  return found;
}

/**
 * The planes by strength, strongest first; equals by index.
 * @param {ArrayLike<number>} strength
 */
export function byStrength(strength) {
  const order = Array.from({ length: strength.length }, (_, index) => index);
  return order.sort((a, b) => strength[b] - strength[a] || a - b);
}

/**
 * Whether there are values on both sides of zero, as before a rectifier.
 * @param {ArrayLike<number>} values
 */
export function isSigned(values) {
  for (let index = 0; index < values.length; index += 1) if (values[index] < 0) return true;
  return false;
}

/**
 * The largest absolute value, or the one below which `percentile` per cent lie.
 * @param {Float32Array} values
 * @param {number} [percentile]
 */
export function largest(values, percentile = 100) {
  const clipped = percentile < 100 ? clipAt(values, percentile) : 0;
  if (clipped > 0) return clipped;
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
}

/**
 * Planes ready to paint. Zero keeps its colour in every case: it is the dark end of rectified maps and the middle of
 * signed ones, so a map that is zero everywhere looks like nothing, whatever the scale.
 * @param {Planes} planes
 * @param {{ scale: Scale, signed: boolean, most: number }} how `most` is the largest value of layer or network
 * @returns {Ready}
 */
export function ready(planes, { scale, signed, most }) {
  const { channels, height, width } = planes;
  const shape = [1, channels, height, width];
  const map = signed ? "diverging" : "sequential";
  const own = scale === "each" && height * width > 1;
  const top = own ? 1 : most || 1;
  const data = own ? stretched(planes) : planes.data;
  return { tensor: { data, shape }, map, scale: [signed ? -top : 0, top], most: top };
}

/**
 * Every plane divided by its own largest absolute value.
 * @param {Planes} planes
 */
function stretched(planes) {
  const data = new Float32Array(planes.data.length);
  const size = planes.height * planes.width;
  for (let channel = 0; channel < planes.channels; channel += 1) {
    const from = plane(planes, channel);
    const most = largest(from) || 1;
    for (let index = 0; index < size; index += 1) data[channel * size + index] = from[index] / most;
  }
  return data;
}
