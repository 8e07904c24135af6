/**
 * One map, large: the picture, the map beside or over it, its colours, what proves it. The map sharpens while a long method
 * runs. A click on a pixel tests the gradient there, or chooses the unit that is asked about.
 * @module
 */

import { h } from "../widgets/dom.js";
import { fixed, number, percent } from "../widgets/format.js";
import { createLegend } from "../widgets/legend.js";
import { createLink, createPixels } from "../widgets/pixels.js";
import { createReadout } from "../widgets/readout.js";
import { ask, NAMES, reductionOf, refusal, settings } from "./saliency-ask.js";
import { createProof, prove } from "./saliency-proof.js";
import { createRun } from "./saliency-run.js";
import { paintOf, sightOf, veil } from "./saliency-sight.js";
import { figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Tensor} Tensor
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../widgets/pixels.js").Link} Link
 * @typedef {import("./saliency-ask.js").Asked} Asked
 * @typedef {import("./saliency-sight.js").Sight} Sight
 */

/** How far a clicked pixel is moved, in the network's own units. */
const STEP = 0.1;

/** Partial maps are painted at most this often, in milliseconds. */
const REFRESH = 120;

/**
 * @param {{ app: Session, store: Store, onValue: () => void, signal: AbortSignal }} options `onValue` is called
 *   when the score that is explained is known
 */
export function createMap({ app, store, onValue, signal }) {
  const link = createLink();
  const legend = createLegend(app.scope);
  const readout = createReadout("");
  const proof = createProof();
  const left = createPixels({ label: "The picture", link, onHover: hover, onPick: pick, signal });
  const right = createPixels({ label: "The map", link, onHover: hover, onPick: pick, signal });
  const picture = figure(left.element, "The picture");
  const map = figure(right.element);
  const flat = h("p", { class: "flat", hidden: true });
  const tested = h("p", { class: "check", "aria-live": "polite" });
  const aside = h("p", { class: "aside" });
  const run = createRun({ onStop: stop, onStart: () => compute(), signal });
  map.element.append(flat);
  const pair = h("div", { class: "pair" }, picture.element, map.element);
  const key = h("div", { class: "row map-key" }, legend.element, run.element);
  const under = h("div", { class: "under" }, key, proof.element, readout.element, tested, aside);
  const element = h("div", { class: "one-map" }, pair, under);

  /** @type {{ asked: Asked, map: Tensor } | null} */
  let shown = null;
  /** @type {Sight | null} */
  let sight = null;
  /** @type {ImageBitmap | null} */
  let bitmap = null;
  /** @type {ImageBitmap | null} */
  let seen = null;
  let value = Number.NaN;
  /** Counts the runs. */
  let turn = 0;

  async function compute() {
    const asked = ask(store.get(), app);
    const { input } = app;
    let last = 0;
    tested.textContent = "";
    value = Number.NaN;
    left.mark({ chosen: null });
    right.mark({ chosen: null });
    turn += 1;
    const mine = turn;
    run.start();
    const result = await app.work("saliency", async (until) => {
      seen = await createImageBitmap(app.seen);
      const call = app.net.attribute(input, {
        ...settings(asked),
        signal: until,
        onProgress: (step) => {
          if (until.aborted || signal.aborted) return;
          run.step(step);
          const now = performance.now();
          if (!step.partial || now - last < REFRESH) return;
          last = now;
          proof.clear();
          shown = { asked, map: step.partial };
          void paint();
        },
      });
      const found = await call.catch((error) => refusal(error, until));
      if (typeof found === "string") return { found, score: Number.NaN, identity: null };
      const score = await app.net.value(input, asked.target, { signal: until });
      const identity = await prove(app, asked, found, until);
      return { found, score, identity };
    });
    if (!result && mine === turn) run.end();
    if (!result || signal.aborted) return;
    run.end();
    if (typeof result.found === "string") {
      refuse(asked, result.found);
      return;
    }
    shown = { asked, map: result.found };
    value = result.score;
    if (result.identity) proof.show(result.identity);
    else proof.lack(asked.method.lacks);
    onValue();
    await paint();
  }

  function stop() {
    app.stop("saliency");
    run.stopped();
  }

  /**
   * A method that this network, layer or score does not suit says so where its map would be.
   * @param {Asked} asked
   * @param {string} why
   */
  function refuse(asked, why) {
    shown = null;
    sight = null;
    proof.clear();
    aside.textContent = "";
    legend.element.classList.add("absent");
    flat.hidden = false;
    flat.textContent = why;
    if (!seen) return;
    const { width, height } = seen;
    const label = app.picture.title;
    left.show({ width, height, layers: [{ bitmap: seen }], label });
    right.show({
      width,
      height,
      layers: [{ bitmap: seen, filter: "grayscale(1)", alpha: 0.25 }],
      label,
    });
    picture.caption(label);
    map.caption(asked.method.title);
  }

  async function paint() {
    if (!shown) return;
    const { asked, map: found } = shown;
    const state = store.get();
    const reduction = reductionOf(state, asked.method);
    const next = sightOf(found, asked, reduction, Number(state["saliency.clip"]));
    const painted = await app.work("saliency.paint", () =>
      app.scope.paint(next.plane, paintOf(next)),
    );
    if (!painted || signal.aborted || !seen) return;
    sight = next;
    bitmap = painted.bitmap;
    flat.hidden = next.blank === null;
    flat.textContent = next.blank ?? "";
    aside.textContent = next.aside;
    legend.element.classList.toggle("absent", next.blank !== null);
    const share = 100 - Number(state["saliency.clip"]);
    legend.show({
      map: next.colours,
      low: next.low,
      high: next.high,
      label: asked.method.title,
      note:
        share > 0 && asked.method.sign !== "score"
          ? `${number(share)} % of the pixels lie beyond`
          : "",
    });
    const [, , height, width] = app.input.shape;
    left.show({
      width,
      height,
      layers: [{ bitmap: seen }],
      label: `${app.picture.title}, as the network sees it`,
    });
    picture.caption(app.picture.title);
    map.caption(
      asked.method.layered ? `${asked.method.title} at ${asked.layer}` : asked.method.title,
    );
    readout.rest(resting(asked));
    compose();
  }

  function compose() {
    if (!bitmap || !seen || !sight || !shown) return;
    const state = store.get();
    const over = state["saliency.place"] === "over";
    const alpha = Number(state["saliency.opacity"]) / 100;
    const [, , height, width] = app.input.shape;
    const [, , rows, columns] = sight.plane.shape;
    const under = { bitmap: seen, filter: "grayscale(1)" };
    const layer = {
      bitmap: over ? veil(bitmap, sight) : bitmap,
      width: columns,
      height: rows,
      smooth: rows < height ? true : undefined,
    };
    right.show({
      width,
      height,
      layers: sight.blank
        ? [{ ...under, alpha: 0.25 }]
        : over
          ? [under, { ...layer, alpha }]
          : [layer],
      label: `${shown.asked.method.title} of ${app.picture.title} for ${shown.asked.name}`,
    });
    pair.classList.toggle("over", over);
  }

  /** @param {Asked} asked */
  function resting({ kind, method }) {
    if (kind === "unit")
      return "Point at a pixel for its value; click one to ask about the unit there.";
    if (isGradient(method.id))
      return "Point at a pixel for its value; click one to test the gradient there.";
    return "Point at a pixel for its value.";
  }

  /** @param {{ x: number, y: number } | null} cell */
  function hover(cell) {
    if (!cell || !shown || !sight) {
      readout.show(null);
      return;
    }
    const [, , rows, columns] = sight.plane.shape;
    const [, , height, width] = app.input.shape;
    const y = Math.floor((cell.y * rows) / height);
    const x = Math.floor((cell.x * columns) / width);
    const { data, shape } = shown.map;
    const [, channels] = shape;
    const at = y * columns + x;
    const each = Array.from({ length: channels }, (_, channel) =>
      number(data[channel * rows * columns + at]),
    );
    const colours =
      channels === 3 && new Set(each).size > 1
        ? ` (red ${each[0]}, green ${each[1]}, blue ${each[2]})`
        : "";
    readout.show(`row ${cell.y}, column ${cell.x}: ${number(sight.plane.data[at])}${colours}`);
  }

  /** @param {{ x: number, y: number }} cell */
  function pick(cell) {
    if (!shown) return;
    if (shown.asked.kind === "unit") chooseUnit(cell);
    else if (isGradient(shown.asked.method.id)) void test(cell, shown);
  }

  /**
   * Asks about the unit whose receptive field is centred nearest to a pixel; the same one again asks for the channel.
   * @param {{ x: number, y: number }} cell
   */
  function chooseUnit(cell) {
    const { shape, receptiveField } = app.layer;
    const [, rows, columns] = shape;
    const nearest = (
      /** @type {number} */ pixel,
      /** @type {number} */ axis,
      /** @type {number} */ most,
    ) => {
      const { size, stride, start } = receptiveField;
      const place = Math.round((pixel - start[axis] - (size[axis] - 1) / 2) / stride[axis]);
      return Math.min(Math.max(place, 0), most - 1);
    };
    const y = nearest(cell.y, 0, rows);
    const x = nearest(cell.x, 1, columns);
    const state = store.get();
    const same = state["saliency.y"] === y && state["saliency.x"] === x;
    store.set({ "saliency.y": same ? null : y, "saliency.x": same ? null : x });
  }

  /**
   * Moves one value of the picture and looks what the score does.
   * @param {{ x: number, y: number }} cell
   * @param {{ asked: Asked, map: Tensor }} before
   */
  async function test(cell, before) {
    const { input } = app;
    const { asked } = before;
    const [, channels, height, width] = input.shape;
    left.mark({ chosen: cell });
    right.mark({ chosen: cell });
    const result = await app.work("saliency.test", async (until) => {
      const slopes = await app.net.gradient(input, asked.target, { signal: until });
      const places = Array.from(
        { length: channels },
        (_, channel) => channel * height * width + cell.y * width + cell.x,
      );
      const place = places.reduce((best, each) =>
        Math.abs(slopes.data[each]) > Math.abs(slopes.data[best]) ? each : best,
      );
      const moved = { data: input.data.slice(), shape: input.shape };
      moved.data[place] += STEP;
      const after = await app.net.value(moved, asked.target, { signal: until });
      return { slope: slopes.data[place], after, channel: places.indexOf(place) };
    });
    if (!result || signal.aborted || shown !== before) return;
    const { slope, after, channel } = result;
    const colour = channels === 3 ? `${["red", "green", "blue"][channel]} of ` : "";
    const probable = asked.of === "probability" && asked.kind !== "unit";
    const digits = probable ? 6 : 5;
    const what = asked.kind === "class" ? NAMES[asked.of] : "score";
    tested.textContent = `Raise ${colour}row ${cell.y}, column ${cell.x} by ${number(STEP)}: the gradient foretells ${fixed(slope * STEP, digits, true)}, the ${what} changes by ${fixed(after - value, digits, true)}.`;
  }

  return {
    element,
    pair,
    link,
    /** The score as a person reads it, `null` before it is known. @param {Asked} asked */
    score(asked) {
      if (Number.isNaN(value)) return null;
      return asked.of === "probability" && asked.kind === "class"
        ? percent(value)
        : number(value, 4);
    },
    /** @param {boolean} again whether the map itself is another one @param {Set<string>} changed */
    update(again, changed) {
      if (again) void compute();
      else if (changed.has("saliency.map") || changed.has("saliency.clip")) void paint();
      else compose();
    },
    leave: () => app.stop("saliency"),
  };
}

/** @param {string} id */
function isGradient(id) {
  return id === "saliency" || id === "gradient";
}
