/**
 * The words around a sight: its heading, what it is, what to doubt.
 * @module
 */

import { h } from "../widgets/dom.js";

/**
 * @typedef {string | Node} Word
 */

/**
 * The heading, with the parts that change set off: `heading.say("Which pixels make it say ", { name: "coat" }, "?")`.
 */
export function createHeading() {
  const element = h("h2", { class: "question" });
  return {
    element,
    /** @param {...(string | { name: string })} parts */
    say(...parts) {
      element.replaceChildren(
        ...parts.map((part) => (typeof part === "string" ? part : h("em", {}, part.name))),
      );
    },
  };
}

/**
 * One sentence for what is shown, one for where it misleads.
 */
export function createWords() {
  const what = h("p", {});
  const doubt = h("p", { class: "muted" });
  const element = h("div", { class: "words" }, what, doubt);
  return {
    element,
    /**
     * @param {Word[]} is
     * @param {Word[]} misleads
     */
    say(is, misleads) {
      what.replaceChildren(...unbroken(is));
      doubt.replaceChildren(...unbroken(misleads));
    },
  };
}

/**
 * Keeps the full stop or comma behind a formula on the formula's line.
 * @param {Word[]} words
 * @returns {Word[]}
 */
function unbroken(words) {
  return words.map((word, place) => {
    const next = words[place + 1];
    const before = words[place - 1];
    if (word instanceof Node && typeof next === "string" && /^[.,]/.test(next))
      return h("span", { class: "unbroken" }, word, next[0]);
    const moved = before instanceof Node && typeof word === "string" && /^[.,]/.test(word);
    return moved ? word.slice(1) : word;
  });
}

/**
 * A picture with its caption above.
 * @param {HTMLElement} sight
 * @param {...Word} caption
 */
export function figure(sight, ...caption) {
  const words = h("figcaption", {}, ...caption);
  const element = h("figure", {}, words, sight);
  return {
    element,
    /** @param {...Word} next */
    caption(...next) {
      words.replaceChildren(...next);
    },
  };
}
