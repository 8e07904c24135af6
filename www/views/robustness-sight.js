/**
 * What all ways to look at robustness share: pictures as bitmaps, what was added to them, and how answers moved.
 * @module
 */

import { h } from "../widgets/dom.js";
import { number, percent } from "../widgets/format.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../convscope.js").Net} Net
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("../convscope.js").Prediction} Prediction
 * @typedef {import("../convscope.js").Class} Class
 */

/** Classes whose bars are shown. */
const SHOWN = 4;

/**
 * A picture in model space as pixels that can be drawn.
 * @param {Net} net
 * @param {Tensor} tensor
 */
export async function bitmapOf(net, tensor) {
  return createImageBitmap(await net.toPixels(tensor));
}

/**
 * Whether the labelled pictures that ship are of the kind that a network takes.
 * @param {Net} net
 */
export function isFashion({ input, labels }) {
  return input.shape.join() === "1,1,28,28" && labels.length === 10;
}

/**
 * A picture's values as pixels from 0 to 1.
 * @param {Net} net
 * @param {Tensor} tensor `[1, C, H, W]` in model space
 */
export function inPixels(net, { data, shape }) {
  const { mean = [], std = [] } = net.input.preprocess ?? {};
  const plane = shape[2] * shape[3];
  return data.map((value, index) => {
    const channel = Math.floor(index / plane);
    return value * (std[channel] ?? 1) + (mean[channel] ?? 0);
  });
}

/**
 * What was added, magnified: signed by colour where there is one channel, around the middle grey where there are three.
 * @param {Session} app
 * @param {Tensor} before
 * @param {Tensor} after
 * @param {number} gain
 */
export async function difference(app, before, after, gain) {
  const [was, is] = [inPixels(app.net, before), inPixels(app.net, after)];
  const change = is.map((value, index) => value - was[index]);
  const [, channels] = before.shape;
  const reach = 1 / gain;
  const { bitmap } = await app.scope.paint(
    { data: change, shape: before.shape },
    { map: channels === 3 ? "rgb" : "diverging", scale: [-reach, reach] },
  );
  return bitmap;
}

/**
 * A change of pixels as the field writes it, without zeros that say nothing: 8/255.
 * @param {number} value in 255ths
 */
export function of255(value) {
  const text = number(value, 3);
  return `${text.includes(".") ? text.replace(/\.?0+$/, "") : text}/255`;
}

/**
 * An answer in a few words.
 * @param {Class} answer
 */
export function said({ label, probability }) {
  return `${label} ${percent(probability)}`;
}

/**
 * Bars of the classes that matter before or after a change: what they were, thin, and what they are.
 */
export function createAnswers() {
  const element = h("ul", { class: "answers", "aria-label": "Answers before and after" });
  return {
    element,
    /**
     * @param {Net} net
     * @param {Prediction} before
     * @param {Prediction | null} after
     */
    show(net, before, after) {
      const of = (/** @type {Prediction} */ each) => each.top.map(({ index }) => index);
      const first = [before.top[0].index, ...(after ? [after.top[0].index] : [])];
      const classes = [...new Set([...first, ...(after ? of(after) : []), ...of(before)])];
      element.replaceChildren(
        ...classes.slice(0, SHOWN).map((index) => {
          const was = before.probabilities.data[index];
          const is = after?.probabilities.data[index] ?? was;
          const name = net.labels[index] ?? `class ${index}`;
          return h(
            "li",
            { class: after?.top[0].index === index ? "leads" : undefined },
            h("span", { class: "name", title: name }, name),
            h("span", { class: "value number" }, percent(is)),
            h(
              "span",
              { class: "track", "aria-hidden": true },
              bar("was", was),
              after ? bar("is", is) : null,
            ),
            h("span", { class: "hidden" }, `before ${percent(was)}`),
          );
        }),
      );
    },
  };
}

/**
 * @param {string} kind
 * @param {number} share
 */
function bar(kind, share) {
  const element = h("span", { class: kind });
  element.style.transform = `scaleX(${Math.max(share, 0.004)})`;
  return element;
}

/**
 * A share as a number over a bar.
 * @param {number | null} value
 * @param {string} kind
 */
export function shareCell(value, kind) {
  const fill = h("span", { class: "fill", "aria-hidden": "true" });
  fill.style.transform = `scaleX(${value ?? 0})`;
  return h(
    "td",
    { class: `share number ${kind}`.trim() },
    fill,
    h("span", {}, value === null ? "…" : percent(value)),
  );
}
