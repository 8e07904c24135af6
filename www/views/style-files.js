/**
 * What replays a run of style transfer: written as JSON, and read again.
 * @module
 */

import { readJson } from "./growing-record.js";

/**
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("./style-question.js").Question} Question
 * @typedef {import("./style-question.js").Wanted} Wanted
 */

/**
 * @param {{ question: Question, store: Store, brush: ReturnType<typeof import("../widgets/brush.js").createBrush> }} options
 */
export function createFiles({ question, store, brush }) {
  const { app } = question;
  return {
    /** @param {Wanted} wanted */
    told(wanted) {
      return {
        convscope: "style",
        model: store.get().model,
        image: app.picture.id,
        style: question.style().id,
        second: question.second()?.id ?? "",
        mix: store.get()["style.mix"],
        mask: brush.any ? Array.from(brush.mask) : null,
        options: wanted,
        address: location.href,
      };
    },
    /**
     * What a JSON holds, once its pictures are there.
     * @param {File} file
     */
    async read(file) {
      const run = await readJson(file, "style", store.get().model);
      const ids = [run.image, run.style, run.second].filter(Boolean);
      const missing = ids.find((id) => !question.styles().some((each) => each.id === id));
      if (missing) throw new Error(`${file.name} needs the picture ${missing}; open it first.`);
      if (run.image !== app.picture.id)
        throw new Error(`${file.name} keeps the content of ${run.image}; choose it first.`);
      return run;
    },
  };
}
