/**
 * Saliency: what of the picture an answer depends on, by every attribution method that the engine has. One map with what
 * proves it, or all cheap ones at once.
 * @module
 */

import { ask } from "./saliency-ask.js";
import { createControls } from "./saliency-controls.js";
import { formula } from "./saliency-formulas.js";
import { createMap } from "./saliency-map.js";
import { createRivals } from "./saliency-rivals.js";
import { createHeading, createWords } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/store.js").Store} Store
 */

/** What a map depends on, of the state. */
const QUESTION = [
  "net",
  "input",
  "weights",
  "target",
  "prediction",
  "saliency.of",
  "saliency.method",
  "saliency.options",
  "saliency.layer",
  "saliency.target",
  "saliency.rather",
  "saliency.y",
  "saliency.x",
];

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
  const controls = createControls({ app, store, signal });
  const map = createMap({ app, store, onValue: say, signal });
  const rivals = createRivals({
    app,
    link: map.link,
    onPick: (target) =>
      store.set({ target: target === app.prediction.top[0].index ? null : target }),
    signal,
  });
  map.pair.after(rivals.element);
  root.append(heading.element, map.element, words.element);

  function showRivals() {
    const state = store.get();
    const wanted = state["saliency.compare"] === true && state["saliency.target"] !== "unit";
    rivals.element.hidden = !wanted;
    root.classList.toggle("compared", wanted);
    if (wanted) void rivals.show(state);
    else app.stop("rivals");
  }

  function say() {
    const asked = ask(store.get(), app);
    const { method, kind, of, name } = asked;
    const would = asked.predicted ? "make" : "would make";
    if (kind === "unit") heading.say("Which pixels excite ", { name }, "?");
    else if (of === "loss" && kind === "class")
      heading.say("Which pixels would lower the loss for ", { name }, "?");
    else heading.say(`Which pixels ${would} it say `, { name }, "?");
    const inline = formula(method.id, false);
    words.say(
      [
        `${method.what} The ${asked.score} is ${map.score(asked)}.`,
        ...(inline ? [" ", inline] : []),
      ],
      [`${method.weakness} (${method.paper})`],
    );
  }

  return {
    update(next, changed) {
      controls.update(next);
      const unit = next["saliency.target"] === "unit";
      const moved = unit && (changed.has("layer") || changed.has("channel"));
      const again = moved || QUESTION.some((key) => changed.has(key));
      map.update(again, changed);
      if (again || [...changed].some((key) => key.startsWith("saliency."))) showRivals();
    },
    destroy() {
      map.leave();
      life.abort();
    },
  };
}
