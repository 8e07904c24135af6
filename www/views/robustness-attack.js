/**
 * An attack on the chosen picture: what it was, what was added, what it became; step by step, within its budget.
 * @module
 */

import { h } from "../widgets/dom.js";
import { count, number } from "../widgets/format.js";
import { createReadout } from "../widgets/readout.js";
import { createRest } from "./rest.js";
import { createAttackControls } from "./robustness-attack-controls.js";
import { createAttackSaves } from "./robustness-attack-saves.js";
import { createAttackSight } from "./robustness-attack-sight.js";
import { BENCHMARK, createWish, MOST_EPSILON, PER_L2 } from "./robustness-attack-wish.js";
import { formulaOf, sayingOf } from "./robustness-attacks.js";
import { isFashion, of255 } from "./robustness-sight.js";
import { createSurface } from "./robustness-surface.js";
import { createTransfer } from "./robustness-transfer.js";
import { isLittle } from "./saliency-cost.js";
import { createRun } from "./saliency-run.js";

/**
 * @typedef {import("../convscope.js").AttackResult} Outcome
 * @typedef {import("../convscope.js").AttackStep} Step
 * @typedef {import("../convscope.js").Tensor} Tensor
 */

/** Steps of a run are drawn at most this often, in milliseconds. */
const REFRESH = 150;

/** Frames that are kept of a run. */
const FRAMES = 60;

/**
 * @param {import("./robustness.js").Place} place
 * @returns {import("./robustness.js").Way}
 */
export function createAttack({ app, store, heading, words, signal }) {
  const wish = createWish({ app, store });
  const readout = createReadout("");
  const say = (/** @type {string | null} */ text) => readout.show(text);
  const onPick = (/** @type {{ x: number, y: number }} */ cell) => void lay(cell);
  const sight = createAttackSight({ app, wish, say, onSeek: seek, onPick, signal });
  const controls = createAttackControls({
    app,
    store,
    wish,
    onSearch: () => void search(),
    signal,
  });
  const run = createRun({ onStart: () => void compute(), onStop: stop, signal });
  const rest = createRest({ signal });
  const saves = createAttackSaves({
    app,
    store,
    wish,
    steps: () => frames,
    shown,
    onReplay: () => void compute(),
    signal,
  });
  const verdict = h("p", { class: "verdict", role: "status" });
  const surface = createSurface({ app, say, signal });
  const transfer = createTransfer({ app, store, signal });
  const way = h("div", { class: "attack-way" }, sight.way, surface.element);
  const element = h(
    "div",
    { class: "attack" },
    sight.pictures,
    h("div", { class: "row map-key" }, sight.budget, rest.element, run.element),
    way,
    h("div", { class: "row outcome" }, verdict, transfer.element),
    readout.element,
  );

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

  async function compute() {
    turn += 1;
    const mine = turn;
    frames = [];
    outcome = null;
    patch = null;
    at = null;
    let next = 0;
    run.start();
    rest.begin();
    const options = wish.asked();
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
          await rest.over();
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
    rest.end();
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
    const epsilon = (2 * Math.max(wish.epsilon(), BENCHMARK / 2)) / 255;
    await surface.show(
      { epsilon, label: app.target, target: wish.goal(), seed: wish.seed() },
      isLittle(150, app.net, app.scope),
    );
  }

  function stop() {
    rest.end();
    app.stop("attack");
    run.stopped();
  }

  /**
   * Lays a patch that was learned where the viewer puts it.
   * @param {{ x: number, y: number }} cell
   */
  async function lay(cell) {
    if (!patch || wish.method().id !== "patch") return;
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
    sight.seek(at);
    void draw();
  }

  /**
   * An attack that goes back from a wrong picture needs one of the class that is wanted.
   * @param {AbortSignal} until
   */
  async function startOf(until) {
    const target = wish.goal();
    if (target === null || wish.method().id !== "hop_skip_jump" || !isFashion(app.net)) return {};
    const { images, labels } = await app.scope.dataset("fashion", { signal: until });
    const index = labels.indexOf(target);
    const data = images.data.slice(index * 784, (index + 1) * 784);
    return { start: { data, shape: [1, 1, 28, 28] } };
  }

  /** What is shown: a step of the run, or what came of it. @returns {Outcome | Step | null} */
  function shown() {
    return (at === null ? null : frames[at]) ?? outcome ?? frames.at(-1) ?? null;
  }

  function draw() {
    return sight.draw(shown(), at === null ? frames.at(-1) : frames[at]);
  }

  function drawWay() {
    way.classList.toggle("single", frames.length < 3);
    sight.drawWay(frames, at);
  }

  function tell() {
    transfer.set(outcome?.image ?? null);
    if (!outcome) {
      verdict.textContent = smallest;
      return;
    }
    const [best] = outcome.after.top;
    const goalClass = wish.goal();
    const { queries } = outcome;
    // A patch that is laid again asks nothing.
    const cost =
      queries === 0
        ? ""
        : `, after ${count(queries)} ${queries === 1 ? "answer" : "answers"} of the network`;
    const how = outcome.success
      ? `It is now called ${best.label}`
      : goalClass === null
        ? `It is still called ${best.label}`
        : `It is called ${best.label}, not ${app.label(goalClass)}`;
    verdict.textContent = `${how}${cost}.${smallest ? ` ${smallest}` : ""}`;
  }

  /** Looks for the smallest budget with which the attack succeeds. */
  async function search() {
    const options = wish.asked();
    const { epsilon: _, ...rest } = /** @type {any} */ (options);
    run.start();
    const found = await app.work("attack", (until) =>
      app.net.smallestEpsilon(app.input, {
        ...rest,
        most: wish.isL2() ? MOST_EPSILON / PER_L2 : MOST_EPSILON / 255,
        tolerance: wish.isL2() ? 0.01 : 0.25 / 255,
        signal: until,
        onProgress: run.step,
      }),
    );
    run.end();
    if (!found || signal.aborted) return;
    if (wish.isL2()) {
      smallest =
        found.epsilon === null
          ? "No budget was enough for this attack."
          : `The smallest ε that fools is ${number(found.epsilon, 3)} in L2.`;
      tell();
      return;
    }
    if (found.epsilon === null)
      smallest = `No budget up to ${of255(MOST_EPSILON)} was enough for this attack.`;
    else {
      const least = Math.min(MOST_EPSILON, Math.ceil(2 * 255 * found.epsilon) / 2);
      smallest = `The smallest ε that fools is ${of255(255 * found.epsilon)}; the slider stood at ${of255(wish.epsilon())}.`;
      store.set({ "robustness.epsilon": least }, { replace: true });
    }
    tell();
  }

  function explain() {
    const which = wish.method();
    const { what, doubt } = sayingOf(which.id);
    const target = wish.goal();
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
    readout.rest(
      which.id === "patch"
        ? "Drag over a picture, or press Enter on it, to lay the patch there."
        : "Point at a pixel for its values before and after.",
    );
  }

  /** @param {boolean} again @param {Set<string>} changed */
  function follow(again, changed) {
    const which = wish.method();
    controls.follow();
    explain();
    const keys = ["attack", "epsilon", "goal", "options", "seed"];
    // What the search found stands until something else is asked; it moves the slider itself.
    if (again || keys.some((key) => key !== "epsilon" && changed.has(`robustness.${key}`)))
      smallest = "";
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
    controls: [...controls.elements, saves],
    update: follow,
    leave() {
      rest.end();
      for (const job of ["attack", "attack.draw", "attack.lay"]) app.stop(job);
      surface.leave();
      transfer.leave();
    },
  };
}
