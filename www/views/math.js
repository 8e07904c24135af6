/**
 * The words of formulas: MathML from tokens.
 * @module
 */

import { m } from "../widgets/dom.js";

/** @typedef {string | Element} Token */

/**
 * A token as MathML: digits, letters and signs become their elements.
 * @param {Token} token
 */
export function atom(token) {
  if (typeof token !== "string") return token;
  if (/^[\d.]+$/.test(token)) return m("mn", {}, token);
  // A name of two signs is set upright, so that the primed picture needs the italic letter itself.
  if (token === "X′") return m("mi", {}, "𝑋′");
  if (/^\p{L}+$/u.test(token)) return m("mi", {}, token);
  return m("mo", { stretchy: token === "|" ? "true" : "false" }, token);
}

/** @param {...Token} tokens */
export const row = (...tokens) => m("mrow", {}, ...tokens.map(atom));
/** @param {Token} base @param {Token} below */
export const sub = (base, below) => m("msub", {}, atom(base), atom(below));
/** @param {Token} base @param {Token} above */
export const sup = (base, above) => m("msup", {}, atom(base), atom(above));
/** @param {Token} top @param {Token} bottom */
export const frac = (top, bottom) => m("mfrac", {}, atom(top), atom(bottom));
/** @param {Token} below @param {Token} [above] */
export const sum = (below, above) =>
  above
    ? m("munderover", {}, m("mo", {}, "∑"), atom(below), atom(above))
    : m("munder", {}, m("mo", {}, "∑"), atom(below));
/** @param {string} name @param {...Token} inside */
export const call = (name, ...inside) => row(name, "(", ...inside, ")");
/** @param {Element} formula @param {boolean} large */
export const math = (formula, large) => m("math", { displaystyle: String(large) }, formula);
