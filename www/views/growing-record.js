/**
 * What any run of a lane leaves behind as pictures: its last one, and the way to it as a film or an animated PNG.
 * @module
 */

import { save } from "../widgets/save.js";
import { animated } from "./synthesis-apng.js";
import { film, png } from "./synthesis-save.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {{ readonly pixels: ImageData }} Recorded
 */

/**
 * @param {{ app: Session, key: string, lane: { readonly frames: Recorded[], readonly last: Recorded | null }, name: () => string, shown?: (pixels: ImageData) => ImageData }} options
 *   `key` of the jobs, `name` of the files without their ending, `shown` what is done to a picture before it is shown
 */
export function createRecording({ app, key, lane, name, shown = (pixels) => pixels }) {
  const frames = () => lane.frames.map((frame) => shown(frame.pixels));
  return {
    async png() {
      if (lane.last) save(await png(shown(lane.last.pixels)), `${name()}.png`);
    },
    async film() {
      if (lane.frames.length === 0) return;
      const made = await app.work(`${key}.film`, (until) => film(frames(), until));
      if (made) save(made.blob, `${name()}.${made.extension}`);
    },
    async animation() {
      if (lane.frames.length === 0) return;
      const made = await app.work(`${key}.film`, (until) => animated(frames(), until));
      if (made) save(made, `${name()}-growing.png`);
    },
  };
}

/**
 * A file name of letters, digits and dashes.
 * @param {...string} parts
 */
export function fileName(...parts) {
  return parts
    .join("-")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-");
}

/**
 * Saves what replays a run, with the ways in which a GPU computes its layers.
 * @param {Session} app
 * @param {object} told
 * @param {string} name
 */
export async function saveJson(app, told, name) {
  const whole = { ...told, choices: await app.scope.choices() };
  const blob = new Blob([JSON.stringify(whole, null, 2)], { type: "application/json" });
  save(blob, `${name}.json`);
}

/**
 * What a JSON of that kind holds, made with that network.
 * @param {File} file
 * @param {string} kind
 * @param {string} model
 * @returns {Promise<any>}
 */
export async function readJson(file, kind, model) {
  const told = await file
    .text()
    .then(JSON.parse)
    .catch(() => null);
  if (told?.convscope !== kind || typeof told.options !== "object")
    throw new Error(`${file.name} holds no run of this view; save one with JSON first.`);
  if (told.model !== model)
    throw new Error(`${file.name} was made with ${told.model}; choose that network first.`);
  return told;
}

/**
 * What a JSON of that kind, chosen in `input`, holds, where the pictures that it `needs` are there.
 * @param {{ app: Session, store: import("../app/store.js").Store, kind: string, input: HTMLInputElement, needs: (run: any) => string[] }} options
 * @returns {Promise<any>}
 */
export async function readChosen({ app, store, kind, input, needs }) {
  const [chosen] = input.files ?? [];
  input.value = "";
  if (!chosen) return undefined;
  return app.work(`${kind}.replay`, async () => {
    const run = await readJson(chosen, kind, store.get().model);
    const needed = needs(run).find((id) => !app.pictures.some((each) => each.id === id));
    if (needed) throw new Error(`${chosen.name} needs the picture ${needed}; open it first.`);
    return run;
  });
}
