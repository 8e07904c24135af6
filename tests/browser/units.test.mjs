// What units respond to, statistics and spectra of filters, and the weights before training: the calls, and the sights.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { fieldBox, patchBox } from "../../www/views/kernel-patches.js";
import { strongest, waveWords } from "../../www/views/kernel-spectra.js";
import { chain } from "../../www/views/kernel-statistics.js";
import { measuredAt, rectifierOf } from "../../www/views/kernel-unit.js";
import { BACKENDS, openApp, withPage, withScope } from "./harness.mjs";
import { openApi, openOn, pointAt, settled, text } from "./sights.mjs";

/** @typedef {import("../../www/convscope.js").Layer} Layer */

const PICTURE = "fashion-coat-1";
const KERNELS = `#model=fashion&image=${PICTURE}&view=kernels`;

/**
 * The numbers that training began with, by another road: PCG-XSH-RR in whole numbers, Box and Muller in doubles.
 * @param {number} seed
 * @param {number} count
 */
function normals(seed, count) {
  const mask = (1n << 64n) - 1n;
  let state = (BigInt(seed) + 1442695040888963407n) & mask;
  const bits = () => {
    const old = state;
    state = (old * 6364136223846793005n + 1442695040888963407n) & mask;
    const shifted = (((old >> 18n) ^ old) >> 27n) & 0xffffffffn;
    const turn = old >> 59n;
    return Number(((shifted >> turn) | (shifted << (32n - turn))) & 0xffffffffn);
  };
  const uniform = () => (bits() >>> 8) / 2 ** 24;
  bits();
  return Array.from({ length: count }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    return radius * Math.cos(2 * Math.PI * uniform());
  });
}

for (const backend of BACKENDS) {
  test(`hits, fields and statistics are those of the network's own numbers (${backend})`, () =>
    withScope({ backend }, async ({ scope }) => {
      const fail = (/** @type {string} */ what) => {
        throw new Error(what);
      };
      const near = (/** @type {number} */ a, /** @type {number} */ b, /** @type {string} */ what) =>
        Math.abs(a - b) <= 1e-3 * Math.max(1, Math.abs(b)) || fail(`${what}: ${a}, not ${b}`);
      const net = await scope.load("fashion");
      const { images } = await scope.dataset("fashion");
      const count = 70;
      const set = { data: images.data.slice(0, count * 784), shape: [count, 1, 28, 28] };
      const maps = (await net.activations(set, ["norm2"])).norm2;
      /** @type {number[]} */
      const told = [];
      const survey = await net.topActivations(set, "norm2", {
        count: 4,
        channels: [3, 17],
        onProgress: (/** @type {{ loaded: number }} */ { loaded }) => told.push(loaded),
      });
      if (told.at(-1) !== count) fail(`progress ended at ${told}`);
      for (const unit of survey.units) {
        const best = Array.from({ length: count }, (_, picture) => {
          const start = (picture * 32 + unit.channel) * 196;
          return Math.max(...maps.data.subarray(start, start + 196));
        }).sort((a, b) => b - a);
        for (const [place, hit] of unit.top.entries()) {
          near(hit.value, best[place], "a hit");
          const at = (hit.picture * 32 + unit.channel) * 196 + hit.y * 14 + hit.x;
          near(maps.data[at], hit.value, "the activation at a hit");
        }
      }
      const [{ channel, top }] = survey.units;
      const [{ picture, y, x }] = top;
      const image = {
        data: set.data.slice(picture * 784, picture * 784 + 784),
        shape: [1, 1, 28, 28],
      };
      const field = await net.receptiveField(image, "norm2", { channel, y, x });
      const gradient = await net.gradient(image, { layer: "norm2", channel, y, x });
      for (const [index, value] of gradient.data.entries()) {
        near(field.map.data[index], Math.abs(value), "the map of the field");
        const { theoretical: box } = field;
        const row = Math.floor(index / 28) - box.y;
        const column = (index % 28) - box.x;
        const inside = row >= 0 && row < box.height && column >= 0 && column < box.width;
        if (!inside && value !== 0) fail("a pixel outside the field moves the unit");
      }
      const weights = await net.weights("conv1.weight");
      const filters = await net.filters("conv1", { bins: 21, spectrum: 16 });
      let counted = 0;
      for (const each of filters.histogram.counts) counted += each;
      if (counted !== weights.data.length) fail("the histogram lost weights");
      for (let filter = 0; filter < 16; filter += 1) {
        const own = weights.data.subarray(filter * 49, filter * 49 + 49);
        let square = 0;
        for (const weight of own) square += weight * weight;
        near(filters.norms[filter] ** 2, square, "a norm");
        let power = 0;
        for (const value of filters.spectra.data.subarray(filter * 256, filter * 256 + 256))
          power += value * value;
        near(power / 256 / square, 1, "Parseval");
        const { filter: other, cosine } = filters.nearest[filter];
        near(filters.cosines.data[filter * 16 + other], cosine, "a cosine");
      }
      const life = new AbortController();
      const stopped = net.topActivations(set, "norm3", { signal: life.signal });
      life.abort();
      const refused = /** @type {[() => Promise<any>, string][]} */ ([
        [() => stopped, "aborted"],
        [() => net.topActivations(set, "conv9"), "bad_argument"],
        [() => net.topActivations(set, "norm2", { count: 0 }), "bad_argument"],
        [() => net.topActivations(set, "norm2", { channels: [] }), "bad_argument"],
        [() => net.topActivations(set, "norm2", { channels: [32] }), "bad_argument"],
        [() => net.receptiveField(set, "norm2", { channel, y, x }), "bad_argument"],
        [() => net.receptiveField(image, "norm2", { channel, y: 14, x }), "bad_argument"],
        [() => net.receptiveField(image, "norm2", { channel, y, x, share: 2 }), "bad_argument"],
        [() => net.filters("norm1"), "bad_argument"],
        [() => net.filters("conv1", { spectrum: 3 }), "bad_argument"],
        [() => net.filters("conv1", { bins: 0 }), "bad_argument"],
        [() => scope.initialWeights("nothing"), "bad_argument"],
      ]);
      for (const [index, [call, code]] of refused.entries()) {
        const seen = await call().then(
          () => "no error",
          (/** @type {{ code: string }} */ error) => error.code,
        );
        if (seen !== code) fail(`call ${index} gave ${seen}, not ${code}`);
      }
    }));
}

test("the weights before training come from the seed that ships", async () => {
  const { seed, values } = await withScope({ backend: "cpu" }, async ({ scope }) => {
    const { initial } = scope.models.find(
      (/** @type {{ id: string }} */ each) => each.id === "fashion",
    );
    const weights = await scope.initialWeights("fashion");
    return { seed: initial.seed, values: [...weights["conv1.weight"].data.slice(0, 100)] };
  });
  const deviation = Math.sqrt(2 / 49);
  for (const [index, value] of normals(seed, 100).entries())
    assert.ok(Math.abs(values[index] - deviation * value) < 1e-6, `${index}: ${values[index]}`);
});

for (const backend of BACKENDS) {
  test(`a unit's best patches are shown with their numbers, and lead to its map (${backend})`, () =>
    withPage({ backend }, async (page) => {
      await openOn(page, backend, `${KERNELS}&layer=conv1&channel=5`);
      await page.getByRole("button", { name: "What does it respond to?" }).click();
      await page.waitForSelector(".responds .nine");
      await settled(page);
      assert.equal(await text(page, ".question"), "What channel 5 of conv1 responds to");
      assert.match(await text(page, ".words"), /2,000 Fashion-MNIST test pictures.*7 × 7 pixels/);
      await pointAt(page, ".responds .tiles canvas", 48, { x: 2, y: 2 });
      const said = await text(page, ".readout");
      const [, picture, value, y, x] = (
        said.match(/test picture (\d+): (\S+) at row (\d+), column (\d+)/) ?? []
      ).map(Number);
      const api = await openApi(page, { model: "fashion", picture: PICTURE });
      const own = await api.ask(async ({ net, scope }, index) => {
        const { images } = await scope.dataset("fashion");
        const data = images.data.slice(index * 784, index * 784 + 784);
        const maps = await net.activations({ data, shape: [1, 1, 28, 28] }, ["norm1"]);
        return [...maps.norm1.data.slice(5 * 784, 6 * 784)];
      }, picture);
      await api.close();
      assert.ok(Math.abs(own[y * 28 + x] - value) <= 6e-3 * value, `${said}: ${own[y * 28 + x]}`);
      assert.equal(Math.max(...own), own[y * 28 + x]);
      await page.locator(".responds .tiles").focus();
      await page.keyboard.press("ArrowRight");
      await settled(page);
      await page.waitForFunction(() => location.hash.includes("kernels.hit=1"));
      await page.getByRole("button", { name: "Its map on this picture" }).click();
      await page.waitForFunction(() => location.hash.includes("view=maps"));
      await settled(page);
      assert.match(page.url(), /maps\.open=1.*maps\.y=\d+&maps\.x=\d+/);
      await page.getByRole("button", { name: "What it responds to" }).click();
      await page.waitForSelector(".responds .nine");
    }));
}

test("the sides of kernels are walked by keyboard, and each says what it found", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, `${KERNELS}&layer=conv1&channel=5&kernels.sight=responds&kernels.all=1`);
    assert.equal(await text(page, ".question"), "What each channel of conv1 responds to most");
    assert.match(await text(page, ".bench figcaption"), /16 channels/);
    const own = fileURLToPath(new URL("../../www/pictures/fashion/bag-1.png", import.meta.url));
    await page.locator("input[type=file][multiple]").setInputFiles([own]);
    await page.waitForFunction(() =>
      /2,000 .* and 1 of your own/.test(document.querySelector(".words")?.textContent ?? ""),
    );
    await settled(page);
    await page.getByRole("tab", { name: "Responds to" }).focus();
    await page.keyboard.press("ArrowRight");
    await settled(page);
    assert.match(page.url(), /kernels\.sight=statistics/);
    assert.match(await text(page, ".words"), /2 pairs are close to twins.*None is dead/);
    await page.keyboard.press("ArrowRight");
    await settled(page);
    assert.match(await text(page, ".check"), /^Parseval: mean of \|W\|² (\S+) = Σw² \1$/);
    await page.keyboard.press("ArrowRight");
    await settled(page);
    assert.match(await text(page, ".words"), /seed 20261123.*is 0\.\d\d on average/);
    assert.equal(await page.locator(".times .tiles").count(), 2);
    await page.keyboard.press("ArrowRight");
    assert.match(page.url(), /kernels\.sight=before/);
  }));

/**
 * @param {string} name
 * @param {string} op
 * @param {string} input
 */
function layer(name, op, input) {
  return /** @type {Layer} */ (/** @type {unknown} */ ({ name, op, inputs: [input] }));
}

test("units are measured before the rectifier that cuts them off", () => {
  const layers = [
    layer("conv", "conv2d", "x"),
    layer("norm", "batch_norm", "conv"),
    layer("act", "relu6", "norm"),
    layer("linear", "conv2d", "act"),
    layer("normed", "batch_norm", "linear"),
    layer("sum", "add", "normed"),
  ];
  const at = (/** @type {string} */ name) => measuredAt(layers, name).name;
  assert.deepEqual(["conv", "norm", "act"].map(at), ["norm", "norm", "norm"]);
  assert.deepEqual(["linear", "normed", "sum"].map(at), ["linear", "normed", "sum"]);
  assert.equal(rectifierOf(layers, layers[1])?.name, "act");
  assert.equal(rectifierOf(layers, layers[4]), undefined);
});

test("patches are what the unit can see, or the picture where that is all of it", () => {
  const small = /** @type {Layer} */ (
    /** @type {unknown} */ ({ receptiveField: { size: [5, 5], stride: [2, 2], start: [-2, -2] } })
  );
  const hit = { picture: 0, y: 0, x: 3, value: 1 };
  const box = { y: -2, x: 4, height: 5, width: 5 };
  assert.deepEqual(fieldBox(small, hit), box);
  assert.deepEqual(patchBox("field", small, hit, [9, 9], null), box);
  const whole = { y: 0, x: 0, height: 4, width: 4 };
  assert.deepEqual(patchBox("field", small, hit, [4, 4], null), whole);
  assert.deepEqual(patchBox("picture", small, hit, [9, 9], null), {
    ...whole,
    height: 9,
    width: 9,
  });
  const core = { y: 1, x: 2, height: 3, width: 1 };
  assert.deepEqual(patchBox("core", small, hit, [9, 9], core), { ...core, y: -1, x: 6 });
});

test("the strongest wave has its direction and period in words", () => {
  const spectrum = new Float32Array(33 * 33);
  spectrum[16 * 33 + 16] = 1;
  assert.equal(waveWords(strongest(spectrum)), "an even surface");
  spectrum[20 * 33 + 16] = 2;
  spectrum[12 * 33 + 16] = 2;
  assert.match(waveWords(strongest(spectrum)), /^level stripes, one every 8\.3 pixels$/);
  spectrum[20 * 33 + 20] = 3;
  assert.match(waveWords(strongest(spectrum)), /^rising stripes/);
  spectrum[20 * 33 + 12] = 4;
  assert.match(waveWords(strongest(spectrum)), /^falling stripes/);
  spectrum[16 * 33 + 24] = 5;
  assert.match(waveWords(strongest(spectrum)), /^upright stripes/);
});

test("in the order of likeness each filter stands beside the one most like it", () => {
  const cosines = [1, -0.2, 0.9, 0.1, -0.2, 1, 0, 0.8, 0.9, 0, 1, 0.3, 0.1, 0.8, 0.3, 1];
  const order = chain({ data: Float32Array.from(cosines), shape: [4, 4] });
  assert.deepEqual(order, [3, 1, 2, 0]);
  assert.deepEqual(chain({ data: new Float32Array(4), shape: [2, 2] }), [0, 1]);
});
