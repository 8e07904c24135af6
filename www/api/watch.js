/**
 * Calls that can be long or random: their signal, progress, steps and seed.
 * @module
 */

import { aborted, failure, optionsOf } from "./faults.js";

/** @typedef {import("./link.js").Watch} Watch */

/** Calls that go by steps, and tell of them. */
const STEPPED = [
  "topActivations",
  "embed",
  "train",
  "synthesize",
  "attack",
  "robustness",
  "stylize",
  "perturbationCurve",
  "pixelMap",
];

/**
 * Options of a call that can be long or random: what concerns the call itself, and what concerns its method.
 * @param {string} call
 * @param {unknown} options
 * @returns {{ watch: Watch, rest: Record<string, any> }}
 */
export function watched(call, options) {
  const { signal, onProgress, onStep, seed, ...rest } = optionsOf(call, options);
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw failure("bad_argument", `${call}: signal must be an AbortSignal`);
  if (onProgress !== undefined && typeof onProgress !== "function")
    throw failure("bad_argument", `${call}: onProgress must be a function`);
  if (onStep !== undefined && !STEPPED.includes(call))
    throw failure("bad_argument", `${call} has no option 'onStep'; it does not go by steps`);
  if (onStep !== undefined && typeof onStep !== "function")
    throw failure("bad_argument", `${call}: onStep must be a function`);
  if (seed !== undefined && !Number.isSafeInteger(seed))
    throw failure("bad_argument", `${call}: seed must be a whole number, not ${seed}`);
  if (signal?.aborted) throw aborted();
  return { watch: { signal, onProgress, onStep, seed }, rest };
}
