/**
 * From a set of pictures to places of points: the set is gathered, its principal components are shown at once, then what is
 * found by steps, or one map after another on a tour through the layers.
 * @module
 */

import { wrongOf } from "./embedding-classes.js";
import { ownSet, positionsSet, predictAll, rowsOf, shippedSet } from "./embedding-data.js";
import { allOf, firstTwo } from "./embedding-laid.js";
import { presetSet } from "./embedding-presets.js";
import { createSearch } from "./embedding-search.js";
import { TOUR_POINTS, tour } from "./embedding-tour.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Tensor} Tensor
 * @typedef {import("../convscope.js").Embedding} Embedding
 * @typedef {import("./embedding-data.js").PointSet} PointSet
 * @typedef {import("./embedding-laid.js").Laid} Laid
 * @typedef {ReturnType<typeof import("./embedding-controls.js").createControls>["wish"]} Wish
 */

const NEAREST = 8;
const COMPONENTS = 10;

/**
 * @typedef {{
 *   onSay: (words: string) => void,
 *   onNote: (words: string) => void,
 *   onEmpty: () => void,
 *   onGathered: () => void,
 *   onBegin: () => void,
 *   onResult: (tweened: boolean) => void,
 *   onStep: () => void,
 *   onStation: () => void,
 *   onFallback: () => void,
 *   onTransport: (state: "idle" | "running" | "paused") => void,
 * }} Listeners
 */

/**
 * @param {{ app: Session, laid: Laid, wish: Wish, files: () => File[], signal: AbortSignal } & Listeners} options
 */
export function createLayout({ app, laid, wish, files, signal, ...on }) {
  const search = createSearch({ onStep: showStep, onChange: on.onTransport });
  /** Counts what was laid out, so that what belongs to an earlier one is known. */
  let layouts = 0;

  /** Fetches what is to be laid out, then lays it out. */
  async function gather() {
    const { set: id, count } = wish();
    search.stop();
    const result = await app.work("embedding.set", async (until) => {
      on.onSay("Gathering the points…");
      const next = await setOf(id, count, until);
      const said = next.kind === "pictures" ? await predictAll(app, next.images, until) : null;
      return { next, said };
    });
    if (!result || signal.aborted) {
      if (!signal.aborted && !laid.set) on.onEmpty();
      return;
    }
    laid.set = result.next;
    laid.predicted = result.said;
    laid.wrong = wrongOf(result.next, result.said, app.net.labels);
    laid.chosen = null;
    laid.base = null;
    on.onGathered();
    void lay();
  }

  /**
   * @param {string} id
   * @param {number} count
   * @param {AbortSignal} until
   * @returns {Promise<PointSet>}
   */
  async function setOf(id, count, until) {
    if (id === "positions") return positionsSet(app);
    if (id === "own") {
      const own = files();
      if (own.length === 0)
        throw new Error(
          "These pictures were somebody's own and do not travel with a link; choose yours, or another set.",
        );
      return ownSet(app, own, until, (done) =>
        on.onSay(`Reading picture ${done} of ${own.length}…`),
      );
    }
    return presetSet(id) ?? shippedSet(app, Math.max(10, count), until);
  }

  /** What the points are embedded by. */
  function space() {
    const { of: what, pool: how } = wish();
    const { set } = laid;
    if (!set || set.kind === "made") return {};
    if (set.kind === "positions")
      return { layer: app.layer.name, pool: /** @type {const} */ ("positions") };
    return what === "pixels" ? {} : { layer: app.layer.name, pool: how };
  }

  /** @param {number[]} taken */
  function labelsOf(taken) {
    const labels = laid.set?.labels;
    return labels ? Int32Array.from(taken, (index) => labels[index]) : undefined;
  }

  /** Lays the points out: the principal components at once, then what is found by steps. */
  async function lay() {
    const now = laid.set;
    if (!now) return;
    search.stop();
    laid.stops = [];
    laid.isTour = false;
    laid.isFallback = false;
    layouts += 1;
    on.onBegin();
    const { method: how, tour: touring } = wish();
    if (touring && now.kind === "pictures") {
      await goThrough(now);
      return;
    }
    app.stop("embedding.tour");
    const { chosen } = laid;
    const taken = chosen ?? allOf(now, app);
    const images = chosen ? rowsOf(now, chosen) : now.images;
    if (!laid.base) {
      const result = await app.work("embedding", (until) =>
        app.net.embed(images, {
          ...space(),
          method: "pca",
          components: COMPONENTS,
          labels: labelsOf(taken),
          nearest: NEAREST,
          signal: until,
          onProgress: ({ loaded, total }) => {
            if (until.aborted) return;
            on.onSay(
              loaded === total
                ? `${total} pictures have gone through; measuring how far apart they are…`
                : `${loaded} of ${total} pictures have gone through…`,
            );
          },
        }),
      );
      if (!result || signal.aborted || laid.set !== now) {
        if (!signal.aborted && laid.set === now) on.onSay("");
        return;
      }
      laid.base = result;
    }
    laid.indices = taken;
    laid.history = [];
    laid.steps = 0;
    showResult(laid.base, firstTwo(laid.base.points));
    if (how === "pca") on.onTransport("idle");
    else void seek(images);
  }

  /**
   * t-SNE or UMAP, step by step.
   * @param {Tensor} images
   */
  async function seek(images) {
    const mine = layouts;
    const { method: how, perplexity, neighbors, minDistance, start, seed } = wish();
    const common = { ...space(), init: start, seed };
    search.start(
      (watch) =>
        (how === "tsne"
          ? app.net.embed(images, { ...common, ...watch, method: "tsne", perplexity })
          : app.net.embed(images, { ...common, ...watch, method: "umap", neighbors, minDistance })
        ).then((result) => {
          if (watch.signal.aborted || signal.aborted) return result;
          laid.steps = result.steps ?? laid.steps;
          showResult(result, result.points.data);
          return result;
        }),
      false,
    );
    await app.work("embedding.search", (until) => search.until(until));
    const { base, shown } = laid;
    if (signal.aborted || search.isRunning || shown !== base || !base || mine !== layouts) return;
    // It could not begin: what is shown are the principal components.
    laid.isFallback = true;
    on.onNote("Shown by principal components instead.");
    on.onTransport("idle");
    on.onFallback();
  }

  /**
   * The same points through all layers.
   * @param {PointSet} now
   */
  async function goThrough(now) {
    const taken = (laid.chosen ?? allOf(now, app)).slice(0, TOUR_POINTS);
    const { method, perplexity, neighbors, minDistance, pool } = wish();
    app.stop("embedding");
    app.stop("embedding.search");
    laid.isTour = true;
    on.onStation();
    on.onSay("The pictures themselves…");
    on.onTransport("idle");
    await app.work("embedding.tour", (until) =>
      tour(app, {
        images: rowsOf(now, taken),
        labels: labelsOf(taken),
        method,
        perplexity: Math.min(perplexity, Math.floor((taken.length - 1) / 3)),
        neighbors: Math.min(neighbors, taken.length),
        minDistance,
        pool,
        signal: until,
        onStop: (next, left) => {
          if (until.aborted || signal.aborted) return;
          laid.indices = taken;
          laid.stops.push(next);
          on.onStation();
          stayAt(laid.stops.length - 1);
          on.onSay(
            left > 0
              ? `${left} layers to go…`
              : `${taken.length} points, ${laid.stops.length} stations`,
          );
        },
      }),
    );
  }

  /** @param {number} at */
  function stayAt(at) {
    const next = laid.stops[at];
    if (!next) return;
    laid.stop = at;
    laid.base = next.result;
    on.onStation();
    showResult(next.result, firstTwo(next.result.points), at > 0 || laid.stops.length > 1);
    laid.base = null;
  }

  /**
   * Shows a map with its numbers.
   * @param {Embedding} result
   * @param {Float32Array} points `[N, 2]`
   */
  function showResult(result, points, tweened = false) {
    laid.shown = result;
    laid.points = points;
    if (laid.base?.nearest) laid.near = laid.base.nearest;
    on.onResult(tweened);
  }

  /** @param {import("../convscope.js").EmbedStep} step */
  function showStep(step) {
    laid.points = step.points.data;
    laid.steps = step.step;
    if (step.kl !== undefined) laid.history.push({ step: step.step, kl: step.kl });
    on.onStep();
  }

  function playOrPause() {
    if (search.isPaused) {
      search.play();
      void app.work("embedding.search", (until) => search.until(until));
    } else if (search.isRunning) search.pause();
    else if (wish().method !== "pca") void lay();
  }

  return { gather, lay, space, stayAt, playOrPause, step: search.step, stop: search.stop };
}
