/**
 * The run of a view in which something grows: it starts, pauses, goes on and ends, and what a lost device interrupts goes on
 * from its last state.
 * @module
 */

import { createTurn } from "./growing-turn.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/store.js").Store} Store
 */

/**
 * @template Options what a run is made with
 * @param {{ app: Session, store: Store, key: string, asked: () => string, start: () => void, onChange: (running: boolean, rests: boolean) => void, signal: AbortSignal }} options
 *   `key` of its job and, with `.run`, of the parameter that says whether it shall run; `asked` names what it depends on;
 *   `onChange` is called whenever it starts, rests, goes on or ends
 */
export function createRun({ app, store, key, asked, start, onChange, signal }) {
  const turn = createTurn();
  let running = false;
  /** What the GPU took away with its device, to go on with. @type {{ options: Options, asked: string } | null} */
  let lost = null;
  const told = () => onChange(running, turn.rests);

  return {
    get running() {
      return running;
    },
    get ends() {
      return turn.ends;
    },
    take: turn.take,
    told,
    /**
     * Runs `job`, to which is given what a lost device interrupted if the same is asked for again. Gives what the job gives,
     * or undefined where it failed, was ended with the view, or a newer one took its place.
     * @template Result
     * @param {(rescued: Options | null, until: AbortSignal) => Promise<Result>} job
     * @returns {Promise<Result | undefined>}
     */
    async work(job) {
      turn.begin();
      const rescued = lost?.asked === asked() ? lost.options : null;
      lost = null;
      running = true;
      told();
      const done = await app.work(key, (until) => job(rescued, until));
      if (signal.aborted || (done === undefined && app.isWorking(key))) return undefined;
      running = false;
      told();
      return done;
    },
    /**
     * Waits for what is made with `options`, and remembers them where the device is lost on the way.
     * @template Result
     * @param {Options} options
     * @param {Promise<Result>} made
     */
    async rescue(options, made) {
      try {
        return await made;
      } catch (error) {
        if (/** @type {{ code?: string }} */ (error)?.code === "device_lost")
          lost = { options, asked: asked() };
        throw error;
      }
    },
    startOrPause() {
      if (!running) {
        if (store.get()[`${key}.run`] !== true) store.set({ [`${key}.run`]: true });
        else start();
      } else if (turn.rests) turn.goOn();
      else turn.pause();
      told();
    },
    /** Ends it with what there is. */
    halt() {
      turn.end();
      store.set({ [`${key}.run`]: false }, { replace: true });
      told();
    },
    /** With the view, or when something else is shown in its place. */
    destroy() {
      turn.end();
      app.stop(key);
    },
  };
}
