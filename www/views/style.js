/**
 * Style transfer: one picture's content in the style of another, growing by gradient descent on the picture, with the losses
 * and the Gram matrices beside it. It can be paused, scrubbed, saved, and replayed from its address or its JSON.
 * @module
 */

import { imageOf } from "../app/session.js";
import { slider } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";
import { createRecording, saveJson } from "./growing-record.js";
import { createRun } from "./growing-run.js";
import { createAsk } from "./style-ask.js";
import { createControls } from "./style-controls.js";
import { createFiles } from "./style-files.js";
import { createGrams } from "./style-grams.js";
import { createInputs } from "./style-inputs.js";
import { createLayers } from "./style-layers.js";
import { createLosses } from "./style-losses.js";
import { createQuestion } from "./style-question.js";
import { createShuffle } from "./style-shuffle.js";
import { createStrip } from "./style-strip.js";
import { createSayings } from "./style-words.js";
import { createLane } from "./synthesis-lane.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("../convscope.js").StyleOptions} StyleOptions
 * @typedef {import("./style-question.js").Wanted} Wanted
 * @typedef {import("./style-question.js").Preset} Preset
 * @typedef {import("./synthesis-lane.js").Asked<Wanted>} Asked
 */

/** What a run does not depend on. */
const LOOKS = ["style.gram", "style.run", "style.curve"];

/**
 * @param {HTMLElement} root
 * @param {Store} store
 * @param {Session} app
 * @returns {Part}
 */
export function create(root, store, app) {
  const life = new AbortController();
  const { signal } = life;
  const question = createQuestion({ app, store });
  const sayings = createSayings();
  const strip = createStrip({
    onPick: (id) => store.set({ "style.of": id }),
    onFile: (file) => store.set({ "style.of": question.add(file) }),
    onSwap: swap,
    signal,
  });
  const inputs = createInputs({ app, question, onMark: marked, signal });
  const { brush } = inputs;
  const lane = createLane({
    app,
    label: "The picture as it grows",
    make,
    onFrame: progress,
    signal,
  });
  lane.stretch(false);
  const grams = createGrams({ app, signal });
  const losses = createLosses({ store, signal });
  const scrub = slider({
    label: "Step",
    min: 0,
    max: 1,
    step: 1,
    value: 0,
    onInput: (step) => seek(step),
    signal,
  });
  const status = h("p", { class: "grown", role: "status" });
  const ask = createAsk({ onAnswer: () => run.startOrPause(), signal });
  const layers = createLayers({ app, signal });
  const shuffle = createShuffle({ app, signal });
  const stage = h("div", { class: "style-stage" }, inputs.element, lane.element, grams.element);
  const way = h("div", { class: "way" }, losses.element, scrub.element);
  root.append(
    sayings.heading,
    strip.element,
    stage,
    layers.element,
    shuffle.element,
    way,
    status,
    ask.element,
    sayings.words,
  );

  /** What is shown: the picture, or those of each layer. */
  const recorded = () => (question.sight() === "layers" ? layers.sheet : lane);
  const recording = createRecording({
    app,
    key: "style",
    lane: {
      get frames() {
        return recorded().frames;
      },
      get last() {
        return recorded().last;
      },
    },
    name: () => files.name(),
  });
  const files = createFiles({ question, store, brush });
  const controls = createControls({
    root: app.controls,
    store,
    question,
    brush,
    doing: {
      startOrPause: () => run.startOrPause(),
      halt: () => run.halt(),
      png: () => void recording.png(),
      film: () => void recording.film(),
      animation: () => void recording.animation(),
      json: () => {
        if (options) void saveJson(app, files.told(options), files.name());
      },
      replay: (file) => void replay(file),
    },
    signal,
  });

  /** What runs or ran, as it would be replayed. @type {Wanted | null} */
  let options = null;
  /** Options that a JSON brought, for one run. @type {Wanted | null} */
  let brought = null;
  /** @type {{ content: import("../convscope.js").ImageLike, styles: import("../convscope.js").Style[] } | null} */
  let pictures = null;
  /** The result's Gram matrix at the frames. @type {Map<number, Tensor>} */
  let matrices = new Map();
  let done = false;

  /** What a run depends on. */
  function asked() {
    const now = store.get();
    const own = Object.entries(now).filter(
      ([key]) => key.startsWith("style.") && !LOOKS.includes(key),
    );
    return JSON.stringify([now.model, app.picture.id, ...own]);
  }

  /**
   * The run that the lane shows, with what is told of it kept.
   * @param {Asked} wanted
   */
  async function make({ onStep, ...wanted }) {
    if (!pictures) throw new Error("No pictures are chosen yet.");
    const resumed = wanted.resume?.step ?? 0;
    losses.cut(resumed);
    const [layer] = wanted.grams;
    const made = await app.net.stylize(pictures.content, pictures.styles, {
      ...wanted,
      onStep: (step) => {
        losses.add(step.history);
        matrices.set(step.step, step.grams[layer]);
        grams.result(step.grams[layer]);
        return onStep({ step: step.step, value: step.total, image: step.image, state: step.state });
      },
    });
    losses.cut(resumed);
    losses.add(made.history);
    matrices.set(made.state.step, made.grams[layer]);
    grams.result(made.grams[layer]);
    return {
      image: made.image,
      history: made.history.map((each) => each.total),
      state: made.state,
    };
  }

  /** @type {ReturnType<typeof createRun<Wanted>>} */
  const run = createRun({
    app,
    store,
    key: "style",
    asked,
    start: () => void start(),
    onChange: controls.buttons,
    signal,
  });

  async function start() {
    const which = question.sight();
    arrange();
    done = false;
    const ended = await run.work(async (rescued, until) => {
      const preset = await question.preset();
      options = brought ?? rescued ?? question.wanted(preset);
      brought = null;
      pictures = await question.pictures(inputs.mask(), until);
      if (which === "layers") {
        await layers.grow(pictures, options, {
          turn: run.take,
          onStep: (layer, done, total) => {
            scrub.set(done, { max: Math.max(1, done) });
            status.textContent = `${layer}: step ${done} of ${total}`;
          },
          signal: until,
        });
        status.textContent = "The same noise each time; what differs is the layer that is matched.";
      } else if (which === "shuffle") await forget(preset, until);
      else await grow(options, rescued !== null, until);
      return true;
    });
    if (!ended) return;
    if (which === "one") {
      done = true;
      progress();
      ask.tell();
      arrange();
    }
    app.announce(`Done: ${question.subject()}. ${status.textContent}`);
  }

  /**
   * @param {Wanted} wanted
   * @param {boolean} goesOn from where the lane's last state is
   * @param {AbortSignal} until
   */
  async function grow(wanted, goesOn, until) {
    if (!goesOn) {
      losses.cut(0);
      matrices = new Map();
    }
    await showKnown(wanted, wanted.grams[0], until);
    await run.rescue(wanted, lane.grow(wanted, { turn: run.take, goesOn, signal: until }));
  }

  /**
   * The Gram matrix from which a run would start: at the size of the result, since at another one a layer answers otherwise.
   * @param {Wanted} wanted
   * @param {StyleOptions["init"]} init
   * @param {string} layer
   * @param {AbortSignal} until
   */
  async function gramOf(wanted, init, layer, until) {
    if (!pictures) throw new Error("No pictures are chosen yet.");
    /** @type {Tensor | undefined} */
    let first;
    const { grams: after } = await app.net.stylize(pictures.content, pictures.styles, {
      ...wanted,
      ...{ scales: 1, init, steps: 1, grams: [layer], signal: until },
      onStep: ({ grams: found }) => {
        first ??= found[layer];
        return { stop: true };
      },
    });
    return first ?? after[layer];
  }

  /**
   * The Gram matrices that stay in a run.
   * @param {Wanted} wanted
   * @param {string} layer
   * @param {AbortSignal} until
   */
  async function showKnown(wanted, layer, until) {
    const ofStyle = await gramOf(wanted, "style", layer, until);
    const ofContent = await gramOf(wanted, "content", layer, until);
    grams.begin(layer, { style: ofStyle, content: ofContent });
  }

  /**
   * @param {Preset} preset
   * @param {AbortSignal} until
   */
  async function forget(preset, until) {
    const taken = await app.net.preprocess(await imageOf(question.style(), until));
    const layer = question.shownLayer(preset);
    const seed = Number(store.get()["style.seed"]);
    status.textContent = await shuffle.show(taken, layer, seed, until);
  }

  /** What the sight is made of. */
  function arrange() {
    const which = question.sight();
    stage.hidden = which !== "one";
    way.hidden = which === "shuffle";
    losses.element.hidden = which !== "one";
    ask.element.hidden = which !== "one" || question.isTexture() || (done && !ask.answered);
    layers.element.hidden = which !== "layers";
    shuffle.element.hidden = which !== "shuffle";
    lane.caption(question.subject());
    strip.show(question.styles(), question.style().id);
    ask.ask(question.style().title);
    sayings.say(question);
  }

  function progress() {
    const at = lane.last?.step ?? 0;
    scrub.set(at, { max: Math.max(1, at) });
    show(at);
  }

  /** @param {number} at */
  function show(at) {
    const said = options && losses.show(options, at);
    if (!said) return;
    const since = lane.resumed > 0 ? ` · went on from step ${lane.resumed} on another device` : "";
    status.textContent = said + since;
  }

  /** @param {number} step */
  function seek(step) {
    if (question.sight() === "layers") {
      void layers.sheet.seek(step);
      return;
    }
    const frame = lane.seek(step);
    const matrix = frame && matrices.get(frame.step);
    if (matrix) grams.result(matrix);
    show(step);
  }

  /** Something else is marked. */
  function marked() {
    if (store.get()["style.run"] === true) void start();
  }

  function swap() {
    const taken = question.style();
    const shared = app.pictures.some((each) => each.id === taken.id);
    const next = { "style.of": app.picture.id };
    if (shared) store.set({ ...next, image: taken.id, target: null });
    else if (taken.image) {
      store.set(next, { replace: true });
      void app.useImage(taken.image, { title: taken.title });
    }
  }

  /** @param {HTMLInputElement} file */
  async function replay(file) {
    const [chosen] = file.files ?? [];
    file.value = "";
    if (!chosen) return;
    const read = await app.work("style.replay", () => files.read(chosen));
    if (!read) return;
    store.set({ ...read.state, "style.run": false }, { replace: true });
    inputs.mark(read.mask);
    brought = read.options;
    await start();
  }

  /** Brings the controls in line with the state. @param {import("../app/store.js").State} next */
  async function mirror(next) {
    const base = await app.work("style.preset", () => question.preset());
    if (base && !signal.aborted) controls.mirror(next, base);
  }

  let last = "";
  return {
    update(next, changed) {
      void mirror(next);
      if (["net", "input", "style.of"].some((key) => changed.has(key))) void inputs.show();
      const now = asked();
      const again = now !== last || ["net", "weights"].some((key) => changed.has(key));
      last = now;
      arrange();
      if (changed.has("style.curve") && options) show(lane.last?.step ?? 0);
      if (changed.has("style.gram") && !run.running && options) void lookAgain();
      if ((again || changed.has("style.run")) && !brought && next["style.run"] === true) {
        void start();
        return;
      }
      if (again && !run.running) {
        lane.clear();
        done = false;
      }
      run.told();
      if (!run.running && !done && question.sight() === "one")
        status.textContent = "Press Start, or space, and watch it grow.";
    },
    destroy() {
      run.destroy();
      life.abort();
    },
  };

  /** Another layer's matrices, once the run is over; the result's comes from the picture itself. */
  async function lookAgain() {
    await app.work("style.grams", async (until) => {
      const layer = question.shownLayer(await question.preset());
      if (!options) return;
      await showKnown(options, layer, until);
      const image = lane.last?.tensor;
      if (image) grams.result(await gramOf(options, image, layer, until));
    });
  }
}
