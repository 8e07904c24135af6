/**
 * Loss and accuracy over the steps of training: each step faint, their running means strong.
 * @module
 */

import { h, pixelRatio, redrawer, styleValue } from "../widgets/dom.js";
import { number } from "../widgets/format.js";

/**
 * @typedef {import("../convscope.js").TrainStep} TrainStep
 * @typedef {{ left: number, top: number, width: number, height: number }} Frame in device pixels
 */

/** Steps over which a running mean forgets. */
const MEMORY = 12;

/** @param {AbortSignal} signal */
export function createCurve(signal) {
  const canvas = h("canvas", { role: "img", "aria-label": "Loss and accuracy" });
  const element = h("div", { class: "learning-curve" }, canvas);
  /** @type {TrainStep[]} */
  let steps = [];

  function draw() {
    const ratio = pixelRatio();
    canvas.width = Math.round(element.clientWidth * ratio);
    canvas.height = Math.round(element.clientHeight * ratio);
    const context = canvas.getContext("2d");
    if (!context || canvas.width === 0) return;
    const gap = 14 * ratio;
    const each = (canvas.width - gap) / 2;
    const box = { top: 0, width: each, height: canvas.height };
    const loss = steps.map((step) => step.loss);
    const most = loss.length > 0 ? Math.max(...loss) : 2.5;
    plot(context, { ...box, left: 0 }, loss, most, "Loss", number, "--minus");
    const accuracy = steps.map((step) => step.accuracy);
    const share = (/** @type {number} */ value) => `${Math.round(100 * value)} %`;
    plot(context, { ...box, left: each + gap }, accuracy, 1, "Accuracy", share, "--plus");
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Frame} box
   * @param {number[]} values
   * @param {number} most
   * @param {string} title
   * @param {(value: number) => string} text
   * @param {string} colour
   */
  function plot(context, box, values, most, title, text, colour) {
    const ratio = pixelRatio();
    const size = Number.parseFloat(getComputedStyle(element).fontSize) * ratio;
    const top = box.top + 1.5 * size;
    const height = box.height - 3 * size;
    const y = (/** @type {number} */ value) => top + height * (1 - value / most);
    const x = (/** @type {number} */ place) =>
      box.left + (box.width * place) / Math.max(values.length - 1, 1);
    context.font = `${size}px system-ui, sans-serif`;
    context.textBaseline = "alphabetic";
    context.fillStyle = styleValue("--muted");
    context.textAlign = "left";
    context.fillText(text(most), box.left, top - 0.35 * size);
    context.textAlign = "right";
    context.fillText(title, box.left + box.width, top - 0.35 * size);
    const last = steps.at(-1)?.step ?? 0;
    context.fillText(
      last > 0 ? `step ${last}` : "no step yet",
      box.left + box.width,
      box.height - 0.3 * size,
    );
    context.textAlign = "left";
    context.fillText("0", box.left, box.height - 0.3 * size);
    context.strokeStyle = styleValue("--line");
    context.lineWidth = ratio;
    for (const share of [0, 0.5, 1]) {
      context.beginPath();
      context.moveTo(box.left, y(most * share));
      context.lineTo(box.left + box.width, y(most * share));
      context.stroke();
    }
    const line = (
      /** @type {number[]} */ list,
      /** @type {number} */ width,
      /** @type {number} */ alpha,
    ) => {
      context.globalAlpha = alpha;
      context.strokeStyle = styleValue(colour);
      context.lineWidth = width * ratio;
      context.lineJoin = "round";
      context.beginPath();
      for (const [place, value] of list.entries()) context.lineTo(x(place), y(value));
      context.stroke();
      context.globalAlpha = 1;
    };
    line(values, 1, 0.35);
    line(means(values), 2.5, 1);
  }

  const redraw = redrawer(element, draw, signal);

  return {
    element,
    /** @param {TrainStep[]} next */
    show(next) {
      steps = next;
      const last = steps.at(-1);
      canvas.setAttribute(
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
