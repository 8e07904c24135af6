/**
 * A region that is drawn by hand: dragged over a map or given by numbers, and kept in the link.
 * @module
 */

import { button, slider } from "../widgets/controls.js";
import { on } from "../widgets/dom.js";

/**
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../convscope.js").Area} Area
 */

const SIDES = /** @type {const} */ (["top", "left", "height", "width"]);
const LABELS = { top: "First row", left: "First column", height: "Rows", width: "Columns" };
/** The pictures' side. */
const SIDE = 28;

/**
 * @param {{ store: Store, canvas: import("../widgets/pixels.js").Pixels, area: () => Area | null, signal: AbortSignal }} options
 *   `canvas` is what it is drawn over, `area` the region in question
 */
export function createRegion({ store, canvas, area, signal }) {
  const forget = button({
    label: "Forget the region",
    kind: "quiet",
    onClick: () => set(null),
    signal,
  });
  const numbers = SIDES.map((side) =>
    slider({
      label: LABELS[side],
      min: side === "top" || side === "left" ? 0 : 1,
      max: side === "top" || side === "left" ? SIDE - 1 : SIDE,
      step: 1,
      value: 1,
      onInput: (value) => {
        const next = { ...(area() ?? { top: 0, left: 0, height: 4, width: 4 }), [side]: value };
        set({
          ...next,
          height: Math.min(next.height, SIDE - next.top),
          width: Math.min(next.width, SIDE - next.left),
        });
      },
      signal,
    }),
  );

  /** The region drawn by hand. @returns {Area | null} */
  function drawn() {
    const state = store.get();
    const [top, left, height, width] = SIDES.map((side) => Number(state[`bias.${side}`] ?? -1));
    return height > 0 && width > 0 ? { top, left, height, width } : null;
  }

  /** @param {Area | null} next */
  function set(next) {
    store.set(Object.fromEntries(SIDES.map((side) => [`bias.${side}`, next?.[side] ?? null])));
  }

  /** @type {{ x: number, y: number } | null} */
  let from = null;
  /** @param {{ x: number, y: number }} to */
  const spanned = (to) => {
    const start = from ?? to;
    return {
      top: Math.min(start.y, to.y),
      left: Math.min(start.x, to.x),
      height: Math.abs(to.y - start.y) + 1,
      width: Math.abs(to.x - start.x) + 1,
    };
  };
  on(
    canvas.canvas,
    "pointerdown",
    (event) => {
      from = canvas.cellAt(event);
      canvas.canvas.setPointerCapture(event.pointerId);
    },
    signal,
  );
  on(
    canvas.canvas,
    "pointermove",
    (event) => {
      const cell = from && canvas.cellAt(event);
      if (!cell) return;
      const { top, left, height, width } = spanned(cell);
      canvas.mark({ boxes: [{ x: left, y: top, width, height, dashed: true }] });
    },
    signal,
  );
  on(
    canvas.canvas,
    "pointerup",
    (event) => {
      const cell = from && canvas.cellAt(event);
      if (cell) set(spanned(cell));
      from = null;
    },
    signal,
  );

  return {
    drawn,
    forget,
    numbers: numbers.map(({ element }) => element),
    /** Shows the region in question in the controls. */
    update() {
      forget.hidden = drawn() === null;
      const region = area();
      if (!region) return;
      for (const [index, side] of SIDES.entries()) numbers[index].set(region[side]);
    },
  };
}
