/**
 * The side on which the engine lives, in a worker or, where there is none, in the page itself. It answers messages on a
 * port; calls that run a network wait for their turn, first come, first served. A call that goes by steps lets those that
 * wait in between, while the caller looks at a step.
 * @module
 */

import init, {
  attacks,
  CallControl,
  colormap,
  compiledModule,
  initialWeights,
  onPanic,
  paint,
  similarity,
  WebScope,
} from "../wasm/engine.js";
import { readDataset } from "./datasets.js";
import { aborted, failure, faultOf } from "./faults.js";
import { addressOf, carry, fetchFile } from "./files.js";
import { buffersOf } from "./link.js";
import { readPixels } from "./pixels.js";
import { Pool, usualHelpers } from "./pool.js";
import { readSource } from "./sources.js";
import { Turns } from "./turns.js";

/**
 * @typedef {import("../wasm/engine.js").WebNet} WebNet
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("./sources.js").ShippedModel} ShippedModel
 * @typedef {{ postMessage: (message: unknown, transfer: Transferable[]) => void, onmessage: ((event: MessageEvent) => void) | null }} Port
 * @typedef {{ call: number, method: string, net?: number, seed?: number, steps?: boolean, watched?: boolean, args: any[] }} Request
 * @typedef {{ id: number, net?: number, life: AbortController, control?: CallControl, resume?: (answer?: unknown) => void, done: Promise<void> }} Call
 * @typedef {{ value?: unknown, transfer?: Transferable[] }} Answer
 */

const MODELS = addressOf("models/models.json");
const PICTURES = addressOf("pictures/pictures.json");
const ENGINE = addressOf("wasm/engine_bg.wasm");

/** Calls that run no network and so need not wait for one that does. */
const AT_ONCE = new Set([
  "open",
  "join",
  "load",
  "dataset",
  "initialWeights",
  "paint",
  "colormap",
  "similarity",
  "memory",
  "choose",
  "choices",
  "preprocess",
  "toPixels",
  "synthesisPreset",
  "stylePreset",
  "categories",
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
    else if ("resume" in data) host.resume(data.resume, data.answer);
    else if ("carried" in data) carry(data.carried);
    else if ("close" in data) {
      void host.close();
      hosts.delete(host);
      port.onmessage = null;
    } else host.take(data);
  };
}

/** @type {Promise<unknown> | undefined} */
let engine;

/**
 * Loads the engine, once.
 * @param {WebAssembly.Module} [module] the engine as another has compiled it
 */
async function loadEngine(module) {
  engine ??= init({ module_or_path: module ?? fetchFile(ENGINE) }).then(() => onPanic(broken));
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
  /** Networks that were disposed of while a call of theirs was on its way. @type {Map<number, WebNet>} */
  #leaving = new Map();
  #turns = new Turns();
  /** @type {ShippedModel[]} */
  #models = [];
  /** Who helps with sweeps on the CPU engine. @type {Pool | null} */
  #pool = null;

  /** @param {Port} port */
  constructor(port) {
    this.#port = port;
  }

  /** @param {Request} request */
  take(request) {
    /** @type {Call} */
    const call = { id: request.call, life: new AbortController(), done: Promise.resolve() };
    this.#calls.set(call.id, call);
    call.done = AT_ONCE.has(request.method)
      ? this.#answer(call, request)
      : this.#inTurn(() => this.#answer(call, request));
  }

  /** @param {() => Promise<void>} work */
  async #inTurn(work) {
    await this.#turns.take();
    await work();
    this.#turns.give();
  }

  /** @param {number} id */
  abort(id) {
    const call = this.#calls.get(id);
    call?.life.abort(aborted());
    call?.control?.abort();
    call?.resume?.();
  }

  /**
   * The caller has looked at a step.
   * @param {number} id
   * @param {unknown} answer what the step's listener said
   */
  resume(id, answer) {
    this.#calls.get(id)?.resume?.(answer);
  }

  /** Frees everything once what runs has stopped. */
  async close() {
    const calls = [...this.#calls.values()];
    for (const call of calls) this.abort(call.id);
    this.#pool?.close();
    await Promise.all(calls.map((call) => call.done));
    for (const net of this.#nets.values()) net.free();
    this.#nets.clear();
    this.#scope?.free();
    this.#scope = null;
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
      this.#freeLeaving();
    }
  }

  /**
   * @param {Call} call
   * @param {Request} request
   * @returns {Answer | Promise<Answer>}
   */
  #run(call, { method, net, seed, steps, watched, args }) {
    if (net !== undefined) {
      call.net = net;
      call.control = new CallControl(
        seed,
        watched
          ? (/** @type {unknown} */ progress) =>
              this.#port.postMessage({ call: call.id, progress }, buffersOf(progress))
          : undefined,
        steps ? (/** @type {unknown} */ step) => this.#step(call, step) : undefined,
      );
      return runNet(this.#net(net), call.control, method, args, () => this.#drop(net));
    }
    const [first, second, third] = args;
    switch (method) {
      case "open":
        return this.#open(first, second, third);
      case "choose":
        this.#opened().choose(JSON.stringify(first));
        return {};
      case "choices":
        return { value: JSON.parse(this.#opened().choices()) };
      case "join":
        return this.#join(first);
      case "adopt":
        return this.#adopt(first, second, third);
      case "load":
        return this.#load(first, second, call);
      case "dataset":
        return this.#dataset(first, call);
      case "initialWeights":
        return this.#initialWeights(first);
      case "paint":
        return paintBitmap(first, second);
      case "colormap":
        return { value: new Uint8ClampedArray(colormap(first)) };
      case "similarity":
        return { value: similarity(first, second) };
      case "memory":
        return { value: { ...this.#opened().memory(), workers: this.#pool?.size ?? 0 } };
      default:
        throw failure("bad_argument", `a scope has no method ${method}`);
    }
  }

  /**
   * Shows the caller a step and waits until it has been looked at; others take their turn meanwhile.
   * @param {Call} call
   * @param {unknown} step
   * @returns {Promise<unknown>} what the step's listener said
   */
  async #step(call, step) {
    const looked = new Promise((resolve) => {
      call.resume = resolve;
    });
    if (call.life.signal.aborted) return undefined;
    this.#port.postMessage({ call: call.id, step }, buffersOf(step));
    this.#turns.give();
    const answer = await looked;
    call.resume = undefined;
    await this.#turns.take();
    return answer;
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
    const net = this.#nets.get(id);
    this.#nets.delete(id);
    this.#pool?.forget(id);
    if (net) this.#leaving.set(id, net);
  }

  /** Frees the networks that were disposed of and that no call uses any more. */
  #freeLeaving() {
    const used = new Set([...this.#calls.values()].map(({ net }) => net));
    for (const [id, net] of this.#leaving) {
      if (used.has(id)) continue;
      this.#leaving.delete(id);
      net.free();
    }
  }

  /**
   * @param {string} backend
   * @param {number} [workers] that may help
   * @param {boolean} [tune] whether ways to compute layers are measured
   */
  async #open(backend, workers = usualHelpers(), tune = undefined) {
    await loadEngine();
    const [scope, models, pictures] = await Promise.all([
      WebScope.open(backend, tune),
      listing(MODELS),
      listing(PICTURES),
    ]);
    this.#scope = scope;
    this.#models = models;
    if (scope.backend === "cpu" && workers > 0) this.#pool = new Pool(workers, compiledModule());
    const value = {
      backend: scope.backend,
      reason: scope.reason,
      adapter: scope.adapter,
      attacks: attacks(),
      models: models.map(({ graph: _, weights: __, labels: ___, ...model }) => model),
      pictures: pictures.map((picture) => ({
        ...picture,
        url: addressOf(picture.url).href,
      })),
    };
    return { value };
  }

  /**
   * Opens an engine that helps another one.
   * @param {WebAssembly.Module} module
   */
  async #join(module) {
    await loadEngine(module);
    this.#scope = await WebScope.open("cpu");
    return {};
  }

  /**
   * Takes a copy of a network that another engine has.
   * @param {number} id there and here
   * @param {string} graph
   * @param {Record<string, Tensor>} weights
   */
  async #adopt(id, graph, weights) {
    this.#nets.set(id, await this.#opened().load(graph, weights));
    return {};
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
    const scope = this.#opened();
    const known = scope.choices();
    const net = await scope.load(
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
    if (this.#pool) net.shareWith(this.#pool.of(this.#lastNet, made.graph, net));
    const tuned = scope.choices() !== known;
    return { value: { net: this.#lastNet, about: net.describe(), tuned } };
  }

  /**
   * @param {string} id of a shipped network
   * @returns {Answer}
   */
  #initialWeights(id) {
    const model = this.#models.find((each) => each.id === id);
    if (!model) throw failure("bad_argument", `initialWeights: no network "${id}" ships with this`);
    const { initial } = model;
    return { value: initial ? initialWeights(initial.architecture, initial.seed) : null };
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
      return { value: net.preprocess(data, width, height, second) };
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
    case "embed":
      return { value: await net.embed(first, second, control) };
    case "check":
      return { value: await net.check(first, second, control) };
    case "faithfulness":
      return { value: await net.faithfulness(first, second, third, control) };
    case "randomize":
      net.randomize(first, control);
      return { value: net.modified };
    case "prepare":
      return { value: net.prepare(first, second, third) };
    case "runPrepared":
      return { value: await net.runPrepared(first, second, control) };
    case "readPrepared":
      return { value: await net.readPrepared(first) };
    case "dropPrepared":
      net.dropPrepared(first);
      return {};
    case "gram":
      return { value: await net.gram(first, text("layer", second), third, control) };
    case "synthesize":
      return { value: await net.synthesize(first, control) };
    case "attack":
      return { value: await net.attack(first, second, control) };
    case "smallestEpsilon":
      return { value: await net.smallestEpsilon(first, second, control) };
    case "defend":
      return { value: await net.defend(first, second, control) };
    case "robustness":
      return { value: await net.robustness(first, second, control) };
    case "lossSurface":
      return { value: await net.lossSurface(first, second, control) };
    case "stylize":
      return { value: await net.stylize(first, second, third, control) };
    case "stylePreset":
      return { value: net.stylePreset(first) };
    case "synthesisPreset":
      return { value: net.synthesisPreset(first) };
    case "topActivations":
      return { value: await net.topActivations(first, text("layer", second), third, control) };
    case "receptiveField":
      return { value: await net.receptiveField(first, text("layer", second), third, control) };
    case "filters":
      return { value: await net.filters(text("layer", first), second, control) };
    case "weights":
      return { value: net.weights(text("name", first)) };
    case "setWeights":
      net.setWeights(text("name", first), second);
      return { value: net.modified };
    case "train":
      return { value: await net.train(first, second, control) };
    case "biasScan":
      return { value: await net.biasScan(first, second, control) };
    case "counterfactual":
      return { value: await net.counterfactual(first, second, control) };
    case "perturb":
      return { value: net.perturb(first, second, control) };
    case "perturbationCurve":
      return { value: await net.perturbationCurve(first, second, control) };
    case "pixelMap":
      return { value: await net.pixelMap(first, second, control) };
    case "shapeDecisions":
      return { value: await net.shapeDecisions(first, second, third, control) };
    case "shapeSummary":
      return { value: net.shapeSummary(first, second, third) };
    case "categories":
      return { value: net.categories(first) };
    case "stimulus":
      return { value: await net.stimulus(first, second, control) };
    case "foreground":
      return { value: await net.foreground(first, second, control) };
    case "modified":
      return { value: net.modified };
    case "reset":
      net.reset(control);
      return { value: net.modified };
    case "restore":
      net.restore();
      return { value: net.modified };
    case "answer":
      for (const [name, tensor] of Object.entries(second)) net.setWeights(name, tensor);
      return { value: await net.answer(first, control) };
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
    const response = await fetchFile(address);
    return response.ok ? await response.json() : [];
  } catch {
    return [];
  }
}
