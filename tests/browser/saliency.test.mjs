// Saliency: every method draws a map, links restore what was asked, the numbers beside a map are the engine's.
import assert from "node:assert/strict";
import { test } from "node:test";
import { METHODS, methodOf, readOptions, writeOptions } from "../../www/views/saliency-methods.js";
import { shareScale, sightOf } from "../../www/views/saliency-sight.js";
import { BACKENDS, openApp, withPage } from "./harness.mjs";
import { assertNear, openApi, openOn, parse, pointAt, settled, show, text } from "./sights.mjs";

/** @typedef {import("playwright-core").Page} Page */

const PICTURE = "fashion-ankle-boot-1";
const FASHION = `#model=fashion&image=${PICTURE}&view=saliency`;

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
      return new Set(new Uint32Array(data?.buffer ?? new ArrayBuffer(0))).size;
    });
}

/**
 * What a sight would be asked, with the least that painting needs.
 * @param {string} id
 * @returns {any}
 */
const asked = (id) => ({
  method: methodOf(id),
  name: "Coat",
  score: "logit of Coat",
  layer: "act3",
  of: "logit",
  kind: "class",
});

/** @param {number[]} values */
const map = (values) => ({ data: Float32Array.from(values), shape: [1, 1, 1, values.length] });

test("options travel as text, and what a link gets wrong keeps its default", () => {
  const method = methodOf("integrated_gradients");
  const options = readOptions(method, "steps:100,baseline:blur,rule:nothing,window:3");
  assert.deepEqual(options, { steps: 100, baseline: "blur" });
  assert.equal(
    writeOptions(method, { ...options, rule: "gausslegendre" }),
    "steps:100,baseline:blur",
  );
  assert.deepEqual(readOptions(method, "steps:9000,,:"), {});
  assert.equal(methodOf("no such method"), METHODS[0]);
});

test("a map that shows nothing is a sentence, and a signed one is centred at zero", () => {
  const signed = sightOf(map([-2, 0, 1]), asked("gradient"), "signed", 100);
  assert.deepEqual([signed.low, signed.high, signed.blank], [-2, 2, null]);
  const flat = sightOf(map([3, 3, 3]), asked("saliency"), "max", 99);
  assert.match(flat.blank ?? "", /^The map is 3.00 at every pixel/);
  const zero = sightOf(map([0, 0, 0]), asked("gradient"), "signed", 99);
  assert.match(zero.blank ?? "", /^The gradient is zero at every pixel/);
  const steady = sightOf(map([0, 0, 0]), asked("var_grad"), "signed", 99);
  assert.match(steady.blank ?? "", /same on every noisy copy/);
  const same = sightOf(map([0, 0, 0]), asked("deep_lift"), "signed", 99);
  assert.match(same.blank ?? "", /everywhere what it is compared with/);
  const broken = sightOf(map([0, Number.NaN, 1]), asked("gradient"), "signed", 99);
  assert.match(broken.blank ?? "", /^1 of 3 values are not finite/);
  const against = sightOf(map([-1, -2, -3]), asked("gradient"), "signed", 100);
  assert.match(against.aside, /^No pixel speaks for Coat/);
  const [one, other] = shareScale([signed, flat]);
  assert.deepEqual([one.low, one.high, other.low, other.high], [-3, 3, 0, 3]);
});

for (const backend of BACKENDS) {
  test(`every method draws a map of its own (${backend})`, () =>
    withPage({ backend }, async (page) => {
      await openOn(page, backend, FASHION);
      const offered = await page.getByLabel("Method").locator("option").count();
      assert.equal(offered, METHODS.length);
      const quick =
        backend === "cpu" ? METHODS : METHODS.filter((each) => typeof each.passes === "number");
      for (const { id, title } of quick) {
        await show(page, `${FASHION}&saliency.method=${id}&saliency.place=beside`);
        const said = await text(page, ".pair figure:nth-child(2) figcaption");
        assert.ok(said.startsWith(title), said);
        assert.ok(await page.locator("#notice").isHidden(), id);
        assert.ok((await colours(page, ".pair figure:nth-child(2) canvas")) > 20, id);
        assert.ok((await text(page, ".proof")).length > 10, id);
      }
    }));
}

test("a difference of classes is explained, and the value under the pointer is the engine's", () =>
  withPage({ backend: "cpu" }, async (page) => {
    const of = "&target=9&saliency.target=rather&saliency.rather=5";
    await openApp(page, `${FASHION}&saliency.method=integrated_gradients${of}`);
    assert.match(await text(page, ".question"), /Ankle boot rather than Sandal\?$/);
    assert.match(await text(page, ".proof.holds"), /^Completeness/);
    await pointAt(page, ".pair figure:nth-child(2) canvas", 28, { x: 9, y: 12 });
    const found = (await text(page, ".readout")).match(/^row 12, column 9: (\S+)$/);
    const api = await openApi(page, { model: "fashion", picture: PICTURE });
    const value = await api.ask(async ({ net, image }) => {
      const target = [{ logit: 9 }, { logit: 5, weight: -1 }];
      return (await net.attribute(image, { method: "integrated_gradients", target })).data[345];
    });
    await api.close();
    assertNear(found?.[1] ?? "", value);
  }));

test("a channel is explained, and a click chooses a unit of it", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, `${FASHION}&saliency.target=unit&layer=act2&channel=5`);
    assert.equal(await text(page, ".question"), "Which pixels excite channel 5 of act2?");
    const { x, y } = await pointAt(page, ".pair canvas", 28, { x: 14, y: 16 });
    await page.mouse.click(x, y);
    await settled(page);
    assert.match(await text(page, ".question"), /at row \d+, column \d+\?$/);
    assert.match(await page.evaluate(() => location.hash), /saliency.y=\d+&saliency.x=\d+/);
  }));

test("the gallery draws every cheap method, and a click opens one", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, `${FASHION}&saliency.mode=gallery`);
    assert.equal(await page.locator(".tile").count(), METHODS.length);
    assert.equal(
      await page.locator(".tile.waiting").count(),
      await page.locator(".start:visible").count(),
    );
    assert.match(await text(page, ".gallery > p"), /^\d+ maps in [\d.]+ m?s on the CPU engine/);
    for (const place of [0, 1, 4])
      assert.ok((await colours(page, `.tile >> nth=${place} >> canvas`)) > 20);
    await page.getByRole("button", { name: "Integrated gradients" }).click();
    await settled(page);
    assert.match(await text(page, ".proof.holds"), /^Completeness/);
    assert.match(await page.evaluate(() => location.hash), /saliency.method=integrated_gradients/);
  }));

test("maps stand side by side with one cursor and one scale, as a link says", () =>
  withPage({ backend: "cpu" }, async (page) => {
    const cells = encodeURIComponent("gradient,9,;gradient,5,;saliency,,");
    await openApp(page, `${FASHION}&saliency.mode=grid&saliency.one=1&saliency.grid=${cells}`);
    assert.equal(await page.locator(".place:visible").count(), 3);
    const wide = await page.locator(".place canvas").first().boundingBox();
    assert.ok((wide?.width ?? 0) >= 6 * 28, `${wide?.width} pixels`);
    const ranges = await page.locator(".place:visible .head .muted").allTextContents();
    assert.equal(ranges[0], ranges[1], "one scale");
    assert.match(ranges[2], /^0 to /);
    await pointAt(page, ".place canvas", 28, { x: 9, y: 12 });
    const said = await page.locator(".place:visible .here").allTextContents();
    assert.equal(said.filter((each) => /^here \S+$/.test(each)).length, 3, said.join());
    await page.getByLabel("Method of map 1").selectOption("integrated_gradients");
    await page.getByLabel("Remove map 2").click();
    await settled(page);
    assert.equal(await page.locator(".place:visible").count(), 2);
    assert.match(
      decodeURIComponent(await page.evaluate(() => location.hash)),
      /saliency.grid=integrated_gradients,9,;saliency,,/,
    );
  }));

test("two networks stand side by side", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, `${FASHION}&saliency.mode=grid&saliency.grid=saliency,,`);
    const other = page.getByLabel("Network of map 1").locator("option");
    const ids = await other.evaluateAll((all) =>
      all.map((each) => (each instanceof HTMLOptionElement ? each.value : "")),
    );
    const biased = ids.find((id) => id.startsWith("fashion"));
    if (!biased) return;
    await page.getByLabel("Network of map 1").selectOption(biased);
    await settled(page);
    assert.ok((await colours(page, ".place canvas")) > 20);
    assert.ok(await page.locator("#notice").isHidden());
  }));

test("deletion and insertion stand beside a random order, and the slider moves through them", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, `${FASHION}&saliency.mode=truth&saliency.method=integrated_gradients`);
    const areas = await page.locator(".chart-key .name").allTextContents();
    assert.equal(areas.length, 6);
    const [deleted, , , inserted] = areas.map((words) => parse(words.replace(/^.* area /, "")));
    const api = await openApi(page, { model: "fashion", picture: PICTURE });
    const curves = await api.ask(async ({ net, image }) => {
      const map = await net.attribute(image, { method: "integrated_gradients", seed: 1 });
      return net.faithfulness(image, map, { target: { probability: 9 }, seed: 1 });
    });
    await api.close();
    assert.ok(Math.abs(deleted - curves.map.deletion.area) < 6e-3, String(deleted));
    assert.ok(Math.abs(inserted - curves.map.insertion.area) < 6e-3, String(inserted));
    await page.getByLabel("Pixels changed").fill("28");
    await settled(page);
    assert.equal(await colours(page, ".at-step canvas"), 1);
    assert.ok((await text(page, ".deletion > .proof")).length > 20);
  }));

test("re-initialised weights change the maps in a copy, and the network that is shown keeps its own", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, `${FASHION}&saliency.mode=sanity&saliency.method=gradient`);
    const before = await text(page, ".bars");
    assert.equal(await page.locator(".trail").count(), 4);
    assert.match(await text(page, ".sanity .slider output"), /^down to conv1$/);
    const below = page.locator(".trail figure:nth-child(2) figcaption");
    for (const said of await below.allTextContents()) {
      const found = said.match(/^ρ (\S+) · SSIM (\S+)$/);
      assert.ok(found && parse(found[1]) < 0.9 && parse(found[2]) < 0.9, said);
    }
    await page.getByLabel("Re-initialised from the top").fill("0");
    await settled(page);
    assert.deepEqual(new Set(await below.allTextContents()), new Set(["whole"]));
    await show(
      page,
      `${FASHION}&saliency.mode=sanity&saliency.method=saliency`.replace("boot-1", "boot-2"),
    );
    await page.evaluate((hash) => {
      location.hash = hash;
    }, `${FASHION}&saliency.mode=sanity`);
    await page.keyboard.press("1");
    await settled(page);
    assert.equal(await text(page, ".bars"), before, "predicted anew");
    assert.ok(await page.locator("#notice").isHidden());
    assert.ok(await page.getByText("Weights edited").isHidden());
  }));

test("a long method sharpens, stops where it is, and starts again", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, FASHION);
    await page.evaluate((hash) => {
      location.hash = hash;
    }, `${FASHION}&saliency.method=rise&saliency.options=masks:4000`);
    await page.getByRole("button", { name: "Stop" }).click();
    await settled(page);
    assert.match(await text(page, ".run"), /Start.*Stopped at \d+ of \d+/);
    await page.getByRole("button", { name: "Start" }).click();
    await page.getByRole("button", { name: "Stop" }).waitFor();
    await page.keyboard.press("1");
    await settled(page);
    assert.equal(await text(page, ".question"), "The kernels of conv1");
  }));

test("the depth of a class activation map follows the slider and the list of layers", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, `${FASHION}&saliency.method=grad_cam`);
    assert.equal(await text(page, ".pair figure:nth-child(2) figcaption"), "Grad-CAM at act3");
    assert.match(await text(page, ".proof.holds"), /^Grad-CAM = CAM/);
    await page.getByLabel("Depth").press("ArrowLeft");
    await settled(page);
    assert.equal(await text(page, ".pair figure:nth-child(2) figcaption"), "Grad-CAM at norm3");
    await show(page, `${FASHION}&saliency.method=grad_cam&layer=act2`);
    assert.equal(await text(page, ".pair figure:nth-child(2) figcaption"), "Grad-CAM at act2");
    assert.match(await text(page, ".proof"), /^No identity proves this map/);
  }));

test("a method that does not suit the score says so in its place, and the others go on", () =>
  withPage({ backend: "cpu" }, async (page) => {
    const unit = "&saliency.target=unit&layer=conv2&channel=3";
    await openApp(page, `${FASHION}&saliency.method=cam${unit}`);
    assert.match(await text(page, ".flat"), /^Cam explains logits/);
    await show(page, `${FASHION}&saliency.mode=gallery${unit}`);
    assert.match(await text(page, ".gallery > p"), /not suit this score or layer/);
    assert.ok((await colours(page, ".tile >> nth=-2 >> canvas")) > 20, "the ones after it go on");
    assert.ok(await page.locator("#notice").isHidden());
  }));

test("the methods that are offered are the engine's", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, FASHION);
    const api = await openApi(page, { model: "fashion", picture: PICTURE });
    const said = await api.ask(async ({ net, image }) => {
      const refused = await net
        .attribute(image, { method: "lime" })
        .catch((/** @type {any} */ e) => e);
      return String(refused.message);
    });
    await api.close();
    const names = said.match(/one of (.*), not/)?.[1].split(", ") ?? [];
    assert.deepEqual(names.sort(), METHODS.map(({ id }) => id).sort(), said);
  }));

test("on a phone nothing is wider than the screen, in any way to look", () =>
  withPage({ backend: "cpu", viewport: { width: 360, height: 740 } }, async (page) => {
    await openApp(page, `${FASHION}&saliency.method=lrp`);
    for (const mode of ["map", "gallery", "grid", "truth", "sanity"]) {
      await show(page, `${FASHION}&saliency.method=lrp&saliency.mode=${mode}`);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360, mode);
    }
  }));
