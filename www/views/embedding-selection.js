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
 * @param {{ laid: import("./embedding-laid.js").Laid, onLay: () => void, signal: AbortSignal }} options
 */
export function createSelection({ laid, onLay, signal }) {
  const element = h("div", { class: "selection", hidden: true });

  /** @param {number[] | null} points */
  function take(points) {
    laid.chosen = points;
    laid.base = null;
    onLay();
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
    /** @param {number[]} places among the points shown */
    choose(places) {
      const { chosen, indices, set } = laid;
      const picked = places.map((at) => indices[at]);
      const enough = picked.length >= FEWEST && set?.kind !== "positions";
      element.hidden = picked.length === 0 && !chosen;
      element.replaceChildren(
        h("span", {}, `${picked.length} points chosen${set ? mostly(set, picked) : ""}`),
        enough
          ? button({
              label: "Lay these out alone",
              onClick: () => {
                take(picked);
                element.replaceChildren(
                  h("span", {}, `${picked.length} points, laid out alone`),
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
        chosen ? everything() : h("span", {}),
      );
    },
  };
}
