// Draws the contact sheets of style transfer beside this file, from fixed seeds, with the page's own presets and the built
// dist/:
//   node tests/looks/make_style.mjs [cpu|webgpu] [SHEET …]
// The styles stand in the first row, the contents in the first column.
import { writeFileSync } from "node:fs";
import { closeAll, withScope } from "../browser/pages.mjs";

const SHEETS = {
  lite0: {
    model: "efficientnet-lite0",
    contents: ["chelsea", "china"],
    styles: ["style-swirls", "style-impasto", "style-glass", "style-zebra", "style-woodcut"],
    options: { size: 128, steps: 80 },
    side: 128,
  },
  "lite0-more": {
    model: "efficientnet-lite0",
    contents: ["coffee", "flower"],
    styles: ["style-dots", "style-pencil", "style-brick", "style-pebbles"],
    options: { size: 128, steps: 80, preserveColors: "match" },
    side: 128,
  },
  fashion: {
    model: "fashion",
    contents: ["fashion-bag-1", "fashion-t-shirt-top-1", "fashion-sneaker-1"],
    styles: ["style-zebra", "style-glass", "style-brick", "style-pebbles"],
    options: { size: 112 },
    side: 112,
  },
};

const [backend = "cpu", ...wanted] = process.argv.slice(2);
for (const [name, sheet] of Object.entries(SHEETS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const made = await withScope(
    { backend: backend === "webgpu" ? "webgpu" : "cpu" },
    async ({ scope, arg }) => {
      const net = await scope.load(arg.model);
      const picture = async (/** @type {string} */ id) => {
        const { url } = scope.pictures.find((/** @type {any} */ each) => each.id === id);
        return (await fetch(url)).blob();
      };
      const { side, contents, styles } = arg;
      const canvas = document.createElement("canvas");
      canvas.width = (styles.length + 1) * side;
      canvas.height = (contents.length + 1) * side;
      const context = canvas.getContext("2d");
      if (!context) throw new Error("no canvas");
      const draw = async (/** @type {any} */ tensor, /** @type {number} */ x, y = 0) =>
        context.drawImage(
          await createImageBitmap(await net.toPixels(tensor)),
          x * side,
          y * side,
          side,
          side,
        );
      const said = [];
      for (const [row, content] of contents.entries()) {
        const kept = await picture(content);
        await draw(await net.preprocess(kept, { size: side }), 0, row + 1);
        for (const [column, style] of styles.entries()) {
          const taken = await picture(style);
          if (row === 0) await draw(await net.preprocess(taken, { size: side }), column + 1);
          const start = performance.now();
          const { image, history } = await net.stylize(kept, taken, { ...arg.options, seed: 1 });
          const seconds = (performance.now() - start) / 1000;
          await draw(image, column + 1, row + 1);
          const [first, last] = [history[0], history.at(-1)];
          const ends = [first.style, last.style, last.content].map((value) => value.toFixed(3));
          said.push(
            `${content} as ${style}: style ${ends[0]} to ${ends[1]}, content ${ends[2]}, ${(seconds / history.length).toFixed(2)} s a step`,
          );
        }
      }
      return { url: canvas.toDataURL("image/jpeg", 0.8), said };
    },
    sheet,
  );
  const file = new URL(`style-${name}.jpg`, import.meta.url);
  writeFileSync(file, Buffer.from(made.url.split(",")[1], "base64"));
  process.stdout.write(`${name}\n  ${made.said.join("\n  ")}\n`);
}
await closeAll();
