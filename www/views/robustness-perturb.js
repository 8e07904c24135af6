/**
 * Perturbations: one strength on a slider, the picture beside its perturbed self, and the curve of how sure the network
 * stays as it grows, for the picture and for a labelled set. Who wants to may guess before the curve is shown.
 * @module
 */

import { button, fold, group, select, slider, toggle } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";
import { fixed } from "../widgets/format.js";
import { createLink, createPixels } from "../widgets/pixels.js";
import { createReadout } from "../widgets/readout.js";
import { formulaOf, KINDS, kindOf, nameOf, strengthsOf } from "./robustness-kinds.js";
import { bitmapOf, createAnswers, inPixels, isFashion, said } from "./robustness-sight.js";
import { isLittle } from "./saliency-cost.js";
import { createPlot } from "./saliency-plot.js";
import { createRun } from "./saliency-run.js";
import { figure } from "./words.js";

/**
 * @typedef {import("../convscope.js").CurvePoint} CurvePoint
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("../convscope.js").Prediction} Prediction
 */

/** Kinds of which two draws differ. */
const DRAWN = ["gaussian", "uniform", "salt_pepper", "shift", "occlusion"];

/** Draws of a curve. */
const DRAWS = 16;
const FEW_DRAWS = 4;

/** Pictures of the labelled set that are looked at, and where the adapter is a slow one. */
const OF_SET = 200;
const FEW_OF_SET = 40;

/**
 * @param {import("./robustness.js").Place} place
 * @returns {import("./robustness.js").Way}
 */
export function createPerturb({ app, store, heading, words, signal }) {
  const link = createLink();
  const readout = createReadout("");
  const left = createPixels({ label: "The picture", link, onHover: hover, signal });
  const right = createPixels({ label: "The perturbed picture", link, onHover: hover, signal });
  const before = figure(left.element, "");
  const after = figure(right.element, "");
  const answers = createAnswers();
  const plot = createPlot({ label: "Confidence over strength", height: 176, onMove: seek, signal });
  const run = createRun({ onStart: () => void compute(), onStop: stop, signal });
  const verdict = h("p", { class: "verdict", role: "status" });
  const element = h(
    "div",
    { class: "perturb" },
    h("div", { class: "sights" }, before.element, after.element, answers.element),
    h("div", { class: "curve-row" }, plot.element, h("div", {}, plot.key, run.element)),
    verdict,
    readout.element,
  );

  const state = () => store.get();
  const kind = select({
    label: "Kind",
    options: KINDS.map(({ id, title }) => ({ value: id, label: title })),
    value: kindOf(state()["robustness.kind"]).id,
    onChange: (value) => store.set({ "robustness.kind": value, "robustness.strength": null }),
    signal,
  });
  const strength = slider({
    label: "Strength",
    min: 0,
    max: 1,
    step: 1,
    value: 0,
    text: (at) => kindNow().text(strengths()[at] ?? 0),
    onInput: seek,
    signal,
  });
  const draw = button({
    label: "Another draw",
    onClick: () => store.set({ "robustness.seed": Number(state()["robustness.seed"]) + 1 }),
    signal,
  });
  const guess = toggle({
    label: "Guess first, then look",
    value: state()["robustness.guess"] === true,
    onChange: (value) => store.set({ "robustness.guess": value }),
    signal,
  });
  const reveal = button({ label: "That is my guess", onClick: () => uncover(), signal });
  const meaning = h("div", { class: "formula" });

  /** @type {CurvePoint[]} */
  let curve = [];
  /** The curve of the labelled set. @type {CurvePoint[]} */
  let whole = [];
  /** @type {{ tensor: Tensor, prediction: Prediction } | null} */
  let perturbed = null;
  /** Where the curve is covered until the viewer has guessed. */
  let covered = false;
  /** The guess, as a place among the strengths. @type {number | null} */
  let guessed = null;
  let turn = 0;

  function kindNow() {
    return kindOf(state()["robustness.kind"]);
  }

  function strengths() {
    const [, , height, width] = app.net.input.shape;
    return strengthsOf(kindNow(), Math.min(height, width));
  }

  const last = () => strengths().length - 1;

  function isDrawn() {
    return DRAWN.includes(kindNow().id);
  }

  /** The place of the strength that the state names. */
  function at() {
    const list = strengths();
    const wanted = state()["robustness.strength"];
    const value = typeof wanted === "number" ? wanted : list[Math.round(0.3 * last())];
    const near = (/** @type {number} */ index) => Math.abs(list[index] - value);
    return list.reduce((best, _, index) => (near(index) < near(best) ? index : best), 0);
  }

  /** @param {number} place */
  function seek(place) {
    store.set({ "robustness.strength": strengths()[place] }, { replace: true });
  }

  function common() {
    return { method: kindNow().id, units: /** @type {const} */ ("pixels"), seed: seed() };
  }

  function seed() {
    return Number(state()["robustness.seed"]);
  }

  async function compute() {
    turn += 1;
    const mine = turn;
    curve = [];
    whole = [];
    drawCurve();
    run.start();
    const little = isLittle(DRAWS * strengths().length, app.net, app.scope);
    const done = await app.work("perturb.curve", async (until) => {
      const options = {
        ...common(),
        strengths: strengths(),
        signal: until,
        onProgress: run.step,
      };
      await app.net.perturbationCurve(app.input, {
        ...options,
        labels: [app.target],
        repeats: little ? DRAWS : FEW_DRAWS,
        onStep: (/** @type {CurvePoint} */ point) => grow(curve, point, mine),
      });
      const set = await setOf(until);
      if (set)
        await app.net.perturbationCurve(set.images, {
          ...options,
          labels: set.labels,
          repeats: 1,
          onStep: (/** @type {CurvePoint} */ point) => grow(whole, point, mine),
        });
      return true;
    });
    if (mine !== turn || signal.aborted) return;
    if (done || !app.isWorking("perturb.curve")) run.end();
    say();
  }

  /** @param {CurvePoint[]} points @param {CurvePoint} point @param {number} mine */
  function grow(points, point, mine) {
    if (mine !== turn) return;
    points.push(point);
    drawCurve();
  }

  function stop() {
    app.stop("perturb.curve");
    run.stopped();
  }

  /**
   * Labelled pictures of the kind that the network takes, where some ship.
   * @param {AbortSignal} until
   */
  async function setOf(until) {
    if (!isFashion(app.net)) return null;
    const { images, labels: classes } = await app.scope.dataset("fashion", { signal: until });
    const most = ofSet();
    return {
      images: { data: images.data.slice(0, most * 784), shape: [most, 1, 28, 28] },
      labels: Array.from(classes.slice(0, most)),
    };
  }

  function ofSet() {
    return app.scope.adapter?.isFallbackAdapter ? FEW_OF_SET : OF_SET;
  }

  async function look() {
    const list = strengths();
    const place = at();
    const made = await app.work("perturb.look", async (until) => {
      const { input, net } = app;
      const tensor = await net.perturb(input, {
        ...common(),
        strength: list[place],
        signal: until,
      });
      const prediction = await net.predict(tensor, { top: 5, signal: until });
      const [seen, bitmap] = await Promise.all([
        createImageBitmap(app.seen),
        bitmapOf(net, tensor),
      ]);
      return { tensor, prediction, seen, bitmap };
    });
    if (!made || signal.aborted) return;
    perturbed = made;
    const { width, height } = made.seen;
    left.show({ width, height, layers: [{ bitmap: made.seen }], label: app.picture.title });
    right.show({
      width,
      height,
      layers: [{ bitmap: made.bitmap }],
      label: `${app.picture.title}, ${kindNow().title} ${kindNow().text(list[place])}`,
    });
    before.caption(said(app.prediction.top[0]));
    after.caption(covered ? kindNow().text(list[place]) : said(made.prediction.top[0]));
    answers.element.classList.toggle("covered", covered);
    answers.show(app.net, app.prediction, covered ? null : made.prediction);
  }

  function drawCurve() {
    const list = strengths();
    const shown = covered ? [] : curve;
    const test = covered ? [] : whole;
    const values = (
      /** @type {CurvePoint[]} */ points,
      /** @type {"mean" | "low" | "high"} */ key,
    ) => points.map(({ confidence }) => confidence[key]);
    const shares = (/** @type {"mean" | "low" | "high"} */ key) =>
      test.map(({ accuracy }) => accuracy[key]);
    plot.show(
      {
        title: covered
          ? "At which strength does it change its mind? Move the slider there"
          : `Probability of ${app.targetLabel}${isDrawn() ? ", mean and the middle eight in ten draws" : ""}`,
        steps: last(),
        from: kindNow().text(list[0]),
        to: kindNow().text(list[last()]),
        low: 0,
        high: 1,
        lines: [
          {
            name: `this picture: ${app.targetLabel}`,
            values: values(shown, "mean"),
            style: "main",
            band: { low: values(shown, "low"), high: values(shown, "high") },
          },
          ...(test.length > 0
            ? [
                {
                  name: `right among ${ofSet()} test pictures`,
                  values: shares("mean"),
                  style: /** @type {const} */ ("second"),
                  band: { low: shares("low"), high: shares("high") },
                },
              ]
            : []),
        ],
        marks: guessed === null || covered ? [] : [guessed],
      },
      at(),
    );
    tell();
  }

  /** The first strength, away from none, at which half of the draws are named otherwise. */
  function turningPoints() {
    const list = strengths();
    const none = list.reduce((best, s, i) => (Math.abs(s) < Math.abs(list[best]) ? i : best), 0);
    const lost = (/** @type {number} */ i) => (curve[i]?.accuracy.mean ?? 1) < 0.5;
    const up = list.findIndex((_, i) => i > none && lost(i));
    const down = list.findLastIndex((_, i) => i < none && lost(i));
    return [down, up].filter((i) => i >= 0);
  }

  function tell() {
    if (covered) {
      verdict.textContent = "";
      return;
    }
    const { text } = kindNow();
    if (curve.length < strengths().length) {
      verdict.textContent = "";
      return;
    }
    const list = strengths();
    const points = turningPoints();
    const half =
      points.length > 0
        ? `${isDrawn() ? "Half of the draws are" : "It is"} no longer called ${app.targetLabel} from ${points.map((i) => text(list[i])).join(" and ")} on`
        : `No strength of ${nameOf(kindNow())} here takes ${app.targetLabel} away from it`;
    const yours = guessed === null ? "" : `; you said ${text(list[guessed])}`;
    verdict.textContent = `${half}${yours}.`;
  }

  function uncover() {
    guessed = at();
    covered = false;
    show();
    app.announce(verdict.textContent ?? "");
  }

  function show() {
    reveal.hidden = !covered;
    drawCurve();
    void look();
  }

  function say() {
    const shown = kindNow();
    heading.say(`How much ${nameOf(shown)} does `, { name: app.targetLabel }, " bear?");
    words.say([`${shown.what} `, formulaOf(shown, false)], [`${shown.doubt} (${shown.paper})`]);
    meaning.replaceChildren(
      formulaOf(shown, true),
      h("p", { class: "small" }, shown.paper),
      h(
        "p",
        { class: "muted small" },
        "X is the picture with pixels from 0 to 1, s its strength. The band holds eight of ten draws; that of the test pictures is Wilson’s 95 % interval.",
      ),
    );
    readout.rest("Point at a pixel for its values before and after.");
  }

  /** @param {{ x: number, y: number } | null} cell */
  function hover(cell) {
    if (!cell || !perturbed) {
      readout.show(null);
      return;
    }
    const [, channels, height, width] = app.input.shape;
    const pixel = (/** @type {Tensor} */ picture) => {
      const values = inPixels(app.net, picture);
      return Array.from({ length: channels }, (_, c) =>
        fixed(values[(c * height + cell.y) * width + cell.x], 2),
      ).join(", ");
    };
    readout.show(
      `row ${cell.y}, column ${cell.x}: ${pixel(app.input)} → ${pixel(perturbed.tensor)}`,
    );
  }

  return {
    element,
    controls: [
      group(
        "Perturb",
        kind.element,
        strength.element,
        h("div", { class: "buttons" }, draw, reveal),
      ),
      guess.element,
      fold("Formula and paper", meaning),
    ],
    update(again, changed) {
      const next = state();
      kind.set(kindNow().id);
      strength.set(at(), { max: last() });
      draw.disabled = !isDrawn();
      guess.set(next["robustness.guess"] === true);
      const anew = again || changed.has("robustness.kind");
      if (anew || changed.has("robustness.guess")) {
        covered = next["robustness.guess"] === true;
        guessed = null;
      }
      say();
      show();
      if (anew || changed.has("robustness.seed")) void compute();
      else plot.at(at());
    },
    leave() {
      app.stop("perturb.curve");
      app.stop("perturb.look");
    },
  };
}
