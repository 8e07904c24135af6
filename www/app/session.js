/**
 * What is being looked at: the network, the picture, the prediction. It follows the store, does the slow work in
 * order, and tells the parts of the page (bar, list, side, view) when something they draw has changed.
 * @module
 */

import { duration } from "../widgets/format.js";

/**
 * @typedef {import("../convscope.js").Scope} Scope
 * @typedef {import("../convscope.js").Net} Net
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("../convscope.js").Layer} Layer
 * @typedef {import("../convscope.js").Prediction} Prediction
 * @typedef {import("../convscope.js").ImageLike} ImageLike
 * @typedef {import("./store.js").Store} Store
 * @typedef {import("./store.js").State} State
 */

/**
 * A part of the page. `changed` holds the keys of the state that changed and, besides, `net` (another network),
 * `input` (another picture), `weights` (edited or restored), `prediction` (computed again).
 * @typedef {{ update: (state: State, changed: Set<string>) => void, destroy: () => void }} Part
 */

/**
 * A picture to look at; `sights` are channels that are worth a look on it.
 * @typedef {{ id: string, title: string, url?: string, image?: ImageLike, credit?: string, licence?: string, source?: string, sights?: { model: string, layer: string, channel: number, text: string }[], label?: number, category?: import("../convscope.js").Category, outline?: [number, number][][], kind: "photo" | "style" | "fashion" | "own" }} Picture
 */

/**
 * Everything a view needs beside its root and the store.
 * @typedef {{
 *   scope: Scope,
 *   readonly net: Net,
 *   readonly input: Tensor,
 *   readonly seen: ImageData,
 *   readonly picture: Picture,
 *   readonly prediction: Prediction,
 *   readonly target: number,
 *   readonly targetLabel: string,
 *   readonly layer: Layer,
 *   controls: HTMLElement,
 *   work: <T>(key: string, job: (signal: AbortSignal) => Promise<T>) => Promise<T | undefined>,
 *   setWeights: (name: string, tensor: Tensor) => Promise<void>,
 *   restore: () => Promise<void>,
 *   goTo: (view: string, patch?: Partial<State>) => void,
 *   hasView: (view: string) => boolean,
 *   announce: (text: string) => void,
 * }} App
 */

/**
 * What the frame does for the session: show progress (`loaded` counts bytes, `done` anything else), sentences about what
 * failed (one a topic; `null` takes back the topic and those below it, as `link` those of `link:image`).
 * @typedef {{
 *   progress: (step: { label: string, loaded?: number, done?: number, total?: number, stop?: () => void } | null) => void,
 *   fail: (topic: string, text: string | null) => void,
 *   timing: (text: string) => void,
 * }} Display
 */

/**
 * @param {unknown} error
 * @returns {boolean}
 */
function isAbort(error) {
  if (!(error instanceof Error)) return false;
  return error.name === "AbortError" || /** @type {{ code?: string }} */ (error).code === "aborted";
}

/**
 * Whether the GPU's device is gone.
 * @param {unknown} error
 */
function isLoss(error) {
  return error instanceof Error && /** @type {{ code?: string }} */ (error).code === "device_lost";
}

/**
 * The sentence for an error.
 * @param {unknown} error
 */
export function sentence(error) {
  return error instanceof Error && error.message ? error.message : String(error);
}

/** A device lost again within this time is not replaced. */
const REOPEN_MS = 10_000;

export class Session {
  /** @type {Map<string, AbortController>} */
  #jobs = new Map();
  #pending = 0;
  /** @type {(() => void)[]} */
  #waiting = [];
  /** @type {Map<string, Picture>} */
  #own = new Map();
  /** @type {Net | null} */
  #net = null;
  #model = "";
  /** @type {Picture | null} */
  #picture = null;
  /** @type {Tensor | null} */
  #input = null;
  /** @type {ImageData | null} */
  #seen = null;
  /** @type {Prediction | null} */
  #prediction = null;
  #edits = 0;
  #predicted = "";
  /** Counts the pictures of one's own, so that a moving one is looked at again. */
  #frame = 0;
  #goal = "";
  /** When a lost device was last replaced. */
  #reopened = Number.NEGATIVE_INFINITY;
  /** @type {Promise<void> | null} */
  #settling = null;
  /** What the parts were last told. @type {{ state: State | null, net: Net | null, input: Tensor | null, edits: number, prediction: Prediction | null }} */
  #told = { state: null, net: null, input: null, edits: 0, prediction: null };
  /** @type {Part[]} */
  #parts = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #quiet;

  /**
   * @param {Scope} scope
   * @param {Store} store
   * @param {Display} display
   * @param {AbortSignal} signal
   */
  constructor(scope, store, display, signal) {
    this.scope = scope;
    this.store = store;
    /** Where the view puts its controls. */
    this.controls = document.createElement("div");
    /** Ids of the views there are. @type {Set<string>} */
    this.views = new Set();
    /** Says a sentence to a screen reader. @type {(text: string) => void} */
    this.announce = () => {};
    this.display = display;
    store.subscribe(() => this.settle(), signal);
  }

  get net() {
    return need(this.#net, "network");
  }
  get input() {
    return need(this.#input, "picture");
  }
  get seen() {
    return need(this.#seen, "picture");
  }
  get picture() {
    return need(this.#picture, "picture");
  }
  get prediction() {
    return need(this.#prediction, "prediction");
  }

  /** The class in question: the chosen one, else the predicted one. */
  get target() {
    return this.store.get().target ?? this.prediction.top[0].index;
  }
  get targetLabel() {
    return this.label(this.target);
  }

  /** @param {number} index */
  label(index) {
    return this.net.labels[index] ?? `class ${index}`;
  }

  /** The chosen layer. */
  get layer() {
    const name = this.store.get().layer;
    const layer = this.net.layers.find((each) => each.name === name) ?? this.net.layers[0];
    return need(layer, "layer");
  }

  /** The pictures that can be chosen: one's own, then those that suit the network best. */
  get pictures() {
    const own = [...this.#own.values()];
    const gray = this.#net ? this.#net.input.shape[1] === 1 : false;
    const shipped = /** @type {Picture[]} */ (this.scope.pictures);
    const first = gray ? "fashion" : "photo";
    return [
      ...own,
      ...shipped.filter((each) => each.kind === first),
      ...shipped.filter((each) => each.kind !== first),
    ];
  }

  /** @param {Part} part */
  add(part) {
    this.#parts.push(part);
  }

  /** @param {Part} part */
  remove(part) {
    this.#parts = this.#parts.filter((each) => each !== part);
  }

  /**
   * Runs a job; a newer job of the same key aborts the older one, whose result is then `undefined`. An error is shown
   * as a sentence, the sight stays as it was, and the result is `undefined`.
   * @template T
   * @param {string} key
   * @param {(signal: AbortSignal) => Promise<T>} job
   * @returns {Promise<T | undefined>}
   */
  async work(key, job) {
    this.#jobs.get(key)?.abort();
    const life = new AbortController();
    this.#jobs.set(key, life);
    this.#pending += 1;
    this.#ready(false);
    try {
      const result = await job(life.signal);
      if (life.signal.aborted) return undefined;
      this.display.fail(key, null);
      return result;
    } catch (error) {
      if (life.signal.aborted || isAbort(error)) return undefined;
      if (!(isLoss(error) && this.#reopen())) this.display.fail(key, sentence(error));
      return undefined;
    } finally {
      if (this.#jobs.get(key) === life) this.#jobs.delete(key);
      this.#pending -= 1;
      if (this.#pending === 0) {
        this.#ready(true);
        for (const done of this.#waiting.splice(0)) done();
      }
    }
  }

  /**
   * Loads the network again, as the GPU took its device away; everything that was shown comes back with it.
   * @returns {boolean} false where that was done a moment ago, and so does not help
   */
  #reopen() {
    const now = performance.now();
    const soon = now - this.#reopened < REOPEN_MS;
    if (soon || !this.#net) return soon && this.#model === "";
    this.#reopened = now;
    const edits = this.#net.modified ? " Its weights are the loaded ones again." : "";
    this.display.fail(
      "engine",
      `The GPU took its device away, as it does after a fault of its driver or a long sleep; the network was loaded again.${edits}`,
    );
    this.#model = "";
    void this.settle();
    return true;
  }

  /** Resolves when nothing is left to compute or draw: for sources that move, such as the camera. */
  idle() {
    if (this.#pending === 0) return Promise.resolve();
    return /** @type {Promise<void>} */ (new Promise((done) => this.#waiting.push(done)));
  }

  /**
   * Whether a job of that key is on its way.
   * @param {string} key
   */
  isWorking(key) {
    return this.#jobs.has(key);
  }

  /** @param {string} key */
  stop(key) {
    this.#jobs.get(key)?.abort();
  }

  /** @param {boolean} ready once the last job's drawing had a frame to appear in */
  #ready(ready) {
    clearTimeout(this.#quiet);
    if (!ready) document.documentElement.dataset.ready = "false";
    else
      this.#quiet = setTimeout(() => {
        if (this.#pending === 0 && this.#net) document.documentElement.dataset.ready = "true";
      }, 60);
  }

  /** Brings network, picture and prediction in line with the state, then tells the parts. */
  settle() {
    const state = this.store.get();
    const goal = `${state.model} ${state.image} ${this.#edits} ${this.#frame} ${this.#reopened}`;
    if (this.#settling && goal === this.#goal) return this.#settling;
    const same =
      this.#net &&
      this.#model === state.model &&
      this.#picture?.id === state.image &&
      this.#input &&
      this.#predicted === this.#predictionKey();
    if (same && !this.#settling) {
      this.#check();
      this.#tell();
      return Promise.resolve();
    }
    this.#goal = goal;
    const settling = this.work("settle", async (signal) => {
      await this.#settleNet(signal);
      await this.#settlePicture(signal);
      await this.#settlePrediction(signal);
      if (signal.aborted || !this.#net || !this.#prediction) return;
      this.#settling = null;
      this.#check();
      this.#tell();
    }).finally(() => {
      if (this.#settling === settling) this.#settling = null;
    });
    this.#settling = settling;
    return settling;
  }

  #predictionKey() {
    return `${this.#model} ${this.#picture?.id} ${this.#edits}`;
  }

  /** @param {AbortSignal} signal */
  async #settleNet(signal) {
    const { model } = this.store.get();
    if (this.#net && this.#model === model) return;
    const entry = this.scope.models.find((each) => each.id === model);
    const title = entry?.title ?? model;
    const stop = this.#net ? () => this.#stay() : undefined;
    this.display.progress({ label: `Loading ${title}`, loaded: 0, total: entry?.bytes, stop });
    try {
      const net = await this.scope.load(model, {
        signal,
        onProgress: (/** @type {{ loaded?: number, total?: number }} */ step) => {
          if (signal.aborted) return;
          this.display.progress({
            label: `Loading ${title}`,
            loaded: step.loaded,
            total: step.total ?? entry?.bytes,
            stop,
          });
        },
      });
      if (signal.aborted) {
        net.dispose();
        return;
      }
      this.#net?.dispose();
      this.#net = net;
      this.#model = model;
      this.#edits = 0;
      this.#predicted = "";
      this.#input = null;
      this.display.fail("model", null);
    } catch (error) {
      if (signal.aborted || isAbort(error)) return;
      this.display.fail("model", sentence(error));
      if (this.#net) this.#stay();
    } finally {
      if (!signal.aborted) this.display.progress(null);
    }
  }

  /** Goes back to what is still shown, as another network did not come. */
  #stay() {
    this.display.progress(null);
    const { state } = this.#told;
    if (!state) return;
    const { model, image, layer, channel, target } = state;
    this.store.set({ model, image, layer, channel, target }, { replace: true });
  }

  /** @param {AbortSignal} signal */
  async #settlePicture(signal) {
    if (signal.aborted || !this.#net) return;
    const { image } = this.store.get();
    if (this.#input && this.#picture?.id === image) return;
    const known = this.pictures.find((each) => each.id === image);
    const picture = known ?? this.pictures[0];
    if (!picture)
      throw new Error(
        "There is no sample picture beside this page: choose one with File, or drop one here.",
      );
    if (image && !known) {
      const why = /^(own\d+|camera|drawing)$/.test(image)
        ? "The picture in this link was somebody's own and does not travel with it"
        : `There is no picture "${image}" here`;
      this.display.fail("link:image", `${why}; this is ${picture.title} instead.`);
    }
    try {
      await this.#look(picture, signal);
      if (signal.aborted) return;
      this.display.fail("image", null);
      if (known) this.display.fail("link", null);
      if (image !== picture.id) this.store.set({ image: picture.id }, { replace: true });
    } catch (error) {
      if (signal.aborted || isAbort(error)) return;
      this.display.fail("image", sentence(error));
      this.#own.delete(picture.id);
      if (this.#picture && this.#input)
        this.store.set({ image: this.#picture.id }, { replace: true });
    }
  }

  /**
   * @param {Picture} picture
   * @param {AbortSignal} signal
   */
  async #look(picture, signal) {
    const input = await this.net.preprocess(await imageOf(picture, signal));
    const seen = await this.net.toPixels(input);
    if (signal.aborted) return;
    this.#picture = picture;
    this.#input = input;
    this.#seen = seen;
    this.#predicted = "";
  }

  /** @param {AbortSignal} signal */
  async #settlePrediction(signal) {
    if (signal.aborted || !this.#input) return;
    const key = this.#predictionKey();
    if (this.#predicted === key) return;
    const start = performance.now();
    const prediction = await this.net.predict(this.#input, { top: 5, signal });
    if (signal.aborted) return;
    this.#prediction = prediction;
    this.#predicted = key;
    this.display.timing(`forward ${duration(performance.now() - start)}`);
  }

  /** Mends a state that the network cannot answer, in the address too. */
  #check() {
    const state = this.store.get();
    const net = this.net;
    /** @type {Partial<State>} */
    const patch = {};
    let layer = net.layers.find((each) => each.name === state.layer);
    if (!layer) {
      layer = net.layers.find((each) => each.op === "conv2d") ?? net.layers[0];
      patch.layer = layer?.name ?? "";
      if (state.layer)
        this.display.fail(
          "link:layer",
          `${net.name} has no layer "${state.layer}"; this is ${patch.layer}.`,
        );
    }
    const last = (layer?.shape[0] ?? 1) - 1;
    const channel = Math.min(Math.max(0, Math.round(state.channel)), last);
    if (channel !== state.channel) patch.channel = channel;
    if (
      state.target !== null &&
      !(Number.isInteger(state.target) && state.target >= 0 && state.target < net.labels.length)
    ) {
      patch.target = null;
      this.display.fail(
        "link:class",
        `${net.name} has no class ${state.target}; this is the predicted one.`,
      );
    }
    if (Object.keys(patch).length > 0) this.store.set(patch, { replace: true });
  }

  #tell() {
    const told = this.#told;
    const state = this.store.get();
    const changed = new Set(Object.keys(state).filter((key) => told.state?.[key] !== state[key]));
    if (told.net !== this.#net) changed.add("net");
    if (told.input !== this.#input) changed.add("input");
    if (told.edits !== this.#edits) changed.add("weights");
    if (told.prediction !== this.#prediction) changed.add("prediction");
    if (changed.size === 0) return;
    this.#told = {
      state,
      net: this.#net,
      input: this.#input,
      edits: this.#edits,
      prediction: this.#prediction,
    };
    for (const part of [...this.#parts]) part.update(state, changed);
  }

  /**
   * Looks at a picture of one's own; a moving one (camera, drawing) keeps its id and is looked at again.
   * @param {ImageLike} image
   * @param {{ id?: string, title: string }} about
   */
  async useImage(image, { id, title }) {
    const name = id ?? `own${this.#own.size + 1}`;
    const url = image instanceof Blob ? URL.createObjectURL(image) : undefined;
    /** @type {Picture} */
    const picture = { id: name, title, image, url, kind: "own" };
    this.#own.set(name, picture);
    this.#frame += 1;
    if (this.#picture?.id === name) this.#input = null;
    if (this.store.get().image !== name) this.store.set({ image: name, target: null });
    else await this.settle();
  }

  /**
   * Puts other weights into the network; all that is shown follows.
   * @param {string} name of the parameter
   * @param {Tensor} tensor
   */
  async setWeights(name, tensor) {
    await this.work("weights", () => this.net.setWeights(name, tensor));
    this.#edits += 1;
    await this.settle();
  }

  /** A call changed the network's weights; all that is shown follows. */
  async changed() {
    this.#edits += 1;
    await this.settle();
  }

  /** @param {string} view */
  hasView(view) {
    return this.views.has(view);
  }

  /**
   * Shows another view, with what is looked at carried along.
   * @param {string} view
   * @param {Partial<State>} [patch]
   */
  goTo(view, patch = {}) {
    this.store.set({ ...patch, view });
  }

  /** Brings the loaded weights back. */
  async restore() {
    await this.work("weights", () => this.net.restore());
    this.#edits += 1;
    await this.settle();
  }
}

/**
 * @template T
 * @param {T | null | undefined} value
 * @param {string} what
 * @returns {T}
 */
function need(value, what) {
  if (value === null || value === undefined) throw new Error(`No ${what} is loaded yet.`);
  return value;
}

/**
 * A picture's image; the file of one that ships is fetched once.
 * @param {Picture} picture
 * @param {AbortSignal} signal
 * @returns {Promise<ImageLike>}
 */
export async function imageOf(picture, signal) {
  picture.image ??= await fetchPicture(picture, signal);
  return picture.image;
}

/**
 * The file of a picture that ships.
 * @param {{ title: string, url?: string }} picture
 * @param {AbortSignal} signal
 */
export async function fetchPicture(picture, signal) {
  const why = (/** @type {string | number} */ reason) =>
    new Error(`The picture ${picture.title} could not be read (${reason}); choose another one.`);
  const response = await fetch(picture.url ?? "", { signal }).catch((error) => {
    throw isAbort(error) ? error : why("is there a network?");
  });
  if (!response.ok) throw why(response.status);
  return response.blob();
}
