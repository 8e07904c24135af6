/**
 * The side on which the engine lives, in a worker or, where there is none, in the page itself. It answers messages on a
 * port; calls that run a network wait for their turn, first come, first served.
 * @module
 */

import init, { CallControl, colormap, onPanic, paint, WebScope } from "../wasm/engine.js";
import { readDataset } from "./datasets.js";
import { aborted, failure, faultOf } from "./faults.js";
import { readPixels } from "./pixels.js";
import { readSource } from "./sources.js";

/**
 * @typedef {import("../wasm/engine.js").WebNet} WebNet
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("./sources.js").ShippedModel} ShippedModel
 * @typedef {{ postMessage: (message: unknown, transfer: Transferable[]) => void, onmessage: ((event: MessageEvent) => void) | null }} Port
 * @typedef {{ call: number, method: string, net?: number, args: any[] }} Request
 * @typedef {{ id: number, life: AbortController, control?: CallControl }} Call
 * @typedef {{ value?: unknown, transfer?: Transferable[] }} Answer
 */

const MODELS = new URL("../models/models.json", import.meta.url);
const PICTURES = new URL("../pictures/pictures.json", import.meta.url);

/** Calls that run no network and so need not wait for one that does. */
const AT_ONCE = new Set([
  "open",
  "load",
  "dataset",
  "paint",
  "colormap",
  "memory",
  "preprocess",
  "toPixels",
]);

/** Everything that uses this engine, to be told when it breaks. @type {Set<Host>} */
const hosts = new Set();

/**
 * Answers calls on a port until it is told to close.
 * @param {Port} port
 */
export function serve(port) {
  const host = new Host(port);
  hosts.add(host);
  port.onmessage = ({ data }) => {
    if ("abort" in data) host.abort(data.abort);
    else if ("close" in data) {
      host.close();
      hosts.delete(host);
      port.onmessage = null;
    } else host.take(data);
  };
}

/** @type {Promise<unknown> | undefined} */
let engine;

/** Loads the engine, once. */
async function loadEngine() {
  engine ??= init().then(() => onPanic(broken));
  try {
    await engine;
  } catch (error) {
    engine = undefined;
    throw failure(
      "internal",
      `the engine could not be loaded (${error}); is wasm/engine_bg.wasm beside convscope.js, and this browser from 2022 or later?`,
    );
  }
}

/** @param {string} why */
function broken(why) {
  for (const host of hosts) host.report(why);
}

class Host {
  /** @type {Port} */
  #port;
  /** @type {WebScope | null} */
  #scope = null;
  /** @type {Map<number, WebNet>} */
  #nets = new Map();
  #lastNet = 0;
  /** @type {Map<number, Call>} */
  #calls = new Map();
  /** The end of the last call in the queue. @type {Promise<void>} */
  #queue = Promise.resolve();
  /** @type {ShippedModel[]} */
  #models = [];

  /** @param {Port} port */
  constructor(port) {
    this.#port = port;
  }

  /** @param {Request} request */
  take(request) {
    /** @type {Call} */
    const call = { id: request.call, life: new AbortController() };
    this.#calls.set(call.id, call);
    if (AT_ONCE.has(request.method)) void this.#answer(call, request);
    else this.#queue = this.#queue.then(() => this.#answer(call, request));
  }

  /** @param {number} id */
  abort(id) {
    const call = this.#calls.get(id);
    call?.life.abort(aborted());
    call?.control?.abort();
  }

  /** Frees everything once what runs has stopped. */
  close() {
    for (const call of this.#calls.values()) this.abort(call.id);
    this.#queue = this.#queue.then(() => {
      for (const net of this.#nets.values()) net.free();
      this.#nets.clear();
      this.#scope?.free();
      this.#scope = null;
    });
  }

  /** @param {string} why */
  report(why) {
    this.#port.postMessage({ defect: why }, []);
  }

  /**
   * @param {Call} call
   * @param {Request} request
   */
  async #answer(call, request) {
    const { id } = call;
    try {
      call.life.signal.throwIfAborted();
      const { value, transfer } = await this.#run(call, request);
      this.#port.postMessage({ call: id, value }, transfer ?? buffersOf(value));
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) broken(error.message);
      this.#port.postMessage({ call: id, error: faultOf(error) }, []);
    } finally {
      this.#calls.delete(id);
      call.control?.free();
    }
  }

  /**
   * @param {Call} call
   * @param {Request} request
   * @returns {Answer | Promise<Answer>}
   */
  #run(call, { method, net, args }) {
    if (net !== undefined) {
      call.control = new CallControl();
      return runNet(this.#net(net), call.control, method, args, () => this.#drop(net));
    }
    const [first, second] = args;
    switch (method) {
      case "open":
        return this.#open(first);
      case "load":
        return this.#load(first, second, call);
      case "dataset":
        return this.#dataset(first, call);
      case "paint":
        return paintBitmap(first, second);
      case "colormap":
        return { value: new Uint8ClampedArray(colormap(first)) };
      case "memory":
        return { value: this.#opened().memory() };
      default:
        throw failure("bad_argument", `a scope has no method ${method}`);
    }
  }

  #opened() {
    if (!this.#scope) throw failure("bad_argument", "the scope is closed");
    return this.#scope;
  }

  /** @param {number} id */
  #net(id) {
    const net = this.#nets.get(id);
    if (!net) throw failure("bad_argument", "this network was disposed of; load it again");
    return net;
  }

  /** @param {number} id */
  #drop(id) {
    this.#nets.get(id)?.free();
    this.#nets.delete(id);
  }

  /** @param {string} backend */
  async #open(backend) {
    await loadEngine();
    const [scope, models, pictures] = await Promise.all([
      WebScope.open(backend),
      listing(MODELS),
      listing(PICTURES),
    ]);
    this.#scope = scope;
    this.#models = models;
    const value = {
      backend: scope.backend,
      reason: scope.reason,
      adapter: scope.adapter,
      models: models.map(({ graph: _, weights: __, labels: ___, ...model }) => model),
      pictures: pictures.map((picture) => ({
        ...picture,
        url: new URL(picture.url, new URL("../", PICTURES)).href,
      })),
    };
    return { value };
  }

  /**
   * @param {unknown} source
   * @param {{ labels?: unknown, preprocess?: unknown }} options
   * @param {Call} call
   */
  async #load(source, options, { id, life }) {
    const made = await readSource(source, {
      models: this.#models,
      base: MODELS,
      signal: life.signal,
      onProgress: (progress) => this.#port.postMessage({ call: id, progress }, []),
    });
    life.signal.throwIfAborted();
    const preprocess = options.preprocess ?? made.preprocess;
    const net = await this.#opened().load(
      made.graph,
      made.weights,
      preprocess ? JSON.stringify(preprocess) : undefined,
      labelsOf(options.labels ?? made.labels),
    );
    if (life.signal.aborted) {
      net.free();
      throw aborted();
    }
    this.#lastNet += 1;
    this.#nets.set(this.#lastNet, net);
    return { value: { net: this.#lastNet, about: net.describe() } };
  }

  /**
   * @param {string} id
   * @param {Call} call
   */
  async #dataset(id, { id: call, life }) {
    const value = await readDataset(id, {
      models: this.#models,
      tensors: (bytes) => this.#opened().tensors(bytes),
      signal: life.signal,
      onProgress: (progress) => this.#port.postMessage({ call, progress }, []),
    });
    return { value };
  }
}

/**
 * A call of a network.
 * @param {WebNet} net
 * @param {CallControl} control
 * @param {string} method
 * @param {any[]} args
 * @param {() => void} dispose
 * @returns {Promise<Answer>}
 */
async function runNet(net, control, method, args, dispose) {
  const [first, second, third] = args;
  switch (method) {
    case "preprocess": {
      const { data, width, height } = await readPixels(first);
      return { value: net.preprocess(data, width, height) };
    }
    case "toPixels":
      return { value: net.toPixels(first) };
    case "predict":
      return { value: await net.predict(first, second, control) };
    case "activations":
      return { value: await net.activations(first, second, third, control) };
    case "value":
      return { value: await net.value(first, second, third, control) };
    case "gradient":
      return { value: await net.gradient(first, second, third, control) };
    case "attribute":
      return { value: await net.attribute(first, second, control) };
    case "gram":
      return { value: await net.gram(first, text("layer", second), third, control) };
    case "weights":
      return { value: net.weights(text("name", first)) };
    case "setWeights":
      net.setWeights(text("name", first), second);
      return { value: net.modified };
    case "restore":
      net.restore();
      return { value: net.modified };
    case "dispose":
      dispose();
      return {};
    default:
      throw failure("bad_argument", `a network has no method ${method}`);
  }
}

/**
 * @param {string} what
 * @param {unknown} value
 * @returns {string}
 */
function text(what, value) {
  if (typeof value === "string") return value;
  throw failure("bad_argument", `${what} must be text, not ${value}`);
}

/**
 * @param {unknown} labels
 * @returns {string[] | undefined}
 */
function labelsOf(labels) {
  if (labels === undefined || labels === null) return undefined;
  if (Array.isArray(labels) && labels.every((label) => typeof label === "string")) return labels;
  throw failure("bad_argument", "labels must be a list of texts, one for each class");
}

/**
 * @param {Tensor} tensor
 * @param {unknown} options
 * @returns {Promise<Answer>}
 */
async function paintBitmap(tensor, options) {
  const { rgba, width, height, ...rest } = paint(tensor, options);
  const bitmap = await createImageBitmap(new ImageData(rgba, width, height));
  return { value: { bitmap, ...rest }, transfer: [bitmap, rest.ranges.buffer] };
}

/**
 * A list that ships; empty where there is none.
 * @param {URL} address
 * @returns {Promise<any[]>}
 */
async function listing(address) {
  try {
    const response = await fetch(address);
    return response.ok ? await response.json() : [];
  } catch {
    return [];
  }
}

/**
 * The buffers of an answer, which all were made for it and so can be given away.
 * @param {unknown} value
 * @returns {Transferable[]}
 */
function buffersOf(value) {
  if (ArrayBuffer.isView(value)) return [/** @type {ArrayBuffer} */ (value.buffer)];
  if (typeof value !== "object" || value === null) return [];
  return [...new Set(Object.values(value).flatMap(buffersOf))];
}
