/**
 * What is laid out: the points, what is known of them, and how far the search for their places is.
 * @module
 */

import { colorsOf } from "./embedding-classes.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Tensor} Tensor
 * @typedef {import("../convscope.js").Embedding} Embedding
 * @typedef {import("./embedding-data.js").PointSet} PointSet
 * @typedef {import("./embedding-data.js").Predicted} Predicted
 * @typedef {import("./embedding-tour.js").TourStop} TourStop
 */

/** Steps of a search. */
export const ITERATIONS = { pca: 0, tsne: 1000, umap: 500 };

export function createLaid() {
  return {
    /** @type {PointSet | null} */
    set: null,
    /** @type {Predicted | null} */
    predicted: null,
    /** @type {Uint8Array | null} */
    wrong: null,
    /** The points that are laid out, as numbers within the set. @type {number[]} */
    indices: [],
    /** The selection, `null` for all. @type {number[] | null} */
    chosen: null,
    /** Principal components, neighbours and separation in the original space. @type {Embedding | null} */
    base: null,
    /** What is shown. @type {Embedding | null} */
    shown: null,
    /** Nearest neighbours in the original space. @type {Embedding["nearest"] | null} */
    near: null,
    points: /** @type {Float32Array} */ (new Float32Array(0)),
    /** @type {{ step: number, kl: number }[]} */
    history: [],
    /** Whether the components stand in for a map that could not be found. */
    isFallback: false,
    steps: 0,
    /** Whether the points are on tour, and where they have been. */
    isTour: false,
    /** @type {TourStop[]} */
    stops: [],
    stop: 0,
  };
}

/** @typedef {ReturnType<typeof createLaid>} Laid */

/**
 * All points of a set.
 * @param {PointSet} set
 * @param {Session} app
 */
export function allOf(set, app) {
  const count =
    set.kind === "positions" ? app.layer.shape[1] * app.layer.shape[2] : set.images.shape[0];
  return Array.from({ length: count }, (_, index) => index);
}

/**
 * The classes that colour the points.
 * @param {Laid} laid
 * @param {unknown} by "label" or "prediction"
 * @param {Session} app
 */
export function coloring({ set, indices, predicted }, by, app) {
  return colorsOf({
    set,
    indices,
    predicted: by === "prediction" ? predicted : null,
    names: app.net.labels,
  });
}

/**
 * The first two coordinates of every point.
 * @param {Tensor} points
 */
export function firstTwo({ data, shape: [count, axes] }) {
  if (axes === 2) return data;
  const two = new Float32Array(2 * count);
  for (let at = 0; at < count; at += 1) {
    two[2 * at] = data[at * axes];
    two[2 * at + 1] = axes > 1 ? data[at * axes + 1] : 0;
  }
  return two;
}
