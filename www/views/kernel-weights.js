/**
 * The weights of a convolution as pictures. Kernels on one channel and on three colours are shown side by side;
 * of the others, the slices of one output channel. The chosen kernel is shown large with its numbers, beside the map that
 * it makes of the picture, and can be edited by hand.
 * @module
 */

import { button, fold, group, segmented, slider } from "../widgets/controls.js";
import { h, pixelRatio } from "../widgets/dom.js";
import { fixed, number } from "../widgets/format.js";
import { createLegend } from "../widgets/legend.js";
import { createPixels } from "../widgets/pixels.js";
import { createReadout } from "../widgets/readout.js";
import { createTiles } from "../widgets/tiles.js";
import { growButton } from "./grow.js";
import { Bank, COLOURS, convolutionOf } from "./kernel-bank.js";
import { createEditor } from "./kernel-editor.js";
import { byte } from "./kernel-math.js";
import { extent } from "./reduce.js";
import { createHeading, createWords, figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/session.js").Layer} Layer
 * @typedef {import("../app/session.js").Tensor} Tensor
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../widgets/pixels.js").Cell} Cell
 * @typedef {import("./kernel-math.js").Scale} Scale
 */

/** Cells at least this large, in CSS pixels, carry their number. */
const READABLE = 34;

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
  const readout = createReadout(
    "Point at a cell for its place, weight and byte; drag one in the large kernel up or down to change it.",
  );
  const tiles = createTiles({ label: "Kernels", onHover: hoverTile, onPick: pickTile, signal });
  const large = createPixels({
    label: "The chosen kernel",
    onHover: hoverLarge,
    onPick: pickLarge,
    signal,
  });
  const seen = createPixels({ label: "The picture", signal });
  const response = createPixels({ label: "Its map", onHover: hoverResponse, signal });
  const all = figure(tiles.element);
  const one = figure(large.element);
  const before = figure(seen.element, "Picture");
  const after = figure(response.element);
  one.element.classList.add("one");
  root.append(
    heading.element,
    h(
      "div",
      { class: "bench" },
      all.element,
      h("div", {}, one.element, h("div", { class: "effect" }, before.element, after.element)),
    ),
    h("div", { class: "under" }, legend.element, readout.element),
    words.element,
  );

  const scale = segmented({
    label: "0 to 255 spans",
    options: [
      { value: "each", label: "Kernel", title: "Smallest to largest weight of each kernel" },
      { value: "layer", label: "Layer", title: "Smallest to largest weight of the layer" },
      { value: "signed", label: "Signed", title: "Symmetric about zero over the layer" },
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
  const plane = segmented({
    label: "Input channel",
    options: ["All", "Red", "Green", "Blue"].map((label, place) => ({ value: `${place}`, label })),
    value: String(store.get()["kernels.slice"]),
    onChange: (value) => store.set({ "kernels.slice": Number(value) }),
    signal,
  });
  const editor = createEditor({
    large,
    bank: () => bank,
    chosen,
    onEdit: () => void commit(),
    onReset: () => void app.restore(),
    signal,
  });
  const respondsTo = button({
    label: "What does it respond to?",
    onClick: () => store.set({ "kernels.sight": "responds" }),
    signal,
  });
  const wants = growButton({
    app,
    label: "What does it want to see?",
    patch: () => ({ layer: bank?.layer.name ?? "" }),
    signal,
  });
  const facts = h("dl", { class: "facts" });
  app.controls.replaceChildren(
    group("Kernel", scale.element, output.element, plane.element, respondsTo, wants),
    editor.element,
    fold("This layer", facts),
  );

  /** @type {Bank | null} */
  let bank = null;
  /** @type {Tensor | null} */
  let map = null;
  let committing = false;
  let again = false;

  function scaleOf() {
    return /** @type {Scale} */ (store.get()["kernels.scale"]);
  }

  function chosen() {
    return bank?.chosen(store.get()) ?? { channel: 0, slice: 0 };
  }

  async function load() {
    const layer = convolutionOf(app.net.layers, store.get().layer);
    const name = layer?.weight;
    if (!layer || !name) {
      heading.say("This network has no convolution");
      return;
    }
    const loaded = await app.work("kernels", () => app.net.weights(name));
    if (!loaded || signal.aborted) return;
    const first = layer === app.net.layers.find((each) => each.op === "conv2d");
    if (bank?.layer !== layer) editor.clear();
    bank = new Bank(layer, { data: loaded.data.slice(), shape: loaded.shape }, first);
    describeLayer(layer, loaded.shape);
    await Promise.all([paint(), respond()]);
  }

  async function paint() {
    const kernels = bank;
    if (!kernels) return;
    const { channel, slice } = chosen();
    const diverging = scaleOf() === "signed";
    const pair = kernels.range(scaleOf(), channel);
    const painted = await app.work("kernels.paint", async () => ({
      grid: await paintGrid(kernels, channel, pair, diverging),
      alone: await paintLarge(kernels, channel, slice, pair, diverging),
    }));
    if (!painted || signal.aborted || bank !== kernels) return;
    const { outputs, inputs, height, width, mode, layer } = kernels;
    tiles.show({
      ...painted.grid,
      count: kernels.sliced ? inputs : outputs,
      largest: Math.max(height, width) < 3 ? 44 : 160,
      name: (index) =>
        kernels.sliced ? `input channel ${index} of kernel ${channel}` : `kernel ${index}`,
      label: `Kernels of ${layer.name}`,
    });
    tiles.choose(kernels.sliced ? slice : channel);
    const points = mode === "points";
    large.show({
      width: points ? inputs : width,
      height: points ? outputs : height,
      layers: [{ bitmap: painted.alone.bitmap }],
      label: points
        ? `All weights of ${layer.name}: ${outputs} outputs by ${inputs} inputs`
        : `Kernel ${channel} of ${layer.name}, ${height} by ${width}`,
    });
    large.overlay(
      slice < 0 || points ? null : (context, size) => writeNumbers(context, size, kernels),
    );
    const notes = {
      each: "this kernel's own range",
      layer: "the layer's range",
      signed: slice < 0 ? "grey is zero" : "white is zero",
    };
    legend.show({
      map: diverging && slice >= 0 ? "diverging" : "gray",
      low: pair[0],
      high: pair[1],
      label: "Weight",
      note: notes[scaleOf()],
    });
    describe(kernels);
  }

  /**
   * @param {Bank} kernels
   * @param {number} channel
   * @param {[number, number]} pair
   * @param {boolean} diverging
   */
  function paintGrid(kernels, channel, pair, diverging) {
    const { inputs, height, width, weights, sliced, mode } = kernels;
    const colour = diverging ? "diverging" : "gray";
    if (!sliced)
      return app.scope.paint(weights, {
        map: mode === "colours" ? "rgb" : colour,
        scale: scaleOf() === "each" ? "each" : pair,
      });
    const data = kernels.part(channel).slice();
    return app.scope.paint(
      { data, shape: [1, inputs, height, width] },
      { map: colour, scale: pair },
    );
  }

  /**
   * @param {Bank} kernels
   * @param {number} channel
   * @param {number} slice
   * @param {[number, number]} pair
   * @param {boolean} diverging
   */
  function paintLarge(kernels, channel, slice, pair, diverging) {
    const { outputs, inputs, height, width, weights, mode } = kernels;
    const colour = diverging ? "diverging" : "gray";
    if (mode === "points") {
      const whole = diverging ? pair : extent(weights.data);
      return app.scope.paint(
        { data: weights.data, shape: [1, 1, outputs, inputs] },
        { map: colour, scale: whole },
      );
    }
    const data = kernels.part(channel, slice < 0 ? undefined : slice).slice();
    const shape = [1, slice < 0 ? inputs : 1, height, width];
    return app.scope.paint({ data, shape }, { map: slice < 0 ? "rgb" : colour, scale: pair });
  }

  /**
   * Writes each weight into its cell where there is room.
   * @param {CanvasRenderingContext2D} context
   * @param {number} size of a cell in device pixels
   * @param {Bank} kernels
   */
  function writeNumbers(context, size, kernels) {
    const ratio = pixelRatio();
    if (size < READABLE * ratio) return;
    const { channel, slice } = chosen();
    const values = kernels.part(channel, slice);
    const pair = kernels.range(scaleOf(), channel);
    const [low, high] = extent(kernels.part(channel));
    const decimals = Math.max(-low, high) < 0.095 ? 3 : 2;
    context.font = `${Math.min(size * 0.27, 15 * ratio)}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (const [index, value] of values.entries()) {
      const level = byte(value, pair);
      const dark = scaleOf() === "signed" ? Math.abs(level - 127.5) > 75 : level < 140;
      context.fillStyle = dark ? "rgb(255 255 255 / 0.92)" : "rgb(0 0 0 / 0.82)";
      const text = fixed(value, decimals).replace(/^(−?)0\./, "$1.");
      const x = ((index % kernels.width) + 0.5) * size;
      context.fillText(text, x, (Math.floor(index / kernels.width) + 0.52) * size);
    }
  }

  async function respond() {
    const kernels = bank;
    if (!kernels) return;
    const { channel } = chosen();
    const { name } = kernels.layer;
    const result = await app.work("kernels.map", async (until) => {
      const maps = await app.net.activations(app.input, [name], { signal: until });
      const tensor = maps[name];
      const [height, width] = tensor.shape.slice(-2);
      const data = tensor.data.slice(channel * height * width, (channel + 1) * height * width);
      const alone = { data, shape: [1, 1, height, width] };
      const painted = await app.scope.paint(alone, { map: "sequential", scale: "each" });
      return { alone, painted, picture: await createImageBitmap(app.seen) };
    });
    if (!result || signal.aborted || bank !== kernels) return;
    map = result.alone;
    const [height, width] = map.shape.slice(-2);
    response.show({
      width,
      height,
      layers: [{ bitmap: result.painted.bitmap }],
      label: `What kernel ${channel} of ${name} makes of the picture`,
    });
    const { picture } = result;
    seen.show({ width: picture.width, height: picture.height, layers: [{ bitmap: picture }] });
    const first = kernels.layer === app.net.layers.find((each) => each.op === "conv2d");
    after.caption(first ? "∗ kernel" : "Its feature map");
  }

  /** @param {Bank} kernels */
  function describe(kernels) {
    const { layer, outputs, inputs, height, width, mode, sliced } = kernels;
    const { channel, slice } = chosen();
    const { folded } = app.net;
    const at = store.get().layer;
    heading.say(
      folded ? "The scaled kernels of " : "The kernels of ",
      { name: layer.name },
      at === layer.name ? "" : `, the convolution before ${at}`,
    );
    const size = `${height} × ${width}`;
    all.caption(
      sliced
        ? `Kernel ${channel} of ${outputs}: ${size} on each of its ${inputs} input channels`
        : `${outputs} kernels of ${size}${mode === "colours" ? ", in colour" : ""}`,
    );
    if (mode === "points") one.caption(`All ${outputs} × ${inputs} weights, a row a kernel`);
    else if (sliced) one.caption(`Input channel ${slice}`);
    else
      one.caption(
        `Kernel ${channel}${COLOURS[slice] && mode === "colours" ? `, ${COLOURS[slice]}` : ""}`,
      );
    output.element.hidden = !sliced;
    output.set(channel, { max: outputs - 1 });
    plane.element.hidden = mode !== "colours";
    plane.set(String(slice + 1));
    editor.update(app.net.modified);
    words.say(
      [
        sliced
          ? "Each square weighs one feature map of the layer before; their sum makes one map of this layer."
          : "Bright cells add to the response where the picture is bright, dark ones take away from it.",
        folded ? " This file ships with batch norm folded in, so these are scaled kernels." : "",
      ],
      [doubt(kernels, size)],
    );
  }

  /**
   * Where this sight misleads.
   * @param {Bank} kernels
   * @param {string} size
   */
  function doubt({ height, width, sliced }, size) {
    if (Math.max(height, width) <= 3)
      return `At ${size} a kernel says little by itself. The better question is what this unit responds to.`;
    if (scaleOf() === "each")
      return "Each kernel is stretched to its own range, so a weak one looks as strong as a strong one: compare with Layer.";
    if (sliced) return "It is seldom one slice that counts: what matters is how they add up.";
    return "A clear pattern does not say that the network relies on it: switch the kernel off with Zero and see.";
  }

  /**
   * @param {Layer} layer
   * @param {number[]} shape of its weights
   */
  function describeLayer(layer, shape) {
    const { kernel, receptiveField } = layer;
    const rows = /** @type {[string, string][]} */ ([
      ["weights", shape.join(" × ")],
      ["stride", kernel?.stride.join(" × ") ?? ""],
      ["padding", kernel?.padding.join(", ") ?? ""],
      ["groups", String(kernel?.groups ?? 1)],
      ["receptive field", `${receptiveField.size.join(" × ")} px`],
      ["output", layer.shape.join(" × ")],
    ]);
    facts.replaceChildren(
      ...rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
    );
  }

  /** @param {number} index of a tile */
  function pickTile(index) {
    store.set(bank?.sliced ? { "kernels.slice": index } : { channel: index }, { replace: true });
  }

  /** @param {Cell} cell */
  function pickLarge(cell) {
    if (bank?.mode === "points")
      store.set({ channel: cell.y, "kernels.slice": cell.x }, { replace: true });
    else editor.choose(cell);
  }

  /**
   * Says place, weight and byte.
   * @param {number} channel
   * @param {number} slice −1 for all colours
   * @param {Cell} cell
   */
  function tell(channel, slice, cell) {
    if (!bank) return;
    const pair = bank.range(scaleOf(), channel);
    const say = (/** @type {number} */ weight) =>
      `weight ${number(weight, 4)} → byte ${byte(weight, pair)}`;
    const kernels = bank;
    const values =
      slice < 0
        ? COLOURS.map((name, each) => `${name} ${say(kernels.at(channel, each, cell))}`).join("; ")
        : say(kernels.at(channel, slice, cell));
    const which = bank.sliced ? `kernel ${channel}, input ${slice}` : `kernel ${channel}`;
    readout.show(`${which}, row ${cell.y}, column ${cell.x}: ${values}`);
  }

  /** @param {import("../widgets/tiles.js").TileCell | null} at */
  function hoverTile(at) {
    if (!at || !bank) readout.show(null);
    else if (bank.sliced) tell(chosen().channel, at.plane, at);
    else tell(at.plane, bank.mode === "colours" ? -1 : 0, at);
  }

  /** @param {Cell | null} at */
  function hoverLarge(at) {
    if (!at || !bank) readout.show(null);
    else if (bank.mode === "points") tell(at.y, at.x, { x: 0, y: 0 });
    else tell(chosen().channel, chosen().slice, at);
  }

  /** @param {Cell | null} at */
  function hoverResponse(at) {
    if (!at || !map || !bank) {
      seen.mark({ boxes: [] });
      readout.show(null);
      return;
    }
    const { size, stride, start } = bank.layer.receptiveField;
    const x = start[1] + at.x * stride[1];
    const y = start[0] + at.y * stride[0];
    seen.mark({ boxes: [{ x, y, width: size[1], height: size[0] }] });
    const value = map.data[at.y * map.shape[3] + at.x];
    readout.show(
      `map, row ${at.y}, column ${at.x}: ${number(value, 4)}; it sees ${size[0]} × ${size[1]} pixels`,
    );
  }

  /** Gives the edited weights to the network; while it computes, further edits wait and the latest wins. */
  async function commit() {
    void paint();
    again = true;
    if (committing) return;
    committing = true;
    while (again && bank && !signal.aborted) {
      again = false;
      const { layer, weights } = bank;
      if (layer.weight)
        await app.setWeights(layer.weight, { data: weights.data.slice(), shape: weights.shape });
      await app.idle();
    }
    committing = false;
  }

  return {
    update(next, changed) {
      scale.set(/** @type {Scale} */ (next["kernels.scale"]));
      const other = convolutionOf(app.net.layers, next.layer) !== bank?.layer;
      if (other || changed.has("net") || (changed.has("weights") && !committing)) {
        void load();
        return;
      }
      void paint();
      if (["input", "weights", "channel"].some((key) => changed.has(key))) void respond();
    },
    destroy() {
      life.abort();
    },
  };
}
