// Reads the committed fixtures.
import { readFileSync } from "node:fs";

/** @typedef {{ data: Float32Array | Uint8Array, shape: number[] }} FixtureArray */

/** @param {string} name */
const pathOf = (name) => new URL(`../fixtures/${name}`, import.meta.url);

/**
 * A JSON fixture.
 * @param {string} name
 */
export function fixtureJson(name) {
  return JSON.parse(readFileSync(pathOf(name), "utf8"));
}

/**
 * The arrays of a safetensors file by name; half-precision numbers become f32.
 * @param {string} name
 * @returns {Record<string, FixtureArray>}
 */
export function fixtureArrays(name) {
  const file = readFileSync(pathOf(name));
  const headerBytes = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString("utf8", 8, 8 + headerBytes));
  /** @type {Record<string, FixtureArray>} */
  const arrays = {};
  for (const [key, { dtype, shape, data_offsets: offsets }] of Object.entries(header)) {
    if (key === "__metadata__") continue;
    const [start, end] = offsets.map((/** @type {number} */ at) => at + 8 + headerBytes);
    arrays[key] = { data: numbers(dtype, file.subarray(start, end)), shape };
  }
  return arrays;
}

/**
 * @param {string} dtype
 * @param {Buffer} bytes
 */
function numbers(dtype, bytes) {
  if (dtype === "U8") return new Uint8Array(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (dtype === "F32")
    return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
  if (dtype === "F16")
    return Float32Array.from({ length: bytes.length / 2 }, (_, i) =>
      half(view.getUint16(2 * i, true)),
    );
  throw new Error(`a fixture of ${dtype}`);
}

/**
 * A finite half-precision number.
 * @param {number} bits
 */
function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  return exponent === 0
    ? sign * mantissa * 2 ** -24
    : sign * (1024 + mantissa) * 2 ** (exponent - 25);
}
