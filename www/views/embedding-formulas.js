/**
 * The formulas of the maps: x a point in the original space, y its place in the map.
 * @module
 */

import { h, m } from "../widgets/dom.js";
import { frac, math, row, sub, sum, sup } from "./math.js";

/** @typedef {import("./embedding-controls.js").Method} Method */

const ij = () => row("i", "j");
/** @param {string} of */
const squared = (of) => sup(row("‖", sub(of, "i"), "−", sub(of, "j"), "‖"), "2");

/** @type {Record<Method, { formulas: () => Element[], text: string }>} */
const METHODS = {
  pca: {
    formulas: () => [
      row(frac("1", "N"), sup("X", "⊤"), "X", sub("v", "k"), "=", sub("λ", "k"), sub("v", "k")),
      row(sub("y", "k"), "=", "X", sub("v", "k")),
    ],
    text: "X holds the points less their mean, a row each. Each axis is turned so that its greatest loading is positive. Pearson 1901.",
  },
  tsne: {
    formulas: () => [
      row(
        sub("p", row("j", "|", "i")),
        "∝",
        m("mi", {}, "exp"),
        "(",
        "−",
        squared("x"),
        "/",
        "2",
        m("msubsup", {}, m("mi", {}, "σ"), m("mi", {}, "i"), m("mn", {}, "2")),
        ")",
      ),
      row(sub("q", ij()), "∝", sup(row("(", "1", "+", squared("y"), ")"), row("−", "1"))),
      row(
        m("mi", {}, "KL"),
        "=",
        sum(ij()),
        sub("p", ij()),
        m("mi", {}, "log"),
        frac(sub("p", ij()), sub("q", ij())),
      ),
    ],
    text: "σ is chosen for each point so that its neighbours number the perplexity; KL falls by gradient descent, exactly for up to 2,000 points, by Barnes and Hut's tree beyond. van der Maaten and Hinton 2008; van der Maaten 2014.",
  },
  umap: {
    formulas: () => [
      row(
        sub("w", ij()),
        "=",
        m("mi", {}, "exp"),
        "(",
        "−",
        frac(row(sub("d", ij()), "−", sub("ρ", "i")), sub("σ", "i")),
        ")",
      ),
      row(
        sub("q", ij()),
        "=",
        sup(
          row(
            "(",
            "1",
            "+",
            "a",
            sup(row("‖", sub("y", "i"), "−", sub("y", "j"), "‖"), row("2", "b")),
            ")",
          ),
          row("−", "1"),
        ),
      ),
    ],
    text: "ρ is the distance to the nearest neighbour, σ set by their number; a and b follow the least distance. Places move up the cross-entropy's slope by sampled edges. It starts on the principal components, where umap-learn starts on the graph's spectrum. McInnes, Healy and Melville 2018.",
  },
};

/**
 * A method's formulas and paper.
 * @param {Method} method
 */
export function formulasOf(method) {
  const { formulas, text } = METHODS[method];
  return [
    ...formulas().map((each) => h("div", {}, math(each, true))),
    h("p", { class: "small muted" }, text),
  ];
}
