/**
 * Deletion and insertion: what the score does as the map's first pixels go, or come back, beside a random order and the
 * reversed one. A map that knows what matters falls fast on the left and rises fast on the right.
 * @module
 */

import { slider } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";
import { number, percent } from "../widgets/format.js";
import { createPixels } from "../widgets/pixels.js";
import { ask, reductionOf, settings } from "./saliency-ask.js";
import { isLittle } from "./saliency-cost.js";
import { createPlot } from "./saliency-plot.js";
import { createRun } from "./saliency-run.js";
import { paintOf, sightOf } from "./saliency-sight.js";
import { figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../convscope.js").Faithfulness} Faithfulness
 * @typedef {import("./saliency-ask.js").Asked} Asked
 * @typedef {"deletion" | "insertion"} Way
 */

const WAYS = /** @type {const} */ (["deletion", "insertion"]);
/** Points of a curve, and of one that takes long. */
const STEPS = 28;
const FEW = 14;
const TITLES = {
  deletion: "Deletion: strongest pixels go first",
  insertion: "Insertion: strongest come back first",
};

/**
 * The pixels of a map by falling value; of equal ones the first comes first.
 * @param {Float32Array} values
 */
export function orderOf(values) {
  return Array.from(values.keys()).sort((a, b) => values[b] - values[a] || a - b);
}

/**
 * A picture with the first `count` pixels of an order taken from the other one.
 * @param {ImageData} picture
 * @param {ImageData} other
 * @param {readonly number[]} order
 * @param {number} count
 */
export function exchanged(picture, other, order, count) {
  const pixels = new Uint32Array(picture.data.slice().buffer);
  const from = new Uint32Array(other.data.slice().buffer);
  for (const pixel of order.slice(0, count)) pixels[pixel] = from[pixel];
  return new ImageData(new Uint8ClampedArray(pixels.buffer), picture.width, picture.height);
}

/**
 * Whether a map beats the random order, in words.
 * @param {Faithfulness} curves
 */
export function verdictOf({ map, random }) {
  const deleted = map.deletion.area < random.deletion.area;
  const inserted = map.insertion.area > random.insertion.area;
  const areas = `deletion ${number(map.deletion.area, 3)} against ${number(random.deletion.area, 3)} (lower is better), insertion ${number(map.insertion.area, 3)} against ${number(random.insertion.area, 3)} (higher is better)`;
  if (deleted && inserted)
    return { good: true, words: `The map beats a random order both ways: ${areas}.` };
  if (deleted || inserted)
    return { good: false, words: `The map beats a random order one way only: ${areas}.` };
  return { good: false, words: `A random order does better than this map: ${areas}.` };
}

/**
 * @param {{ app: Session, store: Store, signal: AbortSignal }} options
 */
export function createTruth({ app, store, signal }) {
  let at = 4;
  let steps = STEPS;
  const run = createRun({ onStop: stop, onStart: () => void compute(), signal });
  const thumb = createPixels({ label: "The map", signal });
  const verdict = h("p", { class: "proof" });
  const position = slider({
    label: "Pixels changed",
    min: 0,
    max: STEPS,
    step: 1,
    value: 4,
    text: (step) => percent(step / steps),
    onInput: (step) => move(step),
    signal,
  });
  const sides = WAYS.map((way) => {
    const pixels = createPixels({ label: TITLES[way], signal });
    const plot = createPlot({ label: TITLES[way], onMove: (step) => move(step), signal });
    const picture = figure(pixels.element, "");
    return {
      way,
      pixels,
      plot,
      picture,
      element: h(
        "div",
        { class: "side-of-truth" },
        plot.element,
        h("div", { class: "at-step" }, picture.element, plot.key),
      ),
    };
  });
  const element = h(
    "div",
    { class: "deletion" },
    h("div", { class: "row map-key" }, thumb.element, position.element, run.element),
    h("div", { class: "ways" }, ...sides.map((side) => side.element)),
    verdict,
  );
  /** @type {{ asked: Asked, curves: Faithfulness, order: number[], empty: ImageData, seen: ImageData } | null} */
  let shown = null;
  /** Counts the runs. */
  let turn = 0;

  function stop() {
    app.stop("truth");
    run.stopped();
  }

  async function compute() {
    const state = store.get();
    const asked = ask(state, app);
    const followed = asked.kind === "class" ? { probability: app.target } : asked.target;
    steps = isLittle(6 * STEPS, app.net, app.scope) ? STEPS : FEW;
    at = Math.min(at, steps);
    position.set(at, { max: steps });
    turn += 1;
    const mine = turn;
    run.start();
    const found = await app.work("truth", async (until) => {
      const { input, seen } = app;
      const onProgress = run.step;
      const map = await app.net.attribute(input, { ...settings(asked), signal: until, onProgress });
      const reduction = reductionOf(state, asked.method);
      const sight = sightOf(map, asked, reduction, Number(state["saliency.clip"]));
      const { plane } = sight;
      const { bitmap } = await app.scope.paint(plane, paintOf(sight));
      const curves = await app.net.faithfulness(input, plane, {
        target: followed,
        steps,
        seed: 1,
        signal: until,
        onProgress,
      });
      const nothing = { data: new Float32Array(input.data.length), shape: input.shape };
      const empty = await app.net.toPixels(nothing);
      return { asked, curves, order: orderOf(plane.data), empty, seen, bitmap };
    });
    if (!found && mine === turn) run.end();
    if (!found || signal.aborted) return;
    run.end();
    shown = found;
    const { width, height } = found.bitmap;
    const label = `${found.asked.method.title} for ${found.asked.name}`;
    thumb.show({ width, height, layers: [{ bitmap: found.bitmap }], label });
    const { good, words } = verdictOf(found.curves);
    verdict.className = `proof ${good ? "holds" : "fails"}`;
    verdict.textContent = words;
    draw();
  }

  function draw() {
    if (!shown) return;
    const { asked, curves } = shown;
    const probable = asked.kind === "class";
    for (const { way, plot } of sides) {
      const line = (/** @type {"map" | "random" | "reversed"} */ order) => curves[order][way];
      plot.show(
        {
          title: TITLES[way],
          steps,
          from: "0 %",
          to: "100 % of the pixels",
          ...(probable ? { low: 0, high: 1 } : {}),
          lines: [
            {
              name: `${asked.method.title}, area ${number(line("map").area, 2)}`,
              values: line("map").values,
              style: "main",
            },
            {
              name: `random, area ${number(line("random").area, 2)}`,
              values: line("random").values,
              style: "rest",
            },
            {
              name: `reversed, area ${number(line("reversed").area, 2)}`,
              values: line("reversed").values,
              style: "third",
            },
          ],
        },
        at,
      );
    }
    void show();
  }

  /** @param {number} step */
  function move(step) {
    at = step;
    position.set(step);
    for (const { plot } of sides) plot.at(step);
    void show();
  }

  async function show() {
    if (!shown) return;
    const { asked, curves, order, empty, seen } = shown;
    const count = Math.floor((at * order.length) / steps);
    for (const { way, pixels, picture } of sides) {
      const [from, to] = way === "deletion" ? [seen, empty] : [empty, seen];
      const bitmap = await createImageBitmap(exchanged(from, to, order, count));
      const { width, height } = seen;
      const value = curves.map[way].values[at];
      pixels.show({
        width,
        height,
        layers: [{ bitmap }],
        label: `${TITLES[way]}, ${percent(at / steps)}`,
      });
      const said = asked.kind === "class" ? percent(value) : number(value, 3);
      picture.caption(`${asked.kind === "class" ? app.targetLabel : "Score"} ${said}`);
    }
  }

  return {
    element,
    /** @param {boolean} again @param {Set<string>} changed */
    update(again, changed) {
      if (again || changed.has("saliency.map")) void compute();
    },
    leave: () => app.stop("truth"),
  };
}
