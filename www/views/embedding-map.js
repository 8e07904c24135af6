/**
 * A map of points on a canvas. Where there is room the points are the pictures themselves in a frame of their class's
 * colour, else dots; wrongly classified ones carry a corner of the predicted class's colour, or are crosses. It pans, zooms,
 * is walked by keys, and lets points be picked and lassoed.
 * @module
 */

import { h, on, pixelRatio, redrawer, styleValue } from "../widgets/dom.js";
import { classColor } from "../widgets/palette.js";

/**
 * What is drawn at every point; arrays have an entry a point of the whole set, and `indices` tells which points these are.
 * @typedef {{
 *   indices: number[],
 *   sprites: import("./embedding-data.js").Sprites | null,
 *   classes: ArrayLike<number> | null,
 *   predicted: ArrayLike<number> | null,
 *   wrong: Uint8Array | null,
 *   only: number | null,
 *   found: ((index: number) => boolean) | null,
 *   label: string,
 * }} Look
 */

/** Least side in CSS pixels at which a picture can be made out. */
const READABLE = 9;
const LARGEST = 96;
const MARGIN = 18;
const MOST_ZOOM = 60;
const TWEEN = 700;

/** Directions of the arrow keys, y upwards. @type {Record<string, [number, number]>} */
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 * @param {number} width
 * @param {string} color
 */
function ring(context, x, y, radius, width, color) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.strokeStyle = color;
  context.lineWidth = width;
  context.stroke();
}

/**
 * @param {{ onHover: (at: number | null) => void, onPick: (at: number | null) => void, onLasso: (chosen: number[]) => void, signal: AbortSignal }} options positions among the points shown
 */
export function createMap({ onHover, onPick, onLasso, signal }) {
  const canvas = h("canvas", { tabindex: 0, role: "img" });
  const element = h("div", { class: "scatter" }, canvas);
  /** Where the points are, and where they come from and go to while they move. */
  let points = /** @type {Float32Array} */ (new Float32Array(0));
  /** @type {{ from: Float32Array, to: Float32Array, start: number } | null} */
  let tween = null;
  /** @type {Look} */
  let look = {
    indices: [],
    sprites: null,
    classes: null,
    predicted: null,
    wrong: null,
    only: null,
    found: null,
    label: "",
  };
  let zoom = 1;
  /** The middle of the sight, in widths of the whole map. */
  let pan = { x: 0, y: 0 };
  /** @type {number | null} */
  let hovered = null;
  /** @type {number | null} */
  let pinned = null;
  /** @type {number[]} */
  let linked = [];
  let lassoing = false;
  /** @type {[number, number][] | null} */
  let loop = null;

  const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

  /** The transform from map to CSS pixels. */
  function transform() {
    const { clientWidth: width, clientHeight: height } = canvas;
    let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let at = 0; at < points.length; at += 2) {
      left = Math.min(left, points[at]);
      right = Math.max(right, points[at]);
      low = Math.min(low, points[at + 1]);
      high = Math.max(high, points[at + 1]);
    }
    const extent = Math.max(right - left, 1e-30);
    const rise = Math.max(high - low, 1e-30);
    const fit = Math.min((width - 2 * MARGIN) / extent, (height - 2 * MARGIN) / rise);
    const scale = fit * zoom;
    const x0 = (left + right) / 2 + pan.x * extent;
    const y0 = (low + high) / 2 + pan.y * extent;
    return {
      scale,
      extent,
      x: (/** @type {number} */ x) => width / 2 + (x - x0) * scale,
      y: (/** @type {number} */ y) => height / 2 - (y - y0) * scale,
    };
  }

  /** Side of a picture in CSS pixels. */
  function side() {
    const room = (canvas.clientWidth * canvas.clientHeight) / Math.max(1, points.length / 2);
    return Math.min(LARGEST, Math.min(30, Math.max(5, 0.85 * Math.sqrt(room))) * Math.sqrt(zoom));
  }

  const redraw = redrawer(canvas, draw, signal);

  function move() {
    if (!tween) return;
    const share = Math.min(1, (performance.now() - tween.start) / TWEEN);
    const eased = share * share * (3 - 2 * share);
    const { from, to } = tween;
    points = to.map((value, at) => from[at] + eased * (value - from[at]));
    if (share === 1) tween = null;
    else redraw();
  }

  function draw() {
    move();
    const ratio = pixelRatio();
    const { clientWidth: width, clientHeight: height } = canvas;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.scale(ratio, ratio);
    paint(context, width, height);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} width
   * @param {number} height
   */
  function paint(context, width, height) {
    if (points.length === 0) return;
    const { x, y } = transform();
    const size = side();
    const pictures = look.sprites !== null && size >= READABLE;
    const [text, ground] = [styleValue("--text"), styleValue("--ground")];
    const place = (/** @type {number} */ at) => [x(points[2 * at]), y(points[2 * at + 1])];
    const inSight = (/** @type {number} */ px, /** @type {number} */ py) =>
      px > -size && py > -size && px < width + size && py < height + size;
    const isFaint = (/** @type {number} */ index) =>
      (look.only !== null && look.classes?.[index] !== look.only) ||
      (look.found !== null && !look.found(index));
    context.imageSmoothingEnabled = size < 56;
    // The faint ones lie below, the wrong ones above.
    for (const pass of [0, 1, 2]) {
      for (const [at, index] of look.indices.entries()) {
        const wrong = look.wrong?.[index] === 1;
        const rank = isFaint(index) ? 0 : wrong ? 2 : 1;
        if (rank !== pass) continue;
        const [px, py] = place(at);
        if (!inSight(px, py)) continue;
        context.globalAlpha = pass === 0 ? 0.13 : 1;
        if (pictures) drawPicture(context, index, px, py, size, wrong);
        else drawDot(context, index, px, py, Math.min(6, Math.max(2.2, size * 0.3)), wrong, ground);
      }
    }
    context.globalAlpha = 1;
    const focus = hovered ?? pinned;
    if (focus !== null && focus < look.indices.length) {
      const [fx, fy] = place(focus);
      context.strokeStyle = text;
      context.lineWidth = 1;
      for (const at of linked) {
        const [px, py] = place(at);
        context.beginPath();
        context.moveTo(fx, fy);
        context.lineTo(px, py);
        context.stroke();
        ring(context, px, py, size * 0.5 + 1, 1.5, text);
      }
      const index = look.indices[focus];
      if (look.sprites) drawPicture(context, index, fx, fy, Math.max(size * 1.5, 30), false);
      ring(
        context,
        fx,
        fy,
        Math.max(size * 0.75, look.sprites ? 15 : 6) + 2,
        2.5,
        styleValue("--accent"),
      );
    }
    if (loop) {
      context.beginPath();
      for (const [px, py] of loop) context.lineTo(px, py);
      context.closePath();
      context.fillStyle = `color-mix(in srgb, ${styleValue("--accent")} 14%, transparent)`;
      context.strokeStyle = styleValue("--accent");
      context.lineWidth = 1.5;
      context.fill();
      context.stroke();
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} index
   * @param {number} px
   * @param {number} py
   * @param {number} size
   * @param {boolean} wrong
   */
  function drawPicture(context, index, px, py, size, wrong) {
    const {
      sheet,
      side: tile,
      columns,
    } = /** @type {NonNullable<Look["sprites"]>} */ (look.sprites);
    const [left, top] = [px - size / 2, py - size / 2];
    const edge = Math.max(1.5, size * 0.08);
    context.fillStyle = look.classes ? colorOf(index) : styleValue("--line");
    context.fillRect(left, top, size, size);
    context.drawImage(
      sheet,
      (index % columns) * tile,
      Math.floor(index / columns) * tile,
      tile,
      tile,
      left + edge,
      top + edge,
      size - 2 * edge,
      size - 2 * edge,
    );
    if (!wrong) return;
    const corner = size * 0.42;
    context.beginPath();
    context.moveTo(left + size, top);
    context.lineTo(left + size - corner, top);
    context.lineTo(left + size, top + corner);
    context.fillStyle = classColor(look.predicted?.[index] ?? 0);
    context.strokeStyle = "#fff";
    context.lineWidth = 1;
    context.fill();
    context.stroke();
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} index
   * @param {number} px
   * @param {number} py
   * @param {number} radius
   * @param {boolean} wrong
   * @param {string} ground
   */
  function drawDot(context, index, px, py, radius, wrong, ground) {
    context.beginPath();
    if (wrong) {
      context.strokeStyle = colorOf(index);
      context.lineWidth = 2;
      context.moveTo(px - radius, py - radius);
      context.lineTo(px + radius, py + radius);
      context.moveTo(px + radius, py - radius);
      context.lineTo(px - radius, py + radius);
      context.stroke();
      return;
    }
    context.arc(px, py, radius, 0, 2 * Math.PI);
    context.fillStyle = colorOf(index);
    context.fill();
    context.strokeStyle = ground;
    context.lineWidth = 0.7;
    context.stroke();
  }

  /** @param {number} index */
  function colorOf(index) {
    return look.classes ? classColor(look.classes[index]) : styleValue("--bar");
  }

  /**
   * The point nearest to a place in CSS pixels, within reach.
   * @param {number} px
   * @param {number} py
   */
  function nearest(px, py) {
    const { x, y } = transform();
    let [best, least] = [null, Math.max(9, side() * 0.75) ** 2];
    for (let at = 0; at < look.indices.length; at += 1) {
      const square = (x(points[2 * at]) - px) ** 2 + (y(points[2 * at + 1]) - py) ** 2;
      if (square < least) [best, least] = [/** @type {any} */ (at), square];
    }
    return /** @type {number | null} */ (best);
  }

  /** @param {number | null} at */
  function hover(at) {
    if (hovered === at) return;
    hovered = at;
    linked = [];
    onHover(at ?? pinned);
    redraw();
  }

  /** @param {number | null} at */
  function pick(at) {
    pinned = pinned === at ? null : at;
    onPick(pinned);
    redraw();
  }

  /**
   * Zooms about a place in CSS pixels.
   * @param {number} factor
   * @param {number} [px]
   * @param {number} [py]
   */
  function zoomBy(factor, px = canvas.clientWidth / 2, py = canvas.clientHeight / 2) {
    const before = transform();
    const next = Math.min(MOST_ZOOM, Math.max(0.5, zoom * factor));
    const [dx, dy] = [px - canvas.clientWidth / 2, canvas.clientHeight / 2 - py];
    const gain = 1 / before.scale - zoom / next / before.scale;
    pan = { x: pan.x + (dx * gain) / before.extent, y: pan.y + (dy * gain) / before.extent };
    zoom = next;
    redraw();
  }

  function fit() {
    zoom = 1;
    pan = { x: 0, y: 0 };
    redraw();
  }

  /** Pointers that are down. @type {Map<number, { x: number, y: number }>} */
  const held = new Map();
  let moved = false;

  on(
    canvas,
    "pointerdown",
    (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      held.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
      moved = false;
      if ((lassoing || event.shiftKey) && held.size === 1) loop = [[event.offsetX, event.offsetY]];
      else loop = null;
    },
    signal,
  );
  on(
    canvas,
    "pointermove",
    (event) => {
      const before = held.get(event.pointerId);
      const now = { x: event.offsetX, y: event.offsetY };
      if (!before) {
        hover(nearest(now.x, now.y));
        return;
      }
      if (Math.hypot(now.x - before.x, now.y - before.y) < 3 && !moved) return;
      moved = true;
      if (loop) loop.push([now.x, now.y]);
      else if (held.size === 2) pinch(event.pointerId, now);
      else {
        const { scale, extent } = transform();
        pan = {
          x: pan.x - (now.x - before.x) / scale / extent,
          y: pan.y + (now.y - before.y) / scale / extent,
        };
      }
      held.set(event.pointerId, now);
      redraw();
    },
    signal,
  );

  /**
   * Two fingers: as they part, the map grows.
   * @param {number} id
   * @param {{ x: number, y: number }} now
   */
  function pinch(id, now) {
    const [[, other]] = [...held].filter(([each]) => each !== id);
    const before = /** @type {{ x: number, y: number }} */ (held.get(id));
    const span = (/** @type {{ x: number, y: number }} */ at) =>
      Math.max(8, Math.hypot(at.x - other.x, at.y - other.y));
    zoomBy(span(now) / span(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
  }

  for (const type of /** @type {const} */ (["pointerup", "pointercancel"]))
    on(
      canvas,
      type,
      (event) => {
        if (!held.delete(event.pointerId)) return;
        if (loop && loop.length > 2) onLasso(inside(loop));
        else if (!moved && type === "pointerup") pick(nearest(event.offsetX, event.offsetY));
        loop = null;
        redraw();
      },
      signal,
    );
  on(canvas, "pointerleave", () => held.size === 0 && hover(null), signal);
  on(
    canvas,
    "wheel",
    (event) => {
      event.preventDefault();
      zoomBy(Math.exp(-event.deltaY * 0.0016), event.offsetX, event.offsetY);
    },
    signal,
  );
  on(
    canvas,
    "keydown",
    (event) => {
      const way = WAYS[event.key];
      if (way) hover(step(way));
      else if (event.key === "+" || event.key === "=") zoomBy(1.4);
      else if (event.key === "-") zoomBy(1 / 1.4);
      else if (event.key === "0") fit();
      else if (event.key === "Enter") pick(hovered);
      else return;
      event.preventDefault();
    },
    signal,
  );

  /**
   * The next point in a direction: near, and not too far to the side.
   * @param {[number, number]} way
   */
  function step([wx, wy]) {
    const from = hovered ?? pinned;
    if (from === null) return look.indices.length > 0 ? 0 : null;
    let [best, least] = [from, Infinity];
    for (let at = 0; at < look.indices.length; at += 1) {
      const dx = points[2 * at] - points[2 * from];
      const dy = points[2 * at + 1] - points[2 * from + 1];
      const along = dx * wx + dy * wy;
      const cost = along > 0 ? along + 3 * Math.abs(dx * wy - dy * wx) : Infinity;
      if (cost < least) [best, least] = [at, cost];
    }
    return best;
  }

  /**
   * The points inside a polygon in CSS pixels.
   * @param {[number, number][]} polygon
   */
  function inside(polygon) {
    const { x, y } = transform();
    return look.indices.flatMap((_, at) => {
      const [px, py] = [x(points[2 * at]), y(points[2 * at + 1])];
      let odd = false;
      for (const [corner, [ax, ay]] of polygon.entries()) {
        const [bx, by] = polygon[(corner + 1) % polygon.length];
        if (ay > py !== by > py && px < ax + ((py - ay) / (by - ay)) * (bx - ax)) odd = !odd;
      }
      return odd ? [at] : [];
    });
  }

  return {
    element,
    canvas,
    zoomBy,
    fit,
    /**
     * Shows points at their places; if there are as many as before and `tweened`, they move there.
     * @param {Float32Array} next `[N, 2]`
     * @param {{ tweened?: boolean }} [how]
     */
    place(next, { tweened = false } = {}) {
      const moves = tweened && next.length === points.length && !still();
      tween = moves ? { from: points, to: next, start: performance.now() } : null;
      if (!moves) points = next;
      redraw();
    },
    /** @param {Look} next */
    show(next) {
      if (next.indices.length !== look.indices.length) {
        hovered = null;
        pinned = null;
        linked = [];
      }
      look = next;
      canvas.setAttribute("aria-label", next.label);
      redraw();
    },
    /**
     * The points that lines go to from the one that is looked at.
     * @param {number[]} others
     */
    link(others) {
      linked = others;
      redraw();
    },
    /** @param {boolean} wanted */
    lasso(wanted) {
      lassoing = wanted;
      element.classList.toggle("lassoing", wanted);
    },
    /** The sight as a PNG file. @returns {Promise<Blob | null>} */
    png() {
      draw();
      return new Promise((resolve) => canvas.toBlob(resolve));
    },
  };
}
