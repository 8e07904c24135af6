/**
 * What a picture is made with, as switches that can be turned off one by one, and as the options that
 * `net.synthesize` takes.
 * @module
 */

/**
 * @typedef {import("../convscope.js").SynthesisOptions} SynthesisOptions
 * @typedef {import("../convscope.js").SynthesisSettings} SynthesisSettings
 * @typedef {import("../convscope.js").SynthesisPreset} SynthesisPreset
 * @typedef {import("../convscope.js").Transform} Transform
 * @typedef {import("../convscope.js").Objective} Objective
 * @typedef {import("../app/store.js").State} State
 * @typedef {Required<SynthesisSettings> & { steps: number }} Preset
 * @typedef {{ id: string, label: string, title: string, off: (settings: SynthesisSettings) => void, has: (settings: Preset) => boolean }} Switch
 */

/** @param {string} kind */
const without = (kind) => (/** @type {SynthesisSettings} */ settings) => {
  settings.transforms = (settings.transforms ?? []).filter((each) => !(kind in each));
};

/** @param {string} kind */
const holds = (kind) => (/** @type {Preset} */ settings) =>
  settings.transforms.some((each) => kind in each);

/** What can be switched off, one by one. @type {Switch[]} */
export const SWITCHES = [
  {
    id: "fourier",
    label: "Fourier space",
    title: "Optimises cosine waves instead of pixels, so that coarse shapes come first",
    has: (settings) => settings.parametrization === "fourier",
    off: (settings) => {
      settings.parametrization = "pixel";
      delete settings.decay;
    },
  },
  {
    id: "colours",
    label: "Decorrelated colours",
    title: "Moves along the directions in which colours of photographs vary",
    has: (settings) => settings.decorrelate,
    off: (settings) => {
      settings.decorrelate = false;
    },
  },
  {
    id: "jitter",
    label: "Jitter",
    title: "Shifts the picture by a few pixels before each step",
    has: holds("jitter"),
    off: without("jitter"),
  },
  {
    id: "scale",
    label: "Scaling",
    title: "Magnifies the picture a little, differently in each step",
    has: holds("scale"),
    off: without("scale"),
  },
  {
    id: "rotate",
    label: "Rotation",
    title: "Turns the picture by a few degrees, differently in each step",
    has: holds("rotate"),
    off: without("rotate"),
  },
  {
    id: "background",
    label: "Dark background",
    title: "Starts on black, as the network’s own pictures do, instead of on its mean grey",
    has: (settings) => settings.background !== "mean",
    off: (settings) => {
      settings.background = "mean";
    },
  },
  {
    id: "veil",
    label: "Noise",
    title:
      "Lays noise over what the network sees, differently in each step, so that only what is large counts",
    has: (settings) => settings.inputNoise > 0,
    off: (settings) => {
      settings.inputNoise = 0;
    },
  },
  {
    id: "copies",
    label: "Two views a step",
    title:
      "Takes the mean gradient of two differently moved copies, so that what only one of them wants goes",
    has: (settings) => settings.copies > 1,
    off: (settings) => {
      settings.copies = 1;
    },
  },
  {
    id: "tv",
    label: "Total variation",
    title: "Holds back differences between neighbours",
    has: (settings) => settings.tv > 0,
    off: (settings) => {
      settings.tv = 0;
    },
  },
  {
    id: "l2",
    label: "Norm",
    title: "Holds back far values: λ‖X‖²",
    has: (settings) => settings.l2 > 0,
    off: (settings) => {
      settings.l2 = 0;
    },
  },
];

/** @param {SynthesisSettings} settings */
function onPixels(settings) {
  settings.parametrization = "pixel";
  delete settings.decay;
}

/**
 * What the picture is made with besides, each put into the settings by itself.
 * @type {{ label: string, change: (settings: SynthesisSettings) => void }[]}
 */
const OTHERS = [
  {
    label: "Laplacian pyramid",
    change: (settings) => {
      onPixels(settings);
      Object.assign(settings, { parametrization: "pyramid", levels: 4 });
    },
  },
  {
    label: "pixels, picture blurred",
    change: (settings) => {
      onPixels(settings);
      Object.assign(settings, { blurEvery: 4, blurSigma: 0.6 });
    },
  },
  {
    label: "pixels, gradient blurred",
    change: (settings) => {
      onPixels(settings);
      settings.gradientBlur = 1;
    },
  },
  {
    label: "pixels, small norms clipped",
    change: (settings) => {
      onPixels(settings);
      settings.clip = 0.3;
    },
  },
  {
    label: "coarse to fine",
    change: (settings) => {
      settings.octaves = 3;
    },
  },
  {
    label: "four copies a step",
    change: (settings) => {
      settings.copies = 4;
    },
  },
  {
    label: "ascent without Adam",
    change: (settings) => {
      Object.assign(settings, { optimizer: "sgd", learningRate: 0.02 });
    },
  },
];

/**
 * The settings as they are, then with each of their parts switched off, then with each of the others.
 * @param {SynthesisSettings} settings
 * @returns {{ label: string, settings: SynthesisSettings }[]}
 */
export function variants(settings) {
  const whole = /** @type {Preset} */ ({ ...settings, transforms: settings.transforms ?? [] });
  /** @param {string} label @param {(settings: SynthesisSettings) => void} change */
  const changed = (label, change) => {
    const own = { ...settings, transforms: [...whole.transforms] };
    change(own);
    return { label, settings: own };
  };
  return [
    { label: "as set", settings },
    ...SWITCHES.filter((each) => each.has(whole)).map((each) =>
      changed(`${each.label} off`, each.off),
    ),
    ...OTHERS.map((each) => changed(each.label, each.change)),
  ];
}

/** Names of the presets as a person says them. */
export const PRESETS = [
  { value: "", label: "For this network" },
  { value: "gentle", label: "Gentle (classes of small pictures)" },
  { value: "natural", label: "Natural (classes of photographs)" },
  { value: "pattern", label: "Pattern (channels)" },
  { value: "lucid", label: "Lucid’s defaults" },
  { value: "plain", label: "The plain rule" },
];

/**
 * The switches that are off, by id.
 * @param {State} state
 */
export function switchedOff(state) {
  return new Set(String(state["synthesis.off"]).split(",").filter(Boolean));
}

/**
 * The settings of a preset without what is switched off, and with the numbers that were set by hand.
 * @param {Preset} preset
 * @param {State} state
 * @returns {SynthesisSettings}
 */
export function settingsOf(preset, state) {
  const { steps: _, ...rest } = preset;
  /** @type {SynthesisSettings} */
  const settings = { ...rest, transforms: [...preset.transforms] };
  const off = switchedOff(state);
  for (const each of SWITCHES) if (off.has(each.id) && each.has(preset)) each.off(settings);
  const rate = state["synthesis.rate"];
  if (typeof rate === "number" && rate > 0) settings.learningRate = rate;
  const octaves = Number(state["synthesis.octaves"]);
  if (octaves > 1) settings.octaves = octaves;
  const blur = Number(state["synthesis.blur"]);
  if (blur > 0 && settings.parametrization === "pixel") settings.blurEvery = blur;
  if (settings.parametrization !== "pixel") delete settings.blurEvery;
  return settings;
}

/** Settings without what does not belong to their parametrisation. @param {SynthesisSettings} settings */
export function tidy(settings) {
  const { preset: _, ...rest } = settings;
  return rest;
}
