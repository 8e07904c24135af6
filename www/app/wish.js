/**
 * What the chosen channel wants to see, grown small beside every view that shows channels as soon as one is clicked.
 * @module
 */

import { grow } from "../views/grow.js";
import { stretched } from "../views/synthesis-lane.js";
import { h, on } from "../widgets/dom.js";
import { createPixels } from "../widgets/pixels.js";

/**
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("./store.js").State} State
 */

/** Views in which channels can be clicked. */
const VIEWS = ["kernels", "maps", "backward", "training"];

/** Rows and columns of the picture at most, where the network takes that few. */
const SIDE = 64;

const STEPS = 64;

/** A channel that is only passed on the way to another, with the arrow keys, is not grown. */
const REST_MS = 250;

/**
 * @param {{ app: Session, signal: AbortSignal }} options
 */
export function createWish({ app, signal }) {
  const pixels = createPixels({ label: "What the channel wants to see", signal });
  const words = h("span", {});
  const element = h(
    "button",
    { type: "button", class: "wish", title: "Opens it in Synthesis" },
    h("span", { class: "thumb" }, pixels.element),
    words,
  );
  /** The unit whose picture is shown or grows. */
  let shown = "";
  let timer = 0;
  on(element, "click", () => grow(app), signal);
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });

  const channel = () => Math.min(app.store.get().channel, app.layer.shape[0] - 1);
  const unit = () => `${app.net.name} ${app.layer.name} ${channel()}`;

  async function run() {
    const { name: layer } = app.layer;
    const own = unit();
    const [, , rows, columns] = app.net.input.shape;
    const shrink = Math.min(1, SIDE / Math.max(rows, columns));
    await app.work("wish", async (until) => {
      const show = async (/** @type {import("../convscope.js").Tensor} */ image) => {
        const bitmap = await createImageBitmap(stretched(await app.net.toPixels(image)).pixels);
        if (until.aborted || own !== unit()) return;
        shown = own;
        say();
        const { width, height } = bitmap;
        pixels.show({ width, height, layers: [{ bitmap }] });
      };
      const result = await app.net.synthesize({
        objective: { layer, channel: channel() },
        size: [Math.round(rows * shrink), Math.round(columns * shrink)],
        octaves: 1,
        steps: STEPS,
        every: 8,
        seed: 1,
        signal: until,
        onStep: ({ image }) => void show(image),
      });
      await show(result.image);
    });
  }

  function say() {
    const has = shown === unit();
    element.classList.toggle("empty", !has);
    words.replaceChildren(
      h("strong", {}, `Channel ${channel()} of ${app.layer.name}`),
      h("span", { class: "line muted small" }, "What it wants to see"),
    );
  }

  return {
    element,
    /** @param {State} state @param {Set<string>} changed */
    update(state, changed) {
      element.hidden = !VIEWS.includes(state.view) || !app.hasView("synthesis");
      clearTimeout(timer);
      const clicked = changed.has("channel") && !changed.has("net") && !changed.has("view");
      if (changed.has("weights") || changed.has("net")) shown = "";
      if (shown !== unit()) app.stop("wish");
      if (clicked && !element.hidden && shown !== unit())
        timer = window.setTimeout(() => void run(), REST_MS);
      say();
    },
  };
}
