/**
 * The depth tour: the same points laid out layer after layer, each map turned onto the one before, with how well the
 * classes lie apart in each.
 * @module
 */

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Tensor} Tensor
 * @typedef {import("../convscope.js").Embedding} Embedding
 * @typedef {{ name: string, layer: string | null, result: Embedding }} TourStop `layer` is `null` for the pictures themselves
 */

/** Most points on tour. */
export const TOUR_POINTS = 500;
/** Most stops. */
const MOST = 9;
/** Steps a map, each starting on the one before. */
const STEPS = { tsne: 400, umap: 200 };

/** Operators after which a layer's output is what the next one reads. */
const STATIONS = ["relu", "relu6", "leaky_relu", "silu", "hard_swish", "global_avg_pool", "linear"];

/**
 * The layers of a tour, the pictures themselves first; of many, some from beginning to end.
 * @param {readonly import("../app/session.js").Layer[]} layers
 * @returns {(string | null)[]}
 */
export function stations(layers) {
  const all = layers.filter(({ op }) => STATIONS.includes(op)).map(({ name }) => name);
  const kept =
    all.length < MOST
      ? all
      : Array.from(
          { length: MOST - 1 },
          (_, at) => all[Math.round((at * (all.length - 1)) / (MOST - 2))],
        );
  return [null, ...new Set(kept)];
}

/**
 * A map made small, as t-SNE likes to start.
 * @param {Tensor} points
 * @returns {Tensor}
 */
function small({ data, shape }) {
  let square = 0;
  for (let at = 0; at < data.length; at += 2) square += data[at] ** 2;
  const size = Math.sqrt(square / shape[0]) / 1e-4 || 1;
  return { data: data.map((value) => value / size), shape };
}

/**
 * Maps of all stations in order; `onStop` sees each as it is done.
 * @param {Session} app
 * @param {{ images: Tensor, labels: Int32Array | undefined, method: "pca" | "tsne" | "umap", perplexity: number, neighbors: number, minDistance: number, pool: "flatten" | "mean", signal: AbortSignal, onStop: (stop: TourStop, left: number) => void }} wish
 */
export async function tour(
  app,
  { images, labels, method, perplexity, neighbors, minDistance, pool, signal, onStop },
) {
  const names = stations(app.net.layers);
  /** @type {Tensor | undefined} */
  let before;
  for (const [at, layer] of names.entries()) {
    const common = {
      ...(layer === null ? {} : { layer, pool }),
      labels,
      nearest: 8,
      align: before,
      signal,
    };
    const init = before ?? /** @type {const} */ ("pca");
    /** @type {Embedding} */
    const result = await (method === "pca"
      ? app.net.embed(images, { ...common, method })
      : method === "tsne"
        ? app.net.embed(images, {
            ...common,
            method,
            perplexity,
            iterations: STEPS.tsne,
            init: before ? small(before) : "pca",
          })
        : app.net.embed(images, {
            ...common,
            method,
            neighbors,
            minDistance,
            iterations: STEPS.umap,
            init,
          }));
    signal.throwIfAborted();
    before = result.points;
    onStop({ name: layer ?? "pixels", layer, result }, names.length - at - 1);
  }
}
