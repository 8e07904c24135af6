// The page that is one file, opened from the disk without a server and without flags for files, as a double click does it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { VIEWS } from "../../www/app/views.js";
import { BACKENDS, DIST, withPage } from "./harness.mjs";
import { assertShown, saved, settled, show, text } from "./sights.mjs";

/** @param {string} path */
const listed = (path) => JSON.parse(readFileSync(join(DIST, path), "utf8"));

for (const backend of BACKENDS)
  test(`opened from the disk, every network answers as it does from a server, ${backend}`, () =>
    withPage({ backend, disk: true }, async (page, disk) => {
      await page.goto(`${disk}convscope.html?backend=${backend}#model=fashion&view=saliency`);
      await settled(page);
      const name = backend === "webgpu" ? "WebGPU" : "CPU engine";
      assert.equal(await text(page, ".engine .name"), name);
      /** @type {string[]} */
      const answers = [];
      for (const { id } of listed("models/models.json")) {
        await show(page, `#model=${id}&view=saliency`);
        await assertShown(page, id);
        answers.push(await text(page, ".bars"));
      }
      await withPage({ backend }, async (served, base) => {
        await served.goto(`${base}?backend=${backend}#model=fashion&view=saliency`);
        await settled(served);
        for (const [index, { id }] of listed("models/models.json").entries()) {
          await show(served, `#model=${id}&view=saliency`);
          assert.equal(answers[index], await text(served, ".bars"), id);
        }
      });
    }));

test("opened from the disk, every view and every sample picture is there, and what is saved is a file", () =>
  withPage({ backend: "cpu", disk: true }, async (page, disk) => {
    await page.goto(`${disk}convscope.html#model=fashion`);
    await settled(page);
    for (const view of VIEWS) {
      await show(page, `#model=fashion&view=${view.id}&embedding.method=pca`);
      await assertShown(page, view.title);
    }
    for (const { id } of listed("pictures/pictures.json")) {
      await show(page, `#model=fashion&view=saliency&image=${id}`);
      await assertShown(page, id);
    }
    const widths = await page.locator("[role=radio][data-id] img").evaluateAll((all) =>
      Promise.all(
        all.map(async (each) => {
          const image = /** @type {HTMLImageElement} */ (each);
          image.loading = "eager";
          await image.decode();
          return image.naturalWidth;
        }),
      ),
    );
    assert.ok(widths.length > 9 && widths.every((width) => width > 0), "thumbnails are drawn");
    await show(page, "#model=fashion&view=robustness&robustness.mode=attack");
    const { bytes } = await saved(page, "PNG");
    assert.equal(bytes.subarray(1, 4).toString(), "PNG");
  }));

/** What Chromium says of the scripts beside the page before that goes elsewhere. */
const REFUSED = [/Access to script at 'file:.* blocked by CORS policy/, /ERR_FAILED/];

test("opened from the disk, the page in the folder goes to the one that is one file", () =>
  withPage({ backend: "cpu", disk: true, expectedErrors: REFUSED }, async (page, disk) => {
    await page.goto(`${disk}index.html?backend=cpu#model=fashion&view=kernels&layer=conv2`);
    await page.waitForURL(/convscope\.html\?backend=cpu#/);
    await settled(page);
    assert.match(new URL(page.url()).hash, /layer=conv2/);
  }));

test("the page that is one file names nothing beside it, and no file is forgotten that the page may fetch", () => {
  const html = readFileSync(join(DIST, "convscope.html"), "utf8");
  assert.doesNotMatch(html, /<link rel="stylesheet"|<script[^>]* src=/);
  for (const { url } of listed("pictures/pictures.json"))
    assert.ok(html.includes(`data-file="${url}"`), url);
});
