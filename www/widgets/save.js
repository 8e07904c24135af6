/**
 * What is seen, as files: pictures, drawings and tables.
 * @module
 */

import { button } from "./controls.js";
import { h } from "./dom.js";

/** What a drawing takes from the page's styles. */
const STYLES = [
  "fill",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "stroke-linecap",
  "stroke-linejoin",
  "opacity",
  "font-family",
  "font-size",
  "text-anchor",
];

/** Pixels of a PNG for one unit of its drawing. */
const SCALE = 3;

/**
 * Hands a file to whoever looks.
 * @param {Blob} blob
 * @param {string} name
 */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/**
 * A table as text, a row a line.
 * @param {readonly (readonly (string | number | null | undefined)[])[]} rows
 */
export function csvText(rows) {
  const cell = (/** @type {string | number | null | undefined} */ value) => {
    const text = String(value ?? "");
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => row.map(cell).join(",")).join("\n");
}

/**
 * A drawing of the page that needs its styles no more, on the page's ground.
 * @param {SVGSVGElement} art
 */
export function svgText(art) {
  const copy = /** @type {SVGSVGElement} */ (art.cloneNode(true));
  const originals = [art, ...art.querySelectorAll("*")];
  for (const [index, each] of [copy, ...copy.querySelectorAll("*")].entries()) {
    const style = getComputedStyle(originals[index]);
    for (const name of STYLES) each.setAttribute(name, style.getPropertyValue(name));
    each.removeAttribute("class");
  }
  const { width, height } = art.viewBox.baseVal;
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", String(width));
  copy.setAttribute("height", String(height));
  copy.style.background = getComputedStyle(document.body).backgroundColor;
  return new XMLSerializer().serializeToString(copy);
}

/**
 * A drawing as a picture.
 * @param {string} text
 * @returns {Promise<Blob>}
 */
async function svgPng(text) {
  const picture = new Image();
  picture.src = `data:image/svg+xml,${encodeURIComponent(text)}`;
  await picture.decode();
  const { naturalWidth: width, naturalHeight: height } = picture;
  const canvas = document.createElement("canvas");
  canvas.width = width * SCALE;
  canvas.height = height * SCALE;
  const context = canvas.getContext("2d");
  if (context) {
    context.fillStyle = getComputedStyle(document.body).backgroundColor;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  }
  return new Promise((resolve, reject) => {
    canvas.toBlob(
      (blob) => (blob ? resolve(blob) : reject(new Error("This browser could not make a PNG."))),
      "image/png",
    );
  });
}

/**
 * A row of buttons that save a chart as PNG, SVG or CSV. A drawing that stands in the page takes its styles from there; one
 * that is text has its own.
 * @param {{ art: () => SVGSVGElement | string | null, rows: () => (string | number | null)[][], name: () => string, signal: AbortSignal }} options
 */
export function createSaves({ art, rows, name, signal }) {
  /** @param {"png" | "svg" | "csv"} kind */
  async function take(kind) {
    const drawn = art();
    if (!drawn) return;
    const text = typeof drawn === "string" ? drawn : svgText(drawn);
    const blob =
      kind === "png"
        ? await svgPng(text)
        : kind === "svg"
          ? new Blob([text], { type: "image/svg+xml" })
          : new Blob([csvText(rows())], { type: "text/csv" });
    save(blob, `${name()}.${kind}`);
  }
  const one = (/** @type {"png" | "svg" | "csv"} */ kind) =>
    button({
      label: kind.toUpperCase(),
      title: { png: "The chart as a picture", svg: "The chart as a drawing", csv: "Its numbers" }[
        kind
      ],
      kind: "quiet",
      onClick: () => void take(kind),
      signal,
    });
  return h(
    "div",
    { class: "saves", role: "group", "aria-label": "Save the chart" },
    one("png"),
    one("svg"),
    one("csv"),
  );
}
