/**
 * Data sets that ship, fetched on demand.
 * @module
 */

import { failure } from "./faults.js";
import { download } from "./sources.js";

/**
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("../convscope.js").Dataset} Dataset
 * @typedef {{ file: string, model: string, classes: string[] }} Entry
 * @typedef {{
 *   models: import("./sources.js").ShippedModel[],
 *   tensors: (bytes: Uint8Array) => Record<string, Tensor>,
 *   signal: AbortSignal,
 *   onProgress: (progress: import("../convscope.js").Progress) => void,
 * }} Context
 */

/** Bytes in `images` and `labels`; the pictures come in the model space of the network of the same id. @type {Record<string, Entry>} */
const DATASETS = {
  fashion: {
    file: "../data/fashion-test-2000.safetensors",
    model: "fashion",
    classes: [
      "T-shirt/top",
      "Trouser",
      "Pullover",
      "Dress",
      "Coat",
      "Sandal",
      "Shirt",
      "Sneaker",
      "Bag",
      "Ankle boot",
    ],
  },
};

/**
 * @param {string} id
 * @param {Context} context
 * @returns {Promise<Dataset>}
 */
export async function readDataset(id, { models, tensors, signal, onProgress }) {
  const entry = Object.hasOwn(DATASETS, id) ? DATASETS[id] : null;
  if (!entry) {
    const ids = Object.keys(DATASETS).join(", ");
    throw failure("bad_argument", `no data set "${id}" ships with this; there are: ${ids}`);
  }
  let loaded = 0;
  const bytes = await download(new URL(entry.file, import.meta.url), { signal }, (count, total) => {
    loaded += count;
    onProgress({ loaded, total });
  });
  signal.throwIfAborted();
  const { images, labels } = tensors(bytes);
  normalize(
    images,
    models.find(({ id: model }) => model === entry.model),
  );
  return { images, labels: Int32Array.from(labels.data), classes: entry.classes };
}

/**
 * Bytes to model space, in place.
 * @param {Tensor} images
 * @param {import("./sources.js").ShippedModel | undefined} model
 */
function normalize({ data, shape }, model) {
  const { mean, std } = /** @type {{ mean?: number[], std?: number[] }} */ (
    model?.input.preprocess ?? {}
  );
  const [, channels, height, width] = shape;
  const plane = height * width;
  for (let index = 0; index < data.length; index += 1) {
    const channel = Math.floor(index / plane) % channels;
    const value = data[index] / 255;
    data[index] = (value - (mean?.[channel] ?? 0)) / (std?.[channel] ?? 1);
  }
}
