/**
 * Kernels: a layer's units from five sides. Each side is a sight of its own (`kernel-weights.js` and its neighbours); this
 * module holds the strip that chooses among them, and what they share: the pictures that units are shown.
 * @module
 */

import { h, on, reveal, uniqueId } from "../widgets/dom.js";
import { create as createBefore } from "./kernel-before.js";
import { create as createResponds } from "./kernel-responds.js";
import { create as createSpectra } from "./kernel-spectra.js";
import { create as createStatistics } from "./kernel-statistics.js";
import { createSurveys } from "./kernel-survey.js";
import { create as createWeights } from "./kernel-weights.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("./kernel-survey.js").Surveys} Surveys
 * @typedef {(root: HTMLElement, store: Store, app: Session, surveys: Surveys) => Part} Create
 */

/** @type {{ id: string, title: string, hint: string, create: Create }[]} */
const SIGHTS = [
  {
    id: "weights",
    title: "Weights",
    hint: "The numbers themselves, as pictures",
    create: createWeights,
  },
  {
    id: "responds",
    title: "Responds to",
    hint: "The pictures and patches that excite a unit most",
    create: createResponds,
  },
  {
    id: "statistics",
    title: "Statistics",
    hint: "Size of the filters, dead ones, twins",
    create: createStatistics,
  },
  {
    id: "spectra",
    title: "Spectra",
    hint: "Which frequencies the kernels let through",
    create: createSpectra,
  },
  {
    id: "before",
    title: "Before training",
    hint: "The random numbers that it began with, beside what they became",
    create: createBefore,
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
  const surveys = createSurveys(app, signal);
  const panelId = uniqueId("panel");
  const tabs = SIGHTS.map(({ id, title, hint }) => {
    const tab = h(
      "button",
      { type: "button", role: "tab", title: hint, "aria-controls": panelId },
      title,
    );
    on(tab, "click", () => store.set({ "kernels.sight": id }), signal);
    return tab;
  });
  const strip = h(
    "div",
    { class: "sides", role: "tablist", "aria-label": "What to look at" },
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
    sight = SIGHTS[at].create(panel, store, app, surveys);
  }

  /** @param {KeyboardEvent} event */
  function step(event) {
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
    store.set({ "kernels.sight": SIGHTS[place].id });
  }
  on(strip, "keydown", step, signal);

  return {
    update(state, changed) {
      if (changed.has("net") || changed.has("weights")) surveys.forget();
      const id = String(state["kernels.sight"]);
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
