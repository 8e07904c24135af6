/**
 * The objective over the steps, a line for each run, with a mark at the step that is looked at.
 * @module
 */

import { h, pixelRatio, redrawer, styleValue } from "../widgets/dom.js";
import { number } from "../widgets/format.js";

/**
 * `colour` is a colour or the name of one of the page's, the accent where there is none; lines with colours get a key.
 * @typedef {{ values: readonly number[], dashed: boolean, name: string, colour?: string }} Line
 */

/** The lowest value that factors reach down to, as a share of the highest. */
const LEAST = 1e-2;

/**
 * @param {{ label?: string, log?: boolean, signal: AbortSignal }} options `log` spaces values by factors
 */
export function createCurve({ label = "The objective over the steps", log = false, signal }) {
  const canvas = h("canvas", { role: "img", "aria-label": label });
  const plot = h("div", { class: "curve" }, canvas);
  const key = h("p", { class: "curve-key", hidden: true });
  const element = h("div", {}, plot, key);
  /** @type {{ lines: Line[], steps: number, at: number | null }} */
  let sight = { lines: [], steps: 1, at: null };

  function draw() {
    const ratio = pixelRatio();
    const width = Math.floor(plot.clientWidth * ratio);
    const height = Math.floor(plot.clientHeight * ratio);
    const context = canvas.getContext("2d");
    if (width === 0 || height === 0 || !context) return;
    canvas.width = width;
    canvas.height = height;
    const { lines, steps, at } = sight;
    const values = lines.flatMap((line) => line.values);
    if (values.length === 0) return;
    const least = Math.min(...values);
    const low = log ? Math.max(least, LEAST * Math.max(...values)) : least;
    const high = Math.max(...values, low + (log ? 0 : 1e-6), Number.MIN_VALUE);
    const place = (/** @type {number} */ value) => (log ? Math.log(Math.max(value, low)) : value);
    const span = place(high) - place(low) || 1;
    const left = 44 * ratio;
    const bottom = 16 * ratio;
    const x = (/** @type {number} */ step) => left + (step / steps) * (width - left - 6 * ratio);
    const y = (/** @type {number} */ value) =>
      6 * ratio + (1 - (place(value) - place(low)) / span) * (height - bottom - 12 * ratio);
    context.font = `${11 * ratio}px ${getComputedStyle(element).fontFamily}`;
    context.fillStyle = styleValue("--muted");
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const value of [low, high]) context.fillText(number(value), left - 6 * ratio, y(value));
    context.textBaseline = "alphabetic";
    context.fillText(`step ${steps}`, width - 4 * ratio, height - 3 * ratio);
    context.textAlign = "left";
    context.fillText("0", left, height - 3 * ratio);
    context.lineWidth = ratio;
    context.strokeStyle = styleValue("--line");
    context.beginPath();
    context.moveTo(left, y(high));
    context.lineTo(left, height - bottom);
    context.lineTo(width - 4 * ratio, height - bottom);
    context.stroke();
    for (const line of lines) {
      context.lineWidth = (line.dashed ? 1.5 : 2) * ratio;
      context.setLineDash(line.dashed ? [5 * ratio, 4 * ratio] : []);
      context.strokeStyle = colourOf(line);
      context.beginPath();
      for (const [step, value] of line.values.entries()) context.lineTo(x(step), y(value));
      context.stroke();
    }
    context.setLineDash([]);
    if (at === null) return;
    context.lineWidth = ratio;
    context.strokeStyle = styleValue("--text");
    context.beginPath();
    context.moveTo(x(at), 4 * ratio);
    context.lineTo(x(at), height - bottom);
    context.stroke();
  }

  const redraw = redrawer(plot, draw, signal);

  let named = "";
  /** @param {Line[]} lines */
  function name(lines) {
    const names = lines.map((line) => line.name + line.colour).join();
    if (names === named) return;
    named = names;
    key.hidden = lines.length === 0;
    key.replaceChildren(
      ...lines.map((line) => {
        const mark = h("i", { "aria-hidden": true, class: line.dashed ? "dashed" : undefined });
        mark.style.borderColor = line.colour?.startsWith("--")
          ? `var(${line.colour})`
          : (line.colour ?? "");
        return h("span", {}, mark, line.name);
      }),
    );
  }

  return {
    element,
    /**
     * @param {Line[]} lines
     * @param {number} steps that the run has in all
     * @param {number | null} at the step that is looked at
     */
    show(lines, steps, at) {
      sight = { lines: lines.filter((line) => line.values.length > 0), steps, at };
      const ends = sight.lines.map(
        (line) =>
          `${line.name} from ${number(line.values[0])} to ${number(line.values.at(-1) ?? 0)}`,
      );
      canvas.setAttribute("aria-label", `${label}: ${ends.join("; ")}`);
      name(sight.lines.filter((line) => line.colour));
      redraw();
    },
  };
}

/** @param {Line} line */
function colourOf({ colour = "", dashed }) {
  if (colour && !colour.startsWith("--")) return colour;
  return styleValue(colour || (dashed ? "--muted" : "--accent"));
}
