/**
 * A question before the first run, whose answer the run shows.
 * @module
 */

import { button } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";

/**
 * @param {{ onAnswer: () => void, signal: AbortSignal }} options
 */
export function createAsk({ onAnswer, signal }) {
  const words = h("p", {});
  const answers = h("div", { class: "buttons" });
  const element = h(
    "div",
    { class: "style-ask", role: "group", "aria-label": "Predict, then look" },
    words,
    answers,
  );
  /** @type {"yes" | "no" | null} */
  let said = null;
  let title = "";

  /** @param {"yes" | "no"} answer */
  function take(answer) {
    said = answer;
    answers.hidden = true;
    words.textContent = `You say ${answer}. Look.`;
    onAnswer();
  }

  answers.append(
    button({ label: "Yes", onClick: () => take("yes"), signal }),
    button({ label: "No", onClick: () => take("no"), signal }),
  );

  return {
    element,
    get answered() {
      return said !== null;
    },
    /** @param {string} style whose forms are asked for */
    ask(style) {
      if (title === style) return;
      title = style;
      said = null;
      answers.hidden = false;
      words.textContent = `Predict: will what is at the upper left of “${style}” come to the upper left of the result?`;
    },
    /** After a run, if somebody answered. */
    tell() {
      if (said === null) return;
      const verdict = said === "no" ? "You were right: no. " : "No. ";
      words.textContent = `${verdict}The Gram matrix sums over all places, so strokes and colours come, but where they stood in the style is lost; they settle where the content lets them.`;
    },
  };
}
