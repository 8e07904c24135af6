// Measures both engines natively and in the browser, and what the page weighs; prints tables, writes JSON.
// `node run.mjs --native PROGRAM --loop PEAK.WASM [--only native,cpu,webgpu,growth,size,referee] [--rounds N] [--adapter real]`
// Where $CONVSCOPE_REFEREE names its folder, a referee compares with other libraries: [--workloads A,B] [--engines A,B].

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { baseUrl, browser, closeAll } from "../browser/pages.mjs";
import { firstView } from "./first-view.mjs";
import { growthTables, sizes, tables } from "./tables.mjs";

const FEWEST_ROUNDS = 7;
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Both engines beside those that are the fastest somewhere. */
const RIVALS = "ours-webgpu,ours-cpu,jax-webgpu,tfjs-wasm,ort-wasm";

const { values } = parseArgs({
  options: {
    native: { type: "string" },
    loop: { type: "string" },
    only: { type: "string", default: "native,cpu,webgpu,growth,size,referee" },
    rounds: { type: "string", default: "9" },
    adapter: { type: "string", default: "swiftshader" },
    workloads: { type: "string", default: "W1,W3,W5" },
    engines: { type: "string", default: RIVALS },
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
 * Calls a function of a module in a page that has the built library beside it.
 * @template T
 * @param {"cpu" | "webgpu"} backend
 * @param {"in-page" | "growth"} module
 * @param {"measure" | "grow"} name
 * @param {Record<string, unknown>} order beside the backend and the number of rounds
 * @returns {Promise<T>}
 */
async function inBrowser(backend, module, name, order = {}) {
  if (!values.loop) throw new Error("--loop must name the fixed loop as a wasm module.");
  const base = await baseUrl();
  const kind = backend === "webgpu" && values.adapter === "real" ? "gpu" : backend;
  const context = await (await browser(kind)).newContext();
  const page = await context.newPage();
  const served = {
    "bench.html": { contentType: "text/html", body: "<!doctype html><title>bench</title>" },
    "in-page.mjs": { path: fileURLToPath(new URL("in-page.mjs", import.meta.url)) },
    "growth.mjs": { path: fileURLToPath(new URL("growth.mjs", import.meta.url)) },
    "peak.wasm": { path: values.loop, contentType: "application/wasm" },
  };
  for (const [name, response] of Object.entries(served))
    await page.route(`${base}${name}`, (route) => route.fulfill(response));
  await page.exposeFunction("say", (/** @type {string} */ step) =>
    say(`${backend} in the browser: ${step}`),
  );
  await page.goto(`${base}bench.html`);
  const result = await page.evaluate(
    async ({ url, name, order }) =>
      (await import(url))[name](order, /** @type {any} */ (globalThis).say),
    { url: `${base}${module}.mjs`, name, order: { backend, rounds, ...order } },
  );
  await context.close();
  return result;
}

/** What single convolutions and networks are measured with. */
const order = () => ({
  cases: JSON.parse(shared("cases.json")),
  shaders: { multiply_adds: shared("multiply_adds.wgsl"), copy: shared("copy.wgsl") },
  networks: ["fashion", "efficientnet-lite0"],
});

/**
 * Has the referee compare with other libraries and prints its tables. Its README says what it needs and measures.
 * @param {string} referee its folder
 * @param {string} file where its figures go
 */
function compare(referee, file) {
  const flags = values.adapter === "real" ? "gpu" : values.adapter;
  const { workloads, engines } = values;
  const options = { workloads, engines, rounds: String(rounds), out: file, flags };
  const given = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const plugIn = { BENCH_OURS: "/tests/bench/referee.mjs", BENCH_OURS_ROOT: ROOT };
  execFileSync(`${referee}/run.sh`, given, {
    stdio: ["ignore", process.stderr, "inherit"],
    env: { CHROMIUM: process.env.CHROME, ...process.env, ...plugIn },
  });
  execFileSync(process.execPath, [`${referee}/harness/report.mjs`, file], {
    stdio: ["ignore", "inherit", "inherit"],
  });
}

const date = new Date().toISOString();
const loadBefore = loadavg()[0];
/** @type {import("./tables.mjs").Report[]} */
const reports = parts.has("native") ? native() : [];
/** @type {Record<string, import("./growth.mjs").Growth>} */
const growth = {};
for (const backend of /** @type {const} */ (["cpu", "webgpu"])) {
  if (parts.has(backend)) reports.push(await inBrowser(backend, "in-page", "measure", order()));
  if (parts.has("growth")) growth[backend] = await inBrowser(backend, "growth", "grow");
}
const files = parts.has("size") ? await firstView() : [];
await closeAll();

const machine = {
  processor: cpus()[0]?.model,
  threads: cpus().length,
  loadBefore,
  loadAfter: loadavg()[0],
};
const folder = `${ROOT}.cache/bench/`;
mkdirSync(folder, { recursive: true });
const file = `${folder}${date.replaceAll(":", "-")}.json`;
if (reports.length > 0 || files.length > 0 || parts.has("growth")) {
  const result = { date, machine, reports, growth, firstView: files };
  writeFileSync(file, `${JSON.stringify(result, null, 1)}\n`);
  process.stdout.write(`${tables(reports)}\n${growthTables(growth)}\n${sizes(files)}\n${file}\n`);
}
const referee = process.env.CONVSCOPE_REFEREE;
if (parts.has("referee") && referee) compare(referee, file.replace(/\.json$/, "-referee.json"));
