/**
 * Files: numbers as CSV, and several pictures with their names on one sheet.
 * @module
 */

import { percent } from "../widgets/format.js";
import { csvText, save } from "../widgets/save.js";
import { extentOf } from "./synthesis-save.js";

/** @typedef {import("./shape-material.js").Answer} Answer */

/**
 * @param {string} name of the file, without ending
 * @param {(string | number | null)[][]} rows the first with the names of the columns
 */
export function saveCsv(name, rows) {
  save(new Blob([csvText(rows)], { type: "text/csv" }), `${name}.csv`);
}

/**
 * The pictures with their names and what the network says of them.
 * @param {{ name: string, pixels: ImageData, answer: Answer }[]} pictures
 * @param {string} name
 */
export async function saveSheet(pictures, name) {
  if (pictures.length === 0) return;
  const [{ pixels }] = pictures;
  const { width, height } = extentOf([pixels]);
  const columns = Math.min(7, pictures.length);
  const rows = Math.ceil(pictures.length / columns);
  const foot = 46;
  const canvas = new OffscreenCanvas(columns * (width + 8), rows * (height + foot));
  const context = canvas.getContext("2d");
  if (!context) return;
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = false;
  context.font = "15px system-ui, sans-serif";
  for (const [index, { name: caption, pixels: each, answer }] of pictures.entries()) {
    const x = (index % columns) * (width + 8);
    const y = Math.floor(index / columns) * (height + foot);
    context.drawImage(await createImageBitmap(each), x, y, width, height);
    context.fillStyle = "black";
    context.fillText(caption, x, y + height + 17, width);
    context.fillStyle = "#555";
    const said = `shape ${percent(answer.shape)} · texture ${percent(answer.texture)}`;
    context.fillText(said, x, y + height + 36, width);
  }
  save(await canvas.convertToBlob({ type: "image/png" }), `convscope-stimuli-${name}.png`);
}
