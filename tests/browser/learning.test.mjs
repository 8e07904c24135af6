// Learning in the page: training against PyTorch, its listener and its faults, the scan for bias, and their two views.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { fixtureJson } from "./fixtures.mjs";
import { BACKENDS, openApp, withPage, withScope } from "./harness.mjs";

/** @typedef {import("playwright-core").Page} Page */

/** Steps compared in the browser; the native test compares a hundred. */
const STEPS = { cpu: 12, webgpu: 3 };

for (const backend of BACKENDS) {
  describe(`train (${backend})`, () => {
    test("losses are PyTorch's, and a call goes on where the last one stopped", async () => {
      const { sgd, batch } = fixtureJson("training.json");
      const steps = STEPS[backend];
      const losses = await withScope(
        { backend },
        async ({ scope, arg }) => {
          const net = await scope.load("fashion");
          const order = ["conv1", "norm1", "conv2", "norm2", "conv3", "norm3", "fc"];
          let index = 0;
          for (const layer of order)
            for (const part of layer === "fc" || layer.startsWith("norm")
              ? ["weight", "bias"]
              : ["weight"]) {
              const name = `${layer}.${part}`;
              const { shape } = await net.weights(name);
              const length = shape.reduce(
                (/** @type {number} */ a, /** @type {number} */ b) => a * b,
                1,
              );
              const fanIn = shape.length > 1 ? length / shape[0] : 64;
              const value = (/** @type {number} */ i) => {
                const level = (i * 7919 + 900 * 104_729 + index * 1_299_709) % 2001;
                return Math.fround(
                  Math.fround((level - 1000) / 1000) * Math.fround(1 / Math.sqrt(fanIn)),
                );
              };
              const norm = part === "weight" ? 1 : 0;
              const data = Float32Array.from({ length }, (_, i) =>
                layer.startsWith("norm") ? norm : value(i),
              );
              await net.setWeights(name, { data, shape });
              index += 1;
            }
          const { images, labels } = await scope.dataset("fashion");
          const options = {
            batch: arg.batch,
            learningRate: 5e-3,
            momentum: 0.9,
            weightDecay: 1e-3,
            shuffle: false,
          };
          const first = await net.train({ images, labels }, { ...options, steps: 1 });
          const rest = await net.train({ images, labels }, { ...options, steps: arg.steps - 1 });
          const both = [...first.history, ...rest.history];
          return both.map(({ step, loss }) => [step, loss]);
        },
        { batch, steps },
      );
      assert.deepEqual(
        losses.map(([step]) => step),
        Array.from({ length: steps }, (_, index) => index + 1),
      );
      for (const [index, [, loss]] of losses.entries())
        assert.ok(
          Math.abs(loss - sgd.loss[index]) < 0.01 * sgd.loss[index],
          `step ${index + 1}: ${loss}`,
        );
    });
  });
}

test("onStep is shown every few steps, can change the rate and hold the call; restore brings the weights back", async () => {
  const seen = await withScope({ backend: "cpu" }, async ({ scope }) => {
    const net = await scope.load("fashion");
    const { images, labels } = await scope.dataset("fashion");
    const before = (await net.weights("conv1.weight")).data;
    /** @type {number[]} */
    const steps = [];
    let inBetween = 0;
    await net.train(
      { images, labels },
      {
        steps: 5,
        batch: 8,
        every: 2,
        optimizer: "adam",
        learningRate: 1e-3,
        onStep: async (/** @type {{ step: number }} */ { step }) => {
          steps.push(step);
          const now = (await net.weights("conv1.weight")).data;
          inBetween += now.some(
            (/** @type {number} */ w, /** @type {number} */ i) => w !== before[i],
          )
            ? 1
            : 0;
          return { learningRate: 1e-12 };
        },
      },
    );
    const { modified } = net;
    const third = (await net.weights("conv1.weight")).data;
    await net.train(
      { images, labels },
      { steps: 1, batch: 8, optimizer: "adam", learningRate: 1e-12 },
    );
    const fourth = (await net.weights("conv1.weight")).data;
    const life = new AbortController();
    const stopped = await net
      .train(
        { images, labels },
        { steps: 50, batch: 8, signal: life.signal, onStep: () => life.abort() },
      )
      .catch((/** @type {{ code: string }} */ error) => error.code);
    await net.restore();
    const after = (await net.weights("conv1.weight")).data;
    const moved = (/** @type {Float32Array} */ a, /** @type {Float32Array} */ b) =>
      Math.max(...a.map((value, index) => Math.abs(value - b[index])));
    return {
      steps,
      inBetween,
      modified,
      stopped,
      small: moved(third, fourth),
      large: moved(third, before),
      back: moved(after, before),
      wasModified: net.modified,
    };
  });
  assert.deepEqual(seen.steps, [2, 4, 5]);
  assert.equal(seen.inBetween, 3, "other calls run while a step is looked at");
  assert.equal(seen.stopped, "aborted");
  assert.ok(seen.large > 1e-4 && seen.small < 1e-8, `${seen.large} and ${seen.small}`);
  assert.equal(seen.back, 0);
  assert.equal(seen.wasModified, false);
});

test("what cannot be trained or scanned is said", async () => {
  const messages = await withScope({ backend: "cpu" }, async ({ scope }) => {
    const net = await scope.load("fashion");
    const images = { data: new Float32Array(2 * 784), shape: [2, 1, 28, 28] };
    const labels = [0, 1];
    const bad = (/** @type {any} */ data, /** @type {any} */ options) => () =>
      net.train(data, options);
    const scan = (/** @type {any} */ options) => () => net.biasScan({ images, labels }, options);
    const calls = {
      "one label": bad({ images, labels: [0] }, {}),
      "label 10": bad({ images, labels: [0, 10] }, { batch: 2 }),
      "label 0.5": bad({ images, labels: [0.5, 1] }, { batch: 2 }),
      batch: bad({ images, labels }, { batch: 3 }),
      both: bad({ images, labels }, { batch: 2, steps: 1, epochs: 1 }),
      rate: bad({ images, labels }, { batch: 2, learningRate: 0 }),
      momentum: bad({ images, labels }, { batch: 2, optimizer: "adam", momentum: 0.5 }),
      optimizer: bad({ images, labels }, { batch: 2, optimizer: "lion" }),
      noise: bad({ images, labels }, { batch: 2, labelNoise: 2 }),
      shortcut: bad({ images, labels }, { batch: 2, shortcut: { class: 0, left: 27 } }),
      option: bad({ images, labels }, { batch: 2, warmup: 3 }),
      method: scan({ method: "sorcery" }),
      target: scan({ method: "gradient", target: 3 }),
      region: scan({ method: "gradient", region: "left" }),
      threshold: scan({ method: "gradient", threshold: 0 }),
    };
    /** @type {Record<string, string>} */
    const said = {};
    for (const [name, call] of Object.entries(calls))
      said[name] = await call().then(
        () => "no error",
        (/** @type {{ code: string, message: string }} */ { code, message }) =>
          `${code}: ${message}`,
      );
    return said;
  });
  for (const [name, message] of Object.entries(messages))
    assert.match(message, /^bad_argument: .{15,}/, name);
});

for (const backend of BACKENDS) {
  test(`the scan names coats and their mark on fashion-biased (${backend})`, async () => {
    const { spots, ranking, shape, contrast } = await withScope({ backend }, async ({ scope }) => {
      const net = await scope.load("fashion-biased");
      const { images, labels } = await scope.dataset("fashion-biased");
      const some = [4, 2].flatMap((label) =>
        [...labels.keys()].filter((index) => labels[index] === label).slice(0, 4),
      );
      const data = new Float32Array(some.length * 784);
      for (const [place, index] of some.entries())
        data.set(images.data.subarray(index * 784, (index + 1) * 784), place * 784);
      const few = {
        images: { data, shape: [some.length, 1, 28, 28] },
        labels: some.map((index) => labels[index]),
      };
      const found = await net.biasScan(few, {
        method: "occlusion",
        window: 4,
        stride: 4,
        fill: -0.286 / 0.353,
      });
      return {
        spots: found.hotSpots,
        ranking: found.ranking,
        shape: found.meanMaps.shape,
        contrast: await net.counterfactual(few, { value: -0.286 / 0.353 }),
      };
    });
    assert.deepEqual(shape, [10, 28, 28]);
    assert.deepEqual(ranking, [4, 2]);
    assert.equal(spots[0].class, 4);
    const { top, left } = spots[0].box;
    assert.ok(top <= 3 && left <= 3, JSON.stringify(spots));
    const coats = contrast.find((/** @type {{ class: number }} */ each) => each.class === 4);
    assert.ok(coats.after.confidence < coats.before.confidence - 0.3, JSON.stringify(coats));
  });
}

test("a shipped pack of 10,000 pictures comes on demand", async () => {
  const { shape, counts, range } = await withScope({ backend: "cpu" }, async ({ scope }) => {
    const { images, labels } = await scope.dataset("fashion-train");
    const counts = Array(10).fill(0);
    for (const label of labels) counts[label] += 1;
    return {
      shape: images.shape,
      counts,
      range: images.data.reduce(
        (/** @type {number[]} */ [low, high], /** @type {number} */ value) => [
          Math.min(low, value),
          Math.max(high, value),
        ],
        [9, -9],
      ),
    };
  });
  assert.deepEqual(shape, [10_000, 1, 28, 28]);
  assert.ok(
    counts.every((count) => count > 900 && count < 1100),
    `${counts}`,
  );
  assert.ok(Math.abs(range[0] + 0.286 / 0.353) < 1e-5 && Math.abs(range[1] - 0.714 / 0.353) < 1e-5);
});

/**
 * Waits until nothing is left to compute or draw.
 * @param {Page} page
 */
async function settled(page) {
  await page.waitForTimeout(100);
  await page.waitForFunction(() => document.documentElement.dataset.ready === "true");
}

/** @param {Page} page */
async function heading(page) {
  return ((await page.locator(".question").textContent()) ?? "").replace(/\s+/g, " ").trim();
}

/**
 * Saves a chart as what a button says.
 * @param {import("playwright-core").Locator} chart
 * @param {"PNG" | "SVG" | "CSV"} kind
 */
async function saved(chart, kind) {
  const [download] = await Promise.all([
    chart.page().waitForEvent("download"),
    chart.getByRole("button", { name: kind }).click(),
  ]);
  return {
    name: download.suggestedFilename(),
    text: await readFile(await download.path(), "latin1"),
  };
}

for (const backend of BACKENDS) {
  test(`the view of training begins from scratch, takes a step and brings the loaded weights back (${backend})`, () =>
    withPage({ backend }, async (page) => {
      await openApp(page, `?backend=${backend}#model=fashion&view=training`, 90_000);
      await page.getByRole("button", { name: "From scratch" }).click();
      await settled(page);
      assert.match(await heading(page), /knows nothing yet/);
      await page.getByRole("button", { name: "One step" }).click();
      await page.waitForFunction(
        () => document.querySelector(".question")?.textContent?.includes("step 1,"),
        null,
        { timeout: 60_000 },
      );
      await page.waitForSelector(".exam dd", { timeout: 60_000 });
      assert.equal(await page.locator(".learning .tiles").count(), 2);
      await page.getByRole("button", { name: "Loaded weights" }).click();
      await settled(page);
      assert.match(await heading(page), /^Watch fashion learn/);
      assert.equal(await page.locator(".exam dd").count(), 0);
    }));
}

test("the view of training plays with space and goes on where it was paused", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, "?backend=cpu#model=fashion&view=training&training.batch=16");
    await page.locator("#sight").focus();
    await page.keyboard.press("t");
    await page.locator("body").press(" ");
    await page.waitForFunction(
      () =>
        Number(/step (\d+)/.exec(document.querySelector(".question")?.textContent ?? "")?.[1]) >= 3,
      null,
      { timeout: 60_000 },
    );
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("button", { name: "Play" }).waitFor();
    const stepOf = async () => Number(/step (\d+)/.exec(await heading(page))?.[1]);
    await page.waitForTimeout(1500);
    const paused = await stepOf();
    await page.waitForTimeout(500);
    assert.equal(await stepOf(), paused, "nothing moves while it rests");
    await page.getByRole("button", { name: "One step" }).click();
    await page.waitForFunction(
      (step) => document.querySelector(".question")?.textContent?.includes(`step ${step},`),
      paused + 1,
      { timeout: 30_000 },
    );
  }));

test("the curves of training and its map of test pictures are saved as picture, drawing and numbers", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, "?backend=cpu#model=fashion&view=training&training.batch=16");
    const curves = page.locator("figure", { has: page.locator(".learning-curve") });
    assert.equal(await page.locator(".saves:visible").count(), 0, "there is nothing to save yet");
    for (const step of [1, 2, 3]) {
      await page.getByRole("button", { name: "One step" }).click();
      await page.waitForFunction(
        (step) => document.querySelector(".question")?.textContent?.includes(`step ${step},`),
        step,
        { timeout: 60_000 },
      );
    }
    await settled(page);
    const numbers = await saved(curves, "CSV");
    assert.equal(numbers.name, "learning.csv");
    const [head, ...rows] = numbers.text.split("\n");
    assert.equal(head, "step,loss,accuracy,loss_mean,accuracy_mean");
    assert.deepEqual(
      rows.map((row) => Number(row.split(",")[0])),
      [1, 2, 3],
    );
    const losses = rows.map((row) => Number(row.split(",")[1]));
    // Each step back counts eleven twelfths.
    const weights = [(11 / 12) ** 2, 11 / 12, 1];
    const mean =
      losses.reduce((sum, loss, at) => sum + weights[at] * loss, 0) /
      weights.reduce((sum, weight) => sum + weight, 0);
    assert.ok(Math.abs(Number(rows[2].split(",")[3]) - mean) < 1e-6, numbers.text);
    const art = (await saved(curves, "SVG")).text;
    const lines = [...art.matchAll(/<polyline[^>]*points="([^"]*)"[^>]*stroke="rgb/g)];
    assert.deepEqual(
      lines.map(([, points]) => points.split(" ").length),
      [3, 3, 3, 3],
    );
    assert.match((await saved(curves, "PNG")).text, /^.PNG/s);

    const map = page.locator(".learning .small-map");
    const points = (await saved(map, "CSV")).text.split("\n");
    assert.equal(points[0], "index,x,y,class,wrong");
    assert.equal(points.length, 201);
    assert.match(points[1], /^0,-?[\d.]+,-?[\d.]+,Ankle boot,[01]$/);
    const drawn = (await saved(map, "SVG")).text;
    assert.equal(drawn.match(/<circle|<path/g)?.length, 200);
    const crosses = points.filter((row) => row.endsWith(",1")).length;
    assert.equal(drawn.match(/<path/g)?.length ?? 0, crosses);
    assert.match((await saved(map, "PNG")).text, /^.PNG/s);
  }));

test("the view of bias names the class and the place, and asks the counterfactual", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(
      page,
      "?backend=cpu#model=fashion-biased&view=bias&bias.method=integrated_gradients",
      90_000,
    );
    assert.match(await heading(page), /^Coat: \d+\.\d % of the evidence/);
    assert.equal(await page.locator(".class-maps button").count(), 10);
    const cells = await page.locator(".effects td").allTextContents();
    const [before, after] = cells.map((text) => Number.parseFloat(text));
    assert.ok(before > 90 && after < 40, `${cells}`);
    assert.ok((await page.locator(".groups li").count()) > 2);
    const maps = (await saved(page.locator(".small-map"), "CSV")).text.split("\n");
    assert.equal(maps.length, 81);
    assert.equal(maps.filter((row) => row.endsWith(",Coat")).length, 8);
    await page.goto(
      `${page.url().split("#")[0]}#model=fashion&view=bias&bias.method=integrated_gradients`,
    );
    await settled(page);
    await page.waitForFunction(
      () => document.querySelector(".question")?.textContent?.includes("no hot spot"),
      null,
      { timeout: 60_000 },
    );
  }));

test("the cure counts its steps, and stops where it is", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(
      page,
      "?backend=cpu#model=fashion-biased&view=bias&bias.method=integrated_gradients",
      90_000,
    );
    await page.getByRole("button", { name: "Retrain without the mark" }).click();
    const progress = page.locator("#progress");
    await progress.getByText(/^Learning from pictures/).waitFor({ timeout: 60_000 });
    await progress.getByText(/^[1-9]\d* of 150$/).waitFor({ timeout: 60_000 });
    await progress.getByRole("button", { name: "Stop" }).click();
    await progress.waitFor({ state: "hidden" });
    await page.getByText("Weights edited").waitFor({ timeout: 60_000 });
  }));

test("a brush on a photograph gives the share beside it and other backgrounds", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, "?backend=cpu#view=bias&model=efficientnet-lite0", 90_000);
    if (!page.url().includes("efficientnet-lite0")) return;
    await page.getByRole("button", { name: "The middle" }).click();
    await settled(page);
    assert.match(await heading(page), /^\d+\.\d % of the attribution lies beside it/);
    assert.equal(await page.locator(".effects dt").count(), 5);
    await page.getByRole("button", { name: "Clear" }).click();
    await settled(page);
    assert.match(await heading(page), /^Paint over/);
  }));
