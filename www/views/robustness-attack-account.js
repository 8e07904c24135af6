/**
 * How an attacked picture is accounted for: the norms of what was added beside the budget, and the crowd of an evolution.
 * @module
 */

import { h } from "../widgets/dom.js";
import { number } from "../widgets/format.js";
import { of255 } from "./robustness-sight.js";

/**
 * @typedef {import("../convscope.js").AttackAbilities} Abilities
 * @typedef {import("../convscope.js").Tensor} Tensor
 */

/**
 * The norms of a change, beside the budget.
 * @param {Tensor} input
 * @param {Abilities} attack
 * @param {object} which what was asked for
 * @param {import("../convscope.js").AttackDistance | import("../convscope.js").AttackDistance[]} distance
 */
export function account(input, attack, which, distance) {
  const [{ l0, l2, linf }] = [distance].flat();
  const pixels = input.shape[2] * input.shape[3];
  const limit = "epsilon" in which ? Number(which.epsilon) : null;
  const by = /** @type {any} */ (which).norm === "l2" ? "l2" : "linf";
  const size = by === "l2" ? l2 : linf;
  const kept = limit === null || attack.id === "patch" || size <= limit + 1e-6;
  const text = (/** @type {string} */ name, /** @type {string} */ value) =>
    h("span", {}, `${name} `, h("strong", {}, value));
  const looks = attack.budget === "smallest" ? "the smallest change is looked for" : "";
  return [
    text("L∞", of255(255 * linf)),
    text("L2", number(l2, 3)),
    text("L0", `${l0} of ${pixels} pixels`),
    limit === null
      ? h("span", { class: "muted" }, looks)
      : h(
          "span",
          { class: kept ? "proof holds" : "proof fails" },
          by === "l2"
            ? `L2 ${kept ? "≤" : ">"} ε = ${number(limit, 3)}`
            : `L∞ ${kept ? "≤" : ">"} ε = ${of255(255 * limit)}`,
        ),
  ];
}

/**
 * The candidates of an evolution over the picture, each pixel of each in its colour.
 * @param {Tensor} population `[1, candidates, pixels, 2 + C]`
 * @returns {(context: CanvasRenderingContext2D, scale: number) => void}
 */
export function swarm({ data, shape }) {
  const [, candidates, pixels, length] = shape;
  return (context, scale) => {
    const size = Math.max(2, scale * 0.45);
    for (let each = 0; each < candidates * pixels; each += 1) {
      const [row, column, ...colour] = data.subarray(each * length, (each + 1) * length);
      const [red, green = red, blue = red] = colour.map((value) => Math.round(255 * value));
      context.fillStyle = `rgb(${red} ${green} ${blue})`;
      context.strokeStyle = "rgb(194 80 28)";
      context.lineWidth = Math.max(1, scale / 12);
      const [x, y] = [(column + 0.5) * scale - size / 2, (row + 0.5) * scale - size / 2];
      context.fillRect(x, y, size, size);
      context.strokeRect(x, y, size, size);
    }
  };
}
