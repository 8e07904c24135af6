/**
 * The caller's side of the wire: calls with their answers, signals and progress, over a worker or, where there is none,
 * over a channel within the page, so that both behave alike.
 * @module
 */

import { aborted, failure } from "./faults.js";
import { createWorker } from "./files.js";

/**
 * @typedef {import("../convscope.js").Progress} Progress
 * @typedef {{ signal?: AbortSignal, onProgress?: (progress: Progress) => void, onStep?: (step: any) => unknown, seed?: number }} Watch
 * @typedef {{ args: unknown[], transfer?: Transferable[] }} Parcel
 * @typedef {{ call: number, value: unknown } | { call: number, error: import("./faults.js").Fault } | { call: number, progress: Progress } | { call: number, step: unknown } | { defect: string } | { ready: true }} Message
 * @typedef {{ resolve: (value: any) => void, reject: (error: Error) => void, watch: Watch, release: () => void }} Pending
 * @typedef {{ postMessage: (message: unknown, transfer: Transferable[]) => void, onmessage: ((event: MessageEvent) => void) | null }} Wire
 */

export class Link {
  /** @type {Wire} */
  #wire;
  /** @type {() => void} */
  #end;
  /** @type {Map<number, Pending>} */
  #pending = new Map();
  #last = 0;
  /** Sends wait for those before them, as what they send may take time to prepare. @type {Promise<void>} */
  #sends = Promise.resolve();
  /** Why no call can be made any more. @type {Error | null} */
  #ended = null;

  /**
   * @param {Wire} wire
   * @param {() => void} end lets go of what is on the other side
   */
  constructor(wire, end) {
    this.#wire = wire;
    this.#end = end;
    wire.onmessage = ({ data }) => this.#receive(data);
  }

  /**
   * Makes a call that keeps its place among the others.
   * @param {string} method
   * @param {() => Parcel | Promise<Parcel>} prepare what is sent, made when the calls before are on their way
   * @param {Watch & { net?: number }} [watch]
   * @returns {Promise<any>}
   */
  queue(method, prepare, { net, ...watch } = {}) {
    const { promise, id } = this.#open(watch);
    this.#sends = this.#sends.then(async () => {
      if (!this.#pending.has(id)) return;
      try {
        this.#send(id, method, net, await prepare());
      } catch (error) {
        this.#settle(id)?.reject(/** @type {Error} */ (error));
      }
    });
    return promise;
  }

  /**
   * Makes a call that overtakes those that wait.
   * @param {string} method
   * @param {Parcel} parcel
   * @param {Watch & { net?: number }} [watch]
   * @returns {Promise<any>}
   */
  atOnce(method, parcel, { net, ...watch } = {}) {
    const { promise, id } = this.#open(watch);
    try {
      if (this.#pending.has(id)) this.#send(id, method, net, parcel);
    } catch (error) {
      this.#settle(id)?.reject(/** @type {Error} */ (error));
    }
    return promise;
  }

  /** Whether no call can be made any more. */
  get hasEnded() {
    return this.#ended !== null;
  }

  /**
   * Ends all calls, pending ones with `error`.
   * @param {Error} error
   */
  close(error) {
    if (this.#ended) return;
    this.#ended = error;
    for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(error);
    this.#end();
  }

  /** @param {Watch} watch */
  #open(watch) {
    const { signal } = watch;
    this.#last += 1;
    const id = this.#last;
    const promise = new Promise((resolve, reject) => {
      if (this.#ended) {
        reject(this.#ended);
        return;
      }
      if (signal?.aborted) {
        reject(aborted());
        return;
      }
      const abort = () => this.#abandon(id, aborted());
      signal?.addEventListener("abort", abort, { once: true });
      const release = () => signal?.removeEventListener("abort", abort);
      this.#pending.set(id, { resolve, reject, watch, release });
    });
    return { promise, id };
  }

  /**
   * @param {number} call
   * @param {string} method
   * @param {number | undefined} net
   * @param {Parcel} parcel
   */
  #send(call, method, net, { args, transfer = [] }) {
    const pending = this.#pending.get(call);
    if (!pending) return;
    const { seed, onStep, onProgress } = pending.watch;
    const [steps, watched] = [onStep !== undefined, onProgress !== undefined];
    try {
      const request = { call, method, net, seed, steps, watched, args };
      this.#wire.postMessage(request, transfer);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw failure(
        "bad_argument",
        `${method}: an argument holds what cannot be handed over: ${why}`,
      );
    }
  }

  /** @param {Message} message */
  #receive(message) {
    if ("ready" in message) return;
    if ("defect" in message) {
      this.close(defect(message.defect));
      return;
    }
    if ("progress" in message) {
      this.#pending.get(message.call)?.watch.onProgress?.(message.progress);
      return;
    }
    if ("step" in message) {
      void this.#step(message.call, message.step);
      return;
    }
    const pending = this.#settle(message.call);
    if ("error" in message) pending?.reject(failure(message.error.code, message.error.message));
    else if (pending) pending.resolve(message.value);
    else this.#discard(message.value);
  }

  /**
   * Shows a step to whoever listens. The call goes on when what the listener returns has settled, and learns what it said;
   * it ends with what the listener throws.
   * @param {number} call
   * @param {unknown} step
   */
  async #step(call, step) {
    try {
      const said = await this.#pending.get(call)?.watch.onStep?.(step);
      if (this.#pending.has(call))
        this.#wire.postMessage({ resume: call, answer: isPlain(said) ? said : undefined }, []);
    } catch (error) {
      this.#abandon(call, /** @type {Error} */ (error));
    }
  }

  /**
   * Ends a call that nobody waits for any more.
   * @param {number} id
   * @param {Error} error
   */
  #abandon(id, error) {
    const pending = this.#settle(id);
    if (!pending) return;
    pending.reject(error);
    this.#wire.postMessage({ abort: id }, []);
  }

  /**
   * Frees what a call made that nobody waits for any more.
   * @param {unknown} value
   */
  #discard(value) {
    const { net } = /** @type {{ net?: number }} */ (value ?? {});
    if (net !== undefined) this.atOnce("dispose", { args: [] }, { net }).catch(() => undefined);
  }

  /** @param {number} id */
  #settle(id) {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.release();
    return pending;
  }
}

/**
 * Whether a listener's answer is one: a plain object, and not whatever its last expression happened to be.
 * @param {unknown} value
 */
function isPlain(value) {
  return typeof value === "object" && Object.getPrototypeOf(value ?? 0) === Object.prototype;
}

/** @param {string} why */
function defect(why) {
  return failure(
    "internal",
    `the engine came upon a defect of its own and stopped (${why}); open a new scope, or reload the page`,
  );
}

/**
 * Starts the engine's side: in a worker if it is wanted and can be had, else in the page.
 * @param {boolean} inWorker
 * @returns {Promise<Link>}
 */
export async function connect(inWorker) {
  const link = inWorker ? await connectWorker() : null;
  if (link) return link;
  const { serve } = await import("./host.js");
  const { port1: here, port2: there } = new MessageChannel();
  serve(there);
  return new Link(here, () => here.postMessage({ close: true }, []));
}

/** An engine in a worker of its own, or `null` where it cannot run. */
export async function connectWorker() {
  const worker = await startWorker();
  if (!worker) return null;
  const link = new Link(/** @type {Wire} */ (worker), () => worker.terminate());
  worker.onerror = ({ message }) => link.close(defect(message || "its worker failed"));
  return link;
}

/**
 * A worker that has answered, or `null` where it cannot run, as in a page that forbids workers.
 * @returns {Promise<Worker | null>}
 */
function startWorker() {
  return new Promise((resolve) => {
    try {
      const worker = createWorker();
      worker.onmessage = () => resolve(worker);
      worker.onerror = (event) => {
        event.preventDefault();
        worker.terminate();
        resolve(null);
      };
    } catch {
      resolve(null);
    }
  });
}

/**
 * The buffers in a value that was made to be given away.
 * @param {unknown} value
 * @returns {Transferable[]}
 */
export function buffersOf(value) {
  if (ArrayBuffer.isView(value)) return [/** @type {ArrayBuffer} */ (value.buffer)];
  if (typeof value !== "object" || value === null) return [];
  return [...new Set(Object.values(value).flatMap(buffersOf))];
}
