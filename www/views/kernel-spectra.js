/**
 * Which frequencies the kernels of a layer let through: the magnitude of each kernel's two-dimensional Fourier transform,
 * and the wave to which the chosen one answers most.
 * @module
 */

import { button, fold, group, segmented, slider } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";
import { fixed, number } from "../widgets/format.js";
import { createLegend } from "../widgets/legend.js";
import { createPixels } from "../widgets/pixels.js";
import { createReadout } from "../widgets/readout.js";
import { createTiles } from "../widgets/tiles.js";
import { Bank, convolutionOf } from "./kernel-bank.js";
import { extent } from "./reduce.js";
import { createHeading, createWords, figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/session.js").Layer} Layer
 * @typedef {import("../app/session.js").Tensor} Tensor
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../widgets/pixels.js").Cell} Cell
 * @typedef {{ y: number, x: number, magnitude: number }} Wave frequencies in cycles a pixel
 */

/** Frequencies a side: odd, so that 0 lies in the middle. */
const SIZE = 33;

/** Pixels a side of the picture of a wave. */
const WAVE = 28;

/**
 * The frequency of a cell.
 * @param {number} index
 */
function frequency(index) {
  return (index - Math.floor(SIZE / 2)) / SIZE;
}

/**
 * The strongest wave of a spectrum, of each two opposite ones the one that runs down or to the right.
 * @param {Float32Array} spectrum
 * @returns {Wave}
 */
export function strongest(spectrum) {
  let best = Math.floor(spectrum.length / 2);
  for (let index = best; index < spectrum.length; index += 1)
    if (spectrum[index] > spectrum[best] * (1 + 1e-6)) best = index;
  const [y, x] = [Math.floor(best / SIZE), best % SIZE];
  return { y: frequency(y), x: frequency(x), magnitude: spectrum[best] };
}

/**
 * A wave in words.
 * @param {{ y: number, x: number }} wave
 */
export function waveWords({ y, x }) {
  const size = Math.hypot(y, x);
  if (size === 0) return "an even surface";
  const [down, across] = [Math.abs(y), Math.abs(x)];
  let run = x * y > 0 ? "rising" : "falling";
  if (down < across * 0.4) run = "upright";
  else if (across < down * 0.4) run = "level";
  return `${run} stripes, one every ${number(1 / size, 2)} pixels`;
}

/**
 * @param {HTMLElement} root
 * @param {Store} store
 * @param {Session} app
 * @returns {Part}
 */
export function create(root, store, app) {
  const life = new AbortController();
  const { signal } = life;
  const heading = createHeading();
  const words = createWords();
  const legend = createLegend(app.scope);
  const readout = createReadout(
    "0 lies in the middle, ½ cycle a pixel at the edge; point at a place for its wave.",
  );
  const tiles = createTiles({ label: "Spectra", onHover: hoverTile, onPick: choose, signal });
  const large = createPixels({ label: "The chosen spectrum", onHover: hoverLarge, signal });
  const kernel = createPixels({ label: "The kernel", signal });
  const wave = createPixels({ label: "Its strongest wave", signal });
  const all = figure(tiles.element);
  const one = figure(large.element);
  const below = figure(kernel.element, "Kernel");
  const beside = figure(wave.element, "Strongest wave");
  const check = h("p", { class: "check" });
  one.element.classList.add("one", "plain");
  const nothing = h("div", { class: "nothing", hidden: true });
  const sight = h(
    "div",
    { class: "bench" },
    all.element,
    h("div", {}, one.element, h("div", { class: "effect" }, below.element, beside.element)),
  );
  const under = h("div", { class: "under" }, legend.element, readout.element);
  root.append(heading.element, nothing, sight, under, words.element);

  const scale = segmented({
    label: "Brightest is the strongest of",
    options: [
      { value: "each", label: "Kernel", title: "Each spectrum has its own range" },
      { value: "layer", label: "Layer", title: "One range for all" },
    ],
    value: scaleOf(),
    onChange: (value) => store.set({ "kernels.scale": value }),
    signal,
  });
  const output = slider({
    label: "Output channel",
    min: 0,
    max: 1,
    step: 1,
    value: store.get().channel,
    onInput: choose,
    signal,
  });
  const facts = h("dl", { class: "facts" });
  app.controls.replaceChildren(
    group("Spectrum", scale.element, output.element, facts, check),
    fold("Formula", formula()),
  );

  /** @type {{ bank: Bank, spectra: Tensor, norms: Float32Array } | null} */
  let found = null;

  /** @returns {"each" | "layer"} */
  function scaleOf() {
    return store.get()["kernels.scale"] === "each" ? "each" : "layer";
  }

  /** @param {number} channel */
  function choose(channel) {
    store.set({ channel }, { replace: true });
  }

  async function load() {
    const layer = convolutionOf(app.net.layers, store.get().layer);
    const name = layer?.weight;
    if (!layer || !name) {
      refuse("This network has no convolution", null);
      return;
    }
    const [, , height = 1, width = 1] = layer.kernel?.shape ?? [];
    if (height * width === 1) {
      refuse(
        `The kernels of ${layer.name} are single points: they mix channels and treat all frequencies alike, so their spectrum is flat.`,
        layer,
      );
      return;
    }
    const result = await app.work("kernels.spectra", async (until) => ({
      weights: await app.net.weights(name),
      filters: await app.net.filters(layer.name, { spectrum: SIZE, signal: until }),
    }));
    if (!result?.filters.spectra || signal.aborted) return;
    const first = layer === app.net.layers.find((each) => each.op === "conv2d");
    const { spectra, norms } = result.filters;
    found = { bank: new Bank(layer, result.weights, first), spectra, norms };
    shut(false);
    await show();
  }

  /**
   * Says why there is nothing to see, and where there is.
   * @param {string} why
   * @param {Layer | null} layer
   */
  function refuse(why, layer) {
    found = null;
    heading.say(
      "Which frequencies ",
      ...(layer ? [{ name: layer.name }] : ["it"]),
      " lets through",
    );
    const other = app.net.layers.find(
      (each) => each.op === "conv2d" && (each.kernel?.shape[2] ?? 1) > 1,
    );
    nothing.replaceChildren(h("p", {}, why));
    if (other) {
      nothing.append(
        button({
          label: `Look at ${other.name}`,
          onClick: () => store.set({ layer: other.name }),
          signal,
        }),
      );
    }
    shut(true);
  }

  /** @param {boolean} empty */
  function shut(empty) {
    nothing.hidden = !empty;
    for (const element of [sight, under, words.element]) element.hidden = empty;
    output.element.hidden = empty;
    facts.hidden = empty;
    check.hidden = empty;
  }

  function chosen() {
    return Math.min(store.get().channel, (found?.bank.outputs ?? 1) - 1);
  }

  /** @param {number} channel */
  function spectrumOf(channel) {
    const size = SIZE * SIZE;
    return (
      found?.spectra.data.subarray(channel * size, (channel + 1) * size) ?? new Float32Array(size)
    );
  }

  async function show() {
    const now = found;
    if (!now) return;
    const { bank, spectra } = now;
    const channel = chosen();
    const own = spectrumOf(channel).slice();
    const best = strongest(own);
    const top = scaleOf() === "each" ? best.magnitude : extent(spectra.data)[1];
    /** @type {[number, number]} */
    const pair = [0, top || 1];
    const kernels = kernelTensor(bank, channel);
    const stripes = stripesOf(best);
    const painted = await app.work("kernels.paint", async () => ({
      grid: await app.scope.paint(spectra, {
        map: "sequential",
        scale: scaleOf() === "each" ? "each" : pair,
      }),
      alone: await app.scope.paint(
        { data: own, shape: [1, 1, SIZE, SIZE] },
        { map: "sequential", scale: pair },
      ),
      kernel: await app.scope.paint(kernels, { map: kernels.shape[1] === 3 ? "rgb" : "gray" }),
      wave: await app.scope.paint(stripes, { map: "gray", scale: [-1, 1] }),
    }));
    if (!painted || signal.aborted || found !== now) return;
    tiles.show({
      ...painted.grid,
      count: bank.outputs,
      largest: 160,
      name: (index) => `spectrum of kernel ${index}`,
      faint: (index) => now.norms[index] === 0,
      label: `Spectra of ${bank.layer.name}`,
    });
    tiles.choose(channel);
    large.show({
      width: SIZE,
      height: SIZE,
      layers: [{ bitmap: painted.alone.bitmap }],
      label: `Spectrum of kernel ${channel} of ${bank.layer.name}`,
    });
    const cell = (/** @type {number} */ value) => Math.round(value * SIZE) + Math.floor(SIZE / 2);
    large.mark({ chosen: { x: cell(best.x), y: cell(best.y) } });
    const [rows, columns] = painted.kernel.tile;
    kernel.show({ width: columns, height: rows, layers: [{ bitmap: painted.kernel.bitmap }] });
    wave.show({ width: WAVE, height: WAVE, layers: [{ bitmap: painted.wave.bitmap }] });
    legend.show({
      map: "sequential",
      low: 0,
      high: pair[1],
      label: "Magnitude",
      note: scaleOf() === "each" ? "this kernel's own range" : "the layer's range",
    });
    describe(bank, channel, own, best);
  }

  /**
   * The kernel as a picture: in colour, or the input channel with the most weight.
   * @param {Bank} bank
   * @param {number} channel
   * @returns {Tensor}
   */
  function kernelTensor(bank, channel) {
    const { height, width } = bank;
    if (bank.mode === "colours")
      return { data: bank.part(channel).slice(), shape: [1, 3, height, width] };
    let slice = 0;
    let most = -1;
    for (let each = 0; each < bank.inputs; each += 1) {
      const size = bank.part(channel, each).reduce((sum, weight) => sum + weight * weight, 0);
      if (size > most) [most, slice] = [size, each];
    }
    below.caption(bank.inputs === 1 ? "Kernel" : `Strongest slice, ${slice}`);
    return { data: bank.part(channel, slice).slice(), shape: [1, 1, height, width] };
  }

  /** @param {Wave} best @returns {Tensor} */
  function stripesOf({ y, x }) {
    const middle = (WAVE - 1) / 2;
    const data = Float32Array.from({ length: WAVE * WAVE }, (_, index) =>
      Math.cos(
        2 * Math.PI * (y * (Math.floor(index / WAVE) - middle) + x * ((index % WAVE) - middle)),
      ),
    );
    return { data, shape: [1, 1, WAVE, WAVE] };
  }

  /**
   * @param {Bank} bank
   * @param {number} channel
   * @param {Float32Array} spectrum
   * @param {Wave} best
   */
  function describe(bank, channel, spectrum, best) {
    const { layer, outputs, inputs, height, width } = bank;
    heading.say("Which frequencies ", { name: layer.name }, " lets through");
    all.caption(`Spectra of ${outputs} kernels`);
    one.caption(`Spectrum of kernel ${channel}`);
    scale.set(scaleOf());
    output.set(channel, { max: outputs - 1 });
    const even = spectrum[Math.floor(spectrum.length / 2)];
    const share = best.magnitude > 0 ? even / best.magnitude : 0;
    facts.replaceChildren(
      ...Object.entries({
        strongest: waveWords(best),
        "|W| there": number(best.magnitude),
        "|W| at 0": `${number(even)}, ${Math.round(100 * share)} %`,
      }).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
    );
    const power = spectrum.reduce((sum, value) => sum + value * value, 0) / spectrum.length;
    const square = bank.part(channel).reduce((sum, weight) => sum + weight * weight, 0);
    const fits = Math.abs(power - square) <= 1e-4 * Math.max(square, 1e-12);
    check.classList.toggle("wrong", !fits);
    check.textContent = `Parseval: mean of |W|² ${number(power, 4)} ${fits ? "=" : "≠"} Σw² ${number(square, 4)}`;
    words.say(
      [
        `Bright places are the waves that kernel ${channel} answers to: it is strongest for ${waveWords(best)}. A bright middle passes brightness, a dark one only differences.`,
        inputs > 1 ? ` Over its ${inputs} input channels the powers are added.` : "",
      ],
      [
        Math.max(height, width) <= 3
          ? "Nine weights draw a smooth spectrum: the direction can be told, the exact frequency cannot."
          : `${height} × ${width} weights blur the spectrum to about 1/${Math.max(height, width)} cycle, and it has lost where in the kernel the wave sits (its phase).`,
      ],
    );
  }

  /** @param {number} channel @param {Cell} cell */
  function tell(channel, { x, y }) {
    const wave = { y: frequency(y), x: frequency(x) };
    readout.show(
      `kernel ${channel}: |W| ${number(spectrumOf(channel)[y * SIZE + x])} at ${fixed(wave.x, 2)} across, ${fixed(wave.y, 2)} down: ${waveWords(wave)}`,
    );
  }

  /** @param {import("../widgets/tiles.js").TileCell | null} at */
  function hoverTile(at) {
    if (at && found) tell(at.plane, at);
    else readout.show(null);
  }

  /** @param {Cell | null} at */
  function hoverLarge(at) {
    if (at && found) tell(chosen(), at);
    else readout.show(null);
  }

  return {
    update(next, changed) {
      scale.set(scaleOf());
      const other = convolutionOf(app.net.layers, next.layer) !== found?.bank.layer;
      if (other || changed.has("net") || changed.has("weights")) void load();
      else if (["channel", "kernels.scale"].some((key) => changed.has(key))) void show();
    },
    destroy() {
      life.abort();
    },
  };
}

function formula() {
  return h(
    "p",
    {},
    "|W(f)| = √Σ",
    h("sub", {}, "c"),
    "|Σ",
    h("sub", {}, "y,x"),
    " w",
    h("sub", {}, "c"),
    "(y, x)·exp(−2πi(f",
    h("sub", {}, "y"),
    "y + f",
    h("sub", {}, "x"),
    "x))|², on 33 × 33 frequencies, the kernel padded with zeros.",
  );
}
