/**
 * What the channels of layers do over the set of pictures, asked once for each layer and kept while weights and pictures
 * stay the same.
 * @module
 */

import { gather, ownPictures } from "./kernel-set.js";

/**
 * @typedef {import("../convscope.js").Layer} Layer
 * @typedef {import("../convscope.js").Survey} Survey
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("./kernel-set.js").PictureSet} PictureSet
 */

/** Places kept for each channel. */
export const PLACES = 9;

/** Sets smaller than this may give several places of one picture. */
const FEW = 100;

/**
 * @param {Session} app
 * @param {AbortSignal} life
 */
export function createSurveys(app, life) {
  /** @type {File[]} */
  const files = [];
  /** @type {{ key: string, set: PictureSet } | null} */
  let gathered = null;
  /** @type {Map<string, Survey>} */
  const known = new Map();
  let edits = 0;

  function setKey() {
    const own = ownPictures(app).map(({ id }) => id);
    return [app.net.name, ...own, files.length].join(" ");
  }

  /**
   * The pictures.
   * @param {AbortSignal} signal
   */
  async function pictures(signal) {
    const key = setKey();
    const { net } = app;
    if (gathered?.key === key && gathered.set.net === net) return gathered.set;
    const set = await gather(app, files, signal, ({ loaded, total }) => {
      if (!signal.aborted)
        app.display.progress({ label: "Loading pictures", loaded, total, stop: undefined });
    }).finally(() => app.display.progress(null));
    signal.throwIfAborted();
    gathered = { key, set };
    return set;
  }

  return {
    pictures,
    /** The pictures changed. */
    get key() {
      return `${setKey()} ${edits}`;
    },
    /** Other weights, or another network: what was found holds no more. */
    forget() {
      edits += 1;
      known.clear();
    },
    /**
     * Adds files to the set.
     * @param {readonly File[]} more
     */
    add(more) {
      files.push(...more);
      known.clear();
    },
    /**
     * Takes back the files added last, one of which is no picture.
     * @param {number} count
     */
    drop(count) {
      files.length -= count;
    },
    /**
     * What the channels of a layer respond to.
     * @param {Layer} layer
     * @param {{ signal: AbortSignal, onStep?: (survey: Survey, set: PictureSet) => void, onProgress?: (share: number) => void }} options
     */
    async of(layer, { signal, onStep, onProgress }) {
      const set = await pictures(signal);
      const key = `${setKey()} ${edits} ${layer.name}`;
      const found = known.get(key);
      if (found) return { set, survey: found };
      const { size, stride } = layer.receptiveField;
      const [, height] = layer.shape;
      const own = set.count < FEW && size[0] < app.net.input.shape[2] / 2;
      const survey = await app.net.topActivations(set.images, layer.name, {
        count: PLACES,
        perPicture: own ? 3 : 1,
        apart: own ? Math.max(Math.ceil(size[0] / stride[0]), Math.ceil(height / 6)) : 1,
        signal,
        onProgress: ({ loaded = 0, total = 1 }) => onProgress?.(loaded / total),
        onStep: (step) => onStep?.(step, set),
      });
      if (!life.aborted) known.set(key, survey);
      return { set, survey };
    },
  };
}

/** @typedef {ReturnType<typeof createSurveys>} Surveys */
