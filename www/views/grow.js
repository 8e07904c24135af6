/**
 * The way from a channel, wherever it is shown, to the picture that it wants to see.
 * @module
 */

import { button } from "../widgets/controls.js";

/** @typedef {import("../app/session.js").Session} Session */
/** @typedef {import("../app/store.js").State} State */

/**
 * Grows the picture of the channel in question, or of the one in `patch`.
 * @param {Session} app
 * @param {Partial<State>} [patch] its layer and channel, where they are others
 */
export function grow(app, patch = {}) {
  app.goTo("synthesis", {
    ...patch,
    "synthesis.of": "channel",
    "synthesis.sight": "one",
    "synthesis.run": true,
  });
}

/**
 * A button that does so.
 * @param {{ app: Session, label?: string, patch?: () => Partial<State>, signal: AbortSignal }} options
 */
export function growButton({ app, label = "What it wants to see", patch = () => ({}), signal }) {
  const wants = button({ label, onClick: () => grow(app, patch()), signal });
  wants.hidden = !app.hasView("synthesis");
  return wants;
}
