/**
 * The caller's side of pictures: what kinds there are, and how each is handed to the engine's side.
 * @module
 */

import { failure } from "./faults.js";

/**
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("./pixels.js").Picture} Picture
 */

/**
 * @param {unknown} image
 * @returns {image is Tensor}
 */
export function isTensor(image) {
  return typeof image === "object" && image !== null && "data" in image && "shape" in image;
}

/**
 * Whether a picture can never change, so that its pixels need to be read only once.
 * @param {unknown} image
 * @returns {image is Blob | ImageBitmap}
 */
export function isFixed(image) {
  return image instanceof Blob || image instanceof ImageBitmap;
}

/**
 * A picture in a form that can be sent; nothing of the caller's is taken away.
 * @param {unknown} image
 * @returns {Promise<{ picture: Picture, transfer: Transferable[] }>}
 */
export async function portable(image) {
  if (image instanceof Blob) return { picture: { blob: image }, transfer: [] };
  if (image instanceof ImageData) return { picture: { pixels: image }, transfer: [] };
  if (image instanceof ImageBitmap) {
    if (image.width === 0) throw failure("bad_image", "the ImageBitmap is closed");
    return { picture: { bitmap: image }, transfer: [] };
  }
  const bitmap = await snapshot(image);
  return { picture: { bitmap }, transfer: [bitmap] };
}

/**
 * What an element shows now.
 * @param {unknown} image
 * @returns {Promise<ImageBitmap>}
 */
async function snapshot(image) {
  const element = drawable(image);
  if (element instanceof HTMLImageElement && !element.complete)
    await element.decode().catch(() => undefined);
  try {
    return await createImageBitmap(element, {
      colorSpaceConversion: "none",
      premultiplyAlpha: "none",
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw failure(
      "bad_image",
      `the picture cannot be read from its element (${why}); is it loaded, and from this site?`,
    );
  }
}

/**
 * @param {unknown} image
 * @returns {HTMLImageElement | HTMLCanvasElement | HTMLVideoElement | OffscreenCanvas}
 */
function drawable(image) {
  if (
    typeof HTMLImageElement !== "undefined" &&
    (image instanceof HTMLImageElement ||
      image instanceof HTMLCanvasElement ||
      image instanceof HTMLVideoElement)
  )
    return image;
  if (typeof OffscreenCanvas !== "undefined" && image instanceof OffscreenCanvas) return image;
  throw failure(
    "bad_image",
    "an image must be ImageData, ImageBitmap, a Blob, an img, canvas or video element, or a Tensor { data, shape }",
  );
}
