// Backward: the stops of the journey, and the gradients that the view shows.
import assert from "node:assert/strict";
import { test } from "node:test";
import { objectiveOf, stopOf, stopsOf } from "../../www/views/backward-data.js";
import { decades, picture } from "../../www/views/backward-strip.js";
import { BACKENDS, openApp, withPage } from "./harness.mjs";
import { assertNear, openApi, openOn, pointAt, settled, show, text } from "./sights.mjs";

const PICTURE = "fashion-ankle-boot-1";
const FASHION = `#model=fashion&image=${PICTURE}&view=backward`;

/**
 * Layers of that many blocks, two a block.
 * @param {number} blocks
 */
function network(blocks) {
  /** @type {any[]} */
  const layers = [];
  for (let block = 0; block < blocks; block += 1)
    for (const name of [`block${block}.conv`, `block${block}`])
      layers.push({ name, block: `block${block}`, inputs: [] });
  return layers;
}

test("the journey stops at every layer of a short network and at every block of a long one", () => {
  const short = network(2);
  assert.deepEqual(
    stopsOf(short).map((each) => each.name),
    ["block1", "block1.conv", "block0", "block0.conv", "input"],
  );
  const long = network(20);
  const stops = stopsOf(long);
  assert.equal(stops.length, 21);
  assert.equal(stops[0].name, "block19");
  assert.equal(stops[stopOf(stops, long, "block7.conv")].name, "block7");
  assert.equal(stops[stopOf(stops, long, "block7")].name, "block7");
  assert.equal(stops[stopOf(stops, long, "block8.conv")].name, "block8");
});

test("an objective names the class, bars are logarithmic, long vectors are folded", () => {
  assert.deepEqual(objectiveOf("logit", 3), { logit: 3 });
  assert.deepEqual(objectiveOf("probability", 3), { probability: 3 });
  assert.deepEqual(objectiveOf("loss", 3), { loss: 3 });
  assert.equal(decades(5, 5), 1);
  assert.equal(decades(0, 5), 0);
  assert.ok(Math.abs(decades(0.005, 5)) < 1e-9);
  const vector = (/** @type {number} */ channels) => ({
    data: new Float32Array(channels),
    channels,
    height: 1,
    width: 1,
  });
  assert.deepEqual([picture(vector(10), 0).height, picture(vector(10), 0).width], [10, 1]);
  assert.deepEqual([picture(vector(1000), 0).height, picture(vector(1000), 0).width], [32, 32]);
});

for (const backend of BACKENDS) {
  test(`activation and gradient under the pointer are the engine's (${backend})`, () =>
    withPage({ backend }, async (page) => {
      await openOn(page, backend, FASHION);
      const api = await openApi(page, { model: "fashion", picture: PICTURE });
      for (const [of, layer, channel, cells] of /** @type {const} */ ([
        ["logit", "act2", 5, 14],
        ["loss", "conv3", 20, 7],
        ["probability", "act1", 2, 28],
      ])) {
        const target = 7;
        const hash = `&target=${target}&layer=${layer}&channel=${channel}&backward.of=${of}&backward.open=1`;
        await show(page, `${FASHION}${hash}`);
        const cell = { x: Math.floor(cells / 2), y: Math.floor(cells / 3) };
        await pointAt(page, ".both figure:nth-child(2) .pixels canvas", cells, cell);
        const said = await text(page, ".under .readout");
        const found = said.match(
          /^channel (\d+), row (\d+), column (\d+): activation (\S+), gradient (\S+)$/,
        );
        assert.ok(found, said);
        assert.deepEqual(found.slice(1, 4).map(Number), [channel, cell.y, cell.x]);
        const at = (channel * cells + cell.y) * cells + cell.x;
        const [activation, gradient] = await api.ask(
          async ({ net, image }, { name, objective, place }) => {
            const maps = await net.activations(image, [name]);
            const slope = await net.gradient(image, objective, { wrt: name });
            return [maps[name].data[place], slope.data[place]];
          },
          { name: layer, objective: { [of]: target }, place: at },
        );
        assertNear(found[4], activation);
        assertNear(found[5], gradient);
      }
      await api.close();
    }));
}

test("both grids have one order, one cursor and one scroll, and one click enlarges the channel", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, `${FASHION}&layer=act3`);
    const chosen = await page.locator(".tiles [role=option]").allTextContents();
    assert.equal(chosen[0], chosen[1]);
    const grids = page.locator(".both .tiles");
    await grids.first().evaluate((element) => {
      element.scrollTop = 40;
    });
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => done(null))));
    const [one, other] = await grids.evaluateAll((all) => all.map((each) => each.scrollTop));
    assert.equal(one, other);
    await grids.first().focus();
    await page.keyboard.press("Home");
    await page.keyboard.press("Enter");
    await settled(page);
    assert.match(
      await text(page, ".both figure:nth-child(1) figcaption"),
      /^Forward: channel \d+$/,
    );
    await page.keyboard.press("Escape");
    await settled(page);
    assert.equal(await text(page, ".both figure:nth-child(1) figcaption"), "Feature maps, forward");
  }));

test("without motion the journey goes on stop by stop, and ends at the input gradient", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await page.emulateMedia({ reducedMotion: "reduce" });
    await openApp(page, `${FASHION}&layer=logits`);
    const names = await page.locator(".stop .name").allTextContents();
    assert.equal(names[0], "logits");
    assert.equal(names.at(-1), "picture");
    for (const name of names.slice(1)) {
      await page.getByRole("button", { name: "Next" }).click();
      await settled(page);
      assert.equal(await text(page, ".stop[aria-selected=true] .name"), name);
    }
    assert.match(await text(page, ".question"), /^What reaches the picture from /);
    await page.waitForFunction(() => location.hash.includes("backward.at=picture"));
    const api = await openApi(page, { model: "fashion", picture: PICTURE });
    await pointAt(page, ".both figure:nth-child(2) .pixels canvas", 28, { x: 9, y: 12 });
    const said = await text(page, ".under .readout");
    const found = said.match(/^row 12, column 9: gradient grey (\S+)$/);
    assert.ok(found, said);
    const value = await api.ask(async ({ net, image }) => {
      const [{ index }] = (await net.predict(image)).top;
      return (await net.gradient(image, { logit: index })).data[12 * 28 + 9];
    });
    await api.close();
    assertNear(found[1], value);
    await page.getByRole("button", { name: "As a saliency map" }).click();
    await settled(page);
    assert.match(await text(page, ".question"), /^Which pixels make it say /);
  }));

test("a gradient that is zero is said", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, `#model=fashion&image=${PICTURE}&view=kernels&layer=conv1`);
    for (let channel = 0; channel < 16; channel += 1) {
      await page.getByText("Zero", { exact: true }).click();
      await settled(page);
      await page.evaluate(() =>
        document.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" })),
      );
      await settled(page);
    }
    await show(page, `${FASHION}&backward.at=picture`);
    assert.match(await text(page, ".flat"), /^The gradient is zero everywhere/);
  }));

test("a link reopens the layer, the objective and the enlarged channel", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(
      page,
      `${FASHION}&layer=pool1&channel=9&backward.of=loss&backward.open=1&target=2`,
    );
    assert.equal(await text(page, ".question"), "What flows back to pool1 from Pullover");
    assert.equal(await text(page, ".both figure:nth-child(1) figcaption"), "Forward: channel 9");
    assert.match(await text(page, ".words"), /the loss of Pullover/);
  }));

test("on a phone nothing is wider than the screen", () =>
  withPage({ backend: "cpu", viewport: { width: 360, height: 740 } }, async (page) => {
    await openApp(page, FASHION);
    for (const more of ["", "&backward.open=1", "&backward.at=picture"]) {
      await show(page, `${FASHION}&layer=act2${more}`);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360, more);
    }
  }));
