/**
 * Small helpers around the DOM that every other module builds on.
 * @module
 */

/**
 * @typedef {Node | string | null | undefined} Child
 * @typedef {{ [name: string]: string | number | boolean | null | undefined }} Attributes
 */

/**
 * Makes an element. Attributes that are `true` are set empty (`aria-` ones to `true`), those that are `false`, `null` or `undefined` are left out.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  setAttributes(element, attributes);
  append(element, children);
  return element;
}

/**
 * Makes an SVG element, as {@link h} does for HTML.
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  setAttributes(element, attributes);
  append(element, children);
  return element;
}

/**
 * Makes a MathML element, as {@link h} does for HTML: `m("mfrac", {}, m("mi", {}, "a"), m("mi", {}, "b"))`.
 * @param {string} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {Element}
 */
export function m(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/1998/Math/MathML", tag);
  setAttributes(element, attributes);
  append(element, children);
  return element;
}

/**
 * @param {Element} element
 * @param {Attributes} attributes
 */
function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, name.startsWith("aria-") ? "true" : "");
    else if (value !== false && value !== null && value !== undefined)
      element.setAttribute(name, String(value));
  }
}

/**
 * @param {Element} element
 * @param {Child[]} children
 */
function append(element, children) {
  for (const child of children) if (child !== null && child !== undefined) element.append(child);
}

/**
 * Listens until `signal` aborts; the event's type follows from the name.
 * @template {keyof HTMLElementEventMap} E
 * @param {HTMLElement} element
 * @param {E} type
 * @param {(event: HTMLElementEventMap[E]) => void} listener
 * @param {AbortSignal} signal
 */
export function on(element, type, listener, signal) {
  element.addEventListener(type, listener, { signal });
}

/**
 * Scrolls a container, and it alone, until a child of it is in sight.
 * @param {HTMLElement} container
 * @param {HTMLElement} child
 */
export function reveal(container, child) {
  const outer = container.getBoundingClientRect();
  const inner = child.getBoundingClientRect();
  container.scrollTop +=
    Math.min(0, inner.top - outer.top) + Math.max(0, inner.bottom - outer.bottom);
  container.scrollLeft +=
    Math.min(0, inner.left - outer.left) + Math.max(0, inner.right - outer.right);
}

/**
 * Draws at most once a frame: when the answer is called, when the element changes its size, and when the page turns dark or
 * light; until `signal` aborts.
 * @param {Element} element
 * @param {() => void} draw
 * @param {AbortSignal} signal
 * @returns {() => void}
 */
export function redrawer(element, draw, signal) {
  let frame = 0;

  function redraw() {
    if (frame || signal.aborted) return;
    frame = requestAnimationFrame(() => {
      frame = 0;
      draw();
    });
  }

  const sizes = new ResizeObserver(redraw);
  sizes.observe(element);
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", redraw, { signal });
  signal.addEventListener("abort", () => {
    sizes.disconnect();
    cancelAnimationFrame(frame);
  });
  return redraw;
}

let lastId = 0;

/**
 * An id that no other element of the page has.
 * @param {string} stem
 */
export function uniqueId(stem) {
  lastId += 1;
  return `${stem}-${lastId}`;
}

/**
 * The value of a custom property of the style sheet, such as `--accent`.
 * @param {string} name
 */
export function styleValue(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/**
 * Device pixels per CSS pixel.
 */
export function pixelRatio() {
  return window.devicePixelRatio || 1;
}

/**
 * Fills an element anew without taking the keyboard from who is in it: the button at the same place gets the focus.
 * @param {HTMLElement} element
 * @param {...Node} children
 */
export function refill(element, ...children) {
  const buttons = () => [...element.querySelectorAll("button")];
  const place = buttons().indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
  element.replaceChildren(...children);
  const next = buttons();
  if (place >= 0) next[Math.min(place, next.length - 1)]?.focus({ preventScroll: true });
}
