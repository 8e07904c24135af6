/**
 * The planted shortcut of the page: a white mark in the corner that gives coats away.
 * @module
 */

/**
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("../convscope.js").Area} Area
 */

/** The class that `fashion-biased` knows by its mark. */
export const COAT = 4;

/** Where the mark is. @type {Area} */
export const MARK = { top: 1, left: 1, height: 3, width: 3 };

/** Black and white in the model space of `fashion`. */
export const BLACK = -0.286 / 0.353;
export const WHITE = (1 - 0.286) / 0.353;

/**
 * Pictures painted over in a rectangle, as a copy.
 * @param {Tensor} images `[N, C, H, W]`
 * @param {Area} area
 * @param {number} value in model space
 * @param {(index: number) => boolean} [which] all unless given
 * @returns {Tensor}
 */
export function painted({ data, shape }, area, value, which = () => true) {
  const copy = data.slice();
  const [count, channels, height, width] = shape;
  for (let index = 0; index < count; index += 1) {
    if (!which(index)) continue;
    for (let channel = 0; channel < channels; channel += 1)
      for (let row = area.top; row < Math.min(area.top + area.height, height); row += 1) {
        const start = ((index * channels + channel) * height + row) * width;
        copy.fill(value, start + area.left, start + Math.min(area.left + area.width, width));
      }
  }
  return { data: copy, shape };
}

/**
 * Some pictures of a set, as a copy.
 * @param {Tensor} images `[N, C, H, W]`
 * @param {number[]} indices
 * @returns {Tensor}
 */
export function chosen({ data, shape }, indices) {
  const length = shape.slice(1).reduce((product, extent) => product * extent, 1);
  const copy = new Float32Array(indices.length * length);
  for (const [place, index] of indices.entries())
    copy.set(data.subarray(index * length, (index + 1) * length), place * length);
  return { data: copy, shape: [indices.length, ...shape.slice(1)] };
}
