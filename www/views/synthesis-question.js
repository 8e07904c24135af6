/**
 * What is asked of the network, by the state: the objective, its name, and the options of a run.
 * @module
 */

import { nameOf, partsOf, termsOf } from "./synthesis-mix.js";
import { PRESETS, settingsOf, switchedOff, tidy } from "./synthesis-settings.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../convscope.js").SynthesisOptions} SynthesisOptions
 * @typedef {import("../convscope.js").SynthesisPreset} SynthesisPreset
 * @typedef {import("../convscope.js").Objective} Objective
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("./synthesis-settings.js").Preset} Preset
 * @typedef {SynthesisOptions & { seed: number, steps: number, every: number }} Wanted
 * @typedef {typeof KINDS[number]} Of
 * @typedef {typeof SIGHTS[number]} Sight
 */

const KINDS = /** @type {const} */ ([
  "class",
  "channel",
  "unit",
  "spot",
  "mix",
  "dream",
  "caricature",
]);
const SIGHTS = /** @type {const} */ (["one", "grid", "layers", "between", "diverse", "switches"]);

/**
 * One of a few words; the first where an address has another.
 * @template {string} Word
 * @param {readonly Word[]} words
 * @param {unknown} word
 */
const known = (words, word) => words.find((each) => each === word) ?? words[0];

/** Networks up to this many pixels a side are so fast that a run starts by itself. */
const SMALL = 64;

/** A dream changes a picture that stays there: few and short steps, moved by a little, coarse to fine. */
const DREAM = { octaves: 2, steps: 32, rate: 0.02 };
const DREAM_SETTINGS = { l2: 0, tv: 0.5, background: "mean", inputNoise: 0 };

/**
 * What a layer sees at one place of a picture, as a direction of length 1 in the space of its channels.
 * @param {Tensor} seen `[1, C, H, W]`
 * @param {{ y: number, x: number }} place
 */
export function directionAt({ data, shape: [, channels, height, width] }, { y, x }) {
  const direction = Float32Array.from(
    { length: channels },
    (_, channel) => data[(channel * height + y) * width + x],
  );
  const length = Math.hypot(...direction) || 1;
  return direction.map((value) => value / length);
}

/**
 * The place at which a layer's answer is longest.
 * @param {Tensor} seen `[1, C, H, W]`
 */
export function loudestPlace({ data, shape: [, channels, height, width] }) {
  const squares = Float32Array.from({ length: height * width }, (_, at) => {
    let sum = 0;
    for (let channel = 0; channel < channels; channel += 1)
      sum += data[channel * height * width + at] ** 2;
    return sum;
  });
  const at = squares.indexOf(squares.reduce((most, each) => Math.max(most, each), 0));
  return { y: Math.floor(Math.max(0, at) / width), x: Math.max(0, at) % width };
}

/**
 * @param {{ app: Session, store: Store }} options
 */
export function createQuestion({ app, store }) {
  /** Where a layer answers most to a picture. @type {{ input: Tensor, layer: string, y: number, x: number } | null} */
  let loudest = null;
  const kind = () => known(KINDS, store.get()["synthesis.of"]);
  const sight = () => known(SIGHTS, store.get()["synthesis.sight"]);
  const isSmall = () => Math.max(...app.net.input.shape.slice(2)) <= SMALL;

  /** Whether parts of layers are asked for, whose patterns fill a picture. */
  const isPattern = () =>
    !["class", "mix"].includes(kind()) || ["grid", "layers"].includes(sight());

  /** @param {string} name that of this network and question if empty @returns {Promise<Preset>} */
  const presetOf = (name) => {
    const own = isPattern() ? "pattern" : undefined;
    return app.net.synthesisPreset(name === "" ? own : /** @type {SynthesisPreset} */ (name));
  };

  /**
   * The place in question in the layer's maps: the chosen one, else the middle, or for a direction where the layer answers
   * most as soon as `look` has found it: where nothing answers there is no direction.
   */
  function place() {
    const { name, shape } = app.layer;
    const [, height, width] = shape;
    const { "synthesis.y": y, "synthesis.x": x } = store.get();
    const isFound = kind() === "spot" && loudest?.input === app.input && loudest.layer === name;
    const own = isFound && loudest ? loudest : { y: height >> 1, x: width >> 1 };
    const chosen = typeof y === "number" && typeof x === "number" && y < height && x < width;
    return chosen ? { y, x } : { y: own.y, x: own.x };
  }

  /** Finds the place of a direction. @param {AbortSignal} [signal] */
  async function look(signal) {
    const { input, layer } = app;
    if (kind() !== "spot" || (loudest?.input === input && loudest.layer === layer.name)) return;
    const { [layer.name]: seen } = await app.net.activations(input, [layer.name], { signal });
    loudest = { input, layer: layer.name, ...loudestPlace(seen) };
  }

  const channel = () => Math.min(store.get().channel, app.layer.shape[0] - 1);
  const parts = () => partsOf(app, String(store.get()["synthesis.mix"]));

  /** @param {AbortSignal} [signal] @returns {Promise<Objective>} */
  async function objective(signal) {
    const layer = app.layer.name;
    if (kind() === "class") return { logit: app.target };
    if (kind() === "channel") return { layer, channel: channel() };
    if (kind() === "unit") return { layer, channel: channel(), ...place() };
    if (kind() === "mix") return termsOf(parts());
    if (kind() === "dream") return { layer };
    const { [layer]: seen } = await app.net.activations(app.input, [layer], { signal });
    if (kind() === "spot") return { layer, direction: directionAt(seen, place()) };
    return { layer, caricature: seen };
  }

  /** Whether the plain rule can stand beside it. */
  const canCompare = () => kind() !== "dream" && kind() !== "caricature";
  const isChannel = () => kind() === "channel" || kind() === "unit";

  /** The unit at the other end: the chosen one, else the next class or channel. */
  function other() {
    const chosen = store.get()["synthesis.other"];
    if (isChannel()) {
      const { name: layer, shape } = app.layer;
      const next = typeof chosen === "number" ? chosen : channel() + 1;
      const to = { layer, channel: next % shape[0] };
      return {
        to: kind() === "unit" ? { ...to, ...place() } : to,
        name: `channel ${to.channel}`,
      };
    }
    const rival = app.prediction.top.find((each) => each.index !== app.target);
    const logit = typeof chosen === "number" ? chosen : (rival?.index ?? 0);
    return { to: { logit }, name: app.label(logit) };
  }

  const question = {
    app,
    kind,
    sight,
    isSmall,
    presetOf,
    objective,
    place,
    look,
    subject() {
      const { name } = app.layer;
      const { y, x } = place();
      if (kind() === "class") return app.targetLabel;
      if (kind() === "channel") return `channel ${channel()} of ${name}`;
      if (kind() === "unit") return `unit (${y}, ${x}) in channel ${channel()} of ${name}`;
      if (kind() === "mix")
        return parts()
          .map((part, at) => {
            const sign = part.weight < 0 ? "−" : at > 0 ? "+" : "";
            const times = Math.abs(part.weight);
            const name = nameOf(app, part);
            return [sign, ...(times === 1 ? [] : [`${times} ·`]), name].filter(Boolean).join(" ");
          })
          .join(" ");
      return name;
    },
    /** Whether a change of these keys asks for another picture. @param {Set<string>} changed */
    isAnother(changed) {
      const { "synthesis.from": from, "synthesis.mix": mix } = store.get();
      const keys = ["net", "weights"];
      const of = kind();
      if (sight() === "between" && !isChannel()) keys.push("prediction");
      if (sight() === "grid") keys.push("layer");
      else if (sight() === "layers") keys.push("input");
      else {
        if (of !== "class" && of !== "mix") keys.push("layer");
        if (isChannel()) keys.push("channel");
        if (of === "class" || (of === "mix" && mix === "")) keys.push("target", "prediction");
        const looks = ["spot", "caricature", "dream"].includes(of) || from === "picture";
        if (looks) keys.push("input");
      }
      return keys.some((key) => changed.has(key));
    },
    /** The name of the number that is raised. */
    value: () =>
      ({
        class: "logit",
        channel: "mean of the map",
        unit: "the unit",
        spot: "mean projection",
        mix: "weighted sum",
        dream: "mean square",
        caricature: "length × cos²",
      })[kind()],
    canCompare,
    compares: () => store.get()["synthesis.compare"] === true && canCompare(),
    /** Whether it is the chosen picture that is changed or taken as an example, so that it stands beside. */
    keepsPicture: () => kind() === "dream" || kind() === "caricature",
    /** What a run starts from. @returns {"noise" | "grey" | "picture"} */
    start() {
      const chosen = store.get()["synthesis.from"];
      if (chosen === "grey" || chosen === "picture") return chosen;
      return kind() === "dream" ? "picture" : "noise";
    },
    /** The name of the settings. @param {Preset | null} chosen */
    settingsName(chosen) {
      const name = String(store.get()["synthesis.preset"]) || chosen?.preset || "";
      const label = PRESETS.find((each) => each.value === name)?.label ?? name;
      const off = switchedOff(store.get()).size;
      return off > 0 ? `${label}, ${off} switched off` : label;
    },
    other,
    /** Units that can stand at the other end, to choose from. */
    ends() {
      const [channels] = app.layer.shape;
      const names = isChannel()
        ? Array.from({ length: channels }, (_, index) => `channel ${index}`)
        : app.net.labels;
      const automatic = isChannel() ? "The next channel" : "The next probable class";
      const chosen = typeof store.get()["synthesis.other"] === "number";
      return { names, value: chosen ? other().name : automatic, automatic };
    },
    /** The layer where pictures that are kept apart are compared: the objective's, else the last that has places. */
    compared() {
      if (kind() !== "class" && kind() !== "mix") return app.layer.name;
      const spatial = app.net.layers.findLast(({ shape: [, height, width] }) => height * width > 1);
      return (spatial ?? app.layer).name;
    },
    /**
     * The options of a run by what is chosen, and the preset that they come from.
     * @param {AbortSignal} signal
     * @returns {Promise<{ wanted: Wanted, preset: Preset }>}
     */
    async wanted(signal) {
      const now = store.get();
      const preset = await presetOf(String(now["synthesis.preset"]));
      const settings = settingsOf(preset, now);
      await look(signal);
      const dreams = kind() === "dream";
      // What is pushed along has the size that the layer has for the picture.
      if (kind() === "caricature") settings.octaves = 1;
      if (dreams && Number(now["synthesis.octaves"]) <= 1) settings.octaves = DREAM.octaves;
      if (dreams)
        Object.assign(settings, DREAM_SETTINGS, {
          transforms: preset.transforms.filter((each) => "jitter" in each),
        });
      if (dreams && now["synthesis.rate"] === null) settings.learningRate = DREAM.rate;
      const start = question.start();
      const asked = Number(now["synthesis.steps"]);
      const wanted = {
        ...tidy(settings),
        objective: await objective(signal),
        init: start === "picture" ? app.input : start,
        steps: asked > 0 ? asked : dreams ? DREAM.steps : preset.steps,
        seed: Number(now["synthesis.seed"]),
        every: isSmall() ? 2 : 1,
      };
      return { wanted, preset };
    },
  };
  return question;
}

/** @typedef {ReturnType<typeof createQuestion>} Question */
