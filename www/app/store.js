/**
 * The page's state: one flat record, mirrored in the address after `#`, so that a link reopens the same sight
 * and back and forward walk through what was looked at.
 * @module
 */

/**
 * @typedef {string | number | boolean | null} Value
 * @typedef {{
 *   model: string,
 *   image: string,
 *   view: string,
 *   layer: string,
 *   channel: number,
 *   target: number | null,
 *   [parameter: string]: Value
 * }} State
 * @typedef {{
 *   get: () => State,
 *   set: (patch: Partial<State>, options?: { replace?: boolean }) => void,
 *   subscribe: (listener: (state: State, changed: Set<string>) => void, signal: AbortSignal) => void,
 * }} Store
 */

/** What every view shares. A default of `null` stands for "a number, or none". */
export const SHARED = Object.freeze({
  model: "",
  image: "",
  view: "",
  layer: "",
  channel: 0,
  target: null,
});

/**
 * The text after `#` for a state: every value that differs from its default, in the order of the defaults.
 * @param {State} state
 * @param {State} defaults
 */
export function encode(state, defaults) {
  const query = new URLSearchParams();
  for (const [key, fallback] of Object.entries(defaults)) {
    const value = state[key];
    if (value === fallback || value === undefined || value === null) continue;
    query.set(key, typeof value === "boolean" ? (value ? "1" : "0") : String(value));
  }
  return query.toString();
}

/**
 * The state for a text after `#`. What is missing, unknown or of the wrong type keeps its default.
 * @param {string} text with or without the leading `#`
 * @param {State} defaults
 * @returns {State}
 */
export function decode(text, defaults) {
  const query = new URLSearchParams(text.replace(/^#/, ""));
  /** @type {State} */
  const state = { ...defaults };
  for (const [key, fallback] of Object.entries(defaults)) {
    const value = query.get(key);
    if (value === null) continue;
    if (typeof fallback === "string") state[key] = value;
    else if (typeof fallback === "boolean") state[key] = value === "1";
    else if (value !== "" && Number.isFinite(Number(value))) state[key] = Number(value);
  }
  return state;
}

/** Small moves (a slider, a channel) reach the address at most this often, in milliseconds. */
const QUIET = 200;

/**
 * Opens the store on the window's address.
 * @param {State} defaults of all keys there are
 * @param {AbortSignal} signal ends the listening
 * @returns {Store}
 */
export function createStore(defaults, signal) {
  let state = decode(location.hash, defaults);
  let timer = 0;
  /** @type {Set<(state: State, changed: Set<string>) => void>} */
  const listeners = new Set();

  /** @param {State} next */
  function become(next) {
    const changed = new Set(Object.keys(defaults).filter((key) => next[key] !== state[key]));
    if (changed.size === 0) return;
    state = next;
    for (const listener of [...listeners]) listener(state, changed);
  }

  /** @param {boolean} replace */
  function write(replace) {
    clearTimeout(timer);
    timer = 0;
    const text = encode(state, defaults);
    const address = text ? `#${text}` : location.pathname + location.search;
    if (replace) history.replaceState(null, "", address);
    else if (`#${text}` !== location.hash) history.pushState(null, "", address);
  }

  window.addEventListener("popstate", () => become(decode(location.hash, defaults)), { signal });
  window.addEventListener("pagehide", () => timer && write(true), { signal });

  return {
    get: () => state,
    set(patch, { replace = false } = {}) {
      const before = state;
      if (!replace && timer) write(true);
      become(/** @type {State} */ ({ ...state, ...patch }));
      if (state === before) return;
      if (!replace) write(false);
      else if (!timer) timer = window.setTimeout(() => write(true), QUIET);
    },
    subscribe(listener, until) {
      listeners.add(listener);
      until.addEventListener("abort", () => listeners.delete(listener), { once: true });
    },
  };
}
