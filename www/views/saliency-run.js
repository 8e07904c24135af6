/**
 * The line of a long run: how far it is, and a button that stops it where another starts it again.
 * @module
 */

import { h, on } from "../widgets/dom.js";

/** A run shows its bar when it takes longer than this, in milliseconds. */
const PATIENCE = 250;

/** What takes the space bar itself. */
const TAKERS = "button, input, select, textarea, summary, a, canvas";

/**
 * @param {{ onStop: () => void, onStart: () => void, signal: AbortSignal }} options
 */
export function createRun({ onStop, onStart, signal }) {
  const bar = h("progress", {});
  const words = h("span", { class: "muted number" });
  const button = h("button", { type: "button", class: "button small" }, "Stop");
  const element = h("div", { class: "run" }, button, bar, words);
  let running = false;
  let done = 0;
  let total = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const press = () => (running ? onStop() : onStart());
  on(button, "click", press, signal);
  document.addEventListener(
    "keydown",
    (event) => {
      const idle = !element.isConnected || element.classList.contains("absent");
      const taken = event.target instanceof Element && event.target.matches(TAKERS);
      if (event.key !== " " || event.defaultPrevented || idle || taken) return;
      event.preventDefault();
      press();
    },
    { signal },
  );
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });

  /** @param {boolean} shown */
  function reveal(shown) {
    element.classList.toggle("absent", !shown);
    bar.hidden = !running;
    button.textContent = running ? "Stop" : "Start";
  }
  reveal(false);

  return {
    element,
    start() {
      running = true;
      done = 0;
      total = 0;
      bar.removeAttribute("value");
      words.textContent = "";
      clearTimeout(timer);
      timer = setTimeout(() => reveal(true), PATIENCE);
    },
    /** @param {import("../convscope.js").Progress} step */
    step(step) {
      done = step.done ?? 0;
      total = step.total ?? 0;
      if (total === 0) return;
      bar.max = total;
      bar.value = done;
      words.textContent = `${done} of ${total}`;
    },
    /** Ends the run, unless it was stopped. */
    end() {
      if (!running) return;
      running = false;
      clearTimeout(timer);
      reveal(false);
    },
    /** Offers to start: again after a stop, or what waits until it is told to. */
    stopped() {
      const how = total > 0 ? `Stopped at ${done} of ${total}` : "Stopped";
      words.textContent = running ? how : "";
      running = false;
      clearTimeout(timer);
      reveal(true);
    },
  };
}
