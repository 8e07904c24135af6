/**
 * What a run leaves behind: its picture, the way to it, and the JSON that replays it.
 * @module
 */

import { createRecording, fileName, readJson, saveJson } from "./growing-record.js";
import { stretched } from "./synthesis-lane.js";

/**
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../app/store.js").State} State
 * @typedef {import("./synthesis-lane.js").Lane} Lane
 * @typedef {import("./synthesis-sheet.js").Sheet} Sheet
 * @typedef {import("./synthesis-question.js").Question} Question
 * @typedef {import("./synthesis-question.js").Wanted} Wanted
 * @typedef {import("../convscope.js").Objective} Objective
 */

/** What a run depends on beside the view's own parameters. */
const UNIT = ["layer", "channel", "target"];

/** What stands for the picture, or for what a layer answers to it, in a JSON. */
const PICTURE = "picture";

/**
 * @param {{ question: Question, store: Store, lane: Lane, sheet: Sheet }} options the lane of one picture, the sheet of many
 */
export function createFiles({ question, store, lane, sheet }) {
  const { app } = question;
  const single = () => question.sight() === "one";
  const name = () =>
    fileName(
      "convscope",
      app.net.name,
      question.subject(),
      ...(single() ? [] : [question.sight()]),
    );
  /** Pictures of a sheet are stretched as they are shown. @param {ImageData} pixels */
  const shown = (pixels) =>
    single() && store.get()["synthesis.stretch"] === true ? stretched(pixels).pixels : pixels;
  const recorded = {
    get frames() {
      return single() ? lane.frames : sheet.frames;
    },
    get last() {
      return single() ? lane.last : sheet.last;
    },
  };

  return {
    ...createRecording({ app, key: "synthesis", lane: recorded, name, shown }),
    /** @param {Wanted} wanted */
    json(wanted) {
      const { init } = wanted;
      const now = store.get();
      const state = Object.entries(now).filter(
        ([key]) => UNIT.includes(key) || key.startsWith("synthesis."),
      );
      const told = {
        convscope: "synthesis",
        model: now.model,
        image: app.picture.id,
        options: {
          ...wanted,
          objective: written(wanted.objective),
          init: typeof init === "string" ? init : PICTURE,
        },
        state: { ...Object.fromEntries(state), target: app.target },
        address: location.href,
      };
      void saveJson(app, told, name());
    },
    /**
     * The options that a JSON holds, and the state of the page that they belong to.
     * @param {File} file
     * @returns {Promise<{ wanted: Wanted, state: Partial<State> }>}
     */
    async read(file) {
      const now = store.get();
      const told = await readJson(file, "synthesis", now.model);
      const { init, objective } = told.options;
      const needs = init === PICTURE || objective?.caricature === PICTURE;
      if (needs && told.image !== app.picture.id)
        throw new Error(`${file.name} starts from the picture ${told.image}; choose it first.`);
      if (objective?.caricature === PICTURE) {
        const { [objective.layer]: seen } = await app.net.activations(app.input, [objective.layer]);
        objective.caricature = seen;
      }
      if (Array.isArray(objective?.direction))
        objective.direction = Float32Array.from(objective.direction);
      const state = Object.entries(told.state ?? {}).filter(
        ([key]) => key in now && key !== "view",
      );
      return {
        wanted: { ...told.options, init: init === PICTURE ? app.input : init },
        state: Object.fromEntries(state),
      };
    },
  };
}

/** An objective as JSON holds it. @param {Objective | undefined} objective */
function written(objective) {
  if (!objective || Array.isArray(objective)) return objective;
  if ("caricature" in objective) return { ...objective, caricature: PICTURE };
  if ("direction" in objective) return { ...objective, direction: [...objective.direction] };
  return objective;
}
