/**
 * Lines over equal steps, with their names at their ends, and a cursor that follows the pointer or the arrows.
 * @module
 */

import { h, on, svg } from "../widgets/dom.js";
import { number } from "../widgets/format.js";
import { createSaves } from "../widgets/save.js";

/**
 * @typedef {{ low: ArrayLike<number>, high: ArrayLike<number> }} Edges
 * @typedef {{ name: string, values: ArrayLike<number>, style: "main" | "second" | "third" | "fourth" | "rest", band?: Edges }} Line
 * @typedef {{ lines: Line[], steps: number, from: string, to: string, ticks?: string[], low?: number, high?: number, title: string, marks?: number[] }} Chart
 *   `steps` is the number of intervals that a whole line has; lines may be shorter while they grow, and lie in bands; `ticks`
 *   names every step, where only the first and the last would not do; `marks` are steps that are marked
 */

/** The drawing, where it is scaled to its column. */
const WIDTH = 360;
const HEIGHT = 190;

const LEFT = 40;
const RIGHT = 10;
const TOP = 12;
const BOTTOM = 24;

/**
 * @param {{ label: string, width?: number, height?: number, onMove: (step: number) => void, signal: AbortSignal }} options
 *   with a `height`, in pixels, the plot is drawn as wide as its column and its words keep their size; else it is scaled
 */
export function createPlot({ label, width = WIDTH, height: wanted, onMove, signal }) {
  const height = wanted ?? HEIGHT;
  const art = svg("svg", { role: "img", "aria-label": label });
  const key = h("ul", { class: "chart-key" });
  const title = h("span", {}, label);
  const saves = createSaves({ art: () => art, rows, name: nameOf, signal });
  const caption = h("figcaption", { class: "chart-head" }, title, saves);
  const element = h("figure", { class: "chart", tabindex: 0 }, caption, art);
  const cursor = svg("line", { class: "cursor", y1: TOP, y2: height - BOTTOM });
  /** @type {Chart | null} */
  let chart = null;
  let at = 0;
  fit(width);
  if (wanted !== undefined) {
    art.style.height = `${height}px`;
    art.style.maxHeight = "none";
    const observer = new ResizeObserver(([{ contentRect }]) => fit(contentRect.width));
    observer.observe(art);
    signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  }

  /** @param {number} next */
  function fit(next) {
    if (next <= LEFT + RIGHT) return;
    width = next;
    art.setAttribute("viewBox", `0 0 ${width} ${height}`);
    if (!chart) return;
    draw(chart);
    point();
  }

  const x = (/** @type {number} */ step) =>
    LEFT + (step / Math.max(1, chart?.steps ?? 1)) * (width - LEFT - RIGHT);

  /** @param {Chart} next */
  function bounds({ lines, low, high }) {
    const all = lines.flatMap(({ values }) => Array.from(values)).filter(Number.isFinite);
    const least = low ?? Math.min(0, ...all);
    const most = high ?? Math.max(...all, least + 1e-9);
    return [least, most];
  }

  /** @param {Chart} next */
  function draw(next) {
    const [least, most] = bounds(next);
    const y = (/** @type {number} */ value) =>
      height - BOTTOM - ((value - least) / (most - least)) * (height - TOP - BOTTOM);
    const half = (least + most) / 2;
    const apart = -least > 0.15 * (most - least);
    const signed = least < 0 && most > 0.15 * (most - least);
    const marks = signed ? [...(apart ? [least] : []), 0, most] : [least, half, most];
    const grid = marks.flatMap((value) => [
      svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }),
      svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, number(value, 2)),
    ]);
    const named = (/** @type {string} */ words, /** @type {number} */ step, anchor = "middle") =>
      svg("text", { x: x(step), y: height - 7, "text-anchor": anchor }, words);
    const ends = next.ticks?.map((words, step) => named(words, step)) ?? [
      named(next.from, 0, "start"),
      named(next.to, next.steps, "end"),
    ];
    const lines = [...next.lines].reverse().map(({ values, style }) =>
      svg("polyline", {
        class: `line ${style}`,
        points: Array.from(values, (value, step) => `${x(step)},${y(value)}`).join(" "),
      }),
    );
    const bands = next.lines.flatMap(({ band, style }) =>
      band ? [svg("polygon", { class: `band ${style}`, points: outline(band, x, y) })] : [],
    );
    const signs = (next.marks ?? []).map((step) =>
      svg("line", { class: "mark", x1: x(step), x2: x(step), y1: TOP, y2: height - BOTTOM }),
    );
    art.replaceChildren(...grid, ...ends, ...bands, ...signs, ...lines, cursor);
  }

  function point() {
    if (!chart) return;
    cursor.setAttribute("x1", String(x(at)));
    cursor.setAttribute("x2", String(x(at)));
    key.replaceChildren(
      ...chart.lines.map(({ name, values, style }) =>
        h(
          "li",
          {},
          h("span", { class: `swatch ${style}` }),
          h("span", { class: "name" }, name),
          h("span", { class: "number muted" }, at < values.length ? number(values[at], 2) : ""),
        ),
      ),
    );
  }

  function nameOf() {
    return (chart?.title ?? label).split(":")[0].toLowerCase().replaceAll(" ", "-");
  }

  /** The lines as columns, a row a step. */
  function rows() {
    const lines = chart?.lines ?? [];
    const longest = Math.max(0, ...lines.map(({ values }) => values.length));
    const steps = Array.from({ length: longest }, (_, step) => [
      chart?.ticks?.[step] ?? step,
      ...lines.map(({ values }) => values[step] ?? null),
    ]);
    return [["step", ...lines.map(({ name }) => name)], ...steps];
  }

  /** @param {number} step */
  function move(step) {
    if (!chart) return;
    const next = Math.min(Math.max(Math.round(step), 0), chart.steps);
    if (next !== at) onMove(next);
  }

  art.addEventListener(
    "pointermove",
    (event) => {
      const box = art.getBoundingClientRect();
      const place = ((event.clientX - box.left) / box.width) * width;
      move(((place - LEFT) / (width - LEFT - RIGHT)) * (chart?.steps ?? 1));
    },
    { signal },
  );
  on(
    element,
    "keydown",
    (event) => {
      const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
      if (step === 0) return;
      move(at + step);
      event.preventDefault();
      event.stopPropagation();
    },
    signal,
  );

  return {
    element,
    /** The names of the lines with their values at the cursor. */
    key,
    /** @param {Chart} next @param {number} step where the cursor stands */
    show(next, step) {
      chart = next;
      at = step;
      title.textContent = next.title;
      draw(next);
      point();
    },
    /** @param {number} step */
    at(step) {
      at = step;
      point();
    },
  };
}

/**
 * The points around a band.
 * @param {Edges} band
 * @param {(step: number) => number} x
 * @param {(value: number) => number} y
 */
function outline({ low, high }, x, y) {
  const above = Array.from(high, (value, step) => `${x(step)},${y(value)}`);
  const below = Array.from(low, (value, step) => `${x(step)},${y(value)}`);
  return [...above, ...below.reverse()].join(" ");
}
