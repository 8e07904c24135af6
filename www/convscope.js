/**
 * convscope: a microscope for convolutional networks. `open()` gives a scope, `scope.load()` a network to look at.
 *
 * ```js
 * const scope = await open();
 * const net = await scope.load("fashion");
 * const { top } = await net.predict(image);
 * const map = await net.attribute(image, { method: "saliency" });
 * scope.close();
 * ```
 * @module
 */

import { storeChoices, storedChoices } from "./api/choices.js";
import { checkOptions, failure } from "./api/faults.js";
import { linkTo } from "./api/files.js";
import { connect } from "./api/link.js";
import { NetProxy } from "./api/net.js";
import { watched } from "./api/watch.js";

/**
 * @typedef {import("./convscope.js").Scope} Scope
 * @typedef {import("./api/link.js").Link} Link
 * @typedef {{ backend: "webgpu" | "cpu", reason: string, adapter: import("./convscope.js").Adapter | null, attacks: import("./convscope.js").AttackAbilities[], models: import("./convscope.js").Model[], pictures: import("./convscope.js").ShippedPicture[] }} About
 */

/**
 * Opens an engine: WebGPU where there is a real adapter, else the CPU, unless `backend` says which.
 * @type {typeof import("./convscope.js").open}
 */
export async function open(options) {
  const names = ["backend", "worker", "workers", "tune", "choices"];
  const given = checkOptions("open", options, names);
  const { backend = "auto", worker = true, workers, tune, choices } = given;
  if (typeof backend !== "string" || !["auto", "webgpu", "cpu"].includes(backend))
    throw failure("bad_argument", `backend must be "auto", "webgpu" or "cpu", not ${backend}`);
  if (typeof worker !== "boolean")
    throw failure("bad_argument", `worker must be true or false, not ${worker}`);
  if (workers !== undefined && !(Number.isInteger(workers) && workers >= 0 && workers <= 64))
    throw failure("bad_argument", `workers must be a whole number from 0 to 64, not ${workers}`);
  if (tune !== undefined && typeof tune !== "boolean")
    throw failure("bad_argument", `tune must be true or false, not ${tune}`);
  const link = await connect(worker);
  try {
    const about = await link.atOnce("open", { args: [backend, workers, tune] });
    const known = choices ?? (about.adapter && storedChoices(about.adapter));
    if (known) await link.atOnce("choose", { args: [known] });
    return new ScopeProxy(link, about, choices === undefined);
  } catch (error) {
    link.close(/** @type {Error} */ (error));
    throw error;
  }
}

/** @implements {Scope} */
class ScopeProxy {
  /** @type {Link} */
  #link;

  /** Whether what is measured is kept for other pages. */
  #keeps;

  /**
   * @param {Link} link
   * @param {About} about
   * @param {boolean} keeps
   */
  constructor(link, about, keeps) {
    this.#link = link;
    this.#keeps = keeps;
    this.backend = about.backend;
    this.reason = about.reason;
    this.adapter = about.adapter;
    this.models = about.models;
    this.pictures = about.pictures.map((each) => ({ ...each, url: linkTo(each.url) }));
    this.attacks = about.attacks;
  }

  /** @type {Scope["load"]} */
  async load(source, options) {
    const { watch, rest } = watched("load", options);
    const { labels, preprocess } = checkOptions("load", rest, LOAD_OPTIONS);
    if (rest.architecture !== undefined)
      throw failure(
        "bad_argument",
        "load: no architecture is known by name; give { graph, weights } instead",
      );
    const parcel = {
      args: [source instanceof URL ? source.href : absolute(source), { labels, preprocess }],
    };
    const { net, about, tuned } = await this.#link.atOnce("load", parcel, watch);
    if (tuned && this.#keeps && this.adapter) storeChoices(this.adapter, await this.choices());
    return new NetProxy(this.#link, net, about);
  }

  /** @type {Scope["dataset"]} */
  async dataset(id, options) {
    const { watch, rest } = watched("dataset", options);
    checkOptions("dataset", rest, []);
    return this.#link.atOnce("dataset", { args: [id] }, watch);
  }

  /** @type {Scope["initialWeights"]} */
  initialWeights(id) {
    return this.#link.atOnce("initialWeights", { args: [id] });
  }

  /** @type {Scope["paint"]} */
  paint(tensor, options) {
    return this.#link.atOnce("paint", { args: [tensor, options] });
  }

  /** @type {Scope["colormap"]} */
  colormap(name) {
    return this.#link.atOnce("colormap", { args: [name] });
  }

  /** @type {Scope["similarity"]} */
  similarity(a, b) {
    return this.#link.atOnce("similarity", { args: [a, b] });
  }

  /** @type {Scope["memory"]} */
  memory() {
    return this.#link.atOnce("memory", { args: [] });
  }

  /** @type {Scope["choices"]} */
  choices() {
    return this.#link.atOnce("choices", { args: [] });
  }

  close() {
    this.#link.close(failure("aborted", "the scope was closed; open a new one"));
  }
}

const LOAD_OPTIONS = ["architecture", "labels", "preprocess"];

/**
 * An address in full, since the engine's side has another base; ids and everything else as they are.
 * @param {unknown} source
 */
function absolute(source) {
  if (typeof source !== "string" || !/[./:]/.test(source)) return source;
  return URL.parse(source, globalThis.document?.baseURI ?? import.meta.url)?.href ?? source;
}
