/**
 * A rest for runs that tell of each step and wait until they are answered: a button that holds the answer back.
 * @module
 */

import { h, on } from "../widgets/dom.js";

/** Shorter runs show no button, in milliseconds. */
const PATIENCE = 250;

/** @param {{ signal: AbortSignal }} options */
export function createRest({ signal }) {
  const button = h("button", { type: "button", class: "button small", hidden: true }, "Pause");
  /** What a run waits for while it rests. @type {Promise<void> | null} */
  let resting = null;
  let goOn = () => {};
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  function pause() {
    resting = new Promise((resolve) => {
      goOn = resolve;
    });
    button.textContent = "Go on";
  }

  function resume() {
    goOn();
    resting = null;
    button.textContent = "Pause";
  }

  on(button, "click", () => (resting ? resume() : pause()), signal);
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });

  return {
    element: button,
    /** A run begins. */
    begin() {
      resume();
      clearTimeout(timer);
      timer = setTimeout(() => {
        button.hidden = false;
      }, PATIENCE);
    },
    /** Resolves at once, or when a rest is over. */
    async over() {
      await resting;
    },
    /** The run ended or was stopped. */
    end() {
      resume();
      clearTimeout(timer);
      button.hidden = true;
    },
  };
}
