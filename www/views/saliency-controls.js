/**
 * The controls of the saliency view: the method and its options, what is explained, the depth, how the map is shown.
 * @module
 */

import { createCombobox } from "../widgets/combobox.js";
import { fold, group, segmented, select, slider, toggle } from "../widgets/controls.js";
import { h, on, uniqueId } from "../widgets/dom.js";
import { number } from "../widgets/format.js";
import { depthOf, depths, kindOf, ofState, reductionOf, rivalOf } from "./saliency-ask.js";
import { formula } from "./saliency-formulas.js";
import { GROUPS, METHODS, methodOf, readOptions, writeOptions } from "./saliency-methods.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../app/store.js").State} State
 * @typedef {import("./saliency-ask.js").Kind} Kind
 * @typedef {import("./saliency-methods.js").Method} Method
 * @typedef {import("./saliency-methods.js").Option} Option
 */

/**
 * All methods in their groups, as the options of a select.
 */
export function methodChoices() {
  return GROUPS.map((name) => {
    const inside = METHODS.filter((method) => method.group === name);
    return { name, inside };
  })
    .filter(({ inside }) => inside.length > 0)
    .map(({ name, inside }) =>
      h(
        "optgroup",
        { label: name },
        ...inside.map(({ id, title }) => h("option", { value: id }, title)),
      ),
    );
}

/**
 * @param {{ app: Session, store: Store, signal: AbortSignal }} options
 */
export function createControls({ app, store, signal }) {
  const state = store.get();
  const depthsNow = () => depths(app.net);
  const id = uniqueId("method");
  const method = h("select", { id }, ...methodChoices());
  const picker = h("div", { class: "select" }, h("label", { for: id }, "Method"), method);
  on(
    method,
    "change",
    () => store.set({ "saliency.method": method.value, "saliency.options": "" }),
    signal,
  );

  const kind = segmented({
    label: "Explain",
    options: [
      { value: "class", label: "Class" },
      { value: "rather", label: "Difference", title: "Why this class rather than another" },
      {
        value: "unit",
        label: "Channel",
        title: "The channel that is chosen in the list of layers",
      },
    ],
    value: /** @type {Kind} */ (kindOf(state)),
    onChange: (value) =>
      store.set({ "saliency.target": value, "saliency.y": null, "saliency.x": null }),
    signal,
  });
  const rather = createCombobox({
    label: "Rather than",
    onChoose: (index) => store.set({ "saliency.rather": index }),
    signal,
  });
  const of = segmented({
    label: "Its",
    options: [
      { value: "logit", label: "Logit" },
      { value: "probability", label: "Probability" },
      { value: "loss", label: "Loss", title: "Cross-entropy against the class" },
    ],
    value: ofState(state),
    onChange: (value) => store.set({ "saliency.of": value }),
    signal,
  });
  const unit = h("p", { class: "small muted" });
  const depth = slider({
    label: "Depth",
    min: 0,
    max: 1,
    step: 1,
    value: 0,
    text: (value) => depthsNow()[value]?.name ?? "",
    onInput: (value) => store.set({ "saliency.layer": depthsNow()[value].name }, { replace: true }),
    signal,
  });

  const place = segmented({
    label: "The map lies",
    options: [
      { value: "beside", label: "Beside" },
      { value: "over", label: "Over the picture" },
    ],
    value: String(state["saliency.place"]),
    onChange: (value) => store.set({ "saliency.place": value }),
    signal,
  });
  const opacity = slider({
    label: "Over the picture",
    min: 0,
    max: 100,
    step: 1,
    value: Number(state["saliency.opacity"]),
    text: (value) => `${value} %`,
    onInput: (value) => store.set({ "saliency.opacity": value }, { replace: true }),
    signal,
  });
  const reduction = segmented({
    label: "Colours of a pixel as",
    options: [
      { value: "signed", label: "Signed", title: "The sum over the channels with its sign" },
      { value: "sum", label: "Sum", title: "The sum of absolute values over the channels" },
      { value: "max", label: "Largest", title: "The largest absolute value over the channels" },
    ],
    value: "signed",
    onChange: (value) => store.set({ "saliency.map": value }),
    signal,
  });
  const clip = slider({
    label: "Brightest at the percentile",
    min: 90,
    max: 100,
    step: 0.5,
    value: Number(state["saliency.clip"]),
    text: (value) => `${value} %`,
    onInput: (value) => store.set({ "saliency.clip": value }, { replace: true }),
    signal,
  });
  const compare = toggle({
    label: "The same for five classes",
    value: Boolean(state["saliency.compare"]),
    onChange: (value) => store.set({ "saliency.compare": value }),
    signal,
  });
  const own = h("div", { class: "options" });
  const more = fold("Options of the method", own);
  const meaning = h("div", { class: "formula" });
  app.controls.replaceChildren(
    group("Map", picker, depth.element, more),
    group("Score", kind.element, rather.element, unit, of.element),
    fold(
      "How it is shown",
      place.element,
      opacity.element,
      reduction.element,
      clip.element,
      compare.element,
    ),
    fold("Formula and paper", meaning),
  );

  /** The options of the method, made anew when the method or the network changes. */
  let made = "";
  /** @type {Map<string, (value: string | number | boolean) => void>} */
  const setters = new Map();
  let owners = new AbortController();
  signal.addEventListener("abort", () => owners.abort(), { once: true });

  /** @param {Method} shown */
  function makeOptions(shown) {
    const key = `${shown.id} ${app.net.name}`;
    if (made === key) return;
    made = key;
    owners.abort();
    owners = new AbortController();
    setters.clear();
    own.replaceChildren(...shown.options.map((option) => makeOption(shown, option)));
  }

  /**
   * @param {Method} shown
   * @param {string} name
   * @param {string | number | boolean} value
   * @param {boolean} replace
   */
  function setOption(shown, name, value, replace) {
    const options = readOptions(shown, String(store.get()["saliency.options"]));
    store.set(
      { "saliency.options": writeOptions(shown, { ...options, [name]: value }) },
      { replace },
    );
  }

  /**
   * @param {Method} shown
   * @param {Option} option
   * @returns {HTMLElement}
   */
  function makeOption(shown, option) {
    const until = owners.signal;
    const { name, label } = option;
    if (option.kind === "choice") {
      const control = select({
        label,
        options: option.values.map(([value, words]) => ({ value, label: words })),
        value: option.start,
        onChange: (value) => setOption(shown, name, value, false),
        signal: until,
      });
      setters.set(name, (value) => control.set(String(value)));
      return control.element;
    }
    if (option.kind === "switch") {
      const control = toggle({
        label,
        value: option.start,
        onChange: (value) => setOption(shown, name, value, false),
        signal: until,
      });
      setters.set(name, (value) => control.set(value === true));
      return control.element;
    }
    const { min, step, unit: words = "" } = option;
    const control = slider({
      label,
      min,
      max: mostOf(option),
      step,
      value: Number(startOf(option)),
      text: (value) => `${number(value, 3)} ${words}`.trim(),
      onInput: (value) => setOption(shown, name, value, true),
      signal: until,
    });
    setters.set(name, (value) => control.set(Number(value)));
    return control.element;
  }

  const shorter = () => Math.min(app.net.input.shape[2], app.net.input.shape[3]);

  /** The engine's own default: windows are a seventh of the shorter side, strides half of that. @param {Option} option */
  function startOf(option) {
    if (option.start !== "auto") return option.start;
    const window = Math.max(1, Math.floor(shorter() / 7));
    return option.name === "window" ? window : Math.max(1, Math.floor(window / 2));
  }

  /** @param {Option & { kind: "range" }} option */
  function mostOf({ start, max }) {
    return start === "auto" ? Math.min(max, Math.floor(shorter() / 2)) : max;
  }

  /** @param {Method} shown */
  function explain(shown) {
    const math = formula(shown.id, true);
    meaning.replaceChildren(
      ...(math ? [math] : []),
      h("p", { class: "small" }, shown.paper),
      h(
        "p",
        { class: "muted small" },
        "S is the score that is explained, X the picture after preprocessing, F the feature maps of the layer, α their weights.",
      ),
    );
  }

  return {
    /** @param {State} next @param {string} mode */
    update(next, mode) {
      const shown = methodOf(next["saliency.method"]);
      method.value = shown.id;
      explain(shown);
      makeOptions(shown);
      const options = readOptions(shown, String(next["saliency.options"]));
      for (const option of shown.options)
        setters.get(option.name)?.(options[option.name] ?? startOf(option));
      const list = depthsNow();
      const at = list.findIndex(({ name }) => name === depthOf(app.net, next["saliency.layer"]));
      depth.element.hidden = !shown.layered && (mode === "map" || mode === "truth");
      compare.element.hidden = mode !== "map";
      picker.hidden = mode === "gallery" || mode === "grid";
      more.hidden = picker.hidden || shown.options.length === 0;
      depth.set(Math.max(at, 0), { max: list.length - 1 });
      showTarget(next);
      place.set(String(next["saliency.place"]));
      reduction.set(reductionOf(next, shown));
      reduction.element.hidden =
        shown.layered ||
        shown.sign === "score" ||
        (app.input.shape[1] === 1 && shown.sign === "magnitude");
      clip.set(Number(next["saliency.clip"]));
      opacity.set(Number(next["saliency.opacity"]));
      compare.set(next["saliency.compare"] === true);
      const over = next["saliency.place"] === "over";
      opacity.element.classList.toggle("off", !over);
      opacity.element.inert = !over;
    },
  };

  /** @param {State} next */
  function showTarget(next) {
    const now = kindOf(next);
    kind.set(now);
    of.set(ofState(next));
    of.element.hidden = now === "unit";
    rather.element.hidden = now !== "rather";
    unit.hidden = now !== "unit";
    if (now === "rather") {
      const rival = app.label(rivalOf(next, app.net, app.prediction, app.target));
      rather.show({ names: app.net.labels, value: rival, automatic: "The next most probable" });
    }
    if (now === "unit") {
      const { name, shape } = app.layer;
      const where =
        shape[1] * shape[2] > 1 ? " A click on the picture chooses one unit of it." : "";
      unit.textContent = `Channel ${next.channel} of ${name}, by the list of layers and ← →.${where}`;
    }
  }
}
