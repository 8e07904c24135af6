/**
 * A canvas for numbers as pixels. Small pictures are magnified by whole device pixels and keep their squares,
 * large ones are smoothed. Several layers lie over each other on one pixel grid; above them a cursor, a frame and boxes.
 *
 * ```js
 * const link = createLink();
 * const left = createPixels({ label: "The picture", link, signal });
 * const right = createPixels({ label: "Its saliency", link, signal, onHover: (cell) => …, onPick: (cell) => … });
 * left.show({ width: 28, height: 28, layers: [{ bitmap }] });
 * right.show({ width: 28, height: 28, layers: [{ bitmap }, { bitmap: map, alpha: 0.7 }] });
 * ```
 * The element fills the box that its parent gives it; the picture lies in it as large as it can be.
 * @module
 */

import { h, on, pixelRatio, redrawer, styleValue } from "./dom.js";

/**
 * One layer: the part of `bitmap` from (`x`, `y`) that is as large as the grid (or `width` × `height` of its own).
 * @typedef {{ bitmap: CanvasImageSource, x?: number, y?: number, width?: number, height?: number, alpha?: number, filter?: string, smooth?: boolean }} PixelLayer
 * @typedef {{ x: number, y: number }} Cell
 * @typedef {{ x: number, y: number, width: number, height: number, dashed?: boolean }} Box
 * @typedef {{ width: number, height: number, layers: PixelLayer[], label?: string, smooth?: boolean }} PixelSight
 */

/** Up to this many pixels a side, pixels are shown as squares of whole device pixels. */
const SMALL = 64;

/**
 * A cursor shared by several canvases, in shares of the width and height, so that maps of different sizes follow.
 */
export function createLink() {
  /** @type {Set<(at: { u: number, v: number } | null) => void>} */
  const members = new Set();
  return {
    /** @param {{ u: number, v: number } | null} at */
    set(at) {
      for (const member of members) member(at);
    },
    /**
     * @param {(at: { u: number, v: number } | null) => void} member
     * @param {AbortSignal} signal
     */
    join(member, signal) {
      members.add(member);
      signal.addEventListener("abort", () => members.delete(member), { once: true });
    },
  };
}

/** @typedef {ReturnType<typeof createLink>} Link */

/**
 * How many device pixels one pixel of a `width` × `height` grid takes in a box: a whole number where the grid is small.
 * @param {number} width
 * @param {number} height
 * @param {number} boxWidth in device pixels
 * @param {number} boxHeight in device pixels
 */
export function magnification(width, height, boxWidth, boxHeight) {
  const most = Math.min(boxWidth / width, boxHeight / height);
  if (most >= 1 && Math.max(width, height) <= SMALL) return Math.floor(most);
  return most;
}

/**
 * @param {{ label: string, link?: Link, onHover?: (cell: Cell | null) => void, onPick?: (cell: Cell) => void, signal: AbortSignal }} options
 *   `onHover` gets the pixel under the pointer or the keyboard's cursor, or `null` when it leaves; `onPick` a click or Enter
 */
export function createPixels({ label, link, onHover, onPick, signal }) {
  const canvas = h("canvas", {
    role: "img",
    "aria-label": label,
    tabindex: onHover || onPick ? 0 : undefined,
  });
  const element = h("div", { class: "pixels" }, canvas);
  /** @type {PixelSight | null} */
  let sight = null;
  /** @type {Cell | null} */
  let cursor = null;
  /** @type {Cell | null} */
  let chosen = null;
  /** @type {Box[]} */
  let boxes = [];
  /** @type {((context: CanvasRenderingContext2D, scale: number) => void) | null} */
  let overlay = null;
  let scale = 1;

  function draw() {
    if (!sight) return;
    const ratio = pixelRatio();
    const { width, height, layers } = sight;
    const boxWidth = Math.floor(element.clientWidth * ratio);
    const boxHeight = Math.floor(element.clientHeight * ratio);
    if (boxWidth === 0 || boxHeight === 0) return;
    scale = magnification(width, height, boxWidth, boxHeight);
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.max(1, Math.round(height * scale));
    canvas.style.width = `${canvas.width / ratio}px`;
    canvas.style.height = `${canvas.height / ratio}px`;
    const context = canvas.getContext("2d");
    if (!context) return;
    const smooth = sight.smooth ?? (Math.max(width, height) > SMALL && scale < 4);
    for (const layer of layers) {
      context.imageSmoothingEnabled = layer.smooth ?? smooth;
      context.imageSmoothingQuality = "high";
      context.globalAlpha = layer.alpha ?? 1;
      context.filter = layer.filter ?? "none";
      context.drawImage(
        layer.bitmap,
        layer.x ?? 0,
        layer.y ?? 0,
        layer.width ?? width,
        layer.height ?? height,
        0,
        0,
        canvas.width,
        canvas.height,
      );
    }
    context.globalAlpha = 1;
    context.filter = "none";
    overlay?.(context, scale);
    drawMarks(context, ratio);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} ratio
   */
  function drawMarks(context, ratio) {
    for (const box of boxes) frameBox(context, box, ratio, styleValue("--mark"));
    if (chosen)
      frameBox(context, { ...chosen, width: 1, height: 1 }, 2 * ratio, styleValue("--accent"));
    if (!cursor) return;
    if (scale >= 6 * ratio) {
      frameBox(context, { ...cursor, width: 1, height: 1 }, ratio, styleValue("--mark"));
      return;
    }
    const x = Math.round((cursor.x + 0.5) * scale);
    const y = Math.round((cursor.y + 0.5) * scale);
    const arm = 10 * ratio;
    const gap = Math.max(3 * ratio, scale);
    for (const [width, colour] of /** @type {[number, string][]} */ ([
      [3 * ratio, "rgb(0 0 0 / 0.55)"],
      [ratio, "white"],
    ])) {
      context.lineWidth = width;
      context.strokeStyle = colour;
      context.beginPath();
      context.moveTo(x - gap - arm, y);
      context.lineTo(x - gap, y);
      context.moveTo(x + gap, y);
      context.lineTo(x + gap + arm, y);
      context.moveTo(x, y - gap - arm);
      context.lineTo(x, y - gap);
      context.moveTo(x, y + gap);
      context.lineTo(x, y + gap + arm);
      context.stroke();
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Box} box
   * @param {number} width of the line
   * @param {string} colour
   */
  function frameBox(context, box, width, colour) {
    const inset = width / 2;
    /** @type {[number, number, number, number]} */
    const place = [
      box.x * scale + inset,
      box.y * scale + inset,
      box.width * scale - width,
      box.height * scale - width,
    ];
    context.setLineDash(box.dashed ? [4 * width, 3 * width] : []);
    context.lineWidth = width + 2 * pixelRatio();
    context.strokeStyle = "rgb(0 0 0 / 0.5)";
    context.strokeRect(...place);
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.strokeRect(...place);
    context.setLineDash([]);
  }

  const redraw = redrawer(element, draw, signal);

  /** @param {Cell | null} next */
  function move(next) {
    if (next?.x === cursor?.x && next?.y === cursor?.y) return;
    cursor = next;
    redraw();
    onHover?.(next);
    if (link && sight)
      link.set(next && { u: (next.x + 0.5) / sight.width, v: (next.y + 0.5) / sight.height });
  }

  /**
   * @param {PointerEvent | MouseEvent} event
   * @returns {Cell | null}
   */
  function cellAt(event) {
    if (!sight) return null;
    const box = canvas.getBoundingClientRect();
    const x = Math.floor(((event.clientX - box.left) / box.width) * sight.width);
    const y = Math.floor(((event.clientY - box.top) / box.height) * sight.height);
    return x >= 0 && y >= 0 && x < sight.width && y < sight.height ? { x, y } : null;
  }

  if (onHover || onPick || link) {
    on(canvas, "pointermove", (event) => move(cellAt(event)), signal);
    on(canvas, "pointerdown", (event) => move(cellAt(event)), signal);
    on(canvas, "pointerleave", () => move(null), signal);
    on(canvas, "blur", () => move(null), signal);
  }
  if (onPick) {
    on(
      canvas,
      "click",
      (event) => {
        const cell = cellAt(event);
        if (cell) onPick(cell);
      },
      signal,
    );
  }
  on(canvas, "keydown", (event) => stepCursor(event), signal);

  /** @param {KeyboardEvent} event */
  function stepCursor(event) {
    if (!sight || !(onHover || onPick)) return;
    const steps = /** @type {Record<string, [number, number]>} */ ({
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    });
    const step = steps[event.key];
    const from = cursor ??
      chosen ?? { x: Math.floor(sight.width / 2), y: Math.floor(sight.height / 2) };
    if (step) {
      const far = event.shiftKey ? 10 : 1;
      const x = Math.min(Math.max(from.x + far * step[0], 0), sight.width - 1);
      const y = Math.min(Math.max(from.y + far * step[1], 0), sight.height - 1);
      move({ x, y });
    } else if ((event.key === "Enter" || event.key === " ") && onPick && cursor) onPick(cursor);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  link?.join((at) => {
    if (!sight) return;
    const next = at && { x: Math.floor(at.u * sight.width), y: Math.floor(at.v * sight.height) };
    if (next?.x === cursor?.x && next?.y === cursor?.y) return;
    cursor = next;
    redraw();
  }, signal);

  return {
    element,
    canvas,
    cellAt,
    /** @param {PixelSight} next */
    show(next) {
      sight = next;
      element.style.setProperty("--ratio", `${next.width} / ${next.height}`);
      if (next.label) canvas.setAttribute("aria-label", next.label);
      redraw();
    },
    /**
     * Frames the chosen pixel and any boxes (a receptive field), in pixels of the grid.
     * @param {{ chosen?: Cell | null, boxes?: Box[] }} marks what is left out stays
     */
    mark(marks) {
      if (marks.chosen !== undefined) chosen = marks.chosen;
      if (marks.boxes !== undefined) boxes = marks.boxes;
      redraw();
    },
    /**
     * Draws something of the view's own above the layers, such as the number in each cell.
     * @param {((context: CanvasRenderingContext2D, scale: number) => void) | null} next `scale` is device pixels a pixel
     */
    overlay(next) {
      overlay = next;
      redraw();
    },
  };
}

/** @typedef {ReturnType<typeof createPixels>} Pixels */
