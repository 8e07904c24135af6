// Embeddings through the interface, calls that go by steps, and the view.
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { openApp, withPage, withScope } from "./harness.mjs";
import { lattice, tiny } from "./nets.mjs";
import { parse, settled, show, text } from "./sights.mjs";

/** Pictures of `tiny`: 40 of 3×12×12, which are all different. */
const images = lattice(11, 0, [40, 3, 12, 12]);
/** For what a busy machine takes long to draw. */
const PATIENCE = { timeout: 120_000 };

const arg = { tiny: tiny(), images };

const PICTURES = fileURLToPath(new URL("../../www/pictures/fashion/", import.meta.url));

/**
 * A folder with pictures in folders named after what they show, and a file that is no picture.
 * @template T
 * @param {(folder: string) => Promise<T>} body
 */
async function withFolders(body) {
  const folder = mkdtempSync(join(tmpdir(), "pictures-"));
  try {
    for (const name of ["bag", "trouser"]) {
      mkdirSync(join(folder, name));
      for (const number of [1, 2, 3])
        copyFileSync(
          join(PICTURES, `${name}-${number}.png`),
          join(folder, name, `${name}-${number}.png`),
        );
    }
    writeFileSync(join(folder, "bag", "broken.png"), "no picture");
    writeFileSync(join(folder, "notes.txt"), "no picture either");
    return await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("calls that go by steps", () => {
  test("a step waits for its listener, other calls go between, and the listener's wish is heard", async () => {
    const seen = await withScope(
      { backend: "cpu" },
      async ({ scope, arg }) => {
        const net = await scope.load(arg.tiny);
        /** @type {any[]} */
        const seen = [];
        const result = await net.embed(arg.images, {
          method: "tsne",
          perplexity: 8,
          iterations: 60,
          every: 20,
          onStep: async (/** @type {any} */ step) => {
            // It would wait for ever if the network were not free meanwhile.
            const { logits } = await net.predict(arg.images);
            seen.push([step.step, step.points.shape, Number.isFinite(step.kl), logits.shape[0]]);
            return step.step === 20 ? { every: 5 } : { stop: step.step === 30 };
          },
        });
        return { seen, steps: result.steps, shape: result.points.shape };
      },
      arg,
    );
    assert.deepEqual(
      seen.seen.map(([step]) => step),
      [0, 20, 25, 30, 30],
    );
    assert.deepEqual(seen.seen[0].slice(1), [[40, 2], true, 40]);
    assert.equal(seen.steps, 30);
    assert.deepEqual(seen.shape, [40, 2]);
  });

  test("a listener that throws ends the call, a paused one can be aborted, and a disposed network ends in order", async () => {
    const outcome = await withScope(
      { backend: "cpu" },
      async ({ scope, arg }) => {
        const net = await scope.load(arg.tiny);
        const options = { method: "umap", neighbors: 5, iterations: 30 };
        const thrown = await net
          .embed(arg.images, {
            ...options,
            onStep: () => {
              throw new Error("enough");
            },
          })
          .catch((/** @type {any} */ error) => error.message);
        const life = new AbortController();
        const paused = net.embed(arg.images, {
          ...options,
          signal: life.signal,
          onStep: () => {
            setTimeout(() => life.abort(), 30);
            return new Promise(() => undefined);
          },
        });
        const aborted = await paused.catch((/** @type {any} */ error) => error.code);
        /** @type {() => void} */
        let goOn = () => undefined;
        const looked = new Promise((resolve) => {
          goOn = () => resolve(undefined);
        });
        let first = true;
        const last = net.embed(arg.images, {
          ...options,
          onStep: () => {
            if (!first) return undefined;
            first = false;
            net.dispose();
            setTimeout(goOn, 50);
            return looked;
          },
        });
        const { points } = await last;
        const another = await scope.load(arg.tiny);
        const { logits } = await another.predict(arg.images);
        return { thrown, aborted, points: points.shape, after: logits.shape };
      },
      arg,
    );
    assert.deepEqual(outcome, {
      thrown: "enough",
      aborted: "aborted",
      points: [40, 2],
      after: [40, 5],
    });
  });
});

describe("embed", () => {
  test("every method gives a map with its quality, the same one for the same seed", async () => {
    const maps = await withScope(
      { backend: "cpu" },
      async ({ scope, arg }) => {
        const net = await scope.load(arg.tiny);
        const labels = Array.from({ length: 40 }, (_, index) => index % 2);
        const common = { layer: "act1", labels, nearest: 3, seed: 5 };
        const short = { iterations: 40, init: "random" };
        /** @type {Record<string, any>} */
        const asked = {
          pca: { ...common, method: "pca", components: 4 },
          tsne: { ...common, ...short, method: "tsne", perplexity: 8 },
          umap: { ...common, ...short, method: "umap", neighbors: 6 },
          mean: { ...common, pool: "mean" },
        };
        /** @type {Record<string, any>} */
        const maps = {};
        for (const [name, options] of Object.entries(asked)) {
          const first = await net.embed(arg.images, options);
          const again = await net.embed(arg.images, options);
          const other = await net.embed(arg.images, { ...options, seed: 6 });
          const same = (/** @type {any} */ result) =>
            first.points.data.every(
              (/** @type {number} */ v, /** @type {number} */ i) => v === result.points.data[i],
            );
          const { explained, loadings, nearest, ...rest } = first;
          maps[name] = {
            ...rest,
            points: first.points.shape,
            explained: explained && [...explained],
            loadings: loadings?.shape,
            nearest: [nearest.each, nearest.indices.length, nearest.distances[0]],
            same: same(again),
            other: same(other),
          };
        }
        const own = await net.embed({ data: arg.images.data, shape: [40, 432] });
        const turned = await net.embed(arg.images, {
          ...asked.pca,
          components: 2,
          align: own.points,
        });
        const map = await net.embed(
          { data: arg.images.data.slice(0, 432), shape: [1, 3, 12, 12] },
          { layer: "conv1", pool: "positions" },
        );
        return {
          maps,
          own: own.features,
          disparity: turned.disparity,
          positions: map.points.shape,
        };
      },
      arg,
    );
    const { pca, tsne, umap, mean } = maps.maps;
    assert.deepEqual(pca.points, [40, 4]);
    assert.deepEqual(pca.loadings, [4, 8, 12, 12]);
    assert.deepEqual(pca.features, [8, 12, 12]);
    assert.deepEqual(mean.features, [8, 1, 1]);
    assert.ok(pca.explained[0] >= pca.explained[1] && pca.explained[0] <= 1);
    for (const each of [pca, tsne, umap]) {
      assert.deepEqual(each.nearest.slice(0, 2), [3, 120]);
      assert.ok(each.nearest[2] > 0);
      assert.ok(each.same, "the same seed gives the same bytes");
      assert.ok(each.trustworthiness <= 1 && each.knnAccuracy >= 0 && each.silhouette >= -1);
    }
    assert.ok(!tsne.other && !umap.other, "another seed gives another map");
    assert.ok(tsne.kl > 0 && umap.kl === undefined);
    assert.deepEqual(maps.own, [432, 1, 1]);
    assert.ok(maps.disparity >= 0 && maps.disparity <= 1);
    assert.deepEqual(maps.positions, [144, 2]);
  });

  test("what cannot be is refused with a sentence", async () => {
    const { sentences, swallowed } = await withScope(
      { backend: "cpu" },
      async ({ scope, arg }) => {
        const net = await scope.load(arg.tiny);
        const rows = (/** @type {number} */ count, /** @type {number} */ value) => ({
          data: new Float32Array(count * 4).map((_, at) => value || at % 7),
          shape: [count, 4],
        });
        /** @type {[any, any][]} */
        const calls = [
          [arg.images, { method: "lle" }],
          [arg.images, { method: "pca", perplexity: 30 }],
          [arg.images, { method: "tsne", perplexity: 50 }],
          [arg.images, { method: "tsne", perplexity: 0 }],
          [arg.images, { method: "tsne", perplexity: 8, learningRate: -1 }],
          [arg.images, { method: "tsne", components: 3 }],
          [arg.images, { method: "umap", neighbors: 41 }],
          [arg.images, { method: "umap", minDistance: 2 }],
          [arg.images, { layer: "nowhere" }],
          [arg.images, { layer: "act1", pool: "positions" }],
          [arg.images, { pool: "mean" }],
          [arg.images, { labels: [0, 1] }],
          [arg.images, { labels: [0.5] }],
          [arg.images, { nearest: 1000 }],
          [arg.images, { align: rows(3, 0) }],
          [arg.images, { method: "tsne", perplexity: 8, init: "somewhere" }],
          [arg.images, { method: "tsne", perplexity: 8, every: 0 }],
          [rows(20, 1), {}],
          [rows(1, 0), {}],
          [[], {}],
        ];
        const answers = [];
        for (const [what, options] of calls) {
          const error = await net.embed(what, options).catch((/** @type {any} */ e) => e);
          answers.push(`${error.code}: ${error.message}`);
        }
        const broken = rows(20, 0);
        broken.data[5] = Number.NaN;
        const error = await net.embed(broken).catch((/** @type {any} */ e) => e);
        const pictures = { data: arg.images.data.slice(), shape: arg.images.shape };
        pictures.data[9] = Number.NaN;
        const swallowed = await net
          .embed(pictures, { layer: "act1" })
          .catch((/** @type {any} */ e) => e);
        return {
          sentences: [...answers, `${error.code}: ${error.message}`],
          swallowed: `${swallowed.code}: ${swallowed.message}`,
        };
      },
      arg,
    );
    for (const sentence of sentences) assert.match(sentence, /^bad_argument: .{25}/);
    assert.match(swallowed, /^bad_image: the picture holds NaN at position 9/);
    assert.match(sentences[2], /at most 13/);
    assert.match(sentences[17], /equal/);
    assert.match(sentences[20], /feature 1 of point 1 is NaN/);
  });
});

describe("the view", () => {
  test("it lays pictures out, says what it shows, follows its controls and its link", async () => {
    const hash =
      "#model=fashion&view=embedding&layer=mean&embedding.count=500&embedding.method=pca";
    await withPage({ backend: "cpu" }, async (page) => {
      await openApp(page, hash);
      await settled(page);
      assert.match(await text(page, ".question"), /alike to mean/);
      assert.match(await text(page, ".words"), /500 pictures by 64 values of mean/);
      assert.equal(await page.locator(".chart .bar").count(), 10);
      assert.equal(await page.locator(".loadings canvas").count(), 4);
      assert.equal(await page.locator(".classes button").count(), 10);
      const colors = await page.locator(".scatter canvas").evaluate((canvas) => {
        const { width, height } = /** @type {HTMLCanvasElement} */ (canvas);
        const context = /** @type {HTMLCanvasElement} */ (canvas).getContext("2d");
        const pixels = new Uint32Array(
          context?.getImageData(0, 0, width, height).data.buffer ?? [],
        );
        return new Set(pixels).size;
      });
      assert.ok(colors > 100, `${colors} colours are on the map`);

      await page.locator(".scatter canvas").focus();
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("Enter");
      assert.match(await text(page, ".point-card"), /predicted|taken for/);
      assert.equal(await page.locator(".point-card .near canvas").count(), 8);

      await page.locator(".classes button").first().click();
      await page.waitForFunction(() => location.hash.includes("embedding.only=0"));

      await page.getByRole("searchbox").fill("coat wrong");
      await page.waitForFunction(() => location.hash.includes("embedding.find=coat"));
      const found = Number.parseInt(await text(page, ".find [role=status]"), 10);
      assert.ok(found > 3 && found < 60, `${found} points are coats or taken for coats, wrongly`);
      await page.getByRole("searchbox").fill("");

      await page.locator("input[value=tsne]").check();
      await page.waitForFunction(() =>
        /step [1-9]/.test(document.querySelector(".status")?.textContent ?? ""),
      );
      await page.getByRole("button", { name: "Pause" }).click();
      await page.getByRole("button", { name: "Play" }).waitFor();
      const at = await text(page, ".status");
      await page.getByRole("button", { name: "Step" }).click();
      await page.waitForFunction(
        (before) => document.querySelector(".status")?.textContent !== before,
        at,
      );
      await page.getByRole("button", { name: "Play" }).click();
      await page.waitForFunction(
        () => /step 1000 of 1000 · KL/.test(document.querySelector(".status")?.textContent ?? ""),
        null,
        PATIENCE,
      );
      await settled(page);
      assert.match(await text(page, ".facts"), /Trustworthiness0\.\d+k-NN accuracy0\.\d+/);

      for (const [kind, pattern] of /** @type {[string, RegExp][]} */ ([
        ["PNG", /^.PNG/],
        ["SVG", /<polyline[^>]* stroke="rgb/],
        ["CSV", /^step,kl\n0,\d/],
      ])) {
        const [chart] = await Promise.all([
          page.waitForEvent("download"),
          page.locator(".saves").getByRole("button", { name: kind }).click(),
        ]);
        assert.equal(chart.suggestedFilename(), `kl.${kind.toLowerCase()}`);
        assert.match(readFileSync(await chart.path(), "latin1"), pattern);
      }

      await page.getByText("Save", { exact: true }).click();
      const [file] = await Promise.all([
        page.waitForEvent("download"),
        page.locator("details").getByRole("button", { name: "CSV" }).click(),
      ]);
      const lines = readFileSync(await file.path(), "utf8").split("\n");
      assert.equal(lines.length, 501);
      assert.match(lines[1], /^0,-?\d.*,Ankle boot,/);
    });
  });

  test("a map that cannot be found is said so, and the components stand in for it", async () => {
    await withPage({ backend: "cpu" }, async (page) => {
      await openApp(
        page,
        "#model=fashion&view=embedding&layer=mean&embedding.count=20&embedding.perplexity=30",
      );
      await settled(page);
      assert.match(await text(page, "#notice"), /perplexity of at most 6/);
      assert.match(await text(page, ".words"), /two directions in which they vary most/);
      await page.locator(".slider input").first().fill("5");
      await page.waitForFunction(
        () => /step 1000/.test(document.querySelector(".status")?.textContent ?? ""),
        null,
        PATIENCE,
      );
      await settled(page);
      assert.ok(await page.locator("#notice").isHidden());
    });
  });

  test("a folder that is dropped or chosen is laid out, and its folders are the labels", async () => {
    await withPage({ backend: "cpu" }, (page) =>
      withFolders(async (folder) => {
        const few =
          "#model=fashion&view=embedding&layer=mean&embedding.method=pca&embedding.count=20";
        await openApp(page, few);
        await settled(page);
        const map = await page.locator(".scatter").boundingBox();
        assert.ok(map);
        const client = await page.context().newCDPSession(page);
        for (const type of /** @type {const} */ (["dragEnter", "dragOver", "drop"]))
          await client.send("Input.dispatchDragEvent", {
            type,
            x: map.x + map.width / 2,
            y: map.y + map.height / 2,
            data: { items: [], files: [folder], dragOperationsMask: 1 },
          });
        const isOwn = () =>
          page.waitForFunction(() =>
            /of your own|6 pictures/.test(document.querySelector(".words")?.textContent ?? ""),
          );
        await isOwn();
        await settled(page);
        assert.equal(await page.locator("html.dropping").count(), 0);
        assert.equal(await text(page, ".classes"), "bagtrouser");
        assert.match(await text(page, ".plot"), /1 files could not be read \(broken\.png\)/);
        assert.match(await text(page, ".facts"), /k-NN accuracy/);
        await show(page, few);
        await page.locator("input[webkitdirectory]").setInputFiles(folder);
        await isOwn();
        await settled(page);
        assert.equal(await text(page, ".classes"), "bagtrouser");
        // Files without folders have no labels.
        const files = ["bag-1", "bag-2", "trouser-1", "trouser-2"];
        await page
          .locator("input[type=file][accept]:not([webkitdirectory])")
          .last()
          .setInputFiles(files.map((name) => join(PICTURES, `${name}.png`)));
        await page.waitForFunction(() =>
          /^4 pictures/.test(document.querySelector(".words")?.textContent ?? ""),
        );
        assert.equal(await page.locator(".classes button").count(), 0);
      }),
    );
  });

  test("points drawn around stand out, are laid out alone, and all come back", async () => {
    await withPage({ backend: "cpu" }, async (page) => {
      await openApp(
        page,
        "#model=fashion&view=embedding&embedding.method=pca&embedding.count=500&embedding.pool=mean",
      );
      await settled(page);
      const canvas = page.locator(".scatter canvas");
      const drawn = () => canvas.evaluate((each) => /** @type {any} */ (each).toDataURL());
      const whole = await drawn();
      const lasso = async () => {
        await page.getByRole("button", { name: "Lasso" }).click();
        const box = /** @type {{ x: number, y: number, width: number, height: number }} */ (
          await canvas.boundingBox()
        );
        const at = (/** @type {number} */ x, /** @type {number} */ y) =>
          /** @type {[number, number]} */ ([box.x + x * box.width, box.y + y * box.height]);
        await page.mouse.move(...at(0.02, 0.02));
        await page.mouse.down();
        for (const [x, y] of [
          [0.5, 0.02],
          [0.5, 0.98],
          [0.02, 0.98],
        ])
          await page.mouse.move(...at(x, y), { steps: 4 });
        await page.mouse.up();
        await settled(page);
      };
      await lasso();
      assert.match(await text(page, ".selection"), /^\d+ points chosen, \d+ of them /);
      assert.notEqual(await drawn(), whole, "the others are faint");
      await page.getByRole("button", { name: "Clear" }).click();
      await settled(page);
      assert.equal(await page.locator(".selection").isVisible(), false);
      await lasso();
      const count = parse((await text(page, ".selection")).split(" ")[0]);
      assert.ok(count > 8 && count < 500, `${count}`);
      await page.getByRole("button", { name: "Lay these out alone" }).click();
      await page.waitForFunction(
        (count) => document.querySelector(".words")?.textContent?.startsWith(`${count} pictures`),
        count,
      );
      await page.getByRole("button", { name: "All points again" }).click();
      await page.waitForFunction(() =>
        document.querySelector(".words")?.textContent?.startsWith("500 pictures"),
      );
    });
  });

  test("made sets stand beside their truth, and a tour goes through the layers", async () => {
    await withPage({ backend: "cpu" }, async (page) => {
      await openApp(page, "#model=fashion&view=embedding&embedding.set=sizes");
      await settled(page);
      assert.match(await text(page, ".question"), /Does t-SNE at perplexity 30 keep sizes/);
      assert.ok(await page.locator("img.truth").isVisible());
      await page.evaluate(() => {
        location.hash =
          "#model=fashion&view=embedding&embedding.method=pca&embedding.count=500&embedding.pool=mean&embedding.tour=1";
      });
      await page.waitForFunction(() => document.querySelectorAll(".stations button").length === 6);
      await settled(page);
      assert.equal(await text(page, ".stations"), "pixelsact1act2act3meanlogits");
      assert.equal(await page.locator(".chart .dot.one").count(), 6);
      await page.locator(".stations button").first().click();
      assert.equal(await page.locator('.stations [aria-pressed="true"]').textContent(), "pixels");
    });
  });
});
