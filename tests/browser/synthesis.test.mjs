// Pictures by gradient ascent, through the interface and on the page.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BACKENDS, openApp, withPage, withScope } from "./harness.mjs";
import { losable, openOn, reaches, saved, settled, text } from "./sights.mjs";

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
    ["diversityLayer", { diversityLayer: "conv2" }],
    ["conv9", { diversity: 1, diversityLayer: "conv9", count: 2 }],
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

/**
 * Opens another address on the same page.
 * @param {import("playwright-core").Page} page
 * @param {string} rest of the hash
 */
async function goOn(page, rest) {
  await page.goto(page.url().replace(/#.*/, `#model=fashion&view=synthesis&${rest}`));
  await settled(page);
}

/** @param {import("playwright-core").Page} page */
const pictures = (page) =>
  page
    .locator(".grown-row canvas")
    .evaluateAll((all) => all.map((each) => /** @type {HTMLCanvasElement} */ (each).toDataURL()));

test("all channels, all layers and the way between two units are made", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(
      page,
      "#model=fashion&view=synthesis&layer=conv3&synthesis.of=channel&synthesis.sight=grid",
    );
    await settled(page);
    assert.match(await text(page, ".grown"), /^Channels 0 to 63 of 64/);
    await page.locator(".many .tiles canvas").click({ position: { x: 20, y: 20 } });
    await settled(page);
    assert.equal(await text(page, "#sight h2"), "What does channel 0 of conv3 want to see?");
    await goOn(page, "target=9&synthesis.sight=between&synthesis.steps=32&synthesis.other=1");
    assert.equal(await text(page, "#sight h2"), "From Ankle boot to Trouser");
    assert.equal(new Set(await pictures(page)).size, 5);
    await goOn(page, "target=9&synthesis.sight=diverse&synthesis.steps=32");
    assert.equal(new Set(await pictures(page)).size, 8);
  }));

test("what each layer still knows of a picture stands in a row, scrubs back and is saved", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, "#model=fashion&view=synthesis&synthesis.sight=layers", 120_000);
    const captions = await page.locator(".grown-row figcaption").allTextContents();
    assert.equal(captions[0], "The picture");
    assert.deepEqual(
      captions.slice(1).map((caption) => caption.split(":")[0]),
      "conv1 norm1 act1 pool1 conv2 norm2 act2 pool2 conv3 norm3 act3 mean logits".split(" "),
    );
    assert.match(captions[1], /^conv1: 0\.\d+ %$/, "what the first layer keeps comes back");
    // The way there, and what is saved of it.
    const last = await pictures(page);
    await page.locator(".way input[type=range]").fill("96");
    await page.waitForTimeout(200);
    const early = await pictures(page);
    assert.deepEqual(early.slice(0, 2), last.slice(0, 2), "the first is as it was at its end");
    assert.match((await saved(page, "PNG")).name, /layers\.png$/);
    // The film of many pictures is saved too.
    assert.ok((await saved(page, "Animation")).bytes.includes("acTL"));
  }));

test("units, directions and mixtures are raised, each at its place and weight", () =>
  withPage({ backend: "cpu" }, async (page) => {
    const start = "synthesis.steps=32&synthesis.compare=false";
    await openApp(
      page,
      `#model=fashion&view=synthesis&layer=act2&channel=5&synthesis.of=unit&${start}`,
    );
    await settled(page);
    assert.equal(
      await text(page, "#sight h2"),
      "What does unit (7, 7) in channel 5 of act2 want to see?",
    );
    const middle = await text(page, ".grown");
    const place = page.locator(".chosen-place canvas");
    const box = await place.boundingBox();
    assert.ok(box && box.width > 100, "the place can be clicked");
    await place.click({ position: { x: box.width * 0.1, y: box.height * 0.9 } });
    await settled(page);
    assert.equal(
      await text(page, "#sight h2"),
      "What does unit (12, 1) in channel 5 of act2 want to see?",
    );
    assert.notEqual(await text(page, ".grown"), middle);
    await goOn(page, `layer=act2&synthesis.of=spot&${start}`);
    assert.match(await text(page, "#sight h2"), /^What does act2 see at \(\d+, \d+\) of /);
    assert.match(await text(page, ".grown"), /^Step 32: mean projection/);
    await goOn(page, `target=9&synthesis.of=mix&synthesis.mix=1*class:9&${start}`);
    const alone = await text(page, ".grown");
    await goOn(page, `target=9&${start}`);
    assert.equal(
      (await text(page, ".grown")).replace("logit", "weighted sum"),
      alone,
      "a mixture of one is that one",
    );
    await goOn(page, `target=8&layer=conv2&channel=3&synthesis.of=mix&${start}`);
    await page.getByRole("button", { name: "Add channel 3 of conv2" }).click();
    await settled(page);
    const slider = page.getByRole("slider", { name: "channel 3 of conv2" });
    await slider.fill("-2");
    await settled(page);
    assert.match(
      await text(page, "#sight h2"),
      /^What does Bag \+ .+ − 2 · channel 3 of conv2 want/,
    );
    await page.getByRole("button", { name: "×" }).first().click();
    await settled(page);
    assert.doesNotMatch(await text(page, "#sight h2"), /Bag/);
  }));

test("space rests a run and lets it go on, Stop ends it, and its film scrubs back", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, "#model=fashion&view=synthesis&target=8&synthesis.steps=16");
    // A long run, which is caught on its way.
    await page.evaluate(() => {
      location.hash = location.hash.replace("steps=16", "steps=4096");
    });
    await reaches(page, 20);
    await page.locator("body").press(" ");
    await page.getByRole("button", { name: "Go on" }).waitFor();
    await page.waitForTimeout(300);
    const rests = await text(page, ".grown");
    await page.waitForTimeout(500);
    assert.equal(await text(page, ".grown"), rests, "it rests");
    await page.locator("body").press(" ");
    await page.waitForFunction(
      (/** @type {string} */ before) => document.querySelector(".grown")?.textContent !== before,
      rests,
    );
    await page.getByRole("button", { name: "Stop", exact: true }).click();
    await settled(page);
    const ended = await text(page, ".grown");
    const at = Number(/^Step (\d+)/.exec(ended)?.[1]);
    assert.ok(at > 0 && at < 4096, `it was stopped at ${at}`);
    assert.equal(await page.getByRole("button", { name: "Start", exact: true }).count(), 1);
    const pixels = () =>
      page
        .locator(".lanes canvas")
        .first()
        .evaluate((canvas) => /** @type {HTMLCanvasElement} */ (canvas).toDataURL());
    const last = await pixels();
    const scrub = page.locator(".way input[type=range]");
    assert.equal(Number(await scrub.getAttribute("max")), at);
    await scrub.fill("0");
    await page.waitForTimeout(100);
    assert.match(await text(page, ".grown"), /^Step 0: logit/);
    assert.notEqual(await pixels(), last, "the first picture is another");
  }));

test("a run is saved as an animated PNG, and its JSON replays it to the same number", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(
      page,
      "#model=fashion&view=synthesis&target=3&synthesis.steps=32&synthesis.seed=5&synthesis.of=caricature&layer=conv2",
    );
    await settled(page);
    assert.match(await text(page, "#sight h2"), /to conv2, exaggerated\?$/);
    const before = await text(page, ".grown");
    assert.match(before, /^Step 32: length × cos²/);
    const animation = await saved(page, "Animation");
    assert.match(animation.name, /growing\.png$/);
    const frames = await page.evaluate(
      async (/** @type {number[]} */ bytes) => {
        // The browser's own decoder judges the file.
        const decoder = new ImageDecoder({ data: new Uint8Array(bytes), type: "image/png" });
        await decoder.tracks.ready;
        const { frameCount = 0 } = decoder.tracks.selectedTrack ?? {};
        const { image } = await decoder.decode({ frameIndex: frameCount - 1 });
        return { frameCount, side: [image.displayWidth, image.displayHeight] };
      },
      [...animation.bytes],
    );
    assert.deepEqual(frames, { frameCount: 17, side: [224, 224] });
    const json = await saved(page, "JSON");
    await page.goto(
      page.url().replace(/#.*/, "#model=fashion&view=synthesis&target=1&synthesis.steps=16"),
    );
    await settled(page);
    assert.notEqual(await text(page, ".grown"), before);
    await page.locator("input[type=file][accept='application/json']").setInputFiles({
      name: json.name,
      mimeType: "application/json",
      buffer: json.bytes,
    });
    await page.waitForFunction(() =>
      /^Step 32/.test(document.querySelector(".grown")?.textContent ?? ""),
    );
    await settled(page);
    const number = (/** @type {string} */ line) =>
      /[\d.]+(?= ·|$)/.exec(line.replace(/^Step 32: \S+( × cos²)?/, ""))?.[0];
    assert.equal(number(await text(page, ".grown")), number(before));
    assert.match(await text(page, "#sight h2"), /to conv2, exaggerated\?$/, "as it was asked");
    await page.locator("input[type=file][accept='application/json']").setInputFiles({
      name: "other.json",
      mimeType: "application/json",
      buffer: Buffer.from("[1"),
    });
    await page.waitForSelector("#notice:not([hidden])");
    assert.match(await text(page, "#notice .said"), /other\.json holds no run/i);
  }));

test("mixtures and directions are replayed from their JSON to the same pixels", () =>
  withPage({ backend: "cpu" }, async (page) => {
    const light = "synthesis.steps=32&synthesis.compare=false&synthesis.seed=4";
    await openApp(page, `#model=fashion&view=synthesis&target=1&${light}`);
    await settled(page);
    for (const [asked, told] of /** @type {[string, RegExp][]} */ ([
      [
        "synthesis.of=mix&synthesis.mix=1*class:9;-0.5*in.conv2:5",
        /^What does Ankle boot − 0\.5 · channel 5 of conv2 want/,
      ],
      [
        "layer=act2&synthesis.of=spot&synthesis.y=4&synthesis.x=9",
        /^What does act2 see at \(4, 9\) of /,
      ],
    ])) {
      await goOn(page, `${asked}&${light}`);
      const made = [await text(page, ".grown"), await lastPicture(page)];
      const json = await saved(page, "JSON");
      const png = await saved(page, "PNG");
      await goOn(page, `target=1&synthesis.of=class&${light}`);
      assert.notEqual(await lastPicture(page), made[1]);
      await page.locator("input[type=file][accept='application/json']").setInputFiles({
        name: json.name,
        mimeType: "application/json",
        buffer: json.bytes,
      });
      await page.waitForFunction(
        (/** @type {string} */ line) => document.querySelector(".grown")?.textContent === line,
        made[0],
      );
      await settled(page);
      assert.match(await text(page, "#sight h2"), told);
      assert.equal(await lastPicture(page), made[1], "the same pixels");
      assert.deepEqual((await saved(page, "PNG")).bytes, png.bytes, "the same file");
    }
  }));

/** @param {import("playwright-core").Page} page the first lane's pixels */
const lastPicture = (page) =>
  page
    .locator(".lanes canvas")
    .first()
    .evaluate((canvas) => /** @type {HTMLCanvasElement} */ (canvas).toDataURL());

test("each switch's effect stands beside the others", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(
      page,
      "#model=fashion&view=synthesis&target=9&synthesis.steps=16&synthesis.sight=switches",
    );
    await settled(page);
    const captions = await page.locator(".grown-row figcaption").allTextContents();
    assert.ok(
      captions.every((caption) => /\([−\d.]+\)$/.test(caption)),
      captions.join(),
    );
    assert.match(captions[0], /^as set/);
    assert.ok(captions.length >= 12);
    const pictures = await page
      .locator(".grown-row canvas")
      .evaluateAll((all) => all.map((each) => /** @type {HTMLCanvasElement} */ (each).toDataURL()));
    assert.equal(new Set(pictures).size, captions.length, "each changes the picture");
  }));

test("a run that loses its device goes on from its last state", () =>
  withPage({ backend: "webgpu" }, async (page) => {
    const lose = await losable(page);
    await openOn(
      page,
      "webgpu",
      "#model=fashion&view=synthesis&target=8&synthesis.steps=16&synthesis.compare=false",
    );
    await page.evaluate(() => {
      location.hash = location.hash.replace("steps=16", "steps=96");
    });
    await reaches(page, 40);
    await lose();
    await page.waitForSelector("#notice:not([hidden])");
    await settled(page);
    const line = await text(page, ".grown");
    const from = Number(/went on from step (\d+)/.exec(line)?.[1]);
    assert.match(line, /^Step 96: logit/);
    assert.ok(from >= 16 && from < 96, line);
    // As a run that loses nothing.
    await page.reload();
    await settled(page);
    const whole = await text(page, ".grown");
    assert.ok(!whole.includes("went on"));
    assert.equal(line.replace(/ · went on.*/, ""), whole);
  }));

test("a channel clicked in any view grows its picture beside it, and large from there", () =>
  withPage({ backend: "cpu" }, async (page) => {
    for (const [view, rest] of [
      ["kernels", "layer=conv1"],
      ["maps", "layer=act2"],
      ["backward", "layer=act2"],
      ["training", ""],
    ]) {
      await page.goto("about:blank");
      const light = "synthesis.steps=16&synthesis.compare=false";
      await openApp(page, `#model=fashion&view=${view}&${rest}&${light}`);
      await settled(page);
      assert.equal(await page.locator(".wish.empty").count(), 1, `${view}: nothing before a click`);
      const tiles = page.locator(".tiles").first();
      const box = await tiles.boundingBox();
      assert.ok(box, view);
      await tiles.click({ position: { x: Math.min(150, 0.6 * box.width), y: 20 } });
      await page.waitForSelector(".wish:not(.empty)");
      await settled(page);
      const unit = /^Channel (\d+) of (\w+)/.exec(await text(page, ".wish strong"));
      assert.ok(unit && Number(unit[1]) > 0, view);
      await page.locator(".wish").click();
      await settled(page);
      assert.equal(
        await text(page, "#sight h2"),
        `What does channel ${unit[1]} of ${unit[2]} want to see?`,
        view,
      );
    }
  }));

test("the way to Synthesis stands beside maps and gradients", () =>
  withPage({ backend: "cpu" }, async (page) => {
    for (const view of ["maps", "backward"]) {
      await openApp(page, `#model=fashion&view=${view}&layer=act2&channel=7`);
      await page.getByRole("button", { name: "What it wants to see", exact: true }).click();
      await settled(page);
      assert.equal(await text(page, "#sight h2"), "What does channel 7 of act2 want to see?", view);
    }
  }));
