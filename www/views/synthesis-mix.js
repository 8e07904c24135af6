/**
 * Several objectives raised at once, each with its weight: classes and channels, as the address keeps them.
 * @module
 */

import { button, slider } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";

/**
 * A class (without a layer) or a channel of a layer.
 * @typedef {{ layer?: string, index: number, weight: number }} Part
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {Exclude<import("../convscope.js").Objective, unknown[]>} Term
 */

/** How much a part counts at most, for it or against it. */
const MOST = 3;

/** A mixture of more than these would show none of them. */
const MOST_PARTS = 5;

/**
 * The parts in a text such as `1*class:8;-0.5*in.conv2:5`; what cannot be read is left out.
 * @param {string} text
 * @returns {Part[]}
 */
export function readParts(text) {
  return text.split(";").flatMap((part) => {
    const found = part.match(/^(-?\d+(?:\.\d+)?)\*(?:class|in\.([^:]+)):(\d+)$/);
    if (!found) return [];
    const weight = Math.min(MOST, Math.max(-MOST, Number(found[1])));
    const layer = found[2] === undefined ? undefined : decodeURIComponent(found[2]);
    return [{ layer, index: Number(found[3]), weight }];
  });
}

/** @param {Part[]} parts */
export function writeParts(parts) {
  const of = (/** @type {Part} */ { layer }) =>
    layer === undefined ? "class" : `in.${encodeURIComponent(layer)}`;
  return parts.map((part) => `${part.weight}*${of(part)}:${part.index}`).join(";");
}

/**
 * Those of the parts that the network has; without any, the class in question and its rival.
 * @param {Session} app
 * @param {string} text
 * @returns {Part[]}
 */
export function partsOf(app, text) {
  const classes = app.net.layers.at(-1)?.shape[0] ?? app.net.labels.length;
  const parts = readParts(text).filter(({ layer, index }) => {
    if (layer === undefined) return index < classes;
    return index < (app.net.layers.find((each) => each.name === layer)?.shape[0] ?? 0);
  });
  if (parts.length > 0) return parts;
  const rival = app.prediction.top.find((each) => each.index !== app.target);
  return [app.target, ...(rival ? [rival.index] : [])].map((index) => ({ index, weight: 1 }));
}

/** @param {Part[]} parts @returns {Term[]} */
export const termsOf = (parts) =>
  parts.map(({ layer, index, weight }) =>
    layer === undefined ? { logit: index, weight } : { layer, channel: index, weight },
  );

/** @param {Session} app @param {Part} part */
export const nameOf = (app, { layer, index }) =>
  layer === undefined ? app.label(index) : `channel ${index} of ${layer}`;

/**
 * The parts as sliders, with what can be added: the class in question and the chosen channel.
 * @param {{ app: Session, store: Store, signal: AbortSignal }} options
 */
export function createMix({ app, store, signal }) {
  const rows = h("div", { class: "parts" });
  const add = h("div", { class: "buttons" });
  const element = h("div", { class: "mix", hidden: true }, rows, add);
  let shown = "";
  /** Ends the listeners of rows that are gone. */
  let old = new AbortController();
  signal.addEventListener("abort", () => old.abort(), { once: true });

  /** @param {Part[]} parts */
  const keep = (parts) => store.set({ "synthesis.mix": writeParts(parts) }, { replace: true });

  /** @param {Part[]} parts */
  function offers(parts) {
    const { channel } = store.get();
    const { name: layer, shape } = app.layer;
    const wanted = [
      { index: app.target, weight: 1 },
      { layer, index: Math.min(channel, shape[0] - 1), weight: 1 },
    ];
    const is = (/** @type {Part} */ a) => (/** @type {Part} */ b) =>
      a.layer === b.layer && a.index === b.index;
    return parts.length < MOST_PARTS ? wanted.filter((part) => !parts.some(is(part))) : [];
  }

  return {
    element,
    /** @param {boolean} on */
    update(on) {
      element.hidden = !on;
      if (!on) return;
      const parts = partsOf(app, String(store.get()["synthesis.mix"]));
      const offered = offers(parts);
      const key = JSON.stringify([parts.map((part) => nameOf(app, part)), offered]);
      // A slider that is being moved stays.
      if (key === shown) return;
      shown = key;
      old.abort();
      old = new AbortController();
      const life = old.signal;
      const now = () => partsOf(app, String(store.get()["synthesis.mix"]));
      rows.replaceChildren(
        ...parts.map((part, place) =>
          h(
            "div",
            { class: "part" },
            slider({
              label: nameOf(app, part),
              min: -MOST,
              max: MOST,
              step: 0.25,
              value: part.weight,
              onInput: (weight) =>
                keep(now().map((each, at) => (at === place ? { ...each, weight } : each))),
              signal: life,
            }).element,
            button({
              label: "×",
              title: `Leave out ${nameOf(app, part)}`,
              kind: "quiet",
              onClick: () => keep(now().filter((_, at) => at !== place)),
              signal: life,
            }),
          ),
        ),
      );
      add.replaceChildren(
        ...offered.map((part) =>
          button({
            label: `Add ${nameOf(app, part)}`,
            onClick: () => keep([...now(), part]),
            signal: life,
          }),
        ),
      );
    },
  };
}
