/**
 * What happens without a channel: channels switched off or scaled, and the prediction before and after side by side.
 * @module
 */

import { button, slider } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";
import { fixed, percent } from "../widgets/format.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../convscope.js").Prediction} Prediction
 * @typedef {{ layer: string, channel: number, factor: number }} Change
 */

/** The parameter of the state that holds the changes. */
const KEY = "maps.change";
const MOST = 2;
const ROWS = 5;

/**
 * Changes as text for the address: `conv1:3=0,conv1:5=0.5`.
 * @param {Change[]} changes
 */
export function writeChanges(changes) {
  return changes
    .map(({ layer, channel, factor }) => `${encodeURIComponent(layer)}:${channel}=${factor}`)
    .join(",");
}

/**
 * The changes in a text; what cannot be read is left out.
 * @param {string} text
 * @returns {Change[]}
 */
export function readChanges(text) {
  return text.split(",").flatMap((part) => {
    const found = part.match(/^(.+):(\d+)=(\d+(?:\.\d+)?)$/);
    if (!found) return [];
    const factor = Math.min(MOST, Number(found[3]));
    return [{ layer: decodeURIComponent(found[1]), channel: Number(found[2]), factor }];
  });
}

/**
 * The list with one channel's factor set; a factor of 1 is no change.
 * @param {Change[]} changes
 * @param {Change} next
 */
export function withChange(changes, next) {
  const others = changes.filter(
    ({ layer, channel }) => layer !== next.layer || channel !== next.channel,
  );
  return next.factor === 1 ? others : [...others, next];
}

/**
 * The engine's form, for the layers and channels that there are.
 * @param {Change[]} changes
 * @param {readonly import("../convscope.js").Layer[]} layers
 * @returns {import("../convscope.js").Override | null}
 */
export function overrideOf(changes, layers) {
  /** @type {Record<string, { scale: Record<number, number> }>} */
  const override = {};
  for (const { layer, channel, factor } of changes) {
    const found = layers.find((each) => each.name === layer);
    if (!found || channel >= found.shape[0]) continue;
    override[layer] ??= { scale: {} };
    override[layer].scale[channel] = factor;
  }
  return Object.keys(override).length > 0 ? override : null;
}

/**
 * The classes to compare: the most probable ones before, and the first one after.
 * @param {Prediction} before
 * @param {Prediction} after
 */
export function comparedClasses(before, after) {
  const first = before.top.map((each) => each.index);
  const winner = after.top[0].index;
  if (first.slice(0, ROWS).includes(winner)) return first.slice(0, ROWS);
  return [...first.slice(0, ROWS - 1), winner];
}

/**
 * @param {{ app: Session, store: Store, signal: AbortSignal }} options
 */
export function createChange({ app, store, signal }) {
  const factor = slider({
    label: "Strength",
    min: 0,
    max: MOST,
    step: 0.05,
    value: 1,
    text: (value) => (value === 0 ? "off" : `× ${value.toFixed(2)}`),
    onInput: (value) => put(value),
    signal,
  });
  const off = button({ label: "Switch off", onClick: () => put(isOff() ? 1 : 0), signal });
  const reset = button({
    label: "Reset",
    kind: "quiet",
    title: "Brings all channels back",
    onClick: () => store.set({ [KEY]: "" }),
    signal,
  });
  const words = h("p", { class: "small", role: "status" });
  const table = h("table", { class: "before-after", hidden: true });
  const element = h(
    "div",
    { class: "change" },
    factor.element,
    h("div", { class: "row" }, off, reset),
    words,
    table,
  );

  const changes = () => readChanges(String(store.get()[KEY]));

  function current() {
    const { layer, channel } = store.get();
    return changes().find((each) => each.layer === layer && each.channel === channel)?.factor ?? 1;
  }

  const isOff = () => current() === 0;

  /** @param {number} value */
  function put(value) {
    const { layer, channel } = store.get();
    const next = withChange(changes(), { layer, channel, factor: value });
    store.set({ [KEY]: writeChanges(next) }, { replace: true });
  }

  async function compare() {
    const override = overrideOf(changes(), app.net.layers);
    table.hidden = !override;
    if (!override) {
      app.stop("maps.change");
      words.textContent = "";
      return;
    }
    const after = await app.work("maps.change", (until) =>
      app.net.predict(app.input, { top: ROWS, override, signal: until }),
    );
    if (!after || signal.aborted) return;
    show(app.prediction, after);
  }

  /**
   * @param {Prediction} before
   * @param {Prediction} after
   */
  function show(before, after) {
    const list = changes();
    const where = new Set(list.map((each) => each.layer));
    const what =
      list.length === 1
        ? `${list[0].layer}, channel ${list[0].channel} ${list[0].factor === 0 ? "off" : `× ${fixed(list[0].factor, 2)}`}`
        : `${list.length} channels of ${[...where].join(", ")} changed`;
    const [was] = before.top;
    const [is] = after.top;
    const verdict =
      was.index === is.index
        ? `still ${is.label}, ${percent(was.probability)} → ${percent(is.probability)}`
        : `${was.label} becomes ${is.label}`;
    words.textContent = `${what}: ${verdict}.`;
    table.replaceChildren(
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, h("span", { class: "hidden" }, "Class")),
          h("th", { scope: "col" }, "before"),
          h("th", { scope: "col" }, "after"),
        ),
      ),
      h("tbody", {}, ...comparedClasses(before, after).map((index) => row(index, before, after))),
    );
  }

  /**
   * @param {number} index
   * @param {Prediction} before
   * @param {Prediction} after
   */
  function row(index, before, after) {
    const label = app.label(index);
    return h(
      "tr",
      {},
      h("th", { scope: "row", title: label }, label),
      ...[before, after].map((each) => {
        const probability = each.probabilities.data[index];
        const bar = h("span", { class: "share" });
        bar.style.setProperty("--share", String(probability));
        return h("td", {}, percent(probability), bar);
      }),
    );
  }

  return {
    element,
    /** Whether a channel of the layer is switched off. */
    isOff(/** @type {string} */ layer, /** @type {number} */ channel) {
      return changes().some(
        (each) => each.layer === layer && each.channel === channel && each.factor === 0,
      );
    },
    /** @param {Set<string>} changed */
    update(changed) {
      factor.set(current());
      off.textContent = isOff() ? "Switch on" : "Switch off";
      reset.disabled = changes().length === 0;
      if ([KEY, "net", "input", "weights", "prediction"].some((key) => changed.has(key)))
        void compare();
    },
  };
}
