// Passes bound to their picture, and that loops make nothing new on the device after their first step.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BACKENDS, openBlank, withPage, withScope } from "./harness.mjs";
import { relativeError, tiny } from "./nets.mjs";

for (const backend of BACKENDS) {
  test(`a prepared pass gives what the calls give, run after run (${backend})`, async () => {
    const seen = await withScope(
      { backend },
      async ({ scope, arg }) => {
        const net = await scope.load(arg);
        const data = Float32Array.from({ length: 2 * 3 * 144 }, (_, i) => Math.sin(i));
        const image = { data, shape: [2, 3, 12, 12] };
        const objective = [{ layer: "act1", channel: 2, weight: 3 }, { logit: 1 }];
        const override = { act1: { scale: { 1: 0.5 } } };
        const wrt = ["input", "conv1.weight"];
        const layers = ["pool1", "conv1"];
        const forward = await net.prepare(image, { layers }, { override });
        const backward = await net.prepare(image, { objective, wrt }, { override });
        const pairs = [];
        for (const times of [1, 3, 70]) {
          // Runs take the weights as they are.
          const weight = await net.weights("conv1.weight");
          await net.setWeights("conv1.weight", {
            ...weight,
            data: weight.data.map((/** @type {number} */ value) => value * 1.1),
          });
          await forward.run({ times });
          await backward.run({ times });
          pairs.push([await forward.read(), await net.activations(image, layers, { override })]);
          const { value: _, ...gradients } = await net.gradient(image, objective, {
            wrt,
            override,
          });
          pairs.push([await backward.read(), gradients]);
        }
        forward.dispose();
        const codes = [];
        const early = await net.prepare(image, { layers: "pool1" });
        for (const call of [
          () => forward.run(),
          () => early.read(),
          () => early.run({ times: 0 }),
          () => early.run({ time: 1 }),
          () => net.prepare(image, { layers: [] }),
          () => net.prepare(image, { layers: "x" }),
          () => net.prepare(image, { objective: { logit: 0 }, layers: "pool1" }),
          () => net.prepare(image, {}),
        ])
          codes.push(
            await call().then(
              () => "none",
              (/** @type {any} */ error) => error.code,
            ),
          );
        const signal = AbortSignal.timeout(20);
        const stopped = await early
          .run({ times: 100_000, signal })
          .catch((/** @type {any} */ error) => error.code);
        return { pairs, codes, stopped };
      },
      tiny(),
    );
    for (const [got, expected] of seen.pairs) {
      assert.deepEqual(Object.keys(got), Object.keys(expected));
      for (const [name, tensor] of Object.entries(got)) {
        assert.deepEqual(tensor.shape, expected[name].shape);
        assert.ok(relativeError(tensor.data, expected[name].data) < 1e-5, name);
      }
    }
    assert.deepEqual(seen.codes, Array(8).fill("bad_argument"));
    assert.equal(seen.stopped, "aborted");
  });
}

test("loops make no buffer, bind group or pipeline after their first step", async () => {
  const made = await withPage({ backend: "webgpu" }, async (page, base) => {
    await openBlank(page);
    return page.evaluate(async (library) => {
      let count = 0;
      for (const name of /** @type {const} */ ([
        "createBuffer",
        "createBindGroup",
        "createComputePipeline",
      ])) {
        const original = /** @type {any} */ (GPUDevice.prototype)[name];
        /** @type {any} */ (GPUDevice.prototype)[name] = function (/** @type {any} */ ...args) {
          count += 1;
          return original.apply(this, args);
        };
      }
      /** @type {typeof import("../../www/convscope.js")} */
      const { open } = await import(library);
      const scope = await open({ backend: "webgpu", worker: false });
      const opened = count;
      const net = await scope.load("fashion");
      const loading = { first: count - opened, later: 0 };
      const pictures = await scope.dataset("fashion");
      const plane = 28 * 28;
      const picture = (/** @type {number} */ index) => ({
        data: pictures.images.data.slice(index * plane, (index + 1) * plane),
        shape: [1, 1, 28, 28],
      });
      const pass = await net.prepare(picture(0), { objective: { logit: 3 } });
      /** @type {Record<string, { first: number, later: number }>} */
      const made = { loading };
      const loop = async (
        /** @type {string} */ name,
        /** @type {(step: number) => any} */ step,
      ) => {
        const before = count;
        await step(0);
        const first = count;
        for (let index = 1; index < 4; index++) await step(index);
        made[name] = { first: first - before, later: count - first };
      };
      await loop("prepared", () => pass.run({ times: 2 }));
      await loop("gradient", (step) => net.gradient(picture(step), { logit: step }));
      await loop("predict", (step) => net.predict(picture(step)));
      for (const [name, run] of Object.entries({
        synthesize: (/** @type {any} */ options) =>
          net.synthesize({ objective: { logit: 9 }, steps: 5, ...options }),
        train: (/** @type {any} */ options) =>
          net.train(pictures, { steps: 5, batch: 8, ...options }),
      })) {
        /** @type {number[]} */
        const counts = [];
        await run({ onStep: () => void counts.push(count) });
        made[name] = { first: counts[0], later: counts[4] - counts[0] };
      }
      scope.close();
      return made;
    }, `${base}convscope.js`);
  });
  const [, ...loops] = Object.keys(made);
  assert.deepEqual(loops, ["prepared", "gradient", "predict", "synthesize", "train"]);
  // What these need was made as the pass was prepared, and as the network was loaded.
  const ready = ["prepared", "predict"];
  for (const [name, { first, later }] of Object.entries(made)) {
    assert.equal(later, 0, `${name} made ${later} after its first step`);
    if (!ready.includes(name)) assert.ok(first > 0, `${name}: the hook counts nothing`);
  }
});
