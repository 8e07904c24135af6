// Draws the contact sheets of synthesis beside this file, from fixed seeds, with the page's own presets and the built dist/:
//   node tests/looks/make_synthesis.mjs [cpu|webgpu] [SHEET …]
// Contrast is stretched as on the page.
import { writeFileSync } from "node:fs";
import { closeAll, withScope } from "../browser/pages.mjs";

/**
 * Classes that a person can name at a glance: zebra, macaw, sports car, pizza, tiger; bee, coffee mug, volcano, monarch, lemon;
 * jellyfish, daisy, flamingo, goldfish, red panda.
 */
const FIFTEEN = [340, 88, 817, 963, 292, 309, 504, 980, 323, 951, 107, 985, 130, 1, 387];

const SHEETS = {
  "fashion-gentle": {
    model: "fashion",
    preset: "gentle",
    classes: [...Array(10).keys()],
    steps: 128,
    times: 3,
    type: "image/png",
  },
  "fashion-plain": {
    model: "fashion",
    preset: "plain",
    classes: [...Array(10).keys()],
    steps: 128,
    times: 3,
    type: "image/png",
  },
  "lite0-natural": {
    model: "efficientnet-lite0",
    preset: "natural",
    classes: FIFTEEN,
    steps: 256,
    times: 1,
    type: "image/jpeg",
  },
  "lite0-plain": {
    model: "efficientnet-lite0",
    preset: "plain",
    classes: FIFTEEN.slice(0, 5),
    steps: 32,
    times: 1,
    type: "image/jpeg",
  },
};

const [backend = "cpu", ...wanted] = process.argv.slice(2);
for (const [name, sheet] of Object.entries(SHEETS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const made = await withScope(
    { backend: backend === "webgpu" ? "webgpu" : "cpu" },
    async ({ scope, arg }) => {
      const net = await scope.load(arg.model);
      const [, , height, width] = net.input.shape;
      const columns = 5;
      const rows = Math.ceil(arg.classes.length / columns);
      const canvas = document.createElement("canvas");
      canvas.width = columns * width * arg.times;
      canvas.height = rows * height * arg.times;
      const context = canvas.getContext("2d");
      if (!context) throw new Error("no canvas");
      context.imageSmoothingEnabled = false;
      const said = [];
      for (const [index, logit] of arg.classes.entries()) {
        const { preset, steps } = arg;
        const { image } = await net.synthesize({ objective: { logit }, preset, steps, seed: 7 });
        const { top } = await net.predict(image, { top: 1 });
        said.push(`${net.labels[logit]}: ${top[0].label} ${top[0].probability.toFixed(4)}`);
        const pixels = await net.toPixels(image);
        const values = [...pixels.data].filter((_, at) => at % 4 !== 3).sort((a, b) => a - b);
        const low = values[Math.floor(0.005 * values.length)];
        const high = values[Math.floor(0.995 * values.length)];
        for (let at = 0; at < pixels.data.length; at += 1)
          if (at % 4 !== 3)
            pixels.data[at] = ((pixels.data[at] - low) * 255) / Math.max(1, high - low);
        const tile = await createImageBitmap(pixels);
        const [x, y] = [index % columns, Math.floor(index / columns)];
        context.drawImage(
          tile,
          x * width * arg.times,
          y * height * arg.times,
          width * arg.times,
          height * arg.times,
        );
      }
      return { url: canvas.toDataURL(arg.type, 0.72), said };
    },
    sheet,
  );
  const extension = sheet.type === "image/png" ? "png" : "jpg";
  const file = new URL(`synthesis-${name}.${extension}`, import.meta.url);
  writeFileSync(file, Buffer.from(made.url.split(",")[1], "base64"));
  process.stdout.write(`${name}\n  ${made.said.join("\n  ")}\n`);
}
await closeAll();
