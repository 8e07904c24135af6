/**
 * The files that belong to the page: beside it on its host or, where the page is one file that was opened from a disk,
 * within it. A page from a disk may fetch nothing beside it, and its workers cannot fetch the page's own blobs, so such
 * files go to them in a message.
 * @module
 */

/** Addresses of such files start here; in the page that is one file they lead nowhere and are only names. */
const BASE = new URL("../", import.meta.url);

/** The files within the page, by address; empty where they are beside it. @type {Map<string, Blob>} */
let carried = new Map();

/** Addresses at which the page's own elements find what it carries. @type {Map<string, string>} */
const links = new Map();

/**
 * The address of a file of the page.
 * @param {string} path from the page's folder
 */
export function addressOf(path) {
  return new URL(path, BASE);
}

/**
 * What `fetch` gives, for an address of the page's own or any other.
 * @param {URL | string} address
 * @param {RequestInit} [options]
 * @returns {Promise<Response>}
 */
export async function fetchFile(address, options) {
  const file = carried.get(String(address));
  if (!file) return fetch(address, options);
  const headers = { "content-type": file.type, "content-length": String(file.size) };
  return new Response(file, { headers });
}

/**
 * An address for elements of the page, such as a picture's.
 * @param {string} address
 */
export function linkTo(address) {
  const file = carried.get(address);
  if (file && !links.has(address)) links.set(address, URL.createObjectURL(file));
  return links.get(address) ?? address;
}

/**
 * Takes over the files that another part of the page carries.
 * @param {Map<string, Blob>} files
 */
export function carry(files) {
  carried = files;
}

/** Takes out the files that the page's text carries in elements `<script data-file>`, encoded as base64. */
export async function unpackCarried() {
  /** @type {NodeListOf<HTMLScriptElement>} */
  const elements = document.querySelectorAll("script[data-file]");
  const entries = [...elements].map(async (element) => {
    const { file = "", type = "", zip } = element.dataset;
    const packed = await (await fetch(`data:${type};base64,${element.textContent}`)).blob();
    element.remove();
    const blob = zip === undefined ? packed : await gunzipped(packed);
    return /** @type {const} */ ([addressOf(file).href, blob]);
  });
  carry(new Map(await Promise.all(entries)));
}

/**
 * What a gzip file holds, under the type that the file goes by.
 * @param {Blob} packed
 * @returns {Promise<Blob>}
 */
export function gunzipped(packed) {
  const plain = packed.stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(plain, { headers: { "content-type": packed.type } }).blob();
}

/**
 * Starts the engine's worker.
 * @returns {Worker}
 */
export function createWorker() {
  const script = carried.get(addressOf("worker.js").href);
  if (!script) return new Worker(addressOf("worker.js"), { type: "module" });
  // The script is a classic one: modules from blobs do not start in a page from a disk.
  const link = URL.createObjectURL(script);
  const worker = new Worker(link);
  URL.revokeObjectURL(link);
  worker.postMessage({ carried });
  return worker;
}
