/**
 * What the sights of shape against texture are made of: the picture that gives the shape, the one that gives the texture, the
 * classes they stand for, and where the object is.
 * @module
 */

import { imageOf } from "../app/session.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Picture} Picture
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("../convscope.js").Category} Category
 * @typedef {{ picture: Picture, input: Tensor, subject: Category }} Side
 * @typedef {{ shape: number, texture: number, other: { label: string, probability: number } }} Answer
 *   probabilities of the shape's and the texture's classes, summed, and of the likeliest other class
 */

/** Networks up to this many pixels a side are so fast that the style engine is not waited for. */
export const SMALL = 64;

/** Pictures that change while they keep their name. */
const MOVING = ["camera", "drawing"];

/** Where the object is, by network and picture: found, or mended with the brush. @type {Map<string, Tensor>} */
const masks = new Map();

/**
 * What a row of probabilities says of two subjects.
 * @param {Float32Array} row
 * @param {Category} shape
 * @param {Category} texture
 * @param {readonly string[]} labels
 * @returns {Answer}
 */
export function answerOf(row, shape, texture, labels) {
  const sum = (/** @type {Category} */ { classes }) =>
    classes.reduce((total, index) => total + row[index], 0);
  const own = new Set([...shape.classes, ...texture.classes]);
  let best = -1;
  for (const [index, probability] of row.entries())
    if (!own.has(index) && (best < 0 || probability > row[best])) best = index;
  return {
    shape: sum(shape),
    texture: sum(texture),
    other: { label: labels[best] ?? "", probability: best < 0 ? 0 : row[best] },
  };
}

/**
 * @param {{ app: Session, store: Store }} options
 */
export function createMaterial({ app, store }) {
  /** Inputs of pictures beside the chosen one. @type {Map<string, Tensor>} */
  const inputs = new Map();
  /** Laid textures, by what they were laid from. @type {WeakMap<Tensor, { seed: number, texture: Tensor }>} */
  const laid = new WeakMap();
  /** @type {import("../convscope.js").Net | null} */
  let net = null;
  /** @type {Category[]} */
  let sixteen = [];

  /** Whether the network knows white things on black only. */
  const isDark = () => app.net.input.shape[1] === 1;

  /** Pictures that can give the texture. */
  function choices() {
    const suits = isDark() ? ["fashion", "own"] : ["photo", "style", "own"];
    return app.pictures.filter(({ kind }) => suits.includes(kind));
  }

  /** The picture that gives the texture: the chosen one, else the first of another class. */
  function other() {
    const list = choices();
    const wanted = list.find((each) => each.id === store.get()["shape.from"]);
    if (wanted) return wanted;
    const rest = list.filter((each) => each.id !== app.picture.id && each.kind !== "own");
    const standard = rest.find((each) => each.id === "style-zebra");
    const unlike = rest.find((each) => each.label !== app.picture.label);
    return standard ?? unlike ?? rest[0] ?? app.picture;
  }

  /**
   * @param {Picture} picture
   * @param {AbortSignal} signal
   * @returns {Promise<Tensor>}
   */
  async function inputOf(picture, signal) {
    if (net !== app.net) {
      inputs.clear();
      net = app.net;
      const large = app.net.labels.length === 1000;
      sixteen = large ? await app.net.categories("imagenet16") : [];
    }
    if (picture.id === app.picture.id) return app.input;
    const known = inputs.get(picture.id);
    if (known) return known;
    const input = await app.net.preprocess(await imageOf(picture, signal));
    if (!MOVING.includes(picture.id)) inputs.set(picture.id, input);
    return input;
  }

  /**
   * What a picture stands for: its own classes where they are known, else what the network says of it.
   * @param {Picture} picture
   * @param {Tensor} input
   * @param {AbortSignal} signal
   * @returns {Promise<Category>}
   */
  async function subjectOf(picture, input, signal) {
    const { labels } = app.net;
    const { target } = store.get();
    if (picture.id === app.picture.id && target !== null) return categoryOf(target);
    if (picture.category && labels.length === 1000) return picture.category;
    if (picture.label !== undefined && isDark() && labels.length === 10)
      return { name: labels[picture.label], classes: [picture.label] };
    const { top } = await app.net.predict(input, { top: 1, signal });
    return categoryOf(top[0].index);
  }

  /**
   * The class, with those that belong to the same of the sixteen categories.
   * @param {number} index
   * @returns {Category}
   */
  function categoryOf(index) {
    const group = sixteen.find(({ classes }) => classes.includes(index));
    return group ?? { name: app.label(index), classes: [index] };
  }

  /** @param {Picture} picture */
  const maskKey = (picture) => `${store.get().model} ${picture.id}`;

  return {
    isDark,
    choices,
    other,
    inputOf,
    subjectOf,
    /** Brightness of what is drawn and of its ground, as the network's pictures have it. */
    tones: () => (isDark() ? { ink: 1, paper: 0 } : { ink: 0, paper: 1 }),
    /**
     * Both pictures with what they stand for.
     * @param {AbortSignal} signal
     * @returns {Promise<{ shape: Side, texture: Side }>}
     */
    async sides(signal) {
      const side = async (/** @type {Picture} */ picture) => {
        const input = await inputOf(picture, signal);
        return { picture, input, subject: await subjectOf(picture, input, signal) };
      };
      return { shape: await side(app.picture), texture: await side(other()) };
    },
    /**
     * Where the object is.
     * @param {Picture} picture
     * @param {Tensor} input
     * @param {AbortSignal} signal
     * @returns {Promise<Tensor>}
     */
    async mask(picture, input, signal) {
      const known = masks.get(maskKey(picture));
      if (known) return known;
      const drawn = picture.outline ? await outlined(app, picture, signal) : null;
      const mask = drawn ?? (await app.net.foreground(input, { signal }));
      if (!MOVING.includes(picture.id)) masks.set(maskKey(picture), mask);
      return mask;
    },
    /**
     * The texture of a picture laid over all of it, as options of a stimulus of kind "fill", for which one block is as it is.
     * @param {Tensor} input
     * @param {AbortSignal} signal
     */
    async texture(input, signal) {
      const seed = Number(store.get()["shape.seed"]);
      let known = laid.get(input);
      if (known?.seed !== seed) {
        known = { seed, texture: await app.net.stimulus(input, { kind: "texture", seed, signal }) };
        laid.set(input, known);
      }
      const side = Math.min(...app.net.input.shape.slice(2));
      return { texture: known.texture, y: 0, x: 0, size: side, block: side };
    },
    /** @param {Picture} picture @param {Tensor | null} mask `null` to find it again */
    setMask(picture, mask) {
      if (mask) masks.set(maskKey(picture), mask);
      else masks.delete(maskKey(picture));
    },
    /**
     * The network's answers to pictures.
     * @param {Tensor} images `[N, C, H, W]`
     * @param {{ shape: Side, texture: Side }} sides
     * @param {AbortSignal} signal
     * @returns {Promise<Answer[]>}
     */
    async answers(images, { shape, texture }, signal) {
      const { probabilities } = await app.net.predict(images, { top: 1, signal });
      const classes = probabilities.shape[1];
      return Array.from({ length: images.shape[0] }, (_, index) =>
        answerOf(
          probabilities.data.subarray(index * classes, (index + 1) * classes),
          shape.subject,
          texture.subject,
          app.net.labels,
        ),
      );
    },
  };
}

/** @typedef {ReturnType<typeof createMaterial>} Material */

/**
 * The mask of a picture that ships with its outline: polygons in its own pixels, brought to the network's by its own rule.
 * @param {Session} app
 * @param {Picture} picture
 * @param {AbortSignal} signal
 * @returns {Promise<Tensor>}
 */
async function outlined(app, picture, signal) {
  const source = await imageOf(picture, signal);
  const { width, height } = await createImageBitmap(/** @type {Blob} */ (source));
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  if (!context) throw new Error("This browser gave no canvas to draw the outline on.");
  context.fillRect(0, 0, width, height);
  context.fillStyle = "white";
  for (const polygon of picture.outline ?? []) {
    context.beginPath();
    for (const [x, y] of polygon) context.lineTo(x, y);
    context.fill();
  }
  const seen = await app.net.toPixels(await app.net.preprocess(canvas));
  const data = Float32Array.from({ length: seen.width * seen.height }, (_, at) =>
    seen.data[4 * at] > 127 ? 1 : 0,
  );
  return { data, shape: [1, 1, seen.height, seen.width] };
}

/**
 * Pictures one after the other in a tensor.
 * @param {Tensor[]} tensors each `[1, C, H, W]`
 * @returns {Tensor}
 */
export function together(tensors) {
  const [{ data: first, shape }] = tensors;
  const data = new Float32Array(tensors.length * first.length);
  for (const [index, tensor] of tensors.entries()) data.set(tensor.data, index * first.length);
  return { data, shape: [tensors.length, ...shape.slice(1)] };
}

/**
 * Squares a side that divide a picture, about 2, 4, 8 and 16 (and 1 first if `whole`).
 * @param {number} side
 * @param {boolean} [whole]
 */
export function gridsOf(side, whole = false) {
  const divisors = Array.from({ length: side - 1 }, (_, at) => at + 2).filter(
    (each) => side % each === 0,
  );
  const near = (/** @type {number} */ wanted) =>
    divisors.reduce(
      (best, each) =>
        Math.abs(Math.log(each / wanted)) < Math.abs(Math.log(best / wanted)) ? each : best,
      divisors[0] ?? wanted,
    );
  const grids = (whole ? [2, 4, 8, 16, 32, 56] : [2, 4, 8, 16])
    .map(near)
    .filter((each) => each <= side / 2);
  return [...(whole ? [1] : []), ...new Set(grids)];
}
