/**
 * The cure: the network is retrained where the mark no longer tells anything.
 * @module
 */

import { button } from "../widgets/controls.js";
import { COAT, MARK } from "./shortcut.js";

/** Steps on pictures where the mark says nothing. */
const CURE = {
  steps: 150,
  batch: 32,
  optimizer: /** @type {const} */ ("adam"),
  learningRate: 2e-3,
  seed: 1,
};

/** The share of all pictures that carries the mark where it is on some of every class. */
const SPREAD = 0.3;

/**
 * Two buttons: the mark is on no picture, or on some of every class.
 * @param {import("../app/session.js").Session} app
 * @param {AbortSignal} signal
 */
export function createCure(app, signal) {
  const without = button({
    label: "Retrain without the mark",
    title: `${CURE.steps} steps on pictures that have no mark`,
    onClick: () => void heal(false),
    signal,
  });
  const spread = button({
    label: "Retrain, mark on any class",
    title: `${CURE.steps} steps on pictures of which three in ten have the mark, whatever they show`,
    onClick: () => void heal(true),
    signal,
  });

  /** @param {boolean} everywhere */
  async function heal(everywhere) {
    const shortcut = everywhere
      ? { class: COAT, share: SPREAD, others: SPREAD, ...MARK }
      : undefined;
    const healed = await app.work("bias.cure", async (until) => {
      const pack = await app.scope.dataset("fashion-train", { signal: until });
      const onProgress = (/** @type {import("../convscope.js").Progress} */ at) =>
        app.display.progress({
          label: everywhere
            ? "Learning from pictures with the mark on any class"
            : "Learning from pictures without the mark",
          done: at.done,
          total: at.total,
          stop: () => app.stop("bias.cure"),
        });
      try {
        await app.net.train(
          { images: pack.images, labels: pack.labels },
          { ...CURE, shortcut, signal: until, onProgress },
        );
      } finally {
        app.display.progress(null);
      }
      return true;
    });
    if (signal.aborted) return;
    if (healed) app.announce("The network was retrained; its maps are computed again.");
    await app.changed();
  }

  return [without, spread];
}
