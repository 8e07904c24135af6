/**
 * What a run leaves behind: its picture, the way to it, and the JSON that replays it.
 * @module
 */

import { animated } from "./synthesis-apng.js";
import { stretched } from "./synthesis-lane.js";
import { film, png, save } from "./synthesis-save.js";

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
  const name = () =>
    `convscope-${app.net.name}-${question.subject()}`.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  /** @param {ImageData} pixels */
  const shown = (pixels) =>
    store.get()["synthesis.stretch"] === true ? stretched(pixels).pixels : pixels;
  const frames = () => lane.frames.map((frame) => shown(frame.pixels));

  return {
    async png() {
      if (lane.last) save(await png(shown(lane.last.pixels)), `${name()}.png`);
    },
    async film() {
      if (lane.frames.length === 0) return;
      const made = await app.work("synthesis.film", (until) => film(frames(), until));
      if (made) save(made.blob, `${name()}.${made.extension}`);
    },
    async animation() {
      if (lane.frames.length === 0) return;
      const made = await app.work("synthesis.film", (until) => animated(frames(), until));
      if (made) save(made, `${name()}-growing.png`);
    },
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
      const blob = new Blob([JSON.stringify(told, null, 2)], { type: "application/json" });
      save(blob, `${name()}.json`);
    },
    /**
     * The options that a JSON holds.
     * @param {File} file
     * @returns {Promise<Wanted>}
     */
    async read(file) {
      const told = await file
        .text()
        .then(JSON.parse)
        .catch(() => null);
      if (told?.convscope !== "synthesis" || typeof told.options !== "object")
        throw new Error(`${file.name} holds no run of this view; save one with JSON first.`);
      if (told.model !== store.get().model)
        throw new Error(`${file.name} was made with ${told.model}; choose that network first.`);
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
