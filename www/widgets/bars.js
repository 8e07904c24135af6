/**
 * Probabilities as bars with their names; each is a button.
 * @module
 */

import { h, on } from "./dom.js";

/**
 * @typedef {{ label: string, share: number, value: string, chosen?: boolean, title?: string }} Bar `share` in [0, 1]
 */

/**
 * @param {{ label: string, onPick: (place: number) => void, signal: AbortSignal }} options
 */
export function createBars({ label, onPick, signal }) {
  const element = h("ul", { class: "bars", "aria-label": label });
  on(
    element,
    "click",
    (event) => {
      const place = [...element.children].findIndex(
        (item) => event.target instanceof Node && item.contains(event.target),
      );
      if (place >= 0) onPick(place);
    },
    signal,
  );
  return {
    element,
    /** @param {Bar[]} bars */
    show(bars) {
      while (element.children.length > bars.length) element.lastElementChild?.remove();
      for (const [place, bar] of bars.entries()) {
        const item = element.children[place] ?? element.appendChild(blank());
        const button = /** @type {HTMLElement} */ (item.firstElementChild);
        const [name, track, value] = /** @type {HTMLElement[]} */ ([...button.children]);
        name.textContent = bar.label;
        /** @type {HTMLElement} */ (track.firstElementChild).style.transform =
          `scaleX(${Math.max(bar.share, 0.004)})`;
        value.textContent = bar.value;
        button.title = bar.title ?? bar.label;
        button.setAttribute("aria-pressed", String(bar.chosen === true));
      }
    },
  };
}

function blank() {
  return h(
    "li",
    {},
    h(
      "button",
      { type: "button" },
      h("span", { class: "name" }),
      h("span", { class: "track" }, h("span", { class: "fill" })),
      h("span", { class: "value" }),
    ),
  );
}
