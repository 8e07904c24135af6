/**
 * What was made as files: the picture, and the way to it as a film.
 * @module
 */

/** @typedef {import("./synthesis-lane.js").Frame} Frame */

/** Milliseconds that a frame of the film stays. */
const FRAME_MS = 60;

/** Small pictures are magnified in a film, since players smooth them. */
const LEAST_SIDE = 224;

/** What browsers can record, the best first. */
const KINDS = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm", "video/mp4"];

/**
 * @param {ImageData} pixels
 * @param {number} times
 */
function canvasOf(pixels, times) {
  const canvas = document.createElement("canvas");
  canvas.width = pixels.width * times;
  canvas.height = pixels.height * times;
  paint(canvas, pixels);
  return canvas;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {ImageData} pixels
 */
function paint(canvas, pixels) {
  const own = new OffscreenCanvas(pixels.width, pixels.height);
  own.getContext("2d")?.putImageData(pixels, 0, 0);
  const context = canvas.getContext("2d");
  if (!context) return;
  context.imageSmoothingEnabled = false;
  context.drawImage(own, 0, 0, canvas.width, canvas.height);
}

/**
 * How many times a picture is magnified where players would smooth it.
 * @param {{ width: number, height: number }} picture
 */
export const magnified = ({ width, height }) =>
  Math.max(1, Math.ceil(LEAST_SIDE / Math.max(width, height)));

/**
 * @param {ImageData} pixels
 * @param {number} [times] that it is magnified
 * @returns {Promise<Blob>}
 */
export function png(pixels, times = 1) {
  return new Promise((resolve, reject) => {
    canvasOf(pixels, times).toBlob(
      (blob) => (blob ? resolve(blob) : reject(new Error("This browser could not make a PNG."))),
      "image/png",
    );
  });
}

/** Whether this browser can record a film. */
export function canFilm() {
  return typeof MediaRecorder === "function" && kindOfFilm() !== undefined;
}

function kindOfFilm() {
  return KINDS.find((kind) => MediaRecorder.isTypeSupported(kind));
}

/**
 * The frames as a film, recorded as they play.
 * @param {ImageData[]} frames
 * @param {AbortSignal} signal
 * @returns {Promise<{ blob: Blob, extension: string }>}
 */
export async function film(frames, signal) {
  const type = kindOfFilm();
  if (!type) throw new Error("This browser cannot record films; save the PNG instead.");
  const canvas = canvasOf(frames[0], magnified(frames[0]));
  const recorder = new MediaRecorder(canvas.captureStream(), {
    mimeType: type,
    videoBitsPerSecond: 6_000_000,
  });
  /** @type {Blob[]} */
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const ended = new Promise((resolve) => {
    recorder.onstop = resolve;
  });
  recorder.start();
  try {
    for (const frame of [
      ...frames,
      ...Array.from({ length: 12 }, () => frames[frames.length - 1]),
    ]) {
      signal.throwIfAborted();
      paint(canvas, frame);
      await new Promise((resolve) => setTimeout(resolve, FRAME_MS));
    }
  } finally {
    recorder.stop();
  }
  await ended;
  const kind = type.split(";")[0];
  return { blob: new Blob(parts, { type: kind }), extension: kind.split("/")[1] };
}
