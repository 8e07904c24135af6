/**
 * An attack on the chosen picture: what it was, what was added, what it became; step by step, within its budget.
 * @module
 */

import { createCombobox } from "../widgets/combobox.js";
import { button, fold, group, segmented, select, slider } from "../widgets/controls.js";
import { h, on } from "../widgets/dom.js";
import { fixed, number } from "../widgets/format.js";
import { createLink, createPixels } from "../widgets/pixels.js";
import { createReadout } from "../widgets/readout.js";
import { account, swarm } from "./robustness-attack-account.js";
import { createOptions, inOrder, KNOWLEDGE } from "./robustness-attack-options.js";
import { formulaOf, readOptions, sayingOf, shorterOf } from "./robustness-attacks.js";
import {
  bitmapOf,
  createAnswers,
  difference,
  inPixels,
  isFashion,
  said,
} from "./robustness-sight.js";
import { createSurface } from "./robustness-surface.js";
import { createTransfer } from "./robustness-transfer.js";
import { isLittle } from "./saliency-cost.js";
import { createPlot } from "./saliency-plot.js";
import { createRun } from "./saliency-run.js";
import { figure } from "./words.js";

/**
 * @typedef {import("../convscope.js").AttackResult} Outcome
 * @typedef {import("../convscope.js").AttackStep} Step
 * @typedef {import("../convscope.js").Tensor} Tensor
 */

/** Steps of a run are drawn at most this often, in milliseconds. */
const REFRESH = 150;

/** Frames that are kept of a run. */
const FRAMES = 60;

/** ε in 255ths: the greatest on the slider, and the one of the benchmarks. */
const MOST_EPSILON = 64;
const BENCHMARK = 8;

/** The slider's steps that make a budget of 1 in L2. */
const PER_L2 = 16;

/** Magnifications of the difference. */
const GAINS = [1, 2, 5, 10, 20, 50, 100];

/** Attacks for which the smallest budget is looked for. */
const SEARCHED = ["fgsm", "pgd", "mi_fgsm"];

/**
 * @param {import("./robustness.js").Place} place
 * @returns {import("./robustness.js").Way}
 */
export function createAttack({ app, store, heading, words, signal }) {
  const link = createLink();
  const readout = createReadout("");
  const names = ["The picture", "What was added", "The attacked picture"];
  const sights = names.map((label) => {
    const pixels = createPixels({ label, link, onHover: hover, onPick: lay, signal });
    return { pixels, figure: figure(pixels.element, label) };
  });
  const [original, added, attacked] = sights;
  const answers = createAnswers();
  const budget = h("p", { class: "budget number", role: "status" });
  const plot = createPlot({ label: "Loss by step", width: 560, onMove: seek, signal });
  const run = createRun({ onStart: () => void compute(), onStop: stop, signal });
  const verdict = h("p", { class: "verdict", role: "status" });
  const beside = h("div", { class: "beside" }, answers.element);
  const surface = createSurface({ app, say: (text) => readout.show(text), signal });
  const transfer = createTransfer({ app, store, signal });
  const way = h("div", { class: "attack-way" }, plot.element, surface.element);
  const element = h(
    "div",
    { class: "attack" },
    h("div", { class: "sights three" }, ...sights.map((each) => each.figure.element), beside),
    h("div", { class: "row map-key" }, budget, run.element),
    way,
    h("div", { class: "row outcome" }, verdict, transfer.element),
    readout.element,
  );

  const abilities = inOrder(app.scope.attacks);
  const state = () => store.get();
  /** @type {Outcome | null} */
  let outcome = null;
  /** @type {Step[]} */
  let frames = [];
  /** The frame that is shown; the last one without a choice. @type {number | null} */
  let at = null;
  let turn = 0;
  let smallest = "";
  /** A patch that was learned, to be laid anywhere. @type {Tensor | null} */
  let patch = null;

  for (const { pixels } of sights)
    on(
      pixels.canvas,
      "pointermove",
      (event) => {
        const cell = event.buttons === 1 ? pixels.cellAt(event) : null;
        if (cell) void lay(cell);
      },
      signal,
    );

  const method = select({
    label: "Attack",
    options: abilities.map(({ id, title }) => ({ value: id, label: title })),
    value: "",
    onChange: (value) => store.set({ "robustness.attack": value, "robustness.options": "" }),
    signal,
  });
  const sees = h("p", { class: "small muted" });
  const epsilon = slider({
    label: "Budget ε",
    min: 0,
    max: MOST_EPSILON,
    step: 0.5,
    value: BENCHMARK,
    text: (value) => (isL2() ? number(value / PER_L2, 3) : `${number(value, 3)}/255`),
    onInput: (value) => store.set({ "robustness.epsilon": value }, { replace: true }),
    signal,
  });
  epsilon.element.classList.add("marked");
  epsilon.element.title = "The mark is 8/255, the budget of the benchmarks";
  const goal = segmented({
    label: "Goal",
    options: [
      { value: "any", label: "Any other class" },
      { value: "one", label: "One class" },
    ],
    value: "any",
    onChange: (value) => store.set({ "robustness.goal": value === "any" ? null : rival() }),
    signal,
  });
  const towards = createCombobox({
    label: "Towards",
    onChoose: (index) => store.set({ "robustness.goal": index ?? rival() }),
    signal,
  });
  const gain = segmented({
    label: "Magnify what was added",
    options: GAINS.map((value) => ({ value: String(value), label: `×${value}` })),
    value: String(gainNow()),
    onChange: (value) => store.set({ "robustness.gain": Number(value) }, { replace: true }),
    signal,
  });
  const options = createOptions({ store, signal });
  const meaning = h("div", { class: "formula" });
  const find = button({
    label: "Smallest ε that fools",
    title: "Guess it with the slider first",
    onClick: () => void search(),
    signal,
  });

  const methodNow = () =>
    abilities.find(({ id }) => id === state()["robustness.attack"]) ?? abilities[0];

  function isL2() {
    const which = abilities.find(({ id }) => id === state()["robustness.attack"]);
    return which && readOptions(which, String(state()["robustness.options"])).norm === "l2";
  }

  function epsilonNow() {
    const wanted = Number(state()["robustness.epsilon"]);
    return wanted >= 0 && wanted <= MOST_EPSILON ? wanted : BENCHMARK;
  }

  function gainNow() {
    const wanted = Number(state()["robustness.gain"]);
    return GAINS.includes(wanted) ? wanted : 10;
  }

  /** The class to be reached, `null` for any. */
  function goalNow() {
    const wanted = state()["robustness.goal"];
    const can = isTargeted();
    return can && typeof wanted === "number" && wanted < app.net.labels.length && wanted >= 0
      ? wanted
      : null;
  }

  function isTargeted() {
    const which = methodNow();
    return which.targeted === true && (which.id !== "hop_skip_jump" || isFashion(app.net));
  }

  /** The likeliest class but the one in question. */
  function rival() {
    return app.prediction.top.find(({ index }) => index !== app.target)?.index ?? 0;
  }

  /** What the page would ask for. */
  function asked() {
    const which = methodNow();
    const chosen = readOptions(which, String(state()["robustness.options"]));
    /** @type {ReturnType<typeof readOptions>} */
    const options = { ...shorterOf(which.id), ...chosen };
    const target = goalNow();
    return {
      method: which.id,
      ...(which.options.includes("epsilon")
        ? { epsilon: options.norm === "l2" ? epsilonNow() / PER_L2 : epsilonNow() / 255 }
        : {}),
      ...options,
      ...(target === null ? {} : { target }),
      label: app.target,
      units: /** @type {const} */ ("pixels"),
      seed: Number(state()["robustness.seed"]),
    };
  }

  async function compute() {
    const which = methodNow();
    if (!which) return;
    turn += 1;
    const mine = turn;
    frames = [];
    outcome = null;
    patch = null;
    at = null;
    smallest = "";
    let next = 0;
    run.start();
    const options = asked();
    const { steps: each = 40, binarySearchSteps: times = 1 } = /** @type {any} */ (options);
    const steps = each * times;
    const found = await app.work("attack", async (until) =>
      app.net.attack(app.input, {
        .../** @type {any} */ (options),
        ...(await startOf(until)),
        every: Math.max(1, Math.ceil(steps / FRAMES)),
        signal: until,
        onProgress: run.step,
        onStep: async (/** @type {Step} */ step) => {
          if (mine !== turn) return;
          frames.push(step);
          if (frames.length > 2 * FRAMES) frames = frames.filter((_, index) => index % 2 === 0);
          const begun = performance.now();
          if (begun < next) return;
          drawWay();
          // The run rests until its picture is drawn, which may take a quarter of the time.
          await draw();
          const now = performance.now();
          next = now + Math.max(REFRESH, 3 * (now - begun));
        },
      }),
    );
    if (mine !== turn || signal.aborted) return;
    if (found) {
      run.end();
      outcome = found;
      patch = found.patch ?? null;
      drawWay();
      await draw();
      tell();
      app.announce(verdict.textContent ?? "");
      void survey();
    } else if (!app.isWorking("attack")) run.end();
  }

  /** The loss around the picture, out to where the budget reaches and beyond. */
  async function survey() {
    const epsilon = (2 * Math.max(epsilonNow(), BENCHMARK / 2)) / 255;
    await surface.show(
      { epsilon, label: app.target, target: goalNow(), seed: Number(state()["robustness.seed"]) },
      isLittle(150, app.net, app.scope),
    );
  }

  function stop() {
    app.stop("attack");
    run.stopped();
  }

  /**
   * Lays a patch that was learned where the viewer puts it.
   * @param {{ x: number, y: number }} cell
   */
  async function lay(cell) {
    if (!patch || methodNow().id !== "patch") return;
    const [, , rows, columns] = patch.shape;
    const [, , height, width] = app.input.shape;
    const within = (
      /** @type {number} */ at,
      /** @type {number} */ side,
      /** @type {number} */ most,
    ) => Math.min(Math.max(at - Math.floor(side / 2), 0), most - side);
    const learned = patch;
    const laid = await app.work("attack.lay", (until) =>
      app.net.attack(app.input, {
        method: "patch",
        steps: 0,
        patch: learned,
        size: [rows, columns],
        position: [within(cell.y, rows, height), within(cell.x, columns, width)],
        label: app.target,
        units: "pixels",
        signal: until,
      }),
    );
    if (!laid || signal.aborted || patch !== learned) return;
    outcome = laid;
    at = null;
    frames = [];
    await draw();
    tell();
  }

  /** @param {number} place */
  function seek(place) {
    at = Math.min(place, frames.length - 1);
    plot.at(at);
    void draw();
  }

  /**
   * An attack that goes back from a wrong picture needs one of the class that is wanted.
   * @param {AbortSignal} until
   */
  async function startOf(until) {
    const target = goalNow();
    if (target === null || methodNow().id !== "hop_skip_jump" || !isFashion(app.net)) return {};
    const { images, labels } = await app.scope.dataset("fashion", { signal: until });
    const index = labels.indexOf(target);
    const data = images.data.slice(index * 784, (index + 1) * 784);
    return { start: { data, shape: [1, 1, 28, 28] } };
  }

  /** What is shown: a step of the run, or what came of it. @returns {Outcome | Step | null} */
  function shown() {
    return (at === null ? null : frames[at]) ?? outcome ?? frames.at(-1) ?? null;
  }

  async function draw() {
    const now = shown();
    const picture = now?.image ?? null;
    const { net, input } = app;
    const made = await app.work("attack.draw", async (until) => {
      const seen = await createImageBitmap(app.seen);
      if (!picture) return { seen, bitmap: null, change: null, prediction: null };
      const prediction = await net.predict(picture, { top: 5, signal: until });
      const bitmap = await bitmapOf(net, picture);
      const change = await difference(app, input, picture, gainNow());
      return { seen, bitmap, change, prediction };
    });
    if (!made || signal.aborted) return;
    const { width, height } = made.seen;
    const show = (
      /** @type {typeof original} */ sight,
      /** @type {ImageBitmap | null} */ bitmap,
      /** @type {string} */ label,
    ) =>
      sight.pixels.show({
        width,
        height,
        layers: bitmap ? [{ bitmap }] : [{ bitmap: made.seen, filter: "grayscale(1)", alpha: 0.2 }],
        label,
      });
    show(original, made.seen, app.picture.title);
    show(added, made.change, `What was added, magnified ${gainNow()} times`);
    show(attacked, made.bitmap, "The attacked picture");
    const crowd = at === null ? frames.at(-1)?.population : frames[at]?.population;
    original.pixels.overlay(crowd ? swarm(crowd) : null);
    original.figure.caption(said(app.prediction.top[0]));
    added.figure.caption(`+ what was added × ${gainNow()}`);
    attacked.figure.caption(made.prediction ? said(made.prediction.top[0]) : "Not attacked yet");
    answers.show(net, app.prediction, made.prediction);
    if (now) budget.replaceChildren(...account(app.input, methodNow(), asked(), now.distance));
    else budget.textContent = "";
  }

  function drawWay() {
    const values = frames.map(({ value }) => Number(value));
    const [low, high] = [Math.min(...values), Math.max(...values)];
    way.classList.toggle("single", frames.length < 3);
    plot.show(
      {
        title: "What the attack raises, step by step; point at a step to see its picture",
        steps: Math.max(1, frames.length - 1),
        from: `step ${frames[0]?.step ?? 0}`,
        to: `step ${frames.at(-1)?.step ?? 0}`,
        ...(frames.length < 2 ? { low: 0, high: 1 } : {}),
        // What never rose is a line in the middle.
        ...(frames.length > 1 && high - low < 1e-6 ? { low: low - 1, high: high + 1 } : {}),
        lines: [{ name: goalNow() === null ? "loss" : "nearness", values, style: "main" }],
      },
      at ?? Math.max(0, frames.length - 1),
    );
  }

  function tell() {
    transfer.set(outcome?.image ?? null);
    if (!outcome) {
      verdict.textContent = smallest;
      return;
    }
    const [best] = outcome.after.top;
    const goalClass = goalNow();
    const { queries } = outcome;
    // A patch that is laid again asks nothing.
    const cost =
      queries === 0
        ? ""
        : `, after ${queries} ${queries === 1 ? "answer" : "answers"} of the network`;
    const how = outcome.success
      ? `It is now called ${best.label}`
      : goalClass === null
        ? `It is still called ${best.label}`
        : `It is called ${best.label}, not ${app.label(goalClass)}`;
    verdict.textContent = `${how}${cost}.${smallest ? ` ${smallest}` : ""}`;
  }

  /** Looks for the smallest budget with which the attack succeeds. */
  async function search() {
    const options = asked();
    const { epsilon: _, ...rest } = /** @type {any} */ (options);
    run.start();
    const found = await app.work("attack", (until) =>
      app.net.smallestEpsilon(app.input, {
        ...rest,
        most: isL2() ? MOST_EPSILON / PER_L2 : MOST_EPSILON / 255,
        tolerance: isL2() ? 0.01 : 0.25 / 255,
        signal: until,
        onProgress: run.step,
      }),
    );
    run.end();
    if (!found || signal.aborted) return;
    if (isL2()) {
      smallest =
        found.epsilon === null
          ? "No budget was enough for this attack."
          : `The smallest ε that fools is ${number(found.epsilon, 3)} in L2.`;
      tell();
      return;
    }
    const yours = `${number(epsilonNow(), 3)}/255`;
    if (found.epsilon === null)
      smallest = `No budget up to ${MOST_EPSILON}/255 was enough for this attack.`;
    else {
      const least = Math.min(MOST_EPSILON, Math.ceil(2 * 255 * found.epsilon) / 2);
      smallest = `The smallest ε that fools is ${number(255 * found.epsilon, 3)}/255; the slider stood at ${yours}.`;
      store.set({ "robustness.epsilon": least }, { replace: true });
    }
    tell();
  }

  function say() {
    const which = methodNow();
    if (!which) return;
    const { what, doubt } = sayingOf(which.id);
    const target = goalNow();
    if (target === null)
      heading.say("What small change makes ", { name: app.targetLabel }, " something else?");
    else
      heading.say(
        "What small change makes ",
        { name: app.targetLabel },
        " a ",
        { name: app.label(target) },
        "?",
      );
    words.say([`${what} `, formulaOf(which.id, false)], [`${doubt} (${which.paper})`]);
    meaning.replaceChildren(
      formulaOf(which.id, true),
      h("p", { class: "small" }, which.paper),
      h(
        "p",
        { class: "muted small" },
        "X is the picture with pixels from 0 to 1, δ what is added, c its class, L the cross-entropy, Π brings back into the budget and between black and white.",
      ),
    );
    readout.rest(
      which.id === "patch"
        ? "Drag over a picture, or press Enter on it, to lay the patch there."
        : "Point at a pixel for its values before and after.",
    );
  }

  /** @param {{ x: number, y: number } | null} cell */
  function hover(cell) {
    const picture = shown()?.image;
    if (!cell || !picture) {
      readout.show(null);
      return;
    }
    const [, channels, height, width] = app.input.shape;
    const [before, after] = [inPixels(app.net, app.input), inPixels(app.net, picture)];
    const each = Array.from({ length: channels }, (_, c) => {
      const index = (c * height + cell.y) * width + cell.x;
      return `${fixed(before[index], 3)} → ${fixed(after[index], 3)}`;
    });
    readout.show(`row ${cell.y}, column ${cell.x}: ${each.join(", ")}`);
  }

  /** @param {boolean} again @param {Set<string>} changed */
  function follow(again, changed) {
    const which = methodNow();
    method.set(which.id);
    options.show(which);
    sees.textContent = KNOWLEDGE[which.knowledge];
    epsilon.element.hidden = !which.options.includes("epsilon");
    find.hidden = !SEARCHED.includes(which.id);
    epsilon.set(epsilonNow());
    goal.element.hidden = !isTargeted();
    const target = goalNow();
    goal.set(target === null ? "any" : "one");
    towards.element.hidden = target === null;
    if (target !== null) towards.show({ names: app.net.labels, value: app.label(target) });
    gain.set(String(gainNow()));
    say();
    const keys = ["attack", "epsilon", "goal", "options", "seed"];
    const anew = again || keys.some((key) => changed.has(`robustness.${key}`));
    if (!anew) {
      void draw();
      return;
    }
    outcome = null;
    frames = [];
    at = null;
    tell();
    if (isLittle(which.knowledge === "gradients" ? 100 : 300, app.net, app.scope) || !again)
      void compute();
    else {
      void draw();
      drawWay();
      run.stopped();
    }
  }

  return {
    element,
    controls: [
      group("Attack", method.element, sees, epsilon.element, goal.element, towards.element, find),
      options.element,
      fold("How it is shown", gain.element),
      fold("What it can", options.abilities),
      fold("Formula and paper", meaning),
    ],
    update: follow,
    leave() {
      for (const job of ["attack", "attack.draw", "attack.lay"]) app.stop(job);
      surface.leave();
      transfer.leave();
    },
  };
}
