// What the page computes by itself, without a browser: its state, its layouts, its kernels, its words.
import assert from "node:assert/strict";
import { test } from "node:test";
import { cueOf } from "../../www/api/cue-conflict.js";
import { branches, groups, strongest } from "../../www/app/list.js";
import { decode, encode, SHARED } from "../../www/app/store.js";
import { byte, made, range } from "../../www/views/kernel-math.js";
import { clipAt, reduce } from "../../www/views/reduce.js";
import { readVotes, writeVotes } from "../../www/views/shape-conflicts.js";
import { answerOf, gridsOf } from "../../www/views/shape-material.js";
import { matches } from "../../www/widgets/combobox.js";
import { fixed, number, percent } from "../../www/widgets/format.js";
import { magnification } from "../../www/widgets/pixels.js";
import { arrange } from "../../www/widgets/tiles.js";

const DEFAULTS = { ...SHARED, "a.scale": "each", "a.clip": 99, "a.open": true };

/**
 * A layer as the list needs it.
 * @param {string} name
 * @param {string[]} inputs
 * @param {string} block
 * @returns {import("../../www/convscope.js").Layer}
 */
function layer(name, inputs, block = name) {
  return {
    name,
    op: "relu",
    inputs,
    shape: [1, 1, 1],
    block,
    kernel: null,
    params: 0,
    macs: 0,
    weight: null,
    bias: null,
    statistics: null,
    slope: null,
    receptiveField: { size: [1, 1], stride: [1, 1], start: [0, 0] },
  };
}

test("a state written to the address and read back is the same state", () => {
  const states = [
    { ...DEFAULTS },
    { ...DEFAULTS, model: "my net", layer: "a/b.c&d=e#f", channel: 17, target: 0 },
    { ...DEFAULTS, target: 285, "a.scale": "", "a.clip": 99.5, "a.open": false },
    { ...DEFAULTS, image: "größe + 1", channel: -3 },
  ];
  for (const state of states)
    assert.deepEqual(decode(`#${encode(state, DEFAULTS)}`, DEFAULTS), state);
});

test("an address with values of the wrong type keeps the defaults", () => {
  const state = decode("#channel=three&target=&a.clip=NaN&stranger=1", DEFAULTS);
  assert.deepEqual(state, DEFAULTS);
});

test("the bytes of a kernel span 0 to 255, and 128 where all weights are equal", () => {
  const kernel = Float32Array.of(-1, 0, 3);
  const layerWeights = Float32Array.of(-1, 0, 3, 5);
  assert.deepEqual(range("each", kernel, layerWeights), [-1, 3]);
  assert.deepEqual(range("layer", kernel, layerWeights), [-1, 5]);
  assert.deepEqual(range("signed", kernel, layerWeights), [-5, 5]);
  assert.deepEqual(
    [...kernel].map((weight) => byte(weight, [-1, 3])),
    [0, 64, 255],
  );
  assert.equal(byte(0.7, [0.7, 0.7]), 128);
});

test("kernels made by rule are Sobel's, and as strong as those they replace", () => {
  const old = new Float32Array(9).fill(8 / 9);
  const near = (/** @type {Float32Array} */ values) =>
    [...values].map((value) => Math.round(value));
  assert.deepEqual(near(made("sobel_x", old, 3, 3)), [-1, 0, 1, -2, 0, 2, -1, 0, 1]);
  assert.deepEqual(near(made("sobel_y", old, 3, 3)), [-1, -2, -1, 0, 0, 0, 1, 2, 1]);
  assert.deepEqual(near(made("identity", old, 3, 3)), [0, 0, 0, 0, 8, 0, 0, 0, 0]);
  for (const preset of /** @type {const} */ ([
    "sobel_x",
    "sobel_y",
    "blur",
    "sharpen",
    "identity",
  ])) {
    const kernel = made(preset, new Float32Array(49).fill(-0.1), 7, 7);
    const strength = kernel.reduce((sum, value) => sum + Math.abs(value), 0);
    assert.ok(Math.abs(strength - 4.9) < 1e-5, `${preset}: ${strength}`);
  }
  assert.deepEqual([...made("negate", Float32Array.of(1, -2), 1, 2)], [-1, 2]);
  assert.deepEqual([...made("zero", Float32Array.of(1, -2), 1, 2)], [0, 0]);
});

test("a gradient over channels is reduced to its largest size, its sum of sizes, its signed sum", () => {
  const gradient = { data: Float32Array.of(1, -2, -3, 4, 0.5, 1), shape: [1, 3, 1, 2] };
  assert.deepEqual([...reduce(gradient, "max").data], [3, 4]);
  assert.deepEqual([...reduce(gradient, "sum").data], [4.5, 7]);
  assert.deepEqual([...reduce(gradient, "signed").data], [-1.5, 3]);
});

test("clipping lies at the percentile of absolute values", () => {
  const values = Float32Array.from({ length: 101 }, (_, index) => (index % 2 ? -index : index));
  assert.equal(clipAt(values, 100), 100);
  assert.equal(clipAt(values, 99), 99);
  assert.equal(clipAt(values, 50), 50);
});

test("tiles fill the box without leaving it, or scroll at their smallest size", () => {
  const box = { boxWidth: 450, boxHeight: 440, ratio: 1, largest: 160 };
  for (const [count, side] of [
    [16, 7],
    [1, 28],
    [40, 28],
    [64, 7],
    [80, 112],
  ]) {
    const { columns, width, height } = arrange({ count, width: side, height: side, ...box });
    const rows = Math.ceil(count / columns);
    assert.ok(columns * (width + 4) - 4 <= 450, `${count} of ${side}: too wide`);
    assert.ok(rows * (height + 4) - 4 <= 440, `${count} of ${side}: too high`);
    if (side <= 64) assert.equal(width % side, 0, "whole pixels");
  }
  const many = arrange({ count: 2048, width: 28, height: 28, ...box });
  assert.ok(many.width >= 40 && Math.ceil(2048 / many.columns) * many.height > 440);
});

test("small pictures are magnified by whole numbers, photographs fill their box", () => {
  assert.equal(magnification(28, 28, 380, 400), 13);
  assert.equal(magnification(224, 224, 380, 400), 380 / 224);
  assert.equal(magnification(28, 28, 20, 20), 20 / 28);
});

test("blocks are runs of layers, and a branch is an input that is not the layer before", () => {
  const layers = [
    layer("stem", ["x"]),
    layer("b0.conv", ["stem"], "b0"),
    layer("b0.conv.relu", ["b0.conv"], "b0.conv"),
    layer("b0", ["b0.conv.relu", "stem"]),
    layer("head", ["b0"]),
  ];
  assert.deepEqual(
    groups(layers).map((each) => [each.name, each.layers.length, each.shown.name]),
    [
      ["stem", 1, "stem"],
      ["b0", 3, "b0"],
      ["head", 1, "head"],
    ],
  );
  assert.deepEqual(branches(layers), [{ from: "stem", to: "b0" }]);
});

test("the strongest maps have the largest mean absolute value", () => {
  const tensor = { data: Float32Array.of(0, 0, -5, 0, 1, 1, 2, -2), shape: [1, 4, 1, 2] };
  assert.deepEqual(strongest(tensor, 3), [1, 3, 2]);
});

test("a class is found by any of its words, those it starts with first", () => {
  const names = ["tabby", "tiger cat", "cat bear", "wild cat"];
  assert.deepEqual(matches(names, "cat"), [2, 1, 3]);
  assert.deepEqual(matches(names, "CAT wi"), [3]);
  assert.deepEqual(matches(names, "dog"), []);
});

test("numbers have real minus signs, few digits, and no negative zero", () => {
  assert.equal(number(-0.012345), "−0.0123");
  assert.equal(number(1234.5), "1235");
  assert.equal(number(-1.5e-7), "−1.50·10⁻⁷");
  assert.equal(fixed(-0.0004, 2), "0.00");
  assert.equal(fixed(0.25, 2, true), "+0.25");
  assert.equal(percent(0.4082), "40.8 %");
  assert.equal(percent(0.0004), "< 0.1 %");
});

test("a cue-conflict picture's name says shape first, then texture", () => {
  const cases = /** @type {[string, [string, string] | null][]} */ ([
    ["cat7-elephant2.png", ["cat", "elephant"]],
    ["airplane/airplane1-bicycle2.PNG", ["airplane", "bicycle"]],
    ["0001_cl_s05_nrm_00_airplane_10_airplane1-bicycle2.png", ["airplane", "bicycle"]],
    ["knife10-knife3.jpg", ["knife", "knife"]],
    ["cat7.png", null],
    ["7-2.png", null],
    ["cat7-elephant2", null],
  ]);
  for (const [name, expected] of cases) {
    const cue = cueOf(name);
    assert.deepEqual(cue && [cue.shape, cue.texture], expected, name);
  }
});

test("votes keep in the address, and an answer is shared out to shape, texture and the likeliest other", () => {
  assert.deepEqual(readVotes(writeVotes({ shape: 12, texture: 3, other: 1 })), {
    shape: 12,
    texture: 3,
    other: 1,
  });
  assert.deepEqual(readVotes("12-3"), { shape: 0, texture: 0, other: 0 });
  const row = Float32Array.of(0.125, 0.25, 0.5, 0.125);
  const answer = answerOf(row, { name: "a", classes: [0, 1] }, { name: "b", classes: [3] }, [
    "a",
    "a",
    "c",
    "b",
  ]);
  assert.deepEqual(answer, {
    shape: 0.375,
    texture: 0.125,
    other: { label: "c", probability: 0.5 },
  });
  assert.deepEqual(gridsOf(224), [2, 4, 8, 16]);
  assert.deepEqual(gridsOf(28), [2, 4, 7, 14]);
  assert.deepEqual(gridsOf(224, true), [1, 2, 4, 8, 16, 32, 56]);
});
