/**
 * What each style layer knows by itself: textures from noise, one layer’s statistics at a time.
 * @module
 */

import { createSheet } from "./synthesis-sheet.js";

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
  const sheet = createSheet({ onPick: () => {}, smooth: () => true, stretches: false, signal });
  return {
    element: sheet.element,
    /** What there is to scrub through and to save. */
    sheet,
    /**
     * @param {{ content: ImageLike, styles: Style[] }} pictures
     * @param {Wanted} wanted
     * @param {{ turn: () => Promise<boolean>, onStep: (layer: string, done: number, total: number) => void, signal: AbortSignal }} run
     */
    async grow({ content, styles }, wanted, { turn, onStep, signal: until }) {
      const names = Object.keys(wanted.styleLayers ?? {});
      const cards = [
        ...names.map((name) => ({ name, layers: [name] })),
        { name: "all of them", layers: names },
      ];
      sheet.deal(cards.map(({ name }) => name));
      let ends = false;
      for (const [index, { name, layers }] of cards.entries()) {
        if (ends) return;
        const show = async (
          /** @type {import("../convscope.js").Tensor} */ image,
          /** @type {number} */ step,
        ) => {
          const done = index * STEPS + step;
          const pictures = [await app.net.toPixels(image)];
          await sheet.place({ step: done, first: index, pictures });
          onStep(name, done, cards.length * STEPS);
        };
        const { image, state } = await app.net.stylize(content, styles, {
          ...wanted,
          contentLayers: [],
          styleLayers: layers,
          init: "noise",
          size: SIDE,
          steps: STEPS,
          every: 4,
          grams: [],
          signal: until,
          onStep: async ({ step, image: now }) => {
            await show(now, step);
            ends = await turn();
            return ends ? { stop: true } : undefined;
          },
        });
        await show(image, state.step);
      }
    },
  };
}
