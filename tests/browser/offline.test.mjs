// Without a network. The page is served from this machine, as a lecturer does it, so the server on localhost stays within
// reach and may be asked for what is loaded on demand (networks, sample pictures); everything else is cut off. What has
// been loaded works on when the server is gone, too.
import assert from "node:assert/strict";
import { test } from "node:test";
import { VIEWS } from "../../www/app/views.js";
import { baseUrl, openApp, withPage } from "./harness.mjs";
import { assertShown, settled, show, text } from "./sights.mjs";

/** @typedef {import("playwright-core").Page} Page */

/** Views that ask for the pictures of a data set when they are first shown. */
const OF_A_SET = new Set(["embedding", "bias", "robustness"]);

/** Views that show a second picture beside the chosen one, which is loaded with them. */
const OF_TWO_PICTURES = ["shape", "style"];

/**
 * Waits until half a second has passed in which the page fetched nothing.
 * @param {Page} page
 */
async function quiet(page) {
  for (let before = -1, now = 0; now !== before; ) {
    before = now;
    await page.waitForTimeout(500);
    now = await page.evaluate(() => performance.getEntriesByType("resource").length);
  }
}

test("served from localhost with the network off, every network, view and sample picture works, and nothing else is asked for", () =>
  withPage({ backend: "cpu" }, async (page) => {
    const { origin } = new URL(await baseUrl());
    /** @type {Set<string>} */
    const asked = new Set();
    page.context().on("request", (request) => asked.add(new URL(request.url()).pathname));
    await page.context().route(
      (url) => url.origin !== origin,
      (route) => route.abort("internetdisconnected"),
    );
    await openApp(page, "#model=fashion");
    const { models, pictures } = await page.evaluate(async () => {
      const list = async (/** @type {string} */ path) => (await fetch(path)).json();
      return {
        models: await list("models/models.json"),
        pictures: await list("pictures/pictures.json"),
      };
    });
    // Views ask the server for the same files whatever network they show.
    for (const { id } of models)
      for (const view of id === "fashion" ? VIEWS : VIEWS.slice(0, 2)) {
        await show(page, `#model=${id}&view=${view.id}&embedding.method=pca`);
        await assertShown(page, `${id}, ${view.title}`);
      }
    for (const { id } of pictures) {
      await show(page, `#model=fashion&view=saliency&image=${id}`);
      await assertShown(page, id);
    }
    // The list of requests is no proof unless it holds what the worker asked for.
    for (const end of ["wasm/engine_bg.wasm", "models/fashion/weights.safetensors"])
      assert.ok(
        [...asked].some((path) => path.endsWith(end)),
        `no request for ${end} was seen`,
      );
  }));

test("what has been loaded works on when the server is gone, and a picture that has not is a sentence", () =>
  withPage(
    { backend: "cpu", expectedErrors: [/ERR_INTERNET_DISCONNECTED/, /ERR_FAILED/] },
    async (page) => {
      const picture = "fashion-bag-1";
      await openApp(page, `#model=fashion&view=kernels&image=${picture}`);
      for (const view of OF_TWO_PICTURES)
        await show(page, `#model=fashion&view=${view}&image=${picture}&layer=conv1`);
      await quiet(page);
      await page.context().setOffline(true);
      await page.context().route("**", (route) => route.abort("internetdisconnected"));
      for (const view of VIEWS.filter((each) => !OF_A_SET.has(each.id)))
        for (const layer of ["conv1", "act3"]) {
          await show(page, `#model=fashion&view=${view.id}&image=${picture}&layer=${layer}`);
          await assertShown(page, `${view.title} of ${layer}`);
        }
      const before = await text(page, ".bars");
      await show(page, `#model=fashion&view=saliency&image=fashion-coat-1`);
      assert.match(await text(page, "#notice"), /The picture .* could not be read/);
      assert.equal(await text(page, ".bars"), before);
      await page.waitForFunction((id) => location.hash.includes(id), picture);
      await page.context().unroute("**");
      await page.context().setOffline(false);
      await show(page, `#model=fashion&view=saliency&image=fashion-coat-1`);
      await settled(page);
      assert.equal(await page.locator("#notice:not([hidden])").count(), 0);
      assert.notEqual(await text(page, ".bars"), before);
    },
  ));
