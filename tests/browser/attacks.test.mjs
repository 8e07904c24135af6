// Attacks through the interface: units, results, steps, refusals, and what the declarations say of each.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { BACKENDS, withScope } from "./harness.mjs";

const declarations = readFileSync(new URL("../../www/convscope.d.ts", import.meta.url), "utf8");

for (const backend of BACKENDS) {
  test(`a picture is attacked in pixels, a tensor in its own units (${backend})`, async () => {
    const seen = await withScope({ backend }, async ({ scope }) => {
      const net = await scope.load("fashion");
      const { url } = scope.pictures.find((/** @type {any} */ { kind }) => kind === "fashion");
      const picture = await (await fetch(url)).blob();
      const x = await net.preprocess(picture);
      const linf = (/** @type {any} */ a, /** @type {any} */ b) =>
        a.data.reduce(
          (/** @type {number} */ most, /** @type {number} */ value, /** @type {number} */ at) =>
            Math.max(most, Math.abs(value - b.data[at])),
          0,
        );
      const pixels = await net.attack(picture, { method: "fgsm" });
      const own = await net.attack(x, { method: "fgsm" });
      const taken = await net.attack(x, { method: "fgsm", units: "pixels" });
      const two = { data: Float32Array.of(...x.data, ...x.data), shape: [2, 1, 28, 28] };
      const both = await net.attack(two, { method: "pgd", steps: 3, label: [0, 1] });
      const listed = await net.attack([picture, picture], { method: "pgd", steps: 3 });
      return {
        keys: Object.keys(pixels).sort(),
        moved: [linf(pixels.image, x), linf(own.image, x), linf(taken.image, x)],
        distance: [pixels.distance.linf, own.distance.linf, pixels.distance.l0],
        queries: pixels.queries,
        before: [pixels.before.top.length, pixels.before.logits.shape],
        agrees: (await net.predict(pixels.image)).top[0].index === pixels.after.top[0].index,
        both: [both.success.length, both.distance.length, both.after.top.length, both.queries],
        listed: [listed.image.shape, listed.distance[0].linf],
      };
    });
    const keys = ["after", "before", "distance", "image", "queries", "steps", "success"];
    assert.deepEqual(seen.keys, keys);
    const epsilon = 8 / 255;
    assert.ok(Math.abs(seen.moved[0] * 0.353 - epsilon) < 1e-6, `${seen.moved[0]}`);
    assert.ok(Math.abs(seen.moved[1] - epsilon) < 1e-6, `${seen.moved[1]}`);
    assert.equal(seen.moved[2], seen.moved[0]);
    assert.ok(Math.abs(seen.distance[0] - epsilon) < 1e-6 && seen.distance[2] > 0);
    assert.ok(Math.abs(seen.distance[1] - epsilon) < 1e-6);
    assert.equal(seen.queries, 1);
    assert.deepEqual(seen.before, [5, [1, 10]]);
    assert.ok(seen.agrees);
    assert.deepEqual(seen.both, [2, 2, 2, [3, 3]]);
    assert.deepEqual(seen.listed[0], [2, 1, 28, 28]);
    assert.ok(seen.listed[1] <= epsilon + 1e-6);
  });
}

test("steps are seen, and a run can be ended or stopped", async () => {
  const seen = await withScope({ backend: "cpu" }, async ({ scope }) => {
    const net = await scope.load("fashion");
    const { images } = await scope.dataset("fashion");
    const x = { data: images.data.slice(0, 784), shape: [1, 1, 28, 28] };
    /** @type {any[]} */
    const steps = [];
    /** @type {any[]} */
    const distances = [];
    const options = { method: "pgd", units: "pixels", epsilon: 0.1, steps: 12 };
    const whole = await net.attack(x, {
      ...options,
      every: 4,
      onStep: (/** @type {any} */ { step, value, success, image, distance }) => {
        steps.push([step, typeof value, typeof success, image.shape.length]);
        distances.push([distance.linf, distance.l0 > 0]);
      },
    });
    const ended = await net.attack(x, {
      ...options,
      onStep: (/** @type {any} */ { step }) => (step === 5 ? { stop: true } : undefined),
    });
    const abort = new AbortController();
    const stopped = await net
      .attack(x, { ...options, signal: abort.signal, onStep: () => abort.abort() })
      .catch((/** @type {any} */ error) => error.code);
    const scaled = await net.attack(x, { ...options, override: { conv1: { scale: { 0: 0 } } } });
    return {
      steps,
      distances,
      counts: [whole.steps, ended.steps],
      stopped,
      differs: scaled.image.data.some(
        (/** @type {number} */ value, /** @type {number} */ at) => value !== whole.image.data[at],
      ),
    };
  });
  const kinds = ["number", "boolean", 4];
  assert.deepEqual(
    seen.steps,
    [0, 4, 8].map((step) => [step, ...kinds]),
  );
  assert.deepEqual(seen.distances[0], [0, false]);
  assert.ok(seen.distances[1][1] && seen.distances[1][0] < seen.distances[2][0]);
  assert.deepEqual(seen.counts, [12, 5]);
  assert.equal(seen.stopped, "aborted");
  assert.ok(seen.differs);
});

test("each attack runs, and gives what is its own", async () => {
  const seen = await withScope({ backend: "cpu" }, async ({ scope }) => {
    const net = await scope.load("fashion");
    const { images } = await scope.dataset("fashion");
    const x = { data: images.data.slice(0, 784), shape: [1, 1, 28, 28] };
    const other = { data: images.data.slice(784, 2 * 784), shape: [1, 1, 28, 28] };
    const target = (await net.predict(other)).top[0].index;
    /** @type {any[]} */
    const populations = [];
    const settings = /** @type {Record<string, object>} */ ({
      cw: { initialConst: 1, binarySearchSteps: 2, steps: 20, stepSize: 0.1 },
      single_pixel: {
        search: "evolution",
        population: 12,
        generations: 2,
        onStep: (/** @type {any} */ { population, values }) => {
          populations.push([population.shape, values.length]);
        },
      },
      square: { epsilon: 0.2, steps: 30 },
      hop_skip_jump: { steps: 1, start: other, target },
      patch: { size: 6, position: [2, 3], steps: 3 },
    });
    /** @type {Record<string, any>} */
    const results = {};
    for (const { id } of scope.attacks) {
      const { image, distance, ...rest } = await net.attack(x, {
        method: id,
        units: "pixels",
        ...settings[id],
      });
      results[id] = { shape: image.shape, l0: distance.l0, keys: Object.keys(rest) };
    }
    const all = await net.attack(x, { method: "single_pixel", units: "pixels" });
    const laid = await net.attack(x, {
      method: "patch",
      units: "pixels",
      patch: { data: new Float32Array(9).fill(2), shape: [1, 1, 3, 3] },
      position: [0, 0],
      steps: 0,
    });
    const options = { units: "pixels", method: "pgd", steps: 5, stepSize: 0.01 };
    const found = await net.smallestEpsilon(x, options);
    const two = { data: images.data.slice(0, 2 * 784), shape: [2, 1, 28, 28] };
    const both = await net.smallestEpsilon(two, { units: "pixels", method: "fgsm" });
    const surface = await net.lossSurface(x, { units: "pixels", size: 5 });
    return {
      results,
      populations,
      damage: all.damage.shape,
      laid: [laid.image.data[0], laid.distance.l0],
      found: [found.epsilon, found.success, found.tried.length, found.tried[0]],
      both: [both.epsilon.length, both.tried.length],
      surface: [surface.loss.shape, surface.classes.length],
    };
  });
  for (const [id, { shape, l0 }] of Object.entries(seen.results)) {
    assert.deepEqual(shape, [1, 1, 28, 28], id);
    assert.ok(l0 > 0, `${id} changed nothing`);
  }
  assert.ok(seen.results.universal.keys.includes("perturbation"));
  assert.ok(seen.results.patch.keys.includes("patch"));
  assert.deepEqual(seen.populations, Array(3).fill([[1, 12, 1, 3], 12]));
  assert.deepEqual(seen.damage, [1, 1, 28, 28]);
  assert.ok(Math.abs(seen.laid[0] - 2) < 1e-6 && seen.laid[1] === 9);
  assert.ok(seen.found[0] > 0 && seen.found[0] < 0.5 && seen.found[1] && seen.found[2] > 3);
  assert.deepEqual(seen.found[3], { epsilon: 0, success: false });
  assert.deepEqual(seen.both, [2, 2]);
  assert.deepEqual(seen.surface, [[5, 5], 25]);
});

test("what is wrong is refused with its name", async () => {
  const cases = /** @type {[string, object][]} */ ([
    ["method", {}],
    ["attack", { method: "magic" }],
    ["steps", { method: "fgsm", steps: 3 }],
    ["eps", { method: "fgsm", eps: 3 }],
    ["epsilon", { method: "fgsm", epsilon: -1 }],
    ["epsilon", { method: "fgsm", epsilon: "8/255" }],
    ["label", { method: "fgsm", label: 10 }],
    ["label", { method: "fgsm", label: "cat" }],
    ["label", { method: "fgsm", label: [1, 2] }],
    ["target", { method: "pgd", target: -1 }],
    ["units", { method: "pgd", units: "bytes" }],
    ["norm", { method: "pgd", norm: "l1" }],
    ["min", { method: "fgsm", min: "black" }],
    ["min", { method: "fgsm", min: 3, max: 2 }],
    ["outside", { method: "fgsm", min: 0, max: 0.1 }],
    ["every", { method: "pgd", every: 0 }],
    ["distribution", { method: "noise", distribution: "normal" }],
    ["target", { method: "deepfool", target: 3 }],
    ["min and max", { method: "patch" }],
    ["search", { method: "single_pixel", min: -1, max: 3, search: "everywhere" }],
    ["position", { method: "patch", min: -1, max: 3, position: 3 }],
    ["size", { method: "patch", min: -1, max: 3, size: 0 }],
    ["start", { method: "hop_skip_jump", target: 3 }],
  ]);
  const errors = await withScope(
    { backend: "cpu" },
    async ({ scope, arg }) => {
      const net = await scope.load("fashion");
      const { images } = await scope.dataset("fashion");
      const x = { data: images.data.slice(0, 784), shape: [1, 1, 28, 28] };
      const said = [];
      for (const [, options] of arg)
        said.push(
          await net.attack(x, options).then(
            () => ({ code: "none", message: "" }),
            (/** @type {any} */ { code, message }) => ({ code, message }),
          ),
        );
      return said;
    },
    cases,
  );
  for (const [index, [name]] of cases.entries()) {
    assert.equal(errors[index].code, "bad_argument", `${name}: ${errors[index].message}`);
    assert.ok(errors[index].message.includes(name), `${name}: ${errors[index].message}`);
  }
});

test("each attack is declared with its options, and says what it can or why not", async () => {
  const attacks = await withScope({ backend: "cpu" }, async ({ scope }) => scope.attacks);
  for (const attack of attacks) {
    const block = declarations
      .split("export type AttackMethodOptions =")[1]
      .split("export type AttackOptions =")[0]
      .split(/^ {2}\| \{/m)
      .find((part) => part.includes(`method: "${attack.id}"`));
    assert.ok(block, `${attack.id} is not declared`);
    const declared = Array.from(block.matchAll(/^ {6}(\w+)\?:/gm), ([, name]) => name);
    assert.deepEqual(declared.sort(), [...attack.options].sort(), attack.id);
    for (const ability of ["targeted", "linf", "l2", "l0", "unbounded"])
      assert.ok(attack[ability] === true || attack[ability].length > 10, attack.id);
  }
});
