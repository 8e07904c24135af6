/**
 * The controls of style transfer: how much style, start and stop, and folded away the rest.
 * @module
 */

import { button, fold, group, select, slider, toggle } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";
import { number } from "../widgets/format.js";
import { createStart, savingFold } from "./growing-controls.js";
import { betaOf, MOST_FACTOR } from "./style-question.js";
import { formulas } from "./style-words.js";

/**
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../app/store.js").State} State
 * @typedef {import("./style-question.js").Preset} Preset
 * @typedef {import("./style-question.js").Question} Question
 * @typedef {import("./growing-controls.js").Running & import("./growing-controls.js").Saving} Doing
 */

/**
 * @param {{ root: HTMLElement, store: Store, question: Question, brush: ReturnType<typeof import("../widgets/brush.js").createBrush>, doing: Doing, signal: AbortSignal }} options
 */
export function createControls({ root, store, question, brush, doing, signal }) {
  const state = store.get();
  /** @type {Preset | null} */
  let preset = null;
  /** How much each style layer counts. @type {Map<string, ReturnType<typeof slider>>} */
  let weights = new Map();
  /** @param {string} key */
  const put = (key) => (/** @type {import("../app/store.js").Value} */ value) =>
    store.set({ [`style.${key}`]: value });
  const slide = (
    /** @type {string} */ label,
    /** @type {string} */ key,
    /** @type {{ min: number, max: number, step: number, text?: (value: number) => string }} */ range,
  ) =>
    slider({
      ...range,
      label,
      value: Number(state[`style.${key}`]),
      onInput: (value) => store.set({ [`style.${key}`]: value }, { replace: true }),
      signal,
    });
  const choose = (
    /** @type {string} */ label,
    /** @type {string} */ key,
    /** @type {{ value: string, label: string }[]} */ options,
    /** @type {(value: string) => import("../app/store.js").Value} */ read = (value) => value,
  ) =>
    select({
      label,
      options,
      value: String(state[`style.${key}`]),
      onChange: (value) => put(key)(read(value)),
      signal,
    });
  const flag = (/** @type {string} */ label, /** @type {string} */ key) =>
    toggle({ label, value: state[`style.${key}`] === true, onChange: put(key), signal });

  const start = createStart({ doing, signal });
  const ratio = slide("Style against content, β / α", "ratio", {
    min: -1.5,
    max: 1.5,
    step: 0.1,
    text: (value) => (preset ? number(betaOf(value, preset)) : ""),
  });
  const steps = slider({
    label: "Steps",
    min: 20,
    max: 400,
    step: 20,
    value: 120,
    onInput: (value) => store.set({ "style.steps": value }, { replace: true }),
    signal,
  });
  const settings = {
    preset: choose("Settings", "preset", question.presets()),
    optimizer: choose("Optimiser", "optimizer", [
      { value: "", label: "As set" },
      { value: "adam", label: "Adam" },
      { value: "lbfgs", label: "L-BFGS" },
    ]),
    from: choose("Starts from", "from", [
      { value: "content", label: "The content" },
      { value: "style", label: "The style" },
      { value: "noise", label: "Noise" },
    ]),
    colours: choose("Colours", "colours", [
      { value: "", label: "The style’s" },
      { value: "luminance", label: "The content’s: brightness alone changes" },
      { value: "match", label: "The content’s: the style is recoloured" },
    ]),
    size: choose(
      "Size",
      "size",
      [
        { value: "0", label: "The network’s" },
        ...["128", "256", "384", "512"].map((value) => ({ value, label: `${value}²` })),
      ],
      Number,
    ),
    second: choose("Mixed with", "second", []),
    content: choose("Content layer", "content", []),
    gram: choose("Gram matrices of", "gram", []),
    curve: choose("Curves", "curve", [
      { value: "terms", label: "The terms of the loss" },
      { value: "layers", label: "β style, layer by layer" },
    ]),
  };
  const mix = slide("Share of the second", "mix", {
    min: 0,
    max: 100,
    step: 5,
    text: (value) => `${value} %`,
  });
  const paints = toggle({
    label: "Mark it on the content with a brush",
    value: brush.active,
    onChange: (value) => {
      brush.active = value;
    },
    signal,
  });
  const radius = slider({
    label: "Brush",
    min: 2,
    max: 48,
    step: 2,
    value: brush.radius,
    text: (value) => `${value} px`,
    onInput: (value) => {
      brush.radius = value;
    },
    signal,
  });
  const scales = slide("Sizes, coarse to fine", "scales", {
    min: 0,
    max: 4,
    step: 1,
    text: (value) => (value === 0 ? "as set" : String(value)),
  });
  const scale = slide("Size of strokes", "scale", {
    min: 0.5,
    max: 2,
    step: 0.25,
    text: (value) => `× ${value}`,
  });
  const texture = flag("Texture alone (α = 0, from noise)", "texture");
  const moments = flag("Means and deviations instead of Gram", "moments");
  const layers = h("div", { class: "style-layers" });
  const saving = savingFold({ doing, signal });
  /** @param {string} label @param {string} sight */
  const sightButton = (label, sight) =>
    button({
      label,
      onClick: () => store.set({ "style.sight": sight, "style.run": sight !== "one" }),
      signal,
    });
  root.replaceChildren(
    group(
      "Picture",
      ratio.element,
      h(
        "div",
        { class: "buttons" },
        ...start.elements,
        button({
          label: "Another seed",
          onClick: () =>
            store.set({ "style.seed": Number(store.get()["style.seed"]) + 1, "style.run": true }),
          signal,
        }),
      ),
    ),
    fold(
      "Layers",
      h("p", { class: "muted" }, "How much each layer’s style counts:"),
      layers,
      settings.content.element,
      settings.gram.element,
      settings.curve.element,
    ),
    fold("Two styles", settings.second.element, mix.element),
    fold(
      "Where the style acts",
      paints.element,
      radius.element,
      h(
        "div",
        { class: "buttons" },
        button({ label: "The middle", onClick: () => brush.wipe(true), signal }),
        button({ label: "Everywhere", onClick: () => brush.wipe(false), signal }),
      ),
      h(
        "p",
        { class: "muted" },
        "What is not marked keeps the content, or takes the second style.",
      ),
    ),
    fold("Colours and strokes", settings.colours.element, scale.element),
    fold(
      "Start, size and steps",
      settings.preset.element,
      settings.optimizer.element,
      settings.from.element,
      settings.size.element,
      scales.element,
      steps.element,
      moments.element,
      texture.element,
    ),
    fold(
      "Look closer",
      sightButton("Each layer by itself", "layers"),
      sightButton("Shuffle the positions", "shuffle"),
      sightButton("One picture", "one"),
    ),
    formulas(),
    saving,
  );

  /** How much a style layer counts. @param {string} name */
  const weight = (name) =>
    slider({
      label: name,
      min: 0,
      max: MOST_FACTOR,
      step: 0.25,
      value: 1,
      text: (value) => `× ${value}`,
      onInput: (value) => {
        const next = question.factors().set(name, value);
        const told = [...next].filter(([, factor]) => factor !== 1);
        const text = told.map(([each, factor]) => `${each}:${factor}`).join(",");
        store.set({ "style.weights": text }, { replace: true });
      },
      signal,
    });

  /** @param {Preset} base */
  function offerLayers(base) {
    const names = Object.keys(base.styleLayers);
    if (layers.dataset.names !== names.join()) {
      layers.dataset.names = names.join();
      weights = new Map(names.map((name) => [name, weight(name)]));
      layers.replaceChildren(...[...weights.values()].map(({ element }) => element));
    }
    const factors = question.factors();
    for (const [name, control] of weights) control.set(factors.get(name) ?? 1);
    const options = names.map((value) => ({ value, label: value }));
    const own = Object.keys(base.contentLayers);
    const spatial = question.app.net.layers.filter(
      ({ name, block, shape: [, rows, columns] }) => name === block && rows * columns > 1,
    );
    settings.content.fill([
      { value: "", label: `${own.join(", ")} (as set)` },
      ...spatial.map(({ name }) => ({ value: name, label: name })),
    ]);
    settings.gram.fill(options);
  }

  return {
    /**
     * Brings the controls in line with the state.
     * @param {State} next
     * @param {Preset} base
     */
    mirror(next, base) {
      preset = base;
      offerLayers(base);
      settings.second.fill([
        { value: "", label: "No other" },
        ...question.styles().map(({ id, title }) => ({ value: id, label: title })),
      ]);
      settings.preset.fill(question.presets());
      for (const [key, control] of Object.entries(settings))
        control.set(String(next[`style.${key}`]));
      settings.gram.set(question.shownLayer(base));
      ratio.set(Number(next["style.ratio"]));
      mix.set(Number(next["style.mix"]));
      scales.set(Number(next["style.scales"]));
      scale.set(Number(next["style.scale"]));
      steps.set(Number(next["style.steps"]) || base.steps);
      texture.set(next["style.texture"] === true);
      moments.set(next["style.moments"] === true);
      // Nothing grows there that could be saved.
      saving.hidden = next["style.sight"] === "shuffle";
    },
    buttons: start.show,
  };
}
