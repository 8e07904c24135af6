// How calls behave: where the engine runs, stopping, closing, defects.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inPage } from "./blank.mjs";
import { withScope } from "./harness.mjs";
import { lattice, safetensors, tiny } from "./nets.mjs";

/**
 * A network whose forward pass takes long: 40 convolutions of 64 channels are 6 billion multiply-adds.
 * @param {number} layers
 */
function heavy(layers) {
  const nodes = Array.from({ length: layers }, (_, index) => ({
    name: `conv${index}`,
    op: "conv2d",
    inputs: [index === 0 ? "x" : `conv${index - 1}`],
    weight: "w",
    padding: [1, 1, 1, 1],
  }));
  const { data, shape } = lattice(3, 0, [64, 64, 3, 3]);
  return {
    graph: { name: "heavy", input: { name: "x", shape: [64, 64, 64] }, nodes },
    weights: { w: { data: data.map((value) => value * 0.03), shape } },
  };
}

describe("where the engine runs", () => {
  const arg = { tiny: tiny(), x: lattice(7, 0, [1, 3, 12, 12]) };
  const answer = async (/** @type {any} */ { library, arg }) => {
    const open = async (/** @type {boolean} */ worker) => {
      const scope = await library.open({ backend: "cpu", worker });
      const net = await scope.load(arg.tiny);
      const { logits } = await net.predict(arg.x);
      const { bitmap } = await scope.paint(arg.x);
      const error = await net.predict(arg.x, { top: -1 }).catch((/** @type {any} */ e) => e.code);
      scope.close();
      const width = bitmap.width;
      return { logits: [...logits.data], width, error, kept: arg.x.data.length };
    };
    return { inWorker: await open(true), inPage: await open(false) };
  };

  test("in a worker and in the page it gives the same answers and leaves the caller's arrays", async () => {
    const { inWorker, inPage: beside } = await inPage(answer, arg);
    assert.deepEqual(inWorker, beside);
    assert.equal(inWorker.kept, 432);
    assert.equal(inWorker.error, "bad_argument");
  });

  test("where a worker cannot start, the page takes over", async () => {
    const { inWorker, inPage: beside } = await inPage(answer, arg, {
      expectedErrors: [/Failed to load resource|worker/i],
      prepare: (page, base) => page.context().route(`${base}worker.js`, (route) => route.abort()),
    });
    assert.deepEqual(inWorker, beside);
  });

  test("long work in the page lets it breathe", async () => {
    const ticks = await inPage(
      async (/** @type {any} */ { library, arg }) => {
        const scope = await library.open({ backend: "cpu", worker: false });
        const net = await scope.load(arg.heavy);
        let [ticks, running] = [0, true];
        const tick = () => {
          ticks += 1;
          if (running) setTimeout(tick, 1);
        };
        tick();
        await net.activations(arg.x, ["conv99"]);
        running = false;
        scope.close();
        return ticks;
      },
      { heavy: heavy(100), x: lattice(3, 1, [1, 64, 64, 64]) },
    );
    assert.ok(ticks > 3, `the page's timer ran ${ticks} times meanwhile`);
  });
});

describe("where networks come from", () => {
  test("a network as data is taken in every form, and from its address", async () => {
    const { graph, weights } = tiny();
    const file = safetensors(weights);
    const arg = { graph, weights, file, x: lattice(7, 0, [1, 3, 12, 12]) };
    const answers = await inPage(
      async (/** @type {any} */ { library, arg }) => {
        const { graph, weights, file, x } = arg;
        const scope = await library.open({ backend: "cpu" });
        const text = JSON.stringify(graph);
        /** @type {Record<string, any>} */
        const lists = {};
        for (const [name, { data, shape }] of Object.entries(weights))
          lists[name] = { data: [...data], shape };
        const padded = new Uint8Array(file.length + 8);
        padded.set(file, 8);
        /** @type {Record<string, unknown>} */
        const sources = {
          tensors: { graph, weights },
          text: { graph: text, weights },
          lists: { graph, weights: lists },
          bytes: { graph, weights: file },
          buffer: { graph, weights: file.slice().buffer },
          view: { graph, weights: new DataView(padded.buffer, 8) },
          blob: { graph: text, weights: new Blob([file]) },
          file: new File([JSON.stringify({ graph, weights: lists })], "tiny.json"),
          address: "net/tiny.json",
          url: new URL("net/both.json", location.href),
        };
        /** @type {Record<string, any>} */
        const answers = {};
        for (const [form, source] of Object.entries(sources)) {
          const net = await scope.load(source, { labels: ["a", "b", "c", "d", "e"] });
          answers[form] = [...(await net.predict(x)).logits.data, net.labels[4], file.length];
        }
        scope.close();
        return answers;
      },
      arg,
      {
        prepare: async (page, base) => {
          const json = (/** @type {unknown} */ value) => ({
            contentType: "application/json",
            body: JSON.stringify(value),
          });
          const context = page.context();
          const both = { graph: "tiny.json", weights: "tiny.safetensors" };
          await context.route(`${base}net/tiny.json`, (route) => route.fulfill(json(graph)));
          await context.route(`${base}net/both.json`, (route) => route.fulfill(json(both)));
          await context.route(`${base}net/tiny.safetensors`, (route) =>
            route.fulfill({ body: Buffer.from(file) }),
          );
        },
      },
    );
    assert.equal(Object.keys(answers).length, 10);
    for (const [form, answer] of Object.entries(answers))
      assert.deepEqual(answer, answers.tensors, form);
    assert.deepEqual(answers.tensors.slice(5), ["e", file.length]);
  });
});

describe("stopping", () => {
  test("a running call stops at its signal, a waiting one never runs, and the rest goes on", async () => {
    const { codes, done, steps, stopped } = await inPage(
      async (/** @type {any} */ { library, arg }) => {
        /** @type {any[]} */
        const answers = [];
        window.Worker = class extends Worker {
          constructor(
            /** @type {string | URL} */ address,
            /** @type {WorkerOptions | undefined} */ options,
          ) {
            super(address, options);
            this.addEventListener("message", ({ data }) => answers.push(data));
          }
        };
        const scope = await library.open({ backend: "cpu" });
        const net = await scope.load(arg.heavy);
        const code = (/** @type {Promise<unknown>} */ call) =>
          call.then(
            () => "done",
            (/** @type {any} */ error) => `${error.name} ${error.code} ${error instanceof Error}`,
          );
        const running = new AbortController();
        const waiting = new AbortController();
        const order = /** @type {string[]} */ ([]);
        const first = code(net.activations(arg.x, ["conv99"], { signal: running.signal }));
        const second = code(net.activations(arg.x, ["conv98"], { signal: waiting.signal }));
        const third = net.weights("w");
        void second.then(() => order.push("second"));
        void first.then(() => order.push("first"));
        waiting.abort();
        await new Promise((resolve) => setTimeout(resolve, 60));
        running.abort();
        const codes = [await first, await second];
        const { shape } = await third;
        // The engine itself says that it stopped, rather than going on for nobody.
        const stopped = answers.filter(({ error }) => error?.code === "aborted").length;
        return { codes, done: shape, steps: order, stopped };
      },
      { heavy: heavy(100), x: lattice(3, 1, [1, 64, 64, 64]) },
    );
    assert.deepEqual(codes, ["AbortError aborted true", "AbortError aborted true"]);
    assert.deepEqual(done, [64, 64, 3, 3]);
    assert.deepEqual(steps, ["second", "first"]);
    assert.equal(stopped, 1);
  });

  test("calls that wait for a long one keep their order", async () => {
    const [before, after] = await withScope(
      { backend: "cpu" },
      async ({ scope, arg }) => {
        const net = await scope.load(arg.heavy);
        const two = { data: new Float32Array(2 * arg.x.data.length), shape: [2, 64, 64, 64] };
        two.data.set(arg.x.data);
        const zeros = { data: new Float32Array(64 * 64 * 9), shape: [64, 64, 3, 3] };
        const calls = [
          net.activations(arg.x, ["conv19"]),
          net.activations(two, ["conv0"]),
          net.setWeights("w", zeros),
          net.activations(two, ["conv0"]),
        ];
        const [, before, , after] = await Promise.all(calls);
        return [before, after].map(({ conv0 }) =>
          conv0.data.some((/** @type {number} */ v) => v !== 0),
        );
      },
      { heavy: heavy(20), x: lattice(3, 1, [1, 64, 64, 64]) },
    );
    assert.deepEqual([before, after], [true, false]);
  });

  test("loading stops at its signal", async () => {
    const outcome = await withScope({ backend: "cpu" }, async ({ scope }) => {
      const life = new AbortController();
      const [model] = scope.models;
      if (!model) return "aborted";
      return scope.load(model.id, { signal: life.signal, onProgress: () => life.abort() }).then(
        () => "loaded",
        (/** @type {any} */ error) => error.code,
      );
    });
    assert.equal(outcome, "aborted");
  });

  test("closing a scope rejects what is pending and all that follows", async () => {
    const codes = await inPage(
      async (/** @type {any} */ { library, arg }) => {
        const results = [];
        for (const worker of [true, false]) {
          const scope = await library.open({ backend: "cpu", worker });
          const net = await scope.load(arg.heavy);
          const pending = net.activations(arg.x, ["conv99"]);
          await new Promise((resolve) => setTimeout(resolve, 30));
          scope.close();
          for (const call of [pending, net.predict(arg.x), scope.load(arg.heavy), scope.memory()])
            results.push(await call.then(() => "done").catch((/** @type {any} */ e) => e.code));
        }
        return results;
      },
      { heavy: heavy(100), x: lattice(3, 1, [1, 64, 64, 64]) },
    );
    assert.deepEqual(codes, Array(8).fill("aborted"));
  });

  test("disposing of a network answers the calls made before and frees its memory", async () => {
    const { shape, code, grown } = await withScope(
      { backend: "cpu" },
      async ({ scope, arg }) => {
        const round = async () => {
          const net = await scope.load(arg.heavy);
          const before = net.activations(arg.x, ["conv0"]);
          net.dispose();
          net.dispose();
          const after = await net.activations(arg.x, ["conv0"]).catch((/** @type {any} */ e) => e);
          return { shape: (await before).conv0.shape, code: after.code };
        };
        await round();
        const { wasmBytes } = await scope.memory();
        for (let i = 0; i < 3; i += 1) await round();
        const result = await round();
        return { ...result, grown: (await scope.memory()).wasmBytes - wasmBytes };
      },
      { heavy: heavy(8), x: lattice(3, 1, [1, 64, 64, 64]) },
    );
    assert.deepEqual(shape, [1, 64, 64, 64]);
    assert.equal(code, "bad_argument");
    assert.ok(grown < 20e6, `${grown} bytes more after four more networks`);
  });
});

describe("memory of the GPU", () => {
  test("more pictures, layers, classes and networks take no more of it", async () => {
    const { warm, changed, replaced } = await withScope(
      { backend: "webgpu" },
      async ({ scope, arg }) => {
        const net = await scope.load(arg.tiny);
        /** @param {any} net */
        const round = async (net) => {
          for (const [index, x] of arg.pictures.entries()) {
            await net.predict(x);
            await net.activations(x, [["conv1", "act1", "pool1"][index % 3]]);
            await net.gradient(x, { logit: index % 5 }, { wrt: ["norm1", "act1"][index % 2] });
            await net.gradient(x, { loss: index % 5 });
            const off = { act1: { scale: { [index]: 0 } } };
            await net.predict(x, { override: off });
          }
        };
        await round(net);
        const warm = await scope.memory();
        for (let i = 0; i < 5; i += 1) await round(net);
        const changed = await scope.memory();
        const held = [];
        for (let i = 0; i < 3; i += 1) {
          const another = await scope.load(arg.tiny);
          await round(another);
          another.dispose();
          // It is freed when its turn has come, which is before this call's.
          await net.predict(arg.pictures[0]);
          held.push(await scope.memory());
        }
        return { warm, changed, replaced: held };
      },
      {
        tiny: tiny(),
        pictures: Array.from({ length: 6 }, (_, i) => lattice(9, i, [1, 3, 12, 12])),
      },
    );
    const onGpu = (/** @type {import("../../www/convscope.js").Memory} */ memory) => {
      const { wasmBytes: _, ...rest } = memory;
      return rest;
    };
    assert.deepEqual(onGpu(changed), onGpu(warm), "thirty changes allocate nothing");
    assert.deepEqual(onGpu(replaced[2]), onGpu(replaced[0]), "a network's memory serves the next");
  });
});

describe("defects", () => {
  test("an engine that breaks rejects what is pending, and a new scope works", async () => {
    const { codes, fresh } = await inPage(
      async (/** @type {any} */ { library, arg }) => {
        const scope = await library.open({ backend: "cpu" });
        const net = await scope.load(arg.tiny);
        const calls = [net.predict(arg.x), net.predict(arg.x), scope.memory()];
        const codes = await Promise.all(
          calls.map((call) => call.then(() => "done").catch((/** @type {any} */ e) => e.code)),
        );
        codes.push(await net.predict(arg.x).catch((/** @type {any} */ e) => e.code));
        const another = await library.open({ backend: "cpu", worker: false });
        const again = await another.load(arg.tiny);
        const { logits } = await again.predict(arg.x);
        return { codes, fresh: logits.shape };
      },
      { tiny: tiny(), x: lattice(7, 0, [1, 3, 12, 12]) },
      {
        expectedErrors: [/a defect made for this test/],
        // The worker throws outside any call at its second request, as a panic in a promise does.
        prepare: (page, base) =>
          page.context().route(`${base}worker.js`, async (route) => {
            const response = await route.fetch();
            const body = `${await response.text()}
            const take = globalThis.onmessage;
            let requests = 0;
            globalThis.onmessage = (event) => {
              requests += 1;
              if (requests > 2) queueMicrotask(() => { throw new Error("a defect made for this test"); });
              else take(event);
            };`;
            await route.fulfill({ response, body });
          }),
      },
    );
    assert.deepEqual(codes, Array(4).fill("internal"));
    assert.deepEqual(fresh, [1, 5]);
  });

  test("where the browser knows no WebGPU at all, auto takes the CPU and webgpu is refused", async () => {
    const outcomes = await inPage(async (/** @type {any} */ { library }) => {
      Object.defineProperty(Navigator.prototype, "gpu", { value: undefined });
      const outcome = (/** @type {string} */ backend) =>
        library.open({ backend, worker: false }).then(
          (/** @type {any} */ scope) => scope.backend,
          (/** @type {any} */ error) => error.code,
        );
      return [await outcome("auto"), await outcome("webgpu"), await outcome("cpu")];
    });
    assert.deepEqual(outcomes, ["cpu", "no_webgpu", "cpu"]);
  });

  test("a software adapter is left alone by auto and taken when WebGPU is asked for", async () => {
    const backends = await inPage(
      async (/** @type {any} */ { library }) => {
        const auto = await library.open();
        const webgpu = await library.open({ backend: "webgpu" });
        return [auto.backend, auto.reason, webgpu.backend];
      },
      null,
      { backend: "webgpu" },
    );
    assert.equal(backends[0], "cpu");
    assert.match(backends[1], /software/);
    assert.equal(backends[2], "webgpu");
  });

  test("a lost device is told, and a network loaded after it runs on another", async () => {
    const { codes, message, logits, before } = await inPage(
      async (/** @type {any} */ { library, arg }) => {
        /** @type {GPUDevice[]} */
        const devices = [];
        const request = GPUAdapter.prototype.requestDevice;
        GPUAdapter.prototype.requestDevice = async function (/** @type {any} */ descriptor) {
          const device = await request.call(this, descriptor);
          devices.push(device);
          return device;
        };
        const scope = await library.open({ backend: "webgpu", worker: false });
        const net = await scope.load(arg.tiny);
        const before = [...(await net.predict(arg.x)).logits.data];
        devices[0].destroy();
        await devices[0].lost;
        const fails = (/** @type {any} */ error) => error;
        const errors = [
          await net.predict(arg.x).catch(fails),
          await net.gradient(arg.x, { logit: 0 }).catch(fails),
        ];
        const another = await scope.load(arg.tiny);
        const { logits } = await another.predict(arg.x);
        const codes = errors.map(({ code }) => code);
        return { codes, message: errors[0].message, logits: [...logits.data], before };
      },
      { tiny: tiny(), x: lattice(7, 0, [1, 3, 12, 12]) },
      { backend: "webgpu" },
    );
    assert.deepEqual(codes, ["device_lost", "device_lost"]);
    assert.match(message, /load/);
    assert.deepEqual(logits, before);
  });
});
