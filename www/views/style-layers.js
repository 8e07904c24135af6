/**
 * What each style layer knows by itself: textures from noise, one layer’s statistics at a time.
 * @module
 */

import { h } from "../widgets/dom.js";
import { createPixels } from "../widgets/pixels.js";
import { figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("./style-question.js").Wanted} Wanted
 * @typedef {import("../convscope.js").ImageLike} ImageLike
 * @typedef {import("../convscope.js").Style} Style
 */

/** Pixels a side, and steps, of each texture. */
const SIDE = 128;
const STEPS = 60;

/**
 * @param {{ app: Session, signal: AbortSignal }} options
 */
export function createLayers({ app, signal }) {
  const element = h("div", { class: "grown-row" });
  return {
    element,
    /**
     * @param {{ content: ImageLike, styles: Style[] }} pictures
     * @param {Wanted} wanted
     * @param {{ turn: () => Promise<boolean>, onStep: (layer: string, step: number, total: number) => void, signal: AbortSignal }} run
     */
    async grow({ content, styles }, wanted, { turn, onStep, signal: until }) {
      const names = Object.keys(wanted.styleLayers ?? {});
      const cards = [
        ...names.map((name) => ({ name, layers: [name] })),
        { name: "all of them", layers: names },
      ].map((card) => {
        const pixels = createPixels({ label: card.name, signal });
        return { ...card, pixels, sight: figure(pixels.element, card.name) };
      });
      element.style.setProperty("--count", String(cards.length));
      element.replaceChildren(...cards.map((card) => card.sight.element));
      let ends = false;
      for (const { name, layers, pixels } of cards) {
        if (ends) return;
        await app.net.stylize(content, styles, {
          ...wanted,
          contentLayers: [],
          styleLayers: layers,
          init: "noise",
          size: SIDE,
          steps: STEPS,
          every: 4,
          grams: [],
          signal: until,
          onStep: async ({ step, image }) => {
            const bitmap = await createImageBitmap(await app.net.toPixels(image));
            pixels.show({ width: bitmap.width, height: bitmap.height, layers: [{ bitmap }] });
            onStep(name, step, STEPS);
            ends = await turn();
            return ends ? { stop: true } : undefined;
          },
        });
      }
    },
  };
}
