/**
 * Points that were drawn around: how many, what most of them are, and a button that lays them out alone.
 * @module
 */

import { button } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";
import { mostly } from "./embedding-classes.js";

/** Fewer points make no map. */
const FEWEST = 8;

/**
 * @param {{ laid: import("./embedding-laid.js").Laid, onPick: () => void, onLay: () => void, signal: AbortSignal }} options
 *   `onPick` hears that other points are drawn around, `onLay` that others are to be laid out
 */
export function createSelection({ laid, onPick, onLay, signal }) {
  const element = h("div", { class: "selection", hidden: true });
  /** The points that were drawn around. @type {Set<number> | null} */
  let around = null;

  /** @param {number[] | null} points */
  function take(points) {
    around = null;
    laid.chosen = points;
    laid.base = null;
    onLay();
  }

  function drop() {
    around = null;
    element.hidden = true;
    onPick();
  }

  function everything() {
    return button({
      label: "All points again",
      kind: "quiet",
      onClick: () => {
        element.hidden = true;
        take(null);
      },
      signal,
    });
  }

  return {
    element,
    drop,
    /**
     * Says of a point whether it was drawn around; `null` where none was.
     * @returns {((index: number) => boolean) | null}
     */
    picked() {
      const points = around;
      return points && ((index) => points.has(index));
    },
    /** @param {number[]} places among the points shown */
    choose(places) {
      const { chosen, indices, set } = laid;
      const points = places.map((at) => indices[at]);
      const enough = points.length >= FEWEST && set?.kind !== "positions";
      around = points.length > 0 ? new Set(points) : null;
      onPick();
      element.hidden = points.length === 0 && !chosen;
      element.replaceChildren(
        h("span", {}, `${points.length} points chosen${set ? mostly(set, points) : ""}`),
        enough
          ? button({
              label: "Lay these out alone",
              onClick: () => {
                take(points);
                element.replaceChildren(
                  h("span", {}, `${points.length} points, laid out alone`),
                  everything(),
                );
              },
              signal,
            })
          : h(
              "span",
              { class: "muted" },
              set?.kind === "positions" ? "" : "too few to lay out alone",
            ),
        chosen ? everything() : button({ label: "Clear", kind: "quiet", onClick: drop, signal }),
      );
    },
  };
}
