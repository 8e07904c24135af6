/**
 * Kernels: a layer's units from five sides. Each side is a sight of its own (`kernel-weights.js` and its neighbours); this
 * module says which there are, and holds what they share: the pictures that units are shown.
 * @module
 */

import { create as createBefore } from "./kernel-before.js";
import { create as createResponds } from "./kernel-responds.js";
import { create as createSpectra } from "./kernel-spectra.js";
import { create as createStatistics } from "./kernel-statistics.js";
import { createSurveys } from "./kernel-survey.js";
import { create as createWeights } from "./kernel-weights.js";
import { createSides } from "./sides.js";

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
  const sides = createSides({
    root,
    store,
    app,
    key: "kernels.sight",
    label: "What to look at",
    sides: SIGHTS,
    make: (side, panel) => side.create(panel, store, app, surveys),
    signal,
  });
  return {
    update(state, changed) {
      if (changed.has("net") || changed.has("weights")) surveys.forget();
      sides.update(state, changed);
    },
    destroy() {
      sides.destroy();
      life.abort();
    },
  };
}
