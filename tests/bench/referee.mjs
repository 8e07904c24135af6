// convscope as an engine of a referee that times several libraries in one page each, over the public API alone. The referee
// hands over a network as a list of nodes with weights by name, and asks for results and for repeated runs of one convolution.

/** @typedef {import("../../www/convscope.js").Tensor} Tensor */
/** @typedef {import("../../www/convscope.js").Net} Net */
/** @typedef {import("../../www/convscope.js").Scope} Scope */
/** @typedef {import("../../www/convscope.js").Prepared} Prepared */
/** @typedef {import("../../www/convscope.js").Pass} Pass */
/** @typedef {import("../../www/convscope.js").Objective} Objective */
/** @typedef {"fwd" | "dx" | "dw"} Kind a convolution, its gradient to the input and to the weights */
/**
 * @typedef {{ id: string, op: string, in: string[], shape: number[], cin: number, cout: number, kh: number, kw: number, stride: number, pad: number, groups: number, weight: string, bias: string, k: number }} Node
 */
/**
 * @typedef {object} Workload
 * @property {string} name
 * @property {{ c: number, h: number, w: number }} input
 * @property {string} output
 * @property {Node[]} nodes
 * @property {{ gram: { node: string, weight: number, target: string }[], content: { node: string, weight: number, target: string } }} [loss]
 */
/** @typedef {Record<string, Float32Array>} Weights */

/** @type {typeof import("../../www/convscope.js") | undefined} */
let library;

/** Loads the library; the referee times it. */
export async function init() {
  library = await import(new URL("../../dist/convscope.js", import.meta.url).href);
}

/** The referee's name of an operator, ours, and what it takes apart from its inputs. */
const OPERATORS = /** @type {const} */ ({
  conv: "conv2d",
  relu: "relu",
  relu6: "relu6",
  maxpool: "max_pool2d",
  add: "add",
  gap: "global_avg_pool",
  dense: "linear",
});

/** @param {Node} node */
function operatorOf(node) {
  const op = OPERATORS[/** @type {keyof typeof OPERATORS} */ (node.op)];
  if (!op) throw new Error(`the referee's operator ${node.op} is not known`);
  const common = { name: node.id, op, inputs: node.in };
  const { weight, bias } = node;
  switch (op) {
    case "conv2d": {
      const [stride, padding] = [Array(2).fill(node.stride), Array(4).fill(node.pad)];
      return { ...common, weight, bias, stride, padding, groups: node.groups };
    }
    case "max_pool2d":
      return { ...common, kernel: Array(2).fill(node.k), stride: Array(2).fill(node.stride) };
    case "linear":
      return { ...common, weight, bias };
    default:
      return common;
  }
}

/**
 * The network as data.
 * @param {Workload} workload
 * @param {Weights} weights
 */
function networkOf({ name, input, output, nodes }, weights) {
  const [source, ...rest] = nodes;
  const graph = {
    name,
    input: { name: source.id, shape: [input.c, input.h, input.w] },
    output,
    nodes: rest.map(operatorOf),
  };
  /** @type {Record<string, Tensor>} */
  const tensors = {};
  for (const { op, weight, bias, cin, cout, kh, kw, groups } of rest) {
    if (op !== "conv" && op !== "dense") continue;
    const shape = op === "conv" ? [cout, cin / groups, kh, kw] : [cout, cin];
    tensors[weight] = { data: weights[weight], shape };
    tensors[bias] = { data: weights[bias], shape: [cout] };
  }
  return { graph, weights: tensors };
}

/**
 * The style loss. The referee divides a Gram matrix by C·H·W, convscope by H·W: mean((G / C − T)²) = mean((G − C·T)²) / C².
 * @param {Workload} workload
 * @param {Weights} weights
 * @returns {Objective}
 */
function lossOf({ nodes, loss }, weights) {
  if (!loss) throw new Error("this workload has no loss");
  const shapeOf = (/** @type {string} */ id) => nodes.find((node) => node.id === id)?.shape ?? [];
  const style = loss.gram.map(({ node, weight, target }) => {
    const [channels] = shapeOf(node);
    const data = weights[target].map((value) => value * channels);
    const gram = { data, shape: [channels, channels] };
    return { layer: node, gram, weight: weight / channels ** 2 };
  });
  const { node, weight, target } = loss.content;
  const content = { data: weights[target], shape: [1, ...shapeOf(node)] };
  return [...style, { layer: node, content, weight }];
}

/**
 * @param {{ workload: Workload, weights: Weights, device: "webgpu" | "cpu" }} order
 */
export async function create({ workload, weights, device }) {
  if (!library) await init();
  const { open } = /** @type {NonNullable<typeof library>} */ (library);
  const scope = await open({ backend: device });
  const { c, h, w } = workload.input;
  const picture = (/** @type {Float32Array} */ data) => ({ data, shape: [1, c, h, w] });
  let turn = 0;
  /**
   * A picture that is not that of the last call, which would be answered from what that call left: the referee asks slow
   * engines about one picture again and again.
   */
  const another = (/** @type {Float32Array} */ data) => {
    const copy = data.slice();
    turn += 1;
    if (turn % 2 === 0) copy[0] += 1e-6;
    return picture(copy);
  };
  const convolution = workload.nodes.find(({ op }) => op === "conv");
  const objective = workload.loss && lossOf(workload, weights);
  /** @type {Net} */
  let net;
  /** @type {Partial<Record<Kind, Prepared>>} */
  const passes = {};
  const passOf = (/** @type {Kind} */ kind) => {
    const pass = passes[kind];
    if (!pass) throw new Error(`${kind} was not prepared`);
    return pass;
  };

  return {
    layout: "NCHW",
    info: () => ({ library: "convscope", backend: scope.backend, reason: scope.reason }),
    async load() {
      net = await scope.load(networkOf(workload, weights));
    },
    async forward(/** @type {Float32Array} */ input) {
      return (await net.predict(another(input))).logits.data;
    },
    async inputGrad(/** @type {Float32Array} */ input, /** @type {number} */ logit) {
      return (await net.gradient(another(input), { logit })).data;
    },
    async lossGrad(/** @type {Float32Array} */ input) {
      if (!objective) throw new Error("this workload has no loss");
      return (await net.gradient(another(input), objective)).data;
    },
    /** The operands go to the engine here; runs leave their result there. */
    async microPrepare(
      /** @type {Kind} */ kind,
      /** @type {Float32Array} */ x,
      /** @type {Float32Array} */ dy,
    ) {
      if (!convolution) throw new Error("this workload has no convolution");
      const { id: layer, weight, shape } = convolution;
      const dot = { data: dy, shape: [1, ...shape] };
      /** @type {Record<Kind, Pass>} */
      const wanted = {
        fwd: { layers: layer },
        dx: { objective: { layer, dot }, wrt: "input" },
        dw: { objective: { layer, dot }, wrt: weight },
      };
      passes[kind] = await net.prepare(picture(x), wanted[kind]);
    },
    microRun: (/** @type {Kind} */ kind, /** @type {number} */ times) =>
      passOf(kind).run({ times }),
    async microResult(/** @type {Kind} */ kind) {
      const [result] = Object.values(await passOf(kind).read());
      return { a: result.data };
    },
    dispose: () => scope.close(),
  };
}
