/**
 * What replays a run of style transfer: written as JSON, and read again.
 * @module
 */

import { fileName, readJson } from "./growing-record.js";

/**
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../app/store.js").State} State
 * @typedef {import("./style-question.js").Question} Question
 * @typedef {import("./style-question.js").Wanted} Wanted
 */

/**
 * @param {{ question: Question, store: Store, brush: ReturnType<typeof import("../widgets/brush.js").createBrush> }} options
 */
export function createFiles({ question, store, brush }) {
  const { app } = question;
  return {
    /** Of what is saved, without the ending. */
    name: () =>
      fileName(
        "convscope",
        app.net.name,
        question.subject(),
        ...(question.sight() === "one" ? [] : [question.sight()]),
      ),
    /** @param {Wanted} wanted */
    told(wanted) {
      const now = store.get();
      const state = Object.entries(now).filter(([key]) => key.startsWith("style."));
      return {
        convscope: "style",
        model: now.model,
        image: app.picture.id,
        style: question.style().id,
        second: question.second()?.id ?? "",
        mask: brush.any ? Array.from(brush.mask) : null,
        options: wanted,
        state: Object.fromEntries(state),
        address: location.href,
      };
    },
    /**
     * What a JSON holds, once its pictures are there: the options, what was marked, and the state of the page they belong to.
     * @param {File} file
     * @returns {Promise<{ options: Wanted, mask: number[] | null, state: Partial<State> }>}
     */
    async read(file) {
      const run = await readJson(file, "style", store.get().model);
      const ids = [run.image, run.style, run.second].filter(Boolean);
      const missing = ids.find((id) => !question.styles().some((each) => each.id === id));
      if (missing) throw new Error(`${file.name} needs the picture ${missing}; open it first.`);
      if (run.image !== app.picture.id)
        throw new Error(`${file.name} keeps the content of ${run.image}; choose it first.`);
      const now = store.get();
      const state = Object.entries(run.state ?? {}).filter(
        ([key]) => key.startsWith("style.") && key in now,
      );
      return { options: run.options, mask: run.mask, state: Object.fromEntries(state) };
    },
  };
}
