/**
 * Where the choices of ways to compute layers are kept: in the browser's storage, one entry an adapter. Without a storage,
 * or with a full one, they are measured again.
 * @module
 */

/**
 * @typedef {import("../convscope.js").Choices} Choices
 * @typedef {import("../convscope.js").Adapter} Adapter
 */

/** Goes up when shaders become so much faster that what was measured before is no guide. */
const VERSION = 1;

/** @param {Adapter} adapter */
function entryOf({ vendor, architecture, description }) {
  return `convscope choices ${VERSION} ${vendor} ${architecture} ${description}`;
}

/**
 * @param {Adapter} adapter
 * @returns {Choices}
 */
export function storedChoices(adapter) {
  try {
    return JSON.parse(localStorage.getItem(entryOf(adapter)) ?? "{}");
  } catch {
    return {};
  }
}

/**
 * @param {Adapter} adapter
 * @param {Choices} choices
 */
export function storeChoices(adapter, choices) {
  try {
    localStorage.setItem(entryOf(adapter), JSON.stringify(choices));
  } catch {
    // The next page measures again.
  }
}
