/**
 * The line under a sight that says what is under the pointer. Its place is kept, so that nothing jumps.
 * @module
 */

import { h } from "./dom.js";

/**
 * @param {string} resting what stands there while nothing is pointed at
 */
export function createReadout(resting) {
  let rest = resting;
  const element = h("p", { class: "readout", role: "status" }, resting);
  return {
    element,
    /**
     * @param {string | null} text the values, or `null` for the resting words
     */
    show(text) {
      element.textContent = text ?? rest;
      element.classList.toggle("resting", text === null);
    },
    /** @param {string} words */
    rest(words) {
      rest = words;
      this.show(null);
    },
  };
}
