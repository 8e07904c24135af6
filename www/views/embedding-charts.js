/**
 * Small charts beside a map, as SVG: the divergence over the steps, shares of variance, quality over depth.
 * @module
 */

import { h, svg } from "../widgets/dom.js";
import { fixed, number, percent } from "../widgets/format.js";

const WIDTH = 240;
const HEIGHT = 92;
const LEFT = 30;
const BOTTOM = 16;
const TOP = 6;

/**
 * @param {string} label
 * @param {number} height
 * @param {...(Node | null)} children
 */
function frame(label, height, ...children) {
  return svg(
    "svg",
    { class: "chart", viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": label },
    ...children,
  );
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} words
 * @param {string} anchor
 */
function word(x, y, words, anchor = "start") {
  return svg("text", { x, y, "text-anchor": anchor }, words);
}

/**
 * The divergence over the steps.
 * @param {{ step: number, kl: number }[]} history
 * @param {number} total
 */
export function klChart(history, total) {
  const last = history.at(-1);
  const high = Math.max(...history.map(({ kl }) => kl), 1e-9);
  const x = (/** @type {number} */ step) => LEFT + (step / total) * (WIDTH - LEFT - 4);
  const y = (/** @type {number} */ kl) => TOP + (1 - kl / high) * (HEIGHT - TOP - BOTTOM);
  const line = history.map(({ step, kl }) => `${x(step).toFixed(1)},${y(kl).toFixed(1)}`).join(" ");
  const floor = HEIGHT - BOTTOM;
  return frame(
    `Divergence over the steps${last ? `, now ${fixed(last.kl, 3)} at step ${last.step}` : ""}`,
    HEIGHT,
    svg("line", { class: "axis", x1: LEFT, x2: WIDTH, y1: floor, y2: floor }),
    svg("line", { class: "axis dashed", x1: x(250), x2: x(250), y1: TOP, y2: floor }),
    word(x(250) + 3, TOP + 8, "exaggeration ends"),
    svg("polyline", { class: "curve", points: line }),
    last ? svg("circle", { class: "now", cx: x(last.step), cy: y(last.kl), r: 3 }) : null,
    word(LEFT - 4, TOP + 8, number(high, 2), "end"),
    word(LEFT - 4, floor, "0", "end"),
    word(LEFT, HEIGHT - 3, "step 0"),
    word(WIDTH, HEIGHT - 3, String(total), "end"),
  );
}

/**
 * Shares of variance of the components.
 * @param {ArrayLike<number>} explained
 */
export function screeChart(explained) {
  const shares = Array.from(explained);
  const high = Math.max(...shares, 1e-9);
  const each = (WIDTH - LEFT) / shares.length;
  const floor = HEIGHT - BOTTOM;
  let sum = 0;
  const bars = shares.map((share, index) => {
    sum += share;
    const height = (share / high) * (floor - TOP);
    const title = `component ${index + 1}: ${percent(share)}, together ${percent(sum)}`;
    return svg(
      "rect",
      {
        class: index < 2 ? "bar shown" : "bar",
        x: LEFT + index * each + 1,
        y: floor - height,
        width: each - 2,
        height,
      },
      svg("title", {}, title),
    );
  });
  return frame(
    `Variance by component: ${shares.slice(0, 3).map(percent).join(", ")} for the first three`,
    HEIGHT,
    svg("line", { class: "axis", x1: LEFT, x2: WIDTH, y1: floor, y2: floor }),
    ...bars,
    word(LEFT - 4, TOP + 8, `${Math.round(100 * high)} %`, "end"),
    word(LEFT, HEIGHT - 3, "component 1"),
    word(WIDTH, HEIGHT - 3, String(shares.length), "end"),
  );
}

/**
 * @typedef {{ name: string, knn: number | null, silhouette: number | null, trust: number | null }} Stop
 */

/** Lines over depth: how each is read, and how it is drawn. */
const LINES = /** @type {const} */ ([
  ["knn", "k-NN accuracy", "one"],
  ["silhouette", "silhouette", "two"],
  ["trust", "trustworthiness", "three"],
]);

/**
 * Quality over depth.
 * @param {Stop[]} stops
 * @param {number} shown
 */
export function depthChart(stops, shown) {
  const height = 150;
  const floor = height - BOTTOM;
  const values = stops.flatMap((stop) => [stop.knn, stop.silhouette, stop.trust]);
  const low = Math.min(0, ...values.map((value) => value ?? 0));
  const x = (/** @type {number} */ at) =>
    LEFT + 4 + (stops.length > 1 ? at / (stops.length - 1) : 0.5) * (WIDTH - LEFT - 10);
  const y = (/** @type {number} */ value) => TOP + ((1 - value) / (1 - low)) * (floor - TOP);
  const lines = LINES.flatMap(([key, title, style]) => {
    const known = stops.flatMap((stop, at) => {
      const value = stop[key];
      return value === null ? [] : [{ at, value, name: stop.name }];
    });
    const points = known.map(({ at, value }) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`);
    return [
      svg("polyline", { class: `curve ${style}`, points: points.join(" ") }),
      ...known.map(({ at, value, name }) =>
        svg(
          "circle",
          { class: `dot ${style}`, cx: x(at), cy: y(value), r: at === shown ? 4 : 2.5 },
          svg("title", {}, `${name}: ${title} ${fixed(value, 3)}`),
        ),
      ),
    ];
  });
  const last = stops.at(-1);
  const key = h(
    "p",
    { class: "key small" },
    ...LINES.map(([, title, style]) => h("span", { class: style }, title)),
  );
  const chart = frame(
    `Quality over ${stops.length} layers${last ? `; at ${last.name} k-NN accuracy ${fixed(last.knn ?? 0, 2)}` : ""}`,
    height,
    svg("line", { class: "axis", x1: LEFT, x2: WIDTH, y1: y(0), y2: y(0) }),
    shown >= 0 && shown < stops.length
      ? svg("line", { class: "axis dashed", x1: x(shown), x2: x(shown), y1: TOP, y2: floor })
      : null,
    ...lines,
    word(LEFT - 4, TOP + 8, "1", "end"),
    word(LEFT - 4, y(0) + 3, "0", "end"),
    word(LEFT, height - 3, stops[0]?.name ?? ""),
    word(WIDTH, height - 3, stops.length > 1 ? (last?.name ?? "") : "", "end"),
  );
  return h("div", {}, chart, key);
}
