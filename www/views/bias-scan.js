/**
 * The scan of a labelled set: mean maps by class, hot spots beside the object, the counterfactual, groups of maps, what
 * other methods would have shown, and the cure.
 * @module
 */

import { fold, group, segmented, select } from "../widgets/controls.js";
import { h, m, on } from "../widgets/dom.js";
import { percent } from "../widgets/format.js";
import { createLegend } from "../widgets/legend.js";
import { createPixels } from "../widgets/pixels.js";
import { createComparison } from "./bias-compare.js";
import { createCure } from "./bias-cure.js";
import { createEffect } from "./bias-effect.js";
import { createGroups } from "./bias-groups.js";
import { METHODS, PER_CLASS } from "./bias-methods.js";
import { createRegion } from "./bias-region.js";
import { frac, math, row, sub, sum } from "./math.js";
import { createHeading, createWords, figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../convscope.js").Area} Area
 * @typedef {import("../convscope.js").BiasScan} BiasScan
 * @typedef {import("../convscope.js").Dataset} Dataset
 * @typedef {import("../widgets/pixels.js").Box} Box
 */

/** The share of a map's positive part that lies in a region R. */
function shareFormula() {
  const positive = () => row(m("mi", {}, "max"), "(", sub("A", "i"), ",", "0", ")");
  return frac(row(sum(row("i", "∈", "R")), positive()), row(sum("i"), positive()));
}

/** A fall of the mean confidence by less than this is none. */
const MATTERS = 0.05;

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
  const effect = createEffect(app, signal);
  const groups = createGroups(app, signal);
  root.append(
    heading.element,
    h(
      "div",
      { class: "scan" },
      h("div", { class: "overview" }, grid, groups.element),
      h("div", { class: "close" }, one.element, legend.element, effect.element),
    ),
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
  const region = createRegion({ store, canvas: large, area, signal });
  const comparison = createComparison({
    app,
    area,
    classOf,
    dataset: (until) => dataset(dataOf(), until),
    signal,
  });
  app.controls.replaceChildren(
    group("Bias", method.element, data.element, region.forget),
    group("Methods differ", comparison.start, comparison.table),
    group("Cure", ...createCure(app, signal)),
    fold("Region by numbers", ...region.numbers),
    fold(
      "What is beside the object?",
      h("div", { class: "formula" }, math(shareFormula(), true)),
      h(
        "p",
        {},
        "The background, what stands alone near the border without reaching the middle of the picture, and what is the same in most pictures of a class. A hot spot holds 7 % of a class's positive evidence there, in a square of a fifth of the picture, and four tenths of all that lies beside the object. A is a map summed over channels, R what is asked about (spectral relevance analysis: Lapuschkin et al. 2019).",
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

  /** The region in question: the drawn one, else the strongest hot spot, else the one that was there before the cure. */
  function area() {
    return region.drawn() ?? found?.hotSpots[0]?.box ?? before;
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
          done: at.done,
          total: at.total,
          stop: () => app.stop("bias"),
        });
      const drawn = region.drawn() ?? undefined;
      try {
        return await app.net.biasScan(
          { images, labels },
          { ...options, perClass: PER_CLASS, region: drawn, signal: until, onProgress },
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
    comparison.clear();
    await paint();
    await Promise.all([question(), groups.show(found, await dataset(id, signal))]);
  }

  /** What the scan depends on. */
  function key() {
    return JSON.stringify([app.net.name, methodOf(), dataOf(), region.drawn()]);
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
    const drawn = region.drawn();
    /** @type {Box[]} */
    const boxes = (found?.hotSpots ?? [])
      .filter((spot) => spot.class === index)
      .map(({ box }) => ({ x: box.left, y: box.top, width: box.width, height: box.height }));
    if (drawn)
      boxes.push({
        x: drawn.left,
        y: drawn.top,
        width: drawn.width,
        height: drawn.height,
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
        region.drawn()
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
    return contrast && !region.drawn()
      ? contrast.before.confidence - contrast.after.confidence > MATTERS
      : null;
  }

  /** The counterfactual for the region in question. */
  async function question() {
    const asked = area();
    if (!asked || !found) {
      effect.lack();
      return;
    }
    const answers = await effect.ask(asked, classOf(), (until) => dataset(dataOf(), until));
    if (!answers) return;
    erased = answers;
    if (found) describe(found);
  }

  return {
    update(_state, changed) {
      method.set(methodOf());
      data.set(dataOf());
      region.update();
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
