// What tests of views share: waiting, reading words and numbers, pointing at cells, and the numbers by the API itself.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { openApp } from "./pages.mjs";

/** @typedef {import("playwright-core").Page} Page */

/**
 * Waits until nothing is left to compute or draw.
 * @param {Page} page
 */
export async function settled(page) {
  await page.waitForTimeout(80);
  await page.waitForFunction(() => document.documentElement.dataset.ready === "true");
}

/**
 * The text of the first match that can be seen, its spaces made plain.
 * @param {Page} page
 * @param {string} selector
 */
export async function text(page, selector) {
  const words = await page.locator(selector).locator("visible=true").first().textContent();
  return (words ?? "").replace(/\s+/g, " ").trim();
}

/**
 * A number as the page writes it, also 1.2·10⁻⁵.
 * @param {string} words
 */
export function parse(words) {
  const [mantissa, exponent = "0"] = words.replaceAll("−", "-").replace("+", "").split("·10");
  const plain = [...exponent]
    .map((sign) => "⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(sign))
    .map((digit) => (digit < 0 ? "-" : String(digit)));
  return Number(mantissa.trim()) * 10 ** Number(exponent === "0" ? "0" : plain.join(""));
}

/**
 * Fails unless a written number is the other one, as far as its digits go.
 * @param {string} words
 * @param {number} value
 */
export function assertNear(words, value) {
  const read = parse(words);
  assert.ok(
    Math.abs(read - value) <= 2e-3 * Math.abs(value) + 1e-6,
    `${words} is written, ${value} is right`,
  );
}

/**
 * Moves the pointer into cell (x, y) of a canvas that shows `cells` × `cells`.
 * @param {Page} page
 * @param {string} selector
 * @param {number} cells
 * @param {{ x: number, y: number }} cell
 */
export async function pointAt(page, selector, cells, { x, y }) {
  const canvas = page.locator(selector).first();
  await canvas.scrollIntoViewIfNeeded();
  const box = await canvas.boundingBox();
  assert.ok(box, selector);
  const place = { x: ((x + 0.5) / cells) * box.width, y: ((y + 0.5) / cells) * box.height };
  await page.mouse.move(box.x + place.x, box.y + place.y);
  return { x: box.x + place.x, y: box.y + place.y };
}

/**
 * The API itself on the CPU engine, in the page but apart from what it shows, whatever engine that runs on. `ask` runs
 * code there with the network and the picture's tensor: it sees nothing of the test file.
 * @param {Page} page
 * @param {{ model: string, picture: string }} about
 */
export async function openApi(page, about) {
  const opened = await page.evaluateHandle(async ({ model, picture }) => {
    const { open } = await import(new URL("convscope.js", document.baseURI).href);
    const scope = await open({ backend: "cpu" });
    const net = await scope.load(model);
    const { url } = scope.pictures.find((/** @type {any} */ each) => each.id === picture);
    const blob = await (await fetch(url)).blob();
    return { scope, net, image: await net.preprocess(blob) };
  }, about);
  return {
    /**
     * @template A, T
     * @param {(input: { scope: any, net: any, image: any }, arg: A) => Promise<T>} code
     * @param {A} [arg]
     * @returns {Promise<T>}
     */
    ask: (code, arg) => opened.evaluate(/** @type {any} */ (code), arg),
    close: () => opened.evaluate(({ scope }) => scope.close()),
  };
}

/**
 * Opens the page on one of the engines, which left to itself takes the CPU where the adapter is a software one.
 * @param {Page} page
 * @param {import("./pages.mjs").Backend} backend
 * @param {string} [hash]
 */
export async function openOn(page, backend, hash = "") {
  await openApp(page, `?backend=${backend}${hash}`);
  const name = backend === "webgpu" ? "WebGPU" : "CPU engine";
  assert.equal(await text(page, ".engine .name"), name, "the engine that was asked for");
}

/**
 * Shows another sight without loading the page again.
 * @param {Page} page
 * @param {string} hash
 */
export async function show(page, hash) {
  await page.evaluate((next) => {
    location.hash = next;
  }, hash);
  await settled(page);
}

/**
 * Fails unless the page shows a view's heading and its pictures, and no complaint.
 * @param {Page} page
 * @param {string} where
 */
export async function assertShown(page, where) {
  assert.equal(await page.locator("#notice:not([hidden])").count(), 0, where);
  assert.ok((await text(page, ".question")).length > 10, where);
  const drawn = await page.locator("#sight canvas").evaluateAll(
    (all) =>
      all.filter((each) => {
        const canvas = /** @type {HTMLCanvasElement} */ (each);
        if (canvas.width * canvas.height === 0) return false;
        const pixels = canvas
          .getContext("2d")
          ?.getImageData(0, 0, canvas.width, canvas.height).data;
        return pixels?.some((value, index) => index % 4 < 3 && value !== pixels[index % 4]);
      }).length,
  );
  assert.ok(drawn > 0, `${where}: nothing is drawn`);
}

/**
 * Waits until what grows has come that far.
 * @param {Page} page
 * @param {number} step
 */
export async function reaches(page, step) {
  await page.waitForFunction((/** @type {number} */ least) => {
    const said = document.querySelector(".grown")?.textContent ?? "";
    return Number(/^Step (\d+)/.exec(said)?.[1]) >= least;
  }, step);
}

/**
 * What a button under "Save" saves.
 * @param {Page} page
 * @param {string} name of the button
 */
export async function saved(page, name) {
  const fold = page.locator("details", { has: page.locator("summary", { hasText: /^Save$/ }) });
  if ((await fold.getAttribute("open")) === null) await fold.locator("summary").click();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    fold.getByRole("button", { name, exact: true }).click(),
  ]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

/**
 * Before a page is opened: makes its WebGPU device one that can be lost. Gives what loses it.
 * @param {Page} page
 */
export async function losable(page) {
  await page.context().route("**/worker.js", async (route) => {
    const response = await route.fetch();
    const hook = `
      const request = GPUAdapter.prototype.requestDevice;
      GPUAdapter.prototype.requestDevice = async function (...args) {
        const device = await request.apply(this, args);
        const channel = new BroadcastChannel("lose the device");
        channel.onmessage = () => device.destroy();
        return device;
      };`;
    await route.fulfill({ response, body: `${await response.text()}\n${hook}` });
  });
  return () => page.evaluate(() => new BroadcastChannel("lose the device").postMessage("now"));
}
