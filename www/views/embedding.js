/**
 * Embedding: what a layer says of many pictures, in two dimensions. Principal components, t-SNE and UMAP, which can be
 * watched, stopped and doubted; a tour through the layers; sets that show how maps mislead.
 * @module
 */

import { button } from "../widgets/controls.js";
import { h, on } from "../widgets/dom.js";
import { fixed, percent } from "../widgets/format.js";
import { classColor } from "../widgets/palette.js";
import { createCard } from "./embedding-card.js";
import { depthChart, klChart, screeChart } from "./embedding-charts.js";
import { colorsOf, mostly, wrongOf } from "./embedding-classes.js";
import { createControls } from "./embedding-controls.js";
import {
  isSmall,
  MOST_POSITIONS,
  ownSet,
  positionsSet,
  predictAll,
  rowsOf,
  shippedSet,
} from "./embedding-data.js";
import { filesOf } from "./embedding-files.js";
import { createLoadings } from "./embedding-loadings.js";
import { createMap } from "./embedding-map.js";
import { PRESETS, presetSet } from "./embedding-presets.js";
import { csv, drawing, save } from "./embedding-save.js";
import { createSearch } from "./embedding-search.js";
import { TOUR_POINTS, tour } from "./embedding-tour.js";
import { describe } from "./embedding-words.js";
import { createHeading, createWords } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/session.js").Tensor} Tensor
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../app/store.js").State} State
 * @typedef {import("../convscope.js").Embedding} Embedding
 * @typedef {import("./embedding-data.js").PointSet} PointSet
 * @typedef {import("./embedding-data.js").Predicted} Predicted
 * @typedef {import("./embedding-tour.js").TourStop} TourStop
 */

const NEAREST = 8;
/** Pictures that ship, unless told otherwise. */
const COUNT = 1000;
const COMPONENTS = 10;
const ITERATIONS = { pca: 0, tsne: 1000, umap: 500 };

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
  const loadings = createLoadings(app, signal);
  const map = createMap({ onHover: look, onPick: look, onLasso: choose, signal });
  const search = createSearch({ onStep: showStep, onChange: showTransport });

  /** @type {PointSet | null} */
  let set = null;
  /** @type {Predicted | null} */
  let predicted = null;
  /** @type {Uint8Array | null} */
  let wrong = null;
  /** The points that are laid out, as numbers within the set. @type {number[]} */
  let indices = [];
  /** The selection, `null` for all. @type {number[] | null} */
  let chosen = null;
  /** Principal components, neighbours and separation in the original space. @type {Embedding | null} */
  let base = null;
  /** What is shown. @type {Embedding | null} */
  let shown = null;
  let points = /** @type {Float32Array} */ (new Float32Array(0));
  /** @type {{ step: number, kl: number }[]} */
  let history = [];
  /** Whether the components stand in for a map that could not be found. */
  let isFallback = false;
  /** Counts what was laid out, so that what belongs to an earlier one is known. */
  let layouts = 0;
  let steps = 0;
  /** @type {TourStop[]} */
  let stops = [];
  let stop = 0;
  /** @type {File[]} */
  let files = [];

  // The sight: the map with its keys below, what is known of a point and charts beside.
  const play = button({ label: "Pause", onClick: playOrPause, signal });
  const one = button({
    label: "Step",
    title: "One step, then a pause",
    onClick: () => search.step(),
    signal,
  });
  const again = button({
    label: "Again",
    title: "From the start",
    kind: "quiet",
    onClick: () => void lay(),
    signal,
  });
  const status = h("span", { class: "muted number status", role: "status" });
  const lasso = button({
    label: "Lasso",
    title: "Draw around points (or hold Shift)",
    kind: "quiet",
    onClick: toggleLasso,
    signal,
  });
  const closer = button({
    label: "+",
    title: "Closer (+)",
    kind: "quiet",
    onClick: () => map.zoomBy(1.5),
    signal,
  });
  const farther = button({
    label: "−",
    title: "Farther (−)",
    kind: "quiet",
    onClick: () => map.zoomBy(1 / 1.5),
    signal,
  });
  const whole = button({
    label: "Fit",
    title: "The whole map (0)",
    kind: "quiet",
    onClick: () => map.fit(),
    signal,
  });
  const transport = h(
    "div",
    { class: "transport" },
    play,
    one,
    again,
    status,
    h("span", { class: "space" }),
    lasso,
    closer,
    farther,
    whole,
  );
  const stations = h("div", {
    class: "stations",
    role: "group",
    "aria-label": "Layers of the tour",
    hidden: true,
  });
  const selection = h("div", { class: "selection", hidden: true });
  const legend = h("div", {
    class: "classes",
    role: "group",
    "aria-label": "Classes: choose one to find it",
  });
  const chart = h("div", { class: "charts" });
  const facts = h("dl", { class: "facts" });
  const empty = h("p", { class: "flat", hidden: true });
  map.element.append(empty);
  const note = h("p", { class: "muted small" });
  root.append(
    heading.element,
    h(
      "div",
      { class: "embedding" },
      h("div", { class: "plot" }, map.element, stations, transport, selection, legend, note),
      h("div", { class: "beside" }, card.element, chart, facts),
    ),
    words.element,
  );

  const controls = createControls({
    app,
    store,
    onFiles: takeFiles,
    hasFiles: () => files.length > 0,
    onSave: (kind) => (kind === "png" ? void savePng() : savePlot(kind)),
    signal,
  });
  const { wish, put } = controls;

  /** @param {File[]} list */
  function takeFiles(list) {
    if (list.length === 0) return;
    files = list;
    if (wish().set === "own") void gather();
    else put({ set: "own", only: null });
  }

  on(map.element, "dragover", (event) => event.preventDefault(), signal);
  on(
    map.element,
    "drop",
    (event) => {
      event.preventDefault();
      event.stopPropagation();
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
      else if (event.key === ".") search.step();
      else return;
      event.preventDefault();
    },
    { signal },
  );

  /** Fetches what is to be laid out, then lays it out. */
  async function gather() {
    const { set: id, count } = wish();
    search.stop();
    const result = await app.work("embedding.set", async (until) => {
      status.textContent = "Gathering the points…";
      const next = await setOf(id, count, until);
      const said = next.kind === "pictures" ? await predictAll(app, next.images, until) : null;
      return { next, said };
    });
    if (!result || signal.aborted) {
      if (!signal.aborted && !set) showEmpty();
      return;
    }
    set = result.next;
    predicted = result.said;
    wrong = wrongOf(set, predicted, app.net.labels);
    chosen = null;
    base = null;
    selection.hidden = true;
    void lay();
  }

  /**
   * @param {string} id
   * @param {number} count
   * @param {AbortSignal} until
   * @returns {Promise<PointSet>}
   */
  async function setOf(id, count, until) {
    if (id === "positions") return positionsSet(app);
    if (id === "own") {
      if (files.length === 0)
        throw new Error(
          "These pictures were somebody's own and do not travel with a link; choose yours, or another set.",
        );
      return ownSet(app, files, until, (done) => {
        status.textContent = `Reading picture ${done} of ${files.length}…`;
      });
    }
    return presetSet(id) ?? shippedSet(app, Math.min(2000, Math.max(10, count)), until);
  }

  function showEmpty() {
    empty.hidden = false;
    empty.replaceChildren(
      "There is nothing to lay out yet.",
      button({
        label: "Take Fashion-MNIST",
        onClick: () => put({ set: "fashion", count: 1000 }),
        signal,
      }),
    );
    status.textContent = "";
    transport.hidden = true;
  }

  /** What the points are embedded by. */
  function space() {
    const { of: what, pool: how } = wish();
    if (!set || set.kind === "made") return {};
    if (set.kind === "positions")
      return { layer: app.layer.name, pool: /** @type {const} */ ("positions") };
    return what === "pixels" ? {} : { layer: app.layer.name, pool: how };
  }

  /** Lays the points out: the principal components at once, then what is found by steps. */
  async function lay() {
    if (!set) return;
    const now = set;
    search.stop();
    stops = [];
    stations.hidden = true;
    empty.hidden = true;
    transport.hidden = false;
    isFallback = false;
    layouts += 1;
    note.textContent = set.note;
    const { method: how, tour: touring } = wish();
    if (touring && now.kind === "pictures") {
      await goThrough();
      return;
    }
    app.stop("embedding.tour");
    const taken = chosen ?? all(now);
    const images = chosen ? rowsOf(now, chosen) : now.images;
    const labels = labelsOf(taken);
    if (!base) {
      const result = await app.work("embedding", (until) =>
        app.net.embed(images, {
          ...space(),
          method: "pca",
          components: COMPONENTS,
          labels,
          nearest: NEAREST,
          signal: until,
          onProgress: ({ loaded, total }) => {
            if (!until.aborted)
              status.textContent = `${loaded} of ${total} pictures have gone through…`;
          },
        }),
      );
      if (!result || signal.aborted || set !== now) {
        if (!signal.aborted && set === now) status.textContent = "";
        return;
      }
      base = result;
    }
    indices = taken;
    history = [];
    steps = 0;
    showResult(base, firstTwo(base.points));
    if (how === "pca") showTransport("idle");
    else void seek(images);
  }

  /** @param {PointSet} of */
  function all(of) {
    const count =
      of.kind === "positions" ? app.layer.shape[1] * app.layer.shape[2] : of.images.shape[0];
    return Array.from({ length: count }, (_, index) => index);
  }

  /** @param {number[]} taken */
  function labelsOf(taken) {
    const labels = set?.labels;
    return labels ? Int32Array.from(taken, (index) => labels[index]) : undefined;
  }

  /**
   * t-SNE or UMAP, step by step.
   * @param {Tensor} images
   */
  async function seek(images) {
    const mine = layouts;
    const {
      method: how,
      perplexity: wide,
      neighbors: near,
      minDistance,
      start: from,
      seed: drawn,
    } = wish();
    const common = { ...space(), init: from, seed: drawn };
    search.start(
      (watch) =>
        (how === "tsne"
          ? app.net.embed(images, { ...common, ...watch, method: "tsne", perplexity: wide })
          : app.net.embed(images, {
              ...common,
              ...watch,
              method: "umap",
              neighbors: near,
              minDistance,
            })
        ).then((result) => {
          if (watch.signal.aborted || signal.aborted) return result;
          steps = result.steps ?? steps;
          showResult(result, result.points.data);
          return result;
        }),
      false,
    );
    await app.work("embedding.search", (until) => search.until(until));
    if (signal.aborted || search.isRunning || shown !== base || !base || mine !== layouts) return;
    // It could not begin: what is shown are the principal components.
    isFallback = true;
    note.textContent = "Shown by principal components instead.";
    showTransport("idle");
    showFacts();
    say();
  }

  /** The same points through all layers. */
  async function goThrough() {
    const now = /** @type {PointSet} */ (set);
    const taken = (chosen ?? all(now)).slice(0, TOUR_POINTS);
    const { method: how, perplexity: wide, neighbors: near, minDistance, pool: pooling } = wish();
    app.stop("embedding");
    app.stop("embedding.search");
    stations.hidden = false;
    stations.replaceChildren();
    status.textContent = "The pictures themselves…";
    showTransport("idle");
    await app.work("embedding.tour", (until) =>
      tour(app, {
        images: rowsOf(now, taken),
        labels: labelsOf(taken),
        method: how,
        perplexity: Math.min(wide, Math.floor((taken.length - 1) / 3)),
        neighbors: Math.min(near, taken.length),
        minDistance,
        pool: pooling,
        signal: until,
        onStop: (next, left) => {
          if (until.aborted || signal.aborted) return;
          indices = taken;
          stops.push(next);
          const at = stops.length - 1;
          stations.append(button({ label: next.name, onClick: () => visit(at), signal }));
          stayAt(at);
          status.textContent =
            left > 0 ? `${left} layers to go…` : `${taken.length} points, ${stops.length} stations`;
        },
      }),
    );
  }

  /**
   * Goes to a station, and carries its layer to the other views.
   * @param {number} at
   */
  function visit(at) {
    const { layer } = stops[at];
    if (layer !== null) store.set({ layer }, { replace: true });
    stayAt(at);
  }

  /** @param {number} at */
  function stayAt(at) {
    const next = stops[at];
    if (!next) return;
    stop = at;
    base = next.result;
    for (const [index, each] of [...stations.children].entries())
      each.setAttribute("aria-pressed", String(index === at));
    showResult(next.result, firstTwo(next.result.points), at > 0 || stops.length > 1);
    base = null;
    near = next.result.nearest ?? null;
  }

  /** Nearest neighbours in the original space. @type {Embedding["nearest"] | null} */
  let near = null;

  /**
   * Shows a map with its numbers.
   * @param {Embedding} result
   * @param {Float32Array} next `[N, 2]`
   */
  function showResult(result, next, tweened = false) {
    shown = result;
    points = next;
    if (base?.nearest) near = base.nearest;
    drawPoints();
    map.place(points, { tweened });
    showChart();
    showFacts();
    say();
    look(null);
  }

  /** @param {import("../convscope.js").EmbedStep} step */
  function showStep(step) {
    points = step.points.data;
    steps = step.step;
    if (step.kl !== undefined) history.push({ step: step.step, kl: step.kl });
    map.place(points);
    showChart();
    showStatus();
  }

  function showStatus() {
    const { method: how } = wish();
    if (how === "pca" || stops.length > 0) return;
    const last = history.at(-1);
    const kl = last ? ` · KL ${fixed(last.kl, 3)}` : "";
    status.textContent = `step ${steps} of ${ITERATIONS[how]}${kl}`;
  }

  /** @param {"idle" | "running" | "paused"} state */
  function showTransport(state) {
    const { method: how } = wish();
    const isTour = !stations.hidden;
    const fixedMap = how === "pca" || isTour;
    play.hidden = how === "pca" && !isTour;
    one.hidden = fixedMap;
    again.hidden = fixedMap;
    play.textContent = isTour
      ? "Next layer"
      : state === "running"
        ? "Pause"
        : state === "paused"
          ? "Play"
          : "Again";
    again.hidden ||= state === "idle";
    one.disabled = state === "idle";
    if (!isTour && how === "pca") status.textContent = "";
    else showStatus();
  }

  function playOrPause() {
    if (!stations.hidden) {
      if (stops.length > 0) visit((stop + 1) % stops.length);
    } else if (search.isPaused) {
      search.play();
      void app.work("embedding.search", (until) => search.until(until));
    } else if (search.isRunning) search.pause();
    else if (wish().method !== "pca") void lay();
  }

  /** The classes that colour the points. */
  function coloring() {
    const by = wish().color === "prediction" ? predicted : null;
    return colorsOf({ set, indices, predicted: by, names: app.net.labels });
  }

  function drawPoints() {
    if (!set) return;
    const { only, pictures: wanted } = wish();
    const { colors, entries } = coloring();
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
      ...(wrong && indices.some((index) => wrong?.[index])
        ? [
            h(
              "span",
              { class: "muted small" },
              `◥ or ✕: taken for another class (${percent(share(wrong))})`,
            ),
          ]
        : []),
    );
    map.show({
      indices,
      sprites: wanted ? set.sprites : null,
      classes: colors,
      predicted: predicted?.classes ?? null,
      wrong,
      only,
      label: `${set.title} in two dimensions by ${methodName()}${entries.length ? `, coloured by ${entries.length} classes` : ""}`,
    });
  }

  /** @param {Uint8Array} flags */
  function share(flags) {
    return indices.reduce((sum, index) => sum + flags[index], 0) / Math.max(1, indices.length);
  }

  function methodName() {
    return { pca: "principal components", tsne: "t-SNE", umap: "UMAP" }[wish().method];
  }

  function showChart() {
    const { method: how } = wish();
    if (stops.length > 0) {
      const marks = stops.map(({ name, result }) => ({
        name,
        knn: result.knnAccuracy,
        silhouette: result.silhouette,
        trust: result.trustworthiness,
      }));
      chart.replaceChildren(h("h3", {}, "Over depth"), depthChart(marks, stop));
    } else if (how === "tsne") {
      chart.replaceChildren(
        h("h3", {}, "KL divergence"),
        history.length > 0 ? klChart(history, ITERATIONS.tsne) : "",
        truthPicture(),
      );
    } else if (how === "pca" && base?.explained) {
      chart.replaceChildren(
        h("h3", {}, "Share of variance"),
        screeChart(base.explained),
        loadings.element,
      );
    } else chart.replaceChildren(truthPicture());
  }

  /** Where the points of a made set really lie. */
  function truthPicture() {
    if (!set?.truth) return "";
    const plot = {
      points: set.truth,
      indices: all(set),
      set,
      classes: set.labels,
      predicted: null,
      wrong: null,
      labels: [],
    };
    const picture = h("img", {
      class: "truth",
      alt: "Where the points really lie, in the first two of their dimensions",
      src: `data:image/svg+xml,${encodeURIComponent(drawing(plot, 8))}`,
    });
    return h("figure", {}, h("figcaption", {}, "The truth"), picture);
  }

  function showFacts() {
    const known = base ?? shown;
    const running = wish().method !== "pca" && stops.length === 0 && shown === base && !isFallback;
    /** @type {[string, string, number | null | undefined][]} */
    const rows = [
      [
        "Trustworthiness",
        "How far neighbours in the map are true ones (5 neighbours; 1 is best)",
        running ? null : shown?.trustworthiness,
      ],
      [
        "k-NN accuracy",
        "How often the 10 nearest in the original space vote for a point's own label",
        known?.knnAccuracy,
      ],
      [
        "Silhouette",
        "How far classes lie apart in the original space, from −1 to 1",
        known?.silhouette,
      ],
    ];
    facts.replaceChildren(
      ...rows.flatMap(([name, title, value]) =>
        value === null || value === undefined
          ? []
          : [h("dt", { title }, name), h("dd", { class: "number" }, fixed(value, 3))],
      ),
    );
    if (base && wish().method === "pca" && stops.length === 0) void loadings.show(base);
  }

  function say() {
    if (!set) return;
    const { method: how, perplexity: wide, neighbors: closest, tour: touring } = wish();
    const preset = PRESETS.find(({ id }) => id === wish().set) ?? null;
    const by = "layer" in space() ? app.layer.name : "pixels";
    const text = describe({
      method: isFallback ? "pca" : how,
      set,
      count: indices.length,
      by,
      perplexity: wide,
      neighbors: closest,
      result: shown,
      explained: base?.explained ?? null,
      preset,
      touring: touring && set.kind === "pictures",
      stop: stops[stop]?.name ?? "",
    });
    heading.say(...text.heading);
    words.say(text.what, text.doubt);
  }

  /** @param {number | null} at */
  function look(at) {
    if (!set) return;
    const { colors } = coloring();
    const now = set;
    const others =
      at === null || !near ? [] : [...near.indices.slice(at * near.each, (at + 1) * near.each)];
    map.link(others);
    card.show(
      {
        set: now,
        colors,
        label: (index) => (now.labels ? (now.classes[now.labels[index]] ?? "") : ""),
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

  let lassoing = false;
  function toggleLasso() {
    lassoing = !lassoing;
    lasso.setAttribute("aria-pressed", String(lassoing));
    map.lasso(lassoing);
  }

  /** @param {number[]} places among the points shown */
  function choose(places) {
    if (lassoing) toggleLasso();
    const picked = places.map((at) => indices[at]);
    const enough = picked.length >= 8 && set?.kind !== "positions";
    selection.hidden = picked.length === 0 && !chosen;
    selection.replaceChildren(
      h("span", {}, `${picked.length} points chosen${set ? mostly(set, picked) : ""}`),
      enough
        ? button({
            label: "Lay these out alone",
            onClick: () => {
              chosen = picked;
              base = null;
              void lay();
              selection.replaceChildren(
                h("span", {}, `${picked.length} points, laid out alone`),
                everything(),
              );
            },
            signal,
          })
        : h(
            "span",
            { class: "muted" },
            set?.kind === "positions" ? "" : "too few to lay out alone",
          ),
      chosen ? everything() : h("span", {}),
    );
  }

  function everything() {
    return button({
      label: "All points again",
      kind: "quiet",
      onClick: () => {
        chosen = null;
        base = null;
        selection.hidden = true;
        void lay();
      },
      signal,
    });
  }

  async function savePng() {
    const blob = await map.png();
    if (blob) save(blob, "embedding.png");
  }

  /** @param {"svg" | "csv"} kind */
  function savePlot(kind) {
    if (!set) return;
    const { colors } = coloring();
    const plot = {
      points,
      indices,
      set,
      classes: colors,
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

  /** Which keys of the state lead to what. */
  const PARAMETERS = ["method", "perplexity", "neighbors", "distance", "start", "seed", "tour"];
  const SPACES = ["of", "pool"];

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
      if (isMoved) base = null;
      if (isGathered) void gather();
      else if (isMoved || has(PARAMETERS)) void lay();
      else if (has(["color", "pictures", "only"])) {
        drawPoints();
        look(null);
      }
    },
    destroy() {
      search.stop();
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

/**
 * The first two coordinates of every point.
 * @param {Tensor} points
 */
function firstTwo({ data, shape: [count, axes] }) {
  if (axes === 2) return data;
  const two = new Float32Array(2 * count);
  for (let at = 0; at < count; at += 1) {
    two[2 * at] = data[at * axes];
    two[2 * at + 1] = axes > 1 ? data[at * axes + 1] : 0;
  }
  return two;
}
