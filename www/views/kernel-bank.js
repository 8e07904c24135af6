/**
 * The weights of one convolution and what is chosen among them: plain data, no drawing.
 * @module
 */

import { range } from "./kernel-math.js";

/**
 * @typedef {import("../convscope.js").Layer} Layer
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("../app/store.js").State} State
 * @typedef {import("./kernel-math.js").Scale} Scale
 * @typedef {"outputs" | "colours" | "slices" | "points"} Mode how kernels are shown: side by side, side by side in colour,
 *   the slices of one of them, or (1 × 1) slices beside the matrix of all
 */

export const COLOURS = ["red", "green", "blue"];

/**
 * The convolution that a layer belongs to: itself, or the nearest one before it.
 * @param {readonly Layer[]} layers
 * @param {string} name
 * @returns {Layer | undefined}
 */
export function convolutionOf(layers, name) {
  const at = layers.findIndex((each) => each.name === name);
  const before = layers.slice(0, at + 1).reverse();
  const isConvolution = (/** @type {Layer} */ each) => each.kernel !== null && each.weight !== null;
  return before.find(isConvolution) ?? layers.find(isConvolution);
}

export class Bank {
  /**
   * @param {Layer} layer
   * @param {Tensor} weights `[out, in / groups, height, width]`; changed in place by the editor
   * @param {boolean} first whether it is the network's first convolution, whose inputs are colours
   */
  constructor(layer, weights, first) {
    this.layer = layer;
    this.weights = weights;
    const [outputs, inputs, height, width] = weights.shape;
    this.outputs = outputs;
    this.inputs = inputs;
    this.height = height;
    this.width = width;
    /** @type {Mode} */
    this.mode = "slices";
    if (this.inputs === 1) this.mode = "outputs";
    else if (this.inputs === 3 && first) this.mode = "colours";
    else if (this.height === 1 && this.width === 1) this.mode = "points";
  }

  /** Whether the tiles are slices of one kernel. */
  get sliced() {
    return this.mode === "slices" || this.mode === "points";
  }

  /**
   * The chosen output channel and slice, within bounds; a slice of −1 stands for all colours together.
   * @param {State} state
   */
  chosen(state) {
    const channel = Math.min(state.channel, this.outputs - 1);
    const wanted = Math.max(Number(state["kernels.slice"]), 0);
    if (this.mode === "outputs") return { channel, slice: 0 };
    if (this.mode === "colours") return { channel, slice: Math.min(wanted, COLOURS.length) - 1 };
    return { channel, slice: Math.min(wanted, this.inputs - 1) };
  }

  /**
   * The weights of an output channel, or of one of its slices, as a window on the layer's weights.
   * @param {number} channel
   * @param {number} [slice]
   */
  part(channel, slice) {
    const size = this.height * this.width;
    const start = (channel * this.inputs + (slice ?? 0)) * size;
    return this.weights.data.subarray(
      start,
      start + (slice === undefined ? this.inputs * size : size),
    );
  }

  /**
   * One weight.
   * @param {number} channel
   * @param {number} slice
   * @param {{ x: number, y: number }} cell
   */
  at(channel, slice, { x, y }) {
    return this.part(channel, slice)[y * this.width + x];
  }

  /**
   * The range that is spread over [0, 255] for a kernel.
   * @param {Scale} scale
   * @param {number} channel
   */
  range(scale, channel) {
    return range(scale, this.part(channel), this.weights.data);
  }
}
