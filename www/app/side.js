/**
 * The right side: the picture as the network sees it, what the network says, the class in question, and below them the
 * controls of the view.
 * @module
 */

import { createBars } from "../widgets/bars.js";
import { createCombobox } from "../widgets/combobox.js";
import { h } from "../widgets/dom.js";
import { number, percent } from "../widgets/format.js";
import { createPixels } from "../widgets/pixels.js";
import { createWish } from "./wish.js";

/**
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("./session.js").Part} Part
 * @typedef {import("./session.js").Net} Net
 * @typedef {import("./store.js").Store} Store
 */

/**
 * What the network does to a picture before its first layer, in words: a line for the pixels, one for their values.
 * @param {Net["input"]} input
 */
export function preprocessing({ shape: [, channels, height, width], preprocess }) {
  const { crop, mean, std } = preprocess ?? {};
  const part =
    typeof crop === "number" && crop > 0 && crop < 1 ? `middle ${number(100 * crop)} %, ` : "";
  const colour = channels === 1 ? "grey" : preprocess?.channels === "bgr" ? "blue first" : "colour";
  return [
    `${part}${height} × ${width}, ${colour}`,
    mean && std ? normalisation(mean, std) : "X = v, from 0 to 1",
  ];
}

/**
 * @param {readonly number[]} mean
 * @param {readonly number[]} std
 */
function normalisation(mean, std) {
  if (mean.every((each) => each === 0) && std.every((each) => each === 1))
    return "X = v, from 0 to 1";
  const list = (/** @type {readonly number[]} */ values) =>
    new Set(values).size === 1
      ? number(values[0])
      : `(${values.map((each) => number(each)).join(", ")})`;
  return `X = (v − ${list(mean)}) / ${list(std)}`;
}

/**
 * @param {HTMLElement} root
 * @param {Store} store
 * @param {Session} app
 * @param {AbortSignal} signal
 * @returns {Part}
 */
export function createSide(root, store, app, signal) {
  const seen = createPixels({ label: "The picture as the network sees it", signal });
  const words = h("p", { class: "muted small" });
  const bars = createBars({
    label: "The five most probable classes; choose one to ask about it",
    onPick: (place) => {
      const pick = app.prediction.top[place];
      if (pick)
        store.set({ target: pick.index === app.prediction.top[0].index ? null : pick.index });
    },
    signal,
  });
  const search = createCombobox({
    label: "Class",
    onChoose: (target) => store.set({ target }),
    signal,
  });
  const wish = createWish({ app, signal });
  const edited = h("p", { class: "badge", hidden: true }, "Weights edited");
  root.replaceChildren(
    h(
      "section",
      { class: "group seen" },
      h("div", { class: "thumb" }, seen.element),
      h("div", {}, h("h3", {}, "As the network sees it"), words),
    ),
    h(
      "section",
      { class: "group" },
      h("h3", {}, "Prediction", edited),
      bars.element,
      search.element,
    ),
    wish.element,
    app.controls,
  );

  async function showSeen() {
    const bitmap = await createImageBitmap(app.seen);
    seen.show({
      width: app.seen.width,
      height: app.seen.height,
      layers: [{ bitmap }],
      label: `${app.picture.title}, as the network sees it`,
    });
  }

  function showPrediction() {
    const { top } = app.prediction;
    bars.show(
      top.map((each) => ({
        label: each.label,
        share: each.probability,
        value: percent(each.probability),
        chosen: each.index === app.target,
      })),
    );
    const best = `${top[0].label} (predicted)`;
    search.show({
      names: app.net.labels,
      value: store.get().target === null ? best : app.targetLabel,
      automatic: best,
    });
    edited.hidden = !app.net.modified;
  }

  return {
    update(state, changed) {
      wish.update(state, changed);
      if (changed.has("net"))
        words.replaceChildren(
          ...preprocessing(app.net.input).map((line) => h("span", { class: "line" }, line)),
        );
      if (changed.has("input")) void showSeen();
      if (
        changed.has("prediction") ||
        changed.has("target") ||
        changed.has("net") ||
        changed.has("weights")
      )
        showPrediction();
      if (changed.has("prediction")) {
        const [best] = app.prediction.top;
        app.announce(`${best.label}, ${percent(best.probability)}`);
      }
    },
    destroy() {
      root.replaceChildren();
    },
  };
}
