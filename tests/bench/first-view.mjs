// What a visitor's browser loads until the page shows `fashion`, file by file, raw and compressed.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { baseUrl, browser } from "../browser/pages.mjs";

/** @typedef {{ file: string, raw: number, gzip: number, brotli: number }} FileSize */

/** After the page says that it is ready, what it still fetches by itself is waited for this long. */
const SETTLE_MS = 2000;

/** @returns {Promise<FileSize[]>} the heaviest first */
export async function firstView() {
  const base = await baseUrl();
  const context = await (await browser("cpu")).newContext();
  const page = await context.newPage();
  /** @type {Set<string>} */
  const files = new Set();
  context.on("request", (request) => {
    if (request.url().startsWith(base))
      files.add(request.url().slice(base.length).split(/[?#]/, 1)[0] || "index.html");
  });
  await page.goto(`${base}#model=fashion`);
  await page.waitForFunction(() => document.documentElement.dataset.ready === "true", null, {
    timeout: 60_000,
  });
  await page.waitForTimeout(SETTLE_MS);
  await context.close();
  return [...files].map(sizeOf).sort((a, b) => b.gzip - a.gzip);
}

/** @param {string} file */
function sizeOf(file) {
  const path = fileURLToPath(new URL(`../../dist/${decodeURIComponent(file)}`, import.meta.url));
  const bytes = readFileSync(path);
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };
  return {
    file,
    raw: bytes.length,
    // What does not shrink is served as it is.
    gzip: Math.min(bytes.length, gzipSync(bytes, { level: 9 }).length),
    brotli: Math.min(bytes.length, brotliCompressSync(bytes, quality).length),
  };
}
