/**
 * Dots on a picture: their colours, their text in a link, their paint; and the map of single pixels where it has gaps.
 * @module
 */

/**
 * @typedef {import("../convscope.js").Net} Net
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {{ x: number, y: number, color: number[], name: string }} Dot in pixels; `color` in pixel units
 */

export const HUES = /** @type {const} */ ([
  ["black", [0, 0, 0]],
  ["white", [1, 1, 1]],
  ["red", [1, 0, 0]],
  ["yellow", [1, 1, 0]],
  ["green", [0, 1, 0]],
  ["cyan", [0, 1, 1]],
  ["blue", [0, 0, 1]],
  ["magenta", [1, 0, 1]],
]);

/**
 * The dots that a text names, those within a picture.
 * @param {string} text
 * @param {Tensor} input
 * @returns {Dot[]}
 */
export function readDots(text, { shape: [, , height, width] }) {
  const names = HUES.map(([name]) => name);
  return text
    .split(";")
    .map((part) => part.split(","))
    .filter((part) => part.length === 3 && names.includes(/** @type {any} */ (part[2])))
    .map(([x, y, name]) => ({
      x: Number(x),
      y: Number(y),
      name,
      color: [...(HUES.find(([each]) => each === name)?.[1] ?? [])],
    }))
    .filter(({ x, y }) => x >= 0 && y >= 0 && x < width && y < height);
}

/** @param {{ x: number, y: number, name: string }[]} list */
export function writeDots(list) {
  return list.map(({ x, y, name }) => `${x},${y},${name}`).join(";");
}

/**
 * Paints a dot into a picture in model space.
 * @param {Net} net
 * @param {Tensor} tensor
 * @param {Dot} dot
 * @param {number} side
 */
export function dab(net, { data, shape }, { x, y, color }, side) {
  const [, channels, height, width] = shape;
  const { mean = [], std = [], channels: order } = net.input.preprocess ?? {};
  for (let c = 0; c < channels; c += 1) {
    const value = color[order === "bgr" ? 2 - c : c] ?? color[0];
    for (let row = y; row < Math.min(y + side, height); row += 1)
      for (let column = x; column < Math.min(x + side, width); column += 1)
        data[(c * height + row) * width + column] = (value - (mean[c] ?? 0)) / (std[c] ?? 1);
  }
}

/**
 * Values on the grid with those that are missing taken from the coarser place they belong to.
 * @param {Tensor} fall
 * @returns {Tensor}
 */
export function spread({ data, shape }) {
  const [, , rows, columns] = shape;
  const filled = data.slice();
  for (let y = 0; y < rows; y += 1)
    for (let x = 0; x < columns; x += 1) {
      const place = y * columns + x;
      for (const coarse of [2, 4]) {
        if (!Number.isNaN(filled[place])) break;
        filled[place] = data[(y - (y % coarse)) * columns + x - (x % coarse)];
      }
      if (Number.isNaN(filled[place])) filled[place] = 0;
    }
  return { data: filled, shape };
}
