/**
 * A grid of many small maps drawn from one atlas: every channel of a layer, every kernel. Only what is in sight is
 * drawn, so 2,048 tiles scroll as easily as 16. One tile is chosen; arrows, Home, End and Page keys move the choice.
 *
 * ```js
 * const tiles = createTiles({ label: "Feature maps of conv1", signal, onHover, onPick: (index) => store.set({ channel: index }) });
 * const painted = await scope.paint(tensor, { map: "sequential", scale: "each" });
 * tiles.show({ ...painted, count: 16, name: (index) => `channel ${index}` });
 * tiles.choose(3);
 * ```
 * @module
 */

import { h, on, pixelRatio, redrawer, styleValue, uniqueId } from "./dom.js";

/**
 * What there is to show: an atlas as `scope.paint` gives it. `order[i]` is the plane shown at place i (by index without
 * it); `name` says a plane's name to a screen reader; `faint` tells planes that are drawn pale (channels switched off);
 * `smooth` tells small photographs, whose pixels are no squares.
 * @typedef {{
 *   bitmap: ImageBitmap,
 *   columns: number,
 *   tile: readonly number[],
 *   count: number,
 *   order?: ArrayLike<number>,
 *   name?: (plane: number) => string,
 *   faint?: (plane: number) => boolean,
 *   largest?: number,
 *   smooth?: boolean,
 * }} TileSight
 * @typedef {{ plane: number, x: number, y: number }} TileCell
 */

/** Sides of a tile in CSS pixels. */
const SMALLEST = 26;
const SMALLEST_MAP = 40;
const GAP = 4;

/**
 * Columns and the side of a tile, so that all tiles fit the box as large as they can, or scroll at the smallest size.
 * @param {{ count: number, width: number, height: number, boxWidth: number, boxHeight: number, ratio: number, largest: number, smooth?: boolean }} box
 *   `width` × `height` is a tile in its own pixels, the box is in CSS pixels
 * @returns {{ columns: number, width: number, height: number }} the size of a tile in CSS pixels
 */
export function arrange({ count, width, height, boxWidth, boxHeight, ratio, largest, smooth }) {
  const smallest = Math.min(largest, Math.max(width, height) > 12 ? SMALLEST_MAP : SMALLEST);
  /** @param {number} side room for a tile's width, in CSS pixels */
  const snap = (side) => {
    const device = Math.min(side, largest, (largest * width) / height) * ratio;
    const whole = Math.floor(device / width);
    const squares = whole >= 1 && Math.max(width, height) <= 64 && !smooth;
    const drawn = squares ? whole * width : Math.floor(device);
    return {
      width: drawn / ratio,
      height: Math.max(1, Math.round((drawn * height) / width)) / ratio,
    };
  };
  let best = { columns: 1, ...snap(boxWidth) };
  for (let columns = 1; columns <= Math.max(1, count); columns += 1) {
    const room = (boxWidth - GAP * (columns - 1)) / columns;
    const tile = snap(room);
    if (columns > 1 && Math.max(tile.width, tile.height) < smallest) return best;
    const fitting = Math.max(columns, Math.floor((boxWidth + GAP) / (tile.width + GAP)));
    best = { columns: Math.min(fitting, count), ...tile };
    const rows = Math.ceil(count / best.columns);
    if (rows * (tile.height + GAP) - GAP <= boxHeight) return best;
  }
  return best;
}

/**
 * @param {{ label: string, largest?: number, onHover?: (cell: TileCell | null) => void, onPick?: (plane: number) => void, onOpen?: (plane: number) => void, signal: AbortSignal }} options
 *   `largest` bounds a tile's side in CSS pixels; `onPick` is told of the choice moved by a key or a click, or by a key
 *   alone where `onOpen` takes a click and Enter
 */
export function createTiles({ label, largest = 220, onHover, onPick, onOpen, signal }) {
  const optionId = uniqueId("tile");
  const canvas = h("canvas", { "aria-hidden": true });
  const option = h("span", {
    id: optionId,
    role: "option",
    "aria-selected": true,
    class: "hidden",
  });
  const room = h("div", { class: "room" }, canvas);
  const element = h(
    "div",
    {
      class: "tiles",
      role: "listbox",
      tabindex: 0,
      "aria-label": label,
      "aria-activedescendant": optionId,
    },
    room,
    option,
  );
  /** @type {TileSight | null} */
  let sight = null;
  let layout = { columns: 1, width: 1, height: 1 };
  let chosen = 0;
  /** @type {TileCell | null} */
  let under = null;

  /** @param {number} place */
  const planeAt = (place) => sight?.order?.[place] ?? place;

  /** The place at which a plane is shown, or −1. */
  function placeOf(/** @type {number} */ plane) {
    if (!sight) return -1;
    if (!sight.order) return plane < sight.count ? plane : -1;
    return Array.prototype.indexOf.call(sight.order, plane);
  }

  function draw() {
    if (!sight || element.clientWidth === 0) return;
    const ratio = pixelRatio();
    const [height, width] = sight.tile;
    const boxWidth = element.clientWidth;
    const boxHeight = element.clientHeight;
    layout = arrange({
      count: sight.count,
      width,
      height,
      boxWidth,
      boxHeight,
      ratio,
      largest: sight.largest ?? largest,
      smooth: sight.smooth,
    });
    const rows = Math.ceil(sight.count / layout.columns);
    const total = Math.max(0, rows * (layout.height + GAP) - GAP);
    room.style.height = `${total}px`;
    const viewHeight = Math.min(boxHeight, total);
    canvas.width = Math.round(boxWidth * ratio);
    canvas.height = Math.max(1, Math.round(viewHeight * ratio));
    canvas.style.width = `${boxWidth}px`;
    canvas.style.height = `${viewHeight}px`;
    const context = canvas.getContext("2d");
    if (!context) return;
    const scale = (layout.width * ratio) / width;
    const isLarge = Math.max(width, height) > 64 && scale < 4;
    context.imageSmoothingEnabled = sight.smooth || scale < 1 || isLarge;
    context.imageSmoothingQuality = "high";
    const top = element.scrollTop;
    const first = Math.max(0, Math.floor(top / (layout.height + GAP))) * layout.columns;
    const last = Math.min(
      sight.count,
      Math.ceil((top + viewHeight) / (layout.height + GAP)) * layout.columns,
    );
    for (let place = first; place < last; place += 1) drawTile(context, place, top, ratio);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} place
   * @param {number} top
   * @param {number} ratio
   */
  function drawTile(context, place, top, ratio) {
    if (!sight) return;
    const [height, width] = sight.tile;
    const plane = planeAt(place);
    const x = Math.round((place % layout.columns) * (layout.width + GAP) * ratio);
    const y = Math.round(
      (Math.floor(place / layout.columns) * (layout.height + GAP) - top) * ratio,
    );
    const w = Math.round(layout.width * ratio);
    const t = Math.round(layout.height * ratio);
    const from = {
      x: (plane % sight.columns) * width,
      y: Math.floor(plane / sight.columns) * height,
    };
    context.globalAlpha = sight.faint?.(plane) ? 0.2 : 1;
    context.drawImage(sight.bitmap, from.x, from.y, width, height, x, y, w, t);
    context.globalAlpha = 1;
    if (under?.plane === plane) drawCursor(context, under, { x, y, w, t }, ratio);
    if (plane !== chosen && plane !== under?.plane) return;
    const line = plane === chosen ? 2.5 * ratio : 1.5 * ratio;
    context.lineWidth = line + 1.5 * ratio;
    context.strokeStyle = styleValue("--ground");
    context.strokeRect(x + line / 2, y + line / 2, w - line, t - line);
    context.lineWidth = line;
    context.strokeStyle = styleValue(plane === chosen ? "--accent" : "--text");
    context.strokeRect(x + line / 2, y + line / 2, w - line, t - line);
  }

  /**
   * Frames the cell under the cursor, where cells are large enough for a frame to show.
   * @param {CanvasRenderingContext2D} context
   * @param {TileCell} cell
   * @param {{ x: number, y: number, w: number, t: number }} box of the tile, in device pixels
   * @param {number} ratio
   */
  function drawCursor(context, cell, box, ratio) {
    if (!sight) return;
    const [height, width] = sight.tile;
    const size = Math.max(box.w / width, 5 * ratio);
    if (box.w < 4 * size) return;
    const x = box.x + ((cell.x + 0.5) * box.w) / width - size / 2;
    const y = box.y + ((cell.y + 0.5) * box.t) / height - size / 2;
    context.lineWidth = 3 * ratio;
    context.strokeStyle = "rgb(0 0 0 / 0.6)";
    context.strokeRect(x, y, size, size);
    context.lineWidth = 1.25 * ratio;
    context.strokeStyle = "white";
    context.strokeRect(x, y, size, size);
  }

  const redraw = redrawer(element, draw, signal);

  /**
   * @param {MouseEvent} event
   * @returns {TileCell | null}
   */
  function cellAt(event) {
    if (!sight) return null;
    const box = canvas.getBoundingClientRect();
    const x = event.clientX - box.left;
    const y = event.clientY - box.top + element.scrollTop;
    const column = Math.floor(x / (layout.width + GAP));
    const row = Math.floor(y / (layout.height + GAP));
    const place = row * layout.columns + column;
    const inX = (x - column * (layout.width + GAP)) / layout.width;
    const inY = (y - row * (layout.height + GAP)) / layout.height;
    if (
      column < 0 ||
      column >= layout.columns ||
      place < 0 ||
      place >= sight.count ||
      inX >= 1 ||
      inY >= 1
    )
      return null;
    const [height, width] = sight.tile;
    return { plane: planeAt(place), x: Math.floor(inX * width), y: Math.floor(inY * height) };
  }

  /** @param {TileCell | null} cell */
  function hover(cell) {
    if (cell?.plane === under?.plane && cell?.x === under?.x && cell?.y === under?.y) return;
    under = cell;
    redraw();
    onHover?.(cell);
  }

  function reveal() {
    const place = placeOf(chosen);
    if (place < 0) return;
    const top = Math.floor(place / layout.columns) * (layout.height + GAP);
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + layout.height > element.scrollTop + element.clientHeight)
      element.scrollTop = top + layout.height - element.clientHeight;
  }

  function describe() {
    if (!sight) return;
    option.textContent = sight.name?.(chosen) ?? `channel ${chosen}`;
    option.setAttribute("aria-posinset", String(placeOf(chosen) + 1));
    option.setAttribute("aria-setsize", String(sight.count));
  }

  /** @param {KeyboardEvent} event */
  function step(event) {
    if (!sight || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && onOpen) {
      event.preventDefault();
      event.stopPropagation();
      onOpen(chosen);
      return;
    }
    const page =
      Math.max(1, Math.floor(element.clientHeight / (layout.height + GAP))) * layout.columns;
    const steps = /** @type {Record<string, number>} */ ({
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -layout.columns,
      ArrowDown: layout.columns,
      PageUp: -page,
      PageDown: page,
      Home: -sight.count,
      End: sight.count,
    });
    const by = steps[event.key];
    if (by === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const place = Math.min(Math.max(placeOf(chosen) + by, 0), sight.count - 1);
    onPick?.(planeAt(place));
  }

  on(element, "pointermove", (event) => hover(cellAt(event)), signal);
  on(element, "pointerleave", () => hover(null), signal);
  on(
    element,
    "click",
    (event) => {
      const cell = cellAt(event);
      if (cell) (onOpen ?? onPick)?.(cell.plane);
    },
    signal,
  );
  on(element, "keydown", step, signal);
  on(element, "scroll", redraw, signal);
  return {
    element,
    /** @param {TileSight & { label?: string }} next */
    show(next) {
      sight = next;
      if (next.label) element.setAttribute("aria-label", next.label);
      describe();
      redraw();
    },
    /**
     * Frames a plane and brings it into sight.
     * @param {number} plane
     */
    choose(plane) {
      chosen = plane;
      describe();
      reveal();
      redraw();
    },
    /**
     * Shows the cursor of another grid with the same places.
     * @param {TileCell | null} cell
     */
    point(cell) {
      under = cell;
      redraw();
    },
    redraw,
  };
}

/** @typedef {ReturnType<typeof createTiles>} Tiles */
