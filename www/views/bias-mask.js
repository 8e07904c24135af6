/**
 * Arithmetic with a mask of what should matter: shares of a map, and pictures on another background.
 * @module
 */

/** @typedef {import("../convscope.js").Tensor} Tensor */

/**
 * The size of a map at each pixel: Σ |value| over channels.
 * @param {Tensor} tensor `[1, C, H, W]`
 */
export function magnitudes({ data, shape }) {
  const [, channels, height, width] = shape;
  const plane = new Float32Array(height * width);
  for (let channel = 0; channel < channels; channel += 1)
    for (let pixel = 0; pixel < plane.length; pixel += 1)
      plane[pixel] += Math.abs(data[channel * plane.length + pixel]);
  return plane;
}

/**
 * The share of a map outside the mask, the mask's share of the picture, and whether the map's greatest value is on it.
 * @param {Float32Array} plane
 * @param {Uint8Array} mask
 */
export function shares(plane, mask) {
  let outside = 0;
  let total = 0;
  let best = 0;
  for (const [pixel, value] of plane.entries()) {
    total += value;
    if (!mask[pixel]) outside += value;
    if (value > plane[best]) best = pixel;
  }
  const area = mask.reduce((sum, inside) => sum + inside, 0) / mask.length;
  return { outside: total > 0 ? outside / total : 0, area, hit: mask[best] === 1 };
}

/**
 * A picture's values with what is outside the mask replaced.
 * @param {Tensor} picture `[1, C, H, W]`
 * @param {Uint8Array} mask
 * @param {"blurred" | "grey" | "swapped"} kind grey is the picture's own mean
 * @param {Tensor} swap the picture that takes the place of the background
 */
export function onBackground({ data, shape }, mask, kind, swap) {
  const [, channels, height, width] = shape;
  const size = height * width;
  const result = data.slice();
  for (let channel = 0; channel < channels; channel += 1) {
    const plane = data.subarray(channel * size, (channel + 1) * size);
    const mean = plane.reduce((sum, value) => sum + value, 0) / size;
    const soft = kind === "blurred" ? blur(plane, height, width) : plane;
    for (let pixel = 0; pixel < size; pixel += 1) {
      if (mask[pixel]) continue;
      const other = kind === "grey" ? mean : soft[pixel];
      result[channel * size + pixel] =
        kind === "swapped" ? swap.data[channel * size + pixel] : other;
    }
  }
  return result;
}

/**
 * Three box means one after another, which come close to a Gaussian.
 * @param {Float32Array} plane
 * @param {number} height
 * @param {number} width
 */
function blur(plane, height, width) {
  const radius = Math.max(1, Math.round(Math.min(height, width) / 20));
  let values = plane.slice();
  for (let round = 0; round < 3; round += 1)
    values = means(means(values, height, width, width, 1, radius), width, height, 1, width, radius);
  return values;
}

/**
 * Means over a line's neighbours, along lines of `length` values that are `step` apart; there are `lines`, `stride` apart.
 * @param {Float32Array} values
 * @param {number} lines
 * @param {number} length
 * @param {number} stride
 * @param {number} step
 * @param {number} radius
 */
function means(values, lines, length, stride, step, radius) {
  const result = new Float32Array(values.length);
  for (let line = 0; line < lines; line += 1) {
    const at = (/** @type {number} */ place) =>
      values[line * stride + Math.min(Math.max(place, 0), length - 1) * step];
    let sum = 0;
    for (let place = -radius; place <= radius; place += 1) sum += at(place);
    for (let place = 0; place < length; place += 1) {
      result[line * stride + place * step] = sum / (2 * radius + 1);
      sum += at(place + radius + 1) - at(place - radius);
    }
  }
  return result;
}
