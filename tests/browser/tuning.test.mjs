// Which ways to compute layers are chosen: measured when a network is loaded, kept in the browser's storage, and given.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inPage } from "./blank.mjs";

describe("choices of ways to compute layers", () => {
  test("are measured as a network is loaded, kept for the next page, and can be given", async () => {
    const found = await inPage(
      async (/** @type {any} */ { library }) => {
        localStorage.clear();
        const measuring = await library.open({ backend: "webgpu", tune: true });
        // A busy machine may need more than one turn of 300 ms for its first layer.
        for (let turn = 0; turn < 20; turn += 1) {
          (await measuring.load("fashion")).dispose();
          if (Object.keys(await measuring.choices()).length > 0) break;
        }
        const measured = await measuring.choices();
        const stored = { ...localStorage };
        measuring.close();

        const later = await library.open({ backend: "webgpu" });
        const kept = await later.choices();
        await later.load("fashion");
        const unchanged = await later.choices();
        later.close();

        const choices = Object.fromEntries(Object.keys(measured).map((layer) => [layer, "taps"]));
        const given = await library.open({ backend: "webgpu", tune: false, choices });
        const net = await given.load("fashion");
        const picture = { data: new Float32Array(784).fill(0.3), shape: [1, 1, 28, 28] };
        const byChoice = await net.predict(picture);
        const taken = await given.choices();
        given.close();
        const plain = await library.open({ backend: "cpu" });
        const expected = await (await plain.load("fashion")).predict(picture);
        const none = await plain.choices();
        plain.close();
        return {
          measured,
          stored,
          kept,
          unchanged,
          choices,
          taken,
          none,
          storedAfter: { ...localStorage },
          logits: [[...byChoice.logits.data], [...expected.logits.data]],
        };
      },
      undefined,
      { backend: "webgpu" },
    );
    const [[entry, text]] = Object.entries(found.stored);
    assert.match(entry, /^convscope choices 1 /);
    assert.deepEqual(JSON.parse(text), found.measured);
    for (const [layer, way] of Object.entries(found.measured)) {
      assert.match(layer, /^conv2d(_input_grad)? \d+x\d+x\d+ by \d+x\d+x\d+x\d+ to \d+x\d+x\d+/);
      assert.match(way, /^(winograd|product|rows)(_small)?$|^(taps|strips|positions)$/);
    }
    assert.deepEqual(found.kept, found.measured);
    assert.deepEqual(found.unchanged, found.measured, "a software adapter measures when asked");
    assert.deepEqual(found.taken, found.choices);
    assert.deepEqual(found.storedAfter, found.stored);
    assert.deepEqual(found.none, {});
    const [byChoice, expected] = found.logits;
    const most = Math.max(...expected.map(Math.abs));
    for (const [index, value] of byChoice.entries())
      assert.ok(Math.abs(value - expected[index]) < 1e-3 * most, `logit ${index}`);
  });

  test("what is none is refused", async () => {
    const codes = await inPage(async (/** @type {any} */ { library }) => {
      const code = (/** @type {any} */ options) =>
        library.open(options).then(
          () => "opened",
          (/** @type {any} */ error) => `${error.code}: ${error.message}`,
        );
      return [
        await code({ tune: "always" }),
        await code({ backend: "cpu", choices: "rows" }),
        await code({ backend: "cpu", choices: { conv2d: 3 } }),
      ];
    });
    assert.match(codes[0], /^bad_argument: tune must be true or false, not always/);
    for (const code of codes.slice(1))
      assert.match(code, /^bad_argument: choices must be an object/);
  });
});
