/**
 * The weights with which training began, drawn again from its seed, beside what it made of them.
 * @module
 */

import { button, fold, group, segmented, slider } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";
import { fixed, number } from "../widgets/format.js";
import { createLegend } from "../widgets/legend.js";
import { createReadout } from "../widgets/readout.js";
import { createTiles } from "../widgets/tiles.js";
import { Bank, convolutionOf } from "./kernel-bank.js";
import { extent } from "./reduce.js";
import { createHeading, createWords, figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/session.js").Layer} Layer
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../widgets/tiles.js").TileCell} TileCell
 * @typedef {"each" | "layer" | "signed"} Scale
 */

/**
 * w·v / (‖w‖‖v‖), 0 where one is zero.
 * @param {Float32Array} a
 * @param {Float32Array} b
 */
export function cosine(a, b) {
  let [dot, one, other] = [0, 0, 0];
  for (let index = 0; index < a.length; index += 1) {
    dot += a[index] * b[index];
    one += a[index] ** 2;
    other += b[index] ** 2;
  }
  return one * other > 0 ? dot / Math.sqrt(one * other) : 0;
}

/** @param {Float32Array} values */
function norm(values) {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

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
  const legend = createLegend(app.scope);
  const readout = createReadout("Point at a cell for the weight before and after.");
  const listen = { onHover: tell, onPick: pick, signal };
  const left = createTiles({ label: "Before training", ...listen });
  const right = createTiles({ label: "After training", ...listen });
  const before = figure(h("div", { class: "fill" }, left.element));
  const after = figure(h("div", { class: "fill" }, right.element));
  const both = h("div", { class: "both times" }, before.element, after.element);
  const under = h("div", { class: "under" }, legend.element, readout.element);
  const nothing = h("div", { class: "nothing", hidden: true });
  root.append(heading.element, nothing, both, under, words.element);

  const scale = segmented({
    label: "Black to white spans",
    options: [
      { value: "each", label: "Kernel", title: "Smallest to largest weight of each kernel" },
      {
        value: "layer",
        label: "Layer",
        title: "The same for both sides: the layer's smallest to largest weight",
      },
      { value: "signed", label: "Signed", title: "The same for both sides, symmetric about zero" },
    ],
    value: scaleOf(),
    onChange: (value) => store.set({ "kernels.scale": value }),
    signal,
  });
  const output = slider({
    label: "Output channel",
    min: 0,
    max: 1,
    step: 1,
    value: store.get().channel,
    onInput: (channel) => store.set({ channel }, { replace: true }),
    signal,
  });
  const chosenFacts = h("dl", { class: "facts" });
  const facts = h("dl", { class: "facts" });
  const controls = [
    group("Kernel", scale.element, output.element, chosenFacts),
    fold("This layer", facts),
  ];

  /** @type {{ layer: Layer, was: Bank, is: Bank } | null} */
  let found = null;

  function scaleOf() {
    return /** @type {Scale} */ (store.get()["kernels.scale"]);
  }

  function chosen() {
    return Math.min(store.get().channel, (found?.is.outputs ?? 1) - 1);
  }

  async function load() {
    const layer = convolutionOf(app.net.layers, store.get().layer);
    const name = layer?.weight;
    found = null;
    if (!layer || !name) {
      refuse("This network has no convolution.", false);
      return;
    }
    const { model } = store.get();
    const result = await app.work("kernels.before", async () => ({
      initial: await app.scope.initialWeights(model),
      weights: await app.net.weights(name),
    }));
    if (!result || signal.aborted) return;
    const initial = result.initial?.[name];
    if (!initial) {
      refuse(
        `With which numbers the training of ${app.net.name} began is not known: they did not come with its weights.`,
        true,
      );
      return;
    }
    const first = layer === app.net.layers.find((each) => each.op === "conv2d");
    found = {
      layer,
      was: new Bank(layer, initial, first),
      is: new Bank(layer, result.weights, first),
    };
    shut(false);
    await show();
  }

  /**
   * @param {string} why
   * @param {boolean} elsewhere whether another network may have what is missing
   */
  function refuse(why, elsewhere) {
    heading.say("What training made of its first weights");
    const other = app.scope.models.find(({ initial }) => initial);
    nothing.replaceChildren(h("p", {}, why));
    if (elsewhere && other) {
      nothing.append(
        button({
          label: `Look at ${other.title}`,
          onClick: () =>
            store.set({ model: other.id, image: "", layer: "", channel: 0, target: null }),
          signal,
        }),
      );
    }
    shut(true);
  }

  /** @param {boolean} empty */
  function shut(empty) {
    nothing.hidden = !empty;
    for (const element of [both, under, words.element]) element.hidden = empty;
    app.controls.replaceChildren(...(empty ? [] : controls));
  }

  async function show() {
    const now = found;
    if (!now) return;
    const channel = chosen();
    const diverging = scaleOf() === "signed";
    const range = common(now.was, now.is, channel);
    const painted = await app.work("kernels.paint", async () => ({
      was: await paint(now.was, channel, range, diverging),
      is: await paint(now.is, channel, range, diverging),
    }));
    if (!painted || signal.aborted || found !== now) return;
    const { is, layer } = now;
    const about = {
      count: is.sliced ? is.inputs : is.outputs,
      largest: Math.max(is.height, is.width) < 3 ? 44 : 160,
      name: (/** @type {number} */ index) =>
        is.sliced ? `input channel ${index} of kernel ${channel}` : `kernel ${index}`,
    };
    left.show({ ...painted.was, ...about, label: `Kernels of ${layer.name} before training` });
    right.show({ ...painted.is, ...about, label: `Kernels of ${layer.name} after training` });
    const at = is.sliced ? Math.max(0, is.chosen(store.get()).slice) : channel;
    left.choose(at);
    right.choose(at);
    const notes = {
      each: "each kernel's own range; these are the chosen one's after training",
      layer: "one range for both sides",
      signed: "one range for both sides, white is zero",
    };
    const [low, high] = scaleOf() === "each" ? extent(is.part(channel)) : range;
    legend.show({
      map: diverging ? "diverging" : "gray",
      low,
      high,
      label: "Weight",
      note: notes[scaleOf()],
    });
    describe(now);
  }

  /**
   * The range for both sides.
   * @param {Bank} was
   * @param {Bank} is
   * @param {number} channel
   * @returns {[number, number]}
   */
  function common(was, is, channel) {
    const [a, b] = [was.range(scaleOf(), channel), is.range(scaleOf(), channel)];
    return [Math.min(a[0], b[0]), Math.max(a[1], b[1])];
  }

  /**
   * @param {Bank} bank
   * @param {number} channel
   * @param {[number, number]} range
   * @param {boolean} diverging
   */
  function paint(bank, channel, range, diverging) {
    const colour = diverging ? "diverging" : "gray";
    const own = scaleOf() === "each";
    if (!bank.sliced)
      return app.scope.paint(bank.weights, {
        map: bank.mode === "colours" ? "rgb" : colour,
        scale: own ? "each" : range,
      });
    const { inputs, height, width } = bank;
    const data = bank.part(channel).slice();
    return app.scope.paint(
      { data, shape: [1, inputs, height, width] },
      { map: colour, scale: own ? extent(data) : range },
    );
  }

  /** @param {NonNullable<typeof found>} now */
  function describe({ layer, was, is }) {
    const channel = chosen();
    const seed = app.scope.models.find(({ id }) => id === store.get().model)?.initial?.seed;
    heading.say("What training made of the first weights of ", { name: layer.name });
    before.caption(is.sliced ? `Kernel ${channel} before: random` : "Before: random");
    after.caption(is.sliced ? `Kernel ${channel} after` : "After");
    scale.set(scaleOf());
    output.set(channel, { max: is.outputs - 1 });
    const cosines = Array.from({ length: is.outputs }, (_, each) =>
      cosine(was.part(each), is.part(each)),
    );
    const mean = cosines.reduce((sum, value) => sum + value, 0) / cosines.length;
    const count = is.part(0).length;
    // The cosine of two independent draws has mean 0 and deviation 1/√n; the mean of several less by their root.
    const chance = 1 / Math.sqrt(count * cosines.length);
    const [a, b] = [norm(was.part(channel)), norm(is.part(channel))];
    chosenFacts.replaceChildren(
      ...Object.entries({
        "cosine with its beginning": fixed(cosines[channel], 2),
        "‖w‖ before": number(a),
        "‖w‖ after": number(b),
      }).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
    );
    const [low, high] = extent(cosines);
    facts.replaceChildren(
      ...Object.entries({
        "mean cosine": fixed(mean, 2),
        "least, greatest": `${fixed(low, 2)}, ${fixed(high, 2)}`,
        "mean by chance": `0 ± ${fixed(2 * chance, 2)}`,
        "‖w‖ of all, before": number(norm(was.weights.data)),
        "‖w‖ of all, after": number(norm(is.weights.data)),
      }).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
    );
    words.say(
      [
        `Left the random numbers that training began with, drawn again from its seed ${seed}; right the weights as they are${app.net.modified ? ", with your edits" : ""}. `,
        `A kernel's cosine with its own beginning is ${fixed(mean, 2)} on average; of kernels that have nothing to do with it, it would be 0 ± ${fixed(2 * chance, 2)}.`,
      ],
      [
        mean > 2 * chance
          ? "Some of the pattern on the right was there on the left: not all that a kernel shows was learnt."
          : "A kernel that forgot its beginning did not have to: layers of random kernels work too, if those behind learn to read them.",
      ],
    );
  }

  /** @param {number} plane */
  function pick(plane) {
    store.set(found?.is.sliced ? { "kernels.slice": plane } : { channel: plane }, {
      replace: true,
    });
  }

  /** @param {TileCell | null} at */
  function tell(at) {
    if (!at || !found) {
      readout.show(null);
      return;
    }
    const { is, was } = found;
    const [kernel, slice] = is.sliced ? [chosen(), at.plane] : [at.plane, 0];
    const which = is.sliced ? `kernel ${kernel}, input ${slice}` : `kernel ${kernel}`;
    readout.show(
      `${which}, row ${at.y}, column ${at.x}: ${number(was.at(kernel, slice, at))} → ${number(is.at(kernel, slice, at))}`,
    );
  }

  return {
    update(next, changed) {
      const other = convolutionOf(app.net.layers, next.layer) !== found?.layer;
      if (other || changed.has("net") || changed.has("weights")) void load();
      else if (["channel", "kernels.scale", "kernels.slice"].some((key) => changed.has(key)))
        void show();
    },
    destroy() {
      life.abort();
    },
  };
}
