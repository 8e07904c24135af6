/**
 * What is said around a picture in another's style: the question, the formulas, the paper, and what to doubt.
 * @module
 */

import { fold } from "../widgets/controls.js";
import { h, m } from "../widgets/dom.js";
import { createHeading, createWords } from "./words.js";

/** @typedef {import("./style-question.js").Question} Question */

const mi = (/** @type {string} */ name) => m("mi", {}, name);
const mo = (/** @type {string} */ sign) => m("mo", {}, sign);
const sub = (/** @type {string} */ name, /** @type {string} */ index) =>
  m("msub", {}, mi(name), m("mtext", {}, index));
const sum = (/** @type {string} */ over) => m("munder", {}, mo("∑"), m("mrow", {}, mi(over)));

/** L = α L_content + β L_style. */
function total() {
  return m(
    "math",
    {},
    sub("L", "total"),
    mo("="),
    mi("α"),
    sub("L", "content"),
    mo("+"),
    mi("β"),
    sub("L", "style"),
  );
}

/** G_ij = Σ_k F_ik F_jk. */
function gram() {
  return m(
    "math",
    {},
    m("msub", {}, mi("G"), m("mrow", {}, mi("i"), mi("j"))),
    mo("="),
    sum("k"),
    m("msub", {}, mi("F"), m("mrow", {}, mi("i"), mi("k"))),
    m("msub", {}, mi("F"), m("mrow", {}, mi("j"), mi("k"))),
  );
}

/** L_style = Σ_l w_l Σ (G_final − G_style)². */
function style() {
  return m(
    "math",
    {},
    sub("L", "style"),
    mo("="),
    sum("l"),
    m("msub", {}, mi("w"), mi("l")),
    m("munder", {}, mo("∑"), m("mrow", {}, mi("i"), mo(","), mi("j"))),
    m(
      "msup",
      {},
      m("mrow", {}, mo("("), sub("G", "final"), mo("−"), sub("G", "style"), mo(")")),
      m("mn", {}, "2"),
    ),
  );
}

/** The formulas with their paper, folded away. */
export function formulas() {
  const line = (/** @type {Element} */ math, /** @type {string} */ text) =>
    h("div", { class: "formula" }, math, h("p", { class: "muted" }, text));
  return fold(
    "Formula",
    line(
      gram(),
      "Channels i and j at all positions k: how strongly they go together. Places are summed away.",
    ),
    line(
      style(),
      "Here each layer’s sum is divided by Σ G_style², so that no layer outweighs the others; “plain” leaves it as it is.",
    ),
    line(total(), "To which total variation is added, the mean squared difference of neighbours."),
    h(
      "p",
      { class: "muted" },
      "L. Gatys, A. Ecker and M. Bethge: ",
      h("cite", {}, "Image Style Transfer Using Convolutional Neural Networks"),
      ", CVPR 2016.",
    ),
  );
}

/** @type {Record<string, [(string | Node)[], (string | Node)[]]>} */
const MANY = {
  layers: [
    [
      "From noise, only one layer’s Gram matrix is matched each time: early layers know colours and edges, late ones larger forms.",
    ],
    ["Each is one run of few steps; what is missing may only not be found yet."],
  ],
  shuffle: [
    [
      "The positions of the layer’s maps were shuffled, all channels alike: the maps are noise now, and the Gram matrix is the same.",
    ],
    [
      "A Gram matrix cannot tell where anything is. That is what makes it a style, and why arrangement cannot be transferred.",
    ],
  ],
};

export function createSayings() {
  const heading = createHeading();
  const words = createWords();
  return {
    heading: heading.element,
    words: words.element,
    /** @param {Question} question */
    say(question) {
      const { app } = question;
      const [content, taken] = [{ name: app.picture.title }, { name: question.style().title }];
      const second = question.second();
      const which = question.sight();
      if (which === "layers") heading.say("What does each layer alone know of ", taken, "?");
      else if (which === "shuffle") heading.say("What does a Gram matrix forget of ", taken, "?");
      else if (question.isTexture()) heading.say("More of ", taken);
      else if (second)
        heading.say(content, " in the styles of ", taken, " and ", { name: second.title });
      else heading.say(content, " in the style of ", taken);
      if (which !== "one") words.say(...MANY[which]);
      else
        words.say(
          [
            "The picture itself is changed, step by step, down the gradient of ",
            total(),
            "; no weight is.",
          ],
          [
            "Content and style are what this network’s layers hold, not what people mean by them: another network, or other layers, paint differently.",
          ],
        );
    },
  };
}
