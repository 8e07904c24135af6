/**
 * Shape bias as in the figure of Geirhos et al. (2019): a row for each category, decisions for the shape on the left and for
 * the texture on the right, lines for means over all categories.
 * @module
 */

import { svg } from "../widgets/dom.js";
import { fixed } from "../widgets/format.js";

/**
 * @typedef {{ name: string, bias: number | null, low: number, high: number, title: string }} Row
 * @typedef {{ name: string, bias: number, kind: "own" | "published" | "class", title: string }} Mean
 */

/** In the plot's own units, which are pixels as far as there is room: no less and no more than this. */
const NARROWEST = 360;
const WIDEST = 620;
const LEFT = 118;
const RIGHT = 18;
const TOP = 50;
const ROW = 19;
const FOOT = 46;

/** Names of lines stand on several levels, so that near ones can be read; on more where there is less room. */
const levelsOf = (/** @type {number} */ width) => (width < 500 ? 6 : 4);

/** @param {number} width @returns {(bias: number) => number} */
const scaleOf = (width) => (bias) => LEFT + (1 - bias) * (width - LEFT - RIGHT);

/**
 * @param {{ label: string }} options
 */
export function createBiasPlot({ label }) {
  const element = svg("svg", { class: "bias-of-shape", role: "img", "aria-label": label });

  return {
    element,
    /**
     * @param {{ rows: Row[], means: Mean[] }} sight
     */
    show({ rows, means }) {
      const width = Math.min(WIDEST, Math.max(NARROWEST, element.clientWidth || WIDEST));
      const x = scaleOf(width);
      const under = TOP + levelsOf(width) * 13;
      const foot = under + Math.max(1, rows.length) * ROW;
      const top = under - 8;
      element.setAttribute("viewBox", `0 0 ${width} ${foot + FOOT}`);
      const ticks = [0, 0.25, 0.5, 0.75, 1].flatMap((bias) => [
        svg("line", { class: "grid", x1: x(bias), x2: x(bias), y1: top, y2: foot }),
        svg("text", { x: x(bias), y: foot + 15, "text-anchor": "middle" }, fixed(bias, 2)),
        svg("text", { x: x(bias), y: 26, "text-anchor": "middle" }, fixed(1 - bias, 2)),
      ]);
      const axes = [
        svg(
          "text",
          { x: x(0.5), y: foot + 34, "text-anchor": "middle" },
          "share of decisions for the shape",
        ),
        svg(
          "text",
          { x: x(0.5), y: 11, "text-anchor": "middle" },
          "share of decisions for the texture",
        ),
      ];
      element.replaceChildren(
        ...ticks,
        ...axes,
        ...lines(means, foot, width),
        ...rows.flatMap((row, index) => dot(row, foot - (rows.length - index - 0.5) * ROW, x)),
      );
      const all = means.map((mean) => `${mean.name} ${fixed(mean.bias, 3)}`).join(", ");
      element.setAttribute("aria-label", `${label}: ${all}`);
    },
  };
}

/**
 * @param {Mean[]} means
 * @param {number} foot
 * @param {number} width of the plot
 */
function lines(means, foot, width) {
  const x = scaleOf(width);
  const sorted = [...means].sort((a, b) => b.bias - a.bias);
  /** Where the last name of each level ends. */
  const ends = Array.from({ length: levelsOf(width) }, () => Number.NEGATIVE_INFINITY);
  return sorted.flatMap(({ name, bias, kind, title }) => {
    const text = `${name} ${fixed(bias, 3)}`;
    const long = 6.3 * text.length;
    const start = Math.min(Math.max(x(bias) - long / 2, 2), width - long - 2);
    const free = ends.findIndex((end) => end + 8 < start);
    const level = free >= 0 ? free : ends.indexOf(Math.min(...ends));
    ends[level] = start + long;
    const y = 41 + level * 13;
    return [
      svg(
        "g",
        { class: `mean ${kind}` },
        svg("title", {}, title),
        svg("line", { x1: x(bias), x2: x(bias), y1: y + 3, y2: foot }),
        svg("text", { x: start, y }, text),
      ),
    ];
  });
}

/**
 * @param {Row} row
 * @param {number} y
 * @param {(bias: number) => number} x
 */
function dot({ name, bias, low, high, title }, y, x) {
  const label = svg(
    "text",
    { class: "category", x: LEFT - 12, y: y + 4, "text-anchor": "end" },
    name,
  );
  if (bias === null) return [label];
  return [
    label,
    svg(
      "g",
      { class: "decided" },
      svg("title", {}, title),
      svg("line", { class: "interval", x1: x(low), x2: x(high), y1: y, y2: y }),
      svg("circle", { cx: x(bias), cy: y, r: 4.5 }),
    ),
  ];
}
