// Small networks as data and what tests compare with; everything is made from indices, so that runs repeat.

/** @typedef {{ data: Float32Array, shape: number[] }} Tensor */

/**
 * Values in [-1, 1], the twin of `lattice` in fixtures/fixture_io.py.
 * @param {number} case_
 * @param {number} tensor
 * @param {number[]} shape
 * @returns {Tensor}
 */
export function lattice(case_, tensor, shape) {
  const length = shape.reduce((product, extent) => product * extent, 1);
  const level = (/** @type {number} */ i) =>
    (i * 7919 + case_ * 104_729 + tensor * 1_299_709) % 2001;
  return { data: Float32Array.from({ length }, (_, i) => (level(i) - 1000) / 1000), shape };
}

/**
 * @param {Tensor} tensor
 * @param {number} scale
 * @param {number} [offset]
 */
function scaled({ data, shape }, scale, offset = 0) {
  return { data: data.map((value) => value * scale + offset), shape };
}

/** The network of the API's documentation on smaller pictures: relu and max pooling, 3×12×12 to 5 classes. */
export function tiny() {
  const graph = {
    name: "tiny",
    input: { name: "x", shape: [3, 12, 12] },
    output: "logits",
    nodes: [
      {
        name: "conv1",
        op: "conv2d",
        inputs: ["x"],
        weight: "conv1.weight",
        bias: "conv1.bias",
        padding: [1, 1, 1, 1],
      },
      {
        name: "norm1",
        op: "batch_norm",
        inputs: ["conv1"],
        weight: "norm1.weight",
        bias: "norm1.bias",
        mean: "norm1.mean",
        variance: "norm1.variance",
      },
      { name: "act1", op: "relu", inputs: ["norm1"] },
      { name: "pool1", op: "max_pool2d", inputs: ["act1"], kernel: [2, 2], stride: [2, 2] },
      { name: "mean", op: "global_avg_pool", inputs: ["pool1"] },
      { name: "logits", op: "linear", inputs: ["mean"], weight: "fc.weight", bias: "fc.bias" },
    ],
  };
  const weights = {
    "conv1.weight": scaled(lattice(1, 0, [8, 3, 3, 3]), 0.3),
    "conv1.bias": scaled(lattice(1, 1, [8]), 0.1),
    "norm1.weight": scaled(lattice(1, 2, [8]), 0.2, 1),
    "norm1.bias": scaled(lattice(1, 3, [8]), 0.1),
    "norm1.mean": scaled(lattice(1, 4, [8]), 0.1),
    "norm1.variance": scaled(lattice(1, 5, [8]), 0.2, 0.7),
    "fc.weight": scaled(lattice(1, 6, [5, 8]), 2),
    "fc.bias": scaled(lattice(1, 7, [5]), 0.1),
  };
  return { graph, weights };
}

/** A network without kinks, for finite differences: 2×6×6 to 4 classes. */
export function smooth() {
  const graph = {
    name: "smooth",
    input: { name: "x", shape: [2, 6, 6] },
    nodes: [
      { name: "conv1", op: "conv2d", inputs: ["x"], weight: "w1", padding: [1, 1, 1, 1] },
      { name: "act1", op: "silu", inputs: ["conv1"] },
      { name: "conv2", op: "conv2d", inputs: ["act1"], weight: "w2", bias: "b2", stride: [2, 2] },
      { name: "act2", op: "sigmoid", inputs: ["conv2"] },
      { name: "flat", op: "flatten", inputs: ["act2"] },
      { name: "logits", op: "linear", inputs: ["flat"], weight: "w3" },
    ],
  };
  const weights = {
    w1: scaled(lattice(2, 0, [3, 2, 3, 3]), 0.6),
    w2: scaled(lattice(2, 1, [4, 3, 2, 2]), 0.8),
    b2: scaled(lattice(2, 2, [4]), 0.2),
    w3: scaled(lattice(2, 3, [4, 36]), 0.5),
  };
  return { graph, weights };
}

/**
 * Tensors as the bytes of a safetensors file.
 * @param {Record<string, Tensor>} tensors
 */
export function safetensors(tensors) {
  /** @type {Record<string, unknown>} */
  const header = {};
  /** @type {Buffer[]} */
  const parts = [];
  let at = 0;
  for (const [name, { data, shape }] of Object.entries(tensors)) {
    header[name] = { dtype: "F32", shape, data_offsets: [at, at + data.byteLength] };
    parts.push(Buffer.from(data.buffer));
    at += data.byteLength;
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return new Uint8Array(Buffer.concat([length, text, ...parts]));
}

/**
 * The largest difference, relative to the largest expected value.
 * @param {ArrayLike<number>} got
 * @param {ArrayLike<number>} expected
 */
export function relativeError(got, expected) {
  if (got.length !== expected.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  let difference = 0;
  for (let i = 0; i < got.length; i += 1) {
    largest = Math.max(largest, Math.abs(expected[i]));
    const d = Math.abs(got[i] - expected[i]);
    difference = Number.isNaN(d) ? Number.POSITIVE_INFINITY : Math.max(difference, d);
  }
  return difference === 0 ? 0 : difference / largest;
}

/** A PNG whose header says 20,000×20,000 and which then ends. */
export function hugePng() {
  const header = Buffer.from(
    "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x4e\x20\0\0\x4e\x20\x08\x02\0\0\0",
    "latin1",
  );
  return new Uint8Array(header);
}
