/**
 * Workers beside the engine's own, each with an engine and a copy of the networks, who run batches of a sweep while the
 * engine runs others. They need no shared memory: pictures go there, tensors come back. They start when a sweep first finds
 * the engine busy, and are let go when none has for a while.
 * @module
 */

import { failure } from "./faults.js";
import { buffersOf, connectWorker } from "./link.js";

/**
 * @typedef {import("../wasm/engine.js").WebNet} WebNet
 * @typedef {import("./link.js").Link} Link
 * @typedef {object} Helper
 * @property {Link} link
 * @property {number} passes that it has to run
 * @property {boolean} attended whether somebody asks now and then if it is there
 * @property {Map<number, number>} versions of the networks' weights that it has
 */

/** Helpers at most; each takes a core, and memory for an engine and the networks. */
const MOST = 7;

/** Passes that a helper has at a time: one that it runs, and one that waits so that it need not. */
const ENOUGH = 2;

/** Milliseconds without a pass after which the helpers are let go. */
const IDLE_MS = 30_000;

/** Milliseconds between two questions whether a helper is there, and those that it may take to say so. */
const BEAT_MS = 1000;
const PATIENCE_MS = 5000;

/**
 * Helpers where nobody says how many: a core each but for the engine's own, and none for less than a gigabyte each. Where
 * the engine runs in the page, a worker was not wanted or cannot be had.
 */
export function usualHelpers() {
  if (globalThis.document) return 0;
  const { hardwareConcurrency = 1, deviceMemory = MOST } =
    /** @type {Navigator & { deviceMemory?: number }} */ (navigator);
  return Math.max(0, Math.floor(Math.min(hardwareConcurrency - 1, deviceMemory, MOST)));
}

export class Pool {
  #most;
  #module;
  /** @type {Helper[]} */
  #helpers = [];
  #starting = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #idle;

  /**
   * @param {number} most helpers
   * @param {WebAssembly.Module} module the engine, compiled
   */
  constructor(most, module) {
    this.#most = most;
    this.#module = module;
  }

  /** How many helpers there are at the moment. */
  get size() {
    return this.#helpers.length;
  }

  /**
   * The pool as a network's engine sees it.
   * @param {number} id the network's
   * @param {string} graph
   * @param {WebNet} net
   */
  of(id, graph, net) {
    const pool = this;
    return {
      get count() {
        return pool.#most;
      },
      hasRoom: () => this.#hasRoom(),
      ask: (/** @type {unknown} */ request) => this.#ask(id, graph, net, request),
    };
  }

  /**
   * Has the helpers free their copies of a network.
   * @param {number} id
   */
  forget(id) {
    for (const { link, versions } of this.#helpers)
      if (versions.delete(id))
        link.atOnce("dispose", { args: [] }, { net: id }).catch(() => undefined);
  }

  /** Lets go of all helpers, for good. */
  close() {
    this.#most = 0;
    this.#rest();
  }

  #rest() {
    clearTimeout(this.#idle);
    for (const helper of [...this.#helpers]) this.#drop(helper);
  }

  /** @param {Helper} helper */
  #drop(helper) {
    this.#helpers = this.#helpers.filter((each) => each !== helper);
    helper.link.close(failure("aborted", "this helper was let go"));
  }

  /**
   * Lets go of a helper that failed; there will be one less.
   * @param {Helper} helper
   */
  #lose(helper) {
    if (!this.#helpers.includes(helper)) return;
    this.#most -= 1;
    this.#drop(helper);
  }

  /** The helper with the fewest passes, unless all have enough. */
  #free() {
    const free = this.#helpers.filter(({ passes }) => passes < ENOUGH);
    return free.sort((a, b) => a.passes - b.passes).at(0);
  }

  /** Whether `ask` finds a helper; where it does not, one more is on its way, up to the most. */
  #hasRoom() {
    if (this.#free()) return true;
    if (this.#helpers.length + this.#starting < this.#most) void this.#start();
    return false;
  }

  async #start() {
    this.#starting += 1;
    const link = await connectWorker();
    try {
      await link?.atOnce("join", { args: [this.#module] });
    } catch (error) {
      link?.close(/** @type {Error} */ (error));
    }
    this.#starting -= 1;
    if (!link || link.hasEnded) this.#most -= 1;
    else if (this.#most <= this.#helpers.length) link.close(failure("aborted", "closed"));
    else this.#helpers.push({ link, passes: 0, attended: false, versions: new Map() });
  }

  /**
   * Has a helper run a pass.
   * @param {number} id
   * @param {string} graph
   * @param {WebNet} net
   * @param {unknown} request
   */
  async #ask(id, graph, net, request) {
    const helper = this.#free();
    if (!helper) throw failure("internal", "a pass was given to a pool without room");
    clearTimeout(this.#idle);
    helper.passes += 1;
    void this.#attend(helper);
    try {
      const weights = this.#bring(helper, id, graph, net);
      const args = [request, weights];
      const parcel = { args, transfer: buffersOf(args) };
      return await helper.link.atOnce("answer", parcel, { net: id });
    } catch (error) {
      const { code } = /** @type {import("./faults.js").ConvscopeError} */ (error);
      if (code === "internal" || code === "out_of_memory") this.#lose(helper);
      throw error;
    } finally {
      helper.passes -= 1;
      if (this.#helpers.every(({ passes }) => passes === 0))
        this.#idle = setTimeout(() => this.#rest(), IDLE_MS);
    }
  }

  /**
   * The weights that a helper needs beside those that it has; a network that it does not have is sent.
   * @param {Helper} helper
   * @param {number} id
   * @param {string} graph
   * @param {WebNet} net
   */
  #bring(helper, id, graph, net) {
    const known = helper.versions.get(id);
    const weights = net.weightsSince(known);
    helper.versions.set(id, net.version);
    if (known !== undefined) return weights;
    const parcel = { args: [id, graph, weights], transfer: buffersOf(weights) };
    helper.link.atOnce("adopt", parcel).catch(() => this.#lose(helper));
    return {};
  }

  /**
   * Asks a helper now and then whether it is there, while it has passes to run; one that was ended from outside never says.
   * @param {Helper} helper
   */
  async #attend(helper) {
    if (helper.attended) return;
    helper.attended = true;
    while (helper.passes > 0) {
      const said = helper.link.atOnce("memory", { args: [] }).then(
        () => true,
        () => false,
      );
      if (!(await Promise.race([said, after(PATIENCE_MS)]))) this.#lose(helper);
      await after(BEAT_MS);
    }
    helper.attended = false;
  }
}

/**
 * @param {number} ms
 * @returns {Promise<undefined>}
 */
function after(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
