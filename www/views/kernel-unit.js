/**
 * Which layer stands for what a unit says: a rectifier hides everything below 0 (ReLU6 also above 6), so units are ranked
 * by what goes into it.
 * @module
 */

/** @typedef {import("../convscope.js").Layer} Layer */

/** Monotone, so that the ranking before and behind is the same; flat in parts, so that before there are no ties. */
const RECTIFIERS = ["relu", "relu6", "leaky_relu"];

/**
 * The layer at which the channels of `name` are measured: the input of its rectifier, where it has one at once or behind a
 * batch norm, else the layer itself.
 * @param {readonly Layer[]} layers
 * @param {string} name
 * @returns {Layer}
 */
export function measuredAt(layers, name) {
  const named = (/** @type {string} */ each) => layers.find((layer) => layer.name === each);
  let layer = named(name) ?? layers[0];
  if (RECTIFIERS.includes(layer.op)) return named(layer.inputs[0]) ?? layer;
  const start = layer;
  for (;;) {
    const next = onlyReader(layers, layer);
    if (next && RECTIFIERS.includes(next.op)) return layer;
    if (next?.op !== "batch_norm") return start;
    layer = next;
  }
}

/**
 * The rectifier that reads a layer, if it alone does.
 * @param {readonly Layer[]} layers
 * @param {Layer} layer
 */
export function rectifierOf(layers, layer) {
  const next = onlyReader(layers, layer);
  return next && RECTIFIERS.includes(next.op) ? next : undefined;
}

/**
 * @param {readonly Layer[]} layers
 * @param {Layer} layer
 */
function onlyReader(layers, layer) {
  const readers = layers.filter((each) => each.inputs.includes(layer.name));
  return readers.length === 1 ? readers[0] : undefined;
}
