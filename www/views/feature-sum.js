/**
 * Shows the arithmetic of one unit: the patch times the kernel as small pictures, the largest of many products as a list,
 * the window of a pooling, or a formula with its numbers. Every number leads to the unit that it came from.
 * @module
 */

import { button } from "../widgets/controls.js";
import { h, m, on, pixelRatio } from "../widgets/dom.js";
import { fixed, number } from "../widgets/format.js";
import { createLink, createPixels } from "../widgets/pixels.js";
import { agrees, placeOf } from "./feature-arithmetic.js";
import { isSigned, largest } from "./feature-planes.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../convscope.js").Layer} Layer
 * @typedef {import("./feature-arithmetic.js").Explanation} Explanation
 * @typedef {import("./feature-arithmetic.js").Unit} Unit
 * @typedef {import("./feature-arithmetic.js").Place} Place
 * @typedef {import("./feature-arithmetic.js").Window} Window
 * @typedef {{ app: Session, onUnit: (unit: Unit) => void, onClose: () => void, signal: AbortSignal }} Options
 */

/** So many terms are out at first; the rest comes with a button. */
const FEW_PATCHES = 6;
const FEW_PRODUCTS = 10;
const MOST_PRODUCTS = 60;
/** Cells of this size in CSS pixels carry their number. */
const READABLE = 30;

/**
 * The side of a cell in CSS pixels: the fewer there are to show, the larger.
 * @param {number} extent cells along the longer side
 * @param {number} terms
 */
export function cellSide(extent, terms) {
  const room = terms === 1 ? 176 : terms <= 3 ? 96 : 64;
  return Math.max(6, Math.min(44, Math.floor(room / extent)));
}

/**
 * Where a unit is, in words.
 * @param {Unit} unit
 */
export function unitWords({ layer, channel, y, x }) {
  return `${layer}, channel ${channel}, row ${y}, column ${x}`;
}

/** @param {number} value */
const signed = (value) => `${value < 0 ? "−" : "+"} ${number(Math.abs(value), 4)}`;

/**
 * A factor or summand, in brackets where its sign would confuse.
 * @param {number} value
 * @param {number} [digits]
 */
const term = (value, digits = 4) =>
  value < 0 ? `(${number(value, digits)})` : number(value, digits);

/** @param {Options} options */
export function createSum({ app, onUnit, onClose, signal }) {
  const title = h("h3", {});
  const close = button({ label: "Close", kind: "quiet", onClick: onClose, signal });
  const rule = h("p", { class: "rule" });
  const terms = h("div", { class: "terms" });
  const result = h("p", { class: "result" });
  const check = h("p", { class: "check", role: "status" });
  const readout = h("p", { class: "readout resting" });
  const element = h(
    "section",
    { class: "sum", "aria-label": "The arithmetic of one number", hidden: true },
    h("div", { class: "row" }, title, close),
    rule,
    result,
    check,
    terms,
    readout,
  );
  /** Ends the listeners of what is shown. */
  let life = new AbortController();
  let all = false;
  signal.addEventListener("abort", () => life.abort(), { once: true });

  /**
   * @param {string | null} text
   * @param {string} [resting]
   */
  function say(text, resting = "") {
    readout.textContent = text ?? resting;
    readout.classList.toggle("resting", text === null);
  }

  /**
   * @param {Explanation} explanation
   */
  async function draw(explanation) {
    life.abort();
    life = new AbortController();
    terms.replaceChildren();
    terms.className = `terms ${explanation.kind}`;
    say(null);
    switch (explanation.kind) {
      case "patches":
        return drawPatches(explanation);
      case "products":
        return drawProducts(explanation);
      case "window":
        return drawWindow(explanation);
      case "norm":
        return drawNorm(explanation);
      default:
        return drawFunction(explanation);
    }
  }

  /**
   * A small picture of numbers whose cells can be pointed at and chosen.
   * @param {{ numbers: ArrayLike<number>, window: Window, sight: CanvasImageSource, from: { x: number, y: number }, side: number, label: string, most: number, dark: boolean, link?: import("../widgets/pixels.js").Link, words: (cell: number) => string, channel: number, layer: string }} about
   */
  function heat(about) {
    const { numbers, window, sight, from, side, label, link, words, channel, layer } = about;
    const { rows, columns, inside } = window;
    const index = (/** @type {{ x: number, y: number }} */ cell) => cell.y * columns + cell.x;
    const pixels = createPixels({
      label,
      link,
      onHover: (cell) => say(cell && words(index(cell)), resting()),
      onPick: (cell) => {
        if (inside[index(cell)]) onUnit({ layer, channel, ...placeOf(window, index(cell)) });
      },
      signal: life.signal,
    });
    pixels.element.style.setProperty("--cells", `${side * columns}px`);
    pixels.element.style.setProperty("--rows", `${side * rows}px`);
    pixels.show({
      width: columns,
      height: rows,
      layers: [{ bitmap: sight, ...from, width: columns, height: rows }],
      smooth: false,
      label: `${label}: ${Array.from(numbers, (each) => number(each)).join(", ")}`,
    });
    pixels.overlay((context, scale) => writeCells(context, scale, about));
    return pixels;
  }

  /** What stands where the values of a cell will be. */
  function resting() {
    return "Point at a cell for its numbers; click it to follow it back.";
  }

  /** @param {Explanation & { kind: "patches" }} explanation */
  async function drawPatches({ window, terms: every, bias, value, from }) {
    const { rows, columns } = window;
    const shown = all ? every : every.slice(0, FEW_PATCHES);
    const side = cellSide(Math.max(rows, columns), shown.length);
    /** @param {(each: typeof shown[number]) => Float32Array} pick */
    const together = (pick) => {
      const data = new Float32Array(shown.length * rows * columns);
      for (const [place, each] of shown.entries()) data.set(pick(each), place * rows * columns);
      return data;
    };
    const parts = [
      { name: "patch", data: together((each) => each.values) },
      { name: "kernel", data: together((each) => each.kernel) },
      { name: "products", data: together((each) => each.products) },
    ];
    const painted = await Promise.all(
      parts.map(async ({ name, data }) => {
        const most = largest(data) || 1;
        const rectified = name === "patch" && !isSigned(data);
        const map = rectified ? "sequential" : "diverging";
        const scale = /** @type {[number, number]} */ ([rectified ? 0 : -most, most]);
        const tensor = { data, shape: [1, shown.length, rows, columns] };
        return { ...(await app.scope.paint(tensor, { map, scale })), most, dark: rectified };
      }),
    );
    if (life.signal.aborted) return;
    const input = inputName(from);
    for (const [place, each] of shown.entries()) {
      const link = createLink();
      const cells = [each.values, each.kernel, each.products];
      const words = (/** @type {number} */ cell) => {
        const { y, x } = placeOf(window, cell);
        const where = window.inside[cell] ? `row ${y}, column ${x}` : "padding";
        return `${input} ${each.channel}, ${where}: ${number(each.values[cell], 4)} · ${term(each.kernel[cell])} = ${number(each.products[cell], 4)}`;
      };
      const heats = parts.map(({ name }, part) => {
        const { bitmap, columns: across, most, dark } = painted[part];
        return heat({
          numbers: cells[part],
          window,
          sight: bitmap,
          from: { x: (place % across) * columns, y: Math.floor(place / across) * rows },
          side,
          label: `${name} of ${input} ${each.channel}`,
          most,
          dark,
          link,
          words,
          channel: each.channel,
          layer: from,
        }).element;
      });
      terms.append(
        h(
          "figure",
          { class: "patch" },
          h(
            "figcaption",
            {},
            every.length > 1 ? `${input} ${each.channel}: ` : "patch · kernel: ",
            h("span", { class: "number" }, signed(each.sum)),
          ),
          h("div", {}, heats[0], h("span", {}, "·"), heats[1], h("span", {}, "="), heats[2]),
        ),
      );
    }
    more(every.length, shown.length, `All ${every.length} inputs`);
    const rest = every.slice(shown.length).reduce((sum, each) => sum + each.sum, 0);
    say(null, resting());
    result.textContent = total(
      shown.map((each) => each.sum),
      rest,
      every.length,
      bias,
      value,
    );
  }

  /**
   * @param {number} many
   * @param {number} shown
   * @param {string} label
   */
  function more(many, shown, label) {
    if (many <= shown) return;
    terms.append(
      button({
        label,
        kind: "quiet",
        onClick: () => {
          all = true;
          if (current) void draw(current);
        },
        signal: life.signal,
      }),
    );
  }

  /** @param {Explanation & { kind: "products" }} explanation */
  function drawProducts({ terms: every, bias, value }) {
    const shown = every.slice(0, all ? MOST_PRODUCTS : FEW_PRODUCTS);
    const most = Math.abs(every[0]?.product ?? 0) || 1;
    const list = h("ol", { class: "products" });
    for (const each of shown) {
      const bar = h("span", { class: each.product < 0 ? "bar down" : "bar" });
      bar.style.setProperty("--share", String(Math.abs(each.product) / most));
      const go = h(
        "button",
        { type: "button", title: `Go to ${unitWords(each.from)}` },
        h("span", { class: "muted" }, `${inputName(each.from.layer)} ${each.from.channel}`),
        h("span", { class: "number" }, `${number(each.value)} · ${term(each.weight, 3)}`),
        h("span", { class: "track" }, bar),
        h("span", { class: "number" }, number(each.product)),
      );
      on(go, "click", () => onUnit(each.from), life.signal);
      list.append(h("li", {}, go));
    }
    terms.append(list);
    more(Math.min(every.length, MOST_PRODUCTS), shown.length, "More of them");
    const rest = every.slice(shown.length).reduce((sum, each) => sum + each.product, 0);
    say(null, "The largest products first; choose one to go to where it came from.");
    result.textContent = total(
      shown.map((each) => each.product),
      rest,
      every.length,
      bias,
      value,
    );
  }

  /** @param {Explanation & { kind: "window" }} explanation */
  async function drawWindow({ rule: how, window, values, winner, count, from, channel, value }) {
    const { rows, columns } = window;
    const most = largest(values) || 1;
    const rectified = !isSigned(values);
    const painted = await app.scope.paint(
      { data: values, shape: [1, 1, rows, columns] },
      {
        map: rectified ? "sequential" : "diverging",
        scale: [rectified ? 0 : -most, most],
      },
    );
    if (life.signal.aborted) return;
    const pixels = heat({
      numbers: values,
      window,
      sight: painted.bitmap,
      from: { x: 0, y: 0 },
      side: cellSide(Math.max(rows, columns), 1),
      label: `The window on ${from}`,
      most,
      dark: rectified,
      words: (cell) => {
        const { y, x } = placeOf(window, cell);
        const where = window.inside[cell] ? `row ${y}, column ${x}` : "padding";
        return `${from} ${channel}, ${where}: ${number(values[cell], 4)}${how === "max" && cell === winner ? ", the largest" : ""}`;
      },
      channel,
      layer: from,
    });
    if (how === "max")
      pixels.mark({ chosen: { x: winner % columns, y: Math.floor(winner / columns) } });
    terms.append(pixels.element);
    say(null, "Point at a cell for its number; click it to go there.");
    const { y, x } = placeOf(window, winner);
    const sum = values.reduce((all, each) => all + each, 0);
    result.textContent =
      how === "max"
        ? `The largest of ${values.length} is ${number(value, 4)}, at row ${y}, column ${x}`
        : `${number(sum, 5)} / ${count} = ${number(value, 4)}`;
  }

  /** @param {Explanation & { kind: "norm" }} norm */
  function drawNorm(norm) {
    const [{ value: x }] = norm.operands;
    terms.append(...operands(norm.operands));
    terms.append(
      h(
        "p",
        {},
        `γ ${number(norm.weight, 4)}, μ ${number(norm.mean, 4)}, σ² ${number(norm.variance, 4)}, ε ${number(norm.epsilon, 1)}, β ${number(norm.bias, 4)}: a = ${number(norm.scale, 4)}, b = ${number(norm.shift, 4)}`,
      ),
    );
    result.textContent = `${number(norm.scale, 4)} · ${term(x)} ${signed(norm.shift)} = ${number(norm.value, 4)}`;
  }

  /** @param {Explanation & { kind: "function" }} explanation */
  function drawFunction({ rule: how, slope, operands: list, value }) {
    terms.append(...operands(list));
    const [a] = list.map((each) => term(each.value));
    const joined = (/** @type {string} */ sign) =>
      list.map((each) => term(each.value)).join(` ${sign} `);
    const left = /** @type {Record<string, string>} */ ({
      add: joined("+"),
      mul: joined("·"),
      relu: `max(0, ${a})`,
      relu6: `min(6, max(0, ${a}))`,
      leaky_relu: list[0].value > 0 ? a : `${number(slope ?? 0, 4)} · ${a}`,
      sigmoid: `1 / (1 + e^−${a})`,
      silu: `${a} / (1 + e^−${a})`,
      hard_swish: `${a} · min(6, max(0, ${a} + 3)) / 6`,
      concat: a,
      flatten: a,
    })[how];
    result.textContent = `${left ?? `${how.replaceAll("_", " ")}(${a})`} = ${number(value, 4)}`;
  }

  /** @param {import("./feature-arithmetic.js").Operand[]} list */
  function operands(list) {
    return list.map(({ from, value }) => {
      const known = app.net.layers.some((each) => each.name === from.layer);
      const go = button({
        label: `${unitWords(from)}: ${number(value, 4)}`,
        title: known ? "Go to this unit" : undefined,
        onClick: () => onUnit(from),
        signal: life.signal,
      });
      return go;
    });
  }

  /** @param {string} layer */
  function inputName(layer) {
    if (app.net.layers.some((each) => each.name === layer)) return "channel";
    return app.input.shape[1] === 3 ? "colour" : "picture";
  }

  /** @type {Explanation | null} */
  let current = null;

  return {
    element,
    /**
     * @param {Layer} layer
     * @param {Place} at
     * @param {Explanation | null} explanation
     */
    async show(layer, at, explanation) {
      all = false;
      current = explanation;
      element.hidden = false;
      const vector = layer.shape[1] * layer.shape[2] === 1;
      title.textContent = vector
        ? "How this number came about"
        : `How the number at row ${at.y}, column ${at.x} came about`;
      check.textContent = "";
      check.classList.remove("wrong");
      result.textContent = "";
      if (!explanation) {
        life.abort();
        rule.replaceChildren();
        terms.replaceChildren(
          h("p", {}, `No arithmetic is shown for ${layer.op.replaceAll("_", " ")} layers yet.`),
        );
        return;
      }
      rule.replaceChildren(formula(layer));
      await draw(explanation);
      const same = agrees(explanation);
      check.classList.toggle("wrong", !same);
      check.textContent = same
        ? `the number in the map is ${number(explanation.shown, 4)}`
        : `the map says ${number(explanation.shown, 6)}: the engine computed something else`;
    },
    hide() {
      current = null;
      life.abort();
      element.hidden = true;
    },
  };
}

/**
 * The sum in one line: the first terms, the rest, the bias.
 * @param {number[]} shown
 * @param {number} rest
 * @param {number} many
 * @param {number | null} bias
 * @param {number} value
 */
function total(shown, rest, many, bias, value) {
  const few = shown.length <= 3;
  const first = few
    ? shown.map((each, place) => (place === 0 ? number(each, 4) : signed(each))).join(" ")
    : `${number(
        shown.reduce((sum, each) => sum + each, 0),
        4,
      )} (these ${shown.length})`;
  const left = many - shown.length;
  const others = left > 0 ? ` ${signed(rest)} (the other ${left})` : "";
  const added = bias === null ? "" : ` ${signed(bias)} (bias)`;
  return `${first}${others}${added} = ${number(value, 4)}`;
}

/**
 * Writes numbers into cells that have room, and strikes out the padding.
 * @param {CanvasRenderingContext2D} context
 * @param {number} scale device pixels a cell
 * @param {{ numbers: ArrayLike<number>, window: Window, most: number, dark: boolean }} about `dark`: zero is dark
 */
function writeCells(context, scale, { numbers, window, most, dark }) {
  const { columns, inside } = window;
  const ratio = pixelRatio();
  const readable = scale >= READABLE * ratio;
  context.font = `${Math.min(scale * 0.3, 14 * ratio)}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  const decimals = most < 0.095 ? 3 : most < 9.5 ? 2 : 1;
  for (let cell = 0; cell < inside.length; cell += 1) {
    const x = (cell % columns) * scale;
    const y = Math.floor(cell / columns) * scale;
    if (!inside[cell]) {
      context.lineWidth = ratio;
      context.strokeStyle = "rgb(128 128 128 / 0.8)";
      context.beginPath();
      context.moveTo(x + scale * 0.25, y + scale * 0.75);
      context.lineTo(x + scale * 0.75, y + scale * 0.25);
      context.stroke();
    } else if (readable) {
      const share = Math.abs(numbers[cell]) / most;
      const light = dark ? share < 0.6 : share > 0.55;
      context.fillStyle = light ? "rgb(255 255 255 / 0.92)" : "rgb(0 0 0 / 0.82)";
      const text = fixed(numbers[cell], decimals).replace(/^(−?)0\./, "$1.");
      context.fillText(text, x + scale / 2, y + scale * 0.52);
    }
  }
}

/**
 * What the layer computes, as a formula.
 * @param {Layer} layer
 */
function formula({ op, bias, kernel }) {
  const mi = (/** @type {string} */ name) => m("mi", {}, name);
  const mo = (/** @type {string} */ name) => m("mo", {}, name);
  const mn = (/** @type {string} */ name) => m("mn", {}, name);
  const sub = (/** @type {string} */ a, /** @type {string} */ b) => m("msub", {}, mi(a), mi(b));
  const sum = (/** @type {string} */ over) => m("munder", {}, mo("∑"), mi(over));
  const y = [mi("y"), mo("=")];
  const math = (/** @type {...Node} */ ...parts) =>
    m("math", {}, ...y.map((each) => each.cloneNode(true)), ...parts);
  const added = bias ? [mo("+"), mi("b")] : [];
  if (op === "conv2d" && kernel && kernel.shape[2] * kernel.shape[3] > 1)
    return math(
      sum("i"),
      m("mtext", {}, "patch"),
      m("msub", {}, m("mspace", {}), mi("i")),
      mo("·"),
      m("mtext", {}, "kernel"),
      m("msub", {}, m("mspace", {}), mi("i")),
      ...added,
    );
  if (op === "conv2d" || op === "linear")
    return math(sum("i"), sub("x", "i"), mo("·"), sub("w", "i"), ...added);
  if (op === "max_pool2d") return math(m("munder", {}, mo("max"), mi("i")), sub("x", "i"));
  if (op === "avg_pool2d" || op === "global_avg_pool")
    return math(m("mfrac", {}, mn("1"), mi("n")), sum("i"), sub("x", "i"));
  if (op === "batch_norm") {
    const root = m("msqrt", {}, m("msup", {}, mi("σ"), mn("2")), mo("+"), mi("ε"));
    return math(
      mi("γ"),
      m("mfrac", {}, m("mrow", {}, mi("x"), mo("−"), mi("μ")), root),
      mo("+"),
      mi("β"),
      mo("="),
      mi("a"),
      mo("·"),
      mi("x"),
      mo("+"),
      mi("b"),
    );
  }
  const x = mi("x");
  const call = (/** @type {string} */ name, /** @type {Node[]} */ ...inner) =>
    math(mi(name), mo("("), ...inner, mo(")"));
  if (op === "relu") return call("max", mn("0"), mo(","), x);
  if (op === "relu6")
    return call("min", mn("6"), mo(","), mi("max"), mo("("), mn("0"), mo(","), x, mo(")"));
  if (op === "leaky_relu")
    return math(
      mi("max"),
      mo("("),
      mn("0"),
      mo(","),
      x,
      mo(")"),
      mo("+"),
      mi("slope"),
      mo("·"),
      mi("min"),
      mo("("),
      mn("0"),
      mo(","),
      mi("x"),
      mo(")"),
    );
  if (op === "sigmoid" || op === "silu") {
    const power = m("msup", {}, mi("e"), m("mrow", {}, mo("−"), mi("x")));
    const over = m("mrow", {}, mn("1"), mo("+"), power);
    return math(m("mfrac", {}, op === "silu" ? x : mn("1"), over));
  }
  if (op === "hard_swish")
    return math(
      x,
      mo("·"),
      mi("min"),
      mo("("),
      mn("6"),
      mo(","),
      mi("max"),
      mo("("),
      mn("0"),
      mo(","),
      mi("x"),
      mo("+"),
      mn("3"),
      mo(")"),
      mo(")"),
      mo("/"),
      mn("6"),
    );
  if (op === "add") return math(sub("x", "1"), mo("+"), sub("x", "2"));
  if (op === "mul") return math(sub("x", "1"), mo("·"), sub("x", "2"));
  return call(op.replaceAll("_", " "), x);
}
