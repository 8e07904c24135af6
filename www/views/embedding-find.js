/**
 * Points found by words: a class, what the network takes them for, a file's name, a number, or those that are mistaken.
 * @module
 */

import { h, on } from "../widgets/dom.js";

/** @typedef {import("./embedding-laid.js").Laid} Laid */

/**
 * Which points of the set match all words; `null` without any.
 * @param {Pick<Laid, "set" | "predicted" | "wrong">} laid
 * @param {string} text
 * @param {readonly string[]} names of the network's classes
 */
export function matching({ set, predicted, wrong }, text, names) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!set || words.length === 0) return null;
  const count = set.labels?.length ?? set.names?.length ?? set.images.shape[0];
  return Uint8Array.from({ length: count }, (_, index) => {
    const label = set.labels ? set.classes[set.labels[index]] : "";
    const said = predicted ? names[predicted.classes[index]] : "";
    const known = `${label} ${said} ${set.names?.[index] ?? ""}`.toLowerCase();
    const holds = (/** @type {string} */ word) =>
      word === "wrong" ? Boolean(wrong?.[index]) : word === String(index) || known.includes(word);
    return Number(words.every(holds));
  });
}

/**
 * @param {{ onFind: (text: string) => void, signal: AbortSignal }} options
 */
export function createFind({ onFind, signal }) {
  const input = h("input", {
    type: "search",
    placeholder: "Find: coat, wrong, 17 …",
    "aria-label": "Find points by class, prediction, name or number",
  });
  const count = h("span", { class: "muted small number", role: "status" });
  on(input, "input", () => onFind(input.value), signal);
  return {
    element: h("div", { class: "find" }, input, count),
    /**
     * @param {string} text
     * @param {number | null} found how many points, `null` without words
     */
    show(text, found) {
      if (input.value !== text) input.value = text;
      count.textContent = found === null ? "" : `${found} found`;
    },
  };
}
