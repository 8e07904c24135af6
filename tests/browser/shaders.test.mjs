// Every shader compiles in the browser with its default limits: naga, which native tests use, accepts barriers in
// control flow that is not uniform, and the browser's compiler does not.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { openBlank, withPage } from "./harness.mjs";

const OPS = fileURLToPath(new URL("../../src/ops/", import.meta.url));

/** What the engine gives to constants that have no default. @type {Record<string, number[]>} */
const CONSTANTS = {
  OVERLAP: [0, 1, 2],
  KERNEL: [3, 5],
  TAPS: [1, 5, 8],
  ROWS: [1, 2, 4],
  COLUMNS: [1, 4, 5],
  FUNCTION: [1, 2, 3, 4, 5, 6, 7],
  FROM_OUTPUT: [0, 1],
  RESIDUAL: [0, 1],
};

/** The text of a shader with its imports in place, as src/engine/gpu/shader.rs puts them. @param {string} path @returns {string} */
function source(path) {
  const text = readFileSync(OPS + path, "utf8");
  return text.replace(/^#import (\w+)$/gm, (_, name) => source(`shared/${name}.wgsl`));
}

/** Each shader once a set of constants. */
function shaders() {
  const paths = readdirSync(OPS, { recursive: true, encoding: "utf8" }).filter(
    (path) => path.endsWith(".wgsl") && !path.startsWith("shared"),
  );
  return paths.sort().flatMap((path) => {
    const code = source(path);
    const names = Array.from(code.matchAll(/^override (\w+): \w+;/gm), ([, name]) => name);
    /** @type {Record<string, number>[]} */
    let sets = [{}];
    for (const name of names) {
      const values = CONSTANTS[name] ?? [];
      assert.ok(values.length > 0, `${path}: no values for the constant ${name}`);
      sets = sets.flatMap((set) => values.map((value) => ({ ...set, [name]: value })));
    }
    return sets.map((constants) => ({ path, code, constants }));
  });
}

test("every shader compiles in the browser", async () => {
  const all = shaders();
  assert.ok(all.length > 40, `only ${all.length} shaders were found`);
  await withPage({ backend: "webgpu" }, async (page) => {
    await openBlank(page);
    const complaints = await page.evaluate(async (shaders) => {
      const adapter = await navigator.gpu.requestAdapter();
      const device = await adapter?.requestDevice();
      if (!device) return ["there is no WebGPU device"];
      const found = [];
      for (const { path, code, constants } of shaders) {
        device.pushErrorScope("validation");
        const module = device.createShaderModule({ code });
        device.createComputePipeline({ layout: "auto", compute: { module, constants } });
        const error = await device.popErrorScope();
        const { messages } = await module.getCompilationInfo();
        if (error) found.push(`${path} ${JSON.stringify(constants)}: ${error.message}`);
        for (const { lineNum, message } of messages) found.push(`${path}:${lineNum}: ${message}`);
      }
      device.destroy();
      return found;
    }, all);
    assert.deepEqual(complaints, []);
  });
});
