/**
 * Training that can be played, paused and stepped: one call of `train`, held between its steps.
 * @module
 */

/**
 * @typedef {import("../convscope.js").Net} Net
 * @typedef {import("../convscope.js").Examples} Examples
 * @typedef {import("../convscope.js").TrainOptions} TrainOptions
 * @typedef {import("../convscope.js").TrainRates} TrainRates
 * @typedef {import("../convscope.js").TrainStep} TrainStep
 */

/** Steps of a call; longer than anybody watches. */
const STEPS = 100_000;

/**
 * @param {{
 *   rates: () => TrainRates,
 *   onStep: (step: TrainStep) => void | Promise<void>,
 *   onRest: () => void,
 *   onFail: (error: unknown) => void,
 * }} listeners `onStep` is awaited before the next step, `onRest` hears that no step is on its way
 */
export function createRun({ rates, onStep, onRest, onFail }) {
  /** @type {AbortController | null} */
  let life = null;
  /** Steps that may be taken before it rests. */
  let allowed = 0;
  /** @type {(() => void) | null} */
  let wake = null;

  /** @param {TrainStep} step */
  async function seen(step) {
    allowed -= 1;
    await onStep(step);
    const own = life;
    while (allowed <= 0 && life === own && own) {
      onRest();
      await /** @type {Promise<void>} */ (
        new Promise((resolve) => {
          wake = resolve;
        })
      );
    }
    return rates();
  }

  /**
   * @param {Net} net
   * @param {Examples} data
   * @param {TrainOptions} options
   */
  async function begin(net, data, options) {
    const own = new AbortController();
    life = own;
    try {
      await net.train(data, {
        ...options,
        ...rates(),
        steps: STEPS,
        signal: own.signal,
        onStep: seen,
      });
    } catch (error) {
      if (!own.signal.aborted) onFail(error);
    } finally {
      if (life === own) {
        life = null;
        allowed = 0;
        onRest();
      }
    }
  }

  return {
    get playing() {
      return life !== null && allowed > 0;
    },
    get begun() {
      return life !== null;
    },
    begin,
    /** @param {number} count of steps, without end if `Infinity` */
    allow(count) {
      allowed = count === Number.POSITIVE_INFINITY ? count : Math.max(allowed, 0) + count;
      wake?.();
    },
    pause() {
      allowed = 0;
    },
    /** Ends the call; the weights stay as they are, and the next call goes on. */
    stop() {
      const own = life;
      life = null;
      allowed = 0;
      own?.abort();
      wake?.();
    },
  };
}

/** @typedef {ReturnType<typeof createRun>} Run */
