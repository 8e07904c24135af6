/**
 * Robustness: what makes the network err, and what helps against it. Each way to look is a module of its own with
 * `create…(place) → { element, controls, update, leave }`: `controls` go into the side, `update(again, changed)` draws and
 * says what is seen, `leave` stops what runs.
 * @module
 */

import { createAttack } from "./robustness-attack.js";
import { createDefend } from "./robustness-defend.js";
import { createLadder } from "./robustness-ladder.js";
import { createPerturb } from "./robustness-perturb.js";
import { createSinglePixels } from "./robustness-pixels.js";
import { createModes } from "./saliency-modes.js";
import { createHeading, createWords } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {{
 *   app: Session,
 *   store: Store,
 *   heading: ReturnType<typeof createHeading>,
 *   words: ReturnType<typeof createWords>,
 *   signal: AbortSignal,
 * }} Place
 * @typedef {import("./saliency-modes.js").Mode & { controls: HTMLElement[] }} Way
 */

/** The ways to look. @type {{ id: string, title: string, hint: string, create: (place: Place) => Way }[]} */
const WAYS = [
  {
    id: "perturb",
    title: "Perturb",
    hint: "Noise, blur, light, movement: what happens without malice",
    create: createPerturb,
  },
  {
    id: "pixels",
    title: "Single pixels",
    hint: "What one pixel can do",
    create: createSinglePixels,
  },
  {
    id: "attack",
    title: "Attack",
    hint: "A small change, made on purpose",
    create: createAttack,
  },
  {
    id: "defend",
    title: "Defend",
    hint: "A filter, a vote or a detector before the network",
    create: createDefend,
  },
  {
    id: "ladder",
    title: "Ladder",
    hint: "Attacks against defences, over many pictures",
    create: createLadder,
  },
];

/** What a way must begin again for. */
const QUESTION = ["net", "input", "weights", "target", "prediction"];

/**
 * @param {HTMLElement} root
 * @param {Store} store
 * @param {Session} app
 * @returns {Part}
 */
export function create(root, store, app) {
  const life = new AbortController();
  const { signal } = life;
  const heading = createHeading();
  const words = createWords();
  const place = { app, store, heading, words, signal };
  /** @type {Map<import("./saliency-modes.js").Mode, HTMLElement[]>} */
  const controls = new Map();
  const modes = createModes({
    store,
    signal,
    key: "robustness.mode",
    entries: WAYS.map(({ id, title, hint, create }) => ({
      id,
      title,
      hint,
      make: () => {
        const way = create(place);
        controls.set(way, way.controls);
        return way;
      },
    })),
    onEnter: (mode) => app.controls.replaceChildren(...(controls.get(mode) ?? [])),
  });
  root.append(heading.element, modes.tabs, modes.stage, words.element);
  return {
    update(_state, changed) {
      root.dataset.mode = modes.now();
      modes.update(
        QUESTION.some((key) => changed.has(key)),
        changed,
      );
    },
    destroy() {
      modes.leave();
      life.abort();
      delete root.dataset.mode;
    },
  };
}
