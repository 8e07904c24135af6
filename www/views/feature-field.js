/**
 * The receptive field of a unit: the pixels that can reach it, by the layers' geometry alone.
 * @module
 */

/**
 * @typedef {import("../convscope.js").Layer} Layer
 * @typedef {import("../widgets/pixels.js").Box} Box
 * @typedef {{ y: number, x: number }} Place
 * @typedef {{ box: Box, size: [number, number], padding: { above: number, below: number, left: number, right: number } }} Field
 *   `box` is the part inside the picture, `size` the whole in rows and columns, `padding` what lies outside
 */

/**
 * @param {Layer["receptiveField"]} field of the layer
 * @param {Place} unit
 * @param {{ height: number, width: number }} picture
 * @returns {Field}
 */
export function fieldOf({ size, stride, start }, unit, { height, width }) {
  const top = start[0] + unit.y * stride[0];
  const left = start[1] + unit.x * stride[1];
  const inside = {
    top: Math.min(Math.max(top, 0), height),
    bottom: Math.max(Math.min(top + size[0], height), 0),
    left: Math.min(Math.max(left, 0), width),
    right: Math.max(Math.min(left + size[1], width), 0),
  };
  return {
    box: {
      x: inside.left,
      y: inside.top,
      width: Math.max(0, inside.right - inside.left),
      height: Math.max(0, inside.bottom - inside.top),
    },
    size: [size[0], size[1]],
    padding: {
      above: Math.max(0, -top),
      below: Math.max(0, top + size[0] - height),
      left: Math.max(0, -left),
      right: Math.max(0, left + size[1] - width),
    },
  };
}

/**
 * The field in words: "sees 7 × 7 pixels, rows 0 to 4, columns 10 to 16; 2 rows lie in the padding".
 * @param {Field} field
 */
export function fieldWords({ box, size, padding }) {
  const [rows, columns] = size;
  if (rows === 1 && columns === 1) return `sees row ${box.y}, column ${box.x}`;
  const place = `rows ${box.y} to ${box.y + box.height - 1}, columns ${box.x} to ${box.x + box.width - 1}`;
  const outside = [
    count(padding.above + padding.below, "row"),
    count(padding.left + padding.right, "column"),
  ].filter(Boolean);
  const rest = outside.length > 0 ? `; ${outside.join(" and ")} lie in the padding` : "";
  return `sees ${rows} × ${columns} pixels, ${place}${rest}`;
}

/**
 * @param {number} many
 * @param {string} noun
 */
function count(many, noun) {
  return many === 0 ? "" : `${many} ${noun}${many === 1 ? "" : "s"}`;
}
