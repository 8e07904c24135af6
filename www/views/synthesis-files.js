/**
 * What a run leaves behind: its picture, the way to it, and the JSON that replays it.
 * @module
 */

import { createRecording, fileName, readJson, saveJson } from "./growing-record.js";
import { stretched } from "./synthesis-lane.js";

/**
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("./synthesis-lane.js").Lane} Lane
 * @typedef {import("./synthesis-question.js").Question} Question
 * @typedef {import("./synthesis-question.js").Wanted} Wanted
 */

/** What stands for the picture, or for what a layer answers to it, in a JSON. */
const PICTURE = "picture";

/**
 * @param {{ question: Question, store: Store, lane: Lane }} options
 */
export function createFiles({ question, store, lane }) {
  const { app } = question;
  const name = () => fileName("convscope", app.net.name, question.subject());
  /** @param {ImageData} pixels */
  const shown = (pixels) =>
    store.get()["synthesis.stretch"] === true ? stretched(pixels).pixels : pixels;

  return {
    ...createRecording({ app, key: "synthesis", lane, name, shown }),
    /** @param {Wanted} wanted */
    json(wanted) {
      const { init, objective } = wanted;
      const aim =
        objective && "caricature" in objective ? { ...objective, caricature: PICTURE } : objective;
      const told = {
        convscope: "synthesis",
        model: store.get().model,
        image: app.picture.id,
        options: { ...wanted, objective: aim, init: typeof init === "string" ? init : PICTURE },
        address: location.href,
      };
      saveJson(told, name());
    },
    /**
     * The options that a JSON holds.
     * @param {File} file
     * @returns {Promise<Wanted>}
     */
    async read(file) {
      const told = await readJson(file, "synthesis", store.get().model);
      const { init, objective } = told.options;
      const needs = init === PICTURE || objective?.caricature === PICTURE;
      if (needs && told.image !== app.picture.id)
        throw new Error(`${file.name} starts from the picture ${told.image}; choose it first.`);
      if (objective?.caricature === PICTURE) {
        const { [objective.layer]: seen } = await app.net.activations(app.input, [objective.layer]);
        objective.caricature = seen;
      }
      return { ...told.options, init: init === PICTURE ? app.input : init };
    },
  };
}
