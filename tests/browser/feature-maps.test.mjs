// Feature maps: the numbers behind the view, and the view as a person uses it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { agrees, explain } from "../../www/views/feature-arithmetic.js";
import {
  overrideOf,
  readChanges,
  withChange,
  writeChanges,
} from "../../www/views/feature-change.js";
import { fieldOf, fieldWords } from "../../www/views/feature-field.js";
import { byStrength, ready, strengths } from "../../www/views/feature-planes.js";
import { BACKENDS, openApp, withPage } from "./harness.mjs";
import { assertNear, openApi, openOn, pointAt, settled, show, text } from "./sights.mjs";

const PICTURE = "fashion-ankle-boot-1";
const FASHION = `#model=fashion&image=${PICTURE}&view=maps`;

/**
 * A layer as the arithmetic needs it.
 * @param {Partial<import("../../www/convscope.js").Layer>} about
 * @returns {import("../../www/convscope.js").Layer}
 */
function layer(about) {
  return {
    name: "layer",
    op: "relu",
    inputs: ["x"],
    shape: [1, 1, 1],
    kernel: null,
    params: 0,
    macs: 0,
    block: "layer",
    weight: null,
    bias: null,
    statistics: null,
    slope: null,
    receptiveField: { size: [1, 1], stride: [1, 1], start: [0, 0] },
    ...about,
  };
}

/**
 * Planes 1, 2, 3 … of a shape.
 * @param {number} channels
 * @param {number} height
 * @param {number} width
 */
function counting(channels, height, width) {
  const data = Float32Array.from({ length: channels * height * width }, (_, index) => index + 1);
  return { data, channels, height, width };
}

test("a convolution's number is its patch times its kernel, with stride, padding and groups", () => {
  const conv = layer({
    op: "conv2d",
    shape: [4, 2, 2],
    kernel: {
      shape: [4, 1, 2, 3],
      stride: [2, 1],
      padding: [1, 0, 1, 1],
      dilation: [1, 2],
      groups: 2,
    },
  });
  const planes = counting(2, 3, 4);
  const weight = Float32Array.from({ length: 24 }, (_, index) => index - 10);
  const bias = Float32Array.of(0, 0, 0, 0.5);
  const at = { channel: 3, y: 0, x: 1 };
  // Rows −1 and 0, columns 0, 2, 4 of channel 1: only row 0's columns 0 and 2 lie inside.
  const expected = 13 * (21 - 10) + 15 * (22 - 10) + 0.5;
  const found = explain(conv, at, [{ name: "x", planes }], { weight, bias }, expected);
  assert.ok(found?.kind === "patches" && agrees(found));
  assert.equal(found.value, expected);
  assert.deepEqual([...found.window.inside], [0, 0, 0, 1, 1, 0]);
  assert.deepEqual([...found.terms[0].values], [0, 0, 0, 13, 15, 0]);
  assert.equal(found.terms[0].channel, 1);
  const wrong = explain(conv, at, [{ name: "x", planes }], { weight, bias }, expected + 1);
  assert.ok(wrong && !agrees(wrong), "another number in the map is noticed");
});

test("the terms of a sum come largest first, whatever their sign", () => {
  const conv = layer({
    op: "conv2d",
    kernel: {
      shape: [1, 3, 1, 1],
      stride: [1, 1],
      padding: [0, 0, 0, 0],
      dilation: [1, 1],
      groups: 1,
    },
  });
  const weight = Float32Array.of(1, -3, 2);
  const inputs = [{ name: "x", planes: counting(3, 1, 1) }];
  const found = explain(conv, { channel: 0, y: 0, x: 0 }, inputs, { weight }, 1);
  assert.ok(found?.kind === "products" && agrees(found));
  assert.deepEqual(
    found.terms.map((each) => each.from.channel),
    [1, 2, 0],
  );
});

test("a maximum names its first winner, a mean divides as the network does", () => {
  const kernel = {
    shape: [2, 2],
    stride: /** @type {[number, number]} */ ([2, 2]),
    padding: /** @type {[number, number, number, number]} */ ([0, 0, 0, 0]),
    dilation: /** @type {[number, number]} */ ([1, 1]),
    groups: 1,
  };
  const planes = { data: Float32Array.of(1, 5, 5, 2), channels: 1, height: 2, width: 2 };
  const at = { channel: 0, y: 0, x: 0 };
  const most = explain(layer({ op: "max_pool2d", kernel }), at, [{ name: "x", planes }], {}, 5);
  assert.ok(most?.kind === "window" && agrees(most));
  assert.equal(most.winner, 1);
  const padded = {
    ...kernel,
    padding: /** @type {[number, number, number, number]} */ ([1, 0, 0, 0]),
  };
  for (const [shown, count] of [
    [6 / 4, 4],
    [6 / 2, 2],
  ]) {
    const mean = explain(
      layer({ op: "avg_pool2d", kernel: padded }),
      at,
      [{ name: "x", planes }],
      {},
      shown,
    );
    assert.ok(mean?.kind === "window" && agrees(mean));
    assert.equal(mean.count, count);
  }
});

test("rectifiers, sums and batch norm follow their formulas", () => {
  const at = { channel: 1, y: 0, x: 0 };
  const one = {
    name: "a",
    planes: { data: Float32Array.of(0, -2), channels: 2, height: 1, width: 1 },
  };
  const two = {
    name: "b",
    planes: { data: Float32Array.of(0, 9), channels: 2, height: 1, width: 1 },
  };
  for (const [op, inputs, expected] of /** @type {const} */ ([
    ["relu", [one], 0],
    ["relu6", [two], 6],
    ["add", [one, two], 7],
    ["mul", [one, two], -18],
  ])) {
    const found = explain(layer({ op }), at, [...inputs], {}, expected);
    assert.equal(found?.value, expected, op);
  }
  const leaky = layer({ op: "leaky_relu", slope: 0.25 });
  assert.equal(explain(leaky, at, [one], {}, -0.5)?.value, -0.5);
  assert.equal(explain(leaky, at, [two], {}, 9)?.value, 9);
  const norm = layer({ op: "batch_norm", statistics: { mean: "m", variance: "v", epsilon: 0.25 } });
  const of = (/** @type {number} */ value) => Float32Array.of(0, value);
  const parameters = { weight: of(3), bias: of(1), mean: of(2), variance: of(3.75) };
  assert.equal(explain(norm, at, [two], parameters, 0)?.value, (3 * (9 - 2)) / 2 + 1);
});

test("a receptive field is clipped to the picture, and the padding is said", () => {
  const field = { size: [7, 5], stride: [2, 2], start: [-3, -2] };
  const typed = /** @type {import("../../www/convscope.js").Layer["receptiveField"]} */ (field);
  const found = fieldOf(typed, { y: 0, x: 13 }, { height: 28, width: 28 });
  assert.deepEqual(found.box, { x: 24, y: 0, width: 4, height: 4 });
  assert.equal(
    fieldWords(found),
    "sees 7 × 5 pixels, rows 0 to 3, columns 24 to 27; 3 rows and 1 column lie in the padding",
  );
  const inner = fieldOf(typed, { y: 5, x: 5 }, { height: 28, width: 28 });
  assert.equal(fieldWords(inner), "sees 7 × 5 pixels, rows 7 to 13, columns 8 to 12");
});

test("maps are ordered by strength, and zero keeps its colour on every scale", () => {
  const planes = { data: Float32Array.of(1, 1, -4, 0, 0, 0), channels: 3, height: 1, width: 2 };
  assert.deepEqual(byStrength(strengths(planes, "mean")), [1, 0, 2]);
  const each = ready(planes, { scale: "each", signed: true, most: 4 });
  assert.deepEqual([...each.tensor.data], [1, 1, -1, 0, 0, 0]);
  assert.deepEqual(each.scale, [-1, 1]);
  assert.deepEqual(ready(planes, { scale: "layer", signed: false, most: 4 }).scale, [0, 4]);
});

test("changes of channels survive the address, and only those that exist reach the engine", () => {
  const changes = [
    { layer: "a:b,c=d", channel: 3, factor: 0 },
    { layer: "layer", channel: 0, factor: 0.5 },
  ];
  assert.deepEqual(readChanges(writeChanges(changes)), changes);
  assert.deepEqual(readChanges("nonsense,layer:x=1,"), []);
  assert.deepEqual(withChange(changes, { layer: "layer", channel: 0, factor: 1 }), [changes[0]]);
  assert.deepEqual(overrideOf(changes, [layer({})]), { layer: { scale: { 0: 0.5 } } });
  assert.equal(overrideOf([changes[0]], [layer({})]), null);
});

const UNITS = [
  { layer: "conv1", channel: 3, y: 0, x: 14 },
  { layer: "norm1", channel: 3, y: 9, x: 14 },
  { layer: "act1", channel: 3, y: 9, x: 14 },
  { layer: "pool1", channel: 3, y: 9, x: 6 },
  { layer: "conv2", channel: 7, y: 13, x: 13 },
  { layer: "mean", channel: 7, y: 0, x: 0 },
  { layer: "logits", channel: 9, y: 0, x: 0 },
];

for (const backend of BACKENDS) {
  test(`the arithmetic of a unit gives the engine's activation (${backend})`, () =>
    withPage({ backend }, async (page) => {
      await openOn(page, backend, FASHION);
      const api = await openApi(page, { model: "fashion", picture: PICTURE });
      for (const unit of UNITS) {
        const { layer: name, channel, y, x } = unit;
        await show(
          page,
          `${FASHION}&layer=${name}&channel=${channel}&maps.open=1&maps.y=${y}&maps.x=${x}`,
        );
        await page.waitForSelector(".sum .check:not(:empty)");
        assert.equal(await page.locator(".sum .check.wrong").count(), 0, name);
        const said = await text(page, ".sum .check");
        const shown = said.match(/the number in the map is (\S+)$/);
        assert.ok(shown, said);
        assert.ok((await text(page, ".sum .result")).includes(shown[1]), `${name}: ${said}`);
        const value = await api.ask(async ({ net, image }, at) => {
          const { [at.layer]: maps } = await net.activations(image, [at.layer]);
          const [, , height = 1, width = 1] = maps.shape;
          return maps.data[(at.channel * height + at.y) * width + at.x];
        }, unit);
        assertNear(shown[1], value);
      }
      await api.close();
    }));
}

test("pointing at a number says what it sees, and draws it on the picture", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, `${FASHION}&layer=conv1&channel=2&maps.open=1&maps.over=0`);
    const picture = page.locator(".enlarged figure:nth-child(1) canvas");
    const before = await picture.evaluate((canvas) => /** @type {any} */ (canvas).toDataURL());
    await pointAt(page, ".enlarged figure:nth-child(2) canvas", 28, { x: 27, y: 0 });
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => done(null))));
    assert.match(
      await text(page, ".under .readout"),
      /^channel 2, row 0, column 27: \S+; sees 7 × 7 pixels, rows 0 to 3, columns 24 to 27; 3 rows and 3 columns lie in the padding$/,
    );
    const after = await picture.evaluate((canvas) => /** @type {any} */ (canvas).toDataURL());
    assert.notEqual(after, before, "the box is drawn");
  }));

test("a cell of the patch leads to the unit that it is, and back leads back", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, `${FASHION}&layer=conv2&channel=7&maps.open=1&maps.y=6&maps.x=6`);
    await page.waitForSelector(".patch canvas");
    const caption = await text(page, ".patch figcaption");
    const channel = caption.match(/^channel (\d+):/)?.[1];
    const at = await pointAt(page, ".patch canvas", 5, { x: 4, y: 0 });
    await page.mouse.click(at.x, at.y);
    await settled(page);
    assert.equal(await text(page, ".question"), `What channel ${channel} of pool1 finds`);
    assert.equal(await text(page, ".sum h3"), "How the number at row 4, column 8 came about");
    await page.goBack();
    await settled(page);
    assert.equal(await text(page, ".question"), "What channel 7 of conv2 finds");
    assert.equal(await text(page, ".sum h3"), "How the number at row 6, column 6 came about");
  }));

for (const backend of BACKENDS) {
  test(`a channel switched off changes the prediction as the engine says (${backend})`, () =>
    withPage({ backend }, async (page) => {
      await openOn(page, backend, `${FASHION}&layer=act3&maps.sort=mean`);
      const api = await openApi(page, { model: "fashion", picture: PICTURE });
      const { strongest, expected, names } = await api.ask(async ({ net, image }) => {
        const { act3 } = await net.activations(image, ["act3"]);
        const means = Array.from({ length: 64 }, (_, channel) =>
          act3.data
            .subarray(channel * 49, channel * 49 + 49)
            .reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b, 0),
        );
        const place = means.indexOf(Math.max(...means));
        const override = { act3: { scale: { [place]: 0 } } };
        const { probabilities } = await net.predict(image, { override });
        return { strongest: place, expected: [...probabilities.data], names: net.labels };
      });
      await api.close();
      // The first place in the order by strength.
      await page.locator(".room-taker .tiles").focus();
      await page.keyboard.press("Home");
      await page.keyboard.press("Enter");
      await settled(page);
      assert.equal(await text(page, ".question"), `What channel ${strongest} of act3 finds`);
      await page.getByRole("button", { name: "Switch off" }).click();
      await settled(page);
      const rows = await page.locator(".before-after tbody tr").all();
      assert.equal(rows.length, 5);
      const labels = await page.evaluate(() =>
        [...document.querySelectorAll(".before-after tbody th")].map((each) => each.textContent),
      );
      for (const [place, row] of rows.entries()) {
        const after = (await row.locator("td").nth(1).textContent()) ?? "";
        const share = 100 * expected[names.indexOf(labels[place])];
        if (after.startsWith("<")) assert.ok(share < 0.1);
        else assert.ok(Math.abs(Number(after.replace(/[^\d.]/g, "")) - share) < 0.06, after);
      }
      await page.getByRole("button", { name: "Reset" }).click();
      await settled(page);
      assert.equal(await page.locator(".before-after").isVisible(), false);
    }));
}

test("a link reopens the order, the scale, the channel and its changes", () =>
  withPage({ backend: "cpu" }, async (page) => {
    const hash = `${FASHION}&layer=act2&channel=5&maps.scale=network&maps.sort=max&maps.change=act2:5=0.5`;
    await openApp(page, hash);
    assert.match(
      await text(page, ".room-taker figcaption"),
      /^32 maps of 14 × 14, strongest first/,
    );
    const [, high] = await page.locator(".view-maps .legend .number").allTextContents();
    const api = await openApi(page, { model: "fashion", picture: PICTURE });
    const most = await api.ask(async ({ net, image }) => {
      const list = net.layers.map((/** @type {any} */ each) => each.name);
      const all = await net.activations(image, list);
      let top = 0;
      for (const name of list)
        for (const value of all[name].data) top = Math.max(top, Math.abs(value));
      return top;
    });
    await api.close();
    assert.ok(Math.abs(Number(high) - most) < 0.01 * most, `${high}, ${most}`);
    assert.equal(await text(page, ".change output"), "× 0.50");
    assert.match(await text(page, ".change [role=status]"), /^act2, channel 5 × 0\.50: /);
  }));

test("the keys walk through the channels in the order shown, and Escape goes back", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, `${FASHION}&layer=act2&maps.sort=mean`);
    await page.locator(".room-taker .tiles").focus();
    await page.keyboard.press("Home");
    const first = await page.evaluate(
      () => document.querySelector(".tiles [role=option]")?.textContent,
    );
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await settled(page);
    const second = await text(page, ".question");
    assert.notEqual(`What ${first?.split(",")[0]} of act2 finds`, second);
    await page.evaluate(() => /** @type {any} */ (document.activeElement)?.blur());
    await page.keyboard.press("ArrowLeft");
    await settled(page);
    assert.equal(await text(page, ".question"), `What ${first?.split(",")[0]} of act2 finds`);
    await page.keyboard.press("Escape");
    await settled(page);
    assert.equal(await text(page, ".question"), "What act2 finds in the picture");
  }));

test("on a phone nothing is wider than the screen", () =>
  withPage({ backend: "cpu", viewport: { width: 360, height: 740 } }, async (page) => {
    await openApp(page, FASHION);
    for (const more of ["", "&maps.open=1", "&maps.open=1&maps.y=5&maps.x=5"]) {
      await show(page, `${FASHION}&layer=conv2${more}`);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360, more);
    }
  }));
