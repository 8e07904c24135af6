/**
 * Transfer: pictures that were made to fool one network, shown to others.
 * @module
 */

import { failure } from "./faults.js";

/**
 * @typedef {import("../convscope.js").Net} Net
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("../convscope.js").Examples} Examples
 */

/** The benchmarks' budget, and a PGD that reaches the far side of it (Madry et al. 2018). */
const EPSILON = 8 / 255;
const REACH = 2.5;

/**
 * @param {Net} source the network that is attacked
 * @param {Examples} data
 * @param {Net[]} others
 * @param {Record<string, any>} options those of `attack`, and `attack` itself
 * @returns {Promise<import("../convscope.js").Transfer>}
 */
export async function transfer(source, data, others, { attack, ...options }) {
  const { images, labels } = data ?? {};
  if (!Array.isArray(others) || others.length === 0)
    throw failure("bad_argument", "transfer: give a list of networks that see the pictures");
  if (!images?.shape || labels?.length !== images.shape[0] || labels.length === 0)
    throw failure(
      "bad_argument",
      "transfer: give labelled pictures, { images: { data, shape: [N, C, H, W] }, labels } with a class for each",
    );
  for (const [index, net] of others.entries()) {
    const reason = unlike(source, net);
    if (reason) throw failure("bad_argument", `transfer: network ${index} ${reason}`);
  }
  const { signal } = options;
  const call = { ...options, ...attackOf(attack), label: [...labels] };
  const { image } = await source.attack(images, /** @type {any} */ (call));
  /** @type {import("../convscope.js").Transfer} */
  const found = { clean: [], accuracy: [], success: [] };
  for (const net of others) {
    const [before, after] = [await classes(net, images, signal), await classes(net, image, signal)];
    const right = before.map((each, index) => each === labels[index]);
    const still = after.map((each, index) => each === labels[index]);
    const count = (/** @type {boolean[]} */ list) => list.filter(Boolean).length;
    const lost = count(right.map((each, index) => each && !still[index]));
    found.clean.push(count(right) / labels.length);
    found.accuracy.push(count(still) / labels.length);
    found.success.push(lost / Math.max(1, count(right)));
  }
  return found;
}

/** @param {unknown} given */
function attackOf(given) {
  if (given !== undefined && (typeof given !== "object" || given === null))
    throw failure("bad_argument", 'transfer: attack is an object such as { method: "fgsm" }');
  const { epsilon = EPSILON, ...rest } = /** @type {any} */ (given ?? { method: "pgd", steps: 20 });
  const { method, steps = 40 } = rest;
  const step = method === "pgd" && epsilon > 0 ? { stepSize: (REACH * epsilon) / steps } : {};
  return { epsilon, ...step, ...rest };
}

/**
 * Why two networks cannot be shown the same tensor and be asked for the same classes.
 * @param {Net} one
 * @param {Net} other
 */
function unlike(one, other) {
  const taken = (/** @type {Net} */ { input }) => input.shape.slice(1).join(" × ");
  if (taken(one) !== taken(other)) return `takes ${taken(other)} values, not ${taken(one)}`;
  if (one.labels.length !== other.labels.length)
    return `knows ${other.labels.length} classes, not ${one.labels.length}`;
  if (JSON.stringify(one.input.preprocess) !== JSON.stringify(other.input.preprocess))
    return "takes pictures by another rule (preprocess), so that a tensor for one is none for the other";
  return null;
}

/**
 * The likeliest class of each picture.
 * @param {Net} net
 * @param {Tensor} images
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<number[]>}
 */
async function classes(net, images, signal) {
  const { top } = await net.predict(images, { top: 1, signal });
  const rows = /** @type {any[]} */ (Array.isArray(top[0]) ? top : [top]);
  return rows.map(([best]) => best.index);
}
