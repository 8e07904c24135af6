/**
 * The views there are, in the order of the lecture. A view is one module in `../views/` with
 * `create(root, store, app) → { update(state, changed), destroy() }`; it is fetched when it is first shown.
 * @module
 */

import { SHARED } from "./store.js";

/**
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("./session.js").Part} Part
 * @typedef {import("./store.js").State} State
 * @typedef {import("./store.js").Store} Store
 * @typedef {(root: HTMLElement, store: Store, app: Session) => Part} Create
 * @typedef {{
 *   id: string,
 *   title: string,
 *   key: string,
 *   parameters: Record<string, import("./store.js").Value>,
 *   load: () => Promise<{ create: Create }>,
 * }} View
 */

/** @type {View[]} */
export const VIEWS = [
  {
    id: "kernels",
    title: "Kernels",
    key: "1",
    parameters: { "kernels.scale": "each", "kernels.slice": 0 },
    load: () => import("../views/kernels.js"),
  },
  {
    id: "saliency",
    title: "Saliency",
    key: "4",
    parameters: {
      "saliency.of": "logit",
      "saliency.map": "max",
      "saliency.clip": 99,
      "saliency.place": "over",
      "saliency.compare": false,
      "saliency.opacity": 75,
    },
    load: () => import("../views/saliency.js"),
  },
];

/**
 * The whole state when the address says nothing.
 * @returns {State}
 */
export function defaults() {
  return Object.assign({ ...SHARED }, ...VIEWS.map((view) => view.parameters));
}
