import assert from "node:assert/strict";
import { test } from "node:test";
import { openBlank, withPage } from "./harness.mjs";

/** @type {{what: string, provoke: () => void, complaint: RegExp}[]} */
const slips = [
  {
    what: "a console error",
    provoke: () => {
      // biome-ignore lint/suspicious/noConsole: the harness must notice it
      console.error("a slip");
    },
    complaint: /console error: a slip/,
  },
  {
    what: "an uncaught exception",
    provoke: () => {
      setTimeout(() => {
        throw new Error("thrown late");
      });
    },
    complaint: /uncaught: .*thrown late/,
  },
  {
    what: "an exception in a worker",
    provoke: () => {
      new Worker(URL.createObjectURL(new Blob(["throw new Error('thrown in a worker')"])));
    },
    complaint: /thrown in a worker/,
  },
  {
    what: "a request to another origin",
    provoke: () => {
      fetch("http://127.0.0.1:9/").catch(() => undefined);
    },
    complaint: /foreign request: http:\/\/127\.0\.0\.1:9\//,
  },
];

for (const { what, provoke, complaint } of slips) {
  test(`a page with ${what} fails its test`, () =>
    assert.rejects(
      withPage({ backend: "cpu" }, async (page) => {
        await openBlank(page);
        await page.evaluate(provoke);
        await page.waitForTimeout(500);
      }),
      complaint,
    ));
}

test("an error that the test expects is let through", () =>
  withPage({ backend: "cpu", expectedErrors: [/a slip/] }, async (page) => {
    await openBlank(page);
    await page.evaluate(slips[0].provoke);
  }));

test("the webgpu browser has a software adapter and the cpu browser has none", async () => {
  const vendor = (/** @type {"webgpu" | "cpu"} */ backend) =>
    withPage({ backend }, async (page) => {
      await openBlank(page);
      return page.evaluate(async () => (await navigator.gpu.requestAdapter())?.info.vendor ?? null);
    });
  assert.equal(await vendor("webgpu"), "google");
  assert.equal(await vendor("cpu"), null);
});
