/**
 * Errors with a code, and the form in which they cross from the engine's side to the caller's.
 * @module
 */

/**
 * @typedef {import("../convscope.js").ErrorCode} ErrorCode
 * @typedef {import("../convscope.js").ConvscopeError} ConvscopeError
 * @typedef {{ code: ErrorCode, message: string }} Fault
 */

/**
 * An error that says what was wrong, where, and what to do.
 * @param {ErrorCode} code
 * @param {string} message
 * @returns {ConvscopeError}
 */
export function failure(code, message) {
  const error = Object.assign(new Error(message), { code });
  error.name = code === "aborted" ? "AbortError" : "ConvscopeError";
  return error;
}

/** The error of a call that its signal stopped. */
export function aborted() {
  return failure("aborted", "the call was aborted by its signal");
}

/**
 * Whatever was thrown, as code and sentence.
 * @param {unknown} error
 * @returns {Fault}
 */
export function faultOf(error) {
  if (!(error instanceof Error || error instanceof DOMException))
    return { code: "internal", message: `something that is no error was thrown: ${error}` };
  const { code } = /** @type {{ code?: unknown }} */ (error);
  if (typeof code === "string")
    return { code: /** @type {ErrorCode} */ (code), message: error.message };
  if (error.name === "AbortError") return aborted();
  return { code: "internal", message: `convscope failed: ${error.message}` };
}

/**
 * Options as an object of known names; values that are `undefined` count as missing.
 * @param {string} call for the sentence
 * @param {unknown} options
 * @param {readonly string[]} known
 * @returns {Record<string, any>}
 */
export function checkOptions(call, options, known) {
  const given = optionsOf(call, options);
  for (const name of Object.keys(given))
    if (!known.includes(name))
      throw failure(
        "bad_argument",
        `${call} has no option '${name}'; ${known.length ? `it has ${known.join(", ")}` : "it has none"}`,
      );
  return given;
}

/**
 * @param {string} call
 * @param {unknown} options
 * @returns {Record<string, any>}
 */
export function optionsOf(call, options) {
  if (options === undefined || options === null) return {};
  if (typeof options !== "object" || Array.isArray(options))
    throw failure("bad_argument", `${call}: the options must be an object, not ${options}`);
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
