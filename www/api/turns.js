/**
 * Turns for calls that must not run at the same time: first come, first served.
 * @module
 */

export class Turns {
  /** @type {(() => void)[]} */
  #waiting = [];
  #taken = false;

  /** Settles when it is the caller's turn, who ends it with `give`. */
  take() {
    return new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
      if (this.#taken) this.#waiting.push(resolve);
      else {
        this.#taken = true;
        resolve();
      }
    });
  }

  /** Ends a turn; the one who waits longest is next. */
  give() {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#taken = false;
  }
}
