// What every member of the interface gives, on a small network handed over as data.
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { BACKENDS, withScope } from "./harness.mjs";
import { lattice, relativeError, smooth, tiny } from "./nets.mjs";

const x = lattice(7, 0, [1, 3, 12, 12]);
const two = lattice(7, 1, [2, 3, 12, 12]);

for (const backend of BACKENDS) {
  describe(`the interface (${backend})`, () => {
    /** @type {any} */
    let seen;
    before(async () => {
      seen = await look(backend);
    });

    test("a scope says what runs, why, and what ships", () => {
      const { scope } = seen;
      assert.equal(scope.backend, backend);
      assert.ok(scope.reason.length > 10);
      if (scope.backend === "cpu") assert.equal(scope.adapter, null);
      else {
        assert.deepEqual(Object.keys(scope.adapter).sort(), [
          "architecture",
          "description",
          "features",
          "isFallbackAdapter",
          "limits",
          "vendor",
        ]);
        assert.equal(scope.adapter.isFallbackAdapter, true);
      }
      for (const model of scope.models)
        for (const key of ["id", "title", "bytes", "licence", "source", "classes", "input"])
          assert.ok(model[key] !== undefined, `${model.id} has no ${key}`);
      assert.ok(scope.pictures.length > 20);
      for (const picture of scope.pictures)
        for (const key of ["id", "title", "url", "credit"])
          assert.ok(picture[key], `${picture.id} has no ${key}`);
      for (const key of ["gpuBytes", "wasmBytes", "buffers", "pipelines"])
        assert.equal(typeof scope.memory[key], "number", key);
      assert.ok(scope.memory.wasmBytes > 1e6);
      assert.equal(scope.memory.gpuBytes > 0, scope.backend === "webgpu");
    });

    test("a network as data tells its layers", () => {
      const { name, labels, input, layers } = seen.about;
      assert.equal(name, "tiny");
      assert.deepEqual(labels, ["class 0", "class 1", "class 2", "class 3", "class 4"]);
      assert.deepEqual(input.shape, [1, 3, 12, 12]);
      assert.deepEqual(input.preprocess, {
        size: [12, 12],
        crop: null,
        mean: [0, 0, 0],
        std: [1, 1, 1],
        channels: "rgb",
      });
      const names = layers.map((/** @type {{ name: string }} */ layer) => layer.name);
      assert.deepEqual(names, ["conv1", "norm1", "act1", "pool1", "mean", "logits"]);
      const { statistics, ...conv1 } = layers[0];
      assert.equal(statistics, null);
      assert.deepEqual(conv1, {
        name: "conv1",
        op: "conv2d",
        inputs: ["x"],
        shape: [8, 12, 12],
        kernel: {
          shape: [8, 3, 3, 3],
          stride: [1, 1],
          padding: [1, 1, 1, 1],
          dilation: [1, 1],
          groups: 1,
        },
        params: 8 * 27 + 8,
        macs: 8 * 27 * 144,
        block: "conv1",
        weight: "conv1.weight",
        bias: "conv1.bias",
        slope: null,
        receptiveField: { size: [3, 3], stride: [1, 1], start: [-1, -1] },
      });
      assert.deepEqual(layers[5].shape, [5, 1, 1]);
      assert.equal(layers[5].kernel, null);
    });

    test("a network as data says whether batch norm was folded, and a leaky relu its slope", () => {
      assert.equal(seen.about.folded, false);
      assert.deepEqual(seen.leaky, { folded: true, slope: Math.fround(0.2) });
    });

    test("a prediction has logits, probabilities that sum to 1, and the likeliest classes first", () => {
      const { logits, probabilities, top } = seen.prediction;
      assert.deepEqual(logits.shape, [1, 5]);
      const sum = logits.data.reduce(
        (/** @type {number} */ all, /** @type {number} */ value) => all + Math.exp(value),
        0,
      );
      const expected = logits.data.map((/** @type {number} */ value) => Math.exp(value) / sum);
      assert.ok(relativeError(probabilities.data, expected) < 1e-5);
      assert.equal(top.length, 5);
      const ranking = [...expected.keys()].sort((a, b) => expected[b] - expected[a]);
      assert.deepEqual(
        top.map((/** @type {{ index: number }} */ each) => each.index),
        ranking,
      );
      assert.equal(top[0].label, `class ${ranking[0]}`);
      assert.ok(Math.abs(top[0].probability - expected[ranking[0]]) < 1e-6);
    });

    test("several pictures give a list for each, and the same logits as alone", () => {
      const { batch, alone } = seen;
      assert.deepEqual(batch.logits.shape, [2, 5]);
      assert.equal(batch.top.length, 2);
      assert.equal(batch.top[1].length, 2);
      assert.ok(relativeError(batch.logits.data.slice(5), alone.logits.data) < 1e-5);
    });

    test("an activation is a layer's own output, before norm and rectifier", () => {
      const { conv1, act1, norm1 } = seen.maps;
      const { weights } = tiny();
      assert.deepEqual(conv1.shape, [1, 8, 12, 12]);
      const expected = convolve(x, weights["conv1.weight"], weights["conv1.bias"].data);
      assert.ok(relativeError(conv1.data, expected) < 1e-5);
      const normed = conv1.data.map((/** @type {number} */ value, /** @type {number} */ index) => {
        const c = Math.floor(index / 144);
        const of = (/** @type {keyof typeof weights} */ name) => weights[name].data[c];
        const unit = (value - of("norm1.mean")) / Math.sqrt(of("norm1.variance") + 1e-5);
        return unit * of("norm1.weight") + of("norm1.bias");
      });
      assert.ok(relativeError(norm1.data, normed) < 1e-5);
      assert.ok(
        relativeError(
          act1.data,
          normed.map((/** @type {number} */ v) => Math.max(0, v)),
        ) < 1e-5,
      );
    });

    test("every objective's gradient is the slope of its value", () => {
      assert.ok(seen.slopes.length >= 18);
      for (const { name, slope, along } of seen.slopes)
        assert.ok(
          Math.abs(slope - along) <= 0.01 * Math.max(Math.abs(slope), Math.abs(along)) + 2e-4,
          `${name}: the value's slope is ${slope}, the gradient says ${along}`,
        );
      // A test of nothing but zeros could not fail.
      assert.ok(
        seen.slopes.every((/** @type {{ slope: number }} */ { slope }) => Math.abs(slope) > 1e-5),
      );
    });

    test("gradients to input, layer and weights have their shapes and one backward pass gives all", () => {
      const { all, single, value } = seen.wrt;
      assert.deepEqual(Object.keys(all).sort(), [
        "act1",
        "conv1.weight",
        "fc.bias",
        "input",
        "value",
      ]);
      assert.deepEqual(all.input.shape, [1, 3, 12, 12]);
      assert.deepEqual(all.act1.shape, [1, 8, 12, 12]);
      assert.deepEqual(all["conv1.weight"].shape, [8, 3, 3, 3]);
      assert.deepEqual(all["fc.bias"].shape, [5]);
      assert.ok(relativeError([all.value], [value]) < 1e-6);
      for (const [name, tensor] of Object.entries(single))
        assert.ok(relativeError(all[name].data, tensor.data) < 1e-5, name);
      assert.deepEqual([...all["fc.bias"].data], [0, 0, 1, 0, 0]);
      assert.ok(all["conv1.weight"].data.some((/** @type {number} */ v) => v !== 0));
    });

    test("saliency is the absolute gradient of the predicted class's logit, unless a target is given", () => {
      const { saliency, gradient, ofPredicted, ofTarget, ofObjective, ofBatch } = seen.attributions;
      assert.ok(relativeError(gradient.data, ofPredicted.data) < 1e-6);
      assert.deepEqual(
        [...saliency.data],
        [...gradient.data].map((value) => Math.abs(value)),
      );
      assert.ok(gradient.data.some((/** @type {number} */ value) => value < 0));
      assert.ok(relativeError(ofObjective.data, ofTarget.data) < 1e-5);
      assert.deepEqual(ofBatch.both.shape, [2, 3, 12, 12]);
      assert.ok(relativeError(ofBatch.both.data.slice(432), ofBatch.second.data) < 1e-5);
    });

    test("weights can be replaced, everything follows, and restore brings the loaded ones back", () => {
      const { loaded, edited, before: first, changed, after, flags } = seen.edits;
      assert.deepEqual([...loaded.data], [...tiny().weights["conv1.weight"].data]);
      assert.deepEqual(loaded.shape, [8, 3, 3, 3]);
      assert.ok(edited.data.every((/** @type {number} */ value) => value === 0));
      assert.ok(relativeError(changed.data, first.data) > 0.01);
      assert.deepEqual([...after.data], [...first.data]);
      assert.deepEqual(flags, [false, true, false]);
    });

    test("an override scales a channel or replaces an output", () => {
      const { off, doubled, replaced, plain, scaledLayer } = seen.overrides;
      const { data } = seen.maps.act1;
      const expected = data.map((/** @type {number} */ value, /** @type {number} */ index) =>
        Math.floor(index / 144) === 2 ? 0 : value,
      );
      assert.deepEqual([...scaledLayer.data], [...expected]);
      assert.ok(relativeError(off.data, plain.data) > 1e-4);
      assert.ok(relativeError(doubled.data, plain.data) > 1e-4);
      assert.ok(relativeError(replaced.data, tiny().weights["fc.bias"].data) < 1e-6);
    });

    test("a Gram matrix is F Fᵀ over the number of positions, or without the division", () => {
      const { normal, plain } = seen.grams;
      const f = seen.maps.act1.data;
      const expected = Array.from({ length: 64 }, (_, index) => {
        let sum = 0;
        for (let p = 0; p < 144; p += 1)
          sum += f[Math.floor(index / 8) * 144 + p] * f[(index % 8) * 144 + p];
        return sum;
      });
      assert.deepEqual(normal.shape, [8, 8]);
      assert.ok(relativeError(plain.data, expected) < 1e-5);
      assert.ok(
        relativeError(
          normal.data,
          expected.map((v) => v / 144),
        ) < 1e-5,
      );
    });

    test("calls keep their order when they overlap", () => {
      const [first, changed, last] = seen.overlap;
      assert.deepEqual([...first.data], [...seen.prediction.logits.data]);
      assert.ok(relativeError(changed.data, first.data) > 0.01);
      assert.deepEqual([...last.data], [...first.data]);
    });

    test("what the caller handed over stays the caller's", () => {
      assert.deepEqual(seen.kept, { x: 432, weight: 216, painted: 432 });
    });
  });
}

/**
 * A convolution with padding 1, as its definition says.
 * @param {import("./nets.mjs").Tensor} input
 * @param {import("./nets.mjs").Tensor} weight
 * @param {Float32Array} bias
 */
function convolve(input, weight, bias) {
  const [, channels, height, width] = input.shape;
  const [outputs] = weight.shape;
  const result = [];
  for (let o = 0; o < outputs; o += 1)
    for (let y = 0; y < height; y += 1)
      for (let x = 0; x < width; x += 1) {
        let sum = bias[o];
        for (let c = 0; c < channels; c += 1)
          for (let i = 0; i < 3; i += 1)
            for (let j = 0; j < 3; j += 1) {
              const [row, column] = [y + i - 1, x + j - 1];
              if (row < 0 || column < 0 || row >= height || column >= width) continue;
              const value = input.data[(c * height + row) * width + column];
              sum += weight.data[((o * channels + c) * 3 + i) * 3 + j] * value;
            }
        result.push(sum);
      }
  return result;
}

/**
 * Asks everything once, in one page.
 * @param {"webgpu" | "cpu"} backend
 */
function look(backend) {
  const probe = { at: lattice(8, 0, [1, 2, 6, 6]), along: lattice(8, 1, [1, 2, 6, 6]) };
  const direction = lattice(8, 2, [4]);
  const target = lattice(8, 3, [1, 4, 3, 3]);
  const gram = lattice(8, 4, [4, 4]);
  const leaky = {
    graph: {
      input: { name: "x", shape: [1, 2, 2] },
      folded: true,
      nodes: [{ name: "act", op: "leaky_relu", inputs: ["x"], slope: 0.2 }],
    },
    weights: {},
  };
  const arg = { leaky, tiny: tiny(), smooth: smooth(), x, two, probe, direction, target, gram };
  return withScope(
    { backend },
    async ({ scope, arg }) => {
      const { x, two } = arg;
      const net = await scope.load(arg.tiny);
      const { name, labels, input, layers, folded } = net;
      const about = { name, labels, input, layers, folded };
      const leaky = await scope.load(arg.leaky);
      const prediction = await net.predict(x);
      const batch = await net.predict(two, { top: 2 });
      const second = { data: two.data.slice(432), shape: [1, 3, 12, 12] };
      const alone = await net.predict(second);
      const maps = await net.activations(x, ["conv1", "norm1", "act1"]);

      const smooth = await scope.load(arg.smooth);
      const { at, along } = arg.probe;
      const objectives = [
        { logit: 1 },
        { probability: 2 },
        { loss: 3 },
        { layer: "conv1", channel: 1 },
        { layer: "conv2", channel: 1, y: 2, x: 0 },
        { layer: "act2", direction: arg.direction.data },
        { layer: "act2", dot: arg.target },
        { layer: "act1" },
        { layer: "act2", content: arg.target },
        { layer: "act2", content: arg.target, reduction: "sum" },
        { layer: "act2", gram: arg.gram },
        { layer: "act2", gram: arg.gram, reduction: "sum" },
        { layer: "act2", gram: arg.gram, normalize: false },
        { tv: 0.5 },
        { tv: 0.5, reduction: "mean" },
        { l2: 0.5 },
        { l2: 3, reduction: "mean" },
        [{ logit: 0 }, { logit: 2, weight: -1 }, { l2: 0.1, weight: 2 }],
      ];
      const slopes = [];
      for (const objective of objectives) {
        const step = 0.005;
        const moved = (/** @type {number} */ by) => ({
          data: at.data.map(
            (/** @type {number} */ value, /** @type {number} */ i) => value + by * along.data[i],
          ),
          shape: at.shape,
        });
        const up = await smooth.value(moved(step), objective);
        const down = await smooth.value(moved(-step), objective);
        const gradient = await smooth.gradient(at, objective);
        let inner = 0;
        for (let i = 0; i < gradient.data.length; i += 1) inner += gradient.data[i] * along.data[i];
        slopes.push({
          name: JSON.stringify(objective).slice(0, 60),
          slope: (up - down) / (2 * step),
          along: inner,
        });
      }

      const names = ["input", "act1", "conv1.weight", "fc.bias"];
      /** @type {Record<string, any>} */
      const single = {};
      for (const wrt of names) single[wrt] = await net.gradient(x, { logit: 2 }, { wrt });
      const wrt = {
        all: await net.gradient(x, { logit: 2 }, { wrt: names }),
        single,
        value: await net.value(x, { logit: 2 }),
      };

      const best = prediction.top[0].index;
      const attributions = {
        saliency: await net.attribute(x, { method: "saliency" }),
        gradient: await net.attribute(x, { method: "gradient" }),
        ofPredicted: await net.gradient(x, { logit: best }),
        ofTarget: await net.attribute(x, { method: "gradient", target: 3 }),
        ofObjective: await net.attribute(x, {
          method: "gradient",
          target: [{ logit: 3 }, { logit: 3, weight: 0 }],
        }),
        ofBatch: {
          both: await net.attribute(two, { method: "saliency" }),
          second: await net.attribute(second, { method: "saliency" }),
        },
      };

      const flags = [net.modified];
      const loaded = await net.weights("conv1.weight");
      const zeros = { data: new Float32Array(216), shape: [8, 3, 3, 3] };
      await net.setWeights("conv1.weight", zeros);
      flags.push(net.modified);
      const edited = await net.weights("conv1.weight");
      const changed = (await net.predict(x)).logits;
      await net.restore();
      flags.push(net.modified);
      const after = (await net.predict(x)).logits;
      const edits = { loaded, edited, before: prediction.logits, changed, after, flags };

      const logits = async (/** @type {object} */ override) =>
        (await net.predict(x, { override })).logits;
      const overrides = {
        plain: prediction.logits,
        off: await logits({ act1: { scale: { 2: 0 } } }),
        doubled: await logits({ conv1: { scale: { 0: 2, 5: 2 } } }),
        replaced: await logits({ mean: { data: new Float32Array(8), shape: [1, 8, 1, 1] } }),
        scaledLayer: (
          await net.activations(x, ["act1"], { override: { act1: { scale: { 2: 0 } } } })
        ).act1,
      };
      const grams = {
        normal: await net.gram(x, "act1"),
        plain: await net.gram(x, "act1", { normalize: false }),
      };

      // None is awaited before the next is made.
      const overlapping = [
        net.predict(x),
        net.setWeights("conv1.weight", zeros),
        net.predict(x),
        net.restore(),
        net.predict(x),
      ];
      const answers = await Promise.all(overlapping);
      const overlap = [answers[0], answers[2], answers[4]].map(({ logits }) => logits);

      await scope.paint(x);
      const kept = { x: x.data.length, weight: zeros.data.length, painted: x.data.length };
      const { backend, reason, adapter, models, pictures } = scope;
      return {
        scope: { backend, reason, adapter, models, pictures, memory: await scope.memory() },
        about,
        leaky: { folded: leaky.folded, slope: leaky.layers[0].slope },
        prediction,
        batch,
        alone,
        maps,
        slopes,
        wrt,
        attributions,
        edits,
        overrides,
        grams,
        overlap,
        kept,
      };
    },
    arg,
  );
}

test("a loaded network has begun with the pipelines of its first answer, and no others", async () => {
  const [before, loaded, answered] = await withScope({ backend: "webgpu" }, async ({ scope }) => {
    const pipelines = async () => (await scope.memory()).pipelines;
    const before = await pipelines();
    const net = await scope.load("fashion");
    const loaded = await pipelines();
    await net.predict({ data: new Float32Array(784), shape: [1, 1, 28, 28] });
    return [before, loaded, await pipelines()];
  });
  assert.ok(loaded > before, `${loaded} pipelines after ${before}`);
  assert.equal(answered, loaded);
});
