/**
 * The controls of synthesis: what is raised, what makes it legible, where it starts, and what is saved.
 * @module
 */

import { createCombobox } from "../widgets/combobox.js";
import { button, fold, group, select, slider, toggle } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";
import { createStart, savingFold } from "./growing-controls.js";
import { createMix } from "./synthesis-mix.js";
import { createPlace } from "./synthesis-place.js";
import { PRESETS, SWITCHES, switchedOff } from "./synthesis-settings.js";

/**
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../app/store.js").State} State
 * @typedef {import("./synthesis-settings.js").Preset} Preset
 * @typedef {import("./synthesis-question.js").Sight} Sight
 * @typedef {import("./synthesis-question.js").Question} Question
 * @typedef {import("./growing-controls.js").Running & import("./growing-controls.js").Saving} Doing
 */

/**
 * @param {{ root: HTMLElement, question: Question, store: Store, doing: Doing, signal: AbortSignal }} options
 */
export function createControls({ root, question, store, doing, signal }) {
  const { app } = question;
  const state = store.get();
  const of = select({
    label: "Raised",
    options: [
      { value: "class", label: "Class" },
      { value: "channel", label: "Channel" },
      { value: "unit", label: "One unit" },
      { value: "spot", label: "Direction" },
      { value: "mix", label: "Mixture" },
      { value: "dream", label: "DeepDream" },
      { value: "caricature", label: "Caricature" },
    ],
    value: String(state["synthesis.of"]),
    onChange: (value) => store.set({ "synthesis.of": value, "synthesis.sight": "one" }),
    signal,
  });
  const start = createStart({ doing, signal });
  const mix = createMix({ app, store, signal });
  const place = createPlace({ question, store, signal });
  const other = createCombobox({
    label: "The other unit",
    onChoose: (index) =>
      store.set({
        "synthesis.other": index,
        "synthesis.sight": "between",
        "synthesis.run": true,
      }),
    signal,
  });
  const seed = button({
    label: "Another seed",
    onClick: () =>
      store.set({
        "synthesis.seed": Number(store.get()["synthesis.seed"]) + 1,
        "synthesis.run": true,
      }),
    signal,
  });
  const beside = toggle({
    label: "Beside the plain rule",
    value: state["synthesis.compare"] === true,
    onChange: (value) => store.set({ "synthesis.compare": value }),
    signal,
  });
  const stretch = toggle({
    label: "Stretch contrast",
    value: state["synthesis.stretch"] === true,
    onChange: (value) => store.set({ "synthesis.stretch": value }, { replace: true }),
    signal,
  });
  const preset = select({
    label: "Settings",
    options: PRESETS,
    value: String(state["synthesis.preset"]),
    onChange: (value) => store.set({ "synthesis.preset": value }),
    signal,
  });
  const from = select({
    label: "Starts from",
    options: [
      { value: "", label: "Noise" },
      { value: "grey", label: "Even grey" },
      { value: "picture", label: "The picture" },
    ],
    value: String(state["synthesis.from"]),
    onChange: (value) => store.set({ "synthesis.from": value }),
    signal,
  });
  const steps = slider({
    label: "Steps",
    min: 16,
    max: 512,
    step: 16,
    value: 128,
    onInput: (value) => store.set({ "synthesis.steps": value }, { replace: true }),
    signal,
  });
  const switches = SWITCHES.map((each) => {
    const control = toggle({
      label: each.label,
      value: true,
      onChange: (value) => {
        const off = switchedOff(store.get());
        if (value) off.delete(each.id);
        else off.add(each.id);
        store.set({ "synthesis.off": [...off].join(",") });
      },
      signal,
    });
    control.element.title = each.title;
    return { ...each, control };
  });
  const octaves = slider({
    label: "Octaves, coarse to fine",
    min: 1,
    max: 4,
    step: 1,
    value: Number(state["synthesis.octaves"]),
    onInput: (value) => store.set({ "synthesis.octaves": value }, { replace: true }),
    signal,
  });
  const blur = slider({
    label: "Blur every … steps (pixels only)",
    min: 0,
    max: 16,
    step: 1,
    value: Number(state["synthesis.blur"]),
    text: (value) => (value === 0 ? "never" : String(value)),
    onInput: (value) => store.set({ "synthesis.blur": value }, { replace: true }),
    signal,
  });
  /** @param {string} label @param {Sight} sight */
  const sightButton = (label, sight) =>
    button({
      label,
      onClick: () => store.set({ "synthesis.sight": sight, "synthesis.run": true }),
      signal,
    });
  root.replaceChildren(
    group(
      "Picture",
      of.element,
      place.element,
      mix.element,
      h("div", { class: "buttons" }, ...start.elements, seed),
      beside.element,
    ),
    fold(
      "What makes it legible",
      preset.element,
      ...switches.map((each) => each.control.element),
      octaves.element,
      blur.element,
    ),
    fold("Start and steps", from.element, steps.element, stretch.element),
    fold(
      "Many at once",
      sightButton("Each switch by itself", "switches"),
      sightButton("All channels of this layer", "grid"),
      sightButton("The picture from every layer", "layers"),
      sightButton("Several pictures of it, kept apart", "diverse"),
      sightButton("From it to another unit", "between"),
      other.element,
      sightButton("One picture", "one"),
    ),
    savingFold({ doing, signal }),
  );

  return {
    /**
     * Brings the controls in line with the state; waits until the place that is asked about is found.
     * @param {State} next
     */
    async mirror(next) {
      of.set(question.kind());
      beside.set(next["synthesis.compare"] === true);
      beside.element.hidden = question.sight() !== "one" || !question.canCompare();
      stretch.set(next["synthesis.stretch"] === true);
      preset.set(String(next["synthesis.preset"]));
      from.set(String(next["synthesis.from"]));
      mix.update(question.kind() === "mix");
      other.show(question.ends());
      octaves.set(Number(next["synthesis.octaves"]));
      blur.set(Number(next["synthesis.blur"]));
      await place.update();
    },
    /**
     * Which switches the settings have, and which of them are on.
     * @param {State} next
     * @param {Preset} base
     */
    offer(next, base) {
      const off = switchedOff(next);
      steps.set(Number(next["synthesis.steps"]) || base.steps);
      for (const each of switches) {
        each.control.set(each.has(base) && !off.has(each.id));
        each.control.element.classList.toggle("off", !each.has(base));
        each.control.element.inert = !each.has(base);
      }
    },
    buttons: start.show,
  };
}
