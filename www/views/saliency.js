/**
 * Saliency: what of the picture an answer depends on, by every attribution method that the engine has. One map with what
 * proves it, all methods at once, maps side by side.
 * @module
 */

import { ask, depthOf } from "./saliency-ask.js";
import { createControls } from "./saliency-controls.js";
import { formula } from "./saliency-formulas.js";
import { createGallery } from "./saliency-gallery.js";
import { createGrid } from "./saliency-grid.js";
import { createMap } from "./saliency-map.js";
import { createModes } from "./saliency-modes.js";
import { createRivals } from "./saliency-rivals.js";
import { createSanity } from "./saliency-sanity.js";
import { createTruth } from "./saliency-truth.js";
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
  const single = {
    element: map.element,
    /** @param {boolean} again @param {Set<string>} changed */
    update(again, changed) {
      map.update(again, changed);
      if (again || [...changed].some((key) => key.startsWith("saliency."))) showRivals();
    },
    leave() {
      map.leave();
      app.stop("rivals");
      root.classList.remove("compared");
    },
  };
  const modes = createModes({
    store,
    signal,
    entries: [
      { id: "map", title: "One map", hint: "One method, large", make: () => single },
      {
        id: "gallery",
        title: "All methods",
        hint: "Every method for this picture",
        make: () =>
          createGallery({
            app,
            store,
            onOpen: ({ id }) =>
              store.set({ "saliency.mode": "map", "saliency.method": id, "saliency.options": "" }),
            signal,
          }),
      },
      {
        id: "grid",
        title: "Side by side",
        hint: "Up to four methods, classes or networks",
        make: () => createGrid({ app, store, signal }),
      },
      {
        id: "truth",
        title: "Delete and insert",
        hint: "Does the score fall when the map's first pixels go?",
        make: () => createTruth({ app, store, signal }),
      },
      {
        id: "sanity",
        title: "Re-initialise",
        hint: "Does the map change when the weights are forgotten?",
        make: () => createSanity({ app, store, signal }),
      },
    ],
  });
  root.append(heading.element, modes.tabs, modes.stage, words.element);

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
    const mode = modes.now();
    if (mode === "gallery") heading.say("What every method says about ", { name });
    else if (mode === "grid") heading.say("Do they agree on ", { name }, "?");
    else if (mode === "truth")
      heading.say(`Does ${method.title} point at what matters for `, { name }, "?");
    else if (mode === "sanity")
      heading.say("Does ", { name: method.title }, " care about the weights?");
    else if (kind === "unit") heading.say("Which pixels excite ", { name }, "?");
    else if (of === "loss" && kind === "class")
      heading.say("Which pixels would lower the loss for ", { name }, "?");
    else
      heading.say(`Which pixels ${asked.predicted ? "make" : "would make"} it say `, { name }, "?");
    if (mode === "gallery")
      words.say(
        [
          "Hover a map for what it asks, click it to open it. Orange is for, blue against, bright is strong, ✓ proved by its identity.",
        ],
        ["That many look alike proves none of them: what they share may be the picture's edges."],
      );
    else if (mode === "grid")
      words.say(
        ["Point at one map, and the same place is marked in all."],
        ["Values of different methods have different units; one scale compares those of one kind."],
      );
    else if (mode === "truth")
      words.say(
        [
          "Pixels are replaced by the mean colour in the order of the map, or come back in it; the area under the curve sums it up (Petsiuk, Das, Saenko 2018).",
        ],
        [
          "Half-deleted pictures are like none that the network has seen: a curve may fall because of the holes, not of what is missing.",
        ],
      );
    else if (mode === "sanity")
      words.say(
        [
          "Layer by layer from the top, weights are drawn anew with their own mean and spread; a map that explains the network must change (Adebayo et al. 2018).",
        ],
        [
          "A map that changes is not therefore right; one that stays the same shows the picture, not the network.",
        ],
      );
    else sayMap(asked);
  }

  /** Class activation maps look where one goes in the list of layers, unless that chooses what is explained. */
  function followLayer() {
    const asked = ask(store.get(), app);
    const { name } = app.layer;
    if (asked.kind === "unit" || depthOf(app.net, name) !== name) return;
    queueMicrotask(() => store.set({ "saliency.layer": name }, { replace: true }));
  }

  /** @param {import("./saliency-ask.js").Asked} asked */
  function sayMap(asked) {
    const { method } = asked;
    const inline = formula(method.id, false);
    const score = map.score(asked);
    words.say(
      [
        method.what,
        score === null ? "" : ` The ${asked.score} is ${score}.`,
        ...(inline ? [" ", inline] : []),
      ],
      [`${method.weakness} (${method.paper})`],
    );
  }

  return {
    update(next, changed) {
      controls.update(next, modes.now());
      const unit = next["saliency.target"] === "unit";
      const moved = unit && (changed.has("layer") || changed.has("channel"));
      const again = moved || QUESTION.some((key) => changed.has(key));
      root.dataset.mode = modes.now();
      say();
      modes.update(again, changed);
      if (changed.has("layer") && !changed.has("net")) followLayer();
    },
    destroy() {
      modes.leave();
      life.abort();
      delete root.dataset.mode;
    },
  };
}
