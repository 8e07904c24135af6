/**
 * The controls of the view of embeddings, and what they are set to.
 * @module
 */

import { button, fold, group, segmented, select, slider, toggle } from "../widgets/controls.js";
import { h, on } from "../widgets/dom.js";
import { formulasOf } from "./embedding-formulas.js";
import { PRESETS } from "./embedding-presets.js";

/**
 * @typedef {"pca" | "tsne" | "umap"} Method
 */

/** Milliseconds that a slider rests before its value is taken. */
const REST = 250;

/** What can be laid out, with how many. */
const SETS = [
  { value: "fashion 500", label: "Fashion, 500" },
  { value: "fashion 1000", label: "Fashion, 1,000" },
  { value: "fashion 2000", label: "Fashion, 2,000" },
  { value: "fashion 10000", label: "Fashion, 10,000" },
  { value: "positions 0", label: "One picture's places" },
  { value: "own 0", label: "Your own pictures" },
  ...PRESETS.map(({ id, title }) => ({ value: `${id} 0`, label: `Made: ${title.toLowerCase()}` })),
];

/**
 * @param {{ app: import("../app/session.js").Session, store: import("../app/store.js").Store, onFiles: (files: File[]) => void, hasFiles: () => boolean, onSave: (kind: "png" | "svg" | "csv") => void, signal: AbortSignal }} options
 */
export function createControls({ app, store, onFiles, hasFiles, onSave, signal }) {
  let rest = 0;
  signal.addEventListener("abort", () => clearTimeout(rest), { once: true });

  const wish = () => {
    const now = store.get();
    return {
      method: /** @type {Method} */ (now["embedding.method"]),
      set: String(now["embedding.set"]),
      count: Number(now["embedding.count"]),
      of: now["embedding.of"],
      pool: /** @type {"flatten" | "mean"} */ (now["embedding.pool"]),
      perplexity: Number(now["embedding.perplexity"]),
      neighbors: Number(now["embedding.neighbors"]),
      minDistance: Number(now["embedding.distance"]),
      color: now["embedding.color"],
      pictures: now["embedding.pictures"] === true,
      start: /** @type {"pca" | "random"} */ (now["embedding.start"]),
      seed: Number(now["embedding.seed"]),
      only: /** @type {number | null} */ (now["embedding.only"]),
      find: String(now["embedding.find"]),
      tour: now["embedding.tour"] === true,
    };
  };

  /** @param {Record<string, import("../app/store.js").Value>} patch */
  const put = (patch, replace = false) =>
    store.set(
      Object.fromEntries(Object.entries(patch).map(([key, value]) => [`embedding.${key}`, value])),
      { replace },
    );

  /**
   * Takes a slider's value once it rests.
   * @param {string} key
   * @param {number} value
   */
  function putSoon(key, value) {
    clearTimeout(rest);
    rest = window.setTimeout(() => put({ [key]: value }, true), REST);
  }

  const initial = wish();
  const method = segmented({
    label: "Method",
    options: [
      {
        value: "pca",
        label: "PCA",
        title: "Principal components: the two directions of greatest variance",
      },
      { value: "tsne", label: "t-SNE", title: "Keeps neighbours together" },
      { value: "umap", label: "UMAP", title: "Lays out a graph of neighbours" },
    ],
    value: initial.method,
    onChange: (value) => put({ method: value }),
    signal,
  });
  const perplexity = slider({
    label: "Perplexity",
    min: 2,
    max: 100,
    step: 1,
    value: initial.perplexity,
    text: (value) => `${value} neighbours`,
    onInput: (value) => putSoon("perplexity", value),
    signal,
  });
  const neighbors = slider({
    label: "Neighbours",
    min: 2,
    max: 100,
    step: 1,
    value: initial.neighbors,
    onInput: (value) => putSoon("neighbors", value),
    signal,
  });
  const distance = slider({
    label: "Least distance",
    min: 0,
    max: 0.99,
    step: 0.01,
    value: initial.minDistance,
    text: (value) => value.toFixed(2),
    onInput: (value) => putSoon("distance", value),
    signal,
  });
  const depth = toggle({
    label: "Tour through the layers",
    value: initial.tour,
    onChange: (value) => put({ tour: value }),
    signal,
  });
  const sets = select({
    label: "Points",
    options: SETS,
    value: setValue(initial),
    onChange: (value) => takeSet(value),
    signal,
  });
  const of = segmented({
    label: "By",
    options: [
      { value: "layer", label: "the layer", title: "What the chosen layer says" },
      { value: "pixels", label: "the pixels", title: "The pictures' own values" },
    ],
    value: String(initial.of),
    onChange: (value) => put({ of: value }),
    signal,
  });
  const color = segmented({
    label: "Colour by",
    options: [
      { value: "label", label: "Label" },
      { value: "prediction", label: "Prediction" },
    ],
    value: String(initial.color),
    onChange: (value) => put({ color: value, only: null }),
    signal,
  });
  const pictures = toggle({
    label: "Show pictures",
    value: initial.pictures,
    onChange: (value) => put({ pictures: value }),
    signal,
  });
  const pool = segmented({
    label: "Of the layer",
    options: [
      { value: "flatten", label: "All values" },
      { value: "mean", label: "Means", title: "The mean of each channel" },
    ],
    value: initial.pool,
    onChange: (value) => put({ pool: value }),
    signal,
  });
  const start = segmented({
    label: "Start",
    options: [
      {
        value: "pca",
        label: "PCA",
        title: "On the first two components: keeps the large order, repeats",
      },
      { value: "random", label: "Random", title: "Anywhere, by the seed" },
    ],
    value: initial.start,
    onChange: (value) => put({ start: value }),
    signal,
  });
  const seed = button({
    label: "Another seed",
    onClick: () => put({ start: "random", seed: wish().seed + 1 }),
    signal,
  });
  const formula = h("div", { class: "formula" });
  const picker = h("input", { type: "file", multiple: true, accept: "image/*", hidden: true });
  const folder = h("input", { type: "file", multiple: true, webkitdirectory: true, hidden: true });
  for (const input of [picker, folder])
    on(
      input,
      "change",
      () => {
        onFiles([...(input.files ?? [])]);
        input.value = "";
      },
      signal,
    );
  const presets = h(
    "div",
    { class: "presets" },
    ...PRESETS.map((preset) =>
      button({
        label: preset.title,
        title: preset.what,
        onClick: () =>
          put({
            set: preset.id,
            method: "tsne",
            perplexity: preset.perplexity,
            tour: false,
            only: null,
          }),
        signal,
      }),
    ),
  );
  app.controls.replaceChildren(
    group(
      "Map",
      method.element,
      perplexity.element,
      neighbors.element,
      distance.element,
      depth.element,
    ),
    group("Points", sets.element, of.element, color.element, pictures.element),
    fold(
      "How maps mislead",
      h("p", { class: "muted small" }, "Sets whose truth is known:"),
      presets,
    ),
    fold(
      "Your own pictures",
      h(
        "p",
        { class: "muted small" },
        "Names of folders become labels. Nothing leaves this machine.",
      ),
      button({ label: "Choose files", onClick: () => picker.click(), signal }),
      button({ label: "Choose a folder", onClick: () => folder.click(), signal }),
      picker,
      folder,
    ),
    fold("Pooling and start", pool.element, start.element, seed),
    fold("Formula and paper", formula),
    fold(
      "Save",
      button({ label: "PNG", title: "The sight", onClick: () => onSave("png"), signal }),
      button({ label: "SVG", title: "The points", onClick: () => onSave("svg"), signal }),
      button({ label: "CSV", title: "The numbers", onClick: () => onSave("csv"), signal }),
    ),
  );

  /** @param {{ set: string, count: number }} now */
  function setValue({ set: id, count }) {
    return `${id} ${id === "fashion" ? count : 0}`;
  }

  /** @param {string} value */
  function takeSet(value) {
    const [id, count] = value.split(" ");
    if (id === "own" && !hasFiles()) {
      sets.set(setValue(wish()));
      picker.click();
      return;
    }
    const preset = PRESETS.find((each) => each.id === id);
    put({
      set: id,
      only: null,
      ...(id === "fashion" ? { count: Number(count) } : {}),
      ...(preset ? { perplexity: preset.perplexity, tour: false } : {}),
    });
  }

  return {
    wish,
    put,
    /** @param {ReturnType<typeof wish>} now */
    update(now) {
      method.set(now.method);
      formula.replaceChildren(...formulasOf(now.method));
      perplexity.set(now.perplexity);
      neighbors.set(now.neighbors);
      distance.set(now.minDistance);
      depth.set(now.tour);
      sets.set(setValue(now));
      of.set(String(now.of));
      color.set(String(now.color));
      pictures.set(now.pictures);
      pool.set(now.pool);
      start.set(now.start);
      perplexity.element.hidden = now.method !== "tsne";
      neighbors.element.hidden = now.method !== "umap";
      distance.element.hidden = now.method !== "umap";
    },
  };
}
