// Attributions by other backward rules through the interface, against Captum's and Zennit's maps on both backends.
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { fixtureArrays, fixtureJson } from "./fixtures.mjs";
import { BACKENDS, withScope } from "./harness.mjs";

/** @typedef {{ method: string, expected: string, options: Record<string, any> }} Check */
/** @typedef {{ id: string, graph: any, target: number, checks: Check[] }} Case */
/** @typedef {{ data: Float32Array, shape: number[] }} Tensor */

const stored = /** @type {Record<string, Tensor>} */ (fixtureArrays("rules.safetensors"));
const cases = /** @type {Case[]} */ (fixtureJson("rules.json").cases);

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

/** @type {[string, object, RegExp][]} */
const REFUSED = [
  ["an option of another method", { method: "deconvnet", baseline: "zero" }, /baseline/],
  [
    "a rule that lrp does not have",
    { method: "lrp", rule: "riemann_left" },
    /riemann_left.*z_plus/,
  ],
  ["an epsilon below 0", { method: "lrp", epsilon: -1 }, /epsilon must be a number from 0/],
  ["a gamma that is no number", { method: "lrp", gamma: "much" }, /gamma/],
  ["low above high", { method: "lrp", rule: "epsilon_gamma_box", low: 2, high: 1 }, /low/],
  ["two bounds for three channels", { method: "lrp", low: [0, 0] }, /2 numbers/],
  ["a rule for no layer", { method: "lrp", layerRules: { conv9: "gamma" } }, /conv9/],
  ["rules that are no object", { method: "lrp", layerRules: "gamma" }, /layerRules/],
  ["no rule of a layer", { method: "lrp", layerRules: { conv1: "flat" } }, /flat.*z_box/],
  ["a box far from the picture", { method: "lrp", layerRules: { conv2: "z_box" } }, /picture/],
  ["lrp of a probability", { method: "lrp", target: { probability: 1 } }, /probability/],
  ["deep_lift of a loss", { method: "deep_lift", target: { loss: 1 } }, /deep_lift/],
];

for (const backend of BACKENDS) {
  describe(`attributions by rules (${backend})`, () => {
    /** @type {{ maps: Record<string, Tensor>, errors: { code: string, message: string }[] }} */
    let seen;
    before(async () => {
      seen = await look(backend);
    });

    test("maps are Captum's and Zennit's", () => {
      const names = cases.flatMap(({ checks }) => checks.map(({ expected }) => expected));
      assert.ok(names.length >= 56);
      for (const name of names) {
        const error = relativeL2(seen.maps[name].data, stored[name].data);
        assert.ok(error < 1e-3, `${name}: ${error}`);
        assert.deepEqual(seen.maps[name].shape, stored[name].shape);
      }
    });

    test("options and targets that do not fit are refused with a sentence", () => {
      for (const [i, [what, , words]] of REFUSED.entries()) {
        const { code, message } = seen.errors[i];
        const expected = /deep_lift of a loss/.test(what) ? "unsupported_op" : "bad_argument";
        assert.equal(code, expected, `${what}: ${message}`);
        assert.match(message, words, what);
      }
    });
  });
}

/** @param {import("./pages.mjs").Backend} backend */
function look(backend) {
  const refused = REFUSED.map(([, options]) => options);
  return withScope(
    { backend },
    async ({ scope, arg: { cases, stored, refused } }) => {
      /** @type {Record<string, any>} */
      const maps = {};
      /** @type {{ code: string, message: string }[]} */
      const errors = [];
      for (const { id, graph, target, checks } of cases) {
        const own = Object.entries(stored).filter(([name]) => name.startsWith(`${id}.`));
        const weights = Object.fromEntries(
          own.map(([name, tensor]) => [name.slice(id.length + 1), tensor]),
        );
        const net = await scope.load({ graph, weights });
        for (const { method, expected, options } of checks) {
          const picture = options.baseline === "picture";
          const given = picture ? { baseline: stored[`${id}.baseline`] } : options;
          maps[expected] = await net.attribute(weights.x, { method, target, ...given });
        }
        if (id === "plain")
          for (const options of refused) {
            const error = await net.attribute(weights.x, options).then(
              () => ({ code: "none", message: "it was taken" }),
              (/** @type {any} */ { code, message }) => ({ code, message }),
            );
            errors.push(error);
          }
        net.dispose();
      }
      return { maps, errors };
    },
    { cases, stored, refused },
  );
}
