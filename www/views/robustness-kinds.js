/**
 * The perturbations that the page offers: their strengths, in words, formulas and doubts.
 * @module
 */

import { fixed, number, percent } from "../widgets/format.js";
import { call, frac, math, row, sub } from "./math.js";

/**
 * @typedef {{
 *   id: import("../convscope.js").PerturbationMethod,
 *   title: string,
 *   range: (side: number) => [number, number],
 *   text: (strength: number) => string,
 *   what: string,
 *   doubt: string,
 *   formula: () => Element,
 *   paper: string,
 * }} Kind `range` gives the least and greatest strength for pictures whose shorter side has so many pixels
 */

/** Strengths of a curve. */
const POINTS = 21;

const levels = (/** @type {number} */ strength) =>
  `${fixed(strength, 2)} = ${Math.round(255 * strength)}/255`;

const HENDRYCKS = "Hendrycks, Dietterich 2019";
const GEIRHOS = "Geirhos et al. 2018";

/** @type {Kind[]} */
export const KINDS = [
  {
    id: "gaussian",
    title: "Gaussian noise",
    range: () => [0, 0.6],
    text: (s) => `σ ${levels(s)}`,
    what: "Normal noise is added to every pixel and every colour, then cut to black and white.",
    doubt:
      "Noise is far stronger than an attack of the same norm must be: surviving it says little about attacks.",
    formula: () => row("X", "+", "σ", "N", ",", "N", "∼", "𝒩", "(", "0", ",", "1", ")"),
    paper: `${HENDRYCKS}; ${GEIRHOS}`,
  },
  {
    id: "uniform",
    title: "Uniform noise",
    range: () => [0, 1],
    text: (s) => `± ${levels(s)}`,
    what: "Every value moves by an amount drawn evenly from minus to plus the strength.",
    doubt:
      "It keeps an L∞ budget as attacks do, and wastes it: hardly any direction in pixel space hurts.",
    formula: () => row("X", "+", "U", ",", "U", "∼", "[", "−", "s", ",", "s", "]"),
    paper: GEIRHOS,
  },
  {
    id: "salt_pepper",
    title: "Salt and pepper",
    range: () => [0, 0.6],
    text: (s) => `${percent(s)} of the pixels`,
    what: "Some pixels become black or white, the rest stays.",
    doubt: "Which pixels are hit matters: the band shows how much.",
    formula: () => row("P", "(", sub("X", "p"), "=", "0", "or", "1", ")", "=", "s"),
    paper: HENDRYCKS,
  },
  {
    id: "blur",
    title: "Gaussian blur",
    range: (side) => [0, side / 7],
    text: (s) => `σ ${number(s, 2)} px`,
    what: "Every pixel becomes the weighted mean of those around it.",
    doubt: "What a network needs of fine detail differs from class to class: see others too.",
    formula: () => row(sub("G", "s"), "∗", "X"),
    paper: HENDRYCKS,
  },
  {
    id: "brightness",
    title: "Brightness",
    range: () => [-1, 1],
    text: (s) => fixed(s, 2, true),
    what: "The same amount is added to every value, then cut to black and white.",
    doubt:
      "What a person calls the same picture, only lighter, may lie far from all that was learned.",
    formula: () => row("X", "+", "s"),
    paper: HENDRYCKS,
  },
  {
    id: "contrast",
    title: "Contrast",
    range: () => [-1, 1],
    text: (s) => `× ${fixed(1 - s, 2)}`,
    what: "Values move towards the middle grey or away from it.",
    doubt: "The last steps leave a picture that hardly has any levels left on a screen.",
    formula: () =>
      row(frac("1", "2"), "+", "(", "1", "−", "s", ")", "(", "X", "−", frac("1", "2"), ")"),
    paper: GEIRHOS,
  },
  {
    id: "jpeg",
    title: "JPEG",
    range: () => [0, 99],
    text: (s) => (s === 0 ? "no file" : `quality ${Math.max(1, Math.round(100 - s))}`),
    what: "The picture is written to a JPEG file and read again, with ever less quality.",
    doubt: "Most photographs that networks learned from were JPEG files already.",
    formula: () => call("JPEG", "X"),
    paper: HENDRYCKS,
  },
  {
    id: "rotation",
    title: "Rotation",
    range: () => [-180, 180],
    text: (s) => `${fixed(s, 0, true)}°`,
    what: "The picture is turned about its middle; the outermost pixels fill the corners.",
    doubt:
      "Things stand upright in most training pictures: a fall by 30° tells what was shown, not what could be learned.",
    formula: () => row("X", "∘", sub("R", "s")),
    paper: "Engstrom et al. 2019",
  },
  {
    id: "shift",
    title: "Shift",
    range: (side) => [0, side / 2],
    text: (s) => `${number(s, 2)} px`,
    what: "The picture moves in a direction drawn by chance; the outermost pixels go on behind it.",
    doubt: "A convolution moves with the picture, but strides, borders and dense layers do not.",
    formula: () => row("X", "(", "p", "−", "s", "d", ")", ",", "|", "d", "|", "=", "1"),
    paper: "Engstrom et al. 2019; Azulay, Weiss 2019",
  },
  {
    id: "occlusion",
    title: "Occlusion",
    range: () => [0, 0.8],
    text: (s) => `${percent(s)} of the area`,
    what: "A grey square is laid over a place drawn by chance.",
    doubt: "The square is itself something to see: not only what is missing counts.",
    formula: () => row("X", "⊙", "(", "1", "−", "M", ")", "+", frac("1", "2"), "M"),
    paper: "Zeiler, Fergus 2014",
  },
];

/** @param {unknown} id */
export function kindOf(id) {
  return KINDS.find((each) => each.id === id) ?? KINDS[0];
}

/** The title of a kind within a sentence. @param {Kind} kind */
export function nameOf({ title }) {
  return title.startsWith("Gaussian") || title === "JPEG" ? title : title.toLowerCase();
}

/**
 * The strengths of a kind's curve.
 * @param {Kind} kind
 * @param {number} side
 */
export function strengthsOf({ range }, side) {
  const [from, to] = range(side);
  return Array.from({ length: POINTS }, (_, index) => from + ((to - from) * index) / (POINTS - 1));
}

/** @param {Kind} kind @param {boolean} large */
export function formulaOf({ formula }, large) {
  return math(formula(), large);
}
