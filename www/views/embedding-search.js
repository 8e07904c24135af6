/**
 * A map that is found by steps, as a person watches it: it plays, pauses, and takes single steps.
 * @module
 */

/**
 * @typedef {import("../convscope.js").EmbedStep} EmbedStep
 * @typedef {import("../convscope.js").Embedding} Embedding
 * @typedef {import("../app/session.js").Tensor} Tensor
 * @typedef {(options: { signal: AbortSignal, onStep: (step: EmbedStep) => Promise<{ every: number }> }) => Promise<Embedding>} Ask
 */

/** Steps from one sight to the next, and where the system asks for less motion. */
const EVERY = 5;
const EVERY_CALM = 250;

/** Resolves when what was drawn can be seen; at once enough in a page that nobody sees. */
function nextFrame() {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 100);
    requestAnimationFrame(() => {
      clearTimeout(timer);
      resolve(undefined);
    });
  });
}

/**
 * @param {{ onStep: (step: EmbedStep) => void, onChange: (state: "idle" | "running" | "paused") => void }} listeners
 */
export function createSearch({ onStep, onChange }) {
  /** @type {AbortController | null} */
  let life = null;
  let wantsPause = false;
  /** Goes on from a pause. @type {(() => void) | null} */
  let resume = null;
  /** Tells those who wait that there is a pause. @type {(() => void) | null} */
  let rest = null;
  let single = false;
  /** @type {Promise<Embedding> | null} */
  let running = null;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

  /** @param {EmbedStep} step */
  async function look(step) {
    onStep(step);
    await nextFrame();
    if (wantsPause || single) {
      single = false;
      wantsPause = true;
      onChange("paused");
      const going = new Promise((resolve) => {
        resume = () => resolve(undefined);
      });
      rest?.();
      await going;
      resume = null;
      onChange("running");
    }
    return { every: single ? 1 : calm ? EVERY_CALM : EVERY };
  }

  return {
    get isPaused() {
      return resume !== null;
    },
    get isRunning() {
      return running !== null;
    },
    /**
     * Starts another search; the one before ends.
     * @param {Ask} ask
     * @param {boolean} paused before its first step
     */
    start(ask, paused) {
      life?.abort();
      resume?.();
      const own = new AbortController();
      life = own;
      wantsPause = paused;
      single = false;
      onChange("running");
      const mine = ask({ signal: own.signal, onStep: look }).finally(() => {
        if (life !== own) return;
        running = null;
        onChange("idle");
      });
      mine.catch(() => undefined);
      running = mine;
    },
    /**
     * The result, or `null` if there is a pause before.
     * @param {AbortSignal} signal ends the search
     * @returns {Promise<Embedding | null>}
     */
    until(signal) {
      const mine = running;
      const own = life;
      if (!mine) return Promise.resolve(null);
      signal.addEventListener("abort", () => life === own && own?.abort(), { once: true });
      const pause = new Promise((resolve) => {
        rest = () => resolve(null);
      });
      return /** @type {Promise<Embedding | null>} */ (Promise.race([mine, pause]));
    },
    pause() {
      wantsPause = true;
    },
    play() {
      wantsPause = false;
      resume?.();
    },
    /** One step, then a pause. */
    step() {
      single = true;
      resume?.();
    },
    stop() {
      life?.abort();
      life = null;
      running = null;
      resume?.();
    },
  };
}
