/**
 * Plots of a layer's numbers as SVG: numbers in, elements out.
 * @module
 */

import { h, on, svg } from "../widgets/dom.js";

/** Width and height of a plot in its own units; it is stretched to its box. */
const WIDTH = 400;
const HEIGHT = 100;

/**
 * Bars side by side, from 0 up. `marked` ones carry a cross under them, the `chosen` one the accent.
 * @param {{ label: string, onHover: (index: number | null) => void, onPick?: (index: number) => void, signal: AbortSignal }} options
 */
export function createBarPlot({ label, onHover, onPick, signal }) {
  const plain = svg("path", { class: "plain" });
  const accent = svg("path", { class: "accent" });
  const drawing = svg(
    "svg",
    {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": label,
    },
    plain,
    accent,
  );
  const marks = h("div", { class: "marks", "aria-hidden": true });
  const element = h("div", { class: onPick ? "bar-plot picking" : "bar-plot" }, drawing, marks);
  let count = 0;

  /** @param {PointerEvent | MouseEvent} event */
  function indexAt(event) {
    const box = element.getBoundingClientRect();
    const index = Math.floor(((event.clientX - box.left) / box.width) * count);
    return index >= 0 && index < count ? index : null;
  }
  on(element, "pointermove", (event) => onHover(indexAt(event)), signal);
  on(element, "pointerleave", () => onHover(null), signal);
  if (onPick) {
    on(
      element,
      "click",
      (event) => {
        const index = indexAt(event);
        if (index !== null) onPick(index);
      },
      signal,
    );
  }

  return {
    element,
    drawing,
    /**
     * @param {{ values: ArrayLike<number>, chosen?: number, marked?: readonly number[], label?: string }} sight
     */
    show({ values, chosen = -1, marked = [], label: words }) {
      count = values.length;
      let most = 0;
      for (let index = 0; index < count; index += 1) most = Math.max(most, values[index]);
      const step = WIDTH / Math.max(1, count);
      const gap = step > 5 ? step * 0.14 : 0;
      const bar = (/** @type {number} */ index) => {
        const tall = most > 0 ? (values[index] / most) * HEIGHT : 0;
        const left = index * step + gap / 2;
        return `M${left.toFixed(2)} ${HEIGHT}v${(-tall).toFixed(2)}h${(step - gap).toFixed(2)}V${HEIGHT}z`;
      };
      const others = Array.from({ length: count }, (_, index) => index).filter(
        (index) => index !== chosen,
      );
      plain.setAttribute("d", others.map(bar).join(""));
      accent.setAttribute("d", chosen >= 0 && chosen < count ? bar(chosen) : "");
      if (words) drawing.setAttribute("aria-label", words);
      marks.replaceChildren(
        ...marked.map((index) =>
          h("span", { style: `left: ${(100 * (index + 0.5)) / count}%` }, "✕"),
        ),
      );
    },
  };
}
