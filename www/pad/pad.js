/**
 * A pad to draw a picture for networks with one input channel: white on black, as Fashion-MNIST has it. What is drawn
 * is looked at while it is drawn.
 * @module
 */

import { h, on } from "../widgets/dom.js";
import { popover } from "../widgets/popover.js";

/** @typedef {import("../app/session.js").Session} Session */

const SIDE = 280;

/**
 * @param {HTMLButtonElement} button
 * @param {Session} app
 * @param {AbortSignal} signal
 */
export function createPad(button, app, signal) {
  const canvas = h("canvas", {
    width: SIDE,
    height: SIDE,
    role: "img",
    "aria-label": "Drawing pad: draw with pointer or finger",
  });
  const clear = h("button", { type: "button", class: "button" }, "Clear");
  const stop = h("button", { type: "button", class: "button quiet" }, "Close");
  const width = h("input", {
    type: "range",
    min: 8,
    max: 60,
    value: 26,
    "aria-label": "Width of the stroke",
  });
  const panel = h("div", { class: "pad" }, canvas, h("div", { class: "row" }, width, clear, stop));
  const { close } = popover({
    button,
    panel,
    label: "Drawing pad",
    manual: true,
    onOpen: () => look(),
    signal,
  });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let busy = false;
  let again = false;

  wipe();

  function wipe() {
    if (!context) return;
    context.fillStyle = "black";
    context.fillRect(0, 0, SIDE, SIDE);
  }

  /** Looks at the drawing; while one look runs, the next waits, and the latest wins. */
  async function look() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    do {
      again = false;
      const image = context?.getImageData(0, 0, SIDE, SIDE);
      if (image) await app.useImage(image, { id: "drawing", title: "Drawing" });
      await app.idle();
    } while (again);
    busy = false;
  }

  /**
   * @param {PointerEvent} event
   * @returns {[number, number]}
   */
  function place(event) {
    const box = canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) / box.width) * SIDE,
      ((event.clientY - box.top) / box.height) * SIDE,
    ];
  }

  on(
    canvas,
    "pointerdown",
    (event) => {
      if (!context) return;
      canvas.setPointerCapture(event.pointerId);
      context.strokeStyle = event.shiftKey || event.button === 2 ? "black" : "white";
      context.lineWidth = width.valueAsNumber;
      context.lineCap = "round";
      context.lineJoin = "round";
      context.beginPath();
      context.moveTo(...place(event));
      context.lineTo(...place(event));
      context.stroke();
      void look();
    },
    signal,
  );
  on(
    canvas,
    "pointermove",
    (event) => {
      if (!context || !canvas.hasPointerCapture(event.pointerId)) return;
      context.lineTo(...place(event));
      context.stroke();
      void look();
    },
    signal,
  );
  on(canvas, "contextmenu", (event) => event.preventDefault(), signal);
  on(
    clear,
    "click",
    () => {
      wipe();
      void look();
    },
    signal,
  );
  on(stop, "click", close, signal);
}
