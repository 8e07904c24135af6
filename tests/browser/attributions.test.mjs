// Attributions through the interface: maps against Captum's and pytorch-grad-cam's, what calls tell on the way, what proves
// a map, and what is refused.
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { fixtureArrays, fixtureJson } from "./fixtures.mjs";
import { BACKENDS, withScope } from "./harness.mjs";

/** @typedef {{ data: Float32Array, shape: number[] }} Tensor */

const stored = /** @type {Record<string, Tensor>} */ (fixtureArrays("attributions.safetensors"));
const { target, steps, graph } = fixtureJson("attributions.json").cases.find(
  (/** @type {{ name: string }} */ { name }) => name === "gap",
);

/** What stands under a name's start, without it. @param {string} start */
const under = (start) =>
  Object.fromEntries(
    Object.entries(stored)
      .filter(([name]) => name.startsWith(start))
      .map(([name, tensor]) => [name.slice(start.length), tensor]),
  );
const weights = under("gap/weights/");
const { x, noise, baseline, masks } = under("gap/given/");
const maps = under("gap/map/");

/** Stored maps with the options that make them. @type {[string, Record<string, any>][]} */
const MAPS = [
  ["gradient", { method: "gradient" }],
  ["input_x_gradient", { method: "input_x_gradient" }],
  ["integrated_gradients.gausslegendre", { method: "integrated_gradients", steps }],
  [
    "integrated_gradients.riemann_trapezoid",
    { method: "integrated_gradients", steps, rule: "riemann_trapezoid" },
  ],
  ["integrated_gradients.baseline", { method: "integrated_gradients", steps, baseline }],
  ["smooth_grad", { method: "smooth_grad", noise }],
  ["smooth_grad_sq", { method: "smooth_grad_sq", noise }],
  ["var_grad", { method: "var_grad", noise }],
  ["occlusion", { method: "occlusion", window: [5, 4], stride: [3, 2], fill: 0.25 }],
  ["cam", { method: "cam", relu: false }],
  ["grad_cam.raw.act1", { method: "grad_cam", layer: "act1", relu: false }],
  ["grad_cam.relu.act2", { method: "grad_cam" }],
  ["guided_grad_cam.act1", { method: "guided_grad_cam", layer: "act1" }],
  ["difference", { method: "gradient", target: [{ logit: 1 }, { logit: 2, weight: -1 }] }],
];

/** Options that are refused, with what the sentence must say. @type {[Record<string, any>, RegExp][]} */
const REFUSED = [
  [{ method: "gradcam" }, /method must be one of .*grad_cam/],
  [{ method: "saliency", steps: 5 }, /saliency has no option 'steps'/],
  [{ method: "integrated_gradients", samples: 5 }, /no option 'samples'.*steps, rule, baseline/],
  [{ method: "integrated_gradients", steps: 0 }, /steps/],
  [{ method: "integrated_gradients", steps: 2.5 }, /steps/],
  [{ method: "integrated_gradients", rule: "simpson" }, /simpson.*riemann_left/],
  [{ method: "integrated_gradients", baseline: "white" }, /baseline.*"black"/],
  [{ method: "integrated_gradients", baseline: masks }, /baseline/],
  [{ method: "smooth_grad", samples: 0 }, /samples/],
  [{ method: "smooth_grad", sigma: -0.1 }, /sigma/],
  [{ method: "smooth_grad", sigma: 0.1, noise }, /sigma/],
  [{ method: "smooth_grad", noise: masks }, /noise/],
  [{ method: "var_grad", samples: 1 }, /samples/],
  [{ method: "occlusion", window: 11 }, /window/],
  [{ method: "occlusion", window: [4, 0] }, /window/],
  [{ method: "occlusion", window: 2, stride: 3 }, /stride/],
  [{ method: "rise", masks: 0 }, /masks/],
  [{ method: "rise", masks: noise }, /masks/],
  [{ method: "grad_cam", layer: "conv9" }, /conv9/],
  [{ method: "grad_cam", relu: 1 }, /relu/],
  [{ method: "cam", layer: "act1" }, /act2/],
  [{ method: "cam", target: { probability: 1 } }, /logits/],
  [{ method: "gradient", target: 9 }, /class 9/],
];

/**
 * The distance relative to the length of what is expected.
 * @param {Float32Array} got
 * @param {Float32Array} expected
 */
function relativeL2(got, expected) {
  assert.equal(got.length, expected.length);
  const norm = (/** @type {Float32Array} */ values) => Math.hypot(...values);
  return norm(got.map((value, i) => value - expected[i])) / norm(expected);
}

for (const backend of BACKENDS) {
  describe(`attributions (${backend})`, () => {
    /** @type {Tensor[]} */
    let seen;
    before(async () => {
      seen = await withScope(
        { backend },
        async ({ scope, arg: { source, x, target, options } }) => {
          const net = await scope.load(source);
          const maps = [];
          for (const each of options) maps.push(await net.attribute(x, { target, ...each }));
          return maps;
        },
        { source: { graph, weights }, x, target, options: MAPS.map(([, options]) => options) },
      );
    });

    test("maps are Captum's and pytorch-grad-cam's", () => {
      for (const [i, [name]] of MAPS.entries()) {
        const error = relativeL2(seen[i].data, maps[name].data);
        assert.ok(error < 1e-3, `${name}: ${error}`);
      }
    });
  });
}

describe("attributions, on the way and after", () => {
  test("what a method does not have or cannot take is refused with a sentence", async () => {
    const errors = await withScope(
      { backend: "cpu" },
      async ({ scope, arg: { source, x, options } }) => {
        const net = await scope.load(source);
        const errors = [];
        for (const each of options)
          errors.push(
            await net.attribute(x, each).then(
              () => ({ code: "none", message: "it was taken" }),
              (/** @type {any} */ { code, message }) => ({ code, message }),
            ),
          );
        return errors;
      },
      { source: { graph, weights }, x, options: REFUSED.map(([options]) => options) },
    );
    for (const [i, [options, words]] of REFUSED.entries()) {
      const what = `${JSON.stringify(options).slice(0, 80)}: ${errors[i].message}`;
      assert.equal(errors[i].code, "bad_argument", what);
      assert.match(errors[i].message, words, what);
    }
  });

  test("estimates stream, the seed repeats them, and a signal stops them", async () => {
    const seen = await withScope(
      { backend: "cpu" },
      async ({ scope, arg: { source, x } }) => {
        const net = await scope.load(source);
        /** @type {any[]} */
        const steps = [];
        const onProgress = (/** @type {any} */ progress) => void steps.push(progress);
        const options = { method: "rise", target: 1, masks: 600 };
        const map = await net.attribute(x, { ...options, seed: 3, onProgress });
        /** @type {any[]} */
        const cams = [];
        for (const method of ["score_cam", "ablation_cam"]) {
          /** @type {any[]} */
          const all = [];
          const cam = await net.attribute(x, {
            method,
            target: 1,
            resize: true,
            onProgress: (/** @type {any} */ progress) => void all.push(progress),
          });
          cams.push({ method, cam, last: all.at(-1) });
        }
        const again = await net.attribute(x, { ...options, seed: 3 });
        const other = await net.attribute(x, { ...options, seed: 4 });
        const life = new AbortController();
        const stopped = await net
          .attribute(x, {
            ...options,
            masks: 100000,
            signal: life.signal,
            onProgress: () => life.abort(),
          })
          .then(
            () => "done",
            (/** @type {any} */ { code }) => code,
          );
        const after = await net.attribute(x, { method: "gradient" });
        return { map, again, other, steps, stopped, after, cams };
      },
      { source: { graph, weights }, x },
    );
    assert.deepEqual(seen.again.data, seen.map.data);
    assert.notDeepEqual(seen.other.data, seen.map.data);
    const last = seen.steps.at(-1);
    assert.equal(last.done, last.total);
    assert.deepEqual(last.partial.shape, x.shape);
    assert.deepEqual(last.partial.data, seen.map.data);
    for (const { method, cam, last } of seen.cams) assert.deepEqual(last.partial, cam, method);
    assert.equal(seen.stopped, "aborted");
    assert.deepEqual(seen.after.shape, x.shape);
  });

  test("identities hold, curves are drawn, randomised weights change maps and come back", async () => {
    const seen = await withScope(
      { backend: "cpu" },
      async ({ scope, arg: { source, x } }) => {
        const net = await scope.load(source);
        const one = { data: x.data.slice(0, x.data.length / 2), shape: [1, ...x.shape.slice(1)] };
        const methods = ["integrated_gradients", "full_grad", "cam", "grad_cam", "hires_cam"];
        /** @type {any[]} */
        const identities = [];
        for (const method of [...methods, "deep_lift", "lrp"])
          identities.push(await net.check(one, { method, target: 2 }));
        const none = await net.check(one, { method: "eigen_cam" });
        const map = await net.attribute(one, { method: "gradient", target: 2 });
        const wrong = await net.check(one, { method: "integrated_gradients", target: 2, map });
        const curves = await net.faithfulness(one, map, { target: 2, steps: 10, seed: 1 });
        await net.randomize({ layers: ["conv2", "logits"], seed: 5 });
        const { modified } = net;
        const changed = await net.attribute(one, { method: "gradient", target: 2 });
        const likeness = await scope.similarity(map, changed);
        await net.restore();
        const back = await net.attribute(one, { method: "gradient", target: 2 });
        const same = await scope.similarity(map, back);
        return {
          identities,
          none,
          wrong,
          curves,
          modified,
          likeness,
          same,
          restored: !net.modified,
        };
      },
      { source: { graph, weights }, x },
    );
    for (const list of seen.identities) {
      assert.equal(list.length, 1);
      const [{ name, left, right, error, tolerance, holds, formula }] = list;
      assert.ok(holds && error <= tolerance, `${name}: ${left} and ${right}`);
      assert.match(formula, /=/);
    }
    assert.deepEqual(seen.none, []);
    assert.equal(seen.wrong[0].holds, false);
    for (const curves of [seen.curves.map, seen.curves.random, seen.curves.reversed]) {
      assert.equal(curves.deletion.values.length, 11);
      // Nothing deleted is everything inserted.
      assert.ok(Math.abs(curves.deletion.values[0] - curves.insertion.values[10]) < 1e-5);
    }
    assert.ok(seen.modified && seen.restored);
    assert.ok(seen.likeness.spearman < 0.9, `${seen.likeness.spearman}`);
    assert.ok(Math.abs(seen.same.spearman - 1) < 1e-6 && Math.abs(seen.same.ssim - 1) < 1e-6);
  });
});
