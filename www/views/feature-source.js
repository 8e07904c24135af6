/**
 * The numbers that the view of feature maps shows: the maps of a layer, the range of the whole network, and the
 * arithmetic of one unit with its inputs and parameters.
 * @module
 */

import { explain, valueAt } from "./feature-arithmetic.js";
import { isSigned, largest, planesOf } from "./feature-planes.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../convscope.js").Layer} Layer
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("./feature-planes.js").Planes} Planes
 * @typedef {import("./feature-arithmetic.js").Place} Place
 * @typedef {{ layer: Layer, planes: Planes, signed: boolean, most: number }} Maps `most` is the layer's largest absolute value
 */

/** The network's range is found in portions of so many layers, so that no call takes long. */
const PORTION = 8;

/** @param {Session} app */
export function createSource(app) {
  /** The range of the network, for the picture and the weights it was found with. @type {{ input: Tensor, most: number } | null} */
  let network = null;

  /**
   * Outputs of layers; the network's input goes by its own name.
   * @param {string[]} names
   * @param {AbortSignal} signal
   * @returns {Promise<Record<string, Tensor>>}
   */
  async function outputs(names, signal) {
    const known = names.filter((name) => app.net.layers.some((each) => each.name === name));
    const found = known.length > 0 ? await app.net.activations(app.input, known, { signal }) : {};
    return Object.fromEntries(names.map((name) => [name, found[name] ?? app.input]));
  }

  return {
    /**
     * @param {Layer} layer
     * @param {AbortSignal} signal
     * @returns {Promise<Maps>}
     */
    async maps(layer, signal) {
      const tensor = (await outputs([layer.name], signal))[layer.name];
      const planes = planesOf(tensor);
      return { layer, planes, signed: isSigned(planes.data), most: largest(planes.data) };
    },

    /**
     * The largest absolute value over all layers.
     * @param {AbortSignal} signal
     */
    async networkMost(signal) {
      if (network?.input === app.input) return network.most;
      const { input } = app;
      const names = app.net.layers.map((each) => each.name);
      let most = 0;
      for (let start = 0; start < names.length; start += PORTION) {
        const found = await outputs(names.slice(start, start + PORTION), signal);
        for (const { data } of Object.values(found)) most = Math.max(most, largest(data));
        signal.throwIfAborted();
      }
      network = { input, most };
      return most;
    },

    /** Other weights give other numbers. */
    forget() {
      network = null;
    },

    /**
     * @param {Maps} maps
     * @param {Place} at
     * @param {AbortSignal} signal
     */
    async explanation({ layer, planes }, at, signal) {
      const found = await outputs(layer.inputs, signal);
      const inputs = layer.inputs.map((name) => ({ name, planes: planesOf(found[name]) }));
      const { weight, bias, statistics } = layer;
      const names = { weight, bias, mean: statistics?.mean, variance: statistics?.variance };
      /** @type {Record<string, Float32Array>} */
      const parameters = {};
      for (const [key, name] of Object.entries(names))
        if (name) parameters[key] = (await app.net.weights(name)).data;
      return explain(layer, at, inputs, parameters, valueAt(planes, at));
    },
  };
}
