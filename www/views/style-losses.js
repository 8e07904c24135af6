/**
 * The losses of a run of style transfer, step by step: as curves, and in words.
 * @module
 */

import { number } from "../widgets/format.js";
import { classColor } from "../widgets/palette.js";
import { createCurve } from "./synthesis-curve.js";

/**
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../convscope.js").StyleLoss} StyleLoss
 * @typedef {import("./style-question.js").Wanted} Wanted
 */

/**
 * @param {{ store: Store, signal: AbortSignal }} options
 */
export function createLosses({ store, signal }) {
  const curve = createCurve({ label: "The losses over the steps", log: true, signal });
  /** Of each step. @type {StyleLoss[]} */
  let losses = [];

  /** @param {Wanted} options */
  function lines({ alpha = 0, beta = 0, tv = 0, styleLayers }) {
    const line = (
      /** @type {(loss: StyleLoss) => number} */ value,
      /** @type {string} */ name,
      /** @type {string} */ colour,
      dashed = false,
    ) => ({ values: losses.map(value), name, colour, dashed });
    if (store.get()["style.curve"] !== "layers")
      return [
        line((loss) => loss.total, "total", "--text"),
        line((loss) => beta * loss.style, "β style", "--accent"),
        line((loss) => alpha * loss.content, "α content", "--good"),
        line((loss) => tv * loss.tv, "total variation", "--muted", true),
      ];
    const weights = /** @type {Record<string, number>} */ (styleLayers ?? {});
    return Object.keys(weights).map((name, index) => {
      const share = beta * weights[name];
      return line((loss) => share * loss.layers.style[name], name, classColor(index));
    });
  }

  return {
    element: curve.element,
    /** Keeps those of the first steps. @param {number} count */
    cut(count) {
      losses = losses.slice(0, count);
    },
    /** @param {StyleLoss[]} more */
    add(more) {
      losses.push(...more);
    },
    /**
     * Draws them with a mark at a step, and says what they are there; nothing where there are none.
     * @param {Wanted} options of the run
     * @param {number} at
     */
    show(options, at) {
      const { alpha = 0, beta = 0, tv = 0, steps } = options;
      curve.show(
        lines(options).filter(({ values }) => values.some((value) => value > 0)),
        Math.max(1, steps, losses.length - 1),
        at,
      );
      const loss = losses[Math.min(at, losses.length - 1)];
      if (!loss) return "";
      return `Step ${loss.step}: L_total ${number(loss.total)} = ${number(alpha)} × content ${number(loss.content)} + ${number(beta)} × style ${number(loss.style)} + ${number(tv)} × variation ${number(loss.tv)}`;
    },
  };
}
