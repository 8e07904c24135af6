/**
 * Embedding: what a layer says of many pictures, in two dimensions. Principal components, t-SNE and UMAP, which can be
 * watched, stopped and doubted; a tour through the layers; sets that show how maps mislead.
 * @module
 */

import { button } from "../widgets/controls.js";
import { h, on } from "../widgets/dom.js";
import { percent } from "../widgets/format.js";
import { classColor } from "../widgets/palette.js";
import { save } from "../widgets/save.js";
import { createBeside } from "./embedding-beside.js";
import { createCard } from "./embedding-card.js";
import { createControls } from "./embedding-controls.js";
import { isSmall, MOST_POSITIONS } from "./embedding-data.js";
import { filesOf } from "./embedding-files.js";
import { createFind, matching } from "./embedding-find.js";
import { coloring, createLaid } from "./embedding-laid.js";
import { createLayout } from "./embedding-layout.js";
import { createMap } from "./embedding-map.js";
import { PRESETS } from "./embedding-presets.js";
import { csv, drawing } from "./embedding-save.js";
import { createSelection } from "./embedding-selection.js";
import { createTransport } from "./embedding-transport.js";
import { describe } from "./embedding-words.js";
import { createHeading, createWords } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/store.js").Store} Store
 */

/** Pictures that ship, unless told otherwise. */
const COUNT = 1000;

/** Which keys of the state lead to what. */
const PARAMETERS = ["method", "perplexity", "neighbors", "distance", "start", "seed", "tour"];
const SPACES = ["of", "pool"];

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
  const card = createCard();
  const laid = createLaid();
  const map = createMap({ onHover: look, onPick: look, onLasso: choose, signal });
  const beside = createBeside({ app, laid, signal });
  const selection = createSelection({
    laid,
    onPick: drawPoints,
    onLay: () => void layout.lay(),
    signal,
  });
  /** @type {File[]} */
  let files = [];

  const controls = createControls({
    app,
    store,
    onFiles: takeFiles,
    hasFiles: () => files.length > 0,
    onSave: (kind) => (kind === "png" ? void savePng() : savePlot(kind)),
    signal,
  });
  const { wish, put } = controls;
  const transport = createTransport({
    laid,
    map,
    wish,
    onPlay: playOrPause,
    onStep: () => layout.step(),
    onAgain: () => void layout.lay(),
    signal,
  });
  const layout = createLayout({
    app,
    laid,
    wish,
    files: () => files,
    signal,
    onSay: transport.say,
    onNote: (text) => {
      note.textContent = text;
    },
    onEmpty: showEmpty,
    onGathered: () => {
      selection.drop();
    },
    onBegin: () => {
      stations.hidden = true;
      empty.hidden = true;
      transport.element.hidden = false;
      note.textContent = laid.set?.note ?? "";
    },
    onResult: showResult,
    onStep: () => {
      map.place(laid.points);
      beside.showChart(wish().method);
      transport.showStatus();
    },
    onStation: showStations,
    onFallback: () => {
      beside.showFacts(wish().method);
      say();
    },
    onTransport: transport.show,
  });

  // The sight: the map with its keys below, what is known of a point and charts beside.
  const stations = h("div", {
    class: "stations",
    role: "group",
    "aria-label": "Layers of the tour",
    hidden: true,
  });
  const legend = h("div", {
    class: "classes",
    role: "group",
    "aria-label": "Classes: choose one to find it",
  });
  const find = createFind({ onFind: (text) => put({ find: text }, true), signal });
  const known = h("div", { class: "known" }, legend, find.element);
  const empty = h("p", { class: "flat", hidden: true });
  map.element.append(empty);
  const note = h("p", { class: "muted small" });
  const under = [stations, transport.element, selection.element, known, note];
  root.append(
    heading.element,
    h(
      "div",
      { class: "embedding" },
      h("div", { class: "plot" }, map.element, ...under),
      h("div", { class: "beside" }, card.element, ...beside.elements),
    ),
    words.element,
  );

  /** @param {File[]} list */
  function takeFiles(list) {
    if (list.length === 0) return;
    files = list;
    if (wish().set === "own") void layout.gather();
    else put({ set: "own", only: null });
  }

  on(
    root,
    "drop",
    (event) => {
      event.preventDefault();
      const items = [...(event.dataTransfer?.items ?? [])];
      void filesOf(items).then(takeFiles);
    },
    signal,
  );
  document.addEventListener(
    "keydown",
    (event) => {
      const busy =
        event.target instanceof HTMLElement &&
        event.target.closest("button, input, select, summary, dialog");
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || busy) return;
      if (event.key === " ") playOrPause();
      else if (event.key === ".") layout.step();
      else return;
      event.preventDefault();
    },
    { signal },
  );

  function showEmpty() {
    empty.hidden = false;
    empty.replaceChildren(
      "There is nothing to lay out yet.",
      button({
        label: "Take Fashion-MNIST",
        onClick: () => put({ set: "fashion", count: COUNT }),
        signal,
      }),
    );
    transport.say("");
    transport.element.hidden = true;
  }

  /** The stations of the tour as far as it has come. */
  function showStations() {
    const { isTour, stop, stops } = laid;
    stations.hidden = !isTour;
    for (let at = stations.children.length; at < stops.length; at += 1)
      stations.append(button({ label: stops[at].name, onClick: () => visit(at), signal }));
    while (stations.children.length > stops.length) stations.lastElementChild?.remove();
    for (const [index, each] of [...stations.children].entries())
      each.setAttribute("aria-pressed", String(index === stop));
  }

  /**
   * Goes to a station, and carries its layer to the other views.
   * @param {number} at
   */
  function visit(at) {
    const { layer } = laid.stops[at];
    if (layer !== null) store.set({ layer }, { replace: true });
    layout.stayAt(at);
  }

  function playOrPause() {
    const { isTour, stop, stops } = laid;
    if (!isTour) layout.playOrPause();
    else if (stops.length > 0) visit((stop + 1) % stops.length);
  }

  /** @param {boolean} tweened */
  function showResult(tweened) {
    const { method } = wish();
    drawPoints();
    map.place(laid.points, { tweened });
    beside.showChart(method);
    beside.showFacts(method);
    say();
    look(null);
  }

  function drawPoints() {
    const { indices, predicted, set, wrong } = laid;
    if (!set) return;
    const { color, find: wanted, method, only, pictures } = wish();
    const { colors, entries } = coloring(laid, color, app);
    const found = matching(laid, wanted, app.net.labels);
    find.show(wanted, found && indices.reduce((sum, index) => sum + found[index], 0));
    const mistaken = wrong ? indices.reduce((sum, index) => sum + wrong[index], 0) : 0;
    legend.replaceChildren(
      ...entries.map(({ name, index, count }) => {
        const swatch = h("i", {});
        swatch.style.background = classColor(index);
        const entry = h(
          "button",
          {
            type: "button",
            "aria-pressed": only === index ? "true" : "false",
            title: `${count} points; click to find them`,
          },
          swatch,
          name,
        );
        on(entry, "click", () => put({ only: only === index ? null : index }, true), signal);
        return entry;
      }),
      mistaken > 0
        ? h(
            "span",
            { class: "muted small" },
            `◥ or ✕: taken for another class (${percent(mistaken / indices.length)})`,
          )
        : "",
    );
    const isPicked = selection.picked();
    const isFound = (/** @type {number} */ index) =>
      (!found || found[index] === 1) && (!isPicked || isPicked(index));
    const name = { pca: "principal components", tsne: "t-SNE", umap: "UMAP" }[method];
    map.show({
      indices,
      sprites: pictures ? set.sprites : null,
      classes: colors,
      predicted: predicted?.classes ?? null,
      wrong,
      only,
      found: found || isPicked ? isFound : null,
      label: `${set.title} in two dimensions by ${name}${entries.length ? `, coloured by ${entries.length} classes` : ""}`,
    });
  }

  function say() {
    const { base, indices, isFallback, set, shown, stop, stops } = laid;
    if (!set) return;
    const { method, perplexity, neighbors, set: id, tour: touring } = wish();
    const text = describe({
      method: isFallback ? "pca" : method,
      set,
      count: indices.length,
      by: "layer" in layout.space() ? app.layer.name : "pixels",
      perplexity,
      neighbors,
      result: shown,
      explained: base?.explained ?? null,
      preset: PRESETS.find((each) => each.id === id) ?? null,
      touring: touring && set.kind === "pictures",
      stop: stops[stop]?.name ?? "",
    });
    heading.say(...text.heading);
    words.say(text.what, text.doubt);
  }

  /** @param {number | null} at */
  function look(at) {
    const { indices, near, predicted, set, wrong } = laid;
    if (!set) return;
    const others =
      at === null || !near ? [] : [...near.indices.slice(at * near.each, (at + 1) * near.each)];
    map.link(others);
    card.show(
      {
        set,
        colors: coloring(laid, wish().color, app).colors,
        label: (index) => (set.labels ? (set.classes[set.labels[index]] ?? "") : ""),
        said: (index) =>
          predicted
            ? {
                label: app.label(predicted.classes[index]),
                probability: predicted.probabilities[index],
              }
            : null,
        wrong,
      },
      at === null ? null : { index: indices[at], near: others.map((each) => indices[each]) },
    );
  }

  /** @param {number[]} places among the points shown */
  function choose(places) {
    transport.dropLasso();
    selection.choose(places);
  }

  async function savePng() {
    const blob = await map.png();
    if (blob) save(blob, "embedding.png");
  }

  /** @param {"svg" | "csv"} kind */
  function savePlot(kind) {
    const { indices, points, predicted, set, wrong } = laid;
    if (!set) return;
    const plot = {
      points,
      indices,
      set,
      classes: coloring(laid, wish().color, app).colors,
      predicted: predicted?.classes ?? null,
      wrong,
      labels: app.net.labels,
    };
    const text = kind === "svg" ? drawing(plot) : csv(plot);
    save(
      new Blob([text], { type: kind === "svg" ? "image/svg+xml" : "text/csv" }),
      `embedding.${kind}`,
    );
  }

  return {
    update(_, changed) {
      const now = wish();
      controls.update(now);
      const has = (/** @type {string[]} */ keys) =>
        keys.some((key) => changed.has(`embedding.${key}`));
      if (changed.has("net") && now.set === "fashion" && now.count === COUNT && !isSmall(app)) {
        // Many pictures take a large network minutes: it starts with the positions of one.
        const coarse = app.net.layers.find(({ shape }) => shape[1] * shape[2] <= MOST_POSITIONS);
        const isFine = app.layer.shape[1] * app.layer.shape[2] > MOST_POSITIONS;
        store.set(
          { "embedding.set": "positions", ...(isFine && coarse ? { layer: coarse.name } : {}) },
          { replace: true },
        );
        return;
      }
      const isPositions = now.set === "positions";
      const isMade = PRESETS.some(({ id }) => id === now.set);
      const isGathered =
        changed.has("net") ||
        changed.has("weights") ||
        has(["set", "count"]) ||
        (isPositions && (changed.has("layer") || changed.has("input")));
      const isMoved =
        has(SPACES) || (changed.has("layer") && now.of === "layer" && !isMade && !now.tour);
      if (isMoved) laid.base = null;
      if (isGathered) void layout.gather();
      else if (isMoved || has(PARAMETERS)) void layout.lay();
      else if (has(["color", "pictures", "only", "find"])) {
        drawPoints();
        look(null);
      }
    },
    destroy() {
      layout.stop();
      for (const key of [
        "embedding",
        "embedding.set",
        "embedding.search",
        "embedding.tour",
        "embedding.loadings",
      ])
        app.stop(key);
      life.abort();
    },
  };
}
