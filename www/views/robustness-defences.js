/**
 * The defences that the page offers: each with the one number that matters, what it is and what to doubt.
 * @module
 */

import { number } from "../widgets/format.js";
import { call, frac, math, row, sub, sup } from "./math.js";

/**
 * @typedef {import("../convscope.js").Defence} Defence
 * @typedef {{
 *   id: Defence["method"],
 *   title: string,
 *   option: string,
 *   label: string,
 *   min: number,
 *   max: number,
 *   step: number,
 *   start: number,
 *   text: (value: number) => string,
 *   what: string,
 *   doubt: string,
 *   formula: () => Element,
 *   paper: string,
 * }} Saying
 */

const BPDA =
  "It has no gradient, and so hides the way; an attack that goes straight through it (BPDA) finds it again.";

/** @type {Saying[]} */
export const DEFENCES = [
  {
    id: "jpeg",
    title: "JPEG",
    option: "quality",
    label: "Quality",
    min: 5,
    max: 95,
    step: 5,
    start: 50,
    text: String,
    what: "The picture goes through a JPEG file, which forgets what eyes would not see.",
    doubt: BPDA,
    formula: () => call("f", call("JPEG", "X")),
    paper: "Das et al. 2017; Athalye, Carlini, Wagner 2018",
  },
  {
    id: "bit_depth",
    title: "Bit depth",
    option: "bits",
    label: "Bits",
    min: 1,
    max: 8,
    step: 1,
    start: 3,
    text: String,
    what: "Values are rounded to few levels, so that small changes vanish.",
    doubt: BPDA,
    formula: () => row("f", "(", frac(call("round", "q", "X"), "q"), ")"),
    paper: "Xu, Evans, Qi 2018",
  },
  {
    id: "median",
    title: "Median",
    option: "size",
    label: "Window",
    min: 2,
    max: 7,
    step: 1,
    start: 3,
    text: (value) => `${value} × ${value}`,
    what: "Each pixel becomes the median of its neighbours: single pixels cannot stand out.",
    doubt: BPDA,
    formula: () => row("f", "(", sub("med", "W"), "X", ")"),
    paper: "Xu, Evans, Qi 2018",
  },
  {
    id: "gaussian",
    title: "Gaussian blur",
    option: "sigma",
    label: "σ",
    min: 0.25,
    max: 3,
    step: 0.25,
    start: 1,
    text: (value) => `${number(value, 3)} px`,
    what: "A blur takes the fine grain away in which most attacks hide.",
    doubt: "It has a gradient: an attack that knows it differentiates through it.",
    formula: () => row("f", "(", sub("G", "σ"), "∗", "X", ")"),
    paper: "Xu, Evans, Qi 2018",
  },
  {
    id: "tv",
    title: "Total variation",
    option: "weight",
    label: "Weight",
    min: 0.02,
    max: 0.5,
    step: 0.02,
    start: 0.1,
    text: (value) => number(value, 2),
    what: "The smoothest picture near this one: edges stay, grain goes.",
    doubt: BPDA,
    formula: () =>
      row(
        sub("min", "U"),
        frac("1", "2"),
        sup(row("|", "U", "−", "X", "|"), "2"),
        "+",
        "λ",
        call("TV", "U"),
      ),
    paper: "Rudin, Osher, Fatemi 1992; Guo et al. 2018",
  },
  {
    id: "random_resize",
    title: "Random resize and pad",
    option: "scale",
    label: "Smallest scale",
    min: 0.6,
    max: 1,
    step: 0.05,
    start: 0.8,
    text: (value) => number(value, 2),
    what: "The picture is shrunk by chance and put somewhere on black.",
    doubt:
      "Chance hides no way for long: an attack that averages over it (EOT) finds one that works for all draws.",
    formula: () => row("f", "(", sub("T", "ξ"), "X", ")"),
    paper: "Xie et al. 2018",
  },
  {
    id: "smoothing",
    title: "Randomised smoothing",
    option: "sigma",
    label: "σ",
    min: 0.05,
    max: 0.5,
    step: 0.05,
    start: 0.25,
    text: (value) => number(value, 2),
    what: "Many noisy copies vote, and their votes prove how far the answer holds in L2.",
    doubt:
      "The proof is only about L2, holds up to a chance of 0.001, and a network that never saw noise often abstains.",
    formula: () => row("R", "=", "σ", sup("Φ", row("−", "1")), "(", sub("p", "A"), ")"),
    paper: "Cohen, Rosenfeld, Kolter 2019",
  },
  {
    id: "squeezing",
    title: "Detection by squeezing",
    option: "threshold",
    label: "Refuse above",
    min: 0.1,
    max: 1.9,
    step: 0.1,
    start: 0.5,
    text: (value) => number(value, 2),
    what: "What the network says must not change when detail goes that no person would miss; else the picture is refused.",
    doubt: "An attack that knows it keeps both answers together, and passes.",
    formula: () =>
      row(
        "max",
        "‖",
        "p",
        "(",
        "X",
        ")",
        "−",
        "p",
        "(",
        sub("X", "s"),
        ")",
        sub("‖", "1"),
        ">",
        "τ",
      ),
    paper: "Xu, Evans, Qi 2018",
  },
];

/** @param {unknown} id */
export function defenceOf(id) {
  return DEFENCES.find((each) => each.id === id) ?? DEFENCES[0];
}

/**
 * The number that a state names for a defence, within its range.
 * @param {Saying} defence
 * @param {unknown} value
 */
export function amountOf({ min, max, start }, value) {
  return typeof value === "number" && value >= min && value <= max ? value : start;
}

/**
 * A defence as calls take it.
 * @param {Saying} defence
 * @param {number} [amount]
 * @returns {Defence}
 */
export function callOf(defence, amount = defence.start) {
  return /** @type {Defence} */ ({ method: defence.id, [defence.option]: amount });
}

/**
 * A defence as the ladder plays it: smoothing with as little noise as a network bears that never saw any.
 * @param {Saying} defence
 */
export function callOnLadder(defence) {
  return callOf(defence, defence.id === "smoothing" ? 0.1 : defence.start);
}

/** @param {Saying} defence @param {boolean} large */
export function formulaOf({ formula }, large) {
  return math(formula(), large);
}
