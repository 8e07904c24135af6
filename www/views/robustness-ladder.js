/**
 * The ladder: attacks against defences over the labelled set, with curves over the budget and the lights that tell whether a
 * number can be believed; and a game in which one side answers the other.
 * @module
 */

import { button, fold, group, slider } from "../widgets/controls.js";
import { h, on, refill } from "../widgets/dom.js";
import { callOnLadder, DEFENCES } from "./robustness-defences.js";
import { createGame } from "./robustness-game.js";
import { createMatrix } from "./robustness-matrix.js";
import { behind, createRungSight, FEW } from "./robustness-rung.js";
import { isFashion, of255, shareCell } from "./robustness-sight.js";
import { createRun } from "./saliency-run.js";

/**
 * @typedef {import("../convscope.js").RobustnessCell} Cell
 * @typedef {import("../convscope.js").Net} Net
 * @typedef {import("./robustness-rung.js").Rung} Rung
 */

/** Attacks in the columns, from the weakest on, by what they know; the last one also plays knowing the defence. */
const ATTACKS = /** @type {const} */ ([
  { title: "Noise", call: { method: "noise" } },
  { title: "Square", call: { method: "square", steps: 100 } },
  { title: "FGSM", call: { method: "fgsm" } },
  { title: "PGD", call: { method: "pgd", steps: 20 } },
]);
const COLUMNS = [...ATTACKS.map(({ title }) => title), "PGD that knows it"];
const KNOWING = COLUMNS.length - 1;

/** Pictures of the set that the table may take. */
const MOST = 500;

/**
 * @param {import("./robustness.js").Place} place
 * @returns {import("./robustness.js").Way}
 */
export function createLadder({ app, store, heading, words, signal }) {
  const table = h("table", { class: "ladder-table" });
  const run = createRun({ onStart: () => void compute(), onStop: stop, signal });
  const close = createRungSight({ app, attacks: ATTACKS, netOf, examples, signal });
  const game = createGame({ app, store, netOf, examples, signal });
  const matrix = createMatrix({
    app,
    store,
    netOf,
    examples,
    budget: epsilonNow,
    count: countNow,
    signal,
  });
  const climb = h(
    "div",
    { class: "climb" },
    game.element,
    h(
      "div",
      { class: "row map-key" },
      h("p", { class: "muted" }, "Choose a row to examine it."),
      run.element,
    ),
    h("div", { class: "wide" }, table),
    close.element,
    matrix.element,
  );
  const elsewhere = h(
    "div",
    { class: "elsewhere" },
    h(
      "p",
      {},
      "The ladder is climbed over labelled pictures, and only those of Fashion-MNIST ship with the page.",
    ),
    button({
      label: "Climb it with Fashion-MNIST",
      onClick: () => store.set({ model: "fashion", image: "", target: null }),
      signal,
    }),
  );
  const element = h("div", { class: "ladder" }, climb, elsewhere);

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
    text: of255,
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
  /** What they were played for. */
  let played = "";
  let turn = 0;
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

  /** Who is attacked, from the plain network up. @returns {(Rung & { id: string })[]} */
  function rungs() {
    const behind = DEFENCES.map((each) => ({
      id: each.id,
      title: each.title,
      defence: callOnLadder(each),
      model: null,
    }));
    const robust = app.scope.models.some(({ id }) => id === "fashion-robust");
    return [
      { id: "", title: "No defence", defence: null, model: null },
      ...behind,
      ...(robust && state().model !== "fashion-robust"
        ? [
            {
              id: "robust",
              title: "Adversarial training",
              defence: null,
              model: "fashion-robust",
            },
          ]
        : []),
    ];
  }

  /** The place of the rung that is looked at. */
  function chosen() {
    const wanted = state()["robustness.rung"];
    return Math.max(
      0,
      rungs().findIndex(({ id }) => id === wanted),
    );
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

  /** What results depend on. */
  function question() {
    return [state().model, epsilonNow(), countNow()].join(" ");
  }

  async function compute() {
    played = question();
    turn += 1;
    const mine = turn;
    const list = rungs();
    results = list.map(() => ({ clean: null, cells: COLUMNS.map(() => null) }));
    close.clear();
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
    if (done) void close.examine(rungs()[chosen()]);
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
    close.leave();
    run.stopped();
  }

  /** A slow adapter climbs only when it is told to. */
  function wait() {
    turn += 1;
    results = [];
    close.clear();
    draw();
    run.stopped();
  }

  function draw() {
    const list = rungs();
    const now = chosen();
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
        { class: index === now ? "chosen" : undefined },
        h(
          "th",
          { scope: "row" },
          h("button", { type: "button", "aria-pressed": index === now }, rung.title),
        ),
        shareCell(clean, "clean"),
        ...shown.map((value) => shareCell(value, "")),
      );
    });
    refill(table, h("thead", {}, head), h("tbody", {}, ...body));
  }

  /** @param {number} index */
  function pick(index) {
    if (index === chosen()) {
      if (!close.isShown()) examine();
      return;
    }
    store.set({ "robustness.rung": rungs()[index].id }, { replace: true });
  }

  function examine() {
    draw();
    void close.examine(rungs()[chosen()]);
  }

  function say() {
    heading.say("Which defence survives an attack that knows it?");
    words.say(
      [
        `Accuracy on ${countNow()} test pictures under attacks within L∞ ≤ ${of255(epsilonNow())}; each defence first against an attack that attacks the network alone, then against one that knows it (BPDA, EOT).`,
      ],
      [
        "A number holds only against the attacks that were tried: the lights are signs after Athalye, Carlini, Wagner 2018 and Carlini et al. 2019, no proof.",
      ],
    );
  }

  const controls = [
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
  ];

  return {
    element,
    controls,
    update(again, changed) {
      epsilon.set(epsilonNow());
      count.set(countNow());
      say();
      const can = isFashion(app.net);
      climb.hidden = !can;
      elsewhere.hidden = can;
      for (const control of controls) control.hidden = !can;
      words.element.hidden = !can;
      if (!can) return;
      game.update(again, changed);
      if (changed.has("weights")) played = "";
      // Other ways to look share the budget, and may have moved it meanwhile.
      const stale = played !== question();
      matrix.update(stale);
      if (changed.has("robustness.rung") && !again) examine();
      else if (stale && again && app.scope.adapter?.isFallbackAdapter) wait();
      else if (stale) void compute();
    },
    leave() {
      words.element.hidden = false;
      app.stop("ladder");
      close.leave();
      matrix.leave();
      game.leave();
    },
  };
}
