/**
 * An attack as files: its picture, the way to it as an animation, and the settings that make it again.
 * @module
 */

import { savingFold } from "./growing-controls.js";
import { createRecording, fileName, readChosen, saveJson } from "./growing-record.js";

/**
 * @typedef {import("../convscope.js").AttackResult} Outcome
 * @typedef {import("../convscope.js").AttackStep} Step
 * @typedef {import("./growing-record.js").Recorded} Recorded
 */

/** What an attack depends on beside the network and the picture. */
const ASKED = [
  "target",
  "robustness.attack",
  "robustness.epsilon",
  "robustness.goal",
  "robustness.options",
  "robustness.seed",
];

/**
 * @param {{
 *   app: import("../app/session.js").Session,
 *   store: import("../app/store.js").Store,
 *   wish: import("./robustness-attack-wish.js").Wish,
 *   steps: () => Step[],
 *   shown: () => Outcome | Step | null,
 *   onReplay: () => void,
 *   signal: AbortSignal,
 * }} place `onReplay` is called where a file asks for what is asked already
 */
export function createAttackSaves({ app, store, wish, steps, shown, onReplay, signal }) {
  /** The steps as pictures, and the one that is shown. */
  let lane = {
    frames: /** @type {Recorded[]} */ ([]),
    last: /** @type {Recorded | null} */ (null),
  };
  const name = () => fileName("convscope", app.net.name, wish.method().id, app.picture.id);
  const recording = createRecording({
    app,
    key: "attack",
    lane: {
      get frames() {
        return lane.frames;
      },
      get last() {
        return lane.last;
      },
    },
    name,
  });

  /** Makes pictures of the tensors before `take` saves them. @param {() => Promise<void>} take */
  async function withPictures(take) {
    const now = shown();
    if (!now) return;
    const pictured = async (/** @type {Outcome | Step} */ { image }) => ({
      pixels: await app.net.toPixels(image),
    });
    const last = await pictured(now);
    const frames = await Promise.all(steps().map(pictured));
    lane = { frames: frames.length > 0 ? frames : [last], last };
    await take();
  }

  function told() {
    const now = store.get();
    const state = Object.entries(now).filter(([key]) => ASKED.includes(key));
    return {
      convscope: "attack",
      model: now.model,
      image: app.picture.id,
      state: { ...Object.fromEntries(state), target: app.target },
    };
  }

  /** @param {HTMLInputElement} input */
  async function replay(input) {
    const needs = (/** @type {any} */ run) => [run.image];
    const read = await readChosen({ app, store, kind: "attack", input, needs });
    if (!read) return;
    const state = Object.entries(read.state).filter(([key]) => ASKED.includes(key));
    const before = JSON.stringify(told());
    store.set({ ...Object.fromEntries(state), image: read.image });
    if (JSON.stringify(told()) === before) onReplay();
  }

  return savingFold({
    doing: {
      png: () => void withPictures(recording.png),
      film: () => void withPictures(recording.film),
      animation: () => void withPictures(recording.animation),
      json: () =>
        void saveJson(app, { ...told(), options: wish.asked(), address: location.href }, name()),
      replay: (file) => void replay(file),
    },
    signal,
  });
}
