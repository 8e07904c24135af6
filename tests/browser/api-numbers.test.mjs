// What the interface computes, against PyTorch: convolutions of the grid, and a whole network.
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { fixtureArrays, fixtureJson } from "./fixtures.mjs";
import { BACKENDS, withScope } from "./harness.mjs";
import { lattice, relativeError } from "./nets.mjs";

/** Every so many cases of the grid are run here; all of them are natively. */
const EVERY = 5;

/** The bound, relative to the largest value. */
const TOLERANCE = 1e-4;

const { cases } = fixtureJson("conv_grid.json");
const grid = cases.filter(
  (/** @type {unknown} */ _, /** @type {number} */ index) => index % EVERY === 0,
);
const expected = fixtureArrays("conv_grid.safetensors");

/** @param {any} each a case of the grid, as a network of one layer with its picture and upstream gradient */
function network(each) {
  const { id, n, c_in, c_out, h, w, kernel, stride, padding, dilation, groups } = each;
  const conv = {
    name: "conv",
    op: "conv2d",
    inputs: ["x"],
    weight: "w",
    stride,
    padding,
    dilation,
    groups,
  };
  const graph = {
    input: { name: "x", shape: [c_in, h, w] },
    nodes: [each.bias ? { ...conv, bias: "b" } : conv],
  };
  /** @type {Record<string, import("./nets.mjs").Tensor>} */
  const weights = { w: lattice(id, 1, [c_out, c_in / groups, ...kernel]) };
  if (each.bias) weights.b = lattice(id, 2, [c_out]);
  return {
    source: { graph, weights },
    x: lattice(id, 0, [n, c_in, h, w]),
    dy: lattice(id, 3, expected[`${id}.y`].shape),
  };
}

for (const backend of BACKENDS) {
  describe(`numbers (${backend})`, () => {
    /** @type {Record<string, import("./nets.mjs").Tensor>[]} */
    let seen;
    before(async () => {
      seen = await withScope(
        { backend },
        async ({ scope, arg }) => {
          const results = [];
          for (const { source, x, dy } of arg) {
            const net = await scope.load(source);
            const { conv: y } = await net.activations(x, ["conv"]);
            const wrt = ["input", ...Object.keys(source.weights)];
            const {
              input: dx,
              w: dw,
              b: db,
            } = await net.gradient(x, { layer: "conv", dot: dy }, { wrt });
            results.push(
              /** @type {Record<string, any>} */ (db ? { y, dx, dw, db } : { y, dx, dw }),
            );
            net.dispose();
          }
          return results;
        },
        grid.map(network),
      );
    });

    test("at least 40 convolutions of the grid are run", () => {
      assert.ok(grid.length >= 40);
      assert.equal(seen.length, grid.length);
    });

    for (const [index, each] of grid.entries()) {
      const { id, n, c_in, c_out, h, w, kernel, stride, padding, dilation, groups } = each;
      const words = `${n}×${c_in}×${h}×${w} to ${c_out}, kernel ${kernel}, stride ${stride}, padding ${padding}, dilation ${dilation}, groups ${groups}`;
      test(`convolution ${id}: ${words}`, () => {
        for (const [name, { data, shape }] of Object.entries(seen[index])) {
          const right = expected[`${id}.${name}`];
          assert.deepEqual(shape, right.shape, name);
          const error = relativeError(data, right.data);
          assert.ok(error <= TOLERANCE, `${name} is off by ${error}`);
        }
      });
    }
  });

  describe(`efficientnet-lite0 (${backend})`, () => {
    const fixture = fixtureArrays("lite0.safetensors");
    const names = ["chelsea", "coffee", "rocket", "flower"];
    /** On the software adapter one photograph is slow enough. */
    const run = backend === "cpu" ? names : names.slice(0, 1);
    /** @type {any} */
    let seen;
    before(async () => {
      seen = await withScope(
        { backend },
        async ({ scope, arg }) => {
          const model = scope.models.find(
            (/** @type {{ id: string }} */ { id }) => id === "efficientnet-lite0",
          );
          if (!model) return null;
          /** @type {number[]} */
          const loaded = [];
          const net = await scope.load("efficientnet-lite0", {
            onProgress: (/** @type {{ loaded: number }} */ progress) =>
              loaded.push(progress.loaded),
          });
          const results = [];
          for (const crop of arg) {
            const [height, width] = crop.shape;
            // The stored crops are what is left after cropping and resizing.
            const plane = width * height;
            const x = Float32Array.from(
              { length: 3 * plane },
              (_, i) => (crop.data[3 * (i % plane) + Math.floor(i / plane)] - 127) / 128,
            );
            const picture = { data: x, shape: [1, 3, height, width] };
            const { logits, top } = await net.predict(picture);
            const gradient = await net.gradient(picture, { logit: top[0].index });
            results.push({ logits, top, gradient });
          }
          const photo = scope.pictures.find(
            (/** @type {{ id: string }} */ { id }) => id === "chelsea",
          );
          const blob = await (await fetch(photo.url)).blob();
          const ofFile = await net.predict(blob);
          const pictures = await net.toPixels(await net.preprocess(blob));
          return { results, ofFile, pixels: pictures.data, loaded, bytes: model.bytes };
        },
        run.map((name) => fixture[`${name}.crop`]),
      );
    });

    for (const [index, name] of run.entries()) {
      test(`its logits and input gradient for ${name} agree with PyTorch`, (context) => {
        if (!seen) {
          context.skip("it did not ship with this build");
          return;
        }
        const { logits, gradient } = seen.results[index];
        assert.ok(relativeError(logits.data, fixture[`${name}.logits`].data) < 1e-3);
        const right = fixture[`${name}.gradient`].data.map(
          (/** @type {number} */ value) => value / fixture[`${name}.scale`].data[0],
        );
        let [error, size] = [0, 0];
        for (let i = 0; i < right.length; i += 1) {
          error += (gradient.data[i] - right[i]) ** 2;
          size += right[i] ** 2;
        }
        assert.ok(Math.sqrt(error / size) < 3e-2, `relative L2 ${Math.sqrt(error / size)}`);
      });
    }

    test("a photograph from its file is seen as Pillow and PyTorch see it", (context) => {
      if (!seen) {
        context.skip("it did not ship with this build");
        return;
      }
      const [best] = seen.ofFile.top;
      assert.match(best.label, /tiger cat/);
      assert.ok(Math.abs(best.probability - 0.41) < 0.006, `${best.probability}`);
      const crop = fixture["chelsea.crop"].data;
      for (let p = 0; p < 224 * 224; p += 1)
        for (let channel = 0; channel < 3; channel += 1)
          if (seen.pixels[4 * p + channel] !== crop[3 * p + channel])
            assert.fail(
              `pixel ${p}: ${seen.pixels[4 * p + channel]}, Pillow has ${crop[3 * p + channel]}`,
            );
    });

    test("loading tells the bytes so far, up to all of them", (context) => {
      if (!seen) {
        context.skip("it did not ship with this build");
        return;
      }
      const { loaded } = seen;
      assert.ok(loaded.length > 3);
      assert.ok(
        loaded.every(
          (/** @type {number} */ value, /** @type {number} */ i) =>
            i === 0 || value >= loaded[i - 1],
        ),
      );
      assert.ok(loaded.at(-1) >= seen.bytes);
    });
  });
}

describe("fashion", () => {
  const fixture = fixtureArrays("fashion.safetensors");
  /** @type {Record<string, any>} */
  const seen = {};
  before(async () => {
    for (const backend of BACKENDS) seen[backend] = await withScope({ backend }, look, fixture);
  });

  /**
   * Asks everything once, in the page.
   * @param {{ scope: any, arg: Record<string, any> }} given
   */
  const look = async ({ scope, arg: { pictures, labels: classOf } }) => {
    const net = await scope.load("fashion");
    const stored = {
      logits: (await net.predict(pictures)).logits,
      gradients: /** @type {any[]} */ ([]),
    };
    for (const [index, label] of classOf.data.entries()) {
      const data = pictures.data.slice(index * 784, (index + 1) * 784);
      const gradient = await net.gradient({ data, shape: [1, 1, 28, 28] }, { logit: label });
      stored.gradients.push(gradient.data);
    }
    const { images, labels, classes } = await scope.dataset("fashion");
    const size = 28 * 28;
    const some = { data: images.data.slice(0, 200 * size), shape: [200, 1, 28, 28] };
    const { logits, top } = await net.predict(some, { top: 1 });
    const one = { data: images.data.slice(0, size), shape: [1, 1, 28, 28] };
    const gradient = await net.gradient(one, { logit: labels[0] });
    const shipped = scope.pictures.filter(
      (/** @type {{ kind: string }} */ { kind }) => kind === "fashion",
    );
    const right = [];
    for (const { url, label } of shipped) {
      const { top } = await net.predict(await (await fetch(url)).blob());
      right.push(top[0].index === label);
    }
    const byHand = await net.preprocess(await (await fetch(shipped[0].url)).blob());
    return {
      agree: top.filter(
        (/** @type {{ index: number }[]} */ [{ index }], /** @type {number} */ i) =>
          index === labels[i],
      ).length,
      logits,
      gradient,
      right: right.filter(Boolean).length,
      shipped: right.length,
      labels: net.labels,
      classes,
      range: [Math.min(...one.data), Math.min(...byHand.data)],
      stored,
    };
  };

  for (const backend of BACKENDS) {
    test(`it knows most of its test pictures, in the data set and from files (${backend})`, () => {
      const { agree, right, shipped, labels, classes, range } = seen[backend];
      assert.ok(agree >= 0.85 * 200, `${agree} of 200`);
      assert.ok(shipped >= 10 && right >= 0.8 * shipped, `${right} of ${shipped}`);
      assert.deepEqual(labels, classes);
      assert.equal(range[0], range[1], "the data set and the rule have the same background");
    });
  }

  for (const backend of BACKENDS)
    test(`its logits and input gradients agree with PyTorch (${backend})`, () => {
      const { logits, gradients } = seen[backend].stored;
      assert.ok(relativeError(logits.data, fixture.logits.data) < 1e-5);
      assert.equal(gradients.length, 10);
      for (const [index, gradient] of gradients.entries()) {
        const right = fixture.gradient.data.slice(index * 784, (index + 1) * 784);
        // A gradient passes kinks, where one rounding shows.
        assert.ok(relativeError(gradient, right) < 1e-3, `picture ${index}`);
      }
    });

  test("both engines give the same logits and input gradient", () => {
    const { cpu, webgpu } = seen;
    assert.ok(relativeError(webgpu.logits.data, cpu.logits.data) < 1e-4);
    assert.ok(relativeError(webgpu.gradient.data, cpu.gradient.data) < 1e-3);
    assert.ok(cpu.gradient.data.some((/** @type {number} */ value) => value !== 0));
  });
});
