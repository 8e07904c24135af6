/**
 * A layer's filters as a population: how large each is and how alike they are, which are dead on the set of pictures, and
 * how the weights are spread.
 * @module
 */

import { button, fold, group, segmented, slider } from "../widgets/controls.js";
import { h, on } from "../widgets/dom.js";
import { fixed, number, percent } from "../widgets/format.js";
import { createLegend } from "../widgets/legend.js";
import { createPixels } from "../widgets/pixels.js";
import { createReadout } from "../widgets/readout.js";
import { createSaves } from "../widgets/save.js";
import { convolutionOf } from "./kernel-bank.js";
import { createBarPlot } from "./kernel-plot.js";
import { measuredAt, rectifierOf } from "./kernel-unit.js";
import { createHeading, createWords, figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/session.js").Layer} Layer
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../convscope.js").Filters} Filters
 * @typedef {import("../convscope.js").Unit} Unit
 * @typedef {import("./kernel-survey.js").Surveys} Surveys
 */

/** Filters are called twins from this cosine on, opposites from its negative. */
const TWINS = 0.95;

const BINS = 61;

/** Pairs listed. */
const PAIRS = 5;

/**
 * An order in which each filter stands beside the one most like it of those that are left, from the one that is most like
 * all.
 * @param {import("../convscope.js").Tensor} cosines `[n, n]`
 */
export function chain({ data, shape: [count] }) {
  const rows = Array.from({ length: count }, (_, row) =>
    data.subarray(row * count, (row + 1) * count),
  );
  const best = (
    /** @type {(index: number) => number} */ score,
    /** @type {Set<number>} */ from,
  ) => {
    let found = -1;
    for (const index of from) if (found < 0 || score(index) > score(found)) found = index;
    return found;
  };
  const left = new Set(rows.keys());
  const sums = rows.map((row) => row.reduce((sum, cosine) => sum + cosine, 0));
  /** @type {number[]} */
  const order = [];
  while (left.size > 0) {
    const last = order.at(-1);
    const next = best((index) => (last === undefined ? sums[index] : rows[last][index]), left);
    left.delete(next);
    order.push(next);
  }
  return order;
}

/**
 * @param {HTMLElement} root
 * @param {Store} store
 * @param {Session} app
 * @param {Surveys} surveys
 * @returns {Part}
 */
export function create(root, store, app, surveys) {
  const life = new AbortController();
  const { signal } = life;
  const heading = createHeading();
  const words = createWords();
  const legend = createLegend(app.scope);
  const readout = createReadout(
    "Point at a bar or at a cell for its numbers; click to choose a filter.",
  );
  const sizes = createBarPlot({
    label: "Size of each filter",
    onHover: tellFilter,
    onPick: choose,
    signal,
  });
  const spread = createBarPlot({ label: "Histogram of the weights", onHover: tellBin, signal });
  const cosines = createPixels({
    label: "How alike the filters are",
    onHover: tellPair,
    onPick: ({ x, y }) => choose(at(x) === store.get().channel ? at(y) : at(x)),
    signal,
  });
  const [low, middle, high] = [0, 1, 2].map(() => h("span", { class: "number" }));
  const savesOf = (
    /** @type {{ drawing: SVGSVGElement }} */ plot,
    /** @type {string} */ kind,
    /** @type {(filters: Filters) => (string | number | null)[][]} */ rows,
  ) =>
    createSaves({
      art: () => (found ? plot.drawing : null),
      rows: () => (found ? rows(found.filters) : []),
      name: () => `${found?.layer.name ?? "layer"}-${kind}`,
      signal,
    });
  const norms = figure(
    h("div", {}, sizes.element, savesOf(sizes, "norms", normRows)),
    "‖w‖ of each filter",
  );
  const bins = figure(
    h(
      "div",
      {},
      spread.element,
      h("div", { class: "axis muted" }, low, middle, high),
      savesOf(spread, "histogram", binRows),
    ),
  );
  const alike = figure(cosines.element, "Cosine of every two filters");
  const pairs = h("ol", { class: "pairs" });
  root.append(
    heading.element,
    h(
      "div",
      { class: "bench population" },
      h("div", {}, norms.element, bins.element),
      h("div", { class: "one plain" }, alike.element, pairs),
    ),
    h("div", { class: "under" }, legend.element, readout.element),
    words.element,
  );

  const order = segmented({
    label: "Cosines in the order of",
    options: [
      { value: "alike", label: "Likeness", title: "Each filter beside the one most like it" },
      { value: "index", label: "Index", title: "As they stand in the file" },
    ],
    value: orderOf(),
    onChange: (value) => store.set({ "kernels.order": value }),
    signal,
  });
  const output = slider({
    label: "Filter",
    min: 0,
    max: 1,
    step: 1,
    value: store.get().channel,
    onInput: (channel) => store.set({ channel }, { replace: true }),
    signal,
  });
  const respondsTo = button({
    label: "What does it respond to?",
    onClick: () => store.set({ "kernels.sight": "responds" }),
    signal,
  });
  const chosenFacts = h("dl", { class: "facts" });
  const facts = h("dl", { class: "facts" });
  app.controls.replaceChildren(
    group("Filter", order.element, output.element, chosenFacts, respondsTo),
    fold("This layer", facts),
  );
  on(
    pairs,
    "click",
    (event) => {
      const target = event.target instanceof Element ? event.target.closest("button") : null;
      if (target instanceof HTMLElement && target.dataset.filter)
        choose(Number(target.dataset.filter));
    },
    signal,
  );

  /** @type {{ layer: Layer, filters: Filters } | null} */
  let found = null;
  /** The kernels as pictures, where each is one. @type {import("../convscope.js").Painted | null} */
  let pictures = null;
  /** What the units do on the set of pictures, once it was asked. @type {{ units: Unit[], words: string } | null} */
  let activity = null;

  /** Which filter stands at which place of the matrix. @type {number[]} */
  let places = [];

  function orderOf() {
    return store.get()["kernels.order"] === "index" ? "index" : "alike";
  }

  /** @param {number} place */
  function at(place) {
    return places[place] ?? place;
  }

  /** @param {number} channel */
  function choose(channel) {
    store.set({ channel }, { replace: true });
  }

  async function load() {
    const layer = convolutionOf(app.net.layers, store.get().layer);
    if (!layer) {
      heading.say("This network has no convolution");
      return;
    }
    activity = null;
    const result = await app.work("kernels.filters", async (until) => ({
      filters: await app.net.filters(layer.name, { bins: BINS, signal: until }),
      pictures: await paintKernels(layer),
    }));
    if (!result || signal.aborted) return;
    found = { layer, filters: result.filters };
    pictures = result.pictures;
    await paint();
    show();
    await count(layer);
  }

  /**
   * The kernels as pictures, where each is one: on one input channel, or on three colours.
   * @param {Layer} layer
   */
  async function paintKernels(layer) {
    const [, inputs = 0, height = 1] = layer.kernel?.shape ?? [];
    const isFirst = layer === app.net.layers.find((each) => each.op === "conv2d");
    if (!layer.weight || height === 1 || !(inputs === 1 || (inputs === 3 && isFirst))) return null;
    const weights = await app.net.weights(layer.weight);
    return app.scope.paint(weights, { map: inputs === 3 ? "rgb" : "gray", scale: "each" });
  }

  /**
   * One kernel as a small picture.
   * @param {number} filter
   */
  function thumbnail(filter) {
    if (!pictures) return null;
    const [height, width] = pictures.tile;
    const canvas = h("canvas", { width, height, "aria-hidden": true });
    const x = (filter % pictures.columns) * width;
    const y = Math.floor(filter / pictures.columns) * height;
    canvas.getContext("2d")?.drawImage(pictures.bitmap, x, y, width, height, 0, 0, width, height);
    return canvas;
  }

  /**
   * Asks which filters are dead.
   * @param {Layer} layer
   */
  async function count(layer) {
    const at = measuredAt(app.net.layers, layer.name);
    const result = await app.work("kernels.survey", (until) => surveys.of(at, { signal: until }));
    if (!result || signal.aborted || found?.layer !== layer) return;
    activity = { units: result.survey.units, words: result.set.words };
    show();
  }

  async function paint() {
    if (!found) return;
    const { filters, layer } = found;
    alike.element.classList.toggle("absent", !filters.cosines);
    const outputs = filters.norms.length;
    const matrix = filters.cosines ?? { data: new Float32Array(1), shape: [1, 1] };
    const side = matrix.shape[0];
    places = orderOf() === "alike" ? chain(matrix) : Array.from({ length: side }, (_, row) => row);
    const data = Float32Array.from(
      { length: side * side },
      (_, cell) => matrix.data[places[Math.floor(cell / side)] * side + places[cell % side]],
    );
    const painted = await app.work("kernels.cosines", () =>
      app.scope.paint({ data, shape: [1, 1, side, side] }, { map: "diverging", scale: [-1, 1] }),
    );
    if (!painted || signal.aborted) return;
    cosines.show({
      width: side,
      height: side,
      layers: [{ bitmap: painted.bitmap }],
      label: `Cosines of the ${outputs} filters of ${layer.name}, row by column`,
    });
    legend.show({
      map: "diverging",
      low: -1,
      high: 1,
      label: "Cosine",
      note: "white: unlike; ends: twins and opposites",
    });
  }

  function show() {
    if (!found) return;
    const { filters, layer } = found;
    const { histogram, norms: sizesOf, mean, deviation } = filters;
    const channel = Math.min(store.get().channel, sizesOf.length - 1);
    heading.say("The filters of ", { name: layer.name }, " as a population");
    output.set(channel, { max: sizesOf.length - 1 });
    const dead = (activity?.units ?? []).filter((unit) => unit.active === 0);
    sizes.show({
      values: sizesOf,
      chosen: channel,
      marked: dead.map((unit) => unit.channel),
      label: `‖w‖ of the ${sizesOf.length} filters of ${layer.name}`,
    });
    norms.caption(
      activity
        ? `‖w‖ of each of ${sizesOf.length} filters${dead.length > 0 ? ", dead ones with a cross" : ", none dead"}`
        : `‖w‖ of each of ${sizesOf.length} filters; looking for dead ones …`,
    );
    spread.show({ values: histogram.counts, label: `Histogram of the weights of ${layer.name}` });
    bins.caption(
      `${sizesOf.length * weightsEach(layer)} weights: mean ${number(mean)}, deviation ${number(deviation)}`,
    );
    low.textContent = number(-histogram.most);
    middle.textContent = "0";
    high.textContent = number(histogram.most);
    const row = Math.max(0, places.indexOf(channel));
    const boxes = [{ x: 0, y: row, width: sizesOf.length, height: 1 }];
    cosines.mark({ boxes: filters.cosines ? boxes : [] });
    listPairs(filters);
    describe(layer, filters, dead);
    showChosen(channel);
  }

  /** @param {Layer} layer */
  function weightsEach({ kernel }) {
    return (kernel?.shape ?? [1]).slice(1).reduce((product, extent) => product * extent, 1);
  }

  /** The closest pairs, each once. @param {Filters} filters */
  function closest({ nearest }) {
    return nearest
      .map(({ filter, cosine }, own) => ({
        a: Math.min(own, filter),
        b: Math.max(own, filter),
        cosine,
      }))
      .filter((pair, place, list) => {
        const same = (/** @type {typeof pair} */ each) => each.a === pair.a && each.b === pair.b;
        return list.findIndex(same) === place;
      })
      .sort((one, other) => Math.abs(other.cosine) - Math.abs(one.cosine));
  }

  /** @param {Filters} filters */
  function listPairs(filters) {
    const filter = (/** @type {number} */ index) =>
      h(
        "button",
        { type: "button", class: "number", "data-filter": index },
        thumbnail(index),
        String(index),
      );
    pairs.replaceChildren(
      ...closest(filters)
        .slice(0, PAIRS)
        .map(({ a, b, cosine }) =>
          h(
            "li",
            {},
            h("span", {}, filter(a), " and ", filter(b)),
            h("span", { class: "number" }, fixed(cosine, 3)),
            h("span", { class: "muted" }, kind(cosine)),
          ),
        ),
    );
  }

  /** @param {number} cosine */
  function kind(cosine) {
    if (cosine >= TWINS) return "twins";
    return cosine <= -TWINS ? "opposites" : "";
  }

  /**
   * @param {Layer} layer
   * @param {Filters} filters
   * @param {Unit[]} dead
   */
  function describe(layer, filters, dead) {
    const list = closest(filters);
    const twins = list.filter(({ cosine }) => Math.abs(cosine) >= TWINS).length;
    const [best] = list;
    const pairsSaid = !best
      ? "There are too many pairs to compare."
      : twins === 0
        ? `No two are twins (|cosine| ≥ ${TWINS}): the closest reach ${fixed(best.cosine, 3)}.`
        : `${twins === 1 ? "One pair is" : `${twins} pairs are`} close to twins or opposites (|cosine| ≥ ${TWINS}).`;
    const rectified = rectifierOf(app.net.layers, measuredAt(app.net.layers, layer.name));
    const deadSaid = !activity
      ? ""
      : dead.length === 0
        ? ` None is dead: each is above 0 somewhere in ${activity.words}.`
        : ` ${dead.length} of ${filters.norms.length} never get above 0 on ${activity.words}${rectified ? `, so ${rectified.name} lets nothing of them through` : ""}.`;
    const each = weightsEach(layer);
    const doubt =
      (layer.kernel?.shape[1] ?? 0) === 1 && (layer.kernel?.groups ?? 1) > 1
        ? `Every filter here reads a map of its own, so twins of ${each} weights do different work.`
        : each <= 9
          ? `With ${each} weights each, filters look alike by chance: of many short vectors some always point the same way.`
          : "A large ‖w‖ is not importance: the norm or the layer behind may scale it back. Dead on these pictures need not be dead on others.";
    words.say([pairsSaid, deadSaid], [doubt]);
    facts.replaceChildren(
      ...Object.entries({
        filters: String(filters.norms.length),
        "weights each": String(each),
        groups: String(layer.kernel?.groups ?? 1),
        dead: activity ? String(dead.length) : "…",
        "pairs alike": list.length > 0 ? String(twins) : "not compared",
      }).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
    );
  }

  /** @param {number} channel */
  function showChosen(channel) {
    if (!found) return;
    const { filters } = found;
    const near = filters.nearest[channel];
    const unit = activity?.units[channel];
    const rank = filters.norms.filter((norm) => norm > filters.norms[channel]).length + 1;
    chosenFacts.replaceChildren(
      ...Object.entries({
        "‖w‖": `${number(filters.norms[channel])}, place ${rank}`,
        Σw: number(filters.sums[channel]),
        ...(near ? { "most alike": `filter ${near.filter}, ${fixed(near.cosine, 2)}` } : {}),
        "pictures above 0": unit ? percent(unit.active) : "…",
      }).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
    );
  }

  /** The sizes as a table, a row a filter. @param {Filters} filters */
  function normRows({ norms: sizesOf, sums, nearest }) {
    return [
      ["filter", "norm", "sum", "most alike", "cosine", "pictures above 0"],
      ...Array.from(sizesOf, (norm, filter) => [
        filter,
        norm,
        sums[filter],
        nearest[filter]?.filter ?? null,
        nearest[filter]?.cosine ?? null,
        activity?.units[filter]?.active ?? null,
      ]),
    ];
  }

  /** The edges of a bin. @param {Filters["histogram"]} histogram @param {number} bin */
  function edges({ most, counts }, bin) {
    return [bin, bin + 1].map((index) => most * ((2 * index) / counts.length - 1));
  }

  /** The histogram as a table, a row a bin. @param {Filters} filters */
  function binRows({ histogram }) {
    return [
      ["from", "to", "weights"],
      ...Array.from(histogram.counts, (count, bin) => [...edges(histogram, bin), count]),
    ];
  }

  /** @param {number | null} filter */
  function tellFilter(filter) {
    if (filter === null || !found) {
      readout.show(null);
      return;
    }
    const { norms: sizesOf, nearest } = found.filters;
    const near = nearest[filter];
    const unit = activity?.units[filter];
    readout.show(
      [
        `filter ${filter}: ‖w‖ ${number(sizesOf[filter])}`,
        near ? `most like ${near.filter} (${fixed(near.cosine, 2)})` : "",
        unit ? `above 0 in ${percent(unit.active)} of the pictures` : "",
      ]
        .filter(Boolean)
        .join("; "),
    );
  }

  /** @param {number | null} bin */
  function tellBin(bin) {
    if (bin === null || !found) {
      readout.show(null);
      return;
    }
    const { histogram } = found.filters;
    const [from, to] = edges(histogram, bin);
    readout.show(`${histogram.counts[bin]} weights from ${number(from)} to ${number(to)}`);
  }

  /** @param {import("../widgets/pixels.js").Cell | null} cell */
  function tellPair(cell) {
    const matrix = found?.filters.cosines;
    if (!cell || !matrix) {
      readout.show(null);
      return;
    }
    const [row, column] = [at(cell.y), at(cell.x)];
    const cosine = matrix.data[row * matrix.shape[0] + column];
    readout.show(`filters ${row} and ${column}: cosine ${fixed(cosine, 3)}`);
  }

  return {
    update(next, changed) {
      order.set(orderOf());
      const other = convolutionOf(app.net.layers, next.layer) !== found?.layer;
      if (other || changed.has("net") || changed.has("weights")) void load();
      else if (changed.has("kernels.order")) void paint().then(show);
      else if (changed.has("channel")) show();
    },
    destroy() {
      life.abort();
      app.stop("kernels.survey");
    },
  };
}
