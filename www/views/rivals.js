/**
 * The same map for each of the five most probable classes, side by side on one scale: do they ask for other pixels, or
 * is it the picture's edges each time? A click makes a class the one in question.
 * @module
 */

import { h, on } from "../widgets/dom.js";
import { percent } from "../widgets/format.js";
import { createPixels } from "../widgets/pixels.js";
import { clipAt, reduce } from "./reduce.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../widgets/pixels.js").Link} Link
 * @typedef {import("./reduce.js").Reduction} Reduction
 * @typedef {{ of: (target: number) => import("../convscope.js").Objective, reduction: Reduction, clip: number, over: boolean, opacity: number }} Asked
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
     * @param {Asked} asked
     */
    async show({ of, reduction, clip, over, opacity }) {
      const { top } = app.prediction;
      const painted = await app.work("rivals", async (until) => {
        const maps = [];
        for (const { index } of top) {
          const gradient = await app.net.gradient(app.input, of(index), { signal: until });
          maps.push(reduce(gradient, reduction));
        }
        const most = Math.max(...maps.map(({ data }) => clipAt(data, clip))) || 1;
        const under = await createImageBitmap(app.seen);
        const bitmaps = [];
        for (const map of maps) {
          const { bitmap } = await app.scope.paint(
            map,
            reduction === "signed"
              ? { map: "diverging", scale: [-most, most] }
              : { map: "sequential", scale: [0, most] },
          );
          bitmaps.push(bitmap);
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
