/**
 * What single pixels can do: every pixel painted in every colour, as a map of how much the answer loses. A click paints a
 * pixel, and the answer follows.
 * @module
 */

import { button, fold, group, segmented, slider } from "../widgets/controls.js";
import { h, on, refill } from "../widgets/dom.js";
import { count, fixed, percent } from "../widgets/format.js";
import { createLegend } from "../widgets/legend.js";
import { createLink, createPixels } from "../widgets/pixels.js";
import { createReadout } from "../widgets/readout.js";
import { math, row, sub } from "./math.js";
import { dab, HUES, readDots, spread, writeDots } from "./robustness-dots.js";
import { bitmapOf, createAnswers, said } from "./robustness-sight.js";
import { isLittle } from "./saliency-cost.js";
import { createRun } from "./saliency-run.js";
import { figure } from "./words.js";

/**
 * @typedef {import("../convscope.js").PixelMap} PixelMap
 * @typedef {{ x: number, y: number }} Cell
 */

/** Strides that are offered for a large picture. */
const STRIDES = [1, 2, 4, 8, 16];

/** How many times more than elsewhere a map may cost unasked, as it shows what it has. */
const PATIENCE = 4;

/** The pixels that hurt most, as buttons. */
const WORST = 5;

/**
 * @param {import("./robustness.js").Place} place
 * @returns {import("./robustness.js").Way}
 */
export function createSinglePixels({ app, store, heading, words, signal }) {
  const link = createLink();
  const readout = createReadout("");
  const legend = createLegend(app.scope);
  const left = createPixels({ label: "The picture", link, onHover: hover, onPick: pick, signal });
  const right = createPixels({ label: "The damage", link, onHover: hover, onPick: pick, signal });
  const picture = figure(left.element, "");
  const damage = figure(right.element, "");
  const answers = createAnswers();
  const worst = h("ol", { class: "worst-pixels", "aria-label": "The pixels that hurt most" });
  const run = createRun({ onStart: () => void compute(), onStop: stop, signal });
  const verdict = h("p", { class: "verdict", role: "status" });
  const element = h(
    "div",
    { class: "pixel-damage" },
    h(
      "div",
      { class: "sights" },
      picture.element,
      damage.element,
      h("div", { class: "beside" }, answers.element, worst),
    ),
    h("div", { class: "row map-key" }, legend.element, run.element),
    verdict,
    readout.element,
  );

  const state = () => store.get();
  const stride = segmented({
    label: "Places, one every … pixels",
    options: STRIDES.map((value) => ({ value: String(value), label: String(value) })),
    value: String(strideNow()),
    onChange: (value) => store.set({ "robustness.stride": Number(value) }),
    signal,
  });
  const size = slider({
    label: "Side of the dot",
    min: 1,
    max: 8,
    step: 1,
    value: sizeNow(),
    text: (value) => (value === 1 ? "1 pixel" : `${value} pixels`),
    onInput: (value) => store.set({ "robustness.dot": value }, { replace: true }),
    signal,
  });
  const cost = h("p", { class: "small muted" });
  const clear = button({ label: "Take the dots off", onClick: () => setDots([]), signal });

  const evolve = [1, 3, 5].map((pixels) =>
    button({
      label: String(pixels),
      title: `Differential evolution over ${pixels === 1 ? "one pixel" : `${pixels} pixels`}, drawn as it moves`,
      onClick: () =>
        store.set({
          "robustness.mode": "attack",
          "robustness.attack": "single_pixel",
          "robustness.options": `pixels:${pixels},search:evolution`,
        }),
      signal,
    }),
  );

  /** @type {PixelMap | null} */
  let map = null;
  let turn = 0;
  /** The picture that dots lie on. */
  let known = "";

  /** Pixels between places: the state's, else what a look costs little at. */
  function strideNow() {
    const wanted = Number(state()["robustness.stride"]);
    if (STRIDES.includes(wanted)) return wanted;
    return STRIDES.find((each) => affordable(each)) ?? 16;
  }

  function sizeNow() {
    const wanted = Number(state()["robustness.dot"]);
    return wanted >= 1 && wanted <= 8 ? Math.round(wanted) : 1;
  }

  /** @param {number} every */
  function asks(every) {
    const [, channels, height, width] = app.net.input.shape;
    return Math.ceil(height / every) * Math.ceil(width / every) * (channels === 3 ? 8 : 2);
  }

  /** @param {number} every */
  function affordable(every) {
    return isLittle(asks(every) / PATIENCE, app.net, app.scope);
  }

  /** The dots that are painted. */
  function dots() {
    return readDots(String(state()["robustness.dots"]), app.input);
  }

  /** @param {{ x: number, y: number, name: string }[]} list */
  function setDots(list) {
    store.set({ "robustness.dots": writeDots(list) });
  }

  async function compute() {
    turn += 1;
    const mine = turn;
    const every = strideNow();
    map = null;
    run.start();
    const found = await app.work("pixels", (until) =>
      app.net.pixelMap(app.input, {
        target: app.target,
        stride: every,
        size: sizeNow(),
        units: "pixels",
        signal: until,
        onProgress: run.step,
        onStep: (/** @type {PixelMap} */ step) => {
          if (mine !== turn) return;
          map = step;
          void paint(every);
        },
      }),
    );
    if (mine !== turn || signal.aborted) return;
    if (found) {
      map = found;
      run.end();
      await paint(every);
    } else if (!app.isWorking("pixels")) run.end();
  }

  function stop() {
    app.stop("pixels");
    run.stopped();
  }

  /**
   * The map as far as it is known, each place as large as its stride; coarse places stand in for those that are not asked yet.
   * @param {number} every
   */
  async function paint(every) {
    if (!map) return;
    const shown = map;
    const filled = spread(shown.fall);
    const most = Math.max(0.01, ...filled.data);
    const painted = await app.work("pixels.paint", () =>
      app.scope.paint(filled, { map: "sequential", scale: [0, most] }),
    );
    if (!painted || signal.aborted || map !== shown) return;
    const [, , height, width] = app.input.shape;
    right.show({
      width,
      height,
      layers: [
        // The last places may reach beyond the picture.
        { bitmap: painted.bitmap, width: width / every, height: height / every, smooth: false },
      ],
      label: `The greatest fall of ${app.targetLabel} by one pixel`,
    });
    damage.caption(`Fall of ${app.targetLabel}`);
    legend.show({
      map: "sequential",
      low: 0,
      high: most,
      label: "Fall of the probability",
      note: `of ${fixed(shown.before, 3)}, by the worst colour`,
    });
    tell(shown, every);
  }

  /**
   * @param {PixelMap} shown
   * @param {number} every
   */
  function tell(shown, every) {
    const flips = [...shown.flips].filter((flip) => flip >= 0).length;
    const places = shown.flips.length;
    const part =
      shown.done < shown.total
        ? `So far, ${count(shown.done)} of ${count(shown.total)} asked: `
        : "";
    const what = sizeNow() === 1 ? "pixels" : "places";
    verdict.textContent = `${part}${flips} of ${places} ${what} can change the answer, each alone.`;
    const order = Array.from(shown.fall.data.keys())
      .filter((place) => shown.fall.data[place] > 0)
      .sort((a, b) => shown.fall.data[b] - shown.fall.data[a])
      .slice(0, WORST);
    refill(
      worst,
      ...order.map((place) => {
        const cell = cellOf(place, every);
        const name = HUES[shown.color[place]]?.[0] ?? "";
        const each = h(
          "button",
          { type: "button", title: `Paint row ${cell.y}, column ${cell.x} ${name}` },
          h("span", { class: `dot-of ${name}`, "aria-hidden": true }),
          h("span", { class: "name" }, `${cell.y}, ${cell.x}`),
          h("span", { class: "number muted" }, percent(shown.fall.data[place])),
        );
        on(each, "click", () => pick(cell), signal);
        return h("li", {}, each);
      }),
    );
  }

  /** @param {number} place @param {number} every @returns {Cell} */
  function cellOf(place, every) {
    const columns = map?.fall.shape[3] ?? 1;
    return { x: (place % columns) * every, y: Math.floor(place / columns) * every };
  }

  /** @param {Cell} cell */
  function placeOf(cell) {
    if (!map) return -1;
    const every = strideNow();
    return Math.floor(cell.y / every) * map.fall.shape[3] + Math.floor(cell.x / every);
  }

  /** @param {Cell | null} cell */
  function hover(cell) {
    const place = cell ? placeOf(cell) : -1;
    const fall = map?.fall.data[place];
    if (!cell || !map || fall === undefined || Number.isNaN(fall)) {
      readout.show(null);
      return;
    }
    const answer = app.label(map.answer[place]);
    const moved = fall >= 0 ? `falls by ${percent(fall)}` : `rises by ${percent(-fall)}`;
    readout.show(
      `row ${cell.y}, column ${cell.x}: ${HUES[map.color[place]]?.[0]} is worst, ${app.targetLabel} ${moved}; it says ${answer} ${percent(map.probability.data[place])}`,
    );
  }

  /**
   * Paints the worst colour at a place, or takes it off again.
   * @param {Cell} cell
   */
  function pick(cell) {
    const place = placeOf(cell);
    if (!map || place < 0) return;
    const { x, y } = cellOf(place, strideNow());
    const others = dots().filter((dot) => dot.x !== x || dot.y !== y);
    const same = others.length < dots().length;
    const name = HUES[map.color[place]]?.[0] ?? "black";
    setDots(same ? others : [...others, { x, y, name }]);
  }

  async function look() {
    const list = dots();
    const made = await app.work("pixels.look", async (until) => {
      const { net, input } = app;
      const tensor = { data: input.data.slice(), shape: input.shape };
      for (const dot of list) dab(net, tensor, dot, sizeNow());
      const prediction = await net.predict(tensor, { top: 5, signal: until });
      return { tensor, prediction, bitmap: await bitmapOf(net, tensor) };
    });
    if (!made || signal.aborted) return;
    const [, , height, width] = app.input.shape;
    left.show({ width, height, layers: [{ bitmap: made.bitmap }], label: app.picture.title });
    const side = sizeNow();
    const boxes = list.map(({ x, y }) => ({ x, y, width: side, height: side }));
    left.mark({ boxes });
    right.mark({ boxes });
    picture.caption(said(made.prediction.top[0]));
    answers.show(app.net, app.prediction, list.length > 0 ? made.prediction : null);
    clear.disabled = list.length === 0;
  }

  function say() {
    heading.say("Which single pixel hurts ", { name: app.targetLabel }, " most?");
    words.say(
      [
        `Every ${sizeNow() === 1 ? "pixel" : "place"} is painted black, white${app.input.shape[1] === 3 ? " and six hues" : ""}, and the network asked again each time: `,
        math(
          row(
            "max",
            "(",
            sub("P", "c"),
            "(",
            "X",
            ")",
            "−",
            sub("P", "c"),
            "(",
            sub("X", "p"),
            ")",
            ")",
          ),
          false,
        ),
        ".",
      ],
      [
        "All of one pixel is known here, nothing of two: pixels that hurt little alone may hurt much together (after Su, Vargas, Sakurai 2019).",
      ],
    );
    readout.rest("Point at a pixel for what it does; click it to paint it.");
  }

  return {
    element,
    controls: [
      group("Single pixels", stride.element, size.element, cost, clear),
      group("Evolve pixels, together", h("div", { class: "buttons" }, ...evolve)),
      fold(
        "What is tried",
        h(
          "p",
          { class: "small" },
          "Black and white, and for colour pictures red, yellow, green, cyan, blue and magenta: the corners of the cube of colours, which lie farthest from whatever was there.",
        ),
      ),
    ],
    update(again, keys) {
      const every = strideNow();
      stride.set(String(every));
      stride.element.hidden = affordable(1) && !state()["robustness.stride"];
      size.set(sizeNow());
      cost.textContent = affordable(every)
        ? `${count(asks(every))} questions to the network.`
        : `${count(asks(every))} questions to the network, of ${count(asks(1))} for every pixel: this takes a while.`;
      say();
      const anew = again || keys.has("robustness.stride") || keys.has("robustness.dot");
      if (known !== "" && known !== app.picture.id) setDots([]);
      known = app.picture.id;
      void look();
      if (!anew) return;
      map = null;
      if (affordable(every) || !again) void compute();
      else wait(every);
    },
    leave() {
      app.stop("pixels");
      app.stop("pixels.look");
    },
  };

  /**
   * What costs much begins when it is told to.
   * @param {number} every
   */
  function wait(every) {
    run.stopped();
    const [, , height, width] = app.input.shape;
    void createImageBitmap(app.seen).then((bitmap) =>
      right.show({ width, height, layers: [{ bitmap, filter: "grayscale(1)", alpha: 0.25 }] }),
    );
    damage.caption(`Fall of ${app.targetLabel}`);
    worst.replaceChildren();
    verdict.textContent = `Start asks the network ${count(asks(every))} times; the map sharpens meanwhile.`;
  }
}
