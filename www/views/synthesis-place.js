/**
 * The place in a layer's maps that is asked about, chosen on the picture that the network sees.
 * @module
 */

import { h } from "../widgets/dom.js";
import { createPixels } from "../widgets/pixels.js";

/**
 * @typedef {import("./synthesis-question.js").Question} Question
 * @typedef {import("../app/store.js").Store} Store
 */

/**
 * @param {{ question: Question, store: Store, signal: AbortSignal }} options
 */
export function createPlace({ question, store, signal }) {
  const { app } = question;
  const pixels = createPixels({
    label: "The place that is asked about; choose another on the picture",
    onPick: ({ x, y }) => store.set({ "synthesis.y": y, "synthesis.x": x }),
    signal,
  });
  const words = h("p", { class: "muted small" });
  const element = h("div", { class: "chosen-place", hidden: true }, pixels.element, words);

  return {
    element,
    async update() {
      const [, height, width] = app.layer.shape;
      element.hidden = !["unit", "spot"].includes(question.kind()) || height * width === 1;
      if (element.hidden) return;
      await app.work("synthesis.place", (until) => question.look(until));
      const { y, x } = question.place();
      words.textContent = `Row ${y}, column ${x} of ${height} × ${width}. Click another place.`;
      const bitmap = await createImageBitmap(app.seen);
      const whole = { width: bitmap.width, height: bitmap.height };
      pixels.show({ width, height, layers: [{ bitmap, ...whole }], smooth: true });
      pixels.mark({ chosen: { x, y } });
    },
  };
}
