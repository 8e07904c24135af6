/**
 * From an attribution to what is painted: one value a pixel, the range of the colours, and the sentence that stands there
 * instead where nothing can be seen.
 * @module
 */

import { number } from "../widgets/format.js";
import { clipAt, extent, reduce } from "./reduce.js";

/**
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("../convscope.js").Paint} Paint
 * @typedef {import("./reduce.js").Reduction} Reduction
 * @typedef {import("./saliency-ask.js").Asked} Asked
 *
 * @typedef {{
 *   plane: Tensor,
 *   low: number,
 *   high: number,
 *   colours: "sequential" | "diverging",
 *   blank: string | null,
 *   aside: string,
 * }} Sight `plane` is `[1, 1, H, W]`; `blank` says why there is nothing to see, `aside` what is odd about what is seen
 */

/** Methods that share out a difference between the picture and something else. */
const DIFFERENCES = ["input_x_gradient", "integrated_gradients", "deep_lift"];

/**
 * @param {Tensor} map `[1, C, H, W]`
 * @param {Asked} asked
 * @param {Reduction} reduction
 * @param {number} clip the percentile that gets the strongest colour
 * @returns {Sight}
 */
export function sightOf(map, asked, reduction, clip) {
  const plane = map.shape[1] === 1 && reduction === "signed" ? map : reduce(map, reduction);
  const [least, greatest] = extent(plane.data);
  const most = clipAt(plane.data, clip) || Math.max(-least, greatest);
  const signed = asked.method.sign === "signed" && reduction === "signed";
  const range = signed
    ? [-most, most]
    : asked.method.sign === "score"
      ? [least, greatest]
      : [0, most];
  return {
    plane,
    low: range[0],
    high: range[1],
    colours: signed ? "diverging" : "sequential",
    blank: blank(plane.data, least, greatest, asked),
    aside: signed ? oneSided(least, greatest, asked) : "",
  };
}

/**
 * @param {Sight} sight
 * @returns {Paint}
 */
export function paintOf({ colours, low, high }) {
  return { map: colours, scale: [low, high] };
}

/**
 * The same sights on one scale. Signed and unsigned ones share their largest value, each with its own colours.
 * @param {readonly Sight[]} sights
 * @returns {Sight[]}
 */
export function shareScale(sights) {
  const most = Math.max(...sights.map(({ low, high }) => Math.max(-low, high))) || 1;
  return sights.map((sight) => ({
    ...sight,
    low: sight.colours === "diverging" ? -most : Math.min(0, sight.low),
    high: most,
  }));
}

/**
 * A painted map as a veil over the picture: the weaker a value, the more of the picture is seen.
 * @param {ImageBitmap} bitmap
 * @param {Sight} sight
 */
export function veil(bitmap, { plane, colours, low, high }) {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d");
  if (!context) return bitmap;
  context.drawImage(bitmap, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  const zero = colours === "diverging" ? 0 : low;
  for (const [index, value] of plane.data.entries()) {
    const strength = Math.min(1, Math.abs(value - zero) / (high - zero || 1));
    pixels.data[4 * index + 3] = 255 * Math.sqrt(strength);
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

/**
 * Why there is nothing to see; `null` where there is something.
 * @param {Float32Array} values
 * @param {number} least
 * @param {number} greatest
 * @param {Asked} asked
 */
function blank(values, least, greatest, { method, name, score, layer, of, kind }) {
  const broken = values.reduce((count, value) => count + (Number.isFinite(value) ? 0 : 1), 0);
  if (broken > 0)
    return `${broken} of ${values.length} values are not finite numbers, so that nothing is painted: the network's numbers overflow on this picture.`;
  if (least !== greatest) return null;
  if (least !== 0)
    return `The map is ${number(least)} at every pixel: it cannot prefer one to another.`;
  if (method.sign === "evidence")
    return `No positive evidence for ${name} at ${layer}: the map is at or below zero everywhere, and only what is positive is kept. Under “Options” it can be kept, too.`;
  if (method.id === "occlusion")
    return `Covering any part of the picture leaves the ${score} exactly as it was.`;
  if (method.id === "var_grad")
    return "The gradient is the same on every noisy copy: the noise is a share of the picture's own range, and a picture of one colour has none.";
  if (DIFFERENCES.includes(method.id))
    return "Zero at every pixel: either the picture is everywhere what it is compared with, or no path from a pixel to this score is open.";
  if (kind !== "unit" && of === "probability")
    return `The gradient is zero at every pixel: the probability is so sure that no small change moves it. The logit still has a gradient.`;
  return "The gradient is zero at every pixel: no path from a pixel to this score is open, for example because every rectifier on the way is closed.";
}

/**
 * @param {number} least
 * @param {number} greatest
 * @param {Asked} asked
 */
function oneSided(least, greatest, { name }) {
  if (least === greatest) return "";
  if (greatest <= 0) return `No pixel speaks for ${name}: every value is negative.`;
  return least >= 0 ? `No pixel speaks against ${name}: every value is positive.` : "";
}
