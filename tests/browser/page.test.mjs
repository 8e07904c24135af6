import assert from "node:assert/strict";
import { test } from "node:test";
import { BACKENDS, openApp, withPage } from "./harness.mjs";

for (const backend of BACKENDS) {
  test(`the page opens without an error or a foreign request (${backend})`, () =>
    withPage({ backend }, async (page) => {
      await openApp(page);
      assert.equal(await page.title(), "convscope");
    }));
}
