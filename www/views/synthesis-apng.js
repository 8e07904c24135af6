/**
 * Animated PNG: the frames are written by the browser's own PNG encoder, and their data is put behind each other in one file
 * (PNG, third edition, with acTL, fcTL and fdAT).
 * @module
 */

import { extentOf, png } from "./synthesis-save.js";

/** Milliseconds that a frame stays, and the last one. */
const FRAME_MS = 60;
const LAST_MS = 1500;

/** Frames of a file at most; those between are left out. */
const FRAMES = 48;

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

/** The remainders of CRC-32 for each byte. */
const REMAINDERS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
});

/** @param {Uint8Array} bytes */
function crc(bytes) {
  let rest = 0xffffffff;
  for (const byte of bytes) rest = REMAINDERS[(rest ^ byte) & 255] ^ (rest >>> 8);
  return (rest ^ 0xffffffff) >>> 0;
}

/**
 * A chunk with its length and its check.
 * @param {string} type
 * @param {Uint8Array} data
 */
function chunk(type, data) {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  for (let at = 0; at < 4; at += 1) bytes[4 + at] = type.charCodeAt(at);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

/**
 * The header of a PNG, and its compressed data.
 * @param {Uint8Array} file
 */
export function parts(file) {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let header = new Uint8Array();
  /** @type {Uint8Array[]} */
  const data = [];
  for (let at = SIGNATURE.length; at + 12 <= file.length; ) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...file.subarray(at + 4, at + 8));
    const body = file.subarray(at + 8, at + 8 + length);
    if (type === "IHDR") header = body.slice();
    if (type === "IDAT") data.push(body);
    at += 12 + length;
  }
  return { header, data: joined(data) };
}

/** @param {Uint8Array[]} pieces */
function joined(pieces) {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** @param {number[]} values */
function words(...values) {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) view.setUint32(index * 4, value);
  return bytes;
}

/**
 * One file of frames of one size, each a whole PNG.
 * @param {Uint8Array[]} files
 * @returns {Uint8Array}
 */
export function muxed(files) {
  const frames = files.map(parts);
  const { header } = frames[0];
  const alike = frames.every((each) => each.header.every((byte, at) => byte === header[at]));
  if (!alike) throw new Error("This browser wrote frames of different kinds; save a film instead.");
  const [width, height] = [header.subarray(0, 4), header.subarray(4, 8)];
  const pieces = [Uint8Array.from(SIGNATURE), chunk("IHDR", header)];
  // For ever, one picture after the other.
  pieces.push(chunk("acTL", words(frames.length, 0)));
  let sequence = 0;
  for (const [index, { data }] of frames.entries()) {
    const delay = index === frames.length - 1 ? LAST_MS : FRAME_MS;
    // The place (0, 0), the delay in thousandths of a second, no disposal, no blending.
    const timing = words((delay << 16) | 1000).subarray(0, 4);
    const place = joined([words(sequence), width, height, words(0, 0), timing, new Uint8Array(2)]);
    pieces.push(chunk("fcTL", place));
    sequence += 1;
    if (index === 0) pieces.push(chunk("IDAT", data));
    else {
      pieces.push(chunk("fdAT", joined([words(sequence), data])));
      sequence += 1;
    }
  }
  return joined([...pieces, chunk("IEND", new Uint8Array())]);
}

/**
 * The frames as one animated PNG.
 * @param {ImageData[]} frames
 * @param {AbortSignal} signal
 * @returns {Promise<Blob>}
 */
export async function animated(frames, signal) {
  const apart = Math.ceil(frames.length / FRAMES);
  const kept = frames.filter((_, index) => (frames.length - 1 - index) % apart === 0);
  const extent = extentOf(frames);
  /** @type {Uint8Array[]} */
  const files = [];
  for (const frame of kept) {
    signal.throwIfAborted();
    const blob = await png(frame, extent);
    files.push(new Uint8Array(await blob.arrayBuffer()));
  }
  return new Blob([/** @type {BlobPart} */ (muxed(files))], { type: "image/png" });
}
