import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { serve } from "../../www/tools/serve.mjs";
import { BACKENDS, baseUrl, withPage } from "./harness.mjs";
import { openOn } from "./sights.mjs";

for (const backend of BACKENDS) {
  test(`the page opens without an error or a foreign request (${backend})`, () =>
    withPage({ backend }, async (page) => {
      await openOn(page, backend);
      assert.match(await page.title(), /convscope$/);
    }));
}

test("the page opens in a frame of a page from another origin", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "notes-"));
  const frame = `<link rel="icon" href="data:,"><iframe src="${await baseUrl()}"></iframe>`;
  await writeFile(path.join(folder, "index.html"), frame);
  const notes = await serve({ root: folder });
  try {
    await withPage(
      { expectedErrors: [new RegExp(`foreign request: ${notes.url}$`)] },
      async (page) => {
        await page.goto(notes.url);
        const [inner] = page.mainFrame().childFrames();
        await inner.waitForFunction(() => document.documentElement.dataset.ready === "true");
      },
    );
  } finally {
    await notes.close();
    await rm(folder, { recursive: true });
  }
});
