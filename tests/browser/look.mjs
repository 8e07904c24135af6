// Takes a picture of the page as a person would see it:
//   node tests/browser/look.mjs --hash '#model=fashion&view=kernels' --size 1280x800 --backend cpu --out page.png
import { parseArgs } from "node:util";
import { closeAll, openApp, withPage } from "./pages.mjs";

const { values } = parseArgs({
  options: {
    hash: { type: "string", default: "" },
    size: { type: "string", default: "1280x800" },
    backend: { type: "string", default: "webgpu" },
    out: { type: "string", default: "page.png" },
    full: { type: "boolean", default: false },
    timeout: { type: "string", default: "60" },
  },
});
const [width, height] = values.size.split("x").map(Number);
const backend = values.backend;
if (backend !== "webgpu" && backend !== "cpu") throw new Error("--backend is webgpu or cpu");
if (!(width > 0 && height > 0)) throw new Error("--size is WIDTHxHEIGHT, such as 1280x800");

await withPage({ backend, viewport: { width, height } }, async (page) => {
  try {
    // By itself the page prefers the CPU engine to a GPU in software.
    await openApp(page, `?backend=${backend}${values.hash}`, Number(values.timeout) * 1000);
  } finally {
    await page.screenshot({ path: values.out, fullPage: values.full });
    process.stdout.write(`${values.out}\n`);
  }
});
await closeAll();
