/**
 * Bias: does the network look at the object? Over a labelled set where there is one that fits the network, else over the
 * chosen picture with a brush.
 * @module
 */

import { createBrush } from "./bias-brush.js";
import { createScan } from "./bias-scan.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/store.js").Store} Store
 */

/**
 * @param {HTMLElement} root
 * @param {Store} store
 * @param {Session} app
 * @returns {Part}
 */
export function create(root, store, app) {
  const life = new AbortController();
  /** @type {{ update: Part["update"], end: () => void, ofSet: boolean } | null} */
  let part = null;

  function build() {
    const { input, labels } = app.net;
    const ofSet = input.shape.join() === "1,1,28,28" && labels.length === 10;
    if (part?.ofSet === ofSet) return;
    part?.end();
    root.replaceChildren();
    app.controls.replaceChildren();
    const own = new AbortController();
    life.signal.addEventListener("abort", () => own.abort(), { once: true });
    const { update } = (ofSet ? createScan : createBrush)(root, store, app, own.signal);
    part = { update, ofSet, end: () => own.abort() };
  }

  build();
  return {
    update(state, changed) {
      const before = part;
      build();
      // A part that is new has seen nothing yet.
      const all = new Set([...Object.keys(state), "net", "input", "weights"]);
      part?.update(state, part === before ? changed : all);
    },
    destroy: () => life.abort(),
  };
}
