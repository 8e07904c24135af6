/**
 * Kernels: the weights of a convolution as pictures. Kernels on one channel and on three colours are shown side by side;
 * of the others, the slices of one output channel. The chosen kernel is shown large with its numbers, beside the map that
 * it makes of the picture, and can be edited by hand.
 * @module
 */

import { button, fold, group, segmented, slider } from "../widgets/controls.js";
import { h, on, uniqueId } from "../widgets/dom.js";
import { fixed, number } from "../widgets/format.js";
import { createLegend } from "../widgets/legend.js";
import { createPixels } from "../widgets/pixels.js";
import { createReadout } from "../widgets/readout.js";
import { createTiles } from "../widgets/tiles.js";
import { byte, made, range } from "./kernel-math.js";
import { extent } from "./reduce.js";
import { createHeading, createWords, figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/session.js").Layer} Layer
 * @typedef {import("../app/session.js").Tensor} Tensor
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("./kernel-math.js").Scale} Scale
 * @typedef {import("./kernel-math.js").Preset} Preset
 * @typedef {"outputs" | "colours" | "slices"} Mode
 */

const COLOURS = ["red", "green", "blue"];

/** @type {[Preset, string, string][]} */
const PRESETS = [
  ["sobel_x", "Sobel x", "Edges between left and right"],
  ["sobel_y", "Sobel y", "Edges between top and bottom"],
  ["blur", "Blur", "Binomial smoothing"],
  ["sharpen", "Sharpen", "Twice the pixel minus the blur"],
  ["identity", "Identity", "The pixel itself"],
  ["negate", "Negate", "Every weight with the other sign"],
  ["zero", "Zero", "Switches it off"],
];

/**
 * The convolution that a layer belongs to: itself, or the nearest one before it.
 * @param {readonly Layer[]} layers
 * @param {string} name
 * @returns {Layer | undefined}
 */
export function convolutionOf(layers, name) {
  const at = layers.findIndex((each) => each.name === name);
  const before = layers.slice(0, at + 1).reverse();
  return (
    before.find((each) => each.kernel && each.weight) ??
    layers.find((each) => each.kernel && each.weight)
  );
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
  const readout = createReadout(
    "Point at a cell for its place, weight and byte; drag one in the large kernel up or down to change it.",
  );
  const tiles = createTiles({ label: "Kernels", onHover: hoverTile, onPick: pick, signal });
  const large = createPixels({
    label: "The chosen kernel",
    onHover: hoverLarge,
    onPick: chooseCell,
    signal,
  });
  const seen = createPixels({ label: "The picture", signal });
  const response = createPixels({ label: "Its map", onHover: hoverResponse, signal });
  const all = figure(tiles.element);
  const one = figure(large.element);
  const before = figure(seen.element, "Picture");
  const after = figure(response.element, "Picture ∗ kernel");
  all.element.classList.add("all");
  one.element.classList.add("one");
  root.append(
    heading.element,
    h(
      "div",
      { class: "bench" },
      all.element,
      h(
        "div",
        { class: "chosen-kernel" },
        one.element,
        h("div", { class: "effect" }, before.element, after.element),
      ),
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
    value: /** @type {Scale} */ (store.get()["kernels.scale"]),
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
    options: [
      { value: "0", label: "All" },
      { value: "1", label: "Red" },
      { value: "2", label: "Green" },
      { value: "3", label: "Blue" },
    ],
    value: String(store.get()["kernels.slice"]),
    onChange: (value) => store.set({ "kernels.slice": Number(value) }),
    signal,
  });
  const cellId = uniqueId("weight");
  const cellLabel = h("label", { for: cellId }, "Weight");
  const cellInput = h("input", { id: cellId, type: "number", step: "any", disabled: true });
  const reset = button({
    label: "Reset all",
    kind: "plain",
    onClick: () => void bringBack(),
    signal,
  });
  const maps = button({
    label: "What does this unit respond to?",
    onClick: () => app.goTo("maps", { layer: layer?.name }),
    signal,
  });
  const presets = h(
    "div",
    { class: "row presets" },
    ...PRESETS.map(([preset, label, title]) =>
      button({ label, title, onClick: () => apply(preset), signal }),
    ),
  );
  const facts = h("dl", { class: "facts" });
  maps.hidden = !app.hasView("maps");
  app.controls.replaceChildren(
    group("Kernel", scale.element, output.element, plane.element),
    group(
      "Edit",
      h("div", { class: "select" }, cellLabel, cellInput),
      presets,
      h("div", { class: "row" }, reset),
      maps,
    ),
    fold("This layer", facts),
  );

  /** @type {Layer | undefined} */
  let layer;
  /** @type {Tensor | null} */
  let weights = null;
  /** @type {Tensor | null} */
  let map = null;
  /** @type {{ x: number, y: number } | null} */
  let cell = null;
  let drawn = "";
  let committing = false;
  let again = false;

  /** @returns {Mode} */
  function mode() {
    const inputs = weights?.shape[1] ?? 1;
    if (inputs === 1) return "outputs";
    return inputs === 3 && layer === app.net.layers.find((each) => each.kernel)
      ? "colours"
      : "slices";
  }

  /** The chosen output channel and slice, within bounds. `slice` is −1 for all colours together. */
  function chosen() {
    const [outputs, inputs] = weights?.shape ?? [1, 1];
    const state = store.get();
    const channel = Math.min(state.channel, outputs - 1);
    const wanted = Number(state["kernels.slice"]);
    if (mode() === "outputs") return { channel, slice: 0 };
    if (mode() === "colours") return { channel, slice: Math.min(Math.max(wanted, 0), 3) - 1 };
    return { channel, slice: Math.min(Math.max(wanted, 0), inputs - 1) };
  }

  const scaleOf = () => /** @type {Scale} */ (store.get()["kernels.scale"]);

  /**
   * The weights of an output channel, or of one of its slices, as a window on the layer's weights.
   * @param {number} channel
   * @param {number} [slice]
   */
  function part(channel, slice) {
    const [, inputs, height, width] = weights?.shape ?? [0, 0, 0, 0];
    const size = height * width;
    const start = (channel * inputs + (slice ?? 0)) * size;
    return (weights?.data ?? new Float32Array()).subarray(
      start,
      start + (slice === undefined ? inputs * size : size),
    );
  }

  /** @param {number} channel */
  function rangeOf(channel) {
    return range(scaleOf(), part(channel), weights?.data ?? new Float32Array());
  }

  async function load() {
    layer = convolutionOf(app.net.layers, store.get().layer);
    const name = layer?.weight;
    if (!layer || !name) {
      heading.say("This network has no convolution");
      return;
    }
    const loaded = await app.work("kernels", () => app.net.weights(name));
    if (!loaded || signal.aborted) return;
    weights = { data: loaded.data.slice(), shape: loaded.shape };
    cell = null;
    await Promise.all([paint(), respond()]);
  }

  async function paint() {
    if (!weights || !layer) return;
    const [outputs, inputs, height, width] = weights.shape;
    const kind = mode();
    const { channel, slice } = chosen();
    const signedScale = scaleOf() === "signed";
    const colour = signedScale ? "diverging" : "gray";
    const pair = rangeOf(channel);
    const current = weights;
    const painted = await app.work("kernels.paint", async () => {
      const grid =
        kind === "slices"
          ? await app.scope.paint(
              { data: part(channel).slice(), shape: [1, inputs, height, width] },
              { map: colour, scale: pair },
            )
          : await app.scope.paint(current, {
              map: kind === "colours" ? "rgb" : colour,
              scale: scaleOf() === "each" ? "each" : pair,
            });
      const alone =
        slice < 0
          ? await app.scope.paint(
              { data: part(channel).slice(), shape: [1, 3, height, width] },
              { map: "rgb", scale: pair },
            )
          : await app.scope.paint(
              { data: part(channel, slice).slice(), shape: [1, 1, height, width] },
              { map: colour, scale: pair },
            );
      return { grid, alone };
    });
    if (!painted || signal.aborted) return;
    tiles.show({
      ...painted.grid,
      count: kind === "slices" ? inputs : outputs,
      largest: Math.max(height, width) < 3 ? 44 : 160,
      name: (index) =>
        kind === "slices" ? `input channel ${index} of kernel ${channel}` : `kernel ${index}`,
      label: `Kernels of ${layer.name}`,
    });
    tiles.choose(kind === "slices" ? slice : channel);
    large.show({
      width,
      height,
      layers: [{ bitmap: painted.alone.bitmap }],
      label: `Kernel ${channel} of ${layer.name}, ${height} by ${width}`,
    });
    large.overlay(slice < 0 ? null : numbers);
    legend.show({
      map: signedScale && slice >= 0 ? "diverging" : "gray",
      low: pair[0],
      high: pair[1],
      label: "Weight",
      note: {
        each: "this kernel's own range",
        layer: "the layer's range",
        signed: slice < 0 ? "grey is zero" : "white is zero",
      }[scaleOf()],
    });
    describe();
  }

  /**
   * Writes each weight into its cell where there is room.
   * @param {CanvasRenderingContext2D} context
   * @param {number} size of a cell in device pixels
   */
  function numbers(context, size) {
    const { channel, slice } = chosen();
    const ratio = window.devicePixelRatio || 1;
    if (size < 34 * ratio || !weights || slice < 0) return;
    const [, , height, width] = weights.shape;
    const values = part(channel, slice);
    const pair = rangeOf(channel);
    const diverging = scaleOf() === "signed";
    const [low, high] = extent(part(channel));
    const decimals = Math.max(-low, high) < 0.095 ? 3 : 2;
    context.font = `${Math.min(size * 0.27, 15 * ratio)}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (let index = 0; index < height * width; index += 1) {
      const level = byte(values[index], pair);
      const dark = diverging ? Math.abs(level - 127.5) > 75 : level < 140;
      context.fillStyle = dark ? "rgb(255 255 255 / 0.92)" : "rgb(0 0 0 / 0.82)";
      const text = fixed(values[index], decimals).replace(/^(−?)0\./, "$1.");
      context.fillText(
        text,
        ((index % width) + 0.5) * size,
        (Math.floor(index / width) + 0.52) * size,
      );
    }
  }

  async function respond() {
    const conv = layer;
    if (!conv) return;
    const result = await app.work("kernels.map", async (until) => {
      const maps = await app.net.activations(app.input, [conv.name], { signal: until });
      const tensor = maps[conv.name];
      const [, , height, width] = tensor.shape;
      const { channel } = chosen();
      const data = tensor.data.slice(channel * height * width, (channel + 1) * height * width);
      const alone = { data, shape: [1, 1, height, width] };
      const painted = await app.scope.paint(alone, { map: "sequential", scale: "each" });
      return { alone, painted, picture: await createImageBitmap(app.seen) };
    });
    if (!result || signal.aborted) return;
    map = result.alone;
    const [, , height, width] = map.shape;
    response.show({
      width,
      height,
      layers: [{ bitmap: result.painted.bitmap }],
      label: `What kernel ${chosen().channel} of ${conv.name} makes of the picture`,
    });
    seen.show({
      width: result.picture.width,
      height: result.picture.height,
      layers: [{ bitmap: result.picture }],
    });
    const first = conv === app.net.layers.find((each) => each.kernel);
    before.caption("Picture");
    after.caption(first ? "Picture ∗ kernel" : "Its feature map");
  }

  function describe() {
    if (!weights || !layer) return;
    const [outputs, inputs, height, width] = weights.shape;
    const { channel, slice } = chosen();
    const kind = mode();
    const at = store.get().layer;
    const folded = isFolded();
    heading.say(
      folded ? "The scaled kernels of " : "The kernels of ",
      { name: layer.name },
      at === layer.name ? "" : `, the convolution before ${at}`,
    );
    const size = `${height} × ${width}`;
    all.caption(
      kind === "slices"
        ? `Kernel ${channel} of ${outputs}: ${size} on each of its ${inputs} input channels`
        : `${outputs} kernels of ${size}${kind === "colours" ? ", in colour" : ""}`,
    );
    one.caption(
      kind === "slices"
        ? `Input channel ${slice}`
        : `Kernel ${channel}${slice >= 0 && kind === "colours" ? `, ${COLOURS[slice]}` : ""}`,
    );
    output.element.hidden = kind !== "slices";
    output.set(channel, { max: outputs - 1 });
    plane.element.hidden = kind !== "colours";
    plane.set(String(slice + 1));
    reset.disabled = !app.net.modified;
    showCell();
    const small = Math.max(height, width) <= 3;
    words.say(
      [
        kind === "slices"
          ? `Each square weighs one feature map of the layer before; their sum makes one map of this layer.`
          : `Bright cells add to the response where the picture is bright, dark ones take away from it.`,
        folded ? " This file ships with batch norm folded in, so these are scaled kernels." : "",
      ],
      [
        small
          ? `At ${size} a kernel says little by itself. The better question is what this unit responds to${maps.hidden ? "" : ": its feature map"}.`
          : scaleOf() === "each"
            ? "Each kernel is stretched to its own range, so a weak one looks as strong as a strong one: compare with Layer."
            : kind === "slices"
              ? "It is seldom one slice that counts: what matters is how they add up."
              : "A clear pattern does not say that the network relies on it: switch the kernel off with Zero and see.",
      ],
    );
    const key = `${layer.name} ${outputs} ${inputs} ${size}`;
    if (key === drawn) return;
    drawn = key;
    const kernel = layer.kernel;
    const rows = /** @type {[string, string][]} */ ([
      ["weights", weights.shape.join(" × ")],
      ["stride", kernel?.stride.join(" × ") ?? ""],
      ["padding", kernel?.padding.join(", ") ?? ""],
      ["groups", String(kernel?.groups ?? 1)],
      ["receptive field", `${layer.receptiveField.size.join(" × ")} px`],
      ["output", layer.shape.join(" × ")],
    ]);
    facts.replaceChildren(
      ...rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
    );
  }

  /** Whether the file came with batch norm folded into its convolutions. */
  function isFolded() {
    const { layers } = app.net;
    const convolutions = layers.filter((each) => each.kernel);
    return (
      layers.every((each) => each.op !== "batch_norm") &&
      convolutions.length > 1 &&
      convolutions.every((each) => each.bias)
    );
  }

  /** @param {number} plane */
  function pick(plane) {
    if (mode() === "slices") store.set({ "kernels.slice": plane }, { replace: true });
    else store.set({ channel: plane }, { replace: true });
  }

  /**
   * @param {number} channel
   * @param {number} slice −1 for all colours
   * @param {{ x: number, y: number }} at
   */
  function tell(channel, slice, { x, y }) {
    if (!weights) return;
    const [, , , width] = weights.shape;
    const pair = rangeOf(channel);
    const index = y * width + x;
    const list =
      slice < 0
        ? COLOURS.map((name, each) => ({ name: `${name} `, w: part(channel, each)[index] }))
        : [{ name: "", w: part(channel, slice)[index] }];
    const values = list
      .map(({ name, w }) => `${name}weight ${number(w, 4)} → byte ${byte(w, pair)}`)
      .join("; ");
    const which = mode() === "slices" ? `kernel ${channel}, input ${slice}` : `kernel ${channel}`;
    readout.show(`${which}, row ${y}, column ${x}: ${values}`);
  }

  /** @param {import("../widgets/tiles.js").TileCell | null} at */
  function hoverTile(at) {
    if (!at || !weights) readout.show(null);
    else if (mode() === "slices") tell(chosen().channel, at.plane, at);
    else tell(at.plane, mode() === "colours" ? -1 : 0, at);
  }

  /** @param {{ x: number, y: number } | null} at */
  function hoverLarge(at) {
    if (!at || !weights) readout.show(null);
    else tell(chosen().channel, chosen().slice, at);
  }

  /** @param {{ x: number, y: number } | null} at */
  function hoverResponse(at) {
    if (!at || !map || !layer) {
      seen.mark({ boxes: [] });
      readout.show(null);
      return;
    }
    const [, , , width] = map.shape;
    const { size, stride, start } = layer.receptiveField;
    seen.mark({
      boxes: [
        {
          x: start[1] + at.x * stride[1],
          y: start[0] + at.y * stride[0],
          width: size[1],
          height: size[0],
        },
      ],
    });
    readout.show(
      `map, row ${at.y}, column ${at.x}: ${number(map.data[at.y * width + at.x], 4)}; it sees ${size[0]} × ${size[1]} pixels`,
    );
  }

  /** @param {{ x: number, y: number }} at */
  function chooseCell(at) {
    if (chosen().slice < 0) return;
    cell = at;
    large.mark({ chosen: at });
    showCell();
  }

  function showCell() {
    const { channel, slice } = chosen();
    const [, , height, width] = weights?.shape ?? [0, 0, 0, 0];
    if (cell && (cell.x >= width || cell.y >= height || slice < 0)) cell = null;
    large.mark({ chosen: cell });
    cellInput.disabled = !cell;
    cellLabel.textContent = cell
      ? `Row ${cell.y}, column ${cell.x}`
      : slice < 0
        ? "Choose a colour first"
        : "Click a cell";
    if (!cell) cellInput.value = "";
    else if (document.activeElement !== cellInput)
      cellInput.value = String(
        Number(part(channel, slice)[cell.y * width + cell.x].toPrecision(5)),
      );
  }

  /** @param {number} value */
  function setCell(value) {
    if (!cell || !weights || !Number.isFinite(value)) return;
    const { channel, slice } = chosen();
    part(channel, slice)[cell.y * weights.shape[3] + cell.x] = value;
    void commit();
  }

  /** @param {Preset} preset */
  function apply(preset) {
    if (!weights) return;
    const { channel, slice } = chosen();
    const [, , height, width] = weights.shape;
    for (const each of slice < 0 ? [0, 1, 2] : [slice]) {
      const target = part(channel, each);
      target.set(made(preset, target, height, width));
    }
    void commit();
  }

  /** Gives the edited weights to the network; while it computes, further edits wait and the latest wins. */
  async function commit() {
    void paint();
    if (committing) {
      again = true;
      return;
    }
    committing = true;
    do {
      again = false;
      const name = layer?.weight;
      if (name && weights)
        await app.setWeights(name, { data: weights.data.slice(), shape: weights.shape });
    } while (again && !signal.aborted);
    committing = false;
  }

  async function bringBack() {
    await app.restore();
    await load();
  }

  on(cellInput, "input", () => setCell(cellInput.valueAsNumber), signal);
  /** @type {{ y: number, value: number, step: number } | null} */
  let drag = null;
  on(
    large.canvas,
    "pointerdown",
    (event) => {
      const at = large.cellAt(event);
      const { channel, slice } = chosen();
      if (!at || !weights || slice < 0) return;
      chooseCell(at);
      const [low, high] = extent(weights.data);
      drag = {
        y: event.clientY,
        value: part(channel, slice)[at.y * weights.shape[3] + at.x],
        step: (high - low || 1) / 150,
      };
      large.canvas.setPointerCapture(event.pointerId);
    },
    signal,
  );
  on(
    large.canvas,
    "pointermove",
    (event) => {
      if (!drag || !large.canvas.hasPointerCapture(event.pointerId)) return;
      const moved = drag.y - event.clientY;
      if (Math.abs(moved) > 2) setCell(drag.value + moved * drag.step);
    },
    signal,
  );
  on(large.canvas, "pointerup", () => (drag = null), signal);
  on(large.canvas, "pointercancel", () => (drag = null), signal);

  return {
    update(next, changed) {
      scale.set(/** @type {Scale} */ (next["kernels.scale"]));
      const other = convolutionOf(app.net.layers, next.layer) !== layer;
      if (changed.has("net") || other) void load();
      else {
        const mine = committing && changed.has("weights");
        if (changed.has("weights") && !mine) void load();
        else void paint();
        if (["input", "weights", "channel"].some((key) => changed.has(key))) void respond();
      }
    },
    destroy() {
      life.abort();
    },
  };
}
