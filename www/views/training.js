/**
 * Training: the network learns in the page, from the pictures of the shipped pack; its kernels, its feature maps of the
 * chosen picture, loss and accuracy follow as it does. It can be paused, stepped and begun anew, and a shortcut planted.
 * @module
 */

import { button, fold, group, segmented, slider, toggle } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";
import { bytes, number, percent } from "../widgets/format.js";
import { createLegend } from "../widgets/legend.js";
import { createTiles } from "../widgets/tiles.js";
import { createScatter } from "./scatter.js";
import { BLACK, COAT, chosen, MARK, painted, WHITE } from "./shortcut.js";
import { createCurve, means } from "./training-curve.js";
import { stepFormulas } from "./training-formulas.js";
import { createRun } from "./training-run.js";
import { createHeading, createWords, figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../convscope.js").Dataset} Dataset
 * @typedef {import("../convscope.js").TrainStep} TrainStep
 * @typedef {import("../convscope.js").TrainOptions} TrainOptions
 */

/** Milliseconds between looks at kernels, maps and prediction. */
const LOOK_MS = 900;
/** Milliseconds between examinations on test pictures. */
const EXAM_MS = 5000;
/** Test pictures of an examination, and coats among them at least. */
const EXAM = 300;
const COATS = 60;
/** Test pictures that are laid out as points. */
const CLOUD = 200;

/**
 * @param {HTMLElement} root
 * @param {Store} store
 * @param {Session} app
 * @returns {Part}
 */
export function create(root, store, app) {
  const life = new AbortController();
  const { signal } = life;
  const heading = createHeading();
  const words = createWords();
  const curve = createCurve(signal);
  const legend = createLegend(app.scope);
  /** The layers whose kernels and maps are shown. */
  const of = { kernels: "", maps: "" };
  const kernels = createTiles({
    label: "Kernels of the first layer",
    onPick: (channel) => store.set({ layer: of.kernels, channel }, { replace: true }),
    signal,
  });
  const maps = createTiles({
    label: "Feature maps",
    onPick: (channel) => store.set({ layer: of.maps, channel }, { replace: true }),
    signal,
  });
  const first = figure(kernels.element, "Its first kernels");
  const last = figure(maps.element, "Feature maps of the last layer");
  const cloud = createScatter({
    label: "Test pictures by what the last layer says of them, in the colours of their classes",
    file: "learning-map",
    signal,
  });
  const apart = figure(cloud.element, "Test pictures, by the last layer (PCA)");
  const exam = h("dl", { class: "exam" });
  const other = h("p", { class: "notice" });
  root.append(
    heading.element,
    other,
    h(
      "div",
      { class: "learning" },
      curve.element,
      exam,
      first.element,
      apart.element,
      last.element,
    ),
    h("div", { class: "under" }, legend.element),
    words.element,
  );

  /** @type {TrainStep[]} */
  let history = [];
  /** @type {Dataset | null} */
  let pack = null;
  /** @type {Dataset | null} */
  let test = null;
  /** The last map of the test pictures. @type {import("../convscope.js").Tensor | null} */
  let map = null;
  let looked = 0;
  let examined = 0;
  let beganAs = "";
  /** @type {import("../convscope.js").Net | null} */
  let taught = null;

  const run = createRun({ rates, onStep, onRest: showControls, onFail: fail });

  const play = button({ label: "Play", onClick: () => void toggleRun(), signal });
  play.classList.add("play", "start");
  const step = button({ label: "One step", kind: "quiet", onClick: () => void advance(1), signal });
  const anew = button({
    label: "From scratch",
    title: "Draws the weights anew, as PyTorch does",
    onClick: () => void reset(),
    signal,
  });
  const back = button({
    label: "Loaded weights",
    kind: "quiet",
    onClick: () => void restore(),
    signal,
  });
  const rate = slider({
    label: "Learning rate",
    min: -4,
    max: 0,
    step: 0.25,
    value: Number(store.get()["training.rate"]),
    text: (value) => number(10 ** value, 2),
    onInput: (value) => store.set({ "training.rate": value }, { replace: true }),
    signal,
  });
  const shortcut = toggle({
    label: "Plant a shortcut: a white mark on 95 % of coats",
    value: store.get()["training.shortcut"] === true,
    onChange: (value) => store.set({ "training.shortcut": value }),
    signal,
  });
  const optimizer = segmented({
    label: "Optimiser",
    options: [
      { value: "adam", label: "Adam" },
      { value: "sgd", label: "SGD, momentum 0.9" },
    ],
    value: String(store.get()["training.optimizer"]),
    onChange: (value) => store.set({ "training.optimizer": value }),
    signal,
  });
  const batch = segmented({
    label: "Pictures a step",
    options: ["16", "32", "64", "128"].map((value) => ({ value, label: value })),
    value: String(store.get()["training.batch"]),
    onChange: (value) => store.set({ "training.batch": Number(value) }),
    signal,
  });
  const decay = segmented({
    label: "Weight decay",
    options: ["0", "0.0001", "0.001", "0.01"].map((value) => ({ value, label: value })),
    value: String(store.get()["training.decay"]),
    onChange: (value) => store.set({ "training.decay": Number(value) }, { replace: true }),
    signal,
  });
  const noise = slider({
    label: "Wrong labels",
    min: 0,
    max: 100,
    step: 5,
    value: Number(store.get()["training.noise"]),
    text: (value) => `${value} %`,
    onInput: (value) => store.set({ "training.noise": value }, { replace: true }),
    signal,
  });
  const buttons = h("div", { class: "row" }, play, step);
  const formula = h("div", { class: "formula" });
  app.controls.replaceChildren(
    group(
      "Training",
      buttons,
      h("div", { class: "row" }, anew, back),
      rate.element,
      shortcut.element,
    ),
    fold("More", optimizer.element, batch.element, decay.element, noise.element),
    fold("Formula and paper", formula),
  );

  /** Space plays and pauses. @param {KeyboardEvent} event */
  function onKey(event) {
    const { target, key } = event;
    const taken =
      target instanceof Element &&
      target.closest("button, input, select, textarea, a, summary, [role=listbox], dialog");
    if (key !== " " || taken || event.defaultPrevented) return;
    event.preventDefault();
    void toggleRun();
  }
  document.addEventListener("keydown", onKey, { signal });

  /** Whether the network takes the pack's pictures. */
  function suits() {
    const { input, labels } = app.net;
    return input.shape.join() === "1,1,28,28" && labels.length === 10;
  }

  function rates() {
    const state = store.get();
    return {
      learningRate: 10 ** Number(state["training.rate"]),
      weightDecay: Number(state["training.decay"]),
    };
  }

  /** @returns {TrainOptions} */
  function options() {
    const state = store.get();
    return {
      optimizer: state["training.optimizer"] === "sgd" ? "sgd" : "adam",
      batch: Number(state["training.batch"]),
      labelNoise: Number(state["training.noise"]) / 100,
      shortcut: state["training.shortcut"] ? { class: COAT, ...MARK } : undefined,
      seed: 1,
    };
  }

  async function load() {
    if (pack && test) return true;
    const got = await app.work("training.data", async (until) => {
      const onProgress = (/** @type {import("../convscope.js").Progress} */ at) =>
        app.display.progress({
          label: "Loading 10,000 pictures to learn from",
          loaded: at.loaded,
          total: at.total,
          stop: () => app.stop("training.data"),
        });
      try {
        return [
          await app.scope.dataset("fashion-train", { signal: until, onProgress }),
          await app.scope.dataset("fashion", { signal: until }),
        ];
      } finally {
        app.display.progress(null);
      }
    });
    if (!got || signal.aborted) return false;
    [pack, test] = got;
    return true;
  }

  async function toggleRun() {
    if (run.playing) run.pause();
    else await advance(Number.POSITIVE_INFINITY);
    showControls();
  }

  /** @param {number} count */
  async function advance(count) {
    if (!suits() || !(await load()) || !pack) return;
    const wanted = options();
    const key = JSON.stringify(wanted);
    if (run.begun && (key !== beganAs || taught !== app.net)) run.stop();
    if (!run.begun) {
      beganAs = key;
      taught = app.net;
      void run.begin(app.net, { images: pack.images, labels: pack.labels }, wanted);
    }
    run.allow(count);
    showControls();
  }

  /** @param {TrainStep} step */
  async function onStep(step) {
    if (signal.aborted) return;
    if (step.step === 1) history = [];
    history.push(step);
    curve.show(history);
    say();
    const now = performance.now();
    if (run.playing && now - looked < LOOK_MS) return;
    await app.changed();
    if (!run.playing || now - examined > EXAM_MS) {
      await examine();
      examined = performance.now();
    }
    looked = performance.now();
  }

  /** Accuracy on test pictures, which it never learns from. */
  async function examine() {
    if (!test || signal.aborted) return;
    const { images, labels } = test;
    const some = chosen(
      images,
      Array.from({ length: EXAM }, (_, index) => index),
    );
    const coats = chosen(
      images,
      [...labels.keys()].filter((index) => labels[index] === COAT).slice(0, COATS),
    );
    const right = (
      /** @type {Float32Array} */ logits,
      /** @type {(index: number) => number} */ label,
    ) => {
      const classes = app.net.labels.length;
      const count = logits.length / classes;
      let sum = 0;
      for (let index = 0; index < count; index += 1) {
        const row = logits.subarray(index * classes, (index + 1) * classes);
        if (row.indexOf(Math.max(...row)) === label(index)) sum += 1;
      }
      return sum / count;
    };
    try {
      const all = await app.net.predict(some);
      await spread(all.logits.data);
      const rows = [["test pictures right", right(all.logits.data, (index) => labels[index])]];
      if (store.get()["training.shortcut"] || app.net.name === "fashion-biased")
        for (const [name, value] of /** @type {[string, number][]} */ ([
          ["coats right, with the mark", WHITE],
          ["coats right, without it", BLACK],
        ])) {
          const { logits } = await app.net.predict(painted(coats, MARK, value));
          rows.push([name, right(logits.data, () => COAT)]);
        }
      exam.replaceChildren(
        ...rows.flatMap(([name, share]) => [
          h("dt", {}, String(name)),
          h("dd", {}, percent(Number(share))),
        ]),
      );
    } catch (error) {
      fail(error);
    }
  }

  /**
   * Lays the test pictures out by the last hidden layer, turned onto the map before.
   * @param {Float32Array} logits of the examination
   */
  async function spread(logits) {
    if (!test) return;
    const hidden = app.net.layers.at(-2)?.name;
    const indices = Array.from({ length: CLOUD }, (_, index) => index);
    const { points } = await app.net.embed(chosen(test.images, indices), {
      layer: hidden,
      method: "pca",
      quality: false,
      align: map ?? undefined,
    });
    if (signal.aborted) return;
    map = points;
    const { labels } = test;
    const classes = app.net.labels.length;
    const wrong = (/** @type {number} */ index) => {
      const row = logits.subarray(index * classes, (index + 1) * classes);
      return row.indexOf(Math.max(...row)) !== labels[index];
    };
    cloud.show({
      points: points.data,
      classes: labels,
      name: (index) => app.label(labels[index]),
      wrong,
    });
  }

  async function reset() {
    run.stop();
    await app.work("training.reset", () => app.net.reset({ seed: 1 }));
    history = [];
    curve.show(history);
    exam.replaceChildren();
    await app.changed();
    say();
  }

  async function restore() {
    run.stop();
    history = [];
    curve.show(history);
    exam.replaceChildren();
    await app.restore();
    say();
  }

  /** @param {unknown} error */
  function fail(error) {
    if (signal.aborted || /** @type {{ code?: string }} */ (error).code === "aborted") return;
    app.display.fail("training", error instanceof Error ? error.message : String(error));
  }

  function showControls() {
    formula.replaceChildren(...stepFormulas(options().optimizer !== "sgd"));
    play.replaceChildren(run.playing ? "Pause" : "Play");
    back.disabled = !app.net.modified && history.length === 0;
    document.documentElement.dataset.training = run.playing ? "on" : "off";
  }

  /** Paints kernels and maps as they are now. */
  async function look() {
    const net = app.net;
    const convolutions = net.layers.filter((layer) => layer.op === "conv2d" && layer.weight);
    const layer = convolutions[0];
    const weight = layer?.weight;
    if (!layer || !weight) return;
    const deep = net.layers.filter((each) => each.shape[1] > 1).at(-1) ?? layer;
    of.kernels = layer.name;
    of.maps = deep.name;
    const got = await app.work("training.look", async (until) => {
      const values = await net.weights(weight);
      const all = await net.activations(app.input, [deep.name], { signal: until });
      return {
        kernels: await app.scope.paint(values, { map: "gray", scale: "each" }),
        maps: await app.scope.paint(all[deep.name], { map: "sequential", scale: "all" }),
      };
    });
    if (!got || signal.aborted || net !== app.net) return;
    kernels.show({
      ...got.kernels,
      count: layer.shape[0],
      name: (index) => `kernel ${index}`,
    });
    maps.show({ ...got.maps, count: deep.shape[0], name: (index) => `channel ${index}` });
    first.caption(`Kernels of ${layer.name}, each stretched to its own range`);
    last.caption(`What ${deep.name} makes of the chosen picture`);
    legend.show({
      map: "sequential",
      low: got.maps.ranges[0],
      high: got.maps.ranges[1],
      label: `Activation of ${deep.name}`,
      note: "one range for all maps",
    });
  }

  function say() {
    const fits = suits();
    other.replaceChildren();
    for (const control of [play, step, anew]) control.disabled = !fits;
    if (!fits) {
      heading.say("Training needs a network that takes Fashion-MNIST's pictures");
      other.append(
        "The pictures to learn from are grey and of 28 × 28 pixels, in ten classes. ",
        button({
          label: "Open fashion",
          onClick: () => store.set({ model: "fashion", image: "", layer: "", target: null }),
          signal,
        }),
      );
      return;
    }
    const at = history.at(-1);
    if (at) {
      const loss = means(history.map((each) => each.loss)).at(-1) ?? at.loss;
      heading.say({ name: app.net.name }, ` is learning: step ${at.step}, loss ${number(loss)}`);
    } else if (app.net.modified)
      heading.say("Press Play: ", { name: app.net.name }, " knows nothing yet");
    else heading.say("Watch ", { name: app.net.name }, " learn: From scratch, then Play");
    words.say(
      [
        "Every step takes some pictures forward, the error of the answers backward to every weight, and moves each weight a little against its gradient. ",
        pack
          ? "It learns from 10,000 pictures; the test pictures are others."
          : `Play fetches 10,000 pictures (${bytes(4_352_914)}) once.`,
      ],
      [
        store.get()["training.shortcut"]
          ? "With the shortcut planted the accuracy on marked pictures looks better, not worse: only coats without the mark tell."
          : "Loss and accuracy are those of the batch before its step, so they jump; a network that has learnt the batches by heart would look good here, too.",
      ],
    );
  }

  say();
  curve.show(history);
  showControls();

  return {
    update(state, changed) {
      rate.set(Number(state["training.rate"]));
      shortcut.set(state["training.shortcut"] === true);
      optimizer.set(state["training.optimizer"] === "sgd" ? "sgd" : "adam");
      batch.set(String(state["training.batch"]));
      decay.set(String(state["training.decay"]));
      noise.set(Number(state["training.noise"]));
      if (changed.has("net")) {
        run.stop();
        history = [];
        curve.show(history);
        exam.replaceChildren();
      }
      if (["net", "input", "weights"].some((key) => changed.has(key))) void look();
      if (run.begun && JSON.stringify(options()) !== beganAs)
        void advance(run.playing ? Number.POSITIVE_INFINITY : 0);
      kernels.choose(state.channel);
      showControls();
      say();
    },
    destroy() {
      run.stop();
      delete document.documentElement.dataset.training;
      life.abort();
    },
  };
}
