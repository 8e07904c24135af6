// Measures both engines natively and in the browser, and what the page weighs; prints tables, writes JSON.
// `node run.mjs --native PROGRAM --loop PEAK.WASM [--only native,cpu,webgpu,size] [--rounds N] [--adapter real]`

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { baseUrl, browser, closeAll } from "../browser/pages.mjs";
import { firstView } from "./first-view.mjs";
import { sizes, tables } from "./tables.mjs";

const FEWEST_ROUNDS = 7;

const { values } = parseArgs({
  options: {
    native: { type: "string" },
    loop: { type: "string" },
    only: { type: "string", default: "native,cpu,webgpu,size" },
    rounds: { type: "string", default: "9" },
    adapter: { type: "string", default: "swiftshader" },
  },
});
const parts = new Set(values.only.split(","));
const rounds = Math.max(FEWEST_ROUNDS, Number(values.rounds) || 0);

const say = (/** @type {string} */ text) => process.stderr.write(`    ${text}\n`);

/** @param {string} name a file that the native half uses, too */
const shared = (name) =>
  readFileSync(new URL(`../../src/bin/bench/${name}`, import.meta.url), "utf8");

/** Figures of both engines without a browser. */
function native() {
  if (!values.native) throw new Error("--native must name the program to run.");
  const output = execFileSync(values.native, [String(rounds)], {
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 1 << 26,
  });
  return JSON.parse(output.toString());
}

/**
 * Figures of one engine in the browser.
 * @param {"cpu" | "webgpu"} backend
 */
async function inBrowser(backend) {
  if (!values.loop) throw new Error("--loop must name the fixed loop as a wasm module.");
  const base = await baseUrl();
  const kind = backend === "webgpu" && values.adapter === "real" ? "gpu" : backend;
  const context = await (await browser(kind)).newContext();
  const page = await context.newPage();
  const served = {
    "bench.html": { contentType: "text/html", body: "<!doctype html><title>bench</title>" },
    "in-page.mjs": { path: fileURLToPath(new URL("in-page.mjs", import.meta.url)) },
    "peak.wasm": { path: values.loop, contentType: "application/wasm" },
  };
  for (const [name, response] of Object.entries(served))
    await page.route(`${base}${name}`, (route) => route.fulfill(response));
  await page.exposeFunction("say", (/** @type {string} */ step) =>
    say(`${backend} in the browser: ${step}`),
  );
  await page.goto(`${base}bench.html`);
  const order = {
    backend,
    cases: JSON.parse(shared("cases.json")),
    rounds,
    shaders: { multiply_adds: shared("multiply_adds.wgsl"), copy: shared("copy.wgsl") },
    networks: ["fashion", "efficientnet-lite0"],
  };
  const report = await page.evaluate(
    async ({ module, order }) =>
      (await import(module)).measure(order, /** @type {any} */ (globalThis).say),
    { module: `${base}in-page.mjs`, order },
  );
  await context.close();
  return report;
}

const date = new Date().toISOString();
const loadBefore = loadavg()[0];
/** @type {import("./tables.mjs").Report[]} */
const reports = parts.has("native") ? native() : [];
for (const backend of /** @type {const} */ (["cpu", "webgpu"]))
  if (parts.has(backend)) reports.push(await inBrowser(backend));
const files = parts.has("size") ? await firstView() : [];
await closeAll();

const machine = {
  processor: cpus()[0]?.model,
  threads: cpus().length,
  loadBefore,
  loadAfter: loadavg()[0],
};
const folder = fileURLToPath(new URL("../../.cache/bench/", import.meta.url));
mkdirSync(folder, { recursive: true });
const file = `${folder}${date.replaceAll(":", "-")}.json`;
const result = { date, machine, reports, firstView: files };
writeFileSync(file, `${JSON.stringify(result, null, 1)}\n`);
process.stdout.write(`${tables(reports)}\n${sizes(files)}\n${file}\n`);
