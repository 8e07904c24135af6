/**
 * The attribution methods that the page shows: what each computes, who wrote it down, where it misleads, and which options
 * it has. A method is listed here as soon as the engine has it.
 * @module
 */

import { METHODS } from "./saliency-table.js";

export { METHODS };

/**
 * A choice is one of several words, a range a number; `start` is the engine's own default, which
 * for `"auto"` follows from the picture's size.
 * @typedef {{ name: string, label: string, kind: "choice", start: string, values: [string, string][] }} Choice
 * @typedef {{ name: string, label: string, kind: "range", start: number | "auto", min: number, max: number, step: number, unit?: string }} Range
 * @typedef {{ name: string, label: string, kind: "switch", start: boolean }} Switch
 * @typedef {Choice | Range | Switch} Option
 * @typedef {number | "channels" | "windows"} Passes a number, or one for each channel of the layer or window over the picture
 * @typedef {"magnitude" | "signed" | "evidence" | "score"} Sign `magnitude` is never negative, `evidence` is cut off at 0,
 *   `score` has no zero of its own
 * @typedef {{
 *   id: string,
 *   group: string,
 *   title: string,
 *   what: string,
 *   paper: string,
 *   weakness: string,
 *   sign: Sign,
 *   layered: boolean,
 *   passes: Passes,
 *   options: Option[],
 *   lacks: string,
 * }} Method `layered` methods look at a layer; `passes` is how often the network runs; `lacks` is the property that no
 *   identity can prove
 */

export const GROUPS = ["Gradient", "Paths and noise", "Rules", "Class activation", "Perturbation"];

/** Windows that cover a picture by default: a seventh of its side, at half of that as stride. */
const WINDOWS = 13 * 13;

/** @type {Map<string, Method>} */
const BY_ID = new Map(METHODS.map((method) => [method.id, method]));

/**
 * The method of that name, else the first.
 * @param {unknown} id
 */
export function methodOf(id) {
  return BY_ID.get(String(id)) ?? METHODS[0];
}

/**
 * How often a method runs the network, forward and backward.
 * @param {Method} method
 * @param {import("../convscope.js").Net} net
 */
export function passesOf({ passes }, { layers, input }) {
  if (passes === "windows") return WINDOWS;
  if (passes !== "channels") return passes;
  const last = layers.findLast(({ shape: [, height, width] }) => height * width > 1);
  return last?.shape[0] ?? input.shape[1];
}

/**
 * The options that a text such as `steps:100,baseline:blur` sets: those that the method has, in their range.
 * @param {Method} method
 * @param {string} text
 * @returns {Record<string, string | number | boolean>}
 */
export function readOptions(method, text) {
  /** @type {Record<string, string | number | boolean>} */
  const found = {};
  for (const pair of text.split(",")) {
    const [name, value = ""] = pair.split(":");
    const option = method.options.find((each) => each.name === name);
    if (!option) continue;
    if (option.kind === "choice") {
      if (option.values.some(([word]) => word === value)) found[name] = value;
    } else if (option.kind === "switch") found[name] = value === "1";
    else {
      const read = Number(value);
      if (value !== "" && read >= option.min && read <= option.max) found[name] = read;
    }
  }
  return found;
}

/**
 * The text for options, without those at their default; the reverse of {@link readOptions}.
 * @param {Method} method
 * @param {Record<string, string | number | boolean>} options
 */
export function writeOptions(method, options) {
  return method.options
    .filter(({ name, start }) => options[name] !== undefined && options[name] !== start)
    .map(({ name }) => {
      const value = options[name];
      return `${name}:${typeof value === "boolean" ? Number(value) : value}`;
    })
    .join(",");
}
