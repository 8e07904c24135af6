/**
 * The small controls of the page: segmented choice, slider, select, switch, button, fold.
 * Each returns its element; listeners end with `signal`.
 * @module
 */

import { h, on, uniqueId } from "./dom.js";

/**
 * A choice of few, all visible: radio buttons that look like one strip.
 * @template {string} V
 * @param {{ label: string, options: { value: V, label: string, title?: string }[], value: V, onChange: (value: V) => void, signal: AbortSignal }} options
 */
export function segmented({ label, options, value, onChange, signal }) {
  const name = uniqueId("choice");
  const inputs = options.map((option) =>
    h("input", { type: "radio", name, value: option.value, checked: option.value === value }),
  );
  const element = h(
    "fieldset",
    { class: "segmented" },
    h("legend", {}, label),
    h(
      "div",
      {},
      ...options.map((option, index) =>
        h("label", { title: option.title }, inputs[index], h("span", {}, option.label)),
      ),
    ),
  );
  on(
    element,
    "change",
    () => {
      const chosen = inputs.findIndex((input) => input.checked);
      if (chosen >= 0) onChange(options[chosen].value);
    },
    signal,
  );
  return {
    element,
    /** @param {V} next */
    set(next) {
      for (const [index, input] of inputs.entries()) input.checked = options[index].value === next;
    },
  };
}

/**
 * A number on a line, with its value in words.
 * @param {{ label: string, min: number, max: number, step: number, value: number, text?: (value: number) => string, onInput: (value: number) => void, signal: AbortSignal }} options
 */
export function slider({ label, min, max, step, value, text = String, onInput, signal }) {
  const id = uniqueId("slider");
  const output = h("output", { for: id });
  const input = h("input", { id, type: "range", min, max, step });
  const element = h("div", { class: "slider" }, h("label", { for: id }, label), output, input);
  const show = () => {
    const words = text(input.valueAsNumber);
    output.textContent = words;
    input.setAttribute("aria-valuetext", words);
  };
  on(
    input,
    "input",
    () => {
      show();
      onInput(input.valueAsNumber);
    },
    signal,
  );
  input.value = String(value);
  show();
  return {
    element,
    /**
     * @param {number} next
     * @param {{ max?: number }} [range]
     */
    set(next, range = {}) {
      if (range.max !== undefined) input.max = String(range.max);
      input.value = String(next);
      show();
    },
  };
}

/**
 * A choice of several, one visible.
 * @param {{ label: string, options: { value: string, label: string }[], value: string, onChange: (value: string) => void, signal: AbortSignal }} options
 */
export function select({ label, options, value, onChange, signal }) {
  const id = uniqueId("select");
  const input = h("select", { id });
  const fill = (/** @type {{ value: string, label: string }[]} */ list) =>
    input.replaceChildren(
      ...list.map((option) => h("option", { value: option.value }, option.label)),
    );
  fill(options);
  input.value = value;
  on(input, "change", () => onChange(input.value), signal);
  return {
    element: h("div", { class: "select" }, h("label", { for: id }, label), input),
    /** @param {string} next */
    set(next) {
      input.value = next;
    },
    fill,
  };
}

/**
 * On or off.
 * @param {{ label: string, value: boolean, onChange: (value: boolean) => void, signal: AbortSignal }} options
 */
export function toggle({ label, value, onChange, signal }) {
  const input = h("input", { type: "checkbox", checked: value });
  on(input, "change", () => onChange(input.checked), signal);
  return {
    element: h("label", { class: "toggle" }, input, h("span", {}, label)),
    /** @param {boolean} next */
    set(next) {
      input.checked = next;
    },
  };
}

/**
 * A button with words.
 * @param {{ label: string, title?: string, kind?: "plain" | "quiet", onClick: () => void, signal: AbortSignal }} options
 */
export function button({ label, title, kind = "plain", onClick, signal }) {
  const element = h("button", { type: "button", class: `button ${kind}`, title }, label);
  on(element, "click", onClick, signal);
  return element;
}

/**
 * What matters less, folded away under its name.
 * @param {string} title
 * @param {...Node} children
 */
export function fold(title, ...children) {
  return h("details", { class: "fold" }, h("summary", {}, title), h("div", {}, ...children));
}

/**
 * A group of controls under a small heading.
 * @param {string} title
 * @param {...Node} children
 */
export function group(title, ...children) {
  return h("section", { class: "group" }, h("h3", {}, title), ...children);
}
