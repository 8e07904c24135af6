// Shape against texture, through the interface and on the page.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { BACKENDS, openApp, withPage, withScope } from "./harness.mjs";
import { saved, settled, text } from "./sights.mjs";

/** Milliseconds for a set or a run of the style engine on a machine that is busy with other tests. */
const PATIENCE = 90_000;

for (const backend of BACKENDS) {
  test(`shapeBias counts what each picture is taken for (${backend})`, async () => {
    const seen = await withScope({ backend }, async ({ scope }) => {
      const net = await scope.load("fashion");
      const { images, labels, classes } = await scope.dataset("fashion");
      const count = 20;
      const one = (/** @type {number} */ index) => ({
        data: images.data.slice(784 * index, 784 * (index + 1)),
        shape: [1, 1, 28, 28],
      });
      const list = Array.from({ length: count }, (_, index) => ({
        image: one(index),
        // Each picture's own class as its shape, the next one's as its texture.
        shape: classes[labels[index]],
        texture: classes[labels[index + 1]],
      }));
      /** @type {number[]} */
      const progress = [];
      const bias = await net.shapeBias(list, {
        onProgress: (/** @type {{ done: number }} */ { done }) => progress.push(done),
      });
      const { probabilities } = await net.predict({
        data: images.data.slice(0, 784 * count),
        shape: [count, 1, 28, 28],
      });
      const answers = list.map((_, index) => {
        const row = [...probabilities.data.subarray(10 * index, 10 * index + 10)];
        return { name: classes[row.indexOf(Math.max(...row))], most: Math.max(...row) };
      });
      const grouped = await net.shapeBias(
        list.map(({ image }, index) => ({
          image,
          shape: index % 2 ? "shoe" : "rest",
          texture: index % 2 ? "rest" : "shoe",
        })),
        { categories: { shoe: [5, 7, 9], rest: [0, 1, 2, 3, 4, 6, 8] } },
      );
      const p = [...probabilities.data.subarray(0, 10)];
      return {
        bias,
        progress,
        answers,
        list: list.map(({ shape, texture }) => ({ shape, texture })),
        grouped,
        p,
      };
    });
    const { bias, answers, list } = seen;
    const expected = { shape: 0, texture: 0, other: 0, same: 0 };
    for (const [index, { shape, texture }] of list.entries()) {
      const { name } = answers[index];
      const decision =
        shape === texture
          ? "same"
          : name === shape
            ? "shape"
            : name === texture
              ? "texture"
              : "other";
      expected[decision] += 1;
      assert.equal(bias.decisions[index].decision, decision, String(index));
      assert.equal(bias.decisions[index].category, name);
      assert.ok(Math.abs(bias.decisions[index].probability - answers[index].most) < 1e-5);
    }
    const { shape, texture, other, same } = bias;
    assert.deepEqual({ shape, texture, other, same }, expected);
    assert.equal(bias.bias, shape / (shape + texture));
    assert.equal(bias.coverage, (shape + texture) / (shape + texture + other));
    const [low, high] = bias.interval;
    assert.ok(0 <= low && low <= bias.bias && bias.bias <= high && high <= 1);
    const total = bias.categories.reduce(
      (/** @type {number} */ sum, /** @type {any} */ each) =>
        sum + each.shape + each.texture + each.other + each.same,
      0,
    );
    assert.equal(total, list.length);
    assert.deepEqual(seen.progress, [16, 20]);
    const { means, sums } = seen.grouped.decisions[0];
    const shoes = seen.p[5] + seen.p[7] + seen.p[9];
    assert.ok(Math.abs(sums[0] - shoes) < 1e-5 && Math.abs(means[0] - shoes / 3) < 1e-5);
  });

  test(`stimuli repeat by their seed and keep to the network's pictures (${backend})`, async () => {
    const seen = await withScope({ backend }, async ({ scope }) => {
      const net = await scope.load("fashion");
      const { images } = await scope.dataset("fashion");
      const two = { data: images.data.slice(0, 1568), shape: [2, 1, 28, 28] };
      const same = (/** @type {any} */ a, /** @type {any} */ b) =>
        a.data.every(
          (/** @type {number} */ value, /** @type {number} */ at) => value === b.data[at],
        );
      const shuffle = { kind: "shuffle", grid: 7, seed: 3 };
      const [first, again, other] = [
        await net.stimulus(two, shuffle),
        await net.stimulus(two, shuffle),
        await net.stimulus(two, { ...shuffle, seed: 4 }),
      ];
      const mask = await net.foreground(two);
      const silhouette = await net.stimulus(two, { kind: "silhouette", mask, ink: 1, paper: 0 });
      const values = new Set([...silhouette.data].map((value) => value.toFixed(4)));
      const whole = await net.stimulus(two, { kind: "original" });
      return {
        same: [same(first, again), same(first, other), same(whole, two)],
        shapes: [first.shape, mask.shape],
        values: [...values].sort(),
        mask: [...new Set(mask.data)].sort(),
      };
    });
    assert.deepEqual(seen.same, [true, false, true]);
    assert.deepEqual(seen.shapes, [
      [2, 1, 28, 28],
      [2, 1, 28, 28],
    ]);
    assert.deepEqual(seen.values, [(-0.286 / 0.353).toFixed(4), ((1 - 0.286) / 0.353).toFixed(4)]);
    assert.deepEqual(seen.mask, [0, 1]);
  });
}

test("every option of a stimulus is read, and changes it", async () => {
  const cases = /** @type {[object, object][]} */ ([
    [{ kind: "blur" }, { sigma: 2 }],
    [{ kind: "two_tones" }, { sigma: 2 }],
    [{ kind: "two_tones" }, { threshold: 0.9 }],
    [{ kind: "shuffle" }, { grid: 2 }],
    [{ kind: "shuffle" }, { seed: 9 }],
    [{ kind: "edges" }, { sigma: 3 }],
    [{ kind: "edges", ratio: 1 }, { quiet: 0.95 }],
    [{ kind: "edges", quiet: 0.9 }, { ratio: 1 }],
    [{ kind: "edges" }, { ink: 0.5 }],
    [{ kind: "slopes" }, { sigma: 3 }],
    [{ kind: "slopes" }, { full: 0.5 }],
    [{ kind: "slopes" }, { ink: 0.5 }],
    [{ kind: "slopes" }, { paper: 0.5 }],
    [{ kind: "silhouette" }, { paper: 0.5 }],
    [{ kind: "silhouette" }, { ink: 0.5 }],
    [{ kind: "silhouette" }, { mask: "half" }],
    [{ kind: "texture" }, { y: 18, x: 0 }],
    [{ kind: "texture" }, { size: 20 }],
    [{ kind: "texture" }, { block: 2 }],
    [{ kind: "texture" }, { seed: 9 }],
    [{ kind: "fill" }, { paper: 0.5 }],
    [{ kind: "fill" }, { strength: 0.5 }],
    [{ kind: "fill" }, { mask: "half" }],
    [{ kind: "fill" }, { block: 2 }],
  ]);
  const bad = /** @type {[string, object][]} */ ([
    ["kind", { kind: "sketch" }],
    ["kind", {}],
    ["grid", { kind: "grey", grid: 3 }],
    ["grid", { kind: "shuffle", grid: 1 }],
    ["sigma", { kind: "blur", sigma: -1 }],
    ["sigma", { kind: "blur", sigma: "much" }],
    ["threshold", { kind: "two_tones", threshold: 2 }],
    ["quiet", { kind: "edges", quiet: -0.1 }],
    ["full", { kind: "slopes", full: 2 }],
    ["mask", { kind: "silhouette", mask: { data: new Float32Array(4), shape: [1, 1, 2, 2] } }],
    ["texture", { kind: "fill" }],
    ["block", { kind: "texture", block: 0 }],
    ["size", { kind: "texture", size: 99 }],
    ["row 20", { kind: "texture", y: 20, x: 0, size: 10 }],
  ]);
  const seen = await withScope(
    { backend: "cpu" },
    async ({ scope, arg }) => {
      const net = await scope.load("fashion");
      const { images } = await scope.dataset("fashion");
      const one = (/** @type {number} */ index) => ({
        data: images.data.slice(784 * index, 784 * (index + 1)),
        shape: [1, 1, 28, 28],
      });
      const half = { data: new Float32Array(784).fill(1, 392), shape: [1, 1, 28, 28] };
      const made = (/** @type {any} */ options) => {
        const texture = options.kind === "fill" ? { texture: one(1) } : {};
        const mask = options.mask === "half" ? { mask: half } : {};
        return net.stimulus(one(0), { ...texture, ...options, ...mask });
      };
      const changed = [];
      for (const [base, more] of arg.cases) {
        const [plain, other] = [await made(base), await made({ ...base, ...more })];
        changed.push(
          plain.data.some(
            (/** @type {number} */ v, /** @type {number} */ at) => v !== other.data[at],
          ),
        );
      }
      const said = async (/** @type {Promise<unknown>} */ call) =>
        call.then(
          () => ({ code: "none", message: "" }),
          (/** @type {any} */ { code, message }) => ({ code, message }),
        );
      const errors = [];
      for (const [, options] of arg.bad) errors.push(await said(net.stimulus(one(0), options)));
      const item = { image: one(0), shape: "Coat", texture: "Bag" };
      const file = new File([new Uint8Array(3)], "holiday.png", { type: "image/png" });
      const others = [
        await said(net.shapeBias([])),
        await said(net.shapeBias([{ ...item, shape: "zebra" }])),
        await said(net.shapeBias([{ image: one(0), shape: "Coat" }])),
        await said(net.shapeBias([file])),
        await said(net.shapeBias([item], { categories: "imagenet16" })),
        await said(net.shapeBias([item], { categories: { a: [0], b: [10] } })),
        await said(net.shapeBias([item], { top: 3 })),
        await said(net.shapeBias([{ ...item, image: images }])),
      ];
      return { changed, errors, others };
    },
    { cases, bad },
  );
  for (const [index, [base, more]] of cases.entries())
    assert.ok(seen.changed[index], JSON.stringify([base, Object.keys(more)]));
  for (const [index, [name]] of bad.entries()) {
    assert.equal(seen.errors[index].code, "bad_argument", name);
    assert.ok(seen.errors[index].message.includes(name), `${name}: ${seen.errors[index].message}`);
  }
  const words = [
    "at least one",
    "zebra",
    "shape and texture",
    "holiday.png",
    "1000",
    "class 10",
    "top",
    "one picture",
  ];
  for (const [index, word] of words.entries())
    assert.ok(seen.others[index].message.includes(word), `${word}: ${seen.others[index].message}`);
});

test("the view shows what is left, the way between, and counts a set", () =>
  withPage({ backend: "cpu" }, async (page) => {
    page.setDefaultTimeout(PATIENCE);
    await openApp(page, "#model=fashion&view=shape&image=fashion-coat-1&shape.from=fashion-bag-1");
    await settled(page);
    assert.match(await text(page, "#sight h2"), /^How much Coat is left/);
    const captions = await page.locator(".stimulus figcaption").allTextContents();
    assert.equal(captions.length, 15);
    assert.ok(captions.includes("filled with Bag") && captions.includes("shuffled 7 × 7"));
    const names = await page.locator(".stimulus .of-two .shape .name").allTextContents();
    assert.deepEqual([...new Set(names)], ["Coat"]);
    await page.locator("summary", { hasText: "Save" }).click();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "CSV" }).click(),
    ]);
    const lines = readFileSync(await download.path(), "utf8")
      .trim()
      .split("\n");
    assert.equal(lines.length, 16);
    assert.match(lines[1], /^as it is,0\.\d+/);
    // The way, by keyboard and as a link.
    await page.getByRole("tab", { name: "From shape to texture" }).click();
    await settled(page);
    const way = page.locator(".along input[type=range]");
    await way.fill("6");
    assert.equal(await text(page, ".dial figcaption"), "50 % filled");
    assert.match(page.url(), /shape\.sight=dial/);
    await page.locator("input[value=shuffle]").check();
    await settled(page);
    assert.equal(await text(page, ".dial figcaption"), "whole");
    // The style engine's way starts by itself for a small network, and its slider goes through the steps.
    await page.locator("input[value=style]").check();
    await settled(page);
    assert.match(await text(page, ".dial figcaption"), /^step \d\d+$/);
    const steps = Number(await way.getAttribute("max"));
    assert.ok(steps >= 12, String(steps));
    await way.fill("0");
    assert.equal(await text(page, ".dial figcaption"), "step 0");
    assert.match(await text(page, ".of-two .shape"), /^Coat9\d\.\d %/);
    // And over the weights of the style, from none on.
    await page.locator("input[value=weight]").check();
    await settled(page);
    assert.equal(await way.getAttribute("max"), "8");
    assert.match(await text(page, ".dial figcaption"), /^β \/ α = 250$/);
    const most = await text(page, ".of-two .shape");
    await way.fill("0");
    assert.equal(await text(page, ".dial figcaption"), "β / α = 0");
    assert.notEqual(await text(page, ".of-two .shape"), most);
    // A set: the shipped clothes crossed.
    await page.getByRole("tab", { name: "Over a set" }).click();
    await settled(page);
    assert.match(await text(page, ".told"), /^90 filled silhouettes: 10 shapes/);
    const facts = await text(page, ".set-of-conflicts .facts");
    const [, shape, texture, neither] =
      /for the shape(\d+)for the texture(\d+)for neither(\d+)/.exec(facts) ?? [];
    assert.equal(Number(shape) + Number(texture) + Number(neither), 90);
    assert.equal((await page.locator(".bias-of-shape circle").count()) > 0, true);
    assert.match(await page.locator(".bias-of-shape").innerHTML(), /ten people 0\.959/);
    // A folder by its names.
    const bytes = await page.evaluate(async () => {
      const canvas = document.createElement("canvas");
      canvas.width = 28;
      canvas.height = 28;
      return canvas.toDataURL().split(",")[1];
    });
    await page.locator("input[webkitdirectory]").evaluate((input, data) => {
      const binary = Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0));
      const files = new DataTransfer();
      for (const name of ["bag1-coat2.png", "coat1-dress3.png", "notes.txt"])
        files.items.add(new File([binary], name, { type: "image/png" }));
      /** @type {HTMLInputElement} */ (input).files = files.files;
      input.dispatchEvent(new Event("change"));
    }, bytes);
    await settled(page);
    assert.equal(await text(page, ".told"), "2 pictures of the folder");
  }));

test("a run from shape to texture rests, goes on, stops, is saved, and its JSON replays it", () =>
  withPage({ backend: "cpu" }, async (page) => {
    page.setDefaultTimeout(PATIENCE);
    await openApp(
      page,
      "#model=fashion&view=shape&shape.sight=dial&shape.way=style&shape.from=fashion-bag-1&image=fashion-coat-1&shape.seed=3",
    );
    await settled(page);
    const end = await text(page, ".along .of-two");
    const [json, png] = [await saved(page, "JSON"), await saved(page, "PNG")];
    assert.ok((await saved(page, "Animation")).bytes.includes("acTL"), "it is animated");
    // Another seed paints another picture; it is caught on its way.
    await page.getByRole("button", { name: "Another seed" }).click();
    await page.waitForFunction(() =>
      /^step [1-9]/.test(document.querySelector(".dial figcaption")?.textContent ?? ""),
    );
    await page.locator("#sight h2").click();
    await page.keyboard.press(" ");
    await page.getByRole("button", { name: "Go on" }).waitFor();
    await page.waitForTimeout(200);
    const rests = await text(page, ".dial figcaption");
    await page.waitForTimeout(300);
    assert.equal(await text(page, ".dial figcaption"), rests, "it rests");
    await page.getByRole("button", { name: "Go on" }).click();
    await page.waitForFunction(
      (before) => document.querySelector(".dial figcaption")?.textContent !== before,
      rests,
    );
    await page.getByRole("button", { name: "Stop", exact: true }).click();
    await settled(page);
    assert.match(await text(page, ".dial figcaption"), /^step \d+$/);
    await page.locator("details input[type=file][accept='application/json']").setInputFiles({
      name: json.name,
      mimeType: "application/json",
      buffer: json.bytes,
    });
    await page.waitForURL(/shape\.seed=3/);
    await settled(page);
    assert.equal(await text(page, ".along .of-two"), end);
    assert.deepEqual((await saved(page, "PNG")).bytes, png.bytes, "the same pixels");
    // What fills a silhouette is no run.
    await page.locator("input[value=fill]").check();
    await settled(page);
    assert.equal(await page.getByRole("button", { name: "Start", exact: true }).isVisible(), false);
  }));

test("a class votes before it sees the answer, and stands on the plot", () =>
  withPage({ backend: "cpu" }, async (page) => {
    page.setDefaultTimeout(PATIENCE);
    await openApp(page, "#model=fashion&view=shape&shape.sight=vote");
    await settled(page);
    const ask = page.getByRole("button", { name: "Ask the network" });
    assert.ok(await ask.isDisabled());
    await page.locator("body").press("q");
    await page.locator("body").press("q");
    await page.locator("body").press("e");
    assert.match(
      await text(page, ".revealed"),
      /This class so far: [02] for the shape, [02] for the texture, 1 for neither/,
    );
    // Small moves reach the address a moment later.
    await page.waitForURL(/shape\.votes=(2-0|0-2)-1/);
    assert.doesNotMatch(await text(page, ".revealed"), /The network says/);
    await ask.click();
    await settled(page);
    assert.match(await text(page, ".revealed"), /^The network says/);
    assert.match(await page.locator(".bias-of-shape").innerHTML(), /this class [01]\.000/);
    await page.locator("body").press("n");
    await settled(page);
    assert.ok(await ask.isDisabled());
    await page.waitForURL(/shape\.round=1/);
    await page.reload();
    await settled(page);
    assert.match(await text(page, ".vote figcaption"), /Picture 2/);
  }));

test("an outline is found, and mended with the brush", () =>
  withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, "#model=fashion&view=shape&shape.sight=outline&image=fashion-bag-1");
    await settled(page);
    const share = async () =>
      Number(/([\d.]+) %/.exec(await text(page, ".outlining figure:last-child figcaption"))?.[1]);
    const before = await share();
    assert.ok(before > 10 && before < 90, String(before));
    const box = await page.locator(".outlining canvas").first().boundingBox();
    assert.ok(box);
    await page.mouse.move(box.x + 4, box.y + 4);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width - 4, box.y + 4);
    await page.mouse.up();
    await page.waitForTimeout(100);
    assert.ok((await share()) > before);
    await page.getByRole("button", { name: "Find again" }).click();
    await settled(page);
    assert.equal(await share(), before);
  }));
