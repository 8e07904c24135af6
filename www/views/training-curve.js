/**
 * Loss and accuracy over the steps of training: each step faint, their running means strong.
 * @module
 */

import { h, redrawer, svg } from "../widgets/dom.js";
import { number } from "../widgets/format.js";
import { createSaves } from "../widgets/save.js";

/**
 * @typedef {import("../convscope.js").TrainStep} TrainStep
 * @typedef {{ title: string, values: number[], most: number, text: (value: number) => string, style: "loss" | "accuracy" }} Panel
 */

/** Steps over which a running mean forgets. */
const MEMORY = 12;

/** Space in CSS pixels: between the two, and above and below each for its words. */
const GAP = 14;
const ABOVE = 21;
const BELOW = 21;

/** @param {AbortSignal} signal */
export function createCurve(signal) {
  const art = svg("svg", { class: "chart", role: "img", "aria-label": "Loss and accuracy" });
  const box = h("div", { class: "learning-curve" }, art);
  const saves = createSaves({ art: () => art, rows, name: () => "learning", signal });
  const caption = h(
    "figcaption",
    { class: "chart-head" },
    "Each batch, and their running mean",
    saves,
  );
  const element = h("figure", {}, caption, box);
  /** @type {TrainStep[]} */
  let steps = [];

  function draw() {
    const { clientWidth: width, clientHeight: height } = box;
    if (width === 0) return;
    art.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const each = (width - GAP) / 2;
    const loss = steps.map((step) => step.loss);
    const most = loss.length > 0 ? Math.max(...loss) : 2.5;
    const accuracy = steps.map((step) => step.accuracy);
    const share = (/** @type {number} */ value) => `${Math.round(100 * value)} %`;
    const size = { width: each, height };
    art.replaceChildren(
      ...panel(
        { title: "Loss", values: loss, most, text: number, style: "loss" },
        { ...size, left: 0 },
      ),
      ...panel(
        { title: "Accuracy", values: accuracy, most: 1, text: share, style: "accuracy" },
        { ...size, left: each + GAP },
      ),
    );
  }

  /**
   * @param {Panel} content
   * @param {{ left: number, width: number, height: number }} place
   */
  function panel({ title, values, most, text, style }, { left, width, height }) {
    const right = left + width;
    const y = (/** @type {number} */ value) =>
      ABOVE + (height - ABOVE - BELOW) * (1 - value / most);
    const x = (/** @type {number} */ at) => left + (width * at) / Math.max(values.length - 1, 1);
    const line = (/** @type {number[]} */ list, /** @type {string} */ strength) =>
      svg("polyline", {
        class: `line ${style} ${strength}`,
        points: list.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" "),
      });
    const last = steps.at(-1)?.step ?? 0;
    const end = { x: right, "text-anchor": "end" };
    return [
      svg("text", { x: left, y: ABOVE - 5 }, text(most)),
      svg("text", { ...end, y: ABOVE - 5 }, title),
      svg("text", { x: left, y: height - 4 }, "0"),
      svg("text", { ...end, y: height - 4 }, last > 0 ? `step ${last}` : "no step yet"),
      ...[0, 0.5, 1].map((share) =>
        svg("line", {
          class: "axis",
          x1: left,
          x2: right,
          y1: y(most * share),
          y2: y(most * share),
        }),
      ),
      line(values, "each"),
      line(means(values), "mean"),
    ];
  }

  /** A row a step. */
  function rows() {
    const loss = means(steps.map((step) => step.loss));
    const accuracy = means(steps.map((step) => step.accuracy));
    return [
      ["step", "loss", "accuracy", "loss_mean", "accuracy_mean"],
      ...steps.map((step, at) => [step.step, step.loss, step.accuracy, loss[at], accuracy[at]]),
    ];
  }

  const redraw = redrawer(box, draw, signal);

  return {
    element,
    /** @param {TrainStep[]} next */
    show(next) {
      steps = next;
      saves.hidden = steps.length === 0;
      const last = steps.at(-1);
      art.setAttribute(
        "aria-label",
        last
          ? `After step ${last.step} the loss is ${number(last.loss)}, the accuracy ${Math.round(100 * last.accuracy)} per cent`
          : "Loss and accuracy, no step yet",
      );
      redraw();
    },
  };
}

/**
 * Exponential running means, without the pull of the beginning.
 * @param {number[]} values
 */
export function means(values) {
  let sum = 0;
  let weight = 0;
  return values.map((value) => {
    sum += (value - sum) / MEMORY;
    weight += (1 - weight) / MEMORY;
    return sum / weight;
  });
}
