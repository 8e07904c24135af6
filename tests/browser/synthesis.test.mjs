// Pictures by gradient ascent, through the interface and on the page.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BACKENDS, openApp, withPage, withScope } from "./harness.mjs";
import { settled, text } from "./sights.mjs";

for (const backend of BACKENDS) {
  test(`a class picture is found, seen, stopped, resumed and made again (${backend})`, async () => {
    const seen = await withScope({ backend }, async ({ scope }) => {
      const net = await scope.load("fashion");
      /** @type {number[]} */
      const steps = [];
      let between = 0;
      const options = { objective: { logit: 9 }, seed: 3, steps: 24 };
      const whole = await net.synthesize({
        ...options,
        every: 8,
        onStep: async (/** @type {any} */ { step, image }) => {
          steps.push(step);
          // The run rests until this has settled, and other calls are answered.
          const { logits } = await net.predict(image);
          between += logits.data.length;
        },
      });
      const again = await net.synthesize(options);
      const half = await net.synthesize({ ...options, steps: 10 });
      const rest = await net.synthesize({ ...options, steps: 14, resume: half.state });
      const ended = await net.synthesize({
        ...options,
        onStep: (/** @type {any} */ { step }) => (step === 5 ? { stop: true } : undefined),
      });
      const same = (/** @type {any} */ a, /** @type {any} */ b) =>
        a.data.every(
          (/** @type {number} */ value, /** @type {number} */ at) => value === b.data[at],
        );
      return {
        steps,
        between,
        lengths: [whole.history.length, ended.history.length, ended.state.step],
        grew: whole.history[24] > whole.history[0],
        same: [same(whole.image, again.image), same(whole.image, rest.image)],
        shape: whole.image.shape,
      };
    });
    assert.deepEqual(seen.steps, [0, 8, 16]);
    assert.equal(seen.between, 30);
    assert.deepEqual(seen.lengths, [25, 7, 6]);
    assert.ok(seen.grew);
    assert.deepEqual(seen.same, [true, true]);
    assert.deepEqual(seen.shape, [1, 1, 28, 28]);
  });
}

test("every option is checked with its name", async () => {
  const cases = /** @type {[string, object][]} */ ([
    ["objective", {}],
    ["learningrate", { learningrate: 1 }],
    ["learningRate", { learningRate: -1 }],
    ["optimizer", { optimizer: "lbfgs" }],
    ["parametrization", { parametrization: "wavelet" }],
    ["decay", { parametrization: "pixel", decay: 1 }],
    ["levels", { levels: 3 }],
    ["blurEvery", { blurEvery: 4 }],
    ["transforms", { transforms: { jitter: 3 } }],
    ["transforms", { transforms: [{ jitter: 3, pad: 2 }] }],
    ["jitter", { transforms: [{ jitter: 99 }] }],
    ["scale", { transforms: [{ scale: [1, 2, 3] }] }],
    ["copies", { copies: 0 }],
    ["copies", { copies: 65 }],
    ["inputNoise", { inputNoise: -0.1 }],
    ["background", { background: 1.5 }],
    ["background", { background: "black" }],
    ["size", { size: "large" }],
    ["init", { init: "white" }],
    ["preset", { preset: "best" }],
    ["resume", { resume: { step: 3, values: [] } }],
    ["steps", { steps: 1e9 }],
    ["diversity", { diversity: 1 }],
    ["seed", { seed: 0.5 }],
  ]);
  const errors = await withScope(
    { backend: "cpu" },
    async ({ scope, arg }) => {
      const net = await scope.load("fashion");
      const said = [];
      for (const [name, options] of arg) {
        const base = name === "objective" ? {} : { objective: { logit: 1 }, steps: 1 };
        said.push(
          await net.synthesize({ ...base, ...options }).then(
            () => ({ code: "none", message: "" }),
            (/** @type {any} */ { code, message }) => ({ code, message }),
          ),
        );
      }
      return said;
    },
    cases,
  );
  for (const [index, [name]] of cases.entries()) {
    assert.equal(errors[index].code, "bad_argument", name);
    assert.ok(errors[index].message.includes(name), `${name}: ${errors[index].message}`);
  }
});

test("the view grows a class, scrubs back, and follows a channel from its kernel", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, "#model=fashion&view=synthesis&target=8&synthesis.steps=32");
    await settled(page);
    assert.equal(await text(page, "#sight h2"), "What does Bag want to see?");
    assert.match(await text(page, ".lanes figcaption"), /^Bag (9\d|100)/);
    assert.match(await text(page, ".grown"), /^Step 32: logit/);
    await page.locator(".way input[type=range]").fill("8");
    assert.match(await text(page, ".grown"), /^Step 8: logit/);
    // Another preset for comparison takes its own way.
    const before = await text(page, ".grown");
    await page.keyboard.press("1");
    await settled(page);
    await page.getByRole("button", { name: "What does it want to see?" }).click();
    await settled(page);
    assert.equal(await text(page, "#sight h2"), "What does channel 0 of conv1 want to see?");
    assert.notEqual(await text(page, ".grown"), before);
    assert.match(new URL(page.url()).hash, /synthesis\.of=channel/);
  }));

test("all channels, all layers and the way between two units are made", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(
      page,
      "#model=fashion&view=synthesis&layer=conv2&synthesis.of=channel&synthesis.sight=grid",
    );
    await settled(page);
    assert.match(await text(page, ".grown"), /^Channels 0 to 31 of 32/);
    await page.locator(".many .tiles canvas").click({ position: { x: 20, y: 20 } });
    await settled(page);
    assert.equal(await text(page, "#sight h2"), "What does channel 0 of conv2 want to see?");
    await page.goto(
      page.url().replace(/#.*/, "#model=fashion&view=synthesis&synthesis.sight=layers"),
    );
    await settled(page);
    const captions = await page.locator(".grown-row figcaption").allTextContents();
    assert.equal(captions[0], "The picture");
    assert.match(captions[1], /^conv1: .*% off$/);
    await page.goto(
      page.url().replace(/#.*/, "#model=fashion&view=synthesis&synthesis.sight=between"),
    );
    await settled(page);
    assert.equal(await page.locator(".grown-row figure").count(), 5);
  }));
