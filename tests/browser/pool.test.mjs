// Helpers of the CPU engine: the same bytes with any number of them, whatever happens to them meanwhile.
import assert from "node:assert/strict";
import { test } from "node:test";
import { inPage } from "./blank.mjs";
import { withPage } from "./harness.mjs";
import { settled } from "./sights.mjs";

/**
 * What the page's code finds in `globalThis.pool`: a scope whose helpers are at work, digests of results, and the workers
 * that the page started, with the passes that they were given.
 */
function tools() {
  const workers = /** @type {Worker[]} */ ([]);
  const counts = { passes: 0 };
  const Original = Worker;
  globalThis.Worker = class extends Original {
    constructor(/** @type {string | URL} */ url, /** @type {WorkerOptions | undefined} */ options) {
      super(url, options);
      workers.push(this);
    }
    /**
     * @override
     * @param {any} message
     * @param {any} transfer
     */
    postMessage(message, transfer) {
      if (message.method === "answer") counts.passes++;
      super.postMessage(message, transfer);
    }
  };
  const pictures = (/** @type {any} */ set, /** @type {number} */ count) => ({
    data: set.images.data.slice(0, count * 784),
    shape: [count, 1, 28, 28],
  });
  /** Runs a sweep until as many helpers as wanted are there. */
  const warm = async (/** @type {any} */ scope, /** @type {any} */ net, /** @type {any} */ x) => {
    const wanted = scope.wanted ?? 0;
    for (let turn = 0; turn < 200 && (await scope.memory()).workers < wanted; turn++)
      await net.attribute(x, { method: "smooth_grad", samples: 200, seed: turn });
    return (await scope.memory()).workers;
  };
  const digest = async (/** @type {unknown} */ value) => {
    const text = JSON.stringify(value, (_, part) =>
      ArrayBuffer.isView(part)
        ? [...new Uint8Array(part.buffer, part.byteOffset, part.byteLength)].join()
        : part,
    );
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    return [...new Uint8Array(hash)].map((byte) => byte.toString(16)).join("");
  };
  /** Opens a scope in the page, with helpers that have begun. */
  const open = async (
    /** @type {any} */ library,
    /** @type {number} */ helpers,
    /** @type {boolean} */ worker,
  ) => {
    const scope = await library.open({ backend: "cpu", worker, workers: helpers });
    scope.wanted = helpers;
    const net = await scope.load("fashion");
    const set = await scope.dataset("fashion");
    const x = pictures(set, 1);
    return { scope, net, set, x, helpers: await warm(scope, net, x) };
  };
  Object.assign(globalThis, { pool: { workers, counts, pictures, digest, open } });
}

/** Calls that between them make every kind of pass; the others are made in a long run. */
const KINDS = [
  "predict",
  "activations",
  "var_grad",
  "occlusion",
  "ablation_cam",
  "full_grad",
  "pgd",
];
const all = process.env.CONVSCOPE_ALL === "yes";

/** @param {any} page */
const prepare = async (page) => page.addInitScript(tools);

test("any number of helpers gives the same bytes in every call that sweeps", async () => {
  const code = async (/** @type {any} */ { library, arg: names }) => {
    const { pool } = /** @type {any} */ (globalThis);
    const runs = [];
    for (const [helpers, worker] of [
      [0, true],
      [1, true],
      [2, false],
    ]) {
      const { scope, net, set, x, helpers: begun } = await pool.open(library, helpers, worker);
      const many = pool.pictures(set, 120);
      const some = pool.pictures(set, 55);
      const labels = set.labels.slice(0, 120);
      const passes = pool.counts.passes;
      const calls = {
        predict: () => net.predict(many),
        activations: () => net.activations(many, ["act3"]),
        saliency: () => net.attribute(many, { method: "saliency" }),
        integrated_gradients: () => net.attribute(x, { method: "integrated_gradients", steps: 90 }),
        smooth_grad: () => net.attribute(some, { method: "smooth_grad", samples: 3, seed: 7 }),
        var_grad: () =>
          net.attribute(x, {
            method: "var_grad",
            samples: 90,
            target: [
              { layer: "conv2", channel: 3 },
              { probability: 2, weight: 0.5 },
            ],
            override: { conv1: { scale: { 2: 0.5, 5: 0 } } },
          }),
        occlusion: () => net.attribute(x, { method: "occlusion", window: 6, stride: 2 }),
        rise: () => net.attribute(x, { method: "rise", masks: 170, seed: 3 }),
        score_cam: () => net.attribute(x, { method: "score_cam" }),
        ablation_cam: () => net.attribute(x, { method: "ablation_cam" }),
        grad_cam: () => net.attribute(many, { method: "grad_cam" }),
        full_grad: () => net.attribute(many, { method: "full_grad" }),
        faithfulness: async () =>
          net.faithfulness(x, await net.attribute(x, { method: "gradient" }), { steps: 25 }),
        embed: () => net.embed(many, { layer: "pool2", method: "pca" }),
        biasScan: () =>
          net.biasScan({ images: many, labels }, { method: "gradient", perClass: 30 }),
        counterfactual: () =>
          net.counterfactual(
            { images: many, labels },
            { top: 0, left: 0, height: 6, width: 6, value: 0 },
          ),
        perturbationCurve: () =>
          net.perturbationCurve(some, {
            method: "gaussian",
            strengths: [0, 0.2],
            repeats: 2,
            seed: 5,
          }),
        pixelMap: () => net.pixelMap(x, { stride: 4 }),
        topActivations: () => net.topActivations(many, "conv3"),
        pgd: () => net.attack(many, { method: "pgd", steps: 3, seed: 2 }),
        deepfool: () => net.attack(some, { method: "deepfool", steps: 1 }),
        square: () => net.attack(some, { method: "square", steps: 4, seed: 4 }),
        smoothing: () => net.defend(x, { method: "smoothing", samples: 110, guesses: 60, seed: 6 }),
      };
      /** @type {Record<string, string>} */
      const digests = {};
      for (const [name, call] of Object.entries(calls)) {
        if (names && !names.includes(name)) continue;
        const result = await call().catch((/** @type {Error} */ error) => `${error}`);
        digests[name] = typeof result === "string" ? result : await pool.digest(result);
      }
      scope.close();
      runs.push({ begun, digests, passes: pool.counts.passes - passes });
    }
    return runs;
  };
  const [alone, ...helped] = /** @type {any[]} */ (
    await inPage(code, all ? null : KINDS, { prepare })
  );
  for (const [name, digest] of Object.entries(alone.digests))
    assert.match(/** @type {string} */ (digest), /^[0-9a-f]+$/, name);
  for (const [at, run] of helped.entries()) {
    assert.equal(run.begun, at + 1);
    assert.deepEqual(run.digests, alone.digests);
  }
  // The helpers of an engine in the page are the page's own workers, whose work can be counted.
  assert.ok(helped[1].passes > 10, `${helped[1].passes} passes`);
});

test("weights that change reach the helpers before the next pass", async () => {
  const code = async (/** @type {any} */ { library }) => {
    const { pool } = /** @type {any} */ (globalThis);
    const runs = [];
    for (const helpers of [0, 1]) {
      const { scope, net, set } = await pool.open(library, helpers, true);
      const many = pool.pictures(set, 120);
      const labels = set.labels.slice(0, 120);
      const bias = await net.weights("norm1.bias");
      bias.data.fill(0.25);
      const digests = [];
      for (const change of [
        () => undefined,
        () => net.setWeights("norm1.bias", bias),
        () => net.randomize({ seed: 3 }),
        () => net.train({ images: many, labels }, { steps: 2, batch: 16 }),
        () => net.restore(),
      ]) {
        await change();
        digests.push(await pool.digest(await net.predict(many)));
      }
      scope.close();
      runs.push(digests);
    }
    return runs;
  };
  const [alone, helped] = /** @type {any[]} */ (await inPage(code, null, { prepare }));
  assert.deepEqual(helped, alone);
  assert.equal(alone[4], alone[0]);
  assert.equal(new Set(alone).size, 4);
});

test("a sweep tells how far it is in order, and ends where its signal says", async () => {
  const code = async (/** @type {any} */ { library }) => {
    const { pool } = /** @type {any} */ (globalThis);
    const { scope, net, x } = await pool.open(library, 1, true);
    const life = new AbortController();
    const done = /** @type {number[]} */ ([]);
    const options = { method: "smooth_grad", samples: 500, seed: 1 };
    const stopped = await net
      .attribute(x, {
        ...options,
        samples: 5000,
        signal: life.signal,
        onProgress: (/** @type {any} */ progress) => {
          done.push(progress.done);
          if (done.length === 3) life.abort();
        },
      })
      .catch((/** @type {any} */ { code }) => code);
    const progress = /** @type {any[]} */ ([]);
    const map = await net.attribute(x, {
      ...options,
      onProgress: (/** @type {any} */ each) => progress.push(each),
    });
    const last = progress.at(-1);
    const seen = {
      stopped,
      heard: done.length,
      done: progress.map((each) => each.done),
      ends: (await pool.digest(last.partial.data)) === (await pool.digest(map.data)),
    };
    scope.close();
    return seen;
  };
  const seen = /** @type {any} */ (await inPage(code, null, { prepare }));
  assert.equal(seen.stopped, "aborted");
  assert.equal(seen.heard, 3);
  assert.equal(seen.done.at(-1), 500);
  assert.deepEqual(
    seen.done,
    seen.done.toSorted((/** @type {number} */ a, /** @type {number} */ b) => a - b),
  );
  assert.ok(seen.ends);
});

test("a helper that ends, breaks or cannot start is done without", async () => {
  const code = async (/** @type {any} */ { library }) => {
    const { pool } = /** @type {any} */ (globalThis);
    const options = { method: "smooth_grad", samples: 400, seed: 2 };
    const runs = [];
    for (const [name, end] of /** @type {[string, (worker: Worker) => void][]} */ ([
      ["stays", () => undefined],
      ["is ended", (worker) => worker.terminate()],
      [
        "breaks",
        (worker) =>
          worker.onmessage?.(new MessageEvent("message", { data: { defect: "a test's" } })),
      ],
    ])) {
      const { scope, net, x } = await pool.open(library, 1, false);
      const { length } = pool.workers;
      let heard = 0;
      const map = await net.attribute(x, {
        ...options,
        onProgress: () => {
          heard += 1;
          if (heard === 2) end(pool.workers.at(-1));
        },
      });
      const { workers } = await scope.memory();
      const again = await net.attribute(x, options);
      const digests = [await pool.digest(map.data), await pool.digest(again.data)];
      runs.push({ name, digests, workers, more: pool.workers.length - length });
      scope.close();
    }
    Object.assign(globalThis, {
      Worker: class {
        constructor() {
          throw new Error("no workers here");
        }
      },
    });
    const scope = await library.open({ backend: "cpu", worker: false, workers: 1 });
    const net = await scope.load("fashion");
    const x = pool.pictures(await scope.dataset("fashion"), 1);
    const map = await net.attribute(x, options);
    const { workers } = await scope.memory();
    scope.close();
    runs.push({ name: "cannot start", digests: [await pool.digest(map.data)], workers, more: 0 });
    return runs;
  };
  const [stays, ...rest] = /** @type {any[]} */ (await inPage(code, null, { prepare }));
  assert.equal(stays.workers, 1);
  for (const run of rest) {
    assert.equal(run.workers, 0, run.name);
    assert.equal(run.more, 0, run.name);
    for (const digest of run.digests) assert.equal(digest, stays.digests[0], run.name);
  }
});

test("a page from a disk has helpers, too", () =>
  withPage({ backend: "cpu", disk: true }, async (page, base) => {
    await page.addInitScript(tools);
    await page.goto(`${base}convscope.html`);
    await settled(page);
    const runs = await page.evaluate(async () => {
      const { pool, convscope } = /** @type {any} */ (globalThis);
      const runs = [];
      for (const helpers of [0, 1]) {
        const { scope, net, set, helpers: begun } = await pool.open(convscope, helpers, true);
        const { logits } = await net.predict(pool.pictures(set, 120));
        runs.push({ begun, logits: await pool.digest(logits.data) });
        scope.close();
      }
      return runs;
    });
    assert.deepEqual(
      runs.map(({ begun }) => begun),
      [0, 1],
    );
    assert.equal(runs[1].logits, runs[0].logits);
  }));

test("how many helpers there may be is a whole number", async () => {
  const code = async (/** @type {any} */ { library }) => {
    const said = [];
    for (const workers of [-1, 1.5, 65, "two"])
      said.push(
        await library
          .open({ backend: "cpu", workers })
          .catch((/** @type {any} */ { code, message }) => `${code}: ${message}`),
      );
    return said;
  };
  for (const said of /** @type {string[]} */ (await inPage(code)))
    assert.match(said, /^bad_argument: workers must be a whole number from 0 to 64/);
});
