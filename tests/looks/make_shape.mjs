// Draws the contact sheets of the stimuli beside this file, from fixed seeds and the built dist/, and prints the answers:
//   node tests/looks/make_shape.mjs [cpu|webgpu]
// Columns: as it is, grey, blurred, two tones, slopes, edges, silhouette, shuffled in 2, 4, 8 and 16 (7 and 14) squares a side, its texture,
// and its outline filled with the next picture's texture.
import { writeFileSync } from "node:fs";
import { closeAll, withScope } from "../browser/pages.mjs";

const SHEETS = {
  fashion: { model: "fashion", kind: "fashion", grids: [2, 4, 7, 14], times: 3, type: "image/png" },
  lite0: {
    model: "efficientnet-lite0",
    kind: "photo",
    grids: [2, 4, 8, 16],
    times: 0.5,
    type: "image/jpeg",
  },
};

const backend = process.argv[2] === "webgpu" ? "webgpu" : "cpu";
for (const [name, sheet] of Object.entries(SHEETS)) {
  const made = await withScope(
    { backend },
    async ({ scope, arg }) => {
      const net = await scope.load(arg.model);
      const [, channels, height, width] = net.input.shape;
      /** @type {any[]} */
      const all = scope.pictures.filter((/** @type {any} */ each) => each.kind === arg.kind);
      const pictures = all.filter(
        (each, index) =>
          each.label === undefined || all.findIndex(({ label }) => label === each.label) === index,
      );
      const inputs = [];
      for (const { url } of pictures)
        inputs.push(await net.preprocess(await (await fetch(url)).blob()));
      const tones = channels === 1 ? { ink: 1, paper: 0 } : { ink: 0, paper: 1 };
      const [w, h] = [width * arg.times, height * arg.times];
      const canvas = document.createElement("canvas");
      canvas.width = 13 * w;
      canvas.height = pictures.length * h;
      const context = canvas.getContext("2d");
      if (!context) throw new Error("no canvas");
      context.imageSmoothingEnabled = arg.times < 1;
      const said = [];
      for (const [row, { id, outline, url }] of pictures.entries()) {
        let mask = await net.foreground(inputs[row]);
        if (outline) {
          const drawn = await createImageBitmap(await (await fetch(url)).blob());
          const own = new OffscreenCanvas(drawn.width, drawn.height);
          const pen = own.getContext("2d");
          if (!pen) throw new Error("no canvas");
          pen.fillRect(0, 0, own.width, own.height);
          pen.fillStyle = "white";
          for (const polygon of outline) {
            pen.beginPath();
            for (const [x, y] of polygon) pen.lineTo(x, y);
            pen.fill();
          }
          const { data } = await net.toPixels(await net.preprocess(own));
          const inside = Float32Array.from({ length: width * height }, (_, at) =>
            data[4 * at] > 127 ? 1 : 0,
          );
          mask = { data: inside, shape: [1, 1, height, width] };
        }
        const texture = inputs[(row + 1) % inputs.length];
        const kinds = [
          { kind: "original" },
          { kind: "grey" },
          { kind: "blur" },
          { kind: "two_tones" },
          { kind: "slopes", ...tones },
          { kind: "edges", ...tones },
          { kind: "silhouette", mask, ...tones },
          ...arg.grids.map((grid) => ({ kind: "shuffle", grid })),
          { kind: "texture" },
          { kind: "fill", texture, mask, paper: tones.paper },
        ];
        const answers = [];
        for (const [column, options] of kinds.entries()) {
          const image = await net.stimulus(inputs[row], { ...options, seed: 1 });
          const { top } = await net.predict(image, { top: 1 });
          answers.push(`${top[0].label} ${top[0].probability.toFixed(2)}`);
          const tile = await createImageBitmap(await net.toPixels(image));
          context.drawImage(tile, column * w, row * h, w, h);
        }
        said.push(`${id}: ${answers.join(" | ")}`);
      }
      return { url: canvas.toDataURL(arg.type, 0.8), said };
    },
    sheet,
  );
  const extension = sheet.type === "image/png" ? "png" : "jpg";
  const file = new URL(`shape-${name}.${extension}`, import.meta.url);
  writeFileSync(file, Buffer.from(made.url.split(",")[1], "base64"));
  process.stdout.write(`${name}\n  ${made.said.join("\n  ")}\n`);
}
await closeAll();
