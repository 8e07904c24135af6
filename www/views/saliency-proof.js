/**
 * What stands beside a map to prove it: an identity with its two numbers, computed on the spot, or the property that the
 * method lacks.
 * @module
 */

import { h } from "../widgets/dom.js";
import { number } from "../widgets/format.js";
import { settings } from "./saliency-ask.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("./saliency-ask.js").Asked} Asked
 * @typedef {import("../convscope.js").Identity} Identity
 */

/**
 * The identity of a map; `null` where the method has none for this target and these options.
 * @param {Session} app
 * @param {Asked} asked
 * @param {Tensor} map
 * @param {AbortSignal} signal
 * @returns {Promise<Identity | null>}
 */
export async function prove(app, asked, map, signal) {
  const own = asked.method.layered ? {} : { map };
  const found = await app.net.check(app.input, { ...settings(asked), ...own, signal });
  return found[0] ?? null;
}

/** The line for a proof. */
export function createProof() {
  const element = h("p", { class: "proof" });
  return {
    element,
    /** @param {Identity} identity */
    show({ name, formula, left, right, error, tolerance, holds }) {
      element.className = `proof ${holds ? "holds" : "fails"}`;
      const apart =
        right === 0
          ? ` (at most ${number(tolerance, 2)})`
          : ` (${share(error)} apart, at most ${share(tolerance)})`;
      element.replaceChildren(
        h("strong", {}, name.charAt(0).toUpperCase() + name.slice(1)),
        ` ${formula}: `,
        h(
          "span",
          { class: "number" },
          `${number(left, 4)} ${signOf(formula, holds)} ${number(right, 4)}`,
        ),
        h(
          "span",
          { class: "muted" },
          holds ? apart : `${apart}${name === "completeness" ? "; more steps narrow it" : ""}`,
        ),
      );
    },
    /** @param {string} words */
    lack(words) {
      element.className = "proof";
      element.replaceChildren(
        h("span", { class: "muted" }, words && `No identity proves this map: it lacks ${words}.`),
      );
    },
    clear() {
      element.className = "proof";
      element.replaceChildren();
    },
  };
}

/** @param {number} value */
function share(value) {
  return `${number(100 * value, 2)} %`;
}

/**
 * How the two sides of an identity stand: equal or not, or small or not where it claims that.
 * @param {string} formula
 * @param {boolean} holds
 */
function signOf(formula, holds) {
  if (formula.includes("≪")) return holds ? "≪" : "is not ≪";
  return holds ? "≈" : "≠";
}
