/**
 * What a method costs on a network, and whether that is little enough to run it unasked.
 * @module
 */

import { passesOf } from "./saliency-methods.js";

/**
 * @typedef {import("../convscope.js").Net} Net
 * @typedef {import("../convscope.js").Scope} Scope
 * @typedef {import("./saliency-methods.js").Method} Method
 */

/** Multiply-adds that may be spent unasked: on the CPU, and on a GPU. */
const BUDGET = { cpu: 2e9, webgpu: 4e10 };

/**
 * Whether so many runs of the network, forward or backward, are few.
 * @param {number} passes
 * @param {Net} net
 * @param {Scope} scope
 */
export function isLittle(passes, { layers }, { backend, adapter }) {
  const macs = layers.reduce((sum, layer) => sum + layer.macs, 0);
  const real = backend === "webgpu" && !adapter?.isFallbackAdapter;
  return passes * macs <= BUDGET[real ? "webgpu" : "cpu"];
}

/**
 * @param {Method} method
 * @param {Net} net
 * @param {Scope} scope
 */
export function isCheap(method, net, scope) {
  return isLittle(passesOf(method, net), net, scope);
}
