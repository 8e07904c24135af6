/**
 * The ladder: attacks against defences over the labelled set, with curves over the budget and the lights that tell whether a
 * number can be believed; and a game in which one side answers the other.
 * @module
 */

import { fold, group, slider } from "../widgets/controls.js";
import { h, on } from "../widgets/dom.js";
import { number, percent } from "../widgets/format.js";
import { callOf, DEFENCES } from "./robustness-defences.js";
import { createGame } from "./robustness-game.js";
import { isFashion } from "./robustness-sight.js";
import { createPlot } from "./saliency-plot.js";
import { createRun } from "./saliency-run.js";

/**
 * @typedef {import("../convscope.js").Defence} Defence
 * @typedef {import("../convscope.js").RobustnessCell} Cell
 * @typedef {import("../convscope.js").Light} Light
 * @typedef {import("../convscope.js").Net} Net
 * @typedef {{ title: string, defence: Defence | null, model: string | null }} Rung `model` names another network than the page's
 */

/** Attacks in the columns, from the weakest on; the last one knows the defence. */
const ATTACKS = /** @type {const} */ ([
  { title: "Noise", call: { method: "noise" } },
  { title: "FGSM", call: { method: "fgsm" } },
  { title: "PGD", call: { method: "pgd", steps: 20 } },
]);
const COLUMNS = [...ATTACKS.map(({ title }) => title), "PGD that knows it"];
const KNOWING = COLUMNS.length - 1;

/** Budgets of a rung's curves, in 255ths; the last one allows any picture. */
const BUDGETS = [0, 1, 2, 4, 8, 16, 32, 255];

/** Pictures of the set that the table begins with. */
const FEW = 50;
const MOST = 500;

const LIGHTS = /** @type {Record<Light["name"], string>} */ ({
  iterated: "Many steps find at least what one step finds",
  white_box: "Seeing gradients helps at least as much as seeing scores",
  noise: "An attack beats noise",
  rises: "More budget never helps less",
  unbounded: "With any picture allowed, nothing is left",
  adaptive: "Knowing the defence helps no more than not knowing it",
});

/**
 * @param {import("./robustness.js").Place} place
 * @returns {import("./robustness.js").Way}
 */
export function createLadder({ app, store, heading, words, signal }) {
  const table = h("table", { class: "ladder-table" });
  const run = createRun({ onStart: () => void compute(), onStop: stop, signal });
  const plot = createPlot({
    label: "Accuracy over ε",
    width: 420,
    onMove: (at) => move(at),
    signal,
  });
  const lights = h("ul", { class: "lights", "aria-label": "Can the numbers be believed?" });
  const verdict = h("p", { class: "verdict", role: "status" });
  const close = h(
    "div",
    { class: "examined" },
    h("div", {}, plot.element, plot.key),
    h("div", {}, verdict, lights),
  );
  const game = createGame({ app, store, netOf, examples, signal });
  const element = h(
    "div",
    { class: "ladder" },
    game.element,
    h(
      "div",
      { class: "row map-key" },
      h("p", { class: "muted" }, "Click a row to examine it."),
      run.element,
    ),
    table,
    close,
  );

  on(
    table,
    "click",
    ({ target }) => {
      const row = target instanceof Element ? target.closest("tbody tr") : null;
      if (row?.parentElement) pick([...row.parentElement.children].indexOf(row));
    },
    signal,
  );

  const state = () => store.get();
  const epsilon = slider({
    label: "Budget ε (L∞)",
    min: 0.5,
    max: 32,
    step: 0.5,
    value: 8,
    text: (value) => `${number(value, 3)}/255`,
    onInput: (value) => store.set({ "robustness.epsilon": value }, { replace: true }),
    signal,
  });
  const count = slider({
    label: "Test pictures",
    min: FEW,
    max: MOST,
    step: 50,
    value: FEW,
    onInput: (value) => store.set({ "robustness.count": value }, { replace: true }),
    signal,
  });

  /** Clean accuracy and cells of each rung. @type {{ clean: number | null, cells: (number | null)[] }[]} */
  let results = [];
  let chosen = 0;
  let at = 0;
  let turn = 0;
  /** @type {{ accuracy: number[][], budgets: number[] } | null} */
  let curves = null;
  /** Other networks, by id; they go with the view. @type {Map<string, Promise<Net>>} */
  const nets = new Map();
  signal.addEventListener(
    "abort",
    () => {
      for (const net of nets.values()) net.then((each) => each.dispose()).catch(() => undefined);
    },
    { once: true },
  );

  function epsilonNow() {
    const wanted = Number(state()["robustness.epsilon"]);
    return wanted >= 0.5 && wanted <= 32 ? wanted : 8;
  }

  function countNow() {
    const wanted = Number(state()["robustness.count"]);
    return wanted >= FEW && wanted <= MOST ? Math.round(wanted) : FEW;
  }

  /** Who is attacked, from the plain network up. @returns {Rung[]} */
  function rungs() {
    const behind = DEFENCES.filter(({ id }) => id !== "smoothing").map((each) => ({
      title: each.title,
      defence: callOf(each),
      model: null,
    }));
    const robust = app.scope.models.some(({ id }) => id === "fashion-robust");
    return [
      { title: "No defence", defence: null, model: null },
      ...behind,
      ...(robust && state().model !== "fashion-robust"
        ? [{ title: "Adversarial training", defence: null, model: "fashion-robust" }]
        : []),
    ];
  }

  /** @param {string | null} id @param {AbortSignal} until */
  async function netOf(id, until) {
    if (id === null) return app.net;
    const known = nets.get(id) ?? app.scope.load(id, { signal: until });
    nets.set(id, known);
    known.catch(() => nets.delete(id));
    return known;
  }

  /** @param {number} most @param {AbortSignal} until */
  async function examples(most, until) {
    const { images, labels, classes } = await app.scope.dataset("fashion", { signal: until });
    const length = most * 784;
    return {
      images: { data: images.data.slice(0, length), shape: [most, 1, 28, 28] },
      labels: labels.slice(0, most),
      classes,
    };
  }

  async function compute() {
    turn += 1;
    const mine = turn;
    const list = rungs();
    results = list.map(() => ({ clean: null, cells: COLUMNS.map(() => null) }));
    curves = null;
    draw();
    run.start();
    const done = await app.work("ladder", async (until) => {
      const data = await examples(countNow(), until);
      for (const [index, rung] of list.entries()) {
        const net = await netOf(rung.model, until);
        for (const adaptive of rung.defence === null ? [false] : [false, true])
          await net.robustness(data, {
            attacks: ATTACKS.map(({ call }) => call).slice(adaptive ? -1 : 0),
            defences: [behind(rung, adaptive)],
            epsilons: [epsilonNow() / 255],
            seed: 1,
            signal: until,
            onStep: (/** @type {Cell & { clean: number }} */ cell) => {
              if (mine === turn) learn(index, adaptive ? KNOWING : cell.attack, cell, list.length);
            },
          });
      }
      return true;
    });
    if (mine !== turn || signal.aborted) return;
    if (done || !app.isWorking("ladder")) run.end();
    if (done) void examine();
  }

  /**
   * @param {number} rung
   * @param {number} column
   * @param {Cell & { clean: number }} cell
   * @param {number} count of rungs
   */
  function learn(rung, column, cell, count) {
    results[rung].clean = cell.clean;
    results[rung].cells[column] = cell.accuracy;
    run.step({ done: rung * COLUMNS.length + column + 1, total: count * COLUMNS.length });
    draw();
  }

  function stop() {
    app.stop("ladder");
    app.stop("ladder.close");
    run.stopped();
  }

  /** A slow adapter climbs only when it is told to. */
  function wait() {
    if (results.length > 0) return;
    draw();
    run.stopped();
  }

  /** The chosen rung over all budgets, with its lights. */
  async function examine() {
    const list = rungs();
    const rung = list[chosen];
    curves = null;
    lights.replaceChildren();
    verdict.textContent = "";
    const budgets = BUDGETS;
    /** @type {number[][]} */
    const grown = ATTACKS.map(() => []);
    plot.element.hidden = false;
    const found = await app.work("ladder.close", async (until) => {
      const net = await netOf(rung.model, until);
      const data = await examples(FEW, until);
      return net.robustness(data, {
        attacks: ATTACKS.map(({ call }) => call),
        // As the attack does not know it, and as it does.
        defences: rung.defence === null ? [null] : [behind(rung, false), behind(rung, true)],
        epsilons: budgets.map((each) => each / 255),
        seed: 1,
        signal: until,
        onStep: (/** @type {Cell} */ cell) => {
          if (cell.defence === 0) grown[cell.attack].push(cell.accuracy);
          curves = { accuracy: grown, budgets };
          drawCurves();
        },
      });
    });
    if (!found || signal.aborted) return;
    showLights(found.lights[0]);
  }

  /** @param {Light[]} found */
  function showLights(found) {
    const failing = found.filter(({ holds }) => holds === false);
    lights.replaceChildren(
      ...found.map(({ name, holds, stronger, weaker, epsilon: budget }) =>
        h(
          "li",
          { class: holds === null ? "muted" : holds ? "proof holds" : "proof fails" },
          LIGHTS[name],
          h(
            "span",
            { class: "muted small" },
            holds === null
              ? " nothing played can tell"
              : ` ${percent(stronger)} against ${percent(weaker)}${budget === null ? "" : ` at ${number(255 * budget, 3)}/255`}`,
          ),
        ),
      ),
    );
    verdict.textContent =
      failing.length > 0
        ? `${failing.length} ${failing.length === 1 ? "light is" : "lights are"} red: this number is not robustness, but an attack that lost its way.`
        : "No light is red: nothing speaks against these numbers, which proves nothing yet.";
  }

  function draw() {
    const list = rungs();
    const head = h(
      "tr",
      {},
      ...["Defence", "Clean", ...COLUMNS].map((title) => h("th", { scope: "col" }, title)),
    );
    const body = list.map((rung, index) => {
      const { clean, cells } = results[index] ?? { clean: null, cells: COLUMNS.map(() => null) };
      const shown = rung.defence === null ? cells.slice(0, KNOWING) : cells;
      return h(
        "tr",
        { class: index === chosen ? "chosen" : undefined },
        h(
          "th",
          { scope: "row" },
          h("button", { type: "button", "aria-pressed": index === chosen }, rung.title),
        ),
        cellOf(clean, "clean"),
        ...shown.map((value) => cellOf(value, "")),
      );
    });
    table.replaceChildren(h("thead", {}, head), h("tbody", {}, ...body));
  }

  /** @param {number} index */
  function pick(index) {
    if (index === chosen && curves) return;
    chosen = index;
    draw();
    void examine();
  }

  function drawCurves() {
    const { accuracy, budgets } = curves ?? { accuracy: [], budgets: BUDGETS };
    const styles = /** @type {const} */ (["rest", "second", "main"]);
    plot.show(
      {
        title: `${rungs()[chosen].title}: accuracy over ε`,
        steps: budgets.length - 1,
        from: "0",
        to: "255/255",
        low: 0,
        high: 1,
        lines: accuracy.map((values, index) => ({
          name: `${ATTACKS[index].title} at ${BUDGETS[at]}/255`,
          values,
          style: styles[index],
        })),
      },
      at,
    );
  }

  /** @param {number} place */
  function move(place) {
    at = place;
    drawCurves();
  }

  function say() {
    heading.say("Which defence survives an attack that knows it?");
    words.say(
      [
        `Accuracy on ${countNow()} test pictures under attacks within L∞ ≤ ${number(epsilonNow(), 3)}/255; each defence first against an attack that attacks the network alone, then against one that knows it (BPDA, EOT).`,
      ],
      [
        "A number holds only against the attacks that were tried: the lights are signs after Athalye, Carlini, Wagner 2018 and Carlini et al. 2019, no proof.",
      ],
    );
  }

  return {
    element,
    controls: [
      group("Ladder", epsilon.element, count.element),
      ...game.controls,
      fold(
        "What the lights mean",
        h(
          "p",
          { class: "small" },
          "A defence that only hides its gradient makes strong attacks lose their way. It gives itself away: one step then finds more than many, noise more than an attack, or nothing is found even when any picture is allowed.",
        ),
      ),
    ],
    update(again, changed) {
      epsilon.set(epsilonNow());
      count.set(countNow());
      say();
      game.update(again, changed);
      if (!isFashion(app.net)) {
        table.replaceChildren();
        close.hidden = true;
        verdict.textContent = "";
        words.say(
          [
            "The ladder is climbed over the labelled pictures that ship: choose a Fashion-MNIST network.",
          ],
          [""],
        );
        return;
      }
      close.hidden = false;
      const stale = changed.has("net") || changed.has("weights") || results.length === 0;
      const anew = ["epsilon", "count"].some((key) => changed.has(`robustness.${key}`));
      if (!anew && app.scope.adapter?.isFallbackAdapter) wait();
      else if (stale || anew) {
        chosen = Math.min(chosen, rungs().length - 1);
        void compute();
      }
    },
    leave() {
      app.stop("ladder");
      app.stop("ladder.close");
      game.leave();
    },
  };
}

/**
 * A rung's defence, known to the attack or not.
 * @param {Rung} rung
 * @param {boolean} adaptive
 * @returns {Defence | null}
 */
function behind({ defence }, adaptive) {
  return defence === null ? null : { ...defence, adaptive };
}

/**
 * A share as a number over a bar.
 * @param {number | null} value
 * @param {string} kind
 */
function cellOf(value, kind) {
  const fill = h("span", { class: "fill", "aria-hidden": "true" });
  fill.style.transform = `scaleX(${value ?? 0})`;
  return h(
    "td",
    { class: `share number ${kind}`.trim() },
    fill,
    h("span", {}, value === null ? "…" : percent(value)),
  );
}
