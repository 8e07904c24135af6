/**
 * A gradient over channels as one map, and the range in which to show it.
 * @module
 */

/**
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {"max" | "sum" | "signed"} Reduction
 */

/**
 * `[1, C, H, W]` to `[1, 1, H, W]`: the largest absolute value over the channels, the sum of absolute values, or the sum
 * with its sign.
 * @param {Tensor} gradient
 * @param {Reduction} reduction
 * @returns {Tensor}
 */
export function reduce({ data, shape }, reduction) {
  const [, channels, height, width] = shape;
  const size = height * width;
  const map = new Float32Array(size);
  for (let channel = 0; channel < channels; channel += 1) {
    for (let index = 0; index < size; index += 1) {
      const value = data[channel * size + index];
      if (reduction === "max") map[index] = Math.max(map[index], Math.abs(value));
      else map[index] += reduction === "sum" ? Math.abs(value) : value;
    }
  }
  return { data: map, shape: [1, 1, height, width] };
}

/**
 * The value below which `percentile` per cent of the absolute values lie, interpolated between neighbours.
 * @param {Float32Array} values
 * @param {number} percentile in [0, 100]
 */
export function clipAt(values, percentile) {
  const sorted = values.map(Math.abs).sort();
  const place = (percentile / 100) * (sorted.length - 1);
  const below = Math.floor(place);
  const next = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[next] - sorted[below]);
}

/**
 * Least and greatest value.
 * @param {ArrayLike<number>} values
 * @returns {[number, number]}
 */
export function extent(values) {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < values.length; index += 1) {
    low = Math.min(low, values[index]);
    high = Math.max(high, values[index]);
  }
  return [low, high];
}
