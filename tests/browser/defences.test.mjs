// Defences through the API: filters, certificates, detection, attacks that know them, adversarial training and the ladder.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BACKENDS, withScope } from "./harness.mjs";

/** @typedef {import("../../www/convscope.js").Tensor} Tensor */

test("every filter is random or not, and each of its options changes the picture", async () => {
  const seen = await withScope({ backend: "cpu" }, async ({ scope }) => {
    const net = await scope.load("fashion");
    const { images } = await scope.dataset("fashion");
    const image = { data: images.data.slice(0, 1568), shape: [2, 1, 28, 28] };
    const pairs = [
      [{ method: "bit_depth" }, { bits: 3 }],
      [{ method: "median" }, { size: 2 }],
      [{ method: "gaussian" }, { sigma: 0.8 }],
      [{ method: "jpeg" }, { quality: 30 }],
      [{ method: "tv" }, { weight: 0.2 }],
      [{ method: "tv" }, { steps: 3 }],
      [{ method: "random_resize" }, { scale: 0.6 }],
      [{ method: "random_resize" }, { seed: 1 }],
    ];
    /** @type {boolean[][]} */
    const found = [];
    for (const [base, change] of pairs) {
      const [first, again, other] = [
        await net.defend(image, { ...base, seed: 7 }),
        await net.defend(image, { ...base, seed: 7 }),
        await net.defend(image, { ...base, seed: 7, ...change }),
      ].map((/** @type {Tensor} */ tensor) => `${tensor.shape}:${tensor.data}`);
      const changed = first !== `${image.shape}:${image.data}`;
      found.push([changed, first === again, first !== other]);
    }
    // A tensor's own units, and pixels, are the same filter where black and white are.
    const [own, pixels] = [
      await net.defend(image, { method: "jpeg" }),
      await net.defend(image, { method: "jpeg", units: "pixels" }),
    ];
    const apart = own.data.map((/** @type {number} */ v, /** @type {number} */ i) =>
      Math.abs(v - pixels.data[i]),
    );
    return { found, apart: Math.max(...apart) };
  });
  for (const [index, [changed, repeats, differs]] of seen.found.entries())
    assert.deepEqual([changed, repeats, differs], [true, true, true], `pair ${index}`);
  assert.ok(seen.apart < 1e-5, `${seen.apart}`);
});

test("what a defence does not have, or cannot be, is refused with a sentence", async () => {
  const faults = await withScope({ backend: "cpu" }, async ({ scope }) => {
    const net = await scope.load("fashion");
    const { images, labels } = await scope.dataset("fashion");
    const image = { data: images.data.slice(0, 784), shape: [1, 1, 28, 28] };
    const set = { images: image, labels: labels.slice(0, 1) };
    const fault = (/** @type {Promise<unknown>} */ call) =>
      call.then(
        () => "no fault",
        (/** @type {{ code: string, message: string }} */ { code, message }) =>
          `${code}: ${message}`,
      );
    const defences = [
      {},
      { method: "magic" },
      { method: "bit_depth", bits: 0 },
      { method: "bit_depth", bits: 9 },
      { method: "bit_depth", size: 3 },
      { method: "median", size: 1 },
      { method: "median", size: 2.5 },
      { method: "gaussian", sigma: 0 },
      { method: "jpeg", quality: 101 },
      { method: "tv", weight: -1 },
      { method: "tv", steps: 0 },
      { method: "random_resize", scale: 1.5 },
      { method: "random_resize", draws: 3 },
      { method: "smoothing", samples: 0 },
      { method: "smoothing", alpha: 0.5 },
      { method: "smoothing", sigma: Number.NaN },
      { method: "squeezing", threshold: 3 },
      { method: "squeezing", squeezers: [] },
      { method: "squeezing", squeezers: [{ method: "random_resize" }] },
      { method: "jpeg", units: "feet" },
      { method: "jpeg", onStep: () => undefined },
      { method: "jpeg", override: { conv1: { scale: { 0: 0 } } } },
    ];
    const attacked = [
      { defence: { method: "magic" } },
      { defence: { method: "smoothing", samples: 10 } },
      { defence: { method: "jpeg", adaptive: 1 } },
      { defence: { method: "jpeg", draws: 4 } },
    ];
    const ladders = [
      { attacks: [] },
      { attacks: [{ method: "cw" }] },
      { attacks: [{ method: "pgd", epsilon: 0.1 }] },
      { attacks: [{ method: "pgd", label: 3 }] },
      { defences: "jpeg" },
      { defences: [{ method: "jpeg", quality: 0 }] },
      { epsilons: [0.1, 0.1] },
      { epsilons: [-1] },
      { rounds: 3 },
    ];
    const trained = [
      { method: "cw" },
      { method: "fgsm", steps: 3 },
      { method: "pgd", steps: 0 },
      { method: "pgd", epsilon: 0 },
      { method: "pgd", stepSize: -1 },
      { method: "pgd", norm: "l2" },
    ];
    return Promise.all([
      ...defences.map((options) => fault(net.defend(image, options))),
      ...attacked.map((options) => fault(net.attack(image, { method: "fgsm", ...options }))),
      ...ladders.map((options) => fault(net.robustness(set, options))),
      ...trained.map((adversarial) => fault(net.train(set, { batch: 1, adversarial }))),
    ]);
  });
  for (const [index, fault] of faults.entries())
    assert.match(fault, /^bad_argument: \S.{20,}/, `call ${index}`);
});

for (const backend of BACKENDS) {
  describe(`defences (${backend})`, () => {
    test("smoothing certifies, squeezing scores, one answer a picture", async () => {
      const seen = await withScope({ backend }, async ({ scope }) => {
        const net = await scope.load("fashion");
        const { images } = await scope.dataset("fashion");
        const one = { data: images.data.slice(0, 784), shape: [1, 1, 28, 28] };
        const two = { data: images.data.slice(0, 1568), shape: [2, 1, 28, 28] };
        const smooth = { method: "smoothing", samples: 60, guesses: 20, units: "pixels" };
        /** @type {number[]} */
        const progress = [];
        const certified = await net.defend(one, {
          ...smooth,
          sigma: 0.05,
          onProgress: (/** @type {{ done?: number }} */ { done }) => progress.push(done ?? 0),
        });
        const both = await net.defend(two, { ...smooth, sigma: 0.05 });
        const squeezed = await net.defend(one, { method: "squeezing" });
        const lists = await net.defend(two, { method: "squeezing" });
        const { top } = await net.predict(one, { top: 1 });
        return { certified, both, squeezed, lists, top, progress };
      });
      const { certified, both, squeezed, lists, top, progress } = seen;
      assert.deepEqual(certified.shape, [1, 1, 28, 28]);
      assert.equal(certified.class, top[0].index);
      assert.ok(certified.radius > 0 && certified.radius < 0.15, `${certified.radius}`);
      assert.equal(
        certified.votes.reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b),
        60,
      );
      assert.equal(progress.at(-1), 80);
      assert.equal(both.radius.length, 2);
      assert.equal(both.votes[1].length, 10);
      assert.equal(typeof squeezed.detected, "boolean");
      assert.ok(Math.abs(squeezed.score - Math.max(...squeezed.distances)) < 1e-9);
      assert.equal(lists.score.length, 2);
      assert.deepEqual(lists.shape, [2, 1, 28, 28]);
    });

    test("an attack that knows the defence succeeds where the other fails", async () => {
      const counts = await withScope(
        { backend },
        async ({ scope, arg }) => {
          const net = await scope.load("fashion");
          const { images, labels } = await scope.dataset("fashion");
          const count = arg;
          const image = { data: images.data.slice(0, 784 * count), shape: [count, 1, 28, 28] };
          const options = {
            method: "pgd",
            steps: 8,
            stepSize: 3 / 255,
            units: "pixels",
            label: [...labels.slice(0, count)],
          };
          const fooled = async (/** @type {boolean} */ adaptive) => {
            const defence = { method: "bit_depth", bits: 3, adaptive };
            const { success } = await net.attack(image, { ...options, defence });
            return success.filter(Boolean).length;
          };
          return [await fooled(true), await fooled(false)];
        },
        backend === "cpu" ? 24 : 8,
      );
      assert.ok(counts[0] > counts[1], `${counts}`);
    });
  });
}

test("the ladder streams its cells, ends when told to, and its lights expose a defence that hides its gradient", async () => {
  const seen = await withScope({ backend: "cpu" }, async ({ scope }) => {
    const net = await scope.load("fashion");
    const { images, labels } = await scope.dataset("fashion");
    const set = {
      images: { data: images.data.slice(0, 784 * 40), shape: [40, 1, 28, 28] },
      labels: labels.slice(0, 40),
    };
    const defences = [null, ...[true, false].map((adaptive) => ({ method: "median", adaptive }))];
    const attacks = [
      { method: "fgsm" },
      { method: "pgd", steps: 8 },
      { method: "noise" },
      { method: "square", steps: 20 },
    ];
    const epsilons = [0, 8 / 255, 1];
    /** @type {unknown[]} */
    const steps = [];
    const whole = await net.robustness(set, {
      attacks,
      defences,
      epsilons,
      onStep: (/** @type {unknown} */ step) => {
        steps.push(step);
      },
    });
    const short = await net.robustness(set, { epsilons, onStep: () => ({ stop: true }) });
    const life = new AbortController();
    const stopped = await net
      .robustness(set, { signal: life.signal, onStep: () => life.abort() })
      .catch((/** @type {{ code: string }} */ { code }) => code);
    return { whole, steps, short: short.cells.length, stopped };
  });
  const { whole, steps } = seen;
  assert.equal(steps.length, 3 * 4 * 3);
  assert.equal(whole.cells.length, steps.length);
  assert.equal(whole.clean.length, 3);
  assert.equal(seen.short, 1);
  assert.equal(seen.stopped, "aborted");
  /** @param {number} defence */
  const red = (defence) =>
    whole.lights[defence]
      .filter((/** @type {{ holds: boolean | null }} */ { holds }) => holds === false)
      .map((/** @type {{ name: string }} */ { name }) => name);
  assert.deepEqual(red(0), []);
  assert.ok(red(2).includes("adaptive"), `${red(2)}`);
});

test("what fools one network is shown to others, which must see alike", async () => {
  const seen = await withScope({ backend: "cpu" }, async ({ scope }) => {
    const [net, robust, other] = await Promise.all(
      ["fashion", "fashion-robust", "efficientnet-lite0"].map((id) => scope.load(id)),
    );
    const { images, labels } = await scope.dataset("fashion");
    const count = 60;
    const set = {
      images: { data: images.data.slice(0, 784 * count), shape: [count, 1, 28, 28] },
      labels: labels.slice(0, count),
    };
    const both = await net.transfer(set, [net, robust], { seed: 1 });
    const again = await net.transfer(set, [robust], { seed: 1 });
    const none = await net.transfer(set, [net], { attack: { method: "fgsm", epsilon: 0 } });
    const step = await net.transfer(set, [net], { attack: { method: "fgsm" } });
    const { success } = await net.attack(set.images, {
      method: "fgsm",
      units: "pixels",
      label: [...set.labels],
    });
    const own = await net.transfer(set, [net], { attack: { method: "fgsm" }, units: "own" });
    const lone = { images: { data: images.data.slice(0, 784), shape: [1, 1, 28, 28] } };
    const single = await net.transfer({ ...lone, labels: [labels[0]] }, [net]);
    const fault = (/** @type {Promise<unknown>} */ call) =>
      call.then(
        () => "no fault",
        (/** @type {{ code: string, message: string }} */ { code, message }) =>
          `${code}: ${message}`,
      );
    const life = new AbortController();
    life.abort();
    const faults = await Promise.all([
      fault(net.transfer(set, [])),
      fault(net.transfer(set, [other])),
      fault(net.transfer({ ...set, labels: [1] }, [robust])),
      fault(net.transfer(set, [robust], { method: "fgsm" })),
      fault(net.transfer(set, [robust], { attack: { method: "magic" } })),
      fault(net.transfer(set, [robust], { attack: { method: "fgsm", epsilon: -1 } })),
      fault(net.transfer(set, [robust], { attack: "fgsm" })),
    ]);
    const stopped = await fault(net.transfer(set, [robust], { signal: life.signal }));
    const fooled = success.filter(Boolean).length / count;
    return { both, again, none, step, own, single, fooled, faults, stopped };
  });
  const { both, none, step } = seen;
  assert.equal(both.clean.length, 2);
  assert.ok(both.success[0] > both.success[1] + 0.2, `${both.success}`);
  for (const key of ["clean", "accuracy", "success"])
    assert.equal(seen.again[key][0], both[key][1]);
  assert.deepEqual([none.accuracy, none.success], [none.clean, [0]]);
  assert.ok(Math.abs(1 - step.accuracy[0] - seen.fooled) < 1e-9);
  assert.ok(Math.abs(step.clean[0] * (1 - step.success[0]) - step.accuracy[0]) < 0.05);
  assert.ok(seen.own.accuracy[0] > step.accuracy[0], "8/255 is less in the network's units");
  assert.equal(seen.single.clean[0], 1);
  for (const [index, fault] of seen.faults.entries())
    assert.match(fault, /^bad_argument: \S.{20,}/, `call ${index}`);
  assert.match(seen.stopped, /^aborted/);
});

test("fashion-robust ships, and bears what fashion does not", async () => {
  const shares = await withScope({ backend: "cpu" }, async ({ scope }) => {
    const { images, labels } = await scope.dataset("fashion");
    const count = 60;
    const image = { data: images.data.slice(0, 784 * count), shape: [count, 1, 28, 28] };
    const label = [...labels.slice(0, count)];
    const share = async (/** @type {string} */ id) => {
      const net = await scope.load(id);
      const { success } = await net.attack(image, {
        method: "pgd",
        steps: 8,
        stepSize: 2 / 255,
        units: "pixels",
        label,
      });
      net.dispose();
      return success.filter((/** @type {boolean} */ each) => !each).length / count;
    };
    return [await share("fashion-robust"), await share("fashion")];
  });
  assert.ok(shares[0] > 0.6 && shares[0] > shares[1] + 0.15, `${shares}`);
});

test("train learns from hard pictures, and tells each step", async () => {
  const losses = await withScope({ backend: "cpu" }, async ({ scope }) => {
    const net = await scope.load("fashion");
    const { images, labels } = await scope.dataset("fashion");
    const of = async (/** @type {object | undefined} */ adversarial) => {
      await net.restore();
      const { history } = await net.train(
        { images, labels },
        { steps: 2, batch: 16, ...(adversarial && { adversarial }) },
      );
      return history[0].loss;
    };
    return [
      await of(undefined),
      await of({ method: "fgsm" }),
      await of({ method: "pgd", steps: 3 }),
      await of({ method: "pgd", steps: 3, epsilon: 0.06 }),
      await of({ method: "pgd", steps: 3, stepSize: 0.001 }),
    ];
  });
  assert.equal(new Set(losses).size, 5, `${losses}`);
  assert.ok(losses[0] < losses[1] && losses[2] < losses[3] && losses[4] < losses[2], `${losses}`);
});
