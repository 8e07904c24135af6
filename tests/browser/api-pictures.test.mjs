// Pictures of every kind go in, pictures and colours come out.
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { withScope } from "./harness.mjs";
import { relativeError, tiny } from "./nets.mjs";

/** A 2×2 PNG of the colour (200, 100, 50), all but transparent: alpha 0 to the left, 3 to the right. */
const CLEAR =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAYAAABytg0kAAAAEklEQVR42mM4kWLEAMTMDDAGADZ/BX+2Uf2fAAAAAElFTkSuQmCC";

describe("pictures", () => {
  /** @type {Awaited<ReturnType<typeof look>>} */
  let seen;
  before(async () => {
    seen = await look();
  });

  test("pixels become the model space that the rule says, and come back", () => {
    const { tensor, pixels, back } = seen.round;
    assert.deepEqual(tensor.shape, [1, 3, 12, 12]);
    const expected = Float32Array.from({ length: 432 }, (_, index) => {
      const [channel, place] = [Math.floor(index / 144), index % 144];
      return (pixels[place * 4 + channel] / 255 - 0.5) / 0.25;
    });
    assert.ok(relativeError(tensor.data, expected) < 1e-6);
    assert.deepEqual([...back.data], [...pixels]);
    assert.deepEqual([back.width, back.height], [12, 12]);
  });

  for (const kind of ["ImageBitmap", "Blob", "File", "img", "canvas", "OffscreenCanvas", "video"]) {
    test(`${kind} gives the same numbers as ImageData`, () => {
      const got = seen.kinds[kind];
      // A video is compressed, with its colours at half the resolution.
      const tolerance = kind === "video" ? 0.2 : 0;
      assert.ok(relativeError(got.data, seen.kinds.ImageData.data) <= tolerance);
    });
  }

  test("a picture given again is not decoded again, and its tensor is the caller's own", () => {
    assert.deepEqual(seen.cache, { decodes: 1, unharmed: true });
  });

  test("a turned photograph is turned by its EXIF orientation", () => {
    const { upright, turned } = seen.exif;
    // Its bright half is above in the file, and right after a quarter turn clockwise.
    assert.ok(upright[0] > 0.5 && upright[3] > 0.5 && upright[12 * 11] < -0.5);
    assert.ok(turned[0] < -0.5 && turned[12 * 11] < -0.5 && turned[11] > 0.5);
  });

  test("transparent pixels keep their colours", () => {
    assert.deepEqual(seen.transparent, [200, 100, 50]);
  });

  test("a one-channel network takes the luma of a photograph", () => {
    assert.deepEqual(seen.gray.shape, [1, 1, 4, 4]);
    const expected = (255 * 0.299) / 255;
    assert.ok(Math.abs(seen.gray.data[0] - expected) < 0.005);
  });

  test("an atlas holds every plane, and its ranges say what the bytes mean", () => {
    const { rgba, columns, rows, tile, ranges, width, height } = seen.painted;
    assert.deepEqual([columns, rows, tile, width, height], [2, 2, [1, 2], 4, 2]);
    const grays = [...rgba].filter((_, index) => index % 4 === 0);
    assert.deepEqual(grays, [0, 255, 128, 128, 0, 255, 0, 0]);
    assert.deepEqual([...ranges], [-1, 3, 5, 5, 0, 1]);
  });

  test("the diverging map has zero in its middle and the legend's colours are the painted ones", () => {
    const { diverging, ramp } = seen.colours;
    assert.deepEqual([...diverging.slice(4, 7)], [...ramp.slice(128 * 4, 128 * 4 + 3)]);
    assert.deepEqual([...diverging.slice(8, 11)], [...ramp.slice(255 * 4, 255 * 4 + 3)]);
    assert.equal(ramp.length, 1024);
  });

  test("red, green and blue planes make one tile", () => {
    assert.deepEqual([...seen.rgb], [255, 128, 0, 255]);
  });

  test("the data set that ships has pictures, labels and classes", () => {
    const { shape, labels, classes, least, most, progress } = seen.dataset;
    assert.deepEqual(shape, [2000, 1, 28, 28]);
    assert.equal(labels.length, 2000);
    assert.equal(classes.length, 10);
    assert.ok(labels.every((/** @type {number} */ label) => label >= 0 && label < 10));
    assert.ok(least < most && Number.isFinite(most));
    assert.ok(progress > 1_000_000);
  });
});

/** Asks everything once, in one page. */
function look() {
  return withScope(
    { backend: "cpu" },
    async ({ scope, arg }) => {
      const preprocess = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
      const net = await scope.load(arg.tiny, { preprocess });
      const image = new ImageData(12, 12);
      for (let i = 0; i < image.data.length; i += 1)
        image.data[i] = i % 4 === 3 ? 255 : (i * 37 + (i >> 4) * 11) % 256;
      const tensor = await net.preprocess(image);
      const { data, width, height } = await net.toPixels(tensor);
      const round = { tensor, pixels: image.data, back: { data, width, height } };

      const canvas = document.createElement("canvas");
      canvas.width = 12;
      canvas.height = 12;
      canvas.getContext("2d")?.putImageData(image, 0, 0);
      /** @type {(type?: string) => Promise<Blob>} */
      const blobOf = (type) =>
        new Promise((resolve) =>
          canvas.toBlob((blob) => resolve(/** @type {Blob} */ (blob)), type, 1),
        );
      const blob = await blobOf();
      const img = new Image();
      img.src = URL.createObjectURL(blob);
      const offscreen = new OffscreenCanvas(12, 12);
      offscreen.getContext("2d")?.putImageData(image, 0, 0);

      // A video of a smooth picture, which compression leaves as it is.
      const screen = document.createElement("canvas");
      screen.width = 96;
      screen.height = 96;
      const pen = /** @type {CanvasRenderingContext2D} */ (screen.getContext("2d"));
      const video = document.createElement("video");
      video.muted = true;
      video.srcObject = screen.captureStream(30);
      const playing = video.play();
      pen.fillStyle = "rgb(200 100 50)";
      pen.fillRect(0, 0, 96, 96);
      await playing;

      /** @type {Record<string, any>} */
      const kinds = {};
      kinds.ImageData = await net.preprocess(image);
      kinds.ImageBitmap = await net.preprocess(await createImageBitmap(image));
      kinds.Blob = await net.preprocess(blob);
      kinds.File = await net.preprocess(new File([blob], "a.png"));
      kinds.img = await net.preprocess(img);
      kinds.canvas = await net.preprocess(canvas);
      kinds.OffscreenCanvas = await net.preprocess(offscreen);
      const ofVideo = await net.preprocess(video);
      const ofScreen = await net.preprocess(screen);
      kinds.video = {
        data: kinds.ImageData.data.map(
          (/** @type {number} */ value, /** @type {number} */ i) =>
            value + ofVideo.data[i] - ofScreen.data[i],
        ),
      };
      pen.canvas.remove();
      video.srcObject = null;

      // The worker is asked once for a picture that cannot change.
      let decodes = 0;
      const post = Worker.prototype.postMessage;
      Worker.prototype.postMessage = function (
        /** @type {any} */ message,
        /** @type {any} */ rest,
      ) {
        if (message.method === "preprocess") decodes += 1;
        post.call(this, message, rest);
      };
      const fresh = blob.slice(0, blob.size, "image/png");
      const first = await net.preprocess(fresh);
      first.data.fill(9);
      const second = await net.preprocess(fresh);
      await net.predict(fresh);
      Worker.prototype.postMessage = post;
      const cache = {
        decodes,
        unharmed: second.data.every(
          (/** @type {number} */ value, /** @type {number} */ i) => value === kinds.Blob.data[i],
        ),
      };

      const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
      context.fillStyle = "#000";
      context.fillRect(0, 0, 12, 12);
      context.fillStyle = "#fff";
      context.fillRect(0, 0, 12, 6);
      const jpeg = new Uint8Array(await (await blobOf("image/jpeg")).arrayBuffer());
      // An APP1 segment whose only entry is the orientation: 6, a quarter turn clockwise.
      const app1 = [
        0xff, 0xe1, 0, 34, 0x45, 0x78, 0x69, 0x66, 0, 0, 0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 1,
        0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0,
      ];
      const marked = new Blob([jpeg.slice(0, 2), new Uint8Array(app1), jpeg.slice(2)]);
      const exif = {
        upright: (await net.preprocess(new Blob([jpeg]))).data.slice(0, 144),
        turned: (await net.preprocess(marked)).data.slice(0, 144),
      };

      const clear = await (await fetch(arg.clear)).blob();
      const shown = await net.toPixels(await net.preprocess(clear));
      const transparent = [...shown.data.slice(0, 3)];

      const graph = {
        input: { shape: [1, 4, 4] },
        nodes: [{ name: "flat", op: "flatten", inputs: ["input"] }],
      };
      const single = await scope.load({ graph, weights: {} });
      context.fillStyle = "#f00";
      context.fillRect(0, 0, 12, 12);
      const gray = await single.preprocess(canvas);

      const read = async (/** @type {any} */ painted) => {
        const { width, height } = painted.bitmap;
        const target = new OffscreenCanvas(width, height);
        const reader = /** @type {OffscreenCanvasRenderingContext2D} */ (target.getContext("2d"));
        reader.drawImage(painted.bitmap, 0, 0);
        return { rgba: reader.getImageData(0, 0, width, height).data, width, height };
      };
      const planes = { data: Float32Array.of(-1, 3, 5, 5, 0, 1), shape: [1, 3, 1, 2] };
      const atlas = await scope.paint(planes, { columns: 2 });
      const { columns, rows, tile, ranges } = atlas;
      const painted = { ...(await read(atlas)), columns, rows, tile, ranges };
      const signed = { data: Float32Array.of(-1, 0, 2), shape: [1, 1, 1, 3] };
      const colours = {
        diverging: (await read(await scope.paint(signed, { map: "diverging" }))).rgba,
        ramp: await scope.colormap("diverging"),
      };
      const pixel = { data: Float32Array.of(2, 1, 0), shape: [1, 3, 1, 1] };
      const rgb = (await read(await scope.paint(pixel, { map: "rgb" }))).rgba;

      let progress = 0;
      const { images, labels, classes } = await scope.dataset("fashion", {
        onProgress: (/** @type {{ loaded: number }} */ { loaded }) => {
          progress = loaded;
        },
      });
      let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
      for (const value of images.data) {
        least = Math.min(least, value);
        most = Math.max(most, value);
      }
      const dataset = { shape: images.shape, labels: [...labels], classes, least, most, progress };
      return { round, kinds, cache, exif, transparent, gray, painted, colours, rgb, dataset };
    },
    { tiny: tiny(), clear: CLEAR },
  );
}
