/**
 * Pictures of every kind to RGBA pixels, without colour conversion or premultiplication and the right way up.
 * @module
 */

import { pictureSize } from "../wasm/engine.js";
import { failure } from "./faults.js";

/**
 * What crosses from the caller to the engine's side.
 * @typedef {{ blob: Blob } | { bitmap: ImageBitmap } | { pixels: ImageData }} Picture
 * @typedef {{ data: Uint8Array, width: number, height: number }} Pixels
 */

/** @type {ImageBitmapOptions} */
const AS_STORED = {
  colorSpaceConversion: "none",
  premultiplyAlpha: "none",
  imageOrientation: "from-image",
};

/** A JPEG's size stands behind its metadata, which rarely takes more. */
const HEADER_BYTES = 1 << 20;

/** Pixels that are read at most; files are refused by their header before they are decoded. */
const MOST_PIXELS = 64_000_000;

/**
 * @param {Picture} picture
 * @returns {Promise<Pixels>}
 */
export async function readPixels(picture) {
  if ("pixels" in picture) return ofImageData(picture.pixels);
  if ("bitmap" in picture) return ofBitmap(picture.bitmap);
  return ofFile(picture.blob);
}

/** @param {Blob} blob */
async function ofFile(blob) {
  const header = new Uint8Array(await bytesOf(blob.slice(0, HEADER_BYTES)));
  pictureSize(header);
  const bitmap = await createImageBitmap(blob, AS_STORED).catch(() => {
    throw failure(
      "bad_image",
      "the picture is damaged, cut off, or of a kind that this browser cannot decode; choose another file",
    );
  });
  try {
    const pixels = ofBitmap(bitmap);
    return (isOpaque(pixels) ? null : await decodeStraight(blob, pixels)) ?? pixels;
  } finally {
    bitmap.close();
  }
}

/**
 * @param {Blob} blob
 * @returns {Promise<ArrayBuffer>}
 */
export async function bytesOf(blob) {
  try {
    return await blob.arrayBuffer();
  } catch {
    throw failure("bad_image", "the file can no longer be read; choose it again");
  }
}

/**
 * @param {ImageBitmap} bitmap
 * @returns {Pixels}
 */
function ofBitmap(bitmap) {
  const { width, height } = bitmap;
  checkSize(width, height);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context)
    throw failure("bad_image", "this browser gave no canvas to read the picture; reload the page");
  context.drawImage(bitmap, 0, 0);
  return ofImageData(context.getImageData(0, 0, width, height));
}

/**
 * @param {ImageData} image
 * @returns {Pixels}
 */
function ofImageData({ data, width, height }) {
  checkSize(width, height);
  return { data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength), width, height };
}

/**
 * @param {number} width
 * @param {number} height
 */
function checkSize(width, height) {
  if (width === 0 || height === 0)
    throw failure("bad_image", "the picture has no pixels: it is closed or not loaded yet");
  if (width * height > MOST_PIXELS)
    throw failure(
      "bad_image",
      `the picture has ${width} × ${height} pixels, over the limit of 64 million; make it smaller first`,
    );
}

/** @param {Pixels} pixels */
function isOpaque({ data }) {
  for (let alpha = 3; alpha < data.length; alpha += 4) if (data[alpha] !== 255) return false;
  return true;
}

/**
 * A canvas multiplies colours by alpha and so loses those of transparent pixels; a decoder, where the browser has one,
 * gives them as they are stored.
 * @param {Blob} blob
 * @param {Pixels} pixels for their extents
 * @returns {Promise<Pixels | null>}
 */
async function decodeStraight(blob, { width, height }) {
  if (typeof ImageDecoder === "undefined") return null;
  try {
    const decoder = new ImageDecoder({
      data: await blob.arrayBuffer(),
      type: blob.type || "image/png",
      colorSpaceConversion: "none",
    });
    const { image } = await decoder.decode();
    const order = image.format;
    const fits = image.displayWidth === width && image.displayHeight === height;
    const data = new Uint8Array(width * height * 4);
    if (fits && (order === "RGBA" || order === "BGRA")) await image.copyTo(data);
    image.close();
    decoder.close();
    if (!fits || (order !== "RGBA" && order !== "BGRA")) return null;
    if (order === "BGRA") swapRedAndBlue(data);
    return { data, width, height };
  } catch {
    return null;
  }
}

/** @param {Uint8Array} data */
function swapRedAndBlue(data) {
  for (let at = 0; at < data.length; at += 4) {
    const blue = data[at];
    data[at] = data[at + 2];
    data[at + 2] = blue;
  }
}
