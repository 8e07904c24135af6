/**
 * Where networks come from: what ships, addresses, files, bytes, and networks as data.
 * @module
 */

import { identify } from "../wasm/engine.js";
import { failure } from "./faults.js";
import { fetchFile } from "./files.js";

/**
 * A shipped network as models.json lists it; its files are relative to that.
 * @typedef {import("../convscope.js").Model & { graph: string, weights: string, labels?: string }} ShippedModel
 * @typedef {import("../convscope.js").Progress} Progress
 * @typedef {Uint8Array | Record<string, unknown>} Weights
 * @typedef {{ graph: string, weights: Weights, labels?: unknown, preprocess?: unknown }} Ingredients
 * @typedef {{ models: ShippedModel[], base: URL, signal: AbortSignal, onProgress: (progress: Progress) => void }} Context
 */

/** What can be handed over at present, for the sentences of errors. */
const ACCEPTED =
  "give a shipped id, { graph, weights }, or the address of a JSON file with a graph and weights";

/**
 * What a network is made of.
 * @param {unknown} source
 * @param {Context} context
 * @returns {Promise<Ingredients>}
 */
export async function readSource(source, context) {
  if (typeof source === "string") return readName(source, context);
  if (source instanceof URL) return readAddress(source, context);
  const bytes = await bytesOf(source);
  if (bytes) return readBytes(bytes, context);
  if (typeof source === "object" && source !== null && "graph" in source)
    return readParts(/** @type {Record<string, unknown>} */ (source), null, context);
  throw failure("bad_argument", `load cannot take this as a network: ${ACCEPTED}`);
}

/**
 * @param {string} name
 * @param {Context} context
 */
async function readName(name, context) {
  const model = context.models.find(({ id }) => id === name);
  if (model) return readShipped(model, context);
  if (!/[./:]/.test(name)) {
    const ids = context.models.map(({ id }) => `"${id}"`).join(", ") || "none";
    throw failure("bad_argument", `no network "${name}" ships with this; there are: ${ids}`);
  }
  const address = URL.parse(name);
  if (!address) throw failure("bad_argument", `"${name}" is no address of a network`);
  return readAddress(address, context);
}

/**
 * @param {ShippedModel} model
 * @param {Context} context
 */
function readShipped(model, context) {
  let loaded = 0;
  context.onProgress({ loaded, total: model.bytes });
  /** @param {number} bytes */
  const count = (bytes) => {
    loaded += bytes;
    context.onProgress({ loaded, total: Math.max(model.bytes, loaded) });
  };
  const { graph, weights, labels, input } = model;
  const rule = /** @type {{ preprocess?: unknown }} */ (input).preprocess;
  return readParts({ graph, weights, labels, preprocess: rule }, context.base, context, count);
}

/**
 * A JSON file with a graph, its weights beside it.
 * @param {URL} address
 * @param {Context} context
 */
async function readAddress(address, context) {
  let loaded = 0;
  /** @type {(bytes: number, total?: number) => void} */
  const count = (bytes, total) => {
    loaded += bytes;
    context.onProgress({ loaded, total });
  };
  const bytes = await download(address, context, count);
  if (identify(bytes) !== "json") return readBytes(bytes, context);
  const parts = parse(bytes, address.href);
  if (!("nodes" in parts)) return readParts(parts, address, context, count);
  const weights = address.pathname.replace(/\.json$/, ".safetensors");
  return readParts(
    { graph: parts, weights: new URL(weights, address).href },
    address,
    context,
    count,
  );
}

/**
 * @param {Uint8Array} bytes
 * @param {Context} context
 * @returns {Promise<Ingredients>}
 */
async function readBytes(bytes, context) {
  // Tells what the file is where it is nothing that can be taken.
  if (identify(bytes) === "json") {
    const parts = parse(bytes, "the file");
    if ("graph" in parts) return readParts(parts, null, context);
    throw failure("bad_model", `the file holds a graph without weights: ${ACCEPTED}`);
  }
  throw failure("bad_model", `these are weights without a graph: ${ACCEPTED}`);
}

/**
 * @param {Record<string, unknown>} parts
 * @param {URL | null} base where the parts' addresses start, `null` if they may not have any
 * @param {Context} context
 * @param {(bytes: number, total?: number) => void} [count]
 * @returns {Promise<Ingredients>}
 */
async function readParts(parts, base, context, count = () => undefined) {
  /** @param {unknown} part */
  const part = async (part) => {
    if (base === null || typeof part !== "string") return part;
    return download(new URL(part, base), context, count);
  };
  const [graph, weights, labels] = await Promise.all([
    part(parts.graph),
    part(parts.weights),
    part(parts.labels),
  ]);
  return {
    graph: graphText(graph),
    weights: (await bytesOf(weights)) ?? /** @type {Record<string, unknown>} */ (weights),
    labels: labels instanceof Uint8Array ? labelList(labels) : labels,
    preprocess: parts.preprocess,
  };
}

/**
 * The graph as JSON.
 * @param {unknown} graph
 */
function graphText(graph) {
  if (typeof graph === "string") return graph;
  if (graph instanceof Uint8Array) return new TextDecoder().decode(graph);
  try {
    return JSON.stringify(graph) ?? "null";
  } catch (error) {
    throw failure("bad_model", `the graph has no form in JSON: ${error}`);
  }
}

/** @param {Uint8Array} bytes */
function labelList(bytes) {
  const list = JSON.parse(new TextDecoder().decode(bytes));
  return Array.isArray(list) ? list : list.classes;
}

/**
 * @param {Uint8Array} bytes
 * @param {string} place
 * @returns {Record<string, unknown>}
 */
function parse(bytes, place) {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    const why = error instanceof Error ? error.message : error;
    throw failure("bad_model", `${place} is damaged or cut off: ${why}`);
  }
}

/**
 * The bytes of a file, buffer or view; `null` for anything else.
 * @param {unknown} source
 * @returns {Promise<Uint8Array | null>}
 */
async function bytesOf(source) {
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (ArrayBuffer.isView(source))
    return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  if (!(source instanceof Blob)) return null;
  try {
    return new Uint8Array(await source.arrayBuffer());
  } catch {
    throw failure("bad_model", "the file can no longer be read; choose it again");
  }
}

/**
 * The bytes at an address, counted as they arrive.
 * @param {URL} address
 * @param {{ signal: AbortSignal }} context
 * @param {(bytes: number, total?: number) => void} count
 * @returns {Promise<Uint8Array>}
 */
export async function download(address, { signal }, count) {
  try {
    const response = await fetchFile(address, { signal });
    if (!response.ok)
      throw failure("bad_model", `${address} cannot be had: the server says ${response.status}`);
    return await readAll(response, count);
  } catch (error) {
    if (signal.aborted || (error instanceof Error && "code" in error)) throw error;
    throw failure("bad_model", `${address} cannot be had: ${error}; is there a network?`);
  }
}

/**
 * @param {Response} response
 * @param {(bytes: number, total?: number) => void} count
 */
async function readAll(response, count) {
  const isZipped = response.headers.has("content-encoding");
  const total = isZipped ? undefined : Number(response.headers.get("content-length")) || undefined;
  /** @type {Uint8Array[]} */
  const chunks = [];
  const reader = response.body?.getReader();
  for (let step = await reader?.read(); step && !step.done; step = await reader?.read()) {
    chunks.push(step.value);
    count(step.value.byteLength, total);
  }
  return new Uint8Array(await new Blob(/** @type {BlobPart[]} */ (chunks)).arrayBuffer());
}
