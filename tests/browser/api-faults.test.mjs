// Bad input: each call is refused with its code and a sentence, and afterwards everything still works.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { before, describe, test } from "node:test";
import { inPage } from "./blank.mjs";
import { BACKENDS, withScope } from "./harness.mjs";
import { hugePng, lattice, tiny } from "./nets.mjs";

/**
 * What is refused: a name, the code, a word of the sentence, and what is done in the page.
 * @type {[string, string, RegExp, (has: any) => Promise<unknown>][]}
 */
const REFUSED = [
  // Networks.
  ["a 0-byte file", "bad_model", /0 bytes/, ({ scope }) => scope.load(new Blob([]))],
  ["a 0-byte buffer", "bad_model", /0 bytes/, ({ scope }) => scope.load(new ArrayBuffer(0))],
  [
    "weights of 0 bytes",
    "bad_model",
    /0 bytes/,
    ({ scope, tiny }) => scope.load({ graph: tiny.graph, weights: new Uint8Array(0) }),
  ],
  [
    "truncated weights",
    "bad_model",
    /no complete safetensors/,
    ({ scope, tiny, file }) => scope.load({ graph: tiny.graph, weights: file.slice(0, 5000) }),
  ],
  [
    "a truncated safetensors file",
    "bad_model",
    /cut off/,
    ({ scope, file }) => scope.load(file.slice(0, 70_000)),
  ],
  [
    "weights without a graph",
    "bad_model",
    /without a graph/,
    ({ scope, file }) => scope.load(file),
  ],
  [
    "truncated JSON",
    "bad_model",
    /damaged or cut off/,
    ({ scope, tiny }) => scope.load(new Blob([JSON.stringify(tiny.graph).slice(0, 300)])),
  ],
  [
    "a graph without weights",
    "bad_model",
    /without weights/,
    ({ scope, tiny }) => scope.load(new Blob([JSON.stringify(tiny.graph)])),
  ],
  [
    "an ONNX file",
    "bad_model",
    /ONNX/,
    ({ scope }) => scope.load(new Uint8Array([8, 7, 18, 7, 112, 121])),
  ],
  [
    "a web page",
    "bad_model",
    /web page/,
    ({ scope }) => scope.load(new Blob(["<!doctype html><title>404</title>"])),
  ],
  [
    "an id that does not ship",
    "bad_argument",
    /"resnet" ships/,
    ({ scope }) => scope.load("resnet"),
  ],
  ["a number", "bad_argument", /cannot take this/, ({ scope }) => scope.load(7)],
  [
    "a function in a graph",
    "bad_argument",
    /cannot be handed over/,
    ({ scope }) => scope.load({ graph: { name: () => 1 }, weights: {} }),
  ],
  [
    "an unknown operator",
    "unsupported_op",
    /'conv1'.*warp/,
    ({ scope, tiny }) => {
      tiny.graph.nodes[0].op = "warp";
      return scope.load(tiny);
    },
  ],
  [
    "a missing weight",
    "bad_model",
    /conv1\.bias/,
    ({ scope, tiny }) => {
      delete tiny.weights["conv1.bias"];
      return scope.load(tiny);
    },
  ],
  [
    "a weight of the wrong shape",
    "bad_model",
    /'conv1'/,
    ({ scope, tiny }) => {
      tiny.weights["conv1.weight"].shape = [8, 9, 3, 1];
      return scope.load(tiny);
    },
  ],
  [
    "a weight that is no number",
    "bad_model",
    /NaN/,
    ({ scope, tiny }) => {
      tiny.weights["fc.weight"].data[3] = Number.NaN;
      return scope.load(tiny);
    },
  ],
  [
    "a shape that does not fit its values",
    "bad_model",
    /fc\.bias/,
    ({ scope, tiny }) => {
      tiny.weights["fc.bias"].shape = [6];
      return scope.load(tiny);
    },
  ],
  [
    "too few labels",
    "bad_argument",
    /2 labels for 5 classes/,
    ({ scope, tiny }) => scope.load(tiny, { labels: ["a", "b"] }),
  ],
  [
    "a preprocessing rule that makes no sense",
    "bad_argument",
    /crop/,
    ({ scope, tiny }) => scope.load(tiny, { preprocess: { crop: 3 } }),
  ],
  [
    "an option that load does not have",
    "bad_argument",
    /'quick'/,
    ({ scope, tiny }) => scope.load(tiny, { quick: true }),
  ],
  // Pictures.
  [
    "a picture that is none",
    "bad_image",
    /no picture/,
    ({ net }) => net.predict(new Blob(["not a picture"])),
  ],
  ["an empty picture", "bad_image", /0 bytes/, ({ net }) => net.predict(new Blob([]))],
  [
    "a picture of 20,000×20,000 pixels, by its header",
    "bad_image",
    /20000 × 20000/,
    ({ net, huge }) => net.predict(new Blob([huge])),
  ],
  [
    "a picture cut off after its header",
    "bad_image",
    /damaged, cut off/,
    ({ net, huge }) => {
      huge[18] = 0;
      huge[22] = 0;
      return net.predict(new Blob([huge]));
    },
  ],
  ["text as a picture", "bad_image", /must be ImageData/, ({ net }) => net.predict("cat.jpg")],
  ["no picture at all", "bad_image", /must be ImageData/, ({ net }) => net.predict()],
  [
    "a closed bitmap",
    "bad_image",
    /closed/,
    async ({ net }) => {
      const bitmap = await createImageBitmap(new ImageData(4, 4));
      bitmap.close();
      return net.predict(bitmap);
    },
  ],
  [
    "an img without a picture",
    "bad_image",
    /element/,
    ({ net }) => net.predict(document.createElement("img")),
  ],
  [
    "a tensor of the wrong shape",
    "bad_image",
    /\[N, 3, 12, 12\].*\[1, 3, 12, 13\]/,
    ({ net }) => net.predict({ data: new Float32Array(468), shape: [1, 3, 12, 13] }),
  ],
  [
    "a tensor whose shape does not fit its values",
    "bad_argument",
    /7 values/,
    ({ net }) => net.predict({ data: new Float32Array(7), shape: [1, 3, 12, 12] }),
  ],
  [
    "a picture of NaN",
    "bad_image",
    /NaN/,
    ({ net }) =>
      net.predict({ data: new Float32Array(432).fill(Number.NaN), shape: [1, 3, 12, 12] }),
  ],
  // Arguments.
  [
    "a layer that does not exist",
    "bad_argument",
    /'conv9'/,
    ({ net, x }) => net.activations(x, ["conv9"]),
  ],
  [
    "layer names that are no list",
    "bad_argument",
    /list of names/,
    ({ net, x }) => net.activations(x, "conv1"),
  ],
  [
    "a class that does not exist",
    "bad_argument",
    /no class 5.*0 to 4/,
    ({ net, x }) => net.gradient(x, { logit: 5 }),
  ],
  [
    "a class that is no whole number",
    "bad_argument",
    /whole number/,
    ({ net, x }) => net.value(x, { probability: 1.5 }),
  ],
  [
    "an objective that is none",
    "bad_argument",
    /logit, loss/,
    ({ net, x }) => net.value(x, { logit: 1, loss: 2 }),
  ],
  ["an empty objective", "bad_argument", /nothing/, ({ net, x }) => net.value(x, {})],
  ["no objective", "bad_argument", /objective/, ({ net, x }) => net.value(x)],
  [
    "a misspelt field of an objective",
    "bad_argument",
    /'chanel'/,
    ({ net, x }) => net.value(x, { layer: "conv1", chanel: 1 }),
  ],
  [
    "a unit outside its layer",
    "bad_argument",
    /row 12/,
    ({ net, x }) => net.value(x, { layer: "conv1", channel: 0, y: 12, x: 0 }),
  ],
  [
    "a content of the wrong size",
    "bad_argument",
    /content is \[1, 4\].*\[1, 8, 12, 12\]/,
    ({ net, x }) =>
      net.value(x, { layer: "conv1", content: { data: new Float32Array(4), shape: [1, 4] } }),
  ],
  [
    "a tensor with its extents in another order",
    "bad_argument",
    /dot is \[1, 12, 12, 8\]/,
    ({ net, x }) =>
      net.value(x, {
        layer: "conv1",
        dot: { data: new Float32Array(1152), shape: [1, 12, 12, 8] },
      }),
  ],
  [
    "a wrt that does not exist",
    "bad_argument",
    /'conv9'/,
    ({ net, x }) => net.gradient(x, { logit: 0 }, { wrt: ["input", "conv9"] }),
  ],
  [
    "a running statistic as wrt",
    "bad_argument",
    /running statistic/,
    ({ net, x }) => net.gradient(x, { logit: 0 }, { wrt: "norm1.mean" }),
  ],
  [
    "an attribution method that does not exist",
    "bad_argument",
    /saliency, gradient.*'lime'/,
    ({ net, x }) => net.attribute(x, { method: "lime" }),
  ],
  ["no attribution method", "bad_argument", /method/, ({ net, x }) => net.attribute(x)],
  [
    "an option that predict does not have",
    "bad_argument",
    /'topk'/,
    ({ net, x }) => net.predict(x, { topk: 5 }),
  ],
  ["top 0", "bad_argument", /top/, ({ net, x }) => net.predict(x, { top: 0 })],
  ["options that are no object", "bad_argument", /object/, ({ net, x }) => net.predict(x, 5)],
  [
    "a signal that is none",
    "bad_argument",
    /AbortSignal/,
    ({ net, x }) => net.predict(x, { signal: true }),
  ],
  [
    "an override of a channel that does not exist",
    "bad_argument",
    /no channel 8/,
    ({ net, x }) => net.predict(x, { override: { conv1: { scale: { 8: 0 } } } }),
  ],
  [
    "an override of a layer that does not exist",
    "bad_argument",
    /'conv9'/,
    ({ net, x }) => net.predict(x, { override: { conv9: { scale: { 0: 0 } } } }),
  ],
  [
    "an override of the wrong size",
    "bad_argument",
    /'mean'/,
    ({ net, x }) =>
      net.predict(x, { override: { mean: { data: new Float32Array(3), shape: [1, 3] } } }),
  ],
  ["a weight that does not exist", "bad_argument", /'conv9'/, ({ net }) => net.weights("conv9")],
  [
    "weights of the wrong shape",
    "bad_argument",
    /\[5\]/,
    ({ net }) => net.setWeights("fc.bias", { data: new Float32Array(6), shape: [6] }),
  ],
  [
    "weights that are no numbers",
    "bad_argument",
    /NaN/,
    ({ net }) =>
      net.setWeights("fc.bias", { data: new Float32Array(5).fill(Number.NaN), shape: [5] }),
  ],
  [
    "a picture of several as pixels",
    "bad_argument",
    /one picture/,
    ({ net }) => net.toPixels({ data: new Float32Array(864), shape: [2, 3, 12, 12] }),
  ],
  [
    "a data set that does not ship",
    "bad_argument",
    /"cifar"/,
    ({ scope }) => scope.dataset("cifar"),
  ],
  // Painting.
  ["nothing to paint", "bad_argument", /paint/, ({ scope }) => scope.paint()],
  [
    "a colour map that does not exist",
    "bad_argument",
    /'jet'/,
    ({ scope, x }) => scope.paint(x, { map: "jet" }),
  ],
  [
    "a scale that is reversed",
    "bad_argument",
    /lower one first/,
    ({ scope, x }) => scope.paint(x, { scale: [1, 0] }),
  ],
  [
    "a percentile of 10",
    "bad_argument",
    /percentile/,
    ({ scope, x }) => scope.paint(x, { percentile: 10 }),
  ],
  [
    "two channels as red, green and blue",
    "bad_argument",
    /rgb/,
    ({ scope }) => scope.paint({ data: new Float32Array(8), shape: [1, 2, 2, 2] }, { map: "rgb" }),
  ],
  ["a legend that does not exist", "bad_argument", /'jet'/, ({ scope }) => scope.colormap("jet")],
  // Ends.
  [
    "a call that was aborted before",
    "aborted",
    /aborted/,
    ({ net, x }) => net.predict(x, { signal: AbortSignal.abort() }),
  ],
  [
    "a network that was disposed of",
    "bad_argument",
    /disposed/,
    async ({ scope, tiny, x }) => {
      const net = await scope.load(tiny);
      net.dispose();
      return net.predict(x);
    },
  ],
];

for (const backend of BACKENDS) {
  describe(`bad input (${backend})`, () => {
    /** @type {{ code?: string, message: string, isError: boolean, same: boolean }[]} */
    let seen;
    before(async () => {
      const fixture = new URL("../fixtures/ops.safetensors", import.meta.url);
      const arg = {
        tiny: tiny(),
        x: lattice(7, 0, [1, 3, 12, 12]),
        file: new Uint8Array(await readFile(fixture)),
        huge: hugePng(),
        attempts: REFUSED.map(([, , , attempt]) => attempt.toString()),
      };
      seen = await withScope(
        { backend },
        async ({ scope, arg }) => {
          const net = await scope.load(arg.tiny);
          const { logits } = await net.predict(arg.x);
          const outcomes = [];
          for (const source of arg.attempts) {
            const attempt = new Function(`return (${source})`)();
            const has = { scope, net, ...structuredClone(arg) };
            const error = await Promise.resolve()
              .then(() => attempt(has))
              .then(
                () => null,
                (/** @type {unknown} */ reason) => reason,
              );
            const again = await net.predict(arg.x);
            const same = again.logits.data.every(
              (/** @type {number} */ value, /** @type {number} */ i) => value === logits.data[i],
            );
            const { code, message = "nothing was thrown" } = /** @type {any} */ (error ?? {});
            outcomes.push({ code, message, isError: error instanceof Error, same });
          }
          return outcomes;
        },
        arg,
      );
    });

    for (const [index, [name, code, word]] of REFUSED.entries()) {
      test(`${name} is ${code}`, () => {
        const { isError, same, message, ...rest } = seen[index];
        assert.equal(rest.code, code, message);
        assert.ok(isError, "it is an Error");
        assert.match(message, word);
        assert.ok(same, "the network answers as before");
      });
    }
  });
}

describe("opening", () => {
  const opening = (/** @type {string} */ options) =>
    inPage(
      async (/** @type {any} */ { library, arg }) =>
        library.open(new Function(`return ${arg}`)()).then(
          (/** @type {any} */ scope) => `${scope.backend}: ${scope.reason}`,
          (/** @type {any} */ error) => `${error.code}: ${error.message}`,
        ),
      options,
    );

  test("without an adapter, webgpu is refused and auto takes the CPU and says why", async () => {
    assert.match(await opening('{ backend: "webgpu" }'), /^no_webgpu: .*adapter/);
    assert.match(await opening("undefined"), /^cpu: .*adapter/);
  });

  test("an unknown backend or option is refused", async () => {
    assert.match(await opening('{ backend: "cuda" }'), /^bad_argument: .*cuda/);
    assert.match(await opening("{ gpu: true }"), /^bad_argument: .*'gpu'/);
    assert.match(await opening('{ worker: "yes" }'), /^bad_argument: .*worker/);
  });
});
