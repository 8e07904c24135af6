/**
 * The same map for each of the five most probable classes, side by side on one scale: do they ask for other pixels, or
 * is it the picture's edges each time? A click makes a class the one in question.
 * @module
 */

import { h, on } from "../widgets/dom.js";
import { percent } from "../widgets/format.js";
import { createPixels } from "../widgets/pixels.js";
import { ask, reductionOf, settings } from "./saliency-ask.js";
import { paintOf, shareScale, sightOf, veil } from "./saliency-sight.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../widgets/pixels.js").Link} Link
 * @typedef {import("../app/store.js").State} State
 */

const MOST = 5;

/**
 * @param {{ app: Session, link: Link, onPick: (target: number) => void, signal: AbortSignal }} options
 */
export function createRivals({ app, link, onPick, signal }) {
  const element = h("div", {
    class: "rivals",
    role: "group",
    "aria-label": "The same map for other classes",
  });
  /** @type {{ element: HTMLElement, caption: HTMLElement, pixels: ReturnType<typeof createPixels>, target: number }[]} */
  const cards = Array.from({ length: MOST }, () => {
    const pixels = createPixels({ label: "Saliency map", link, signal });
    const caption = h("span", { class: "caption" });
    const card = {
      element: h("button", { type: "button" }, caption, pixels.element),
      caption,
      pixels,
      target: 0,
    };
    on(card.element, "click", () => onPick(card.target), signal);
    return card;
  });
  element.append(...cards.map((card) => card.element));

  return {
    element,
    /**
     * Computes the maps one after the other and shows them together, since they share a scale.
     * @param {State} state
     */
    async show(state) {
      const { top } = app.prediction;
      const over = state["saliency.place"] === "over";
      const opacity = Number(state["saliency.opacity"]) / 100;
      const painted = await app.work("rivals", async (until) => {
        const sights = [];
        for (const { index } of top) {
          const asked = ask({ ...state, target: index }, app);
          const map = await app.net.attribute(app.input, { ...settings(asked), signal: until });
          const reduction = reductionOf(state, asked.method);
          sights.push(sightOf(map, asked, reduction, Number(state["saliency.clip"])));
        }
        const under = await createImageBitmap(app.seen);
        const bitmaps = [];
        for (const sight of shareScale(sights)) {
          const { bitmap } = await app.scope.paint(sight.plane, paintOf(sight));
          bitmaps.push(over ? veil(bitmap, sight) : bitmap);
        }
        return { bitmaps, under };
      });
      if (!painted || signal.aborted) return;
      for (const [place, card] of cards.entries()) {
        const rival = top[place];
        card.element.hidden = !rival;
        if (!rival) continue;
        const bitmap = painted.bitmaps[place];
        card.target = rival.index;
        card.caption.textContent = `${rival.label} ${percent(rival.probability)}`;
        card.element.title = rival.label;
        card.element.setAttribute("aria-pressed", String(rival.index === app.target));
        const alone = { bitmap };
        const under = { bitmap: painted.under, filter: "grayscale(1)" };
        card.pixels.show({
          width: bitmap.width,
          height: bitmap.height,
          layers: over ? [under, { bitmap, alpha: opacity }] : [alone],
          label: `Saliency map for ${rival.label}`,
        });
      }
    },
  };
}
