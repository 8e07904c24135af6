/**
 * Whose turn it is: a run goes on, rests, or ends with what there is.
 * @module
 */

export function createTurn() {
  /** Settles when the rest ends. @type {{ promise: Promise<void>, end: () => void } | null} */
  let rest = null;
  let ends = false;
  const turn = {
    get rests() {
      return rest !== null;
    },
    get ends() {
      return ends;
    },
    /** Before a run. */
    begin() {
      turn.goOn();
      ends = false;
    },
    pause() {
      /** @type {() => void} */
      let end = () => {};
      const promise = /** @type {Promise<void>} */ (
        new Promise((resolve) => {
          end = resolve;
        })
      );
      rest = { promise, end };
    },
    goOn() {
      rest?.end();
      rest = null;
    },
    end() {
      ends = true;
      turn.goOn();
    },
    /** Rests while paused; true when the run shall end. */
    async take() {
      if (rest) await rest.promise;
      return ends;
    },
  };
  return turn;
}
