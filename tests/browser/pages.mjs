// Pages for tests and tools: a server on dist/, Chromium with fixed flags, and pages that
// raise when anything goes wrong unseen (console errors, uncaught exceptions, foreign requests).
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { serve } from "../../www/tools/serve.mjs";

// The npm packages live in www/, where a bare import from this folder does not look.
const require = createRequire(new URL("../../www/package.json", import.meta.url));
/** @type {typeof import("playwright-core")} */
const { chromium } = require("playwright-core");

/** The folder of the page. */
export const DIST = fileURLToPath(new URL("../../dist", import.meta.url));

/** The folder in the address: not the root, so that every test also proves relative addresses. */
const MOUNT = "/any/folder/";

const COMMON_FLAGS = [
  "--no-sandbox",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * Chromium's flags for each way to run: WebGPU on a software adapter, no adapter at all, or the machine's own GPU.
 * @type {Record<Backend | "gpu", string[]>}
 */
const FLAGS = {
  webgpu: ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"],
  cpu: ["--disable-gpu"],
  gpu: ["--enable-unsafe-webgpu", "--enable-features=Vulkan", "--ignore-gpu-blocklist"],
};

/** @typedef {"webgpu" | "cpu"} Backend also the name that `open({ backend })` takes */

/**
 * @typedef {object} PageOptions
 * @property {Backend} [backend] which browser to use; "cpu" has no WebGPU adapter
 * @property {{width: number, height: number}} [viewport]
 * @property {boolean} [disk] whether dist/ is opened from the disk, without a server
 * @property {RegExp[]} [expectedErrors] console messages and exceptions that the test provokes
 */

/** Both ways to run, for tests that must hold on either. */
export const BACKENDS = /** @type {const} */ (["webgpu", "cpu"]);

/** @type {Map<keyof typeof FLAGS, Promise<import("playwright-core").Browser>>} */
const browsers = new Map();
/** @type {ReturnType<typeof serve> | undefined} */
let server;

/** The address of dist/, served until `closeAll`. */
export async function baseUrl() {
  server ??= serve({ root: DIST, mount: MOUNT });
  return (await server).url;
}

function chromiumPath() {
  const named = process.env.CHROME;
  const found = [named, "/usr/bin/chromium", "/usr/bin/google-chrome"].find(
    (p) => p && existsSync(p),
  );
  if (!found || (named && found !== named)) {
    throw new Error("No Chromium: install it (Debian: apt-get install chromium) or set $CHROME.");
  }
  return found;
}

/**
 * A browser of that kind, started once a process.
 * @param {keyof typeof FLAGS} backend
 */
export function browser(backend) {
  let started = browsers.get(backend);
  if (!started) {
    started = chromium.launch({
      executablePath: chromiumPath(),
      headless: true,
      args: [...COMMON_FLAGS, ...FLAGS[backend]],
      timeout: 90_000,
    });
    browsers.set(backend, started);
  }
  return started;
}

/** Ends what this process started. */
export async function closeAll() {
  for (const started of browsers.values()) await (await started).close();
  browsers.clear();
  await (await server)?.close();
  server = undefined;
}

/**
 * Records what must not happen in a page and gives the list, which a passing test leaves empty.
 * @param {import("playwright-core").BrowserContext} context
 * @param {string} origin
 * @param {RegExp[]} expectedErrors
 */
function watch(context, origin, expectedErrors) {
  /** @type {string[]} */
  const complaints = [];
  const complain = (/** @type {string} */ text) => {
    if (!expectedErrors.some((pattern) => pattern.test(text))) complaints.push(text);
  };
  context.on("console", (message) => {
    if (message.type() === "error") {
      complain(`console error: ${message.text()} (${message.location().url})`);
    }
  });
  context.on("weberror", (event) => {
    const raised = event.error();
    complain(`uncaught: ${raised.stack ?? raised}`);
  });
  context.on("request", (request) => {
    const url = new URL(request.url());
    if (!["data:", "blob:"].includes(url.protocol) && url.origin !== origin) {
      complain(`foreign request: ${request.url()}`);
    }
  });
  return complaints;
}

/**
 * Runs `body` with a fresh page in a context of its own and fails if the page complained meanwhile.
 * @template T
 * @param {PageOptions} options
 * @param {(page: import("playwright-core").Page, base: string) => Promise<T>} body
 */
export async function withPage(options, body) {
  const base = options.disk ? `${pathToFileURL(DIST)}/` : await baseUrl();
  const context = await (await browser(options.backend ?? "webgpu")).newContext({
    viewport: options.viewport ?? { width: 1280, height: 800 },
  });
  const complaints = watch(context, new URL(base).origin, options.expectedErrors ?? []);
  try {
    const result = await body(await context.newPage(), base);
    assert.deepEqual(complaints, [], "the page complained");
    return result;
  } catch (error) {
    if (complaints.length > 0 && error instanceof Error && !error.message.includes(complaints[0])) {
      error.message += `\nThe page complained:\n${complaints.join("\n")}`;
    }
    throw error;
  } finally {
    await context.close();
  }
}

/**
 * Opens an empty document of the page's own origin, in which the library can be imported.
 * @param {import("playwright-core").Page} page
 */
export async function openBlank(page) {
  const url = `${await baseUrl()}blank.html`;
  const body = "<!doctype html><title>blank</title>";
  await page.route(url, (route) => route.fulfill({ contentType: "text/html", body }));
  await page.goto(url);
}

/**
 * Opens the page at `hash` and waits until it says that it shows something (`data-ready`).
 * @param {import("playwright-core").Page} page
 * @param {string} [hash] state in the address, such as `#model=fashion&view=kernels`
 * @param {number} [timeout] milliseconds
 */
export async function openApp(page, hash = "", timeout = 60_000) {
  await page.goto(`${await baseUrl()}${hash}`);
  await page.waitForFunction(() => document.documentElement.dataset.ready === "true", null, {
    timeout,
  });
}

/**
 * Runs `code` in a blank page with an open scope: `withScope({backend: "cpu"}, async ({scope, arg}) => …, arg)`.
 * The scope is closed afterwards; what `code` returns must be plain data or typed arrays.
 * @template A, T
 * @param {PageOptions} options
 * @param {(input: {scope: any, arg: A}) => Promise<T>} code runs in the page: it sees nothing of the test file
 * @param {A} [arg] plain data or typed arrays
 * @returns {Promise<T>}
 */
export function withScope(options, code, arg) {
  return withPage(options, async (page, base) => {
    await openBlank(page);
    const scope = await page.evaluateHandle(
      async ({ library, backend }) => (await import(library)).open({ backend }),
      { library: `${base}convscope.js`, backend: options.backend ?? "webgpu" },
    );
    try {
      return /** @type {T} */ (
        await page.evaluate(/** @type {any} */ (code), /** @type {any} */ ({ scope, arg }))
      );
    } finally {
      await scope.evaluate((open) => open.close());
    }
  });
}
