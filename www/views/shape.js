/**
 * Shape against texture: which of the two a network goes by. Each side is a sight of its own (`shape-stimuli.js` and its
 * neighbours); this module says which there are, and holds what they share.
 * @module
 */

import { createConflicts } from "./shape-conflicts.js";
import { create as createDial } from "./shape-dial.js";
import { createMaterial } from "./shape-material.js";
import { create as createOutline } from "./shape-outline.js";
import { create as createSet } from "./shape-set.js";
import { create as createStimuli } from "./shape-stimuli.js";
import { create as createVote } from "./shape-vote.js";
import { createSides } from "./sides.js";

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
  const material = createMaterial({ app, store });
  const conflicts = createConflicts({ app, store, material });
  const sides = createSides({
    root,
    store,
    app,
    key: "shape.sight",
    label: "Ways to look",
    sides: SIGHTS,
    make: (side, panel) => side.create(panel, store, app, material, conflicts),
    signal: life.signal,
  });
  return {
    update: sides.update,
    destroy() {
      sides.destroy();
      life.abort();
    },
  };
}
