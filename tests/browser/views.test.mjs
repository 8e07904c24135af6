// The page as a person uses it: views, links, keys, edited kernels, bad pictures, a phone.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BACKENDS, openApp, withPage } from "./harness.mjs";
import { openOn } from "./sights.mjs";

/** @typedef {import("playwright-core").Page} Page */

/**
 * Waits until nothing is left to compute or draw.
 * @param {Page} page
 */
async function settled(page) {
  await page.waitForTimeout(80);
  await page.waitForFunction(() => document.documentElement.dataset.ready === "true");
}

/**
 * The text of the first match, its spaces made plain.
 * @param {Page} page
 * @param {string} selector
 */
async function text(page, selector) {
  return ((await page.locator(selector).first().textContent()) ?? "").replace(/\s+/g, " ").trim();
}

/**
 * How many different colours a canvas shows.
 * @param {Page} page
 * @param {string} selector
 */
function colours(page, selector) {
  return page
    .locator(selector)
    .first()
    .evaluate((canvas) => {
      if (!(canvas instanceof HTMLCanvasElement)) return 0;
      const data = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data;
      const seen = new Set();
      for (let at = 0; data && at < data.length; at += 4)
        seen.add((data[at] << 16) | (data[at + 1] << 8) | data[at + 2]);
      return seen.size;
    });
}

/**
 * Moves the pointer into cell (x, y) of a canvas that shows `cells` × `cells`.
 * @param {Page} page
 * @param {string} selector
 * @param {number} cells
 * @param {number} x
 * @param {number} y
 */
async function pointAt(page, selector, cells, x, y) {
  const box = await page.locator(selector).first().boundingBox();
  assert.ok(box, selector);
  const place = [box.x + ((x + 0.5) / cells) * box.width, box.y + ((y + 0.5) / cells) * box.height];
  await page.mouse.move(place[0], place[1]);
  return place;
}

/** @param {string} words a number as the page writes it */
function parse(words) {
  return Number(words.replace("−", "-").replace("+", ""));
}

for (const backend of BACKENDS) {
  test(`kernels, thumbnails and prediction are there (${backend})`, () =>
    withPage({ backend }, async (page) => {
      await openOn(page, backend, "#model=fashion&view=kernels");
      assert.equal(await text(page, ".question"), "The kernels of conv1");
      assert.match(await text(page, ".bench figcaption"), /16 kernels of 7 × 7/);
      assert.ok((await colours(page, ".tiles canvas")) > 60, "kernels are painted");
      assert.ok((await colours(page, ".layer canvas")) > 20, "thumbnails are painted");
      assert.equal(await page.locator(".bars li").count(), 5);
    }));

  test(`the saliency map follows class, objective and sign (${backend})`, () =>
    withPage({ backend }, async (page) => {
      await openOn(page, backend, "#model=fashion&view=saliency");
      const name = await text(page, ".bars .name");
      assert.equal(await text(page, ".question"), `Which pixels make it say ${name}?`);
      assert.ok((await colours(page, ".pair figure:nth-child(2) canvas")) > 30);
      await page.getByLabel("Method").selectOption("gradient");
      await settled(page);
      const [low, high] = await page.locator(".view-saliency .legend .number").allTextContents();
      assert.equal(parse(low), -parse(high));
      await page.locator(".bars button").nth(1).click();
      await settled(page);
      assert.match(await text(page, ".question"), /^Which pixels would make it say /);
    }));
}

test("a software adapter loses to the CPU engine, and the page says why", () =>
  withPage({ backend: "webgpu" }, async (page) => {
    await openApp(page, "#model=fashion&view=kernels");
    assert.equal(await text(page, ".engine .name"), "CPU engine");
    await page.locator(".engine button").click();
    await page.waitForSelector(".engine .popover p");
    assert.match(await text(page, ".engine .popover"), /CPU engine: \S+ \S+/);
  }));

test("pointing at a weight says place, weight and the byte by the rule", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, "#model=fashion&view=kernels&channel=3");
    await pointAt(page, ".one canvas", 7, 2, 5);
    const said = await text(page, ".readout");
    const found = said.match(/^kernel 3, row 5, column 2: weight (\S+) → byte (\d+)$/);
    assert.ok(found, said);
    const [low, high] = (await page.locator(".legend .number").allTextContents()).map(parse);
    const expected = (255 * (parse(found[1]) - low)) / (high - low);
    assert.ok(Math.abs(Number(found[2]) - expected) <= 2, `${said}, expected about ${expected}`);
  }));

test("an edited kernel changes the prediction, and reset brings it back", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, "#model=fashion&view=kernels&channel=1");
    const before = await page.locator(".bars").textContent();
    const [x, y] = await pointAt(page, ".one canvas", 7, 3, 3);
    await page.mouse.down();
    await page.mouse.move(x, y - 140, { steps: 4 });
    await page.mouse.up();
    await settled(page);
    assert.notEqual(await page.locator(".bars").textContent(), before);
    assert.ok(await page.getByText("Weights edited").isVisible());
    await page.getByText("Reset weights").click();
    await settled(page);
    assert.equal(await page.locator(".bars").textContent(), before);
    assert.ok(await page.getByText("Weights edited").isHidden());
  }));

test("a pixel moved by hand changes the score as the gradient foretold", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, "#model=fashion&view=saliency&saliency.of=loss");
    const [x, y] = await pointAt(page, ".pair canvas", 28, 14, 12);
    await page.mouse.click(x, y);
    await settled(page);
    const said = await text(page, ".check");
    const found = said.match(/foretells (\S+), the cross-entropy changes by (\S+)\.$/);
    assert.ok(found, said);
    assert.ok(Math.abs(parse(found[1]) - parse(found[2])) < 0.02, said);
  }));

test("a zero gradient is said, not shown as noise", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, "#model=fashion&view=kernels&layer=conv1");
    for (let channel = 0; channel < 16; channel += 1) {
      await page.getByText("Zero", { exact: true }).click();
      await settled(page);
      await page.evaluate(() =>
        document.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" })),
      );
      await settled(page);
    }
    await page.keyboard.press("4");
    await settled(page);
    assert.match(await text(page, ".flat"), /gradient is zero at every pixel/);
  }));

test("a link reopens the same sight, and back and forward walk through it", () =>
  withPage({ backend: "cpu" }, async (page) => {
    const hash =
      "#model=fashion&view=saliency&layer=act2&channel=7&target=4&saliency.map=sum&saliency.clip=95";
    await openApp(page, hash);
    assert.match(await text(page, ".question"), /Coat\?$/);
    await page.keyboard.press("1");
    await settled(page);
    assert.equal(
      await text(page, ".question"),
      "The kernels of conv2, the convolution before act2",
    );
    await page.goBack();
    await settled(page);
    assert.match(await text(page, ".question"), /Coat\?$/);
    await page.goForward();
    await settled(page);
    assert.match(await text(page, ".question"), /^The kernels of conv2/);
    const before = await text(page, ".bench figcaption");
    await page.reload();
    await settled(page);
    assert.equal(await text(page, ".bench figcaption"), before);
    assert.match(before, /^Kernel 7 of 32/);
  }));

test("arrows move through layers and channels, and the list is one", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, "#model=fashion&view=kernels&layer=conv1");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await settled(page);
    assert.match(await text(page, ".one figcaption"), /^Kernel 2$/);
    await page.locator(".layer[aria-selected=true]").focus();
    for (let step = 0; step < 4; step += 1) await page.keyboard.press("ArrowDown");
    await settled(page);
    assert.equal(await text(page, ".question"), "The kernels of conv2");
    assert.equal(await page.locator(".layer[aria-selected=true]").count(), 1);
    assert.match(await page.evaluate(() => document.activeElement?.textContent ?? ""), /^conv2/);
  }));

test("an engine that is not there is said, and the other one computes", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, "?backend=webgpu#model=fashion&view=kernels");
    assert.match(await text(page, "#notice"), /WebGPU/);
    assert.equal(await text(page, ".engine .name"), "CPU engine");
    assert.equal(await page.locator(".bars li").count(), 5);
  }));

test("what a link names and is not there is said, and the rest is shown", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, "#model=fashion&image=nothing&layer=conv9&target=77&view=kernels");
    const said = await text(page, "#notice");
    for (const word of ["nothing", "conv9", "77"]) assert.ok(said.includes(word), said);
    assert.equal(await text(page, ".question"), "The kernels of conv1");
  }));

test("a file that is no picture is a sentence, and the sight stays", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, "#model=fashion&view=kernels");
    const before = await text(page, ".bars");
    const input = page.locator("input[type=file]");
    for (const [name, body] of [
      ["empty.png", ""],
      ["words.png", "this is no picture"],
    ]) {
      await input.setInputFiles({ name, mimeType: "image/png", buffer: Buffer.from(body) });
      await page.waitForSelector("#notice:not([hidden])");
      await settled(page);
      assert.ok((await text(page, "#notice .said")).length > 20);
      assert.equal(await text(page, ".bars"), before);
      await page.getByLabel("Dismiss").click();
    }
  }));

test("a drawing is looked at, and there is a sentence where there is no camera", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, "#model=fashion&view=kernels");
    await page.getByText("Draw", { exact: true }).click();
    const [x, y] = await pointAt(page, ".pad canvas", 28, 6, 6);
    await page.mouse.down();
    await page.mouse.move(x + 160, y + 20, { steps: 4 });
    await page.mouse.up();
    await settled(page);
    assert.match(await page.evaluate(() => location.hash), /image=drawing/);
    assert.ok((await colours(page, ".strip [aria-checked=true] canvas")) > 2);
    await page.getByText("Camera", { exact: true }).click();
    await page.waitForSelector(".camera [role=alert]:not([hidden])");
    assert.match(await text(page, ".camera [role=alert]"), /camera/);
  }));

test("on a phone nothing is wider than the screen, in any view", () =>
  withPage({ backend: "cpu", viewport: { width: 360, height: 740 } }, async (page) => {
    for (const view of ["kernels", "saliency"]) {
      await openApp(page, `#model=fashion&view=${view}`);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360, view);
      const order = await page.evaluate(() =>
        ["stage", "side", "network"].map(
          (id) => document.getElementById(id)?.getBoundingClientRect().top ?? 0,
        ),
      );
      assert.deepEqual(
        order,
        order.toSorted((a, b) => a - b),
        "the stage comes first",
      );
    }
  }));
