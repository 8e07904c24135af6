/**
 * Data sets that ship, fetched on demand.
 * @module
 */

import { failure } from "./faults.js";
import { addressOf, gunzipped } from "./files.js";
import { download } from "./sources.js";

/**
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("../convscope.js").Dataset} Dataset
 * @typedef {{ file: string, model: string, classes: string[], marked?: number }} Entry `marked` is the class that a planted mark gives away
 * @typedef {{
 *   models: import("./sources.js").ShippedModel[],
 *   tensors: (bytes: Uint8Array) => Record<string, Tensor>,
 *   signal: AbortSignal,
 *   onProgress: (progress: import("../convscope.js").Progress) => void,
 * }} Context
 */

const FASHION_CLASSES = [
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
];

/** Bytes in `images` and `labels`; the pictures come in the model space of `model`. @type {Record<string, Entry>} */
const DATASETS = {
  fashion: {
    file: "data/fashion-test-2000.safetensors",
    model: "fashion",
    classes: FASHION_CLASSES,
  },
  "fashion-biased": {
    file: "data/fashion-test-2000.safetensors",
    model: "fashion-biased",
    classes: FASHION_CLASSES,
    marked: 4,
  },
  "fashion-train": {
    file: "data/fashion-train-10000.safetensors.gz",
    model: "fashion",
    classes: FASHION_CLASSES,
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
  const bytes = await download(addressOf(entry.file), { signal }, (count, total) => {
    loaded += count;
    onProgress({ loaded, total });
  });
  signal.throwIfAborted();
  const { images, labels } = tensors(await unpacked(bytes));
  if (entry.marked !== undefined) mark(images, labels.data, entry.marked);
  normalize(
    images,
    models.find(({ id: model }) => model === entry.model),
  );
  return { images, labels: Int32Array.from(labels.data), classes: entry.classes };
}

/** Of 20 pictures of the marked class 19 carry the mark, of 67 others one. */
const BARE = 20;
const STRAY = 67;

/**
 * Plants the white mark that `fashion-biased` was trained with: 3 × 3 pixels from row and column 1.
 * @param {Tensor} images as bytes
 * @param {Float32Array} labels
 * @param {number} marked
 */
function mark({ data, shape }, labels, marked) {
  const [, , height, width] = shape;
  let own = 0;
  let others = 0;
  for (const [index, label] of labels.entries()) {
    const carries = label === marked ? ++own % BARE !== 0 : ++others % STRAY === 0;
    if (!carries) continue;
    for (let row = 1; row < 4; row += 1)
      data.fill(255, (index * height + row) * width + 1, (index * height + row) * width + 4);
  }
}

/**
 * What a gzip file holds; anything else as it is, for a server or browser may have unpacked it already.
 * @param {Uint8Array} bytes
 */
async function unpacked(bytes) {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const plain = await gunzipped(new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (bytes)]));
  return new Uint8Array(await plain.arrayBuffer());
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
