/**
 * Shape against texture: which of the two a network goes by. Each side is a sight of its own (`shape-stimuli.js` and its
 * neighbours); this module holds the strip that chooses among them, and what they share.
 * @module
 */

import { h, on, reveal, uniqueId } from "../widgets/dom.js";
import { createConflicts } from "./shape-conflicts.js";
import { create as createDial } from "./shape-dial.js";
import { createMaterial } from "./shape-material.js";
import { create as createOutline } from "./shape-outline.js";
import { create as createSet } from "./shape-set.js";
import { create as createStimuli } from "./shape-stimuli.js";
import { create as createVote } from "./shape-vote.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("./shape-material.js").Material} Material
 * @typedef {import("./shape-conflicts.js").Conflicts} Conflicts
 * @typedef {(root: HTMLElement, store: Store, app: Session, material: Material, conflicts: Conflicts) => Part} Create
 */

/** @type {{ id: string, title: string, hint: string, create: Create }[]} */
const SIGHTS = [
  {
    id: "stimuli",
    title: "Take one away",
    hint: "Pictures without shape, without texture, and with those of two",
    create: createStimuli,
  },
  {
    id: "dial",
    title: "From shape to texture",
    hint: "The answer on the way from one to the other",
    create: createDial,
  },
  { id: "set", title: "Over a set", hint: "Shape bias, by category", create: createSet },
  { id: "vote", title: "Vote", hint: "The class says first what it sees", create: createVote },
  {
    id: "outline",
    title: "Outline",
    hint: "Where the object is, to be mended",
    create: createOutline,
  },
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
  const material = createMaterial({ app, store });
  const conflicts = createConflicts({ app, store, material });
  const panelId = uniqueId("panel");
  const tabs = SIGHTS.map(({ id, title, hint }) => {
    const tab = h(
      "button",
      { type: "button", role: "tab", title: hint, "aria-controls": panelId },
      title,
    );
    on(tab, "click", () => store.set({ "shape.sight": id }), signal);
    return tab;
  });
  const strip = h(
    "div",
    { class: "sides", role: "tablist", "aria-label": "Ways to look" },
    ...tabs,
  );
  const panel = h("div", { class: "side-panel", role: "tabpanel", id: panelId });
  root.append(strip, panel);
  let shown = "";
  /** @type {Part | null} */
  let sight = null;

  /** @param {string} id */
  function show(id) {
    const at = Math.max(
      0,
      SIGHTS.findIndex((each) => each.id === id),
    );
    shown = id;
    sight?.destroy();
    app.controls.replaceChildren();
    panel.replaceChildren();
    for (const [index, tab] of tabs.entries()) {
      tab.setAttribute("aria-selected", String(index === at));
      tab.tabIndex = index === at ? 0 : -1;
    }
    panel.setAttribute("aria-label", SIGHTS[at].title);
    reveal(strip, tabs[at]);
    sight = SIGHTS[at].create(panel, store, app, material, conflicts);
  }

  on(
    strip,
    "keydown",
    (event) => {
      const at = tabs.findIndex((tab) => tab.matches(":focus"));
      const places = /** @type {Record<string, number>} */ ({
        ArrowLeft: at - 1,
        ArrowRight: at + 1,
        Home: 0,
        End: tabs.length - 1,
      });
      const place = places[event.key];
      if (at < 0 || place === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      if (!tabs[place]) return;
      tabs[place].focus();
      store.set({ "shape.sight": SIGHTS[place].id });
    },
    signal,
  );

  return {
    update(state, changed) {
      const id = String(state["shape.sight"]);
      const other = id !== shown;
      if (other) show(id);
      sight?.update(
        state,
        other ? new Set([...Object.keys(state), "net", "input", "weights", "prediction"]) : changed,
      );
    },
    destroy() {
      sight?.destroy();
      life.abort();
    },
  };
}
