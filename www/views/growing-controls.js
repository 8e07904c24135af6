/**
 * Controls of a view in which something grows: start, pause and stop, and what is saved.
 * @module
 */

import { button, fold } from "../widgets/controls.js";
import { h, on } from "../widgets/dom.js";
import { canFilm } from "./synthesis-save.js";

/**
 * @typedef {{ startOrPause: () => void, halt: () => void }} Running
 * @typedef {{ png: () => void, film: () => void, animation: () => void, json: () => void, replay: (file: HTMLInputElement) => void }} Saving
 */

/**
 * Start, which pauses and goes on, and Stop where Start was; space does what Start does.
 * @param {{ doing: Running, signal: AbortSignal }} options
 */
export function createStart({ doing, signal }) {
  const go = button({ label: "Start", title: "Space", onClick: doing.startOrPause, signal });
  go.classList.add("start");
  const stop = button({ label: "Stop", onClick: doing.halt, signal });
  document.addEventListener(
    "keydown",
    (event) => {
      const busy =
        event.target instanceof HTMLElement &&
        event.target.matches("button, input, select, summary, canvas[tabindex]");
      if (event.key !== " " || event.defaultPrevented || busy) return;
      event.preventDefault();
      doing.startOrPause();
    },
    { signal },
  );
  return {
    elements: [go, stop],
    /** @param {boolean} running @param {boolean} rests */
    show(running, rests) {
      go.textContent = running ? (rests ? "Go on" : "Pause") : "Start";
      stop.disabled = !running;
    },
  };
}

/**
 * What can be saved of a run, folded away.
 * @param {{ doing: Saving, signal: AbortSignal }} options
 */
export function savingFold({ doing, signal }) {
  const file = h("input", { type: "file", accept: "application/json", hidden: true });
  on(file, "change", () => doing.replay(file), signal);
  const movie = button({ label: "Film", onClick: () => doing.film(), signal });
  movie.hidden = !canFilm();
  return fold(
    "Save",
    h(
      "div",
      { class: "buttons" },
      button({ label: "PNG", onClick: () => doing.png(), signal }),
      button({
        label: "Animation",
        title: "Animated PNG",
        onClick: () => doing.animation(),
        signal,
      }),
      movie,
      button({ label: "JSON", onClick: doing.json, signal }),
      button({ label: "Replay a JSON", onClick: () => file.click(), signal }),
    ),
    file,
  );
}
