// Robustness: perturbations and their curves, single pixels, and the view's ways to look at them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readOptions, sayingOf, writeOptions } from "../../www/views/robustness-attacks.js";
import { spread } from "../../www/views/robustness-dots.js";
import { BACKENDS, openApp, withPage, withScope } from "./harness.mjs";
import { openApi, openOn, parse, pointAt, saved, settled, show, text } from "./sights.mjs";

/** @typedef {import("playwright-core").Page} Page */

const PICTURE = "fashion-ankle-boot-1";
const VIEW = `#model=fashion&image=${PICTURE}&view=robustness`;

/**
 * What a canvas shows, to be compared.
 * @param {Page} page
 * @param {string} selector
 */
function pixels(page, selector) {
  return page
    .locator(selector)
    .first()
    .evaluate((canvas) => /** @type {HTMLCanvasElement} */ (canvas).toDataURL());
}

for (const backend of BACKENDS) {
  test(`a picture is perturbed in pixels, a tensor in its own units, and a curve grows point by point (${backend})`, async () => {
    const seen = await withScope({ backend }, async ({ scope }) => {
      const net = await scope.load("fashion");
      const { url } = scope.pictures.find((/** @type {any} */ each) => each.kind === "fashion");
      const blob = await (await fetch(url)).blob();
      const tensor = await net.preprocess(blob);
      const std = net.input.preprocess.std[0];
      const lighter = await net.perturb(blob, { method: "brightness", strength: 0.1 });
      const own = await net.perturb(tensor, { method: "brightness", strength: 0.1 });
      const bounded = await net.perturb(tensor, { method: "brightness", strength: 9, max: 2.1 });
      const same = await net.perturb(tensor, {
        method: "brightness",
        strength: 0.1,
        units: "pixels",
      });
      const steps = /** @type {number[]} */ ([]);
      const options = { method: "gaussian", strengths: [0, 0.2, 0.6], repeats: 3, seed: 4 };
      const curve = await net.perturbationCurve(blob, {
        ...options,
        onStep: (/** @type {any} */ { strength }) => {
          steps.push(strength);
        },
      });
      const again = await net.perturbationCurve(blob, options);
      const part = await net.perturbationCurve(blob, {
        ...options,
        onStep: () => ({ stop: true }),
      });
      const { probabilities, top } = await net.predict(blob);
      const map = await net.pixelMap(blob, { stride: 7 });
      const at = 300;
      return {
        added: [lighter, own, same].map(({ data }) => data[at] - tensor.data[at]),
        std,
        most: Math.max(...bounded.data),
        steps,
        curve,
        same: JSON.stringify(curve) === JSON.stringify(again),
        part: part.length,
        clean: probabilities.data[top[0].index],
        map: { shape: map.fall.shape, colors: map.colors, done: map.done, flips: map.flips.length },
      };
    });
    const [picture, own, same] = seen.added;
    assert.ok(Math.abs(picture - 0.1 / seen.std) < 1e-5 && Math.abs(own - 0.1) < 1e-6);
    assert.ok(Math.abs(same - picture) < 1e-6);
    assert.ok(Math.abs(seen.most - 2.1) < 1e-6);
    assert.deepEqual(
      seen.steps.map((strength) => Math.round(10 * strength)),
      [0, 2, 6],
    );
    assert.ok(seen.same, "one seed, one curve");
    assert.equal(seen.part, 1);
    assert.ok(Math.abs(seen.curve[0].confidence.mean - seen.clean) < 1e-4);
    assert.ok(seen.curve[2].confidence.mean < seen.clean);
    assert.deepEqual(seen.map, { shape: [1, 1, 4, 4], colors: [[0], [1]], done: 32, flips: 16 });
  });
}

test("every option is read, and what cannot be is said", async () => {
  const said = await withScope({ backend: "cpu" }, async ({ scope }) => {
    const net = await scope.load("fashion");
    const image = {
      data: new Float32Array(784).map((_, i) => (i % 28) / 28),
      shape: [1, 1, 28, 28],
    };
    const base = { method: "occlusion", strength: 0.2, units: "pixels" };
    const plain = await net.perturb(image, base);
    const differs = async (/** @type {object} */ more) => {
      const { data } = await net.perturb(image, { ...base, ...more });
      return data.some(
        (/** @type {number} */ value, /** @type {number} */ i) => value !== plain.data[i],
      );
    };
    const varied = {
      strength: await differs({ strength: 0.4 }),
      fill: await differs({ fill: 0.9 }),
      place: await differs({ place: [0.1, 0.9] }),
      seed: await differs({ seed: 8 }),
      units: await differs({ units: "own" }),
      method: await differs({ method: "uniform" }),
    };
    const refuse = (/** @type {Promise<unknown>} */ call) =>
      call.then(
        () => "no error",
        (/** @type {any} */ { code, message }) => `${code}: ${message}`,
      );
    const perturb = (/** @type {any} */ options) => refuse(net.perturb(image, options));
    const curve = (/** @type {any} */ options) =>
      refuse(net.perturbationCurve(image, { method: "uniform", strengths: [0.1], ...options }));
    const map = (/** @type {any} */ options) => refuse(net.pixelMap(image, options));
    return {
      varied,
      refused: [
        await perturb({ ...base, method: "sorcery" }),
        await perturb({ method: "gaussian" }),
        await perturb({ ...base, strength: 2 }),
        await perturb({ ...base, angle: 4 }),
        await perturb({ ...base, place: [0, 3] }),
        await perturb({ ...base, units: "bytes" }),
        await perturb({ ...base, min: 2 }),
        await perturb({ ...base, colour: 1 }),
        await curve({ strengths: [] }),
        await curve({ strengths: "all" }),
        await curve({ repeats: 0 }),
        await curve({ labels: [11] }),
        await curve({ labels: [1, 2] }),
        await curve({ labels: "coat" }),
        await map({ target: 10 }),
        await map({ stride: 0 }),
        await map({ colors: [[0, 1]] }),
        await map({ region: { top: 0, left: 0, height: 40, width: 2 } }),
        await map({ colours: [] }),
      ],
    };
  });
  for (const [name, differs] of Object.entries(said.varied)) assert.ok(differs, name);
  for (const [index, message] of said.refused.entries())
    assert.match(message, /^bad_argument: .{15,}/, String(index));
});

test("places that are not asked yet show what the coarser place says", () => {
  const fall = Float32Array.from({ length: 25 }, () => Number.NaN);
  fall[0] = 0.4;
  fall[4] = 0.1;
  fall[12] = 0.3;
  const { data } = spread({ data: fall, shape: [1, 1, 5, 5] });
  assert.deepEqual(
    [data[1], data[6], data[13], data[18], data[4], data[24]].map((v) => +v.toFixed(3)),
    [0.4, 0.4, 0.3, 0.3, 0.1, 0],
  );
});

for (const backend of BACKENDS) {
  test(`the view draws the curve of a perturbation, and the slider moves along it (${backend})`, () =>
    withPage({ backend }, async (page) => {
      await openOn(page, backend, `${VIEW}&robustness.kind=contrast`);
      assert.equal(await text(page, ".question"), "How much contrast does Ankle boot bear?");
      assert.match(await text(page, ".verdict"), /Ankle boot/);
      assert.equal(await page.locator(".chart .band").count(), 2, "the picture's and the set's");
      const before = await pixels(page, ".sights figure:nth-child(2) canvas");
      await page.getByRole("slider", { name: "Strength" }).fill("20");
      await settled(page);
      assert.notEqual(await pixels(page, ".sights figure:nth-child(2) canvas"), before);
      assert.match(await text(page, ".slider output"), /^× 0\.00$/);
      await pointAt(page, ".sights figure:nth-child(2) canvas", 28, { x: 3, y: 3 });
      const [, now] = (await text(page, ".readout")).match(/→ (\S+)$/) ?? [];
      assert.ok(Math.abs(parse(now) - 0.5) < 0.01, now);
    }));
}

test("who guesses first sees the curve after the guess, and both marks", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, `${VIEW}&robustness.kind=gaussian&robustness.guess=1`);
    assert.equal(await page.locator(".chart .line.main").getAttribute("points"), "");
    await page.getByRole("slider", { name: "Strength" }).fill("5");
    await page.getByRole("button", { name: "That is my guess" }).click();
    await settled(page);
    assert.match(await text(page, ".verdict"), /you said σ 0\.15/);
    assert.equal(await page.locator(".chart .mark").count(), 1);
  }));

test("the map of single pixels says what a pixel does, and a click paints it", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, `${VIEW}&robustness.mode=pixels&image=fashion-shirt-1`);
    assert.match(
      await text(page, ".verdict"),
      /^\d+ of 784 pixels can change the answer, each alone\.$/,
    );
    const [, worst] = (await text(page, ".worst-pixels .muted")).match(/^([\d.]+) %$/) ?? [];
    await page.locator(".worst-pixels button").first().click();
    await settled(page);
    assert.match(
      await page.evaluate(() => location.hash),
      /robustness\.dots=\d+%2C\d+%2C(black|white)/,
    );
    const bars = await page.locator(".answers .was, .answers .is").count();
    assert.ok(bars >= 8, "before and after");
    assert.ok(Number(worst) > 0);
    await page.getByRole("button", { name: "Take the dots off" }).click();
    await settled(page);
    assert.doesNotMatch(await page.evaluate(() => location.hash), /dots/);
  }));

test("an attack rests and goes on, is saved as pictures, and its JSON makes it again", () =>
  withPage({ backend: "cpu" }, async (page) => {
    // So small a budget fools nobody, so that every restart is made.
    const long = `${VIEW}&robustness.mode=attack&robustness.epsilon=0.5&robustness.options=steps:200,restarts:20`;
    await openApp(page, "#model=fashion&view=kernels");
    await page.evaluate((hash) => {
      location.hash = hash;
    }, long);
    await page.getByRole("button", { name: "Pause", exact: true }).click();
    const steps = page.locator(".map-key .run .number");
    await page.waitForTimeout(400);
    const at = await steps.textContent();
    assert.match(at ?? "", /^\d+ of \d+$/);
    await page.waitForTimeout(400);
    assert.equal(await steps.textContent(), at, "nothing moves while it rests");
    await page.getByRole("button", { name: "Go on", exact: true }).click();
    await page.waitForFunction(
      (before) => document.querySelector(".map-key .run .number")?.textContent !== before,
      at,
    );
    await page.locator(".map-key .run button").click();
    assert.equal(await page.getByRole("button", { name: "Pause", exact: true }).count(), 0);

    await show(page, `${VIEW}&robustness.mode=attack&robustness.options=steps:40`);
    const attacked = await pixels(page, ".sights figure:nth-child(3) canvas");
    const png = await saved(page, "PNG");
    assert.equal(png.name, "convscope-fashion-pgd-fashion-ankle-boot-1.png");
    assert.ok((await saved(page, "Animation")).bytes.includes("acTL"));
    const json = await saved(page, "JSON");
    const told = JSON.parse(json.bytes.toString());
    assert.equal(told.convscope, "attack");
    assert.equal(told.options.epsilon, 8 / 255);
    await show(
      page,
      `${VIEW}&robustness.mode=attack&robustness.options=steps:40&robustness.epsilon=4`,
    );
    assert.notEqual(await pixels(page, ".sights figure:nth-child(3) canvas"), attacked);
    await page
      .locator('input[type="file"][accept="application/json"]')
      .setInputFiles({ name: json.name, mimeType: "application/json", buffer: json.bytes });
    await page.waitForFunction(() => !location.hash.includes("robustness.epsilon"));
    await settled(page);
    assert.equal(await pixels(page, ".sights figure:nth-child(3) canvas"), attacked);
    assert.deepEqual((await saved(page, "PNG")).bytes, png.bytes);
  }));

test("an attack shows what was added, keeps its budget, and is walked step by step", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, `${VIEW}&robustness.mode=attack&robustness.options=steps:40`);
    assert.match(
      await text(page, ".verdict"),
      /^It is (now called (?!Ankle boot)|still called Ankle boot)/,
    );
    assert.match(await text(page, ".budget .proof.holds"), /^L∞ ≤ ε = 8\/255$/);
    const [, linf] = (await text(page, ".budget")).match(/L∞ ([\d.]+)\/255/) ?? [];
    assert.ok(Number(linf) <= 8 && Number(linf) > 7.9, linf);
    const last = await pixels(page, ".sights figure:nth-child(3) canvas");
    await page.locator(".attack-way .chart").focus();
    for (let step = 0; step < 12; step += 1) await page.keyboard.press("ArrowLeft");
    await settled(page);
    assert.notEqual(await pixels(page, ".sights figure:nth-child(3) canvas"), last, "step 0");
    const faint = await pixels(page, ".sights figure:nth-child(2) canvas");
    await show(
      page,
      `${VIEW}&robustness.mode=attack&robustness.options=steps:40&robustness.gain=100`,
    );
    assert.notEqual(await pixels(page, ".sights figure:nth-child(2) canvas"), faint);
    await show(page, `${VIEW}&robustness.mode=attack&robustness.attack=fgsm&robustness.goal=8`);
    assert.equal(await text(page, ".question"), "What small change makes Ankle boot a Bag?");
    await show(page, `${VIEW}&robustness.mode=attack&robustness.attack=fgsm`);
    const around = await page.locator(".attack-way .pixels canvas").count();
    assert.equal(around, 1, "the loss around it");
    await page.getByRole("button", { name: "Smallest ε that fools" }).click();
    await settled(page);
    const told = /The smallest ε that fools is ([\d.]+)\/255; the slider stood at 8\/255\.$/;
    const [, least] = (await text(page, ".outcome .verdict")).match(told) ?? [];
    const stands = Number.parseFloat(await text(page, ".slider.marked output"));
    assert.ok(stands >= Number(least) - 0.01 && stands <= Number(least) + 0.51, `${stands}`);
    assert.match(await text(page, ".outcome .verdict"), /^It is now called (?!Ankle boot)/);
  }));

test("a patch that was learned is laid where one clicks, and pixels evolve as a crowd that is drawn", () =>
  withPage({ backend: "cpu" }, async (page) => {
    const patch = "&robustness.attack=patch&robustness.options=steps:10,size:6,anywhere:1";
    await openApp(page, `${VIEW}&robustness.mode=attack${patch}`);
    assert.match(await text(page, ".budget"), /L0 (3[0-6]|2\d) of 784 pixels/);
    const before = await pixels(page, ".sights figure:nth-child(3) canvas");
    const { x, y } = await pointAt(page, ".sights figure:nth-child(3) canvas", 28, { x: 4, y: 4 });
    await page.mouse.click(x, y);
    await settled(page);
    assert.notEqual(await pixels(page, ".sights figure:nth-child(3) canvas"), before);
    const plain = await pixels(page, ".sights figure:nth-child(1) canvas");
    const crowd = "pixels:1,search:evolution,population:40,generations:5";
    await show(
      page,
      `${VIEW}&robustness.mode=attack&robustness.attack=single_pixel&robustness.options=${crowd}`,
    );
    assert.notEqual(await pixels(page, ".sights figure:nth-child(1) canvas"), plain, "the crowd");
    assert.match(await text(page, ".budget"), /L0 [01] of 784 pixels/);
  }));

test("every attack that the engine has is offered, and says what it can and cannot", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, `${VIEW}&robustness.mode=attack&robustness.attack=noise`);
    const offered = await page
      .getByLabel("Attack", { exact: true })
      .locator("option")
      .evaluateAll((all) => all.map((each) => /** @type {HTMLOptionElement} */ (each).value));
    const api = await openApi(page, { model: "fashion", picture: PICTURE });
    const known = await api.ask(async ({ scope }) =>
      scope.attacks.map((/** @type {any} */ { id }) => id),
    );
    await api.close();
    assert.deepEqual([...offered].sort(), [...known].sort());
    for (const id of offered) assert.ok(sayingOf(id).what, `${id} has its sentence`);
    await page.locator("summary", { hasText: "What it can" }).click();
    assert.ok((await page.locator(".abilities .lacks").count()) > 0, "a reason for what it cannot");
  }));

test("an attack's options travel as text, and what a link gets wrong is left out", () => {
  const pgd = { id: "pgd", options: ["epsilon", "norm", "steps", "restarts", "randomStart"] };
  const options = readOptions(pgd, "steps:20,norm:l2,restarts:99,momentum:1,randomStart:1,,:");
  assert.deepEqual(options, { steps: 20, norm: "l2", randomStart: true });
  assert.equal(writeOptions(options), "steps:20,norm:l2,randomStart:1");
});

test("a defence stands between, is judged, and an attack may know it", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, `${VIEW}&robustness.mode=defend&robustness.defence=median`);
    assert.equal(await text(page, ".question"), "Does Median bring Ankle boot back?");
    assert.equal(await page.locator(".four .answer").count(), 4);
    assert.match(await text(page, ".four .answer.right"), /^Ankle boot/);
    const blind = await pixels(page, ".four figure:nth-child(3) canvas");
    assert.ok((await text(page, ".verdict")).length > 20);
    await page.getByLabel("Knows it").check({ force: true });
    await settled(page);
    assert.notEqual(await pixels(page, ".four figure:nth-child(3) canvas"), blind);
    await show(page, `${VIEW}&robustness.mode=defend&robustness.defence=squeezing`);
    assert.match(await text(page, ".budget"), /As it is: score [\d.]+, not above 0\.50/);
    await show(
      page,
      `${VIEW}&robustness.mode=defend&robustness.defence=smoothing&robustness.amount=0.1`,
    );
    assert.match(
      await text(page, ".budget"),
      /As it is: (Ankle boot is certain within L2 [\d.]+|no majority)/,
    );
    assert.ok(await page.locator("#notice").isHidden());
  }));

test("the ladder shows what it has when it is stopped, and the game keeps its moves in the link", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, VIEW);
    await page.evaluate((hash) => {
      location.hash = hash;
    }, `${VIEW}&robustness.mode=ladder`);
    await page.waitForFunction(() =>
      /%/.test(document.querySelector(".ladder-table tbody td:nth-child(6)")?.textContent ?? ""),
    );
    await page.locator(".ladder .run button").click();
    await settled(page);
    const [clean, noise, square, fgsm, pgd] = (
      await page.locator(".ladder-table tbody tr:first-child td").allTextContents()
    ).map((share) => Number.parseFloat(share));
    const rates = `${clean} ${noise} ${square} ${fgsm} ${pgd}`;
    assert.ok(clean > 80 && noise > fgsm && fgsm >= pgd && square >= pgd, rates);
    // The budget is shared: what was played for another one is not shown for this one.
    await show(page, `${VIEW}&robustness.mode=defend&robustness.epsilon=2`);
    await page.evaluate((hash) => {
      location.hash = hash;
    }, `${VIEW}&robustness.mode=ladder&robustness.epsilon=2`);
    await page.waitForFunction(
      () => !document.querySelector(".ladder-table tbody td")?.textContent?.includes("%"),
    );
    await page.locator(".ladder .run button").click();
    await settled(page);
    await page.getByRole("button", { name: "Play: your move" }).click();
    await page.waitForFunction(() =>
      /%/.test(document.querySelector(".moves .stands")?.textContent ?? ""),
    );
    await page.locator(".game").getByRole("button", { name: "Bit depth" }).click();
    await page.waitForFunction(() => document.querySelectorAll(".moves li").length === 2);
    assert.match(await page.evaluate(() => location.hash), /robustness\.moves=noise%2Cbit_depth/);
    await page.getByRole("button", { name: "Take back" }).click();
    await settled(page);
    assert.equal(await page.locator(".moves li").count(), 1);
  }));

test("by keyboard alone Tab goes through all controls, and Enter keeps its place", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, `${VIEW}&robustness.mode=attack`);
    const focused = () =>
      page.evaluate(() => {
        const at = /** @type {HTMLInputElement | null} */ (document.activeElement);
        const named = at?.getAttribute("aria-label") ?? at?.labels?.[0]?.textContent;
        return (named ?? at?.textContent ?? "").trim();
      });
    await page.locator(".mode-tabs button").first().focus();
    const way = /** @type {string[]} */ ([]);
    const controls = page.locator(".attack :is(canvas[tabindex], .chart, button)");
    const count = await controls.locator("visible=true").count();
    for (let press = 0; press < 40; press += 1) {
      await page.keyboard.press("Tab");
      way.push(await focused());
      const ring = await page.evaluate(() => {
        const at = document.activeElement;
        const shown = at?.matches("input[type=radio]") ? at.closest("label") : at;
        const { outlineStyle, boxShadow } = getComputedStyle(shown ?? document.body);
        return outlineStyle !== "none" || boxShadow !== "none";
      });
      assert.ok(ring, `${way.at(-1)} shows where the keyboard is`);
      if (way.at(-1) === "Formula and paper") break;
    }
    assert.equal(way.at(-1), "Formula and paper", way.join(" | "));
    assert.ok(way.length >= count + 8, way.join(" | "));
    assert.ok(!way.includes(""), "none is lost between controls that have names");
    // Enter on a row of the ladder draws the table anew.
    await page.evaluate((hash) => {
      location.hash = hash;
    }, `${VIEW}&robustness.mode=ladder`);
    await page.locator(".ladder .run button").click();
    await settled(page);
    await page.locator(".ladder-table tbody button").nth(3).focus();
    await page.keyboard.press("Enter");
    assert.equal(await focused(), "Median");
    await page.waitForFunction(() => location.hash.includes("robustness.rung=median"));
    await page.waitForFunction(() =>
      document.querySelector(".examined figcaption")?.textContent?.startsWith("Median"),
    );
    assert.equal(await focused(), "Median");
  }));

test("a link reopens what was chosen, and the controls follow the address", () =>
  withPage({ backend: "cpu" }, async (page) => {
    const attack = `${VIEW}&robustness.mode=attack&robustness.attack=pgd&robustness.epsilon=4`;
    await openApp(
      page,
      `${attack}&robustness.goal=8&robustness.gain=50&robustness.options=steps:7,norm:l2`,
    );
    const value = (/** @type {string} */ name) =>
      page.getByLabel(name, { exact: true }).first().inputValue();
    const checked = (/** @type {string} */ name) =>
      page.getByRole("radio", { name, exact: true, includeHidden: true }).isChecked();
    assert.equal(await value("Attack"), "pgd");
    assert.equal(await text(page, ".slider.marked output"), "0.250", "4/16 in L2");
    assert.equal(await page.getByRole("combobox", { name: "Towards" }).inputValue(), "Bag");
    assert.equal(await value("Steps"), "7");
    assert.ok((await checked("L2")) && (await checked("×50")) && (await checked("One class")));
    await show(page, `${attack}&robustness.options=steps:9,restarts:2`);
    assert.equal(await value("Steps"), "9");
    assert.equal(await value("Restarts"), "2");
    assert.ok(
      (await checked("L∞")) && (await checked("×10")) && (await checked("Any other class")),
    );
    await show(
      page,
      `${VIEW}&robustness.mode=defend&robustness.defence=bit_depth&robustness.amount=2&robustness.adaptive=1`,
    );
    assert.equal(await value("Defence"), "bit_depth");
    assert.equal(await value("Bits"), "2");
    assert.ok(await checked("Knows it"));
    await show(page, `${VIEW}&robustness.kind=rotation&robustness.strength=90&robustness.guess=1`);
    assert.equal(await value("Kind"), "rotation");
    assert.equal(await text(page, ".slider output"), "+90°");
    assert.ok(await page.getByLabel("Guess first, then look").isChecked());
    await show(page, `${VIEW}&robustness.mode=pixels&robustness.dot=3&robustness.dots=4,5,white`);
    assert.equal(await value("Side of the dot"), "3");
    assert.ok(await page.getByRole("button", { name: "Take the dots off" }).isEnabled());
  }));

test("without labelled pictures the ladder offers those that ship, and dear runs wait with the picture shown", () =>
  withPage({ backend: "cpu" }, async (page) => {
    const photo = "#model=efficientnet-lite0&image=chelsea&view=robustness&robustness.mode=";
    await openApp(page, `${photo}defend`);
    assert.match(await text(page, ".defend .verdict"), /^Start attacks the picture/);
    assert.equal(await text(page, ".defend .run"), "Start", "nothing was stopped");
    assert.equal(await page.locator(".four canvas[aria-label='The picture']").count(), 1);
    await show(page, `${photo}ladder`);
    assert.ok(await page.locator(".climb").isHidden());
    await page.getByRole("button", { name: "Climb it with Fashion-MNIST" }).click();
    await page.locator(".ladder-table tbody tr").first().waitFor();
    assert.match(await page.evaluate(() => location.hash), /model=fashion&/);
  }));

test("what fools one network is shown to the others, in a table that stops when told to", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, VIEW);
    await page.evaluate((hash) => {
      location.hash = hash;
    }, `${VIEW}&robustness.mode=ladder`);
    await page.locator(".matrix tbody tr").first().waitFor();
    await page.locator(".ladder .run button").click();
    await settled(page);
    const start = page.locator(".transfers button");
    await start.click();
    await page.waitForFunction(
      () => !document.querySelector(".matrix tbody")?.textContent?.includes("…"),
    );
    await settled(page);
    const rows = await page
      .locator(".matrix tbody tr")
      .evaluateAll((all) =>
        all.map((row) =>
          [...row.querySelectorAll("td")].map((each) => Number.parseFloat(each.textContent ?? "")),
        ),
      );
    const [clean, ...attacked] = rows;
    assert.equal(attacked.length, clean.length);
    for (const [row, shares] of attacked.entries())
      assert.ok(shares[row] < clean[row], `attacked itself: ${rows.join(" | ")}`);
    assert.equal(await start.textContent(), "Attack each, show all");
  }));

test("on a phone nothing is wider than the screen, in any way to look", () =>
  withPage({ backend: "cpu", viewport: { width: 360, height: 740 } }, async (page) => {
    await openApp(page, `${VIEW}&robustness.kind=contrast`);
    const modes = await page.locator(".mode-tabs button").count();
    for (let mode = 0; mode < modes; mode += 1) {
      await page.locator(".mode-tabs button").nth(mode).click();
      // The ladder takes long, and is as wide from the first row on.
      if (mode < modes - 1) await settled(page);
      else await page.waitForSelector(".ladder-table tbody tr");
      assert.equal(
        await page.evaluate(() => document.documentElement.scrollWidth),
        360,
        String(mode),
      );
    }
    assert.ok(await page.locator("#notice").isHidden());
  }));
