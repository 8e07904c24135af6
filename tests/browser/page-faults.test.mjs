// What goes wrong outside the page: models that do not arrive, pictures too large, a device that is taken away. Each is a
// sentence, and the work goes on.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { baseUrl, openApp, withPage } from "./harness.mjs";
import { hugePng } from "./nets.mjs";
import { losable, openOn, settled, show, text } from "./sights.mjs";

/** @typedef {import("playwright-core").Page} Page */

const FASHION = "#model=fashion&image=fashion-bag-1&view=saliency";
const WEIGHTS = "**/models/fashion/weights.safetensors";
const weights = readFileSync(
  fileURLToPath(new URL("../../www/models/fashion/weights.safetensors", import.meta.url)),
);

for (const [what, body] of /** @type {const} */ ([
  ["0 bytes", Buffer.alloc(0)],
  ["half of its bytes", weights.subarray(0, weights.length / 2)],
]))
  test(`a network whose file has ${what} is a sentence, and the page works when it is whole again`, () =>
    withPage({ backend: "cpu" }, async (page) => {
      await page.context().route(WEIGHTS, (route) => route.fulfill({ body }));
      await page.goto(`${await baseUrl()}${FASHION}`);
      await page.waitForSelector("#notice:not([hidden])");
      assert.match(await text(page, "#notice"), /cut off|0 bytes|no complete safetensors/);
      await page.context().unroute(WEIGHTS);
      await openApp(page, `?again${FASHION}`);
      assert.equal(await page.locator("#notice:not([hidden])").count(), 0);
      assert.match(await text(page, ".question"), /^Which pixels/);
    }));

test("another network that does not arrive leaves the one that is shown", async (context) => {
  await withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, FASHION);
    const models = await page.evaluate(async () => (await fetch("models/models.json")).json());
    const other = models.find((/** @type {{ id: string }} */ { id }) => id !== "fashion");
    if (!other) {
      context.skip("this build ships one network");
      return;
    }
    const before = await text(page, ".bars");
    const file = `**/models/${other.id}/weights.safetensors`;
    await page.context().route(file, (route) => route.fulfill({ body: Buffer.alloc(0) }));
    await show(page, `#model=${other.id}&view=saliency`);
    assert.match(await text(page, "#notice"), /0 bytes|cut off|no complete safetensors/);
    assert.equal(await text(page, ".bars"), before);
    await page.keyboard.press("1");
    await settled(page);
    assert.match(await text(page, ".question"), /^The kernels of conv1/);
  });
});

test("a picture of 20,000 × 20,000 pixels is refused by its header, and the sight stays", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, FASHION);
    const before = await text(page, ".bars");
    await page.locator("input[type=file]").setInputFiles({
      name: "huge.png",
      mimeType: "image/png",
      buffer: Buffer.from(hugePng()),
    });
    await page.waitForSelector("#notice:not([hidden])");
    await settled(page);
    assert.match(await text(page, "#notice .said"), /20000 × 20000/);
    assert.equal(await text(page, ".bars"), before);
  }));

test("a lost device is said, the network comes back on another, and so does the sight", () =>
  withPage({ backend: "webgpu" }, async (page) => {
    const lose = await losable(page);
    await openOn(page, "webgpu", FASHION);
    const before = await text(page, ".bars");
    await lose();
    await show(page, `${FASHION}&layer=act2&saliency.of=loss`);
    await page.waitForSelector("#notice:not([hidden])");
    await settled(page);
    assert.match(await text(page, "#notice .said"), /^The GPU took its device away/);
    assert.equal(await text(page, ".bars"), before);
    assert.match(await text(page, ".question"), /^Which pixels/);
    await page.getByLabel("Dismiss").click();
    await show(page, "#model=fashion&image=fashion-coat-1&view=maps&layer=act2");
    assert.equal(await page.locator("#notice:not([hidden])").count(), 0);
    assert.notEqual(await text(page, ".bars"), before);
    assert.equal(await text(page, ".engine .name"), "WebGPU");
  }));
