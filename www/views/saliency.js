/**
 * Saliency: the gradient of a class's score (or its probability, or the loss) to the pixels of the picture. A click on
 * a pixel changes that pixel and compares what the gradient foretold with what happens.
 * @module
 */

import { fold, group, segmented, slider, toggle } from "../widgets/controls.js";
import { h, m } from "../widgets/dom.js";
import { fixed, number, percent } from "../widgets/format.js";
import { createLegend } from "../widgets/legend.js";
import { createLink, createPixels } from "../widgets/pixels.js";
import { createReadout } from "../widgets/readout.js";
import { clipAt, extent, reduce } from "./reduce.js";
import { createRivals } from "./rivals.js";
import { createHeading, createWords, figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/session.js").Tensor} Tensor
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../app/store.js").State} State
 * @typedef {import("./reduce.js").Reduction} Reduction
 * @typedef {"logit" | "probability" | "loss"} Of
 */

/** How far a clicked pixel is moved, in the network's own units. */
const STEP = 0.1;

/** What is differentiated, as a person says it. */
const NAMES = { logit: "logit", probability: "probability", loss: "cross-entropy" };

/**
 * @param {Of} of
 * @param {number} target
 */
function objective(of, target) {
  if (of === "probability") return { probability: target };
  return of === "loss" ? { loss: target } : { logit: target };
}

/**
 * The formula of the map.
 * @param {Of} of
 * @param {Reduction} reduction
 * @param {boolean} gray one channel, so that nothing is reduced
 * @param {boolean} large as a fraction instead of on one line
 */
function formula(of, reduction, gray, large) {
  const above =
    of === "loss"
      ? m("mi", {}, "L")
      : m("msub", {}, m("mi", {}, of === "logit" ? "S" : "p"), m("mi", {}, "c"));
  const below = gray ? m("mi", {}, "X") : m("msub", {}, m("mi", {}, "X"), m("mi", {}, "k"));
  const top = m("mrow", {}, m("mo", {}, "∂"), above);
  const bottom = m("mrow", {}, m("mo", {}, "∂"), below);
  const ratio = large
    ? m("mfrac", {}, top, bottom)
    : m("mrow", {}, top, m("mo", { stretchy: "false" }, "/"), bottom);
  const bar = () => m("mo", { stretchy: String(large) }, "|");
  const inner = reduction === "signed" ? ratio : m("mrow", {}, bar(), ratio, bar());
  if (gray) return m("math", { displaystyle: String(large) }, inner);
  const operator = m("mo", {}, reduction === "max" ? "max" : "∑");
  const over = m(large ? "munder" : "msub", {}, operator, m("mi", {}, "k"));
  return m("math", { displaystyle: String(large) }, over, m("mspace", { width: "0.2em" }), inner);
}

/**
 * @param {HTMLElement} root
 * @param {Store} store
 * @param {Session} app
 * @returns {Part}
 */
export function create(root, store, app) {
  const life = new AbortController();
  const { signal } = life;
  const heading = createHeading();
  const words = createWords();
  const link = createLink();
  const legend = createLegend(app.scope);
  const readout = createReadout(
    "Point at a pixel for its value; click one to test the gradient there.",
  );
  const left = createPixels({ label: "The picture", link, onHover: hover, onPick: test, signal });
  const right = createPixels({
    label: "The saliency map",
    link,
    onHover: hover,
    onPick: test,
    signal,
  });
  const picture = figure(left.element, "The picture");
  const map = figure(right.element);
  const flat = h("p", { class: "flat", hidden: true });
  const tested = h("p", { class: "check", "aria-live": "polite" });
  map.element.append(flat);
  const pair = h("div", { class: "pair" }, picture.element, map.element);
  const rivals = createRivals({
    app,
    link,
    onPick: (target) =>
      store.set({ target: target === app.prediction.top[0].index ? null : target }),
    signal,
  });
  root.append(
    heading.element,
    pair,
    rivals.element,
    h("div", { class: "under" }, legend.element, readout.element, tested),
    words.element,
  );

  const state = store.get();
  const of = segmented({
    label: "Gradient of the",
    options: [
      { value: "logit", label: "Logit" },
      { value: "probability", label: "Probability" },
      { value: "loss", label: "Loss", title: "Cross-entropy against the class" },
    ],
    value: /** @type {Of} */ (state["saliency.of"]),
    onChange: (value) => store.set({ "saliency.of": value }),
    signal,
  });
  const opacity = slider({
    label: "Over the picture",
    min: 0,
    max: 100,
    step: 1,
    value: Number(state["saliency.opacity"]),
    text: (value) => `${value} %`,
    onInput: (value) => store.set({ "saliency.opacity": value }, { replace: true }),
    signal,
  });
  const place = segmented({
    label: "The map lies",
    options: [
      { value: "beside", label: "Beside" },
      { value: "over", label: "Over the picture" },
    ],
    value: String(state["saliency.place"]),
    onChange: (value) => store.set({ "saliency.place": value }),
    signal,
  });
  const reduction = segmented({
    label: "Colours of a pixel as",
    options: [
      { value: "max", label: "Largest", title: "The largest absolute value over the channels" },
      { value: "sum", label: "Sum", title: "The sum of absolute values over the channels" },
      { value: "signed", label: "Signed", title: "The sum over the channels with its sign" },
    ],
    value: /** @type {Reduction} */ (state["saliency.map"]),
    onChange: (value) => store.set({ "saliency.map": value }),
    signal,
  });
  const clip = slider({
    label: "Brightest at the percentile",
    min: 90,
    max: 100,
    step: 0.5,
    value: Number(state["saliency.clip"]),
    text: (value) => `${value} %`,
    onInput: (value) => store.set({ "saliency.clip": value }, { replace: true }),
    signal,
  });
  const compare = toggle({
    label: "Compare five classes",
    value: Boolean(state["saliency.compare"]),
    onChange: (value) => store.set({ "saliency.compare": value }),
    signal,
  });
  const meaning = h("div", { class: "formula" });
  app.controls.replaceChildren(
    group("Map", of.element, reduction.element),
    group("Show", place.element, opacity.element, compare.element),
    fold("Clipping", clip.element),
    fold("Formula", meaning),
  );

  /** @type {Tensor | null} */
  let gradient = null;
  /** @type {Tensor | null} */
  let reduced = null;
  let value = 0;
  /** @type {ImageBitmap | null} */
  let seen = null;

  const options = () => {
    const now = store.get();
    return {
      of: /** @type {Of} */ (now["saliency.of"]),
      reduction: /** @type {Reduction} */ (now["saliency.map"]),
      clip: Number(now["saliency.clip"]),
      over: now["saliency.place"] === "over",
      opacity: Number(now["saliency.opacity"]) / 100,
      compare: now["saliency.compare"] === true,
    };
  };

  async function differentiate() {
    const { of: what } = options();
    const { target } = app;
    const result = await app.work("saliency", async (until) => {
      const both = await app.net.gradient(app.input, objective(what, target), {
        wrt: ["input"],
        signal: until,
      });
      const bitmap = await createImageBitmap(app.seen);
      return { both, bitmap };
    });
    if (!result || signal.aborted) return;
    gradient = /** @type {Tensor} */ (result.both.input);
    value = /** @type {number} */ (result.both.value);
    seen = result.bitmap;
    tested.textContent = "";
    left.mark({ chosen: null });
    right.mark({ chosen: null });
    await paint();
  }

  async function paint() {
    if (!gradient || !seen) return;
    const { of: what, reduction: how, clip: percentile } = options();
    const picked = reduce(gradient, how);
    reduced = picked;
    const [low, high] = extent(picked.data);
    const most = clipAt(picked.data, percentile) || Math.max(-low, high);
    const signedMap = how === "signed";
    const painted = await app.work("saliency.paint", () =>
      app.scope.paint(
        picked,
        signedMap
          ? { map: "diverging", scale: [-most, most] }
          : { map: "sequential", scale: [0, most] },
      ),
    );
    if (!painted || signal.aborted || !seen) return;
    const [height, width] = painted.tile;
    bitmap = painted.bitmap;
    const still = low === high;
    flat.hidden = !still;
    if (still) flat.textContent = flatSentence(what, low);
    legend.element.hidden = still;
    legend.show({
      map: signedMap ? "diverging" : "sequential",
      low: signedMap ? -most : 0,
      high: most,
      label: "Gradient",
      note:
        percentile < 100
          ? `per unit of X; ${number(100 - percentile)} % of the pixels lie beyond`
          : "per unit of X",
    });
    left.show({
      width,
      height,
      layers: [{ bitmap: seen }],
      label: `${app.picture.title}, as the network sees it`,
    });
    picture.caption(app.picture.title);
    map.caption(
      still
        ? "Nothing to see"
        : signedMap
          ? "Where brighter would raise it, and where lower it"
          : "The most sensitive pixels",
    );
    compose();
    say(what, how, still);
  }

  /** @type {ImageBitmap | null} */
  let bitmap = null;

  function showRivals() {
    const { of: what, reduction: how, compare: wanted, ...rest } = options();
    rivals.element.hidden = !wanted;
    root.classList.toggle("compared", wanted);
    if (wanted)
      void rivals.show({ of: (target) => objective(what, target), reduction: how, ...rest });
    else app.stop("rivals");
  }

  function compose() {
    if (!bitmap || !seen || !reduced) return;
    const { over, opacity: alpha, reduction: how } = options();
    const [, , height, width] = reduced.shape;
    const under = { bitmap: seen, filter: "grayscale(1)" };
    const still = !flat.hidden;
    right.show({
      width,
      height,
      layers: still
        ? [{ ...under, alpha: 0.25 }]
        : over
          ? [under, { bitmap, alpha }]
          : [{ bitmap }],
      label: `Saliency of ${app.picture.title} for ${app.targetLabel}, ${how === "signed" ? "signed" : "absolute"}`,
    });
    opacity.element.classList.toggle("off", !over);
    opacity.element.inert = !over;
    pair.classList.toggle("over", over);
  }

  /**
   * @param {Of} what
   * @param {Reduction} how
   * @param {boolean} still
   */
  function say(what, how, still) {
    const gray = app.input.shape[1] === 1;
    const name = app.targetLabel;
    if (what === "loss") heading.say("Which pixels would lower the loss for ", { name }, "?");
    else if (app.target === app.prediction.top[0].index)
      heading.say("Which pixels make it say ", { name }, "?");
    else heading.say("Which pixels would make it say ", { name }, "?");
    const channels = gray
      ? ""
      : how === "max"
        ? ", the largest of the three colours"
        : how === "sum"
          ? ", summed over the three colours"
          : ", summed with their signs";
    const shown = what === "probability" ? percent(value) : number(value, 4);
    words.say(
      how === "signed"
        ? [
            `Orange pixels raise the ${NAMES[what]} of ${name} (now ${shown}) when they get brighter, blue ones lower it: `,
            formula(what, how, gray, false),
            ".",
          ]
        : [
            `Bright pixels change the ${NAMES[what]} of ${name} (now ${shown}) most when they change a little: `,
            formula(what, how, gray, false),
            `${channels}.`,
          ],
      still
        ? [
            "A zero gradient does not say that no pixel matters: the score only does not move for tiny changes.",
          ]
        : [
            "Sensitive is not the same as important: the map says what a tiny change would do, not what the network has used.",
          ],
    );
    meaning.replaceChildren(
      formula(what, how, gray, true),
      h(
        "p",
        { class: "muted small" },
        what === "logit"
          ? "S is the score of class c before softmax, X the picture after preprocessing."
          : what === "probability"
            ? "p is the softmax probability of class c; near 0 and 1 it hardly moves, and its gradient fades."
            : "L is −log p of class c; its gradient weighs all classes.",
      ),
    );
  }

  /**
   * @param {Of} what
   * @param {number} level
   */
  function flatSentence(what, level) {
    if (level !== 0)
      return `The gradient is ${number(level)} at every pixel: this map cannot prefer one to another.`;
    if (what === "logit")
      return "The gradient is zero at every pixel: no path from a pixel to this score is open, for example because every rectifier on the way is closed.";
    const p = percent(app.prediction.probabilities.data[app.target]);
    return `The gradient is zero at every pixel: the probability is ${p}, so sure that no small change moves it. The logit still has a gradient.`;
  }

  /** @param {{ x: number, y: number } | null} cell */
  function hover(cell) {
    if (!cell || !gradient || !reduced) {
      readout.show(null);
      return;
    }
    const [, channels, height, width] = gradient.shape;
    const at = cell.y * width + cell.x;
    const each = Array.from({ length: channels }, (_, channel) =>
      number(gradient?.data[channel * height * width + at] ?? 0),
    );
    const colours = channels === 3 ? ` (red ${each[0]}, green ${each[1]}, blue ${each[2]})` : "";
    readout.show(`row ${cell.y}, column ${cell.x}: ${number(reduced.data[at])}${colours}`);
  }

  /**
   * Moves one value of the picture and looks what the score does.
   * @param {{ x: number, y: number }} cell
   */
  async function test(cell) {
    if (!gradient) return;
    const [, channels, height, width] = gradient.shape;
    const places = Array.from(
      { length: channels },
      (_, channel) => channel * height * width + cell.y * width + cell.x,
    );
    const before = gradient;
    const place = places.reduce((best, each) =>
      Math.abs(before.data[each]) > Math.abs(before.data[best]) ? each : best,
    );
    left.mark({ chosen: cell });
    right.mark({ chosen: cell });
    const moved = { data: app.input.data.slice(), shape: app.input.shape };
    moved.data[place] += STEP;
    const what = options().of;
    const after = await app.work("saliency.test", (until) =>
      app.net.value(moved, objective(what, app.target), { signal: until }),
    );
    if (after === undefined || signal.aborted || gradient !== before) return;
    const colour = channels === 3 ? `${["red", "green", "blue"][places.indexOf(place)]} of ` : "";
    const foretold = before.data[place] * STEP;
    const digits = what === "probability" ? 6 : 5;
    tested.textContent = `Raise ${colour}row ${cell.y}, column ${cell.x} by ${number(STEP)}: the gradient foretells ${fixed(foretold, digits, true)}, the ${NAMES[what]} changes by ${fixed(after - value, digits, true)}.`;
  }

  return {
    update(next, changed) {
      of.set(/** @type {Of} */ (next["saliency.of"]));
      place.set(String(next["saliency.place"]));
      reduction.set(/** @type {Reduction} */ (next["saliency.map"]));
      clip.set(Number(next["saliency.clip"]));
      opacity.set(Number(next["saliency.opacity"]));
      compare.set(next["saliency.compare"] === true);
      const again = ["net", "input", "weights", "target", "prediction", "saliency.of"].some((key) =>
        changed.has(key),
      );
      if (again) void differentiate();
      else if (changed.has("saliency.map") || changed.has("saliency.clip")) void paint();
      else compose();
      if (again || [...changed].some((key) => key.startsWith("saliency."))) showRivals();
    },
    destroy() {
      life.abort();
    },
  };
}
