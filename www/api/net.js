/**
 * A network as its user holds it: each call goes to the engine's side, with its pictures made ready.
 * @module
 */

import { cueOf } from "./cue-conflict.js";
import { checkOptions, failure } from "./faults.js";
import { isFixed, isTensor, portable } from "./pictures.js";
import { transfer } from "./transfer.js";
import { watched } from "./watch.js";

/**
 * @typedef {import("../convscope.js").Net} Net
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("../convscope.js").ImageLike} ImageLike
 * @typedef {import("../convscope.js").Objective} Objective
 * @typedef {import("../convscope.js").Run} Run
 * @typedef {import("../convscope.js").Prepared} Prepared
 * @typedef {import("./link.js").Link} Link
 * @typedef {import("./link.js").Watch} Watch
 * @typedef {Pick<Net, "name" | "labels" | "input" | "layers" | "folded">} AboutNet
 */

/** @implements {Net} */
export class NetProxy {
  /** @type {Link} */
  #link;
  /** @type {number} */
  #id;
  #modified = false;
  #disposed = false;
  /** Pictures that cannot change, in model space. @type {WeakMap<Blob | ImageBitmap, Promise<Tensor>>} */
  #prepared = new WeakMap();

  /**
   * @param {Link} link
   * @param {number} id
   * @param {AboutNet} about
   */
  constructor(link, id, about) {
    this.#link = link;
    this.#id = id;
    this.name = about.name;
    this.labels = about.labels;
    this.input = about.input;
    this.layers = about.layers;
    this.folded = about.folded;
  }

  get modified() {
    return this.#modified;
  }

  /** @type {Net["preprocess"]} */
  async preprocess(image, options) {
    const { size } = checkOptions("preprocess", options, ["size"]);
    const { data, shape } = await this.#tensor(image, size);
    return { data: data.slice(), shape: [...shape] };
  }

  /** @type {Net["toPixels"]} */
  async toPixels(tensor) {
    const { rgba, width, height } = await this.#atOnce("toPixels", { args: [tensor] });
    return new ImageData(rgba, width, height);
  }

  /** @type {Net["predict"]} */
  predict(image, options) {
    return this.#run("predict", image, [], options);
  }

  /** @type {Net["weights"]} */
  weights(name) {
    return this.#queue("weights", [name]);
  }

  /** @type {Net["setWeights"]} */
  async setWeights(name, tensor) {
    this.#modified = await this.#queue("setWeights", [name, tensor]);
  }

  /** @type {Net["train"]} */
  async train(data, options) {
    const { watch, rest } = watched("train", options);
    this.#check();
    const { adversarial } = rest;
    if (typeof adversarial === "object" && adversarial)
      rest.adversarial = { ...adversarial, units: adversarial.units ?? this.#unitsOfSets() };
    const parcel = { args: [data, rest] };
    try {
      return await this.#link.queue("train", () => parcel, { ...watch, net: this.#id });
    } finally {
      // Steps may have been taken before it failed or was stopped.
      this.#queue("modified", []).then(
        (modified) => {
          this.#modified = modified;
        },
        () => undefined,
      );
    }
  }

  /** @type {Net["biasScan"]} */
  async biasScan(data, options) {
    const { watch, rest } = watched("biasScan", options);
    this.#check();
    const prepare = async () => {
      for (const key of ["baseline", "fill"])
        if (typeof rest[key] === "object" && rest[key]) rest[key] = await this.#tensor(rest[key]);
      return { args: [data, rest] };
    };
    return this.#link.queue("biasScan", prepare, { ...watch, net: this.#id });
  }

  /** @type {Net["counterfactual"]} */
  async counterfactual(data, options) {
    const { watch, rest } = watched("counterfactual", options);
    this.#check();
    const parcel = { args: [data, rest] };
    return this.#link.queue("counterfactual", () => parcel, { ...watch, net: this.#id });
  }

  /** @type {Net["perturb"]} */
  perturb(image, options) {
    return this.#measured("perturb", image, options);
  }

  /** @type {Net["perturbationCurve"]} */
  perturbationCurve(image, options) {
    return this.#measured("perturbationCurve", image, options);
  }

  /** @type {Net["pixelMap"]} */
  pixelMap(image, options) {
    return this.#measured("pixelMap", image, options);
  }

  /** @type {Net["shapeBias"]} */
  async shapeBias(items, options) {
    const { watch, rest } = watched("shapeBias", options);
    this.#check();
    if (!Array.isArray(items) || items.length === 0)
      throw failure(
        "bad_argument",
        "shapeBias takes a list of at least one { image, shape, texture }",
      );
    const pictures = items.map(conflictOf);
    const cues = pictures.map(({ shape, texture }) => ({ shape, texture }));
    const { signal, onProgress } = watch;
    /** @type {import("../convscope.js").ShapeDecision[]} */
    const decisions = [];
    // A large set is looked at in pieces, so that it need not be in memory as a whole.
    for (let from = 0; from < items.length; from += AT_A_TIME) {
      const piece = pictures.slice(from, from + AT_A_TIME);
      const prepare = async () => {
        const tensors = piece.map(({ image }) => (isTensor(image) ? image : this.#prepare(image)));
        const images = joined(await Promise.all(tensors));
        return { args: [images, cues.slice(from, from + AT_A_TIME), rest] };
      };
      const more = await this.#link.queue("shapeDecisions", prepare, { signal, net: this.#id });
      decisions.push(...more);
      const done = decisions.length;
      onProgress?.({ loaded: done, done, total: items.length });
    }
    const summary = await this.#link.queue(
      "shapeSummary",
      () => ({ args: [cues, decisions.map(({ category }) => ({ category })), rest] }),
      { signal, net: this.#id },
    );
    return { ...summary, decisions };
  }

  /** @type {Net["categories"]} */
  categories(which) {
    return this.#atOnce("categories", { args: [which] });
  }

  /** @type {Net["stimulus"]} */
  async stimulus(image, options) {
    return this.#run("stimulus", image, [], options, ["texture"]);
  }

  /** @type {Net["foreground"]} */
  async foreground(image, options) {
    return this.#run("foreground", image, [], options);
  }

  /** @type {Net["reset"]} */
  async reset(options) {
    const { watch, rest } = watched("reset", options);
    checkOptions("reset", rest, []);
    this.#check();
    const parcel = { args: [] };
    this.#modified = await this.#link.queue("reset", () => parcel, { ...watch, net: this.#id });
  }

  /** @type {Net["restore"]} */
  async restore() {
    this.#modified = await this.#queue("restore", []);
  }

  /** @type {Net["activations"]} */
  activations(image, names, options) {
    return this.#run("activations", image, [names], options);
  }

  /** @type {Net["value"]} */
  value(image, objective, options) {
    return this.#run("value", image, [objective], options);
  }

  /** @type {Net["gradient"]} */
  gradient(
    /** @type {ImageLike} */ image,
    /** @type {Objective} */ objective,
    /** @type {Run | undefined} */ options,
  ) {
    return this.#run("gradient", image, [objective], options);
  }

  /** @type {Net["prepare"]} */
  async prepare(image, pass, options) {
    const id = await this.#run("prepare", image, [pass], options);
    return new PreparedProxy(async (method, options) => {
      const { watch, rest } = watched(method, options);
      this.#check();
      const parcel = { args: [id, rest] };
      return this.#link.queue(`${method}Prepared`, () => parcel, { ...watch, net: this.#id });
    });
  }

  /** @type {Net["attribute"]} */
  async attribute(image, options) {
    return this.#run("attribute", image, [], options, ["baseline", "fill"]);
  }

  /** @type {Net["embed"]} */
  async embed(images, options) {
    const { watch, rest } = watched("embed", options);
    this.#check();
    return this.#link.queue("embed", async () => ({ args: [await this.#batch(images), rest] }), {
      ...watch,
      net: this.#id,
    });
  }

  /** @type {Net["check"]} */
  async check(image, options) {
    return this.#run("check", image, [], options, ["baseline", "fill"]);
  }

  /** @type {Net["faithfulness"]} */
  async faithfulness(image, map, options) {
    return this.#run("faithfulness", image, [map], options, ["baseline"]);
  }

  /** @type {Net["randomize"]} */
  async randomize(options) {
    const { watch, rest } = watched("randomize", options);
    this.#check();
    this.#modified = await this.#link.queue("randomize", () => ({ args: [rest] }), {
      ...watch,
      net: this.#id,
    });
  }

  /** @type {Net["gram"]} */
  gram(image, layer, options) {
    return this.#run("gram", image, [layer], options);
  }

  /** @type {Net["synthesize"]} */
  async synthesize(options) {
    const { watch, rest } = watched("synthesize", options);
    this.#check();
    const prepare = async () => {
      if (typeof rest.init === "object" && rest.init) rest.init = await this.#tensor(rest.init);
      return { args: [rest] };
    };
    return this.#link.queue("synthesize", prepare, { ...watch, net: this.#id });
  }

  /** @type {Net["synthesisPreset"]} */
  synthesisPreset(name) {
    return this.#atOnce("synthesisPreset", { args: [name] });
  }

  /** @type {Net["attack"]} */
  async attack(
    /** @type {ImageLike | ImageLike[]} */ image,
    /** @type {import("../convscope.js").AttackOptions} */ options,
  ) {
    return this.#measured("attack", image, options);
  }

  /** @type {Net["smallestEpsilon"]} */
  async smallestEpsilon(
    /** @type {ImageLike | ImageLike[]} */ image,
    /** @type {import("../convscope.js").SmallestEpsilonOptions} */ options,
  ) {
    return this.#measured("smallestEpsilon", image, options);
  }

  /** @type {Net["lossSurface"]} */
  async lossSurface(image, options) {
    return this.#measured("lossSurface", image, options);
  }

  /** @type {Net["defend"]} */
  defend(
    /** @type {ImageLike | ImageLike[]} */ image,
    /** @type {import("../convscope.js").DefendOptions} */ options,
  ) {
    return this.#measured("defend", image, options);
  }

  /** @type {Net["robustness"]} */
  async robustness(data, options) {
    const { watch, rest } = watched("robustness", options);
    this.#check();
    const parcel = { args: [data, { ...rest, units: rest.units ?? this.#unitsOfSets() }] };
    return this.#link.queue("robustness", () => parcel, { ...watch, net: this.#id });
  }

  /** @type {Net["transfer"]} */
  async transfer(data, others, options) {
    const { rest, watch } = watched("transfer", options);
    checkOptions("transfer", rest, ["attack", "units", "min", "max"]);
    this.#check();
    return transfer(this, data, others, {
      ...watch,
      ...rest,
      units: rest.units ?? this.#unitsOfSets(),
    });
  }

  /** @type {Net["stylize"]} */
  async stylize(content, style, options) {
    const { watch, rest } = watched("stylize", options);
    this.#check();
    const prepare = async () => {
      const at = (/** @type {ImageLike} */ image) => this.#tensor(image, rest.size);
      const listed = /** @type {import("../convscope.js").Style[]} */ (
        Array.isArray(style) ? style : [style]
      ).map((each) => ("image" in each ? each : { image: each }));
      if (typeof rest.init === "object" && rest.init) rest.init = await at(rest.init);
      const styles = [];
      for (const each of listed) styles.push({ ...each, image: await at(each.image) });
      return { args: [await at(content), styles, rest] };
    };
    return this.#link.queue("stylize", prepare, { ...watch, net: this.#id });
  }

  /** @type {Net["stylePreset"]} */
  stylePreset(name) {
    return this.#atOnce("stylePreset", { args: [name] });
  }

  /** @type {Net["topActivations"]} */
  topActivations(images, layer, options) {
    return this.#run("topActivations", images, [layer], options);
  }

  /** @type {Net["receptiveField"]} */
  receptiveField(image, layer, options) {
    return this.#run("receptiveField", image, [layer], options);
  }

  /** @type {Net["filters"]} */
  async filters(layer, options) {
    const { watch, rest } = watched("filters", options);
    this.#check();
    return this.#link.queue("filters", () => ({ args: [layer, rest] }), {
      ...watch,
      net: this.#id,
    });
  }

  dispose() {
    if (this.#disposed) return;
    // It keeps its place, so that calls made before are still answered.
    this.#queue("dispose", []).catch(() => undefined);
    this.#disposed = true;
  }

  /**
   * A call that runs the network on a picture.
   * @param {string} method
   * @param {ImageLike} image
   * @param {unknown[]} args
   * @param {unknown} options
   * @param {string[]} [pictures] options that may be pictures, too
   * @returns {Promise<any>}
   */
  async #run(method, image, args, options, pictures = []) {
    const { watch, rest } = watched(method, options);
    this.#check();
    const prepare = async () => {
      const tensor = await this.#tensor(image);
      for (const key of pictures)
        if (typeof rest[key] === "object" && rest[key]) rest[key] = await this.#tensor(rest[key]);
      return { args: [tensor, ...args, rest] };
    };
    return this.#link.queue(method, prepare, { ...watch, net: this.#id });
  }

  /**
   * A call that runs the network on pictures and measures them: in pixels, unless one is a tensor.
   * @param {string} method
   * @param {ImageLike | ImageLike[]} image
   * @param {unknown} options
   * @returns {Promise<any>}
   */
  async #measured(method, image, options) {
    const { watch, rest } = watched(method, options);
    this.#check();
    const units = rest.units ?? (hasTensor(image) ? "own" : "pixels");
    const prepare = async () => {
      const tensor = await this.#batch(image);
      if (typeof rest.start === "object" && rest.start) rest.start = await this.#tensor(rest.start);
      return { args: [tensor, { ...rest, units }] };
    };
    return this.#link.queue(method, prepare, { ...watch, net: this.#id });
  }

  /** In what ε is measured for a set in model space: pixels, where the network knows what they are. */
  #unitsOfSets() {
    return this.input.preprocess ? "pixels" : "own";
  }

  /**
   * A call that keeps its place among those that run the network.
   * @param {string} method
   * @param {unknown[]} args
   */
  async #queue(method, args) {
    this.#check();
    return this.#link.queue(method, () => ({ args }), { net: this.#id });
  }

  /**
   * @param {string} method
   * @param {import("./link.js").Parcel} parcel
   */
  async #atOnce(method, parcel) {
    this.#check();
    return this.#link.atOnce(method, parcel, { net: this.#id });
  }

  #check() {
    if (this.#disposed)
      throw failure("bad_argument", "this network was disposed of; load it again");
  }

  /**
   * A picture in model space; one that cannot change is prepared once, unless another size than the network's is asked for.
   * @param {ImageLike} image
   * @param {number | [number, number]} [size]
   * @returns {Promise<Tensor>}
   */
  async #tensor(image, size) {
    if (isTensor(image)) return image;
    if (!isFixed(image) || size !== undefined) return this.#prepare(image, size);
    const known = this.#prepared.get(image);
    if (known) return known;
    const prepared = this.#prepare(image);
    this.#prepared.set(image, prepared);
    prepared.catch(() => this.#prepared.delete(image));
    return prepared;
  }

  /**
   * Pictures in model space, one after the other in a tensor; a tensor as it is.
   * @param {ImageLike | ImageLike[]} images
   * @returns {Promise<Tensor>}
   */
  async #batch(images) {
    if (!Array.isArray(images)) return this.#tensor(images);
    if (images.length === 0) throw failure("bad_argument", "there are no pictures in the list");
    const tensors = await Promise.all(images.map((image) => this.#tensor(image)));
    return joined(tensors);
  }

  /**
   * @param {unknown} image
   * @param {number | [number, number]} [size]
   */
  async #prepare(image, size) {
    const { picture, transfer } = await portable(image);
    const options = size === undefined ? undefined : { size };
    return this.#atOnce("preprocess", { args: [picture, options], transfer });
  }
}

/** @implements {Prepared} */
class PreparedProxy {
  /** @type {(method: "run" | "read" | "drop", options?: unknown) => Promise<any>} */
  #call;
  #disposed = false;

  /** @param {(method: "run" | "read" | "drop", options?: unknown) => Promise<any>} call */
  constructor(call) {
    this.#call = call;
  }

  /** @type {Prepared["run"]} */
  async run(options) {
    return this.#call("run", options);
  }

  /** @type {Prepared["read"]} */
  async read() {
    return this.#call("read");
  }

  dispose() {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#call("drop").catch(() => undefined);
  }
}

/**
 * Pictures of equal extents in one tensor.
 * @param {Tensor[]} tensors each `[n, C, H, W]`
 * @returns {Tensor}
 */
function joined(tensors) {
  const [, ...extents] = tensors[0].shape;
  const odd = tensors.findIndex(({ shape }) => `${shape.slice(1)}` !== `${extents}`);
  if (odd >= 0)
    throw failure(
      "bad_argument",
      `picture ${odd} has extents ${tensors[odd].shape.slice(1)}, the first has ${extents}; all must have the same`,
    );
  const count = tensors.reduce((sum, { shape }) => sum + shape[0], 0);
  const data = new Float32Array(tensors.reduce((sum, { data }) => sum + data.length, 0));
  let at = 0;
  for (const tensor of tensors) {
    data.set(tensor.data, at);
    at += tensor.data.length;
  }
  return { data, shape: [count, ...extents] };
}

/**
 * Whether among what is looked at there is a tensor, which has units of its own.
 * @param {ImageLike | ImageLike[]} images
 */
function hasTensor(images) {
  return Array.isArray(images) ? images.some(isTensor) : isTensor(images);
}

/** Pictures of `shapeBias` that are prepared and looked at together. */
const AT_A_TIME = 16;

/**
 * A picture of `shapeBias`: `{ image, shape, texture }`, or one whose file's name says what it shows.
 * @param {unknown} item
 * @param {number} index
 * @returns {{ image: unknown, shape: string, texture: string }}
 */
function conflictOf(item, index) {
  const fields = ["image", "shape", "texture"];
  const { image, shape, texture } =
    item instanceof Blob
      ? { image: item, shape: undefined, texture: undefined }
      : checkOptions(`shapeBias: picture ${index}`, item, fields);
  if (typeof shape === "string" && typeof texture === "string") return { image, shape, texture };
  const name = image instanceof File ? image.name : "";
  const cue = shape === undefined && texture === undefined ? cueOf(name) : null;
  if (cue) return { image, ...cue };
  throw failure(
    "bad_argument",
    `shapeBias: picture ${index}${name && ` (${name})`} needs shape and texture, the names of categories, or a file name such as cat7-elephant2.png`,
  );
}
