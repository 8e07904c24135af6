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

/** @typedef {{ width: number, height: number }} Extent */

/**
 * @param {ImageData} pixels
 * @param {Extent} extent
 */
function canvasOf(pixels, { width, height }) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
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
  // Pixels of small pictures stay squares; those of coarse ones on the way to a finer one cannot.
  context.imageSmoothingEnabled = canvas.width % pixels.width !== 0;
  context.drawImage(own, 0, 0, canvas.width, canvas.height);
}

/**
 * The extent of all frames of a way: that of the last one, since those before may be coarser, magnified where players would
 * smooth it.
 * @param {Extent[]} frames
 * @returns {Extent}
 */
export function extentOf(frames) {
  const { width, height } = frames[frames.length - 1];
  const times = Math.max(1, Math.ceil(LEAST_SIDE / Math.max(width, height)));
  return { width: width * times, height: height * times };
}

/**
 * @param {ImageData} pixels
 * @param {Extent} [extent] in which it is drawn, its own unless given
 * @returns {Promise<Blob>}
 */
export function png(pixels, extent = pixels) {
  return new Promise((resolve, reject) => {
    canvasOf(pixels, extent).toBlob(
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
  const canvas = canvasOf(frames[0], extentOf(frames));
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
