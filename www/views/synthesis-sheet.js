/**
 * Many pictures side by side as they grow, as large cards or as small tiles, with the way to them for scrubbing and saving.
 * @module
 */

import { h } from "../widgets/dom.js";
import { createPixels } from "../widgets/pixels.js";
import { createTiles } from "../widgets/tiles.js";
import { stretched } from "./synthesis-lane.js";
import { figure } from "./words.js";

/** @typedef {{ step: number, first: number, pictures: ImageData[] }} Frame from the card `first` on */

/** Cards that stand in one row, and those that are shown large. */
const ROW = 5;
const FEW = 10;

/** Frames of a film, and the longest side of one in pixels. */
const FRAMES = 40;
const LONGEST = 1200;

/** Pixels between the pictures of a saved sheet. */
const GAP = 4;

/**
 * @param {{ onPick: (index: number) => void, smooth: () => boolean, stretches?: boolean, signal: AbortSignal }} options `onPick`
 *   is told of a tile, `smooth` says whether tiles are photographs, `stretches` whether each picture's contrast is stretched
 */
export function createSheet({ onPick, smooth, stretches = true, signal }) {
  const drawn = (/** @type {ImageData} */ picture) =>
    stretches ? stretched(picture).pixels : picture;
  const tiles = createTiles({ label: "What each channel wants to see", onPick, signal });
  const row = h("div", { class: "grown-row" });
  const element = h("div", { class: "many" }, tiles.element, row);
  /** The cards of the row. @type {{ pixels: ReturnType<typeof createPixels>, sight: ReturnType<typeof figure> }[]} */
  let cards = [];
  /** @type {string[]} */
  let names = [];
  let isRow = true;
  /** @type {Frame[]} */
  let frames = [];
  let seeks = 0;

  /** What each card shows at a step. @param {number} step @returns {(ImageData | undefined)[]} */
  function at(step) {
    /** @type {(ImageData | undefined)[]} */
    const shown = names.map(() => undefined);
    for (const frame of frames.filter((each) => each.step <= step))
      for (const [index, picture] of frame.pictures.entries()) shown[frame.first + index] = picture;
    return shown;
  }

  /** All pictures in one, as few rows as the row on the page has columns for. @param {(ImageData | undefined)[]} pictures */
  function composed(pictures) {
    const { width, height } = pictures.find(Boolean) ?? new ImageData(1, 1);
    const columns = Math.min(pictures.length, Math.ceil(Math.sqrt(pictures.length * 1.6)));
    const rows = Math.ceil(pictures.length / columns);
    const scale = Math.min(1, LONGEST / (columns * (width + GAP)));
    const [w, t] = [Math.round(width * scale), Math.round(height * scale)];
    const canvas = new OffscreenCanvas(columns * (w + GAP) - GAP, rows * (t + GAP) - GAP);
    const context = canvas.getContext("2d");
    const own = new OffscreenCanvas(width, height);
    const cell = own.getContext("2d");
    if (!context || !cell) throw new Error("This browser could not draw the pictures.");
    for (const [index, picture] of pictures.entries()) {
      if (!picture) continue;
      cell.putImageData(drawn(picture), 0, 0);
      const [x, y] = [index % columns, Math.floor(index / columns)];
      context.drawImage(own, x * (w + GAP), y * (t + GAP), w, t);
    }
    return context.getImageData(0, 0, canvas.width, canvas.height);
  }

  /** @param {(ImageData | undefined)[]} pictures */
  async function drawTiles(pictures) {
    const { width, height } = pictures.find(Boolean) ?? new ImageData(1, 1);
    const columns = Math.ceil(Math.sqrt(pictures.length));
    const atlas = new OffscreenCanvas(
      columns * width,
      Math.ceil(pictures.length / columns) * height,
    );
    const context = atlas.getContext("2d");
    for (const [index, picture] of pictures.entries())
      if (picture)
        context?.putImageData(
          drawn(picture),
          (index % columns) * width,
          Math.floor(index / columns) * height,
        );
    const bitmap = await createImageBitmap(atlas);
    const { length } = pictures;
    const name = (/** @type {number} */ index) => names[index];
    tiles.show({ bitmap, columns, tile: [height, width], count: length, name, smooth: smooth() });
  }

  /** @param {number} index @param {ImageData} picture */
  async function drawCard(index, picture) {
    const bitmap = await createImageBitmap(drawn(picture));
    const { width, height } = bitmap;
    cards[index]?.pixels.show({ width, height, layers: [{ bitmap }] });
  }

  /** @param {string[]} captions */
  function begin(captions) {
    names = captions;
    frames = [];
    tiles.element.hidden = isRow;
    row.hidden = !isRow;
  }

  return {
    element,
    /** Cards with captions, none of which has a picture yet. @param {string[]} captions */
    deal(captions) {
      isRow = true;
      begin(captions);
      row.classList.toggle("single", captions.length <= ROW);
      row.classList.toggle("full", captions.length > FEW);
      cards = captions.map((caption) => {
        const pixels = createPixels({ label: caption, signal });
        return { pixels, sight: figure(pixels.element, caption) };
      });
      row.style.setProperty("--count", String(captions.length));
      row.replaceChildren(...cards.map((card) => card.sight.element));
    },
    /** Tiles with names, none of which has a picture yet. @param {string[]} captions */
    lay(captions) {
      isRow = false;
      begin(captions);
    },
    /** @param {number} index @param {string} text */
    caption(index, text) {
      cards[index]?.sight.caption(text);
    },
    /** @param {number} index */
    choose(index) {
      tiles.choose(index);
    },
    /** Shows pictures and keeps them. @param {Frame} frame */
    async place(frame) {
      frames.push(frame);
      if (!isRow) await drawTiles(frame.pictures);
      else
        for (const [index, picture] of frame.pictures.entries())
          await drawCard(frame.first + index, picture);
    },
    /** Shows what there was at a step. @param {number} step */
    async seek(step) {
      seeks += 1;
      const own = seeks;
      const pictures = at(step);
      if (!isRow) await drawTiles(pictures);
      else
        for (const [index, picture] of pictures.entries())
          if (picture && own === seeks) await drawCard(index, picture);
    },
    get steps() {
      return frames.at(-1)?.step ?? 0;
    },
    /** The sheet as it is at the end. */
    get last() {
      return frames.length > 0 ? { pixels: composed(at(Number.POSITIVE_INFINITY)) } : null;
    },
    /** The sheet as it grew. */
    get frames() {
      const steps = [...new Set(frames.map((frame) => frame.step))];
      const apart = Math.ceil(steps.length / FRAMES);
      const kept = steps.filter((_, index) => (steps.length - 1 - index) % apart === 0);
      return kept.map((step) => ({ pixels: composed(at(step)) }));
    },
  };
}

/** @typedef {ReturnType<typeof createSheet>} Sheet */
