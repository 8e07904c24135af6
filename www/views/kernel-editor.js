/**
 * Editing a kernel by hand: a click on a cell of the large kernel chooses it, dragging it up or down or typing changes
 * its weight, and the presets replace the whole kernel.
 * @module
 */

import { button, group } from "../widgets/controls.js";
import { h, on, uniqueId } from "../widgets/dom.js";
import { made } from "./kernel-math.js";
import { extent } from "./reduce.js";

/**
 * @typedef {import("./kernel-bank.js").Bank} Bank
 * @typedef {import("./kernel-math.js").Preset} Preset
 * @typedef {import("../widgets/pixels.js").Pixels} Pixels
 * @typedef {import("../widgets/pixels.js").Cell} Cell
 */

/** @type {[Preset, string, string][]} */
const PRESETS = [
  ["sobel_x", "Sobel x", "Edges between left and right, as strong as the kernel it replaces"],
  ["sobel_y", "Sobel y", "Edges between top and bottom, as strong as the kernel it replaces"],
  ["blur", "Blur", "Binomial smoothing, as strong as the kernel it replaces"],
  ["sharpen", "Sharpen", "Twice the pixel minus the blur, as strong as the kernel it replaces"],
  ["identity", "Identity", "The pixel itself, as strong as the kernel it replaces"],
  ["negate", "Negate", "Every weight with the other sign"],
  ["zero", "Zero", "Switches it off"],
];

/** So many CSS pixels of dragging go through the layer's whole range of weights. */
const TRAVEL = 150;

/**
 * @param {{
 *   large: Pixels,
 *   bank: () => Bank | null,
 *   chosen: () => { channel: number, slice: number },
 *   onEdit: () => void,
 *   onReset: () => void,
 *   signal: AbortSignal,
 * }} options `onEdit` is told after each change of the bank's weights
 */
export function createEditor({ large, bank, chosen, onEdit, onReset, signal }) {
  const id = uniqueId("weight");
  const label = h("label", { for: id });
  const input = h("input", { id, type: "number", step: "any", disabled: true });
  const choices = PRESETS.map(([preset, name, title]) =>
    button({ label: name, title, onClick: () => apply(preset), signal }),
  );
  const presets = h("div", { class: "row presets" }, ...choices);
  const reset = button({
    label: "Reset weights",
    title: "Brings the learned weights back",
    onClick: onReset,
    signal,
  });
  const element = group("Edit", h("div", { class: "select" }, label, input), presets, reset);
  /** @type {Cell | null} */
  let cell = null;
  /** @type {{ y: number, value: number, step: number } | null} */
  let drag = null;
  let dragged = false;

  /** @param {number} value */
  function setCell(value) {
    const kernels = bank();
    if (!cell || !kernels || !Number.isFinite(value)) return;
    const { channel, slice } = chosen();
    kernels.part(channel, slice)[cell.y * kernels.width + cell.x] = value;
    onEdit();
  }

  /** @param {Preset} preset */
  function apply(preset) {
    const kernels = bank();
    if (!kernels) return;
    const { channel, slice } = chosen();
    for (const each of slice < 0 ? [0, 1, 2] : [slice]) {
      const target = kernels.part(channel, each);
      target.set(made(preset, target, kernels.height, kernels.width));
    }
    onEdit();
  }

  /** @param {PointerEvent} event */
  function grab(event) {
    const kernels = bank();
    const at = large.cellAt(event);
    const { channel, slice } = chosen();
    if (!kernels || !at || slice < 0 || kernels.mode === "points") return;
    choose(at);
    const [low, high] = extent(kernels.weights.data);
    const value = kernels.at(channel, slice, at);
    drag = { y: event.clientY, value, step: (high - low || 1) / TRAVEL };
    large.canvas.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  function pull(event) {
    if (!drag) return;
    const moved = drag.y - event.clientY;
    if (Math.abs(moved) > 2) dragged = true;
    if (dragged) setCell(drag.value + moved * drag.step);
  }

  /** The click that ends a drag chooses no other cell: it comes before the next task. */
  function release() {
    drag = null;
    setTimeout(() => {
      dragged = false;
    });
  }

  /** @param {Cell} at */
  function choose(at) {
    if (dragged || chosen().slice < 0) return;
    cell = at;
    show();
  }

  function show() {
    const kernels = bank();
    if (!kernels) return;
    const { channel, slice } = chosen();
    const points = kernels.mode === "points";
    if (slice < 0 || (cell && (cell.x >= kernels.width || cell.y >= kernels.height))) cell = null;
    if (points) cell = { x: 0, y: 0 };
    large.mark(
      points
        ? { chosen: null, boxes: [{ x: 0, y: channel, width: kernels.inputs, height: 1 }] }
        : { chosen: cell, boxes: [] },
    );
    const small = Math.max(kernels.width, kernels.height) < 3;
    for (const [place, [preset]] of PRESETS.entries())
      choices[place].hidden = small && preset !== "negate" && preset !== "zero";
    input.disabled = !cell;
    label.textContent = words(kernels, channel, slice);
    if (!cell) input.value = "";
    else if (document.activeElement !== input)
      input.value = String(Number(kernels.at(channel, slice, cell).toPrecision(5)));
  }

  /**
   * @param {Bank} kernels
   * @param {number} channel
   * @param {number} slice
   */
  function words(kernels, channel, slice) {
    if (kernels.mode === "points") return `Kernel ${channel}, input ${slice}`;
    if (cell) return `Row ${cell.y}, column ${cell.x}`;
    return slice < 0 ? "Choose a colour first" : "Click a cell";
  }

  on(input, "input", () => setCell(input.valueAsNumber), signal);
  on(large.canvas, "pointerdown", grab, signal);
  on(large.canvas, "pointermove", pull, signal);
  on(large.canvas, "pointerup", release, signal);
  on(large.canvas, "pointercancel", release, signal);

  return {
    element,
    choose,
    /** @param {boolean} modified whether there is anything to bring back */
    update(modified) {
      reset.disabled = !modified;
      show();
    },
    /** Forgets the chosen cell: another layer. */
    clear() {
      cell = null;
    },
  };
}
