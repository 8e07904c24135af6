/**
 * The buttons below a map: the search is played, paused and stepped, the map drawn nearer, and a lasso taken up.
 * @module
 */

import { button } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";
import { fixed } from "../widgets/format.js";
import { ITERATIONS } from "./embedding-laid.js";

/**
 * @typedef {import("./embedding-laid.js").Laid} Laid
 * @typedef {ReturnType<typeof import("./embedding-controls.js").createControls>["wish"]} Wish
 * @typedef {ReturnType<typeof import("./embedding-map.js").createMap>} EmbeddingMap
 */

/**
 * @param {{ laid: Laid, map: EmbeddingMap, wish: Wish, onPlay: () => void, onStep: () => void, onAgain: () => void, signal: AbortSignal }} options
 */
export function createTransport({ laid, map, wish, onPlay, onStep, onAgain, signal }) {
  const play = button({ label: "Pause", onClick: onPlay, signal });
  const one = button({
    label: "Step",
    title: "One step, then a pause",
    onClick: onStep,
    signal,
  });
  const again = button({
    label: "Again",
    title: "From the start",
    kind: "quiet",
    onClick: onAgain,
    signal,
  });
  const status = h("span", { class: "muted number status", role: "status" });
  const lasso = button({
    label: "Lasso",
    title: "Draw around points (or hold Shift)",
    kind: "quiet",
    onClick: toggleLasso,
    signal,
  });
  const closer = button({
    label: "+",
    title: "Closer (+)",
    kind: "quiet",
    onClick: () => map.zoomBy(1.5),
    signal,
  });
  const farther = button({
    label: "−",
    title: "Farther (−)",
    kind: "quiet",
    onClick: () => map.zoomBy(1 / 1.5),
    signal,
  });
  const whole = button({
    label: "Fit",
    title: "The whole map (0)",
    kind: "quiet",
    onClick: () => map.fit(),
    signal,
  });
  const element = h(
    "div",
    { class: "transport" },
    play,
    one,
    again,
    status,
    h("span", { class: "space" }),
    lasso,
    closer,
    farther,
    whole,
  );

  let lassoing = false;
  function toggleLasso() {
    lassoing = !lassoing;
    lasso.setAttribute("aria-pressed", String(lassoing));
    map.lasso(lassoing);
  }

  function showStatus() {
    const { method: how } = wish();
    if (how === "pca" || laid.stops.length > 0) return;
    const last = laid.history.at(-1);
    const kl = last ? ` · KL ${fixed(last.kl, 3)}` : "";
    status.textContent = `step ${laid.steps} of ${ITERATIONS[how]}${kl}`;
  }

  return {
    element,
    showStatus,
    /** @param {string} words */
    say(words) {
      status.textContent = words;
    },
    dropLasso() {
      if (lassoing) toggleLasso();
    },
    /** @param {"idle" | "running" | "paused"} state */
    show(state) {
      const { method: how } = wish();
      const { isTour } = laid;
      const fixedMap = how === "pca" || isTour;
      play.hidden = how === "pca" && !isTour;
      one.hidden = fixedMap;
      again.hidden = fixedMap;
      play.textContent = isTour
        ? "Next layer"
        : state === "running"
          ? "Pause"
          : state === "paused"
            ? "Play"
            : "Again";
      again.hidden ||= state === "idle";
      one.disabled = state === "idle";
      const begins = state === "running" && laid.steps === 0 && laid.history.length === 0;
      if (!isTour && how === "pca") status.textContent = "";
      else if (!isTour && begins) status.textContent = "Looking for the neighbours of each point…";
      else showStatus();
    },
  };
}
