/**
 * A rest for runs that tell of each step and wait until they are answered: a button that holds the answer back.
 * @module
 */

import { h, on } from "../widgets/dom.js";
import { createTurn } from "./growing-turn.js";

/** Shorter runs show no button, in milliseconds. */
const PATIENCE = 250;

/** @param {{ signal: AbortSignal }} options */
export function createRest({ signal }) {
  const button = h("button", { type: "button", class: "button small", hidden: true }, "Pause");
  const turn = createTurn();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  const told = () => {
    button.textContent = turn.rests ? "Go on" : "Pause";
  };
  const press = () => {
    if (turn.rests) turn.goOn();
    else turn.pause();
    told();
  };
  on(button, "click", press, signal);
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });

  return {
    element: button,
    /** A run begins. */
    begin() {
      turn.begin();
      told();
      clearTimeout(timer);
      timer = setTimeout(() => {
        button.hidden = false;
      }, PATIENCE);
    },
    /** Resolves at once, or when a rest is over. */
    over: turn.take,
    /** The run ended or was stopped. */
    end() {
      turn.end();
      told();
      clearTimeout(timer);
      button.hidden = true;
    },
  };
}
