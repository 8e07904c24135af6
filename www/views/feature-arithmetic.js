/**
 * The arithmetic behind one number of a feature map: from the layer's inputs and parameters the number is computed again,
 * term by term, and compared with the one that the engine gave. Plain data, no drawing.
 * @module
 */

import { plane } from "./feature-planes.js";

/**
 * @typedef {import("../convscope.js").Layer} Layer
 * @typedef {import("../convscope.js").Kernel} Kernel
 * @typedef {import("./feature-planes.js").Planes} Planes
 * @typedef {{ channel: number, y: number, x: number }} Place
 * @typedef {{ layer: string } & Place} Unit
 * @typedef {{ name: string, planes: Planes }} Input the output of a layer that this one reads
 * @typedef {{ weight?: Float32Array, bias?: Float32Array, mean?: Float32Array, variance?: Float32Array }} Parameters
 *
 * A window on an input: `rows` × `columns` cells, of which cell (r, c) is the input's row `top` + r·`step[0]`; cells of
 * the padding are 0 and not `inside`.
 * @typedef {{ rows: number, columns: number, top: number, left: number, step: [number, number], inside: Uint8Array }} Window
 * @typedef {{ channel: number, values: Float32Array, kernel: Float32Array, products: Float32Array, sum: number }} Patch
 * @typedef {{ from: Unit, value: number, weight: number, product: number }} Product
 * @typedef {{ from: Unit, value: number }} Operand
 *
 * @typedef {{ kind: "patches", from: string, window: Window, terms: Patch[], bias: number | null }} Patches
 * @typedef {{ kind: "products", terms: Product[], bias: number | null }} Products
 * @typedef {{ kind: "window", rule: "max" | "mean", from: string, channel: number, window: Window, values: Float32Array, winner: number, count: number }} Pooled
 * @typedef {{ kind: "norm", operands: Operand[], scale: number, shift: number, weight: number, bias: number, mean: number, variance: number, epsilon: number }} Normed
 * @typedef {{ kind: "function", rule: string, slope: number | null, operands: Operand[] }} Applied
 * @typedef {{ value: number, shown: number, size: number } & (Patches | Products | Pooled | Normed | Applied)} Explanation
 *   `value` is computed here, `shown` by the engine; `size` is the sum of the terms' absolute values, which bounds what
 *   rounding can do
 */

/** How far the engine's 32-bit sums may lie from the ones computed here, relative to the size of the terms. */
const TOLERANCE = 1e-4;

/**
 * Whether the computed number is the shown one.
 * @param {Explanation} explanation
 */
export function agrees({ value, shown, size }) {
  return Math.abs(value - shown) <= TOLERANCE * Math.max(size, Math.abs(shown), 1e-6);
}

/**
 * @param {Planes} planes
 * @param {Place} place
 */
export function valueAt({ data, height, width }, { channel, y, x }) {
  return data[(channel * height + y) * width + x];
}

/**
 * The arithmetic of one unit, or `null` for an operator that has none to show.
 * @param {Layer} layer
 * @param {Place} at
 * @param {Input[]} inputs
 * @param {Parameters} parameters
 * @param {number} shown the engine's number
 * @returns {Explanation | null}
 */
export function explain(layer, at, inputs, parameters, shown) {
  const [input] = inputs;
  const { kernel } = layer;
  switch (layer.op) {
    case "conv2d":
      if (!kernel || !parameters.weight) return null;
      return convolution(kernel, at, input, parameters, shown);
    case "linear":
      return parameters.weight ? linear(layer, at, input, parameters, shown) : null;
    case "max_pool2d":
      return kernel && pooling("max", kernel, at, input, shown);
    case "avg_pool2d":
      return kernel && pooling("mean", kernel, at, input, shown);
    case "global_avg_pool":
      return pooling("mean", whole(input.planes), { ...at, y: 0, x: 0 }, input, shown);
    case "batch_norm":
      return norm(layer, at, input, parameters, shown);
    default:
      return pointwise(layer, at, inputs, shown);
  }
}

/**
 * @param {Planes} planes
 * @returns {Kernel}
 */
function whole({ height, width }) {
  return {
    shape: [height, width],
    stride: [height, width],
    padding: [0, 0, 0, 0],
    dilation: [1, 1],
    groups: 1,
  };
}

/**
 * @param {Kernel} kernel
 * @param {Place} at
 * @param {Planes} planes
 * @returns {Window}
 */
export function windowOf({ shape, stride, padding, dilation }, at, { height, width }) {
  const [rows, columns] = shape.slice(-2);
  const top = at.y * stride[0] - padding[0];
  const left = at.x * stride[1] - padding[2];
  const inside = new Uint8Array(rows * columns);
  for (let cell = 0; cell < inside.length; cell += 1) {
    const y = top + Math.floor(cell / columns) * dilation[0];
    const x = left + (cell % columns) * dilation[1];
    inside[cell] = Number(y >= 0 && y < height && x >= 0 && x < width);
  }
  return { rows, columns, top, left, step: [dilation[0], dilation[1]], inside };
}

/**
 * The place in the input that a cell of a window is.
 * @param {Window} window
 * @param {number} cell
 */
export function placeOf({ columns, top, left, step }, cell) {
  return { y: top + Math.floor(cell / columns) * step[0], x: left + (cell % columns) * step[1] };
}

/**
 * The numbers of one plane under a window; 0 in the padding.
 * @param {Planes} planes
 * @param {number} channel
 * @param {Window} window
 */
function under(planes, channel, window) {
  const from = plane(planes, channel);
  return Float32Array.from(window.inside, (inside, cell) => {
    const { y, x } = placeOf(window, cell);
    return inside ? from[y * planes.width + x] : 0;
  });
}

/**
 * @param {Kernel} kernel
 * @param {Place} at
 * @param {Input} input
 * @param {Parameters} parameters
 * @param {number} shown
 * @returns {Explanation}
 */
function convolution(kernel, at, { name, planes }, { weight = new Float32Array(), bias }, shown) {
  const [outputs, inputs, rows, columns] = kernel.shape;
  const window = windowOf(kernel, at, planes);
  const first = Math.floor(at.channel / (outputs / kernel.groups)) * inputs;
  const cells = rows * columns;
  /** @type {Patch[]} */
  const terms = [];
  let size = 0;
  for (let index = 0; index < inputs; index += 1) {
    const values = under(planes, first + index, window);
    const start = (at.channel * inputs + index) * cells;
    const own = weight.slice(start, start + cells);
    const products = values.map((value, cell) => value * own[cell]);
    let sum = 0;
    for (let cell = 0; cell < cells; cell += 1) sum += values[cell] * own[cell];
    for (const product of products) size += Math.abs(product);
    terms.push({ channel: first + index, values, kernel: own, products, sum });
  }
  terms.sort((a, b) => Math.abs(b.sum) - Math.abs(a.sum) || a.channel - b.channel);
  const added = bias ? bias[at.channel] : null;
  const value = terms.reduce((sum, term) => sum + term.sum, added ?? 0);
  const whole = { value, shown, size: size + Math.abs(added ?? 0) };
  if (cells > 1) return { kind: "patches", from: name, window, terms, bias: added, ...whole };
  const { y, x } = placeOf(window, 0);
  const products = terms.map(({ channel, values, kernel: [w], sum }) => {
    const from = { layer: name, channel, y, x };
    return { from, value: values[0], weight: w, product: sum };
  });
  return { kind: "products", terms: products, bias: added, ...whole };
}

/**
 * @param {Layer} layer
 * @param {Place} at
 * @param {Input} input
 * @param {Parameters} parameters
 * @param {number} shown
 * @returns {Explanation}
 */
function linear(layer, at, { name, planes }, { weight = new Float32Array(), bias }, shown) {
  const length = weight.length / layer.shape[0];
  const area = planes.height * planes.width;
  const terms = Array.from({ length }, (_, index) => {
    const value = planes.data[index];
    const own = weight[at.channel * length + index];
    const inPlane = index % area;
    const place = { y: Math.floor(inPlane / planes.width), x: inPlane % planes.width };
    const from = { layer: name, channel: Math.floor(index / area), ...place };
    return { from, value, weight: own, product: value * own };
  });
  terms.sort((a, b) => Math.abs(b.product) - Math.abs(a.product));
  const added = bias ? bias[at.channel] : null;
  const value = terms.reduce((sum, term) => sum + term.product, added ?? 0);
  const size = terms.reduce((sum, term) => sum + Math.abs(term.product), Math.abs(added ?? 0));
  return { kind: "products", terms, bias: added, value, shown, size };
}

/**
 * The maximum of a window (the first of a tie), or its mean.
 * @param {"max" | "mean"} rule
 * @param {Kernel} kernel
 * @param {Place} at
 * @param {Input} input
 * @param {number} shown
 * @returns {Explanation}
 */
function pooling(rule, kernel, at, { name, planes }, shown) {
  const window = windowOf(kernel, at, planes);
  const values = under(planes, at.channel, window);
  const cells = [...values.keys()].filter((cell) => window.inside[cell]);
  let winner = cells[0] ?? 0;
  for (const cell of cells) if (values[cell] > values[winner]) winner = cell;
  const sum = cells.reduce((total, cell) => total + values[cell], 0);
  const size = cells.reduce((total, cell) => total + Math.abs(values[cell]), 0);
  // A mean divides by all its cells or by those inside the picture: networks differ, and the number tells.
  const divisors = [values.length, cells.length];
  const count =
    divisors.find((each) => Math.abs(sum / each - shown) <= (TOLERANCE * size) / each) ??
    values.length;
  const value = rule === "max" ? values[winner] : sum / count;
  const about = { from: name, channel: at.channel, window, values, winner, count };
  return { kind: "window", rule, ...about, value, shown, size: rule === "max" ? 0 : size / count };
}

/**
 * @param {Layer} layer
 * @param {Place} at
 * @param {Input} input
 * @param {Parameters} parameters
 * @param {number} shown
 * @returns {Explanation | null}
 */
function norm({ statistics }, at, { name, planes }, parameters, shown) {
  const { weight, bias, mean, variance } = parameters;
  if (!statistics || !weight || !bias || !mean || !variance) return null;
  const numbers = {
    weight: weight[at.channel],
    bias: bias[at.channel],
    mean: mean[at.channel],
    variance: variance[at.channel],
    epsilon: statistics.epsilon,
  };
  const scale = numbers.weight / Math.sqrt(numbers.variance + numbers.epsilon);
  const shift = numbers.bias - scale * numbers.mean;
  const x = valueAt(planes, at);
  const operands = [{ from: { layer: name, ...at }, value: x }];
  const value = scale * x + shift;
  const size = Math.abs(scale * x) + Math.abs(scale * numbers.mean) + Math.abs(numbers.bias);
  return { kind: "norm", operands, scale, shift, ...numbers, value, shown, size };
}

/**
 * Functions of one number, in the field's names; `slope` is a leaky relu's.
 * @type {Record<string, (x: number, slope: number) => number>}
 */
const FUNCTIONS = {
  relu: (x) => Math.max(0, x),
  relu6: (x) => Math.min(6, Math.max(0, x)),
  leaky_relu: (x, slope) => (x > 0 ? x : slope * x),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  silu: (x) => x / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  hard_swish: (x) => (x * Math.min(6, Math.max(0, x + 3))) / 6,
};

/**
 * Sums, products, functions of one number, and layers that only move numbers.
 * @param {Layer} layer
 * @param {Place} at
 * @param {Input[]} inputs
 * @param {number} shown
 * @returns {Explanation | null}
 */
function pointwise(layer, at, inputs, shown) {
  const rule = layer.op;
  const operands = operandsOf(layer, at, inputs);
  if (operands.length === 0) return null;
  const values = operands.map((each) => each.value);
  const size = values.reduce((sum, value) => sum + Math.abs(value), 0);
  /** @type {number} */
  let value;
  if (rule === "add") value = values.reduce((sum, each) => sum + each, 0);
  else if (rule === "mul") value = values.reduce((product, each) => product * each, 1);
  else if (rule in FUNCTIONS) value = FUNCTIONS[rule](values[0], layer.slope ?? 0);
  else if (rule === "concat" || rule === "flatten") [value] = values;
  else if (rule === "softmax") value = softmax(inputs[0].planes, at.channel);
  else return null;
  return { kind: "function", rule, slope: layer.slope, operands, value, shown, size };
}

/**
 * The numbers that an elementwise layer reads for one unit; inputs with one row and column count for every place.
 * @param {Layer} layer
 * @param {Place} at
 * @param {Input[]} inputs
 * @returns {Operand[]}
 */
function operandsOf({ op }, at, inputs) {
  if (op === "concat") {
    let { channel } = at;
    for (const { name, planes } of inputs) {
      const place = { ...at, channel };
      if (channel < planes.channels)
        return [{ from: { layer: name, ...place }, value: valueAt(planes, place) }];
      channel -= planes.channels;
    }
    return [];
  }
  if (op === "flatten") {
    const { name, planes } = inputs[0];
    const area = planes.height * planes.width;
    const inPlane = at.channel % area;
    const place = {
      channel: Math.floor(at.channel / area),
      y: Math.floor(inPlane / planes.width),
      x: inPlane % planes.width,
    };
    return [{ from: { layer: name, ...place }, value: valueAt(planes, place) }];
  }
  return inputs.map(({ name, planes }) => {
    const place = {
      channel: planes.channels === 1 ? 0 : at.channel,
      y: planes.height === 1 ? 0 : at.y,
      x: planes.width === 1 ? 0 : at.x,
    };
    return { from: { layer: name, ...place }, value: valueAt(planes, place) };
  });
}

/**
 * @param {Planes} planes a vector
 * @param {number} index
 */
function softmax({ data }, index) {
  const most = data.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const sum = data.reduce((total, value) => total + Math.exp(value - most), 0);
  return Math.exp(data[index] - most) / sum;
}
