/**
 * Patches cut out of pictures: which pixels, and the drawing of many into one atlas.
 * @module
 */

/**
 * @typedef {import("../convscope.js").Layer} Layer
 * @typedef {import("../convscope.js").Hit} Hit
 * @typedef {import("../convscope.js").Window} Window
 * @typedef {import("../convscope.js").ReceptiveField} Field
 * @typedef {import("./kernel-set.js").PictureSet} PictureSet
 * @typedef {"picture" | "field" | "core"} Cut
 * @typedef {{ y: number, x: number, height: number, width: number }} Box may reach over the picture's border
 */

const BEYOND = "rgb(128 128 128 / 0.25)";

/**
 * What a unit can see by the network's geometry, also beyond the border.
 * @param {Layer} layer
 * @param {Hit} hit
 * @returns {Box}
 */
export function fieldBox({ receptiveField: { size, stride, start } }, { y, x }) {
  return {
    y: start[0] + y * stride[0],
    x: start[1] + x * stride[1],
    height: size[0],
    width: size[1],
  };
}

/**
 * The pixels to cut for a hit: the whole picture, what the unit can see, or the measured part of that, which is the same
 * box around each unit.
 * @param {Cut} cut
 * @param {Layer} layer
 * @param {Hit} hit
 * @param {readonly [number, number]} picture its height and width
 * @param {Box | null} core relative to what the unit can see, see {@link commonCore}
 * @returns {Box}
 */
export function patchBox(cut, layer, hit, [height, width], core) {
  const whole = { y: 0, x: 0, height, width };
  const field = fieldBox(layer, hit);
  if (cut === "core" && core) return { ...core, y: field.y + core.y, x: field.x + core.x };
  if (cut === "picture" || field.height >= height || field.width >= width) return whole;
  return field;
}

/**
 * One square for all hits: about the middle of their measured boxes on each side, relative to what the unit can see.
 * @param {Layer} layer
 * @param {readonly { hit: Hit, field: Field }[]} measured
 * @returns {Box | null}
 */
export function commonCore(layer, measured) {
  /** @type {Box[]} */
  const boxes = [];
  for (const { hit, field } of measured) {
    if (!field.core) continue;
    const { y, x } = fieldBox(layer, hit);
    boxes.push({ ...field.core, y: field.core.y - y, x: field.core.x - x });
  }
  if (boxes.length === 0) return null;
  const middle = (/** @type {number[]} */ values) =>
    values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
  const y = middle(boxes.map((box) => box.y));
  const x = middle(boxes.map((box) => box.x));
  const height = middle(boxes.map((box) => box.y + box.height)) - y;
  const width = middle(boxes.map((box) => box.x + box.width)) - x;
  const side = Math.max(1, height, width);
  return {
    y: y - Math.floor((side - height) / 2),
    x: x - Math.floor((side - width) / 2),
    height: side,
    width: side,
  };
}

/**
 * Draws patches side by side; what lies beyond a picture's border is a plain grey.
 * @param {PictureSet} set
 * @param {readonly { hit: Hit, box: Box }[]} patches of one size
 * @param {number} largest pixels of a tile's longer side at most
 */
export async function drawPatches(set, patches, largest) {
  const [first] = patches;
  const scale = Math.min(1, largest / Math.max(first.box.height, first.box.width));
  const width = Math.max(1, Math.round(first.box.width * scale));
  const height = Math.max(1, Math.round(first.box.height * scale));
  const columns = Math.ceil(Math.sqrt(patches.length));
  const rows = Math.ceil(patches.length / columns);
  const canvas = new OffscreenCanvas(columns * width, rows * height);
  const context = canvas.getContext("2d");
  const bitmaps = await Promise.all(patches.map(({ hit }) => set.bitmap(hit.picture)));
  if (!context) throw new Error("This browser gave no canvas to draw patches on.");
  context.fillStyle = BEYOND;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = scale < 1;
  context.imageSmoothingQuality = "high";
  for (const [place, { box }] of patches.entries()) {
    const left = (place % columns) * width;
    const top = Math.floor(place / columns) * height;
    const bitmap = bitmaps[place];
    // Cut at the border by hand: what a source rectangle outside the picture means differs.
    const y = Math.max(0, box.y);
    const x = Math.max(0, box.x);
    const bottom = Math.min(bitmap.height, box.y + box.height);
    const right = Math.min(bitmap.width, box.x + box.width);
    if (bottom <= y || right <= x) continue;
    const across = width / box.width;
    const down = height / box.height;
    context.drawImage(
      bitmap,
      x,
      y,
      right - x,
      bottom - y,
      left + (x - box.x) * across,
      top + (y - box.y) * down,
      (right - x) * across,
      (bottom - y) * down,
    );
  }
  return { bitmap: canvas.transferToImageBitmap(), columns, rows, tile: [height, width] };
}

/**
 * The mean of measured fields around the unit, each with sum 1: how its sensitivity falls off on these pictures.
 * @param {Layer} layer
 * @param {readonly { hit: Hit, field: Field }[]} measured
 * @param {readonly [number, number]} picture its height and width
 * @returns {import("../convscope.js").Tensor} `[1, 1, h, w]`, with the unit in the middle
 */
export function meanField(layer, measured, picture) {
  const [height, width] = picture.map((extent, axis) =>
    Math.min(extent, layer.receptiveField.size[axis]),
  );
  const mean = new Float32Array(height * width);
  for (const { hit, field } of measured) {
    const total = field.map.data.reduce((sum, value) => sum + value, 0);
    if (total === 0) continue;
    const box = fieldBox(layer, hit);
    const top = box.y + Math.floor((box.height - height) / 2);
    const left = box.x + Math.floor((box.width - width) / 2);
    for (let row = 0; row < height; row += 1) {
      for (let column = 0; column < width; column += 1) {
        const [y, x] = [top + row, left + column];
        if (y < 0 || x < 0 || y >= picture[0] || x >= picture[1]) continue;
        mean[row * width + column] += field.map.data[y * picture[1] + x] / total;
      }
    }
  }
  return { data: mean, shape: [1, 1, height, width] };
}
