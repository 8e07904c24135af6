/**
 * The two pictures of a style transfer as the network sees them, and the brush that marks on the content where the style acts.
 * @module
 */

import { imageOf } from "../app/session.js";
import { createBrush } from "../widgets/brush.js";
import { h } from "../widgets/dom.js";
import { createPixels } from "../widgets/pixels.js";
import { figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("./style-question.js").Question} Question
 */

/**
 * @param {{ app: Session, question: Question, onMark: () => void, signal: AbortSignal }} options
 *   `onMark` is called when something else is marked
 */
export function createInputs({ app, question, onMark, signal }) {
  const content = createPixels({ label: "The content", signal });
  const style = createPixels({ label: "The style", signal });
  const sights = [figure(content.element, "Content"), figure(style.element, "Style")];
  const brush = createBrush({ pixels: content, radius: 16, onPaint: veil, onDone: onMark, signal });
  brush.active = false;

  /** Darkens what the first style leaves. */
  function veil() {
    const sheet = brush.veil();
    content.overlay((context) => {
      context.drawImage(sheet, 0, 0, context.canvas.width, context.canvas.height);
    });
  }

  return {
    element: h("div", { class: "style-inputs" }, ...sights.map(({ element }) => element)),
    brush,
    async show() {
      const shown = await app.work("style.pictures", async (until) => {
        const image = await imageOf(question.style(), until);
        const own = await app.net.toPixels(await app.net.preprocess(image));
        return Promise.all([createImageBitmap(app.seen), createImageBitmap(own)]);
      });
      if (!shown || signal.aborted) return;
      for (const [index, pixels] of [content, style].entries()) {
        const bitmap = shown[index];
        pixels.show({ width: bitmap.width, height: bitmap.height, layers: [{ bitmap }] });
      }
      const { width, height } = app.seen;
      brush.fit(width, height);
      veil();
      sights[0].caption(app.picture.title);
      sights[1].caption(question.style().title);
    },
    /** Where the first style acts, as far as something is marked. @returns {Tensor | null} */
    mask() {
      if (!brush.any) return null;
      const { width, height } = app.seen;
      return { data: Float32Array.from(brush.mask), shape: [1, 1, height, width] };
    },
    /**
     * Marks what a file says, or nothing.
     * @param {number[] | null} mask
     */
    mark(mask) {
      brush.mask.fill(0);
      if (Array.isArray(mask) && mask.length === brush.mask.length) brush.mask.set(mask);
      veil();
    },
  };
}
