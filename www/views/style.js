/**
 * Style transfer: one picture's content in the style of another, growing by gradient descent on the picture, with the losses
 * and the Gram matrices beside it. It can be paused, scrubbed, saved, and replayed from its address or its JSON.
 * @module
 */

import { imageOf } from "../app/session.js";
import { createBrush } from "../widgets/brush.js";
import { slider } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";
import { number } from "../widgets/format.js";
import { classColor } from "../widgets/palette.js";
import { createPixels } from "../widgets/pixels.js";
import { createRecording, fileName, readJson, saveJson } from "./growing-record.js";
import { createAsk } from "./style-ask.js";
import { createControls } from "./style-controls.js";
import { createGrams } from "./style-grams.js";
import { createLayers } from "./style-layers.js";
import { createQuestion } from "./style-question.js";
import { createShuffle } from "./style-shuffle.js";
import { createStrip } from "./style-strip.js";
import { createSayings } from "./style-words.js";
import { createCurve } from "./synthesis-curve.js";
import { createLane } from "./synthesis-lane.js";
import { createTurn } from "./synthesis-turn.js";
import { figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("../convscope.js").StyleLoss} StyleLoss
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
  const turn = createTurn();
  const sayings = createSayings();
  const strip = createStrip({
    onPick: (id) => store.set({ "style.of": id }),
    onFile: (file) => store.set({ "style.of": question.add(file) }),
    onSwap: swap,
    signal,
  });
  const content = createPixels({ label: "The content", signal });
  const style = createPixels({ label: "The style", signal });
  const brush = createBrush({ pixels: content, radius: 16, onPaint: veil, onDone: marked, signal });
  brush.active = false;
  const contentSight = figure(content.element, "Content");
  const styleSight = figure(style.element, "Style");
  const lane = createLane({
    app,
    label: "The picture as it grows",
    make,
    onFrame: progress,
    signal,
  });
  lane.stretch(false);
  const grams = createGrams({ app, signal });
  const curve = createCurve({ label: "The losses over the steps", log: true, signal });
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
  const ask = createAsk({ onAnswer: startOrPause, signal });
  const layers = createLayers({ app, signal });
  const shuffle = createShuffle({ app, signal });
  const stage = h(
    "div",
    { class: "style-stage" },
    h("div", { class: "style-inputs" }, contentSight.element, styleSight.element),
    lane.element,
    grams.element,
  );
  const way = h("div", { class: "way" }, curve.element, scrub.element);
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

  const name = () => fileName("convscope", app.net.name, question.subject());
  const recording = createRecording({ app, key: "style", lane, name });
  const controls = createControls({
    root: app.controls,
    store,
    question,
    brush,
    doing: {
      startOrPause,
      halt,
      png: () => void recording.png(),
      film: () => void recording.film(),
      animation: () => void recording.animation(),
      json: () => {
        if (options) saveJson(told(options), name());
      },
      replay: (file) => void replay(file),
    },
    signal,
  });

  /** What runs or ran, as it would be replayed. @type {Wanted | null} */
  let options = null;
  /** Options that a JSON brought, for one run. @type {Wanted | null} */
  let brought = null;
  /** What the GPU took away with its device, to go on with. @type {{ options: Wanted, asked: string } | null} */
  let lost = null;
  /** @type {{ content: import("../convscope.js").ImageLike, styles: import("../convscope.js").Style[] } | null} */
  let pictures = null;
  /** The losses of each step. @type {StyleLoss[]} */
  let losses = [];
  /** The result's Gram matrix at the frames. @type {Map<number, Tensor>} */
  let matrices = new Map();
  let running = false;
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
    losses.length = Math.min(losses.length, resumed);
    const [layer] = wanted.grams;
    const made = await app.net.stylize(pictures.content, pictures.styles, {
      ...wanted,
      onStep: (step) => {
        losses.push(...step.history);
        matrices.set(step.step, step.grams[layer]);
        grams.result(step.grams[layer]);
        return onStep({ step: step.step, value: step.total, image: step.image, state: step.state });
      },
    });
    losses = [...losses.slice(0, resumed), ...made.history];
    matrices.set(made.state.step, made.grams[layer]);
    grams.result(made.grams[layer]);
    return {
      image: made.image,
      history: made.history.map((each) => each.total),
      state: made.state,
    };
  }

  async function start() {
    turn.begin();
    const which = question.sight();
    const rescued = lost?.asked === asked() ? lost.options : null;
    lost = null;
    arrange();
    running = true;
    done = false;
    buttons();
    const ended = await app.work("style", async (until) => {
      const preset = await question.preset();
      options = brought ?? rescued ?? question.wanted(preset);
      brought = null;
      pictures = await question.pictures(maskNow(), until);
      if (which === "layers") {
        await layers.grow(pictures, options, {
          turn: turn.take,
          onStep: (layer, step, total) => {
            status.textContent = `${layer}: step ${step} of ${total}`;
          },
          signal: until,
        });
        status.textContent = "The same noise each time; what differs is the layer that is matched.";
      } else if (which === "shuffle") await forget(preset, until);
      else await grow(options, rescued !== null, until);
      return true;
    });
    if (signal.aborted || (ended === undefined && app.isWorking("style"))) return;
    running = false;
    buttons();
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
      losses = [];
      matrices = new Map();
    }
    await showKnown(wanted.grams[0], until);
    try {
      await lane.grow(wanted, { turn: turn.take, goesOn, signal: until });
    } catch (error) {
      if (/** @type {{ code?: string }} */ (error)?.code === "device_lost")
        lost = { options: wanted, asked: asked() };
      throw error;
    }
  }

  /**
   * The Gram matrices that stay, of both pictures at the network's own size.
   * @param {string} layer
   * @param {AbortSignal} until
   */
  async function showKnown(layer, until) {
    const first = await imageOf(question.style(), until);
    const [ofStyle, ofContent] = [
      await app.net.gram(first, layer, { signal: until }),
      await app.net.gram(app.input, layer, { signal: until }),
    ];
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
    way.hidden = which !== "one";
    ask.element.hidden = which !== "one" || question.isTexture() || (done && !ask.answered);
    layers.element.hidden = which !== "layers";
    shuffle.element.hidden = which !== "shuffle";
    lane.caption(question.subject());
    strip.show(question.styles(), question.style().id);
    ask.ask(question.style().title);
    sayings.say(question);
  }

  const buttons = () => controls.buttons(running, turn.rests);

  /** Both pictures, as the network sees them. */
  async function showPictures() {
    const shown = await app.work("style.pictures", async (until) => {
      const image = await imageOf(question.style(), until);
      const own = await app.net.toPixels(await app.net.preprocess(image));
      return Promise.all([createImageBitmap(app.seen), createImageBitmap(own)]);
    });
    if (!shown || signal.aborted) return;
    for (const [index, pixels] of [content, style].entries()) {
      const bitmap = shown[index];
      pixels.show({ width: bitmap.width, height: bitmap.height, layers: [{ bitmap }] });
    }
    const { width, height } = app.seen;
    brush.fit(width, height);
    veil();
    contentSight.caption(app.picture.title);
    styleSight.caption(question.style().title);
  }

  function progress() {
    const at = lane.last?.step ?? 0;
    scrub.set(at, { max: Math.max(1, at) });
    show(at);
  }

  /** @param {number} at */
  function show(at) {
    if (!options) return;
    const { alpha = 0, beta = 0, tv = 0 } = options;
    const steps = Math.max(1, options.steps, losses.length - 1);
    const line = (
      /** @type {(loss: StyleLoss) => number} */ value,
      /** @type {string} */ label,
      /** @type {string} */ colour,
      dashed = false,
    ) => ({ values: losses.map(value), name: label, colour, dashed });
    const terms = [
      line((loss) => loss.total, "total", "--text"),
      line((loss) => beta * loss.style, "β style", "--accent"),
      line((loss) => alpha * loss.content, "α content", "--good"),
      line((loss) => tv * loss.tv, "total variation", "--muted", true),
    ];
    const weights = /** @type {Record<string, number>} */ (options.styleLayers ?? {});
    const byLayer = Object.keys(weights).map((name, index) => {
      const share = beta * weights[name];
      return line((loss) => share * loss.layers.style[name], name, classColor(index));
    });
    const lines = store.get()["style.curve"] === "layers" ? byLayer : terms;
    curve.show(
      lines.filter(({ values }) => values.some((value) => value > 0)),
      steps,
      at,
    );
    const loss = losses[Math.min(at, losses.length - 1)];
    if (!loss) return;
    const since = lane.resumed > 0 ? ` · went on from step ${lane.resumed} on another device` : "";
    status.textContent = `Step ${loss.step}: L_total ${number(loss.total)} = ${number(alpha)} × content ${number(loss.content)} + ${number(beta)} × style ${number(loss.style)} + ${number(tv)} × variation ${number(loss.tv)}${since}`;
  }

  /** @param {number} step */
  function seek(step) {
    const frame = lane.seek(step);
    const matrix = frame && matrices.get(frame.step);
    if (matrix) grams.result(matrix);
    show(step);
  }

  function startOrPause() {
    if (!running) {
      if (store.get()["style.run"] !== true) store.set({ "style.run": true });
      else void start();
    } else if (turn.rests) turn.goOn();
    else turn.pause();
    buttons();
  }

  /** Ends the run with what there is. */
  function halt() {
    turn.end();
    store.set({ "style.run": false }, { replace: true });
    buttons();
  }

  /** Where the first style acts, as far as something is marked. */
  function maskNow() {
    if (!brush.any) return null;
    const { width, height } = app.seen;
    return { data: Float32Array.from(brush.mask), shape: [1, 1, height, width] };
  }

  /** Darkens what the first style leaves. */
  function veil() {
    const sheet = brush.veil();
    content.overlay((context) => {
      context.drawImage(sheet, 0, 0, context.canvas.width, context.canvas.height);
    });
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

  /** @param {Wanted} wanted */
  function told(wanted) {
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
  }

  /** @param {HTMLInputElement} file */
  async function replay(file) {
    const [chosen] = file.files ?? [];
    file.value = "";
    if (!chosen) return;
    const read = await app.work("style.replay", async () => {
      const run = await readJson(chosen, "style", store.get().model);
      const ids = [run.image, run.style, run.second].filter(Boolean);
      const missing = ids.find((id) => !question.styles().some((each) => each.id === id));
      if (missing) throw new Error(`${chosen.name} needs the picture ${missing}; open it first.`);
      if (run.image !== app.picture.id)
        throw new Error(`${chosen.name} keeps the content of ${run.image}; choose it first.`);
      return run;
    });
    if (!read) return;
    const { style: taken, second, mix } = read;
    store.set(
      {
        "style.of": taken,
        "style.second": second,
        "style.mix": mix,
        "style.sight": "one",
        "style.run": false,
      },
      { replace: true },
    );
    brush.wipe(false);
    if (Array.isArray(read.mask) && read.mask.length === brush.mask.length)
      brush.mask.set(read.mask);
    veil();
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
      if (["net", "input", "style.of"].some((key) => changed.has(key))) void showPictures();
      const now = asked();
      const again = now !== last || ["net", "weights"].some((key) => changed.has(key));
      last = now;
      arrange();
      if (changed.has("style.curve") && options) show(lane.last?.step ?? 0);
      if (changed.has("style.gram") && !running && options) void lookAgain();
      if ((again || changed.has("style.run")) && !brought && next["style.run"] === true) {
        void start();
        return;
      }
      if (again && !running) {
        lane.clear();
        done = false;
      }
      buttons();
      if (!running && !done && question.sight() === "one")
        status.textContent = "Press Start, or space, and watch it grow.";
    },
    destroy() {
      turn.end();
      app.stop("style");
      life.abort();
    },
  };

  /** Another layer's matrices, once the run is over; the result's comes from the picture itself. */
  async function lookAgain() {
    await app.work("style.grams", async (until) => {
      const layer = question.shownLayer(await question.preset());
      await showKnown(layer, until);
      const image = lane.last?.tensor;
      const [, , height, width] = app.net.input.shape;
      if (image && image.shape[2] === height && image.shape[3] === width)
        grams.result(await app.net.gram(image, layer, { signal: until }));
    });
  }
}
