/**
 * What is asked of style transfer, by the state: the two pictures, the layers, and the options of a run.
 * @module
 */

import { imageOf } from "../app/session.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Picture} Picture
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../convscope.js").StyleOptions} StyleOptions
 * @typedef {import("../convscope.js").StyleSettings} StyleSettings
 * @typedef {import("../convscope.js").StylePreset} StylePreset
 * @typedef {import("../convscope.js").ImageLike} ImageLike
 * @typedef {import("../convscope.js").Style} Style
 * @typedef {Required<StyleSettings> & { steps: number }} Preset
 * @typedef {StyleOptions & { seed: number, steps: number, every: number, grams: string[] }} Wanted
 * @typedef {"one" | "layers" | "shuffle"} Sight
 */

/** Networks up to this many pixels a side see pictures this many times as large, since style needs room. */
const SMALL = 64;
const TIMES = 4;

/** The layers of VGG-19, as torchvision names them, that the presets for it take. */
const VGG_LAYERS = [1, 6, 11, 20, 22, 29].map((index) => `features.${index}`);

/** What goes with an optimiser that the preset does not take. */
const RATES = { adam: { learningRate: 0.03 }, lbfgs: { learningRate: 1, jitter: 0 } };

/** A style layer counts at most this many times as much as the preset has it. */
export const MOST_FACTOR = 4;

/**
 * @param {{ app: Session, store: Store }} options
 */
export function createQuestion({ app, store }) {
  /** Pictures of one's own whose style is taken. @type {Map<string, Picture>} */
  const own = new Map();

  const isSmall = () => Math.max(...app.net.input.shape.slice(2)) <= SMALL;

  /** Pictures whose style can be taken: one's own, paintings, then all others. @returns {Picture[]} */
  function styles() {
    const others = app.pictures;
    const painted = others.filter((each) => each.kind === "style");
    return [...own.values(), ...painted, ...others.filter((each) => each.kind !== "style")];
  }

  /** @param {unknown} id */
  const find = (id) => styles().find((each) => each.id === id);

  const question = {
    app,
    isSmall,
    styles,
    sight: () => /** @type {Sight} */ (store.get()["style.sight"]),
    /** The picture whose style is taken. @returns {Picture} */
    style: () => find(store.get()["style.of"]) ?? styles()[0],
    /** Another, which is mixed in, or none. */
    second: () => find(store.get()["style.second"]) ?? null,
    /** @param {File} file */
    add(file) {
      const id = `style${own.size + 1}`;
      own.set(id, {
        id,
        title: file.name,
        image: file,
        url: URL.createObjectURL(file),
        kind: "own",
      });
      return id;
    },
    /** Settings to choose from, by name: those for VGG-19 where the network is one. */
    presets() {
      const isVgg = VGG_LAYERS.every((name) => app.net.layers.some((layer) => layer.name === name));
      return [
        { value: "", label: "For this network" },
        { value: "plain", label: "The lecture’s formula, on pixels" },
        ...(isVgg
          ? [
              { value: "gatys", label: "Gatys et al., L-BFGS" },
              { value: "improved", label: "Improved: finer layers first, coarse to fine" },
            ]
          : []),
      ];
    },
    /** @returns {Promise<Preset>} */
    preset: () => {
      const chosen = String(store.get()["style.preset"]);
      const name = question.presets().some(({ value }) => value === chosen) ? chosen : "";
      return app.net.stylePreset(name === "" ? undefined : /** @type {StylePreset} */ (name));
    },
    /** By how much style layers count more or less than the preset has it: factors by name, 1 where there is none. */
    factors: () => factorsOf(String(store.get()["style.weights"])),
    /** The layer whose Gram matrices are shown. @param {Preset} preset */
    shownLayer(preset) {
      const names = Object.keys(preset.styleLayers);
      const chosen = String(store.get()["style.gram"]);
      return names.includes(chosen) ? chosen : names[Math.min(1, names.length - 1)];
    },
    /** Whether only the style counts, from noise. */
    isTexture: () => store.get()["style.texture"] === true,
    /** What is kept and what is taken, in words. */
    subject() {
      const style = question.second()
        ? `${question.style().title} and ${question.second()?.title}`
        : question.style().title;
      return question.isTexture() ? style : `${app.picture.title} in the style of ${style}`;
    },
    /**
     * The pictures of a run. What is marked gets the first style, the rest the second or none.
     * @param {import("../convscope.js").Tensor | null} mask `[1, 1, H, W]`
     * @param {AbortSignal} signal
     * @returns {Promise<{ content: ImageLike, styles: Style[] }>}
     */
    async pictures(mask, signal) {
      const second = question.second();
      const share = Number(store.get()["style.mix"]) / 100;
      const first = await imageOf(question.style(), signal);
      const marked = mask ? { mask } : {};
      const rest = mask
        ? { mask: { data: mask.data.map((value) => 1 - value), shape: mask.shape } }
        : {};
      const styles = second
        ? [
            { image: first, weight: 1 - share, ...marked },
            { image: await imageOf(second, signal), weight: share, ...rest },
          ]
        : [{ image: first, ...marked }];
      return { content: app.picture.image ?? app.input, styles };
    },
    /**
     * The options of a run by what is chosen.
     * @param {Preset} preset
     * @returns {Wanted}
     */
    wanted(preset) {
      const now = store.get();
      const factors = question.factors();
      const weights = /** @type {Record<string, number>} */ (preset.styleLayers);
      const styleLayers = Object.fromEntries(
        Object.entries(weights).map(([name, weight]) => [name, weight * (factors.get(name) ?? 1)]),
      );
      const content = String(now["style.content"]);
      const optimizer = /** @type {"adam" | "lbfgs"} */ (
        now["style.optimizer"] === "" ? preset.optimizer : now["style.optimizer"]
      );
      const { preset: _, steps, ...base } = preset;
      const [, , rows, columns] = app.net.input.shape;
      const side = isSmall() ? TIMES : 1;
      const size = Number(now["style.size"]);
      const texture = question.isTexture();
      const colours = /** @type {"" | "luminance" | "match"} */ (now["style.colours"]);
      const asked = Number(now["style.steps"]);
      return {
        ...base,
        contentLayers: content === "" ? preset.contentLayers : { [content]: 1 },
        styleLayers,
        alpha: texture ? 0 : preset.alpha,
        beta: betaOf(now["style.ratio"], preset),
        tv: typeof now["style.tv"] === "number" ? now["style.tv"] : preset.tv,
        statistic: now["style.moments"] === true ? "moments" : preset.statistic,
        preserveColors: colours === "" ? preset.preserveColors : colours,
        styleScale: Number(now["style.scale"]),
        scales: Number(now["style.scales"]) || preset.scales,
        optimizer,
        ...(optimizer === preset.optimizer ? {} : RATES[optimizer]),
        init: texture ? "noise" : /** @type {"content" | "style" | "noise"} */ (now["style.from"]),
        size: size > 0 ? size : [rows * side, columns * side],
        steps: asked > 0 ? asked : steps,
        seed: Number(now["style.seed"]),
        every: 1,
        grams: [question.shownLayer(preset)],
      };
    },
  };
  return question;
}

/**
 * Factors by name out of `stem:0,block7:2`, as the address has them.
 * @param {string} text
 * @returns {Map<string, number>}
 */
export function factorsOf(text) {
  const pairs = text
    .split(",")
    .map((part) => part.split(":"))
    .map(([name, factor]) => /** @type {[string, number]} */ ([name, Number(factor)]));
  return new Map(pairs.filter(([name, factor]) => name && factor >= 0 && factor <= MOST_FACTOR));
}

/**
 * β for a share of the slider: a factor of ten each way of what the preset has.
 * @param {import("../app/store.js").Value} ratio from −1.5 to 1.5
 * @param {Preset} preset
 */
export function betaOf(ratio, preset) {
  return Number((preset.beta * 10 ** Number(ratio)).toPrecision(3));
}

/** @typedef {ReturnType<typeof createQuestion>} Question */
