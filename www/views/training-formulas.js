/**
 * The steps of the optimisers: W a weight, g the slope of the loss by it, η the learning rate, λ the weight decay.
 * @module
 */

import { h, m } from "../widgets/dom.js";
import { frac, math, row, sub, sup } from "./math.js";

const gradient = () => row("g", "=", frac(row("∂", "L"), row("∂", "W")), "+", "λ", "W");
const hat = (/** @type {string} */ name) => m("mover", {}, m("mi", {}, name), m("mo", {}, "^"));
const beta = (/** @type {string} */ order) => sub("β", order);
/** @param {string} mean @param {string} order @param {import("./math.js").Token} of */
const running = (mean, order, of) =>
  row(mean, "←", beta(order), mean, "+", "(", "1", "−", beta(order), ")", of);

/**
 * @param {boolean} isAdam
 */
export function stepFormulas(isAdam) {
  const formulas = isAdam
    ? [
        gradient(),
        running("m", "1", "g"),
        running("v", "2", sup("g", "2")),
        row("W", "←", "W", "−", "η", frac(hat("m"), row(m("msqrt", {}, hat("v")), "+", "ε"))),
      ]
    : [gradient(), row("v", "←", "μ", "v", "+", "g"), row("W", "←", "W", "−", "η", "v")];
  const text = isAdam
    ? "β = (0.9, 0.999), hats divide by 1 − β to the power of the step. Kingma and Ba 2015; L is the mean cross-entropy of the batch."
    : "μ = 0.9. Rumelhart, Hinton and Williams 1986; L is the mean cross-entropy of the batch.";
  return [
    ...formulas.map((each) => h("div", {}, math(each, true))),
    h("p", { class: "small muted" }, text),
  ];
}
