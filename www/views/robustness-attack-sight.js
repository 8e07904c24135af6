/**
 * What an attack did: the picture, what was added and the attacked picture, with their answers, norms and loss by step.
 * @module
 */

import { h, on } from "../widgets/dom.js";
import { fixed } from "../widgets/format.js";
import { createLink, createPixels } from "../widgets/pixels.js";
import { account, swarm } from "./robustness-attack-account.js";
import { bitmapOf, createAnswers, difference, inPixels, said } from "./robustness-sight.js";
import { createPlot } from "./saliency-plot.js";
import { figure } from "./words.js";

/**
 * @typedef {import("../convscope.js").AttackResult} Outcome
 * @typedef {import("../convscope.js").AttackStep} Step
 * @typedef {{ x: number, y: number }} Cell
 */

/**
 * @param {{
 *   app: import("../app/session.js").Session,
 *   wish: import("./robustness-attack-wish.js").Wish,
 *   say: (text: string | null) => void,
 *   onSeek: (step: number) => void,
 *   onPick: (cell: Cell) => void,
 *   signal: AbortSignal,
 * }} place `say` is told what is under the pointer, `onPick` where the viewer draws
 */
export function createAttackSight({ app, wish, say, onSeek, onPick, signal }) {
  const link = createLink();
  const names = ["The picture", "What was added", "The attacked picture"];
  const sights = names.map((label) => {
    const pixels = createPixels({ label, link, onHover: hover, onPick, signal });
    return { pixels, figure: figure(pixels.element, label) };
  });
  const [original, added, attacked] = sights;
  const answers = createAnswers();
  const budget = h("p", { class: "budget number", role: "status" });
  const plot = createPlot({ label: "Loss by step", height: 132, onMove: onSeek, signal });
  const pictures = h(
    "div",
    { class: "sights three" },
    ...sights.map((each) => each.figure.element),
    h("div", { class: "beside" }, answers.element),
  );
  /** What is shown. @type {Outcome | Step | null} */
  let shown = null;

  for (const { pixels } of sights)
    on(
      pixels.canvas,
      "pointermove",
      (event) => {
        const cell = event.buttons === 1 ? pixels.cellAt(event) : null;
        if (cell) onPick(cell);
      },
      signal,
    );

  /** @param {Cell | null} cell */
  function hover(cell) {
    const picture = shown?.image;
    if (!cell || !picture) {
      say(null);
      return;
    }
    const [, channels, height, width] = app.input.shape;
    const [before, after] = [inPixels(app.net, app.input), inPixels(app.net, picture)];
    const each = Array.from({ length: channels }, (_, c) => {
      const index = (c * height + cell.y) * width + cell.x;
      return `${fixed(before[index], 3)} → ${fixed(after[index], 3)}`;
    });
    say(`row ${cell.y}, column ${cell.x}: ${each.join(", ")}`);
  }

  return {
    pictures,
    budget,
    way: plot.element,
    /**
     * @param {Outcome | Step | null} now a step of the run, or what came of it
     * @param {Step | undefined} step whose crowd is drawn, where it has one
     */
    async draw(now, step) {
      shown = now;
      const picture = now?.image ?? null;
      const { net, input } = app;
      const made = await app.work("attack.draw", async (until) => {
        const seen = await createImageBitmap(app.seen);
        if (!picture) return { seen, bitmap: null, change: null, prediction: null };
        const prediction = await net.predict(picture, { top: 5, signal: until });
        const bitmap = await bitmapOf(net, picture);
        const change = await difference(app, input, picture, wish.gain());
        return { seen, bitmap, change, prediction };
      });
      if (!made || signal.aborted) return;
      const { width, height } = made.seen;
      const show = (
        /** @type {typeof original} */ sight,
        /** @type {ImageBitmap | null} */ bitmap,
        /** @type {string} */ label,
      ) =>
        sight.pixels.show({
          width,
          height,
          layers: bitmap
            ? [{ bitmap }]
            : [{ bitmap: made.seen, filter: "grayscale(1)", alpha: 0.2 }],
          label,
        });
      show(original, made.seen, app.picture.title);
      show(added, made.change, `What was added, magnified ${wish.gain()} times`);
      show(attacked, made.bitmap, "The attacked picture");
      original.pixels.overlay(step?.population ? swarm(step.population) : null);
      original.figure.caption(said(app.prediction.top[0]));
      added.figure.caption(`+ what was added × ${wish.gain()}`);
      attacked.figure.caption(made.prediction ? said(made.prediction.top[0]) : "Not attacked yet");
      answers.show(net, app.prediction, made.prediction);
      if (now) budget.replaceChildren(...account(input, wish.method(), wish.asked(), now.distance));
      else budget.textContent = "";
    },
    /**
     * What the attack raises, step by step.
     * @param {Step[]} frames
     * @param {number | null} at the frame that was chosen
     */
    drawWay(frames, at) {
      const values = frames.map(({ value }) => Number(value));
      const [low, high] = [Math.min(...values), Math.max(...values)];
      plot.show(
        {
          title: "What the attack raises; point at a step for its picture",
          steps: Math.max(1, frames.length - 1),
          from: `step ${frames[0]?.step ?? 0}`,
          to: `step ${frames.at(-1)?.step ?? 0}`,
          ...(frames.length < 2 ? { low: 0, high: 1 } : {}),
          // What never rose is a line in the middle.
          ...(frames.length > 1 && high - low < 1e-6 ? { low: low - 1, high: high + 1 } : {}),
          lines: [{ name: wish.goal() === null ? "loss" : "nearness", values, style: "main" }],
        },
        at ?? Math.max(0, frames.length - 1),
      );
    },
    /** @param {number} at */
    seek: (at) => plot.at(at),
  };
}
