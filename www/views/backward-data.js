/**
 * What flows backward: the layers that the journey stops at, the gradients there, and how large they are. Plain data and
 * the calls that get it.
 * @module
 */

import { groups } from "../app/list.js";
import { byStrength, planesOf, strengths } from "./feature-planes.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../convscope.js").Layer} Layer
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("../convscope.js").Objective} Objective
 * @typedef {import("./feature-planes.js").Planes} Planes
 * @typedef {"logit" | "probability" | "loss"} Of
 *
 * One stop: a layer, or the picture (`layer` is `null`, `name` what the engine calls it). `strongest` is the channel with
 * the largest gradient, `norm` the length of the whole gradient.
 * @typedef {{ name: string, title: string, layer: Layer | null }} Stop
 * @typedef {Stop & { maps: Planes, gradient: Planes, norm: number, strongest: number }} Visit
 */

/** What the engine calls the picture. */
export const PICTURE = "input";

/** Networks with more layers than this stop at their blocks only. */
const LONG = 24;

/**
 * The stops from the class to the picture: every layer, or every block of a long network.
 * @param {readonly Layer[]} layers
 * @returns {Stop[]}
 */
export function stopsOf(layers) {
  const shown =
    layers.length > LONG
      ? groups(layers).map(({ name, shown: layer }) => ({ name: layer.name, title: name, layer }))
      : layers.map((layer) => ({ name: layer.name, title: layer.name, layer }));
  return [...shown.reverse(), { name: PICTURE, title: "picture", layer: null }];
}

/**
 * The stop at which a layer is met: its own, or that of its block, the first that lies no earlier in the network.
 * @param {readonly Stop[]} stops
 * @param {readonly Layer[]} layers
 * @param {string} name
 */
export function stopOf(stops, layers, name) {
  const place = (/** @type {string} */ each) => layers.findIndex((layer) => layer.name === each);
  const at = place(name);
  for (let index = stops.length - 1; index >= 0; index -= 1)
    if (stops[index].layer && place(stops[index].name) >= at) return index;
  return 0;
}

/**
 * @param {Of} of
 * @param {number} target
 * @returns {Objective}
 */
export function objectiveOf(of, target) {
  if (of === "probability") return { probability: target };
  return of === "loss" ? { loss: target } : { logit: target };
}

/**
 * The Euclidean length.
 * @param {Float32Array} values
 */
export function norm(values) {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum);
}

/**
 * Activations and gradients at stops, from one forward and one backward pass.
 * @param {Session} app
 * @param {readonly Stop[]} stops
 * @param {Objective} objective
 * @param {AbortSignal} signal
 * @returns {Promise<{ visits: Visit[], value: number }>}
 */
export async function visit(app, stops, objective, signal) {
  const names = stops.map((each) => each.name);
  const layers = names.filter((name) => name !== PICTURE);
  const gradients = await app.net.gradient(app.input, objective, { wrt: names, signal });
  const maps = layers.length > 0 ? await app.net.activations(app.input, layers, { signal }) : {};
  const visits = stops.map((stop) => {
    const gradient = planesOf(/** @type {Tensor} */ (gradients[stop.name]));
    const own = planesOf(stop.layer ? maps[stop.name] : app.input);
    const [strongest] = byStrength(strengths(gradient, "mean"));
    return { ...stop, maps: own, gradient, norm: norm(gradient.data), strongest };
  });
  return { visits, value: Number(gradients.value) };
}
