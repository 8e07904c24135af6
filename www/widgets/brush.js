/**
 * A brush that marks pixels of a picture: 1 where it went, 0 elsewhere.
 * @module
 */

import { on } from "./dom.js";

/**
 * @typedef {ReturnType<typeof import("./pixels.js").createPixels>} Pixels
 */

/**
 * @param {{ pixels: Pixels, radius: number, onPaint: () => void, onDone: () => void, signal: AbortSignal }} options
 *   `onPaint` is called whenever the mask has changed, `onDone` when a stroke has ended or all was set at once
 */
export function createBrush({ pixels, radius, onPaint, onDone, signal }) {
  let mask = new Uint8Array(0);
  let width = 0;
  let height = 0;
  let painting = false;

  const brush = {
    /** In pixels. */
    radius,
    /** Whether it paints. */
    active: true,
    /** Row by row. */
    get mask() {
      return mask;
    },
    /** Whether anything is marked. */
    get any() {
      return mask.includes(1);
    },
    /**
     * For a picture of that size; the mask stays where the size does.
     * @param {number} nextWidth
     * @param {number} nextHeight
     */
    fit(nextWidth, nextHeight) {
      if (nextWidth === width && nextHeight === height) return;
      width = nextWidth;
      height = nextHeight;
      mask = new Uint8Array(width * height);
    },
    /** @param {boolean} withMiddle whether the middle of the picture is marked then, or nothing */
    wipe(withMiddle) {
      mask.fill(0);
      if (withMiddle)
        for (let row = Math.floor(height / 5); row < Math.ceil((4 * height) / 5); row += 1)
          mask.fill(
            1,
            row * width + Math.floor(width / 5),
            row * width + Math.ceil((4 * width) / 5),
          );
      onPaint();
      onDone();
    },
    /** What is not marked, darkened: a sheet to lay over the picture; clear where nothing is marked at all. */
    veil() {
      const sheet = new OffscreenCanvas(Math.max(1, width), Math.max(1, height));
      if (mask.length === 0) return sheet;
      const veiled = new ImageData(width, height);
      const { any } = brush;
      for (const [index, inside] of mask.entries())
        veiled.data[4 * index + 3] = any && !inside ? 150 : 0;
      sheet.getContext("2d")?.putImageData(veiled, 0, 0);
      return sheet;
    },
  };

  /** @param {import("./pixels.js").Cell} cell */
  function stroke({ x: column, y }) {
    const reach = brush.radius;
    for (let row = Math.max(0, y - reach); row <= Math.min(height - 1, y + reach); row += 1)
      for (let x = Math.max(0, column - reach); x <= Math.min(width - 1, column + reach); x += 1)
        if ((row - y) ** 2 + (x - column) ** 2 <= reach ** 2) mask[row * width + x] = 1;
    onPaint();
  }

  const paintAt = (/** @type {PointerEvent} */ event) => {
    const cell = pixels.cellAt(event);
    if (cell) stroke(cell);
  };
  on(
    pixels.canvas,
    "pointerdown",
    (event) => {
      if (!brush.active) return;
      painting = true;
      pixels.canvas.setPointerCapture(event.pointerId);
      paintAt(event);
    },
    signal,
  );
  on(pixels.canvas, "pointermove", (event) => painting && paintAt(event), signal);
  on(
    pixels.canvas,
    "pointerup",
    () => {
      if (!painting) return;
      painting = false;
      onDone();
    },
    signal,
  );
  return brush;
}
