/**
 * The bar: which network, which picture, and which engine computes.
 * @module
 */

import { createPad } from "../pad/pad.js";
import { h, on, reveal } from "../widgets/dom.js";
import { bytes } from "../widgets/format.js";
import { popover } from "../widgets/popover.js";
import { createCamera } from "./camera.js";

/**
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("./session.js").Part} Part
 * @typedef {import("./session.js").Picture} Picture
 * @typedef {import("./store.js").Store} Store
 */

/**
 * @param {HTMLElement} root
 * @param {Store} store
 * @param {Session} app
 * @param {AbortSignal} signal
 */
export function createBar(root, store, app, signal) {
  const network = h("button", { type: "button", class: "button chooser" });
  const models = h("div", { class: "models" });
  const strip = h("div", { class: "strip", role: "radiogroup", "aria-label": "Pictures" });
  const file = h("input", {
    type: "file",
    accept: "image/*",
    class: "hidden",
    tabindex: -1,
    "aria-hidden": true,
  });
  const open = h(
    "button",
    {
      type: "button",
      class: "button quiet",
      title: "Choose a picture file; dropping or pasting one works too",
    },
    "File",
  );
  const camera = h("button", { type: "button", class: "button quiet" }, "Camera");
  const pad = h("button", { type: "button", class: "button quiet", hidden: true }, "Draw");
  const timing = h("span", { class: "timing" });
  const badge = h("button", { type: "button", class: "button quiet" });
  const engine = h("div", { class: "engine" }, badge);
  const sources = h("div", { class: "sources" }, open, file, camera, pad);
  root.replaceChildren(
    h("h1", {}, "convscope"),
    h("div", { class: "chosen" }, network),
    strip,
    sources,
    engine,
  );

  const chooser = popover({
    button: network,
    panel: models,
    label: "Choose a network",
    onOpen: fillModels,
    signal,
  });
  createCamera(camera, app, signal);
  createPad(pad, app, signal);
  showEngine();

  function fillModels() {
    models.replaceChildren(
      ...app.scope.models.map((model) => {
        const choose = h(
          "button",
          {
            type: "button",
            class: "model",
            "aria-pressed": String(store.get().model === model.id),
          },
          h("strong", {}, model.title),
          h(
            "span",
            { class: "muted" },
            `${describeInput(model.input)} · ${classCount(model.classes)} · ${bytes(model.bytes)}`,
          ),
        );
        on(choose, "click", () => chooseModel(model.id), signal);
        const source = /^https?:/.test(model.source ?? "")
          ? h("a", { href: model.source, rel: "noopener" }, "source")
          : h("span", {}, model.source ?? "");
        return h(
          "div",
          {},
          choose,
          h("p", { class: "muted small" }, `${model.licence} · `, source),
        );
      }),
    );
  }

  /** @param {string} model */
  function chooseModel(model) {
    chooser.close();
    if (model === store.get().model) return;
    const entry = app.scope.models.find((each) => each.id === model);
    const gray = channels(entry?.input) === 1;
    const suits = gray ? "fashion" : "photo";
    const keep = app.picture.kind === "own" || app.picture.kind === suits;
    const image = keep
      ? store.get().image
      : (app.scope.pictures.find((each) => each.kind === suits)?.id ?? store.get().image);
    store.set({ model, image, layer: "", channel: 0, target: null });
  }

  function showEngine() {
    const webgpu = app.scope.backend === "webgpu";
    badge.replaceChildren(
      h("span", { class: webgpu ? "dot" : "dot half", "aria-hidden": true }),
      h("span", { class: "name" }, webgpu ? "WebGPU" : "CPU engine"),
      timing,
    );
    const panel = h("div", {});
    const fill = () => {
      const other = webgpu ? "cpu" : "webgpu";
      const link = h(
        "a",
        { href: `?backend=${other}${location.hash}` },
        webgpu ? "CPU engine" : "WebGPU",
      );
      panel.replaceChildren(
        h(
          "p",
          {},
          webgpu
            ? "This page computes with its own shaders on WebGPU"
            : "This page computes with its own CPU engine",
          app.scope.reason ? `: ${app.scope.reason}.` : ".",
        ),
        h(
          "p",
          { class: "muted" },
          "Open this sight with the ",
          link,
          "; the numbers should be the same.",
        ),
      );
    };
    popover({ button: badge, panel, label: "Engine", onOpen: fill, signal });
  }

  function fillStrip() {
    strip.replaceChildren(...app.pictures.map((picture) => thumb(picture)));
    markStrip();
  }

  /** @param {Picture} picture */
  function thumb(picture) {
    const image = picture.url
      ? h("img", { src: picture.url, alt: "", loading: "lazy", decoding: "async" })
      : h("canvas", { "aria-hidden": true });
    const element = h(
      "button",
      {
        type: "button",
        role: "radio",
        "data-id": picture.id,
        "aria-label": picture.title,
        title: picture.title,
        class: picture.kind,
      },
      image,
    );
    on(element, "click", () => store.set({ image: picture.id, target: null }), signal);
    return element;
  }

  /** Draws a picture that has no address into its place in the strip, as the network sees it. */
  function showOwn() {
    const canvas = strip.querySelector(`[data-id="${CSS.escape(app.picture.id)}"] canvas`);
    if (!(canvas instanceof HTMLCanvasElement)) return;
    canvas.width = app.seen.width;
    canvas.height = app.seen.height;
    canvas.getContext("2d")?.putImageData(app.seen, 0, 0);
  }

  function markStrip() {
    const chosen = store.get().image;
    for (const element of /** @type {NodeListOf<HTMLElement>} */ (
      strip.querySelectorAll("[data-id]")
    )) {
      const mine = element.dataset.id === chosen;
      element.setAttribute("aria-checked", String(mine));
      element.tabIndex = mine ? 0 : -1;
      if (mine) reveal(strip, element);
    }
  }

  on(
    strip,
    "keydown",
    (event) => {
      const step = /** @type {Record<string, number>} */ ({ ArrowLeft: -1, ArrowRight: 1 })[
        event.key
      ];
      if (!step) return;
      const list = app.pictures;
      const next = list[list.findIndex((each) => each.id === store.get().image) + step];
      if (next) {
        store.set({ image: next.id, target: null });
        /** @type {HTMLElement | null} */ (
          strip.querySelector(`[data-id="${CSS.escape(next.id)}"]`)
        )?.focus();
      }
      event.preventDefault();
      event.stopPropagation();
    },
    signal,
  );
  on(open, "click", () => file.click(), signal);
  on(
    file,
    "change",
    () => {
      const [chosen] = file.files ?? [];
      if (chosen) void app.useImage(chosen, { title: chosen.name });
      file.value = "";
    },
    signal,
  );
  acceptDrops(app, signal);

  return {
    /** @type {Part} */
    part: {
      update(_, changed) {
        if (changed.has("net")) {
          const entry = app.scope.models.find((each) => each.id === store.get().model);
          network.replaceChildren(
            (entry?.title ?? app.net.name).replace(/ \(.*\)$/, ""),
            h("span", { class: "twist", "aria-hidden": true }),
          );
          pad.hidden = app.net.input.shape[1] !== 1;
        }
        if (
          changed.has("net") ||
          !strip.querySelector(`[data-id="${CSS.escape(store.get().image)}"]`)
        )
          fillStrip();
        else if (changed.has("image")) markStrip();
        if (changed.has("input") && !app.picture.url) showOwn();
      },
      destroy() {
        root.replaceChildren();
      },
    },
    /** @param {string} words */
    timing(words) {
      timing.textContent = words;
    },
  };
}

/** @param {unknown} input a shape or `{ shape }` */
function inputShape(input) {
  const shape = Array.isArray(input)
    ? input
    : /** @type {{ shape?: number[] } | undefined} */ (input)?.shape;
  return (shape ?? []).slice(-3);
}

/** @param {unknown} input */
function channels(input) {
  return inputShape(input)[0];
}

/** @param {unknown} input */
function describeInput(input) {
  const [depth, height, width] = inputShape(input);
  return `${depth === 1 ? "grey" : "colour"} ${height} × ${width}`;
}

/** @param {unknown} classes a count or the list of names */
function classCount(classes) {
  return `${Array.isArray(classes) ? classes.length : classes} classes`;
}

/**
 * Pictures dropped anywhere or pasted.
 * @param {Session} app
 * @param {AbortSignal} signal
 */
function acceptDrops(app, signal) {
  const root = document.documentElement;
  /** @param {DataTransfer | null} data */
  const take = (data) => {
    const [file] = data?.files ?? [];
    if (file) void app.useImage(file, { title: file.name || "pasted picture" });
    return Boolean(file);
  };
  document.addEventListener(
    "dragover",
    (event) => {
      event.preventDefault();
      root.classList.add("dropping");
    },
    { signal },
  );
  document.addEventListener(
    "dragleave",
    (event) => event.relatedTarget === null && root.classList.remove("dropping"),
    { signal },
  );
  document.addEventListener(
    "drop",
    (event) => {
      root.classList.remove("dropping");
      // A view that lays pictures out has taken them.
      if (event.defaultPrevented) return;
      event.preventDefault();
      take(event.dataTransfer);
    },
    { signal },
  );
  document.addEventListener(
    "paste",
    (event) => take(event.clipboardData) && event.preventDefault(),
    { signal },
  );
}
