// Style transfer, through the interface and on the page.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BACKENDS, openApp, withPage, withScope } from "./harness.mjs";
import { losable, openOn, reaches, saved, settled, text } from "./sights.mjs";

for (const backend of BACKENDS) {
  test(`a style is transferred, seen, stopped, resumed and made again (${backend})`, async () => {
    const seen = await withScope({ backend }, async ({ scope }) => {
      const net = await scope.load("fashion");
      const picture = (/** @type {string} */ id) =>
        fetch(scope.pictures.find((/** @type {any} */ each) => each.id === id).url).then((answer) =>
          answer.blob(),
        );
      const [content, style] = [await picture("fashion-bag-1"), await picture("style-zebra")];
      const preset = await net.stylePreset();
      const [layer] = Object.keys(preset.styleLayers);
      const options = { steps: 12, size: 56, seed: 3, grams: [layer] };
      /** @type {number[]} */
      const steps = [];
      let told = 0;
      const whole = await net.stylize(content, style, {
        ...options,
        every: 4,
        onStep: (/** @type {any} */ { step, history, grams }) => {
          steps.push(step);
          told += history.length;
          if (grams[layer].shape[0] !== grams[layer].shape[1]) throw new Error("not square");
        },
      });
      const again = await net.stylize(content, style, options);
      const one = { ...options, scales: 1 };
      const first = await net.stylize(content, style, { ...one, steps: 5 });
      const second = await net.stylize(content, style, { ...one, steps: 7, resume: first.state });
      const ended = await net.stylize(content, style, {
        ...options,
        onStep: (/** @type {any} */ { step }) => (step === 5 ? { stop: true } : undefined),
      });
      // What was ended in the first size goes on in it.
      const rest = await net.stylize(content, style, { ...options, steps: 6, resume: ended.state });
      const both = await net.stylize(content, [{ image: style, weight: 3 }, content], options);
      const by = await net.stylize(content, style, { ...one, optimizer: "lbfgs" });
      const straight = await net.stylize(content, style, one);
      const same = (/** @type {any} */ a, /** @type {any} */ b) =>
        a.data.every(
          (/** @type {number} */ value, /** @type {number} */ at) => value === b.data[at],
        );
      return {
        steps,
        told,
        entry: whole.history[3],
        layer,
        lengths: [whole.history.length, ended.history.length, ended.state.step],
        falls: [whole, by].map(({ history }) => history.at(-1).total / history[0].total),
        same: [
          same(whole.image, again.image),
          same(straight.image, second.image),
          same(whole.image, rest.image),
        ],
        differ: [same(whole.image, both.image), same(straight.image, by.image)],
        shapes: [whole.image.shape, rest.image.shape, whole.grams[layer].shape],
      };
    });
    // At each of two sizes it is looked at from its first step on.
    assert.deepEqual(seen.steps, [0, 4, 6, 10]);
    assert.ok(seen.told >= 8, `${seen.told}`);
    assert.equal(seen.entry.step, 3);
    const sum = Object.keys(seen.entry.layers.style);
    assert.ok(sum.includes(seen.layer) && seen.entry.style > 0 && seen.entry.tv > 0);
    assert.deepEqual(seen.lengths, [13, 7, 6]);
    for (const share of seen.falls) assert.ok(share < 0.8, `${share}`);
    assert.deepEqual(seen.same, [true, true, true]);
    assert.deepEqual(seen.differ, [false, false]);
    assert.deepEqual(seen.shapes[0], [1, 1, 56, 56]);
    assert.deepEqual(seen.shapes[1], [1, 1, 56, 56]);
  });
}

test("every option of style transfer is checked with its name", async () => {
  const cases = /** @type {[string, object][]} */ ([
    ["contentlayers", { contentlayers: ["conv1"] }],
    ["contentLayers", { contentLayers: "conv1" }],
    ["conv99", { contentLayers: ["conv99"] }],
    ["styleLayers", { styleLayers: { conv1: "much" } }],
    ["alpha", { alpha: -1 }],
    ["beta", { beta: "much" }],
    ["tv", { tv: -1 }],
    ["reduction", { reduction: "max" }],
    ["statistic", { statistic: "median" }],
    ["preserveColors", { preserveColors: "some" }],
    ["preserveColors", { preserveColors: true }],
    ["jitter", { jitter: 9999 }],
    ["jitter", { jitter: 2, optimizer: "lbfgs" }],
    ["styleScale", { styleScale: 0 }],
    ["optimizer", { optimizer: "newton" }],
    ["learningRate", { learningRate: 0 }],
    ["parametrization", { parametrization: "wavelet" }],
    ["decay", { parametrization: "pixel", decay: 1 }],
    ["range", { range: "wide" }],
    ["init", { init: "white" }],
    ["size", { size: "large" }],
    ["size", { size: 4 }],
    ["scales", { scales: 0 }],
    ["scaleFactor", { scaleFactor: 1 }],
    ["preset", { preset: "best" }],
    ["gatys", { preset: "gatys" }],
    ["grams", { grams: "conv1" }],
    ["resume", { resume: { step: 1, values: [] } }],
    ["steps", { steps: 1e9 }],
    ["every", { every: 0 }],
  ]);
  const errors = await withScope(
    { backend: "cpu" },
    async ({ scope, arg }) => {
      const net = await scope.load("fashion");
      const picture = { data: new Float32Array(784).fill(0.5), shape: [1, 1, 28, 28] };
      const said = [];
      const attempt = (/** @type {any} */ style, /** @type {object} */ options) =>
        net.stylize(picture, style, { steps: 2, ...options }).then(
          () => ({ code: "none", message: "" }),
          (/** @type {any} */ { code, message }) => ({ code, message }),
        );
      for (const [, options] of arg) said.push(await attempt(picture, options));
      const mask = { data: new Float32Array([2]), shape: [1, 1, 1, 1] };
      said.push(await attempt([{ image: picture, mask }], {}));
      said.push(await attempt([{ image: picture, weight: -1 }], {}));
      said.push(await attempt([], {}));
      return said;
    },
    cases,
  );
  const words = [...cases.map(([name]) => name), "mask", "weight", "style"];
  for (const [index, name] of words.entries()) {
    assert.equal(errors[index].code, "bad_argument", name);
    assert.ok(errors[index].message.includes(name), `${name}: ${errors[index].message}`);
  }
});

test("a picture is prepared at another size where that is asked for", async () => {
  const shapes = await withScope({ backend: "cpu" }, async ({ scope }) => {
    const net = await scope.load("fashion");
    const image = new ImageData(40, 30);
    const sizes = [undefined, 56, [20, 44]];
    const found = [];
    for (const size of sizes) found.push((await net.preprocess(image, { size })).shape);
    const refused = await net
      .preprocess(image, { size: 0 })
      .catch((/** @type {any} */ e) => e.code);
    return { found, refused };
  });
  assert.deepEqual(shapes.found, [
    [1, 1, 28, 28],
    [1, 1, 56, 56],
    [1, 1, 20, 44],
  ]);
  assert.equal(shapes.refused, "bad_argument");
});

/** Milliseconds for a run on a software adapter of a machine that is busy with other tests. */
const PATIENCE = 90_000;

const RUN =
  "#model=fashion&view=style&image=fashion-bag-1&style.of=style-zebra&style.steps=20&style.size=56&style.run=1";

test("the view grows a picture, scrubs back, shows the losses and the matrices", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, RUN);
    await settled(page);
    assert.equal(await text(page, "#sight h2"), "Bag in the style of Zebra stripes");
    assert.match(await text(page, ".grown"), /^Step 20: L_total/);
    await page.locator(".way input[type=range]").fill("8");
    assert.match(await text(page, ".grown"), /^Step 8: L_total/);
    const matrix = page.locator(".grams canvas").first();
    await matrix.hover({ position: { x: 3, y: 3 } });
    assert.match(await text(page, ".gram-told"), /^G of .*style .* result .* content/);
    // More style leads elsewhere, and the address keeps it.
    const before = await text(page, ".grown");
    await page.getByLabel("Style against content, β / α").fill("1");
    await settled(page);
    assert.notEqual(await text(page, ".grown"), before);
    await page.waitForURL(/style\.ratio=1/);
  }));

test("space starts, pauses and goes on, and Stop keeps what there is", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, RUN.replace("&style.run=1", "").replace("steps=20", "steps=400"));
    await settled(page);
    assert.match(await text(page, ".grown"), /^Press Start/);
    await page.getByRole("button", { name: "No", exact: true }).click();
    const start = page.locator("#controls .buttons button, .controls .buttons button").first();
    await page.getByRole("button", { name: "Pause" }).waitFor();
    await reaches(page, 1);
    await page.locator("#sight h2").click();
    await page.keyboard.press(" ");
    await page.getByRole("button", { name: "Go on" }).waitFor();
    // The step that was under way is still drawn.
    await page.waitForTimeout(300);
    const rested = await text(page, ".grown");
    await page.waitForTimeout(300);
    assert.equal(await text(page, ".grown"), rested);
    await page.keyboard.press(" ");
    await page.waitForFunction(
      (told) => document.querySelector(".grown")?.textContent !== told,
      rested,
    );
    await page.getByRole("button", { name: "Stop" }).click();
    await settled(page);
    assert.match(await text(page, ".grown"), /^Step \d+: L_total/);
    assert.match(await text(page, ".style-ask"), /You were right: no/);
    assert.ok(start);
  }));

test("a run is saved as a picture and as JSON, which replays it", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, RUN);
    await settled(page);
    const end = await text(page, ".grown");
    const png = await saved(page, "PNG");
    assert.deepEqual([...png.bytes.subarray(1, 4)], [80, 78, 71]);
    const animation = await saved(page, "Animation");
    assert.match(animation.name, /growing\.png$/);
    assert.ok(animation.bytes.includes("acTL"), "it is animated");
    const json = await saved(page, "JSON");
    const told = JSON.parse(json.bytes.toString());
    assert.deepEqual(
      [told.convscope, told.image, told.style],
      ["style", "fashion-bag-1", "style-zebra"],
    );
    await page.locator("details input[type=file][accept='application/json']").setInputFiles({
      name: "run.json",
      mimeType: "application/json",
      buffer: json.bytes,
    });
    await settled(page);
    assert.equal(await text(page, ".grown"), end);
    assert.deepEqual((await saved(page, "PNG")).bytes, png.bytes, "the same pixels");
  }));

test("a style that loses its device goes on from its last state", () =>
  withPage({ backend: "webgpu" }, async (page) => {
    page.setDefaultTimeout(PATIENCE);
    const lose = await losable(page);
    await openOn(page, "webgpu", RUN.replace("steps=20", "steps=4").replace("=56", "=28"));
    // A longer run, which is caught on its way.
    await page.evaluate(() => {
      location.hash = location.hash.replace("steps=4", "steps=28");
    });
    await reaches(page, 10);
    await lose();
    await page.waitForSelector("#notice:not([hidden])");
    await settled(page);
    const line = await text(page, ".grown");
    const from = Number(/went on from step (\d+)/.exec(line)?.[1]);
    assert.match(line, /^Step 28: L_total/);
    assert.ok(from >= 8 && from < 28, line);
    // As a run that loses nothing.
    await page.reload();
    await settled(page);
    const whole = await text(page, ".grown");
    assert.ok(!whole.includes("went on"));
    assert.equal(line.replace(/ · went on.*/, ""), whole);
  }));

test("a style acts where the brush marked the content", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, RUN);
    await settled(page);
    const everywhere = await text(page, ".grown");
    await page.getByText("Where the style acts", { exact: true }).click();
    await page.getByLabel("Mark it on the content with a brush").check();
    const canvas = page.locator(".style-inputs canvas").first();
    await canvas.click({ position: { x: 5, y: 5 } });
    await settled(page);
    assert.match(await text(page, ".grown"), /^Step 20: L_total/);
    const marked = await text(page, ".grown");
    assert.notEqual(marked, everywhere);
    await page.getByRole("button", { name: "Everywhere", exact: true }).click();
    await settled(page);
    assert.equal(await text(page, ".grown"), everywhere);
  }));

test("each layer alone and shuffled positions are shown", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, RUN.replace("style.run=1", "style.sight=shuffle&style.run=1"));
    await settled(page);
    assert.match(await text(page, ".grown"), /positions shuffled alike: no entry of G moved/);
    await page.goto(
      page.url().replace(/#.*/, RUN.replace("style.run=1", "style.sight=layers&style.run=1")),
    );
    await page.reload();
    await settled(page);
    assert.match(await text(page, "#sight h2"), /each layer alone/);
    assert.ok((await page.locator(".grown-row figure").count()) >= 2);
  }));
