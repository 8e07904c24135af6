/**
 * The model-randomisation check: weights are re-initialised from the top layer down, in a copy of the network, and maps are
 * held against those of the whole one. A map that stays the same does not explain the network.
 * @module
 */

import { groups } from "../app/list.js";
import { slider } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";
import { fixed } from "../widgets/format.js";
import { createLink, createPixels } from "../widgets/pixels.js";
import { ask, reductionOf, settings } from "./saliency-ask.js";
import { isCheap } from "./saliency-cost.js";
import { METHODS } from "./saliency-methods.js";
import { createPlot } from "./saliency-plot.js";
import { createRun } from "./saliency-run.js";
import { paintOf, sightOf } from "./saliency-sight.js";
import { figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../convscope.js").Net} Net
 * @typedef {import("../convscope.js").Layer} Layer
 * @typedef {import("./saliency-ask.js").Asked} Asked
 * @typedef {import("./saliency-sight.js").Sight} Sight
 * @typedef {{ title: string, layers: string[] }} Stage
 * @typedef {{ asked: Asked, sights: Sight[], bitmaps: ImageBitmap[], spearman: number[], ssim: number[] }} Trail
 */

/** Beside the chosen method: one that is known to care little, and some that care. */
const BESIDE = ["guided_backprop", "grad_cam", "integrated_gradients", "gradient"];
const MOST = 4;
const STYLES = /** @type {const} */ (["main", "second", "third", "fourth"]);
const LONG = 24;

/**
 * What is re-initialised step by step, from the top: every layer with weights, or every block of a long network.
 * @param {readonly Layer[]} layers
 * @returns {Stage[]}
 */
export function stagesOf(layers) {
  const weighted = layers.filter((layer) => layer.weight !== null);
  if (weighted.length <= LONG)
    return weighted.map(({ name }) => ({ title: name, layers: [name] })).reverse();
  return groups(layers)
    .map(({ name, layers: inside }) => ({
      title: name,
      layers: inside.filter((layer) => layer.weight !== null).map((layer) => layer.name),
    }))
    .filter((stage) => stage.layers.length > 0)
    .reverse();
}

/**
 * @param {{ app: Session, store: Store, signal: AbortSignal }} options
 */
export function createSanity({ app, store, signal }) {
  const run = createRun({ onStop: stop, onStart: () => void compute(), signal });
  const link = createLink();
  const position = slider({
    label: "Re-initialised from the top",
    min: 0,
    max: 1,
    step: 1,
    value: 0,
    text: (step) => (step === 0 ? "nothing" : `down to ${stages[step - 1]?.title ?? ""}`),
    onInput: (step) => move(step),
    signal,
  });
  const plots = /** @type {const} */ (["spearman", "ssim"]).map((measure) => {
    const title =
      measure === "spearman" ? "Rank correlation ρ of |map|" : "Structural similarity (SSIM)";
    const plot = createPlot({ label: title, onMove: (step) => move(step), signal });
    return { measure, title, plot };
  });
  const rows = h("div", { class: "trails" });
  const note = h("p", { class: "muted small" });
  const element = h(
    "div",
    { class: "sanity" },
    h("div", { class: "row map-key" }, position.element, note, run.element),
    rows,
    h("div", { class: "ways" }, ...plots.map(({ plot }) => plot.element)),
  );
  /** @type {Stage[]} */
  let stages = [];
  /** @type {Trail[]} */
  let trails = [];
  /** @type {{ pixels: ReturnType<typeof createPixels>, first: ReturnType<typeof createPixels>, caption: (words: string) => void }[]} */
  let cards = [];
  let cardsLife = new AbortController();
  signal.addEventListener("abort", () => cardsLife.abort(), { once: true });
  let at = 0;
  /** Counts the runs. */
  let turn = 0;

  function stop() {
    app.stop("sanity");
    run.stopped();
  }

  /** The chosen method and those beside it. */
  function chosen() {
    const state = store.get();
    const own = ask(state, app);
    const others = BESIDE.flatMap((id) => METHODS.filter((each) => each.id === id))
      .filter((method) => method.id !== own.method.id && isCheap(method, app.net, app.scope))
      .map((method) => ask(state, app, method));
    return [own, ...others].slice(0, MOST);
  }

  async function compute() {
    const state = store.get();
    const list = chosen();
    stages = stagesOf(app.net.layers);
    trails = list.map((asked) => ({ asked, sights: [], bitmaps: [], spearman: [], ssim: [] }));
    at = 0;
    position.set(0, { max: stages.length });
    makeCards();
    note.textContent = app.net.modified
      ? "In a copy, from the loaded weights, not the edited ones."
      : "In a copy: the network that is shown keeps its weights.";
    turn += 1;
    const mine = turn;
    run.start();
    const done = await app.work("sanity", async (until) => {
      const copy = await app.scope.load(state.model, { signal: until });
      try {
        const total = (stages.length + 1) * trails.length;
        for (let step = 0; step <= stages.length; step += 1) {
          if (step > 0) await copy.randomize({ layers: stages[step - 1].layers, seed: 1 });
          for (const [index, trail] of trails.entries()) {
            await follow(copy, trail, until);
            run.step({ done: step * trails.length + index + 1, total });
          }
          if (until.aborted || signal.aborted) return false;
          at = step;
          draw();
        }
        return true;
      } finally {
        copy.dispose();
      }
    });
    if (!done && mine === turn) run.end();
    if (!done || signal.aborted) return;
    run.end();
    draw();
  }

  /**
   * One map of the copy as it is, held against the first.
   * @param {Net} copy
   * @param {Trail} trail
   * @param {AbortSignal} until
   */
  async function follow(copy, trail, until) {
    const { asked, sights, bitmaps } = trail;
    const map = await copy.attribute(app.input, { ...settings(asked), signal: until });
    const sight = sightOf(map, asked, reductionOf(store.get(), asked.method), 99);
    const { bitmap } = await app.scope.paint(sight.plane, paintOf(sight));
    const first = sights[0] ?? sight;
    const alike = await app.scope.similarity(first.plane, sight.plane);
    if (until.aborted) return;
    sights.push(sight);
    bitmaps.push(bitmap);
    trail.spearman.push(alike.spearmanAbsolute);
    trail.ssim.push(alike.ssim);
  }

  function makeCards() {
    cardsLife.abort();
    cardsLife = new AbortController();
    const until = cardsLife.signal;
    const made = trails.map(({ asked }, index) => {
      const { title } = asked.method;
      const first = createPixels({ label: `${title}, whole network`, link, signal: until });
      const pixels = createPixels({ label: `${title}, re-initialised`, link, signal: until });
      const below = figure(pixels.element, "");
      const swatch = h("span", { class: `swatch ${STYLES[index]}` });
      const card = h(
        "div",
        { class: "trail" },
        figure(first.element, swatch, title).element,
        below.element,
      );
      return {
        card,
        pixels,
        first,
        caption: (/** @type {string} */ words) => below.caption(words),
      };
    });
    cards = made;
    rows.replaceChildren(...made.map(({ card }) => card));
  }

  function draw() {
    for (const { measure, title, plot } of plots)
      plot.show(
        {
          title,
          steps: stages.length,
          from: "whole",
          to: "all re-initialised",
          high: 1,
          lines: trails.map((trail, index) => ({
            name: trail.asked.method.title,
            values: trail[measure],
            style: STYLES[index],
          })),
        },
        at,
      );
    move(at);
  }

  /** @param {number} step */
  function move(step) {
    at = Math.min(step, Math.max(0, (trails[0]?.bitmaps.length ?? 1) - 1));
    position.set(at);
    for (const { plot } of plots) plot.at(at);
    for (const [index, { pixels, first, caption }] of cards.entries()) {
      const { bitmaps, sights, spearman, ssim, asked } = trails[index];
      paint(first, bitmaps[0], sights[0]);
      paint(pixels, bitmaps[at], sights[at]);
      const blank = sights[at]?.blank;
      const alike = `ρ ${fixed(spearman[at] ?? 0, 2)} · SSIM ${fixed(ssim[at] ?? 0, 2)}`;
      caption(at === 0 ? "whole" : blank ? "nothing to see" : alike);
      pixels.canvas.title = blank ?? asked.method.title;
    }
  }

  /**
   * @param {ReturnType<typeof createPixels>} pixels
   * @param {ImageBitmap | undefined} bitmap
   * @param {Sight | undefined} sight
   */
  function paint(pixels, bitmap, sight) {
    if (!bitmap || !sight) return;
    const [, , height, width] = sight.plane.shape;
    pixels.show({ width, height, layers: [{ bitmap, alpha: sight.blank ? 0.2 : 1 }] });
  }

  return {
    element,
    /** @param {boolean} again @param {Set<string>} changed */
    update(again, changed) {
      if (again || changed.has("saliency.map")) void compute();
    },
    leave: () => app.stop("sanity"),
  };
}
