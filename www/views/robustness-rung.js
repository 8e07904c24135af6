/**
 * One rung of the ladder from near: its accuracy over the budget, and the lights that tell whether that can be believed.
 * @module
 */

import { h } from "../widgets/dom.js";
import { percent } from "../widgets/format.js";
import { of255 } from "./robustness-sight.js";
import { createPlot } from "./saliency-plot.js";

/**
 * @typedef {import("../convscope.js").Defence} Defence
 * @typedef {import("../convscope.js").Examples} Examples
 * @typedef {import("../convscope.js").LadderAttack} LadderAttack
 * @typedef {import("../convscope.js").RobustnessCell} Cell
 * @typedef {import("../convscope.js").Light} Light
 * @typedef {import("../convscope.js").Net} Net
 * @typedef {{ title: string, defence: Defence | null, model: string | null }} Rung `model` names another network than the page's
 */

/** Pictures of the set. */
export const FEW = 50;

/** Budgets of the curves, in 255ths; the last one allows any picture. */
const BUDGETS = [0, 1, 2, 4, 8, 16, 32, 255];

const LIGHTS = /** @type {Record<Light["name"], string>} */ ({
  iterated: "Many steps find at least what one step finds",
  white_box: "Seeing gradients helps at least as much as seeing scores",
  noise: "An attack beats noise",
  rises: "More budget never helps less",
  unbounded: "With any picture allowed, nothing is left",
  adaptive: "Knowing the defence helps no more than not knowing it",
});

/**
 * @param {{
 *   app: import("../app/session.js").Session,
 *   attacks: readonly { title: string, call: LadderAttack }[],
 *   netOf: (id: string | null, until: AbortSignal) => Promise<Net>,
 *   examples: (most: number, until: AbortSignal) => Promise<Examples>,
 *   signal: AbortSignal,
 * }} options
 */
export function createRungSight({ app, attacks, netOf, examples, signal }) {
  const plot = createPlot({
    label: "Accuracy over ε",
    height: 170,
    onMove: (at) => move(at),
    signal,
  });
  const lights = h("ul", { class: "lights", "aria-label": "Can the numbers be believed?" });
  const verdict = h("p", { class: "verdict", role: "status" });
  const element = h(
    "div",
    { class: "examined" },
    h("div", {}, plot.element, plot.key),
    h("div", {}, verdict, lights),
  );
  /** @type {Rung | null} */
  let rung = null;
  let at = BUDGETS.indexOf(8);
  /** @type {{ accuracy: number[][], budgets: number[] } | null} */
  let curves = null;

  /**
   * A rung over all budgets, with its lights.
   * @param {Rung} next
   */
  async function examine(next) {
    rung = next;
    curves = null;
    lights.replaceChildren();
    verdict.textContent = "";
    const budgets = BUDGETS;
    /** @type {number[][]} */
    const grown = attacks.map(() => []);
    plot.element.hidden = false;
    let played = 0;
    const found = await app.work("ladder.close", async (until) => {
      const net = await netOf(next.model, until);
      const data = await examples(FEW, until);
      const defences = next.defence === null ? [null] : [behind(next, false), behind(next, true)];
      const total = attacks.length * defences.length * (budgets.length - 1);
      return net.robustness(data, {
        attacks: attacks.map(({ call }) => call),
        // As the attack does not know it, and as it does.
        defences,
        // Without a budget there is nothing to play, and nothing that the lights could tell.
        epsilons: budgets.slice(1).map((each) => each / 255),
        seed: 1,
        signal: until,
        onStep: (/** @type {Cell & { clean: number }} */ { defence, attack, accuracy, clean }) => {
          if (defence === 0) grown[attack].push(...(grown[attack].length ? [] : [clean]), accuracy);
          curves = { accuracy: grown, budgets };
          played += 1;
          verdict.textContent = `The lights wait until all is played: ${played} of ${total}.`;
          drawCurves();
        },
      });
    });
    if (!found || signal.aborted) return;
    showLights(found.lights[0]);
  }

  /** @param {Light[]} found */
  function showLights(found) {
    const failing = found.filter(({ holds }) => holds === false);
    lights.replaceChildren(
      ...found.map(({ name, holds, stronger, weaker, epsilon: budget }) =>
        h(
          "li",
          { class: holds === null ? "muted" : holds ? "proof holds" : "proof fails" },
          LIGHTS[name],
          h(
            "span",
            { class: "muted small" },
            holds === null
              ? ": nothing played can tell"
              : `: fooled ${percent(stronger)} against ${percent(weaker)}${budget === null ? "" : `, at ${of255(255 * budget)}`}`,
          ),
        ),
      ),
    );
    verdict.textContent =
      failing.length > 0
        ? `${failing.length} ${failing.length === 1 ? "light is" : "lights are"} red: this number is not robustness, but an attack that lost its way.`
        : "No light is red: nothing speaks against these numbers, which proves nothing yet.";
  }

  function drawCurves() {
    if (!rung) return;
    const { accuracy, budgets } = curves ?? { accuracy: [], budgets: BUDGETS };
    const styles = /** @type {const} */ (["rest", "third", "second", "main"]);
    plot.show(
      {
        title: `${rung.title}: accuracy over 255 ε`,
        steps: budgets.length - 1,
        from: "",
        to: "",
        ticks: budgets.map(String),
        low: 0,
        high: 1,
        lines: accuracy.map((values, index) => ({
          name: `${attacks[index].title} at ${of255(BUDGETS[at])}`,
          values,
          style: styles[index],
        })),
      },
      at,
    );
  }

  /** @param {number} place */
  function move(place) {
    at = place;
    drawCurves();
  }

  return {
    element,
    examine,
    isShown: () => curves !== null,
    clear() {
      curves = null;
      verdict.textContent = "";
    },
    leave: () => app.stop("ladder.close"),
  };
}

/**
 * A rung's defence, known to the attack or not.
 * @param {Rung} rung
 * @param {boolean} adaptive
 * @returns {Defence | null}
 */
export function behind({ defence }, adaptive) {
  return defence === null ? null : { ...defence, adaptive };
}
