// Draws the contact sheets of robustness beside this file, from fixed seeds and the built dist/, and prints the answers:
//   node tests/looks/make_robustness.mjs [cpu|webgpu] [fashion|lite0|defences]
// fashion, lite0: a row for each picture; the picture, what its single pixels can do (dark: nothing), then for FGSM, PGD, C&W, a
// patch and a universal change what was added, magnified, and the attacked picture with its answer.
// defences: fashion above fashion-robust; the loss around a picture, saliency of five pictures and five class images, then
// certified radii and the ladder as numbers.
import { writeFileSync } from "node:fs";
import { closeAll, withScope } from "../browser/pages.mjs";

const [backend = "cpu", only] = process.argv.slice(2);
if (backend !== "cpu" && backend !== "webgpu") throw new Error("the backend is cpu or webgpu");

const ATTACKS = {
  fashion: {
    model: "fashion",
    kind: "fashion",
    count: 5,
    side: 84,
    stride: 1,
    gain: 5,
    epsilon: 16 / 255,
    cw: { initialConst: 1, binarySearchSteps: 4, steps: 60, stepSize: 0.1 },
    patch: { size: 10, steps: 120 },
    universal: 0.12,
    type: "image/png",
  },
  lite0: {
    model: "efficientnet-lite0",
    kind: "photo",
    count: 3,
    side: 150,
    stride: 32,
    gain: 20,
    epsilon: 4 / 255,
    cw: { initialConst: 10, binarySearchSteps: 2, steps: 20, stepSize: 0.02 },
    patch: { size: 56, steps: 30 },
    universal: 10 / 255,
    type: "image/jpeg",
  },
};

/** @param {string} name @param {string} url */
function keep(name, url) {
  const extension = url.startsWith("data:image/png") ? "png" : "jpg";
  const file = new URL(`robustness-${name}.${extension}`, import.meta.url);
  writeFileSync(file, Buffer.from(url.split(",")[1], "base64"));
}

for (const [name, sheet] of Object.entries(ATTACKS)) {
  if (only && only !== name) continue;
  const made = await withScope(
    { backend },
    async ({ scope, arg }) => {
      const net = await scope.load(arg.model);
      /** @type {any[]} */
      const all = scope.pictures.filter((/** @type {any} */ each) => each.kind === arg.kind);
      const pictures = all
        .filter(
          (each, index) =>
            each.label === undefined ||
            all.findIndex(({ label }) => label === each.label) === index,
        )
        .slice(0, arg.count);
      const inputs = [];
      for (const { url } of pictures)
        inputs.push(await net.preprocess(await (await fetch(url)).blob()));
      const { side, gain } = arg;
      const [columns, line] = [12, side + 18];
      const canvas = document.createElement("canvas");
      canvas.width = columns * (side + 4);
      canvas.height = pictures.length * line + 20;
      const context = canvas.getContext("2d");
      if (!context) throw new Error("no canvas");
      context.fillStyle = "white";
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.imageSmoothingEnabled = arg.type === "image/jpeg";
      context.font = "11px sans-serif";
      const put = (
        /** @type {number} */ column,
        /** @type {number} */ row,
        /** @type {CanvasImageSource | null} */ tile,
        /** @type {string} */ words,
      ) => {
        const [x, y] = [column * (side + 4), 20 + row * line];
        if (tile) context.drawImage(tile, x, y, side, side);
        context.fillStyle = "black";
        context.fillText(words, x + 1, y + side + 12, side);
      };
      const heads = ["picture", "single pixels", "FGSM", "PGD", "C&W", "patch", "universal"];
      context.fillStyle = "black";
      for (const [index, head] of heads.entries())
        context.fillText(head, (index < 2 ? index : 2 * index - 2) * (side + 4) + 1, 13);
      const std = net.input.preprocess.std;
      const [, channels, height, width] = net.input.shape;
      const bitmap = async (/** @type {any} */ tensor) =>
        createImageBitmap(await net.toPixels(tensor));
      const change = async (/** @type {any} */ was, /** @type {any} */ is) => {
        const data = is.data.map(
          (/** @type {number} */ value, /** @type {number} */ at) =>
            (value - was.data[at]) * std[Math.floor(at / (height * width))],
        );
        const map = channels === 3 ? "rgb" : "diverging";
        const painted = await scope.paint(
          { data, shape: was.shape },
          { map, scale: [-1 / gain, 1 / gain] },
        );
        return painted.bitmap;
      };
      const said = (/** @type {any} */ { label, probability }) =>
        `${label.split(",")[0]} ${probability.toFixed(2)}`;
      const labels = [];
      for (const input of inputs) labels.push((await net.predict(input)).top[0].index);
      const joined = {
        data: Float32Array.from(inputs.flatMap(({ data }) => [...data])),
        shape: [inputs.length, channels, height, width],
      };
      const common = { units: "pixels", seed: 1 };
      const attacks = [
        { method: "fgsm", epsilon: arg.epsilon },
        { method: "pgd", epsilon: arg.epsilon, steps: 20, stepSize: arg.epsilon / 8 },
        { method: "cw", ...arg.cw },
        { method: "patch", ...arg.patch },
        { method: "universal", epsilon: arg.universal, steps: 20 },
      ];
      const lines = inputs.map((_, row) => [pictures[row].id]);
      for (const [row, input] of inputs.entries()) {
        const { top } = await net.predict(input, { top: 1 });
        put(0, row, await bitmap(input), said(top[0]));
        lines[row].push(said(top[0]));
        const map = await net.pixelMap(input, { stride: arg.stride, units: "pixels" });
        const most = Math.max(0.01, ...map.fall.data);
        const painted = await scope.paint(map.fall, { map: "sequential", scale: [0, most] });
        const flips = [...map.flips].filter((flip) => flip >= 0).length;
        put(1, row, painted.bitmap, `to −${most.toFixed(2)}, ${flips} flip`);
        lines[row].push(`pixels: worst −${most.toFixed(3)}, ${flips} of ${map.flips.length} flip`);
      }
      for (const [index, attack] of attacks.entries()) {
        // All at once: a universal change is one for all of them.
        const found = await net.attack(joined, { ...attack, ...common, label: labels });
        const size = found.image.data.length / inputs.length;
        for (const [row, input] of inputs.entries()) {
          const image = {
            data: found.image.data.slice(row * size, (row + 1) * size),
            shape: input.shape,
          };
          const { linf, l2, l0 } = found.distance[row];
          const column = 2 + 2 * index;
          put(column, row, await change(input, image), `×${gain}, L2 ${l2.toFixed(2)}`);
          const answer = said(found.after.top[row][0]);
          put(column + 1, row, await bitmap(image), answer);
          lines[row].push(
            `${attack.method}: ${answer} (L∞ ${(255 * linf).toFixed(1)}/255, L2 ${l2.toFixed(2)}, L0 ${l0})`,
          );
        }
      }
      return {
        url: canvas.toDataURL(arg.type, 0.85),
        said: lines.map((parts) => parts.join(" | ")),
      };
    },
    sheet,
  );
  keep(name, made.url);
  process.stdout.write(`${name}\n  ${made.said.join("\n  ")}\n`);
}

if (!only || only === "defences") {
  const made = await withScope({ backend }, async ({ scope }) => {
    const { images, labels, classes } = await scope.dataset("fashion");
    const of = (/** @type {number} */ first, /** @type {number} */ count) => ({
      data: images.data.slice(first * 784, (first + count) * 784),
      shape: [count, 1, 28, 28],
    });
    const [side, line] = [84, 102];
    const canvas = document.createElement("canvas");
    canvas.width = 11 * (side + 4);
    canvas.height = 3 * line + 240;
    const context = canvas.getContext("2d");
    if (!context) throw new Error("no canvas");
    context.fillStyle = "white";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = false;
    context.font = "11px sans-serif";
    const write = (
      /** @type {string} */ words,
      /** @type {number} */ x,
      /** @type {number} */ y,
    ) => {
      context.fillStyle = "black";
      context.fillText(words, x + 1, y);
    };
    const put = (
      /** @type {number} */ column,
      /** @type {number} */ row,
      /** @type {CanvasImageSource} */ tile,
      /** @type {string} */ words,
    ) => {
      context.drawImage(tile, column * (side + 4), 4 + row * line, side, side);
      write(words, column * (side + 4), 4 + row * line + side + 12);
    };
    const said = [];
    const ids = ["fashion", "fashion-robust"];
    const shown = [0, 1, 2, 3, 4];
    const nets = [];
    for (const id of ids) nets.push(await scope.load(id));
    for (const [row, net] of nets.entries()) {
      const label = labels[0];
      const surface = await net.lossSurface(of(0, 1), {
        label,
        epsilon: 16 / 255,
        size: 21,
        seed: 1,
        units: "pixels",
      });
      const top = Math.max(...surface.loss.data);
      const painted = await scope.paint(
        { data: surface.loss.data, shape: [1, 1, 21, 21] },
        { map: "sequential", scale: [0, Math.max(top, 1e-3)] },
      );
      put(0, row, painted.bitmap, `loss 0–${top.toFixed(2)}`);
      const input = of(0, 1);
      put(1, row, await createImageBitmap(await net.toPixels(input)), classes?.[label] ?? "");
      for (const [index, at] of shown.entries()) {
        const map = await net.attribute(of(at, 1), { method: "gradient", target: labels[at] });
        const most = Math.max(...map.data.map(Math.abs));
        const { bitmap } = await scope.paint(map, { map: "diverging", scale: [-most, most] });
        put(2 + index, row, bitmap, `∂: ${classes?.[labels[at]] ?? labels[at]}`);
      }
      for (const [index, at] of [0, 3, 5, 8].entries()) {
        const { image } = await net.synthesize({ objective: { logit: at }, seed: 1 });
        const tile = await createImageBitmap(await net.toPixels(image));
        put(7 + index, row, tile, `class ${classes?.[at] ?? at}`);
      }
    }
    // The pictures themselves, and what each network certifies of them.
    for (const [index, at] of [0, 1, 2, 3, 4, 5, 6, 7].entries()) {
      put(index, 2, await createImageBitmap(await nets[0].toPixels(of(at, 1))), "");
      const words = [];
      for (const net of nets) {
        const found = await net.defend(of(at, 1), {
          method: "smoothing",
          sigma: 0.1,
          samples: 500,
          guesses: 50,
          units: "pixels",
          seed: 1,
        });
        words.push(found.class === null ? "abstains" : `R ${found.radius.toFixed(3)}`);
      }
      const y = 4 + 2 * line + side;
      write(words[0], index * (side + 4), y + 12);
      write(words[1], index * (side + 4), y + 26);
      said.push(`picture ${at}: ${words.join(", ")}`);
    }
    write("plain, robust: certified L2 radius, σ 0.1", 8 * (side + 4), 4 + 2 * line + side + 12);
    const set = { images: of(0, 50), labels: labels.slice(0, 50) };
    const attacks = [
      { method: "noise" },
      { method: "square", steps: 100 },
      { method: "fgsm" },
      { method: "pgd", steps: 20 },
    ];
    const defences = [
      null,
      { method: "jpeg", quality: 50 },
      { method: "bit_depth", bits: 3 },
      { method: "median", size: 3 },
      { method: "smoothing", sigma: 0.1 },
    ].flatMap((each) =>
      each
        ? [
            { ...each, adaptive: false },
            { ...each, adaptive: true },
          ]
        : [each],
    );
    let y = 4 + 3 * line + 40;
    const head = [
      "50 pictures, ε = 8/255",
      "clean",
      ...attacks.map(({ method }) => method),
      "red lights",
    ];
    const rowOf = (/** @type {string[]} */ cells) => {
      for (const [index, cell] of cells.entries())
        write(cell, index === 0 ? 0 : 190 + (index - 1) * 70, y);
      y += 17;
      said.push(cells.join("\t"));
    };
    rowOf(head);
    for (const [index, net] of nets.entries()) {
      const own = index === 0 ? defences : [null];
      const epsilons = [8 / 255, 1];
      const found = await net.robustness(set, { attacks, defences: own, epsilons, seed: 1 });
      for (const [rung, defence] of own.entries()) {
        const title = defence
          ? `${defence.method}, ${defence.adaptive ? "known" : "unknown"}`
          : ids[index];
        const cells = found.cells.filter(
          (/** @type {any} */ cell) => cell.defence === rung && cell.epsilon < 0.5,
        );
        const red = found.lights[rung].filter((/** @type {any} */ { holds }) => holds === false);
        rowOf([
          title,
          found.clean[rung].toFixed(2),
          ...cells.map((/** @type {any} */ { accuracy }) => accuracy.toFixed(2)),
          red.map((/** @type {any} */ { name }) => name).join(", ") || "none",
        ]);
      }
    }
    return { url: canvas.toDataURL("image/png"), said };
  });
  keep("defences", made.url);
  process.stdout.write(`defences\n  ${made.said.join("\n  ")}\n`);
}
await closeAll();
