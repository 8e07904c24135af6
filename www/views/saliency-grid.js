/**
 * Up to four maps side by side: other methods, other classes, other networks, with one cursor and, if wanted, one scale.
 * @module
 */

import { toggle } from "../widgets/controls.js";
import { h, on } from "../widgets/dom.js";
import { number } from "../widgets/format.js";
import { createLegend } from "../widgets/legend.js";
import { createLink, createPixels } from "../widgets/pixels.js";
import { createReadout } from "../widgets/readout.js";
import { ask, depthOf, reductionOf, settings } from "./saliency-ask.js";
import { methodChoices } from "./saliency-controls.js";
import { methodOf } from "./saliency-methods.js";
import { paintOf, shareScale, sightOf, veil } from "./saliency-sight.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../app/store.js").State} State
 * @typedef {import("../convscope.js").Net} Net
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("../convscope.js").Prediction} Prediction
 * @typedef {import("./saliency-ask.js").Asked} Asked
 * @typedef {import("./saliency-sight.js").Sight} Sight
 *
 * @typedef {{ method: string, target: number | null, model: string }} Cell `target` is `null` for what the page asks about, and
 *   for the predicted class of another network; `model` is empty for the page's
 * @typedef {{ net: Net, input: Tensor, seen: ImageData, prediction: Prediction }} Subject
 * @typedef {{ sight: Sight, asked: Asked, subject: Subject }} Found
 */

const MOST = 4;
const LIKELY = 5;

/**
 * The cells that a text such as `grad_cam,,;saliency,4,` names.
 * @param {string} text
 * @returns {Cell[]}
 */
export function readCells(text) {
  return text
    .split(";")
    .filter(Boolean)
    .slice(0, MOST)
    .map((part) => {
      const [method, target = "", model = ""] = part.split(",");
      const index = Number(target);
      return {
        method: methodOf(method).id,
        target: target !== "" && Number.isInteger(index) && index >= 0 ? index : null,
        model,
      };
    });
}

/** @param {readonly Cell[]} cells */
export function writeCells(cells) {
  return cells.map(({ method, target, model }) => `${method},${target ?? ""},${model}`).join(";");
}

/**
 * @param {{ app: Session, store: Store, signal: AbortSignal }} options
 */
export function createGrid({ app, store, signal }) {
  const link = createLink();
  const readout = createReadout("Point at a pixel: the cursor is in all maps at once.");
  const legend = createLegend(app.scope);
  const one = toggle({
    label: "One scale for all",
    value: store.get()["saliency.one"] === true,
    onChange: (value) => store.set({ "saliency.one": value }),
    signal,
  });
  const add = h("button", { type: "button", class: "button small" }, "Add a map");
  const places = Array.from({ length: MOST }, (_, place) => createPlace(place));
  const element = h(
    "div",
    { class: "grid-of-maps" },
    h("div", { class: "places" }, ...places.map((place) => place.element)),
    h("div", { class: "row map-key" }, add, one.element, legend.element),
    readout.element,
  );
  /** @type {(Found | null)[]} */
  let found = [];
  /** Networks of cells, by id; they go with the view. @type {Map<string, Promise<Net>>} */
  const nets = new Map();
  signal.addEventListener(
    "abort",
    () => {
      for (const net of nets.values()) net.then((each) => each.dispose()).catch(() => undefined);
    },
    { once: true },
  );
  on(add, "click", () => change((cells) => [...cells, { ...cells[cells.length - 1] }]), signal);

  const cellsNow = () => {
    const cells = readCells(String(store.get()["saliency.grid"]));
    return cells.length > 0 ? cells : startOf(store.get());
  };

  /** @param {(cells: Cell[]) => Cell[]} how */
  function change(how) {
    store.set({ "saliency.grid": writeCells(how(cellsNow()).slice(0, MOST)) });
  }

  /** @param {number} place */
  function createPlace(place) {
    const method = h("select", { "aria-label": `Method of map ${place + 1}` }, ...methodChoices());
    const target = h("select", { "aria-label": `Class of map ${place + 1}` });
    const model = h("select", { "aria-label": `Network of map ${place + 1}` });
    const remove = h(
      "button",
      { type: "button", class: "button quiet", "aria-label": `Remove map ${place + 1}` },
      "✕",
    );
    const pixels = createPixels({
      label: `Map ${place + 1}`,
      link,
      onHover: (cell) => hover(cell, place),
      signal,
    });
    const range = h("span", { class: "muted small number" });
    const flat = h("p", { class: "flat", hidden: true });
    const here = h("span", { class: "here number" });
    const head = h("div", { class: "head" }, method, target, model, range, here, remove);
    const card = h(
      "div",
      { class: "place" },
      head,
      h("div", { class: "map" }, pixels.element, flat),
    );
    const put = (/** @type {Partial<Cell>} */ patch) =>
      change((cells) =>
        cells.map((cell, index) => (index === place ? { ...cell, ...patch } : cell)),
      );
    on(method, "change", () => put({ method: method.value }), signal);
    on(
      target,
      "change",
      () => put({ target: target.value === "" ? null : Number(target.value) }),
      signal,
    );
    on(model, "change", () => put({ model: model.value, target: null }), signal);
    on(
      remove,
      "click",
      () => change((cells) => cells.filter((_, index) => index !== place)),
      signal,
    );
    return { element: card, method, target, model, remove, pixels, range, here, flat };
  }

  /**
   * What a cell looks at: the page's network, or another one with the same picture.
   * @param {string} model
   * @param {AbortSignal} until
   * @returns {Promise<Subject>}
   */
  async function subjectOf(model, until) {
    if (model === "" || model === store.get().model)
      return { net: app.net, input: app.input, seen: app.seen, prediction: app.prediction };
    let loading = nets.get(model);
    if (!loading) {
      loading = app.scope.load(model);
      loading.catch(() => nets.delete(model));
      nets.set(model, loading);
    }
    const net = await loading;
    if (!app.picture.image) throw new Error("The picture is not there yet.");
    const input = await net.preprocess(app.picture.image);
    const seen = await net.toPixels(input);
    return {
      net,
      input,
      seen,
      prediction: await net.predict(input, { top: LIKELY, signal: until }),
    };
  }

  /**
   * @param {Cell} cell
   * @param {Subject} subject
   * @returns {Asked}
   */
  function askOf({ method, target, model }, subject) {
    const state = store.get();
    const { net, prediction } = subject;
    const shown = methodOf(method);
    const other = net !== app.net;
    if (target === null && !other) return ask(state, app, shown);
    const index = target ?? prediction.top[0].index;
    const name = net.labels[index] ?? `class ${index}`;
    const layer = other ? depthOf(net, "") : depthOf(net, state["saliency.layer"]);
    const predicted = index === prediction.top[0].index;
    return {
      method: shown,
      options: {},
      kind: "class",
      of: "logit",
      target: { logit: index },
      name: model ? `${name} by ${net.name}` : name,
      score: `logit of ${name}`,
      predicted,
      layer,
    };
  }

  async function compute() {
    const cells = cellsNow();
    layOut(cells);
    const next = await app.work("grid", async (until) => {
      const list = [];
      for (const cell of cells) {
        const subject = await subjectOf(cell.model, until);
        const asked = askOf(cell, subject);
        const map = await subject.net.attribute(subject.input, {
          ...settings(asked),
          signal: until,
        });
        const clip = Number(store.get()["saliency.clip"]);
        const sight = sightOf(map, asked, reductionOf(store.get(), asked.method), clip);
        list.push({ sight, asked, subject });
        if (!until.aborted && list.length < cells.length) await paint(list, cells);
      }
      return list;
    });
    if (next && !signal.aborted) await paint(next, cells);
  }

  /** @param {readonly Cell[]} cells */
  function layOut(cells) {
    element.dataset.count = String(cells.length);
    for (const [index, place] of places.entries()) {
      const cell = cells[index];
      place.element.hidden = !cell;
      if (!cell) continue;
      place.method.value = cell.method;
      place.remove.hidden = cells.length < 2;
      const { models } = app.scope;
      place.model.replaceChildren(
        ...models.map(({ id, title }) =>
          h("option", { value: id === store.get().model ? "" : id }, title),
        ),
      );
      place.model.value = cell.model === store.get().model ? "" : cell.model;
      place.model.hidden = models.length < 2;
    }
    add.hidden = cells.length >= MOST;
    one.element.hidden = cells.length < 2;
  }

  /**
   * @param {Found[]} list
   * @param {readonly Cell[]} cells
   */
  async function paint(list, cells) {
    found = list;
    const shared = store.get()["saliency.one"] === true && list.length > 1;
    const scaled = shared
      ? shareScale(list.map(({ sight }) => sight))
      : list.map(({ sight }) => sight);
    for (const [index, sight] of scaled.entries()) {
      const { asked, subject } = list[index];
      const place = places[index];
      const { bitmap } = await app.scope.paint(sight.plane, paintOf(sight));
      const seen = await createImageBitmap(subject.seen);
      if (signal.aborted) return;
      const { width, height } = seen;
      const [, , rows, columns] = sight.plane.shape;
      const over = store.get()["saliency.place"] === "over";
      const under = { bitmap: seen, filter: "grayscale(1)" };
      const alpha = over ? Number(store.get()["saliency.opacity"]) / 100 : 1;
      const layer = {
        bitmap: over ? veil(bitmap, sight) : bitmap,
        width: columns,
        height: rows,
        alpha,
        smooth: rows < height ? true : undefined,
      };
      place.flat.hidden = sight.blank === null;
      place.flat.textContent = sight.blank ?? "";
      place.pixels.show({
        width,
        height,
        layers: sight.blank ? [{ ...under, alpha: 0.25 }] : over ? [under, layer] : [layer],
        label: `${asked.method.title} for ${asked.name}`,
      });
      place.range.textContent = sight.blank ? "" : `${number(sight.low)} to ${number(sight.high)}`;
      showClasses(place.target, cells[index], subject);
    }
    const last = scaled.at(-1);
    legend.element.hidden = !shared || !last;
    if (shared && last)
      legend.show({
        map: last.colours,
        low: last.low,
        high: last.high,
        note: "in all maps",
        label: "Maps",
      });
  }

  /**
   * @param {HTMLSelectElement} select
   * @param {Cell} cell
   * @param {Subject} subject
   */
  function showClasses(select, cell, { net, prediction }) {
    const other = net !== app.net;
    const likely = prediction.top.map(({ index }) => index);
    const listed =
      cell.target === null || likely.includes(cell.target) ? likely : [cell.target, ...likely];
    const automatic = other ? `${net.labels[likely[0]]} (predicted)` : ask(store.get(), app).name;
    select.replaceChildren(
      h("option", { value: "" }, automatic),
      ...listed.map((index) =>
        h("option", { value: index }, net.labels[index] ?? `class ${index}`),
      ),
    );
    select.value = cell.target === null ? "" : String(cell.target);
  }

  /**
   * @param {{ x: number, y: number } | null} cell in the pixels of one map; the others are read at the same share of theirs
   * @param {number} place
   */
  function hover(cell, place) {
    const from = found[place]?.subject.seen;
    for (const [index, { here }] of places.entries()) {
      const plane = found[index]?.sight.plane;
      if (!cell || !from || !plane) {
        here.textContent = "";
        continue;
      }
      const [, , rows, columns] = plane.shape;
      const y = Math.min(rows - 1, Math.floor((cell.y * rows) / from.height));
      const x = Math.min(columns - 1, Math.floor((cell.x * columns) / from.width));
      here.textContent = `here ${number(plane.data[y * columns + x])}`;
    }
    readout.show(cell && from ? `row ${cell.y}, column ${cell.x}` : null);
  }

  return {
    element,
    /** @param {boolean} again @param {Set<string>} changed */
    update(again, changed) {
      one.set(store.get()["saliency.one"] === true);
      const anew = ["saliency.grid", "saliency.map", "saliency.clip"].some((key) =>
        changed.has(key),
      );
      if (again || anew) void compute();
      else if (found.length > 0) void paint(/** @type {Found[]} */ (found), cellsNow());
    },
    leave: () => app.stop("grid"),
  };
}

/**
 * The cells of a grid that nobody has set: the chosen method beside two that differ from it.
 * @param {State} state
 * @returns {Cell[]}
 */
function startOf(state) {
  const own = methodOf(state["saliency.method"]).id;
  const names = [own, "integrated_gradients", "smooth_grad", "grad_cam", "gradient"];
  const known = names.filter((id) => methodOf(id).id === id);
  return [...new Set(known)].slice(0, MOST).map((method) => ({ method, target: null, model: "" }));
}
