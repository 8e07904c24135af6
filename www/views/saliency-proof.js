/**
 * What stands beside a map to prove it: an identity with its two numbers, computed on the spot, or the property that the
 * method lacks.
 * @module
 */

import { h } from "../widgets/dom.js";
import { number } from "../widgets/format.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("./saliency-ask.js").Asked} Asked
 * @typedef {{ name: string, formula: string, left: number, right: number, error: number, tolerance: number, holds: boolean }} Identity
 */

/**
 * What sums to a difference of scores; the path's points leave some per cent, rounding a thousandth.
 * @type {Record<string, Pick<Identity, "name" | "formula" | "tolerance">>}
 */
const CLAIMS = {
  integrated_gradients: { name: "Completeness", formula: "Σ IG = S(X) − S(X′)", tolerance: 0.05 },
  deep_lift: { name: "Summation to delta", formula: "Σ C = S(X) − S(X′)", tolerance: 1e-3 },
};

/**
 * The identity of a map; `null` where the method has none for this target and these options.
 * @param {Session} app
 * @param {Asked} asked
 * @param {Tensor} map
 * @param {AbortSignal} signal
 * @returns {Promise<Identity | null>}
 */
export async function prove(app, { method, options, target }, map, signal) {
  const claim = CLAIMS[method.id];
  if (!claim || (options.baseline ?? "zero") !== "zero") return null;
  const nothing = { data: new Float32Array(app.input.data.length), shape: app.input.shape };
  const after = await app.net.value(app.input, target, { signal });
  const before = await app.net.value(nothing, target, { signal });
  const left = map.data.reduce((sum, value) => sum + value, 0);
  const right = after - before;
  const error = Math.abs(left - right) / (Math.abs(right) || 1);
  return { ...claim, left, right, error, holds: error <= claim.tolerance };
}

/** The line for a proof. */
export function createProof() {
  const element = h("p", { class: "proof" });
  return {
    element,
    /** @param {Identity} identity */
    show({ name, formula, left, right, error, tolerance, holds }) {
      element.className = `proof ${holds ? "holds" : "fails"}`;
      element.replaceChildren(
        h("strong", {}, name),
        ` ${formula}: `,
        h(
          "span",
          { class: "number" },
          `${number(left, 4)} ${holds ? "≈" : "≠"} ${number(right, 4)}`,
        ),
        h("span", { class: "muted" }, ` (${share(error)} apart, at most ${share(tolerance)})`),
      );
    },
    /** @param {string} words */
    lack(words) {
      element.className = "proof";
      element.replaceChildren(
        h("span", { class: "muted" }, words && `No identity proves this map: ${words}.`),
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
