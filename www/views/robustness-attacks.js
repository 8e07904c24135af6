/**
 * What the page says of each attack, and its options as controls. What each can, the engine says.
 * @module
 */

import { m } from "../widgets/dom.js";
import { number } from "../widgets/format.js";
import { atom, call, frac, math, row, sub, sup } from "./math.js";

/**
 * @typedef {{ what: string, doubt: string, formula: () => Element }} Saying
 * @typedef {{ name: string, label: string } & ({ kind: "range", min: number, max: number, step: number, start: number, text?: (value: number) => string } | { kind: "switch", start: boolean } | { kind: "choice", start: string, values: [string, string][] })} Option
 */

const gradient = () => row(sub("∇", "X"), "L");
const step = () => row(sub("X", "t"), "+", "α", call("sign", gradient()));
const clipped = (/** @type {Element} */ inside) => row(sub("Π", "ε"), "(", inside, ")");
const delta = () => m("mi", {}, "δ");
const norm = (/** @type {string} */ which) => sub(row("|", delta(), "|"), which);
const argmin = (/** @type {Element[]} */ ...inside) => row(sub("min", delta()), ...inside);
const errs = () => row("f", "(", "X", "+", delta(), ")", "≠", "c");

/** @type {Record<string, Saying>} */
const SAYINGS = {
  fgsm: {
    what: "One step of length ε along the signs of the loss’s gradient.",
    doubt: "It trusts the slope at one place: where the loss bends, more steps find more.",
    formula: () => row("X", "+", "ε", call("sign", gradient())),
  },
  pgd: {
    what: "Many small steps uphill, each brought back into the budget.",
    doubt:
      "It finds some way, not the best: restarts find more, and a masked gradient leads it astray.",
    formula: () => row(sub("X", row("t", "+", "1")), "=", clipped(step())),
  },
  mi_fgsm: {
    what: "Steps along a running mean of gradients, which carries over bumps of the loss.",
    doubt: "Made to transfer to other networks; against this one plain steps may do as well.",
    formula: () =>
      row(
        sub("g", row("t", "+", "1")),
        "=",
        "μ",
        sub("g", "t"),
        "+",
        frac(gradient(), sub(row("|", gradient(), "|"), "1")),
      ),
  },
  deepfool: {
    what: "The nearest border of a class, as if classes were cut by planes; again and again until it is crossed.",
    doubt: "It takes the nearest border of a linear picture of the network, not the true one.",
    formula: () =>
      row(
        delta(),
        "=",
        "−",
        frac(row(sub("f", "k"), "−", sub("f", "c")), sup(row("|", "w", "|"), "2")),
        "w",
      ),
  },
  cw: {
    what: "Adam looks for the smallest change in L2 that makes the network err, with a weight found by bisection.",
    doubt: "Slow, and the best there is in L2: where it fails, look for a mistake first.",
    formula: () =>
      argmin(sup(norm("2"), "2"), row("+", "c", "·", "g", "(", "X", "+", delta(), ")")),
  },
  jsma: {
    what: "Pixel by pixel, the one that moves the answer most is set to its extreme.",
    doubt: "Greedy: a pixel once taken is never given back.",
    formula: () => argmin(norm("0"), row(",", errs())),
  },
  single_pixel: {
    what: "A few pixels of any colour, found by trying them all or by differential evolution.",
    doubt:
      "Evolution stops where it is told to: that it finds nothing does not prove that there is nothing.",
    formula: () => row(norm("0"), "≤", "k", ",", errs()),
  },
  square: {
    what: "Squares of ± ε at random places are kept where the score falls: no gradient is asked for.",
    doubt: "Needs thousands of answers, and a network that tells its scores.",
    formula: () => row(delta(), "←", delta(), "+", sub("S", "h"), ",", norm("∞"), "≤", "ε"),
  },
  hop_skip_jump: {
    what: "From a wrong picture back towards the right one, along the border, by answers alone.",
    doubt: "Decisions are all it sees: it needs many, and its distances are those of its patience.",
    formula: () =>
      row(
        gradient(),
        "≈",
        frac("1", "n"),
        m("munder", {}, m("mo", {}, "∑"), atom("i")),
        sub("φ", "i"),
        sub("u", "i"),
      ),
  },
  universal: {
    what: "One change for all pictures.",
    doubt: "Made on few pictures it fits those: see it on others.",
    formula: () => row(norm("∞"), "≤", "ε", ",", "P", "(", errs(), ")", "≥", "s"),
  },
  patch: {
    what: "A visible patch that works wherever it is put: no small change at all.",
    doubt: "Anybody sees it. It asks what is looked at, not what is noticed.",
    formula: () => row("X", "⊙", "(", "1", "−", "M", ")", "+", "P", "⊙", "M"),
  },
  noise: {
    what: "Random changes of the same size: what any attack has to beat.",
    doubt: "Nothing is learned from the network: this is chance.",
    formula: () => row("X", "+", "ε", "U", ",", "U", "∼", "[", "−", "1", ",", "1", "]"),
  },
};

/** The controls of options, by the names that the engine gives them. @type {Record<string, Option>} */
const OPTIONS = Object.fromEntries(
  /** @type {Option[]} */ ([
    {
      name: "norm",
      label: "Norm",
      kind: "choice",
      start: "linf",
      values: [
        ["linf", "L∞"],
        ["l2", "L2"],
      ],
    },
    { name: "steps", label: "Steps", kind: "range", min: 1, max: 200, step: 1, start: 40 },
    { name: "restarts", label: "Restarts", kind: "range", min: 1, max: 20, step: 1, start: 1 },
    {
      name: "randomStart",
      label: "Starts at random within the budget",
      kind: "switch",
      start: false,
    },
    {
      name: "momentum",
      label: "Momentum",
      kind: "range",
      min: 0,
      max: 1.5,
      step: 0.1,
      start: 1,
      text: (value) => number(value, 2),
    },
    {
      name: "overshoot",
      label: "Overshoot",
      kind: "range",
      min: 0,
      max: 0.2,
      step: 0.01,
      start: 0.02,
      text: (value) => number(value, 2),
    },
    {
      name: "candidates",
      label: "Classes it looks at",
      kind: "range",
      min: 2,
      max: 10,
      step: 1,
      start: 10,
    },
    { name: "confidence", label: "Confidence", kind: "range", min: 0, max: 20, step: 1, start: 0 },
    {
      name: "binarySearchSteps",
      label: "Bisections",
      kind: "range",
      min: 1,
      max: 12,
      step: 1,
      start: 9,
    },
    {
      name: "maxPixels",
      label: "Pixels at most",
      kind: "range",
      min: 1,
      max: 200,
      step: 1,
      start: 40,
    },
    { name: "pixels", label: "Pixels", kind: "range", min: 1, max: 5, step: 1, start: 1 },
    {
      name: "search",
      label: "Search",
      kind: "choice",
      start: "evolution",
      values: [
        ["exhaustive", "All"],
        ["evolution", "Evolution"],
      ],
    },
    {
      name: "population",
      label: "Population",
      kind: "range",
      min: 20,
      max: 400,
      step: 20,
      start: 400,
    },
    {
      name: "generations",
      label: "Generations",
      kind: "range",
      min: 5,
      max: 100,
      step: 5,
      start: 75,
    },
    {
      name: "distribution",
      label: "Distribution",
      kind: "choice",
      start: "uniform",
      values: [
        ["uniform", "Uniform"],
        ["sign", "± ε"],
        ["sphere", "Sphere"],
      ],
    },
    {
      name: "size",
      label: "Side of the patch",
      kind: "range",
      min: 2,
      max: 14,
      step: 1,
      start: 6,
    },
    {
      name: "anywhere",
      label: "Learns to work anywhere",
      kind: "switch",
      start: false,
    },
    {
      name: "samples",
      label: "Draws, the best of …",
      kind: "range",
      min: 1,
      max: 100,
      step: 1,
      start: 1,
    },
  ]).map((option) => [option.name, option]),
);

/** Where options stand, and end, for attacks that differ from the others. @type {Record<string, Record<string, Partial<Option>>>} */
const OTHERWISE = {
  mi_fgsm: { steps: { start: 10 } },
  deepfool: { steps: { start: 50 }, norm: { start: "l2" } },
  square: { steps: { start: 1000, max: 5000 } },
  hop_skip_jump: { steps: { start: 20, max: 64 }, norm: { start: "l2" } },
  cw: { steps: { start: 100, max: 1000 }, binarySearchSteps: { start: 6 } },
  universal: { steps: { start: 50 } },
  patch: { steps: { start: 100 } },
};

/** What the page asks for instead of the engine's defaults, so that nobody waits long. @type {Record<string, Record<string, number>>} */
const SHORTER = {
  square: { steps: 1000 },
  hop_skip_jump: { steps: 20 },
  cw: { steps: 100, binarySearchSteps: 6 },
  patch: { size: 6 },
};

/** @param {string} id */
export function shorterOf(id) {
  return SHORTER[id] ?? {};
}

/**
 * @param {string} id
 * @returns {Saying}
 */
export function sayingOf(id) {
  return SAYINGS[id] ?? { what: "", doubt: "", formula: () => row("X", "+", delta()) };
}

/** @param {string} id @param {boolean} large */
export function formulaOf(id, large) {
  return math(sayingOf(id).formula(), large);
}

/**
 * The options of an attack that have a control.
 * @param {{ id: string, options: string[] }} attack
 * @returns {Option[]}
 */
export function optionsOf({ id, options }) {
  return options.flatMap((name) => {
    const option = OPTIONS[name];
    return option ? [/** @type {Option} */ ({ ...option, ...OTHERWISE[id]?.[name] })] : [];
  });
}

/**
 * The options that a text such as `steps:20,restarts:5` names, as far as the attack has them.
 * @param {{ id: string, options: string[] }} attack
 * @param {string} text
 * @returns {Record<string, string | number | boolean>}
 */
export function readOptions(attack, text) {
  /** @type {Record<string, string | number | boolean>} */
  const read = {};
  for (const part of text.split(",")) {
    const [name, value = ""] = part.split(":");
    const option = optionsOf(attack).find((each) => each.name === name);
    if (!option || value === "") continue;
    if (option.kind === "switch") read[name] = value === "1";
    else if (option.kind === "choice") {
      if (option.values.some(([each]) => each === value)) read[name] = value;
    } else if (Number(value) >= option.min && Number(value) <= option.max)
      read[name] = Number(value);
  }
  return read;
}

/** @param {Record<string, string | number | boolean>} options */
export function writeOptions(options) {
  return Object.entries(options)
    .map(([name, value]) => `${name}:${typeof value === "boolean" ? Number(value) : value}`)
    .join(",");
}
