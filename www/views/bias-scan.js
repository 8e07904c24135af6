/**
 * The scan of a labelled set: mean maps by class, hot spots beside the object, the counterfactual, groups of maps, what
 * other methods would have shown, and the cure.
 * @module
 */

import { button, fold, group, segmented, select, slider } from "../widgets/controls.js";
import { h, on } from "../widgets/dom.js";
import { percent } from "../widgets/format.js";
import { createLegend } from "../widgets/legend.js";
import { createPixels } from "../widgets/pixels.js";
import { createGroups } from "./bias-groups.js";
import { BLACK, COAT, MARK, WHITE } from "./shortcut.js";
import { createHeading, createWords, figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../convscope.js").Area} Area
 * @typedef {import("../convscope.js").BiasScan} BiasScan
 * @typedef {import("../convscope.js").BiasScanOptions} BiasScanOptions
 * @typedef {import("../convscope.js").Dataset} Dataset
 * @typedef {import("../widgets/pixels.js").Box} Box
 */

/** Pictures of each class that are scanned. */
const PER_CLASS = 8;

/** What the methods are called, and how each is asked. @type {Record<string, { name: string, options: BiasScanOptions }>} */
const METHODS = {
  occlusion: {
    name: "Occlusion",
    options: { method: "occlusion", window: 4, stride: 2 },
  },
  integrated_gradients: {
    name: "Integrated gradients",
    options: { method: "integrated_gradients", steps: 20 },
  },
  gradient: { name: "Gradient", options: { method: "gradient" } },
};

/** The cure: steps on pictures where the mark says nothing. */
const CURE = {
  steps: 150,
  batch: 32,
  optimizer: /** @type {const} */ ("adam"),
  learningRate: 2e-3,
  seed: 1,
};

/** A fall of the mean confidence by less than this is none. */
const MATTERS = 0.05;

/** The share of all pictures that carries the mark then. */
const SPREAD = 0.3;

/**
 * @param {HTMLElement} root
 * @param {Store} store
 * @param {Session} app
 * @param {AbortSignal} signal
 * @returns {{ update: Part["update"] }}
 */
export function createScan(root, store, app, signal) {
  const heading = createHeading();
  const words = createWords();
  const legend = createLegend(app.scope);
  const grid = h("ul", { class: "class-maps", "aria-label": "Mean map of each class" });
  const large = createPixels({ label: "The chosen class", signal });
  const one = figure(large.element);
  const effect = h("div", { class: "effects" });
  const groups = createGroups(app, signal);
  root.append(
    heading.element,
    h(
      "div",
      { class: "scan" },
      h("div", { class: "overview" }, grid, groups.element),
      h("div", { class: "close" }, one.element, effect),
    ),
    h("div", { class: "under" }, legend.element),
    words.element,
  );

  const method = select({
    label: "Maps by",
    options: Object.entries(METHODS).map(([value, { name }]) => ({ value, label: name })),
    value: methodOf(),
    onChange: (value) => store.set({ "bias.method": value }),
    signal,
  });
  const data = segmented({
    label: "Pictures",
    options: [
      { value: "fashion-biased", label: "Coats marked", title: "As fashion-biased was trained" },
      { value: "fashion", label: "As they are" },
    ],
    value: dataOf(),
    onChange: (value) => store.set({ "bias.data": value }),
    signal,
  });
  const undraw = button({
    label: "Forget the region",
    kind: "quiet",
    onClick: () => setArea(null),
    signal,
  });
  const compare = button({
    label: "Compare methods",
    onClick: () => void compareMethods(),
    signal,
  });
  const without = button({
    label: "Retrain without the mark",
    title: `${CURE.steps} steps on pictures that have no mark`,
    onClick: () => void heal(false),
    signal,
  });
  const spread = button({
    label: "Retrain, mark on any class",
    title: `${CURE.steps} steps on pictures of which three in ten have the mark, whatever they show`,
    onClick: () => void heal(true),
    signal,
  });
  const table = h("dl", { class: "facts" });
  const numbers = /** @type {const} */ (["top", "left", "height", "width"]).map((side) =>
    slider({
      label: { top: "First row", left: "First column", height: "Rows", width: "Columns" }[side],
      min: side === "top" || side === "left" ? 0 : 1,
      max: side === "top" || side === "left" ? 27 : 28,
      step: 1,
      value: 1,
      onInput: (value) => {
        const next = { ...(area() ?? { top: 0, left: 0, height: 4, width: 4 }), [side]: value };
        setArea({
          ...next,
          height: Math.min(next.height, 28 - next.top),
          width: Math.min(next.width, 28 - next.left),
        });
      },
      signal,
    }),
  );
  app.controls.replaceChildren(
    group("Bias", method.element, data.element, undraw),
    group("Methods differ", compare, table),
    group("Cure", without, spread),
    fold("Region by numbers", ...numbers.map(({ element }) => element)),
    fold(
      "What is beside the object?",
      h(
        "p",
        {},
        "The background, what stands alone near the border without reaching the middle of the picture, and what is the same in most pictures of a class. A hot spot holds 10 % of a class's positive evidence there, in a square of a fifth of the picture.",
      ),
    ),
  );

  /** @type {BiasScan | null} */
  let found = null;
  /** @type {Dataset | null} */
  let set = null;
  let setId = "";
  let scanned = "";
  /** Answers for each class with the region painted black. @type {import("../convscope.js").Contrast[] | null} */
  let erased = null;
  /** The last hot spot that was found. @type {Area | null} */
  let before = null;
  /** @type {{ element: HTMLElement, pixels: import("../widgets/pixels.js").Pixels, name: HTMLElement, share: HTMLElement }[]} */
  let tiles = [];

  function methodOf() {
    const value = String(store.get()["bias.method"]);
    return Object.hasOwn(METHODS, value) ? value : "occlusion";
  }

  function dataOf() {
    const value = String(store.get()["bias.data"]);
    if (value === "fashion" || value === "fashion-biased") return value;
    return "fashion-biased";
  }

  /** The region drawn by hand. @returns {Area | null} */
  function drawn() {
    const state = store.get();
    const [top, left, height, width] = ["top", "left", "height", "width"].map((key) =>
      Number(state[`bias.${key}`] ?? -1),
    );
    return height > 0 && width > 0 ? { top, left, height, width } : null;
  }

  /** @param {Area | null} area */
  function setArea(area) {
    store.set({
      "bias.top": area?.top ?? null,
      "bias.left": area?.left ?? null,
      "bias.height": area?.height ?? null,
      "bias.width": area?.width ?? null,
    });
  }

  /** The region in question: the drawn one, else the strongest hot spot, else the one that was there before the cure. */
  function area() {
    return drawn() ?? found?.hotSpots[0]?.box ?? before;
  }

  function classOf() {
    const value = store.get()["bias.class"];
    if (typeof value === "number" && value >= 0 && value < app.net.labels.length) return value;
    return found?.hotSpots[0]?.class ?? found?.ranking[0] ?? 0;
  }

  /**
   * @param {string} id
   * @param {AbortSignal} until
   */
  async function dataset(id, until) {
    if (setId !== id || !set) {
      set = await app.scope.dataset(id, { signal: until });
      setId = id;
    }
    return set;
  }

  async function scan() {
    const id = dataOf();
    const { name, options } = METHODS[methodOf()];
    heading.say("Where does ", { name: app.net.name }, " look?");
    const result = await app.work("bias", async (until) => {
      const { images, labels } = await dataset(id, until);
      const onProgress = (/** @type {import("../convscope.js").Progress} */ at) =>
        app.display.progress({
          label: `${name} over ${at.total ?? ""} pictures`,
          loaded: at.done,
          total: at.total,
          stop: () => app.stop("bias"),
        });
      const region = drawn() ?? undefined;
      try {
        return await app.net.biasScan(
          { images, labels },
          { ...options, perClass: PER_CLASS, region, signal: until, onProgress },
        );
      } finally {
        app.display.progress(null);
      }
    });
    if (!result || signal.aborted) return;
    found = result;
    erased = null;
    scanned = key();
    before = found.hotSpots[0]?.box ?? before;
    table.replaceChildren();
    await paint();
    await Promise.all([question(), groups.show(found, await dataset(id, signal))]);
  }

  /** What the scan depends on. */
  function key() {
    return JSON.stringify([app.net.name, methodOf(), dataOf(), drawn()]);
  }

  async function paint() {
    const scan = found;
    if (!scan) return;
    const [classes, height, width] = scan.meanMaps.shape;
    const painted = await app.work("bias.paint", async () => ({
      each: await app.scope.paint(
        { data: scan.meanMaps.data, shape: [1, classes, height, width] },
        { map: "diverging", scale: "signed_each" },
      ),
    }));
    if (!painted || signal.aborted || found !== scan) return;
    const { bitmap, columns, ranges } = painted.each;
    if (tiles.length !== classes) build(classes);
    const at = classOf();
    for (const [index, { element, pixels, name, share }] of tiles.entries()) {
      pixels.show({
        width,
        height,
        layers: [
          {
            bitmap,
            x: (index % columns) * width,
            y: Math.floor(index / columns) * height,
            width,
            height,
          },
        ],
        label: `Mean map of ${app.label(index)}`,
      });
      pixels.mark({ boxes: boxesOf(index) });
      name.textContent = app.label(index);
      share.textContent = percent(scan.share[index]);
      element.setAttribute("aria-pressed", String(index === at));
      element.classList.toggle(
        "hot",
        scan.hotSpots.some((spot) => spot.class === index),
      );
    }
    large.show({
      width,
      height,
      layers: [
        {
          bitmap,
          x: (at % columns) * width,
          y: Math.floor(at / columns) * height,
          width,
          height,
        },
      ],
      label: `Mean map of ${app.label(at)}; drag to draw a region`,
    });
    large.mark({ boxes: boxesOf(at) });
    one.caption(`${app.label(at)}: drag to draw a region`);
    legend.show({
      map: "diverging",
      low: ranges[2 * at],
      high: ranges[2 * at + 1],
      label: "Mean attribution",
      note: `${app.label(at)}; every map has its own range, white is zero`,
    });
    describe(scan);
  }

  /** @param {number} index of a class */
  function boxesOf(index) {
    const region = drawn();
    /** @type {Box[]} */
    const boxes = (found?.hotSpots ?? [])
      .filter((spot) => spot.class === index)
      .map(({ box }) => ({ x: box.left, y: box.top, width: box.width, height: box.height }));
    if (region)
      boxes.push({
        x: region.left,
        y: region.top,
        width: region.width,
        height: region.height,
        dashed: true,
      });
    return boxes;
  }

  /** @param {number} classes */
  function build(classes) {
    tiles = Array.from({ length: classes }, (_, index) => {
      const pixels = createPixels({ label: app.label(index), signal });
      const name = h("span", { class: "name" });
      const share = h("span", { class: "number" });
      const element = h(
        "button",
        { type: "button", "aria-pressed": false },
        h("span", { class: "caption" }, name, share),
        pixels.element,
      );
      on(element, "click", () => store.set({ "bias.class": index }, { replace: true }), signal);
      return { element, pixels, name, share };
    });
    grid.replaceChildren(...tiles.map(({ element }) => h("li", {}, element)));
  }

  /** @param {BiasScan} scan */
  function describe(scan) {
    const [spot] = scan.hotSpots;
    const region = drawn();
    if (spot) {
      heading.say(
        { name: app.label(spot.class) },
        `: ${percent(spot.share)} of the evidence lies in one place beside the object`,
        verdict() === false ? ", yet painting it over changes little" : "",
      );
    } else heading.say({ name: app.net.name }, " looks at the objects: no hot spot beside them");
    words.say(
      [
        "Mean maps of each class over its own pictures: orange speaks for the class. ",
        region
          ? "The numbers are the share of the positive evidence inside the dashed region."
          : "The numbers are the share of the positive evidence beside the object.",
      ],
      [
        methodOf() === "gradient"
          ? "The gradient shows where a small change would matter, not what was used: it hides most of a mark that is fully there."
          : "A share says where the answer comes from, not that this is wrong: the counterfactual does. Retraining without the mark teaches what coats look like, but does not unlearn it.",
      ],
    );
  }

  /** Whether painting over the strongest hot spot costs its class; `null` while that was not asked. */
  function verdict() {
    const spot = found?.hotSpots[0];
    const contrast = erased?.find((each) => each.class === spot?.class);
    return contrast && !drawn()
      ? contrast.before.confidence - contrast.after.confidence > MATTERS
      : null;
  }

  /** The counterfactual for the region in question. */
  async function question() {
    const region = area();
    if (!region || !found) {
      effect.replaceChildren(
        h("p", { class: "muted" }, "No region to paint over: drag one on the map above."),
      );
      return;
    }
    const at = classOf();
    const got = await app.work("bias.question", async (until) => {
      const { images, labels } = await dataset(dataOf(), until);
      const ask = (/** @type {number} */ value) =>
        app.net.counterfactual({ images, labels }, { ...region, value, signal: until });
      return { erased: await ask(BLACK), planted: await ask(WHITE) };
    });
    if (!got || signal.aborted) return;
    erased = got.erased;
    if (found) describe(found);
    const own = got.erased.find((each) => each.class === at);
    const others = got.planted.filter((each) => each.class !== at);
    if (!own) return;
    const count = others.reduce((sum, each) => sum + each.count, 0);
    const mean = (/** @type {(each: import("../convscope.js").Contrast) => number} */ value) =>
      others.reduce((sum, each) => sum + each.count * value(each), 0) / Math.max(count, 1);
    const label = app.label(at);
    const rows = /** @type {[string, number, number][]} */ ([
      [`${label} recognised, painted black`, own.before.accuracy, own.after.accuracy],
      [`confidence in ${label}`, own.before.confidence, own.after.confidence],
      [
        `others taken for ${label}, painted white`,
        mean((each) => each.before.predicted[at]),
        mean((each) => each.after.predicted[at]),
      ],
    ]);
    effect.replaceChildren(
      h(
        "table",
        { class: "before-after" },
        h(
          "thead",
          {},
          h("tr", {}, h("th", {}, ""), h("th", {}, "as it is"), h("th", {}, "region painted")),
        ),
        h(
          "tbody",
          {},
          ...rows.map(([name, before, after]) =>
            h(
              "tr",
              {},
              h("th", { scope: "row", title: name }, name),
              h("td", {}, percent(before)),
              h("td", {}, h("strong", {}, percent(after))),
            ),
          ),
        ),
      ),
    );
  }

  async function compareMethods() {
    const region = area();
    if (!region) {
      table.replaceChildren(h("dt", {}, "Draw a region first"), h("dd", {}, ""));
      return;
    }
    // A little wider than the mark, since maps are blurred at its edge.
    const wide = {
      top: Math.max(0, region.top - 1),
      left: Math.max(0, region.left - 1),
      height: Math.min(region.height + 3, 28 - Math.max(0, region.top - 1)),
      width: Math.min(region.width + 3, 28 - Math.max(0, region.left - 1)),
    };
    const at = classOf();
    table.replaceChildren();
    await app.work("bias.compare", async (until) => {
      const { images, labels } = await dataset(dataOf(), until);
      const indices = [...labels.keys()]
        .filter((index) => labels[index] === at)
        .slice(0, PER_CLASS);
      const length = 28 * 28;
      const some = new Float32Array(indices.length * length);
      for (const [place, index] of indices.entries())
        some.set(images.data.subarray(index * length, (index + 1) * length), place * length);
      const only = {
        images: { data: some, shape: [indices.length, 1, 28, 28] },
        labels: indices.map(() => at),
      };
      for (const { name, options } of Object.values(METHODS)) {
        const { share } = await app.net.biasScan(only, { ...options, region: wide, signal: until });
        if (signal.aborted) return;
        table.append(h("dt", {}, name), h("dd", {}, percent(share[at])));
      }
    });
  }

  /**
   * Retrains where the mark no longer tells anything: it is on no picture, or on some of every class.
   * @param {boolean} everywhere
   */
  async function heal(everywhere) {
    const shortcut = everywhere
      ? { class: COAT, share: SPREAD, others: SPREAD, ...MARK }
      : undefined;
    const healed = await app.work("bias.cure", async (until) => {
      const pack = await app.scope.dataset("fashion-train", { signal: until });
      const onProgress = (/** @type {import("../convscope.js").Progress} */ at) =>
        app.display.progress({
          label: everywhere
            ? "Learning from pictures with the mark on any class"
            : "Learning from pictures without the mark",
          loaded: at.done,
          total: at.total,
          stop: () => app.stop("bias.cure"),
        });
      try {
        await app.net.train(
          { images: pack.images, labels: pack.labels },
          { ...CURE, shortcut, signal: until, onProgress },
        );
      } finally {
        app.display.progress(null);
      }
      return true;
    });
    if (signal.aborted) return;
    if (healed) app.announce("The network was retrained; its maps are computed again.");
    await app.changed();
  }

  // A region is drawn by dragging over the large map.
  /** @type {{ x: number, y: number } | null} */
  let from = null;
  /** @param {{ x: number, y: number }} to */
  const spanned = (to) => {
    const start = from ?? to;
    return {
      top: Math.min(start.y, to.y),
      left: Math.min(start.x, to.x),
      height: Math.abs(to.y - start.y) + 1,
      width: Math.abs(to.x - start.x) + 1,
    };
  };
  on(
    large.canvas,
    "pointerdown",
    (event) => {
      from = large.cellAt(event);
      large.canvas.setPointerCapture(event.pointerId);
    },
    signal,
  );
  on(
    large.canvas,
    "pointermove",
    (event) => {
      const cell = from && large.cellAt(event);
      if (!cell) return;
      const { top, left, height, width } = spanned(cell);
      large.mark({ boxes: [{ x: left, y: top, width, height, dashed: true }] });
    },
    signal,
  );
  on(
    large.canvas,
    "pointerup",
    (event) => {
      const cell = from && large.cellAt(event);
      if (cell) setArea(spanned(cell));
      from = null;
    },
    signal,
  );

  return {
    update(_state, changed) {
      method.set(methodOf());
      data.set(dataOf());
      undraw.hidden = drawn() === null;
      const region = area();
      if (region)
        for (const [index, side] of /** @type {const} */ ([
          "top",
          "left",
          "height",
          "width",
        ]).entries())
          numbers[index].set(region[side]);
      if (changed.has("net")) before = null;
      if (changed.has("net") || changed.has("weights")) found = null;
      if (!found || scanned !== key()) {
        void scan();
        return;
      }
      if (changed.has("bias.class")) {
        void paint();
        void question();
      }
    },
  };
}
