/**
 * The attribution methods that the page shows: what each computes, who wrote it down, where it misleads, and which options
 * it has. A method is listed here as soon as the engine has it.
 * @module
 */

/**
 * A choice is one of several words, a range a number; `start` is the engine's own default. `share` reads a range as the
 * share of the picture's shorter side, from which its default and bounds follow.
 * @typedef {{ name: string, label: string, kind: "choice", start: string, values: [string, string][] }} Choice
 * @typedef {{ name: string, label: string, kind: "range", start: number | "auto", min: number, max: number, step: number, unit?: string }} Range
 * @typedef {{ name: string, label: string, kind: "switch", start: boolean }} Switch
 * @typedef {Choice | Range | Switch} Option
 * @typedef {number | "channels" | "windows"} Passes a number, or one for each channel of the layer or window over the picture
 * @typedef {"magnitude" | "signed" | "evidence" | "score"} Sign `magnitude` is never negative, `evidence` is cut off at 0,
 *   `score` has no zero of its own
 * @typedef {{
 *   id: string,
 *   group: string,
 *   title: string,
 *   what: string,
 *   paper: string,
 *   weakness: string,
 *   sign: Sign,
 *   layered: boolean,
 *   passes: Passes,
 *   options: Option[],
 *   lacks: string,
 * }} Method `layered` methods look at a layer; `passes` is how often the network runs; `lacks` is the property that no
 *   identity can prove
 */

export const GROUPS = ["Gradient", "Paths and noise", "Rules", "Class activation", "Perturbation"];

const BASELINES = /** @type {[string, string][]} */ ([
  ["zero", "Zero (the mean colour)"],
  ["black", "Black"],
  ["mean", "The picture's mean"],
  ["blur", "The picture, blurred"],
  ["noise", "Noise"],
]);

const RULES = /** @type {[string, string][]} */ ([
  ["gausslegendre", "Gauss–Legendre"],
  ["riemann_left", "Riemann, left"],
  ["riemann_right", "Riemann, right"],
  ["riemann_middle", "Riemann, middle"],
  ["riemann_trapezoid", "Trapezoid"],
]);

/** @type {(name?: string, label?: string) => Choice} */
const baseline = (name = "baseline", label = "Baseline X′") => ({
  name,
  label,
  kind: "choice",
  start: "zero",
  values: BASELINES,
});

/** @type {Option[]} */
const NOISE = [
  { name: "samples", label: "Noisy copies n", kind: "range", start: 50, min: 5, max: 200, step: 5 },
  {
    name: "sigma",
    label: "Noise σ",
    kind: "range",
    start: 0.15,
    min: 0,
    max: 0.5,
    step: 0.01,
    unit: "of the range",
  },
];

/** @type {Option[]} */
const RELU = [{ name: "relu", label: "Keep positive evidence only", kind: "switch", start: true }];

/** Windows that cover a picture by default: a seventh of its side, at half of that as stride. */
const WINDOWS = 13 * 13;

/** @type {Method[]} */
export const METHODS = [
  {
    id: "saliency",
    group: "Gradient",
    title: "Saliency",
    what: "How much the score changes when a pixel changes a little, without the direction.",
    paper: "Simonyan, Vedaldi, Zisserman 2013",
    weakness:
      "Sensitive is not the same as important: it says what a tiny change would do, not what the network has used.",
    sign: "magnitude",
    layered: false,
    passes: 2,
    options: [],
    lacks: "completeness: its values do not add up to the score",
  },
  {
    id: "gradient",
    group: "Gradient",
    title: "Gradient",
    what: "The same with its sign: orange pixels raise the score when they get brighter, blue ones lower it.",
    paper: "Baehrens et al. 2010",
    weakness:
      "Neighbouring pixels alternate in sign, so that it looks like noise on deep networks.",
    sign: "signed",
    layered: false,
    passes: 2,
    options: [],
    lacks: "completeness: its values do not add up to the score",
  },
  {
    id: "input_x_gradient",
    group: "Gradient",
    title: "Input × gradient",
    what: "Each pixel's value times its gradient: what the pixel adds to a linear copy of the network.",
    paper: "Shrikumar et al. 2016",
    weakness:
      "Pixels of value 0 get nothing, however much they matter; the picture shines through.",
    sign: "signed",
    layered: false,
    passes: 2,
    options: [],
    lacks: "completeness: the biases hold what is missing from the score",
  },
  {
    id: "full_grad",
    group: "Gradient",
    title: "FullGrad",
    what: "Input × gradient with every bias's share of the score added where it arises, by absolute value.",
    paper: "Srinivas, Fleuret 2019",
    weakness: "Absolute values and stretching from layer to picture blur what the exact sum says.",
    sign: "score",
    layered: false,
    passes: 2,
    options: [],
    lacks: "its sum where the score is not linear in the last layer",
  },
  {
    id: "integrated_gradients",
    group: "Paths and noise",
    title: "Integrated gradients",
    what: "The gradient averaged along the straight way from a baseline to the picture, times the difference.",
    paper: "Sundararajan, Taly, Yan 2017",
    weakness:
      "All is told against the baseline: what has the baseline's colour counts for nothing.",
    sign: "signed",
    layered: false,
    passes: 100,
    options: [
      { name: "steps", label: "Steps", kind: "range", start: 50, min: 5, max: 300, step: 5 },
      baseline(),
      { name: "rule", label: "Rule", kind: "choice", start: "gausslegendre", values: RULES },
    ],
    lacks: "nothing but more steps",
  },
  {
    id: "smooth_grad",
    group: "Paths and noise",
    title: "SmoothGrad",
    what: "The mean gradient over copies of the picture with noise added.",
    paper: "Smilkov et al. 2017",
    weakness: "It explains noisy pictures; how much noise is right is a matter of looks.",
    sign: "signed",
    layered: false,
    passes: 100,
    options: NOISE,
    lacks: "completeness: its values do not add up to the score",
  },
  {
    id: "smooth_grad_sq",
    group: "Paths and noise",
    title: "SmoothGrad²",
    what: "The mean squared gradient over noisy copies: strong where the gradient is strong in either direction.",
    paper: "Hooker et al. 2019",
    weakness: "Squares favour few pixels, and the sign is lost.",
    sign: "magnitude",
    layered: false,
    passes: 100,
    options: NOISE,
    lacks: "completeness, and a sign",
  },
  {
    id: "var_grad",
    group: "Paths and noise",
    title: "VarGrad",
    what: "How much the gradient varies over noisy copies.",
    paper: "Adebayo et al. 2018",
    weakness:
      "It marks where the network is unsteady; a steady, strong gradient counts for nothing.",
    sign: "magnitude",
    layered: false,
    passes: 100,
    options: NOISE,
    lacks: "completeness, and the gradient itself",
  },
  {
    id: "guided_backprop",
    group: "Rules",
    title: "Guided backprop",
    what: "The gradient, but every rectifier lets back only what is positive, where its own input was.",
    paper: "Springenberg et al. 2015",
    weakness:
      "It redraws the picture's edges nearly whatever the weights are: re-initialised networks give almost the same map.",
    sign: "signed",
    layered: false,
    passes: 2,
    options: [],
    lacks: "implementation invariance: it is the gradient of no function",
  },
  {
    id: "deconvnet",
    group: "Rules",
    title: "Deconvnet",
    what: "The gradient, but every rectifier lets back what is positive, whatever went forward through it.",
    paper: "Zeiler, Fergus 2014",
    weakness:
      "Without the forward pattern it shows what would excite the class anywhere, with edges by max pooling.",
    sign: "signed",
    layered: false,
    passes: 2,
    options: [],
    lacks: "implementation invariance: it is the gradient of no function",
  },
  {
    id: "deep_lift",
    group: "Rules",
    title: "DeepLIFT",
    what: "The difference to a baseline, dealt back layer by layer: a rectifier passes on its output's share of its input's difference.",
    paper: "Shrikumar, Greenside, Kundaje 2017",
    weakness:
      "All is told against the baseline, and two networks that compute the same may get different maps.",
    sign: "signed",
    layered: false,
    passes: 4,
    options: [baseline()],
    lacks: "implementation invariance",
  },
  {
    id: "lrp",
    group: "Rules",
    title: "LRP",
    what: "The score, dealt back from layer to layer in proportion to what each input contributed.",
    paper: "Bach et al. 2015, Montavon et al. 2019",
    weakness: "The rules are chosen by looks, and biases swallow part of the score.",
    sign: "signed",
    layered: false,
    passes: 4,
    options: [
      {
        name: "rule",
        label: "Rule",
        kind: "choice",
        start: "epsilon_plus",
        values: [
          ["epsilon_plus", "ε, z⁺ at convolutions"],
          ["epsilon_gamma_box", "ε, γ, zᴮ at the picture"],
          ["epsilon", "ε"],
          ["gamma", "γ"],
          ["z_plus", "z⁺"],
        ],
      },
      { name: "gamma", label: "γ", kind: "range", start: 0.25, min: 0, max: 2, step: 0.05 },
    ],
    lacks: "conservation where biases take their part of the score",
  },
  {
    id: "cam",
    group: "Class activation",
    title: "CAM",
    what: "The last feature maps, each weighted by what the linear layer behind the global mean gives it for the class.",
    paper: "Zhou et al. 2016",
    weakness: "Only where a global mean and one linear layer follow; as coarse as the last layer.",
    sign: "evidence",
    layered: true,
    passes: 1,
    options: RELU,
    lacks: "its sum where the score is not made of logits",
  },
  {
    id: "grad_cam",
    group: "Class activation",
    title: "Grad-CAM",
    what: "The layer's feature maps, each weighted by its mean gradient; what is positive stays.",
    paper: "Selvaraju et al. 2017",
    weakness: "Averaging gradients may light up places that the score does not depend on.",
    sign: "evidence",
    layered: true,
    passes: 2,
    options: RELU,
    lacks: "equality with CAM away from the last layer, and completeness",
  },
  {
    id: "grad_cam_pp",
    group: "Class activation",
    title: "Grad-CAM++",
    what: "As Grad-CAM, but the gradient's positive parts count, each position with a weight of its own.",
    paper: "Chattopadhyay et al. 2018",
    weakness: "The weights stand on a formula for exponential scores; it rarely says “against”.",
    sign: "evidence",
    layered: true,
    passes: 2,
    options: RELU,
    lacks: "completeness: its values do not add up to the score",
  },
  {
    id: "hires_cam",
    group: "Class activation",
    title: "HiResCAM",
    what: "Gradient times activation, position by position, summed over the channels.",
    paper: "Draelos, Carin 2020",
    weakness: "Faithful only where the rest of the network is linear; noisier than Grad-CAM.",
    sign: "evidence",
    layered: true,
    passes: 2,
    options: RELU,
    lacks: "its sum below the last layer, where the rest is not linear",
  },
  {
    id: "layer_cam",
    group: "Class activation",
    title: "LayerCAM",
    what: "Activation times what is positive of its gradient, position by position.",
    paper: "Jiang et al. 2021",
    weakness: "Negative evidence is dropped before the sum, so that nothing weighs against.",
    sign: "evidence",
    layered: true,
    passes: 2,
    options: RELU,
    lacks: "completeness: what speaks against is dropped",
  },
  {
    id: "score_cam",
    group: "Class activation",
    title: "Score-CAM",
    what: "Each feature map is laid over the picture as a mask; the score under it is its weight.",
    paper: "Wang et al. 2020",
    weakness: "One pass a channel, and masked pictures are no natural ones.",
    sign: "evidence",
    layered: true,
    passes: "channels",
    options: RELU,
    lacks: "completeness: its values do not add up to the score",
  },
  {
    id: "eigen_cam",
    group: "Class activation",
    title: "Eigen-CAM",
    what: "The layer's strongest common pattern: the first principal component of its feature maps.",
    paper: "Muhammad, Yeasin 2020",
    weakness: "It asks no class: the map is the same whatever is to be explained.",
    sign: "evidence",
    layered: true,
    passes: 1,
    options: RELU,
    lacks: "any dependence on what is explained",
  },
  {
    id: "ablation_cam",
    group: "Class activation",
    title: "Ablation-CAM",
    what: "Each feature map is switched off; what the score loses is its weight.",
    paper: "Desai, Ramaswamy 2020",
    weakness: "One pass a channel; channels that stand in for each other are missed.",
    sign: "evidence",
    layered: true,
    passes: "channels",
    options: RELU,
    lacks: "completeness: what channels lose together is not what they lose one by one",
  },
  {
    id: "guided_grad_cam",
    group: "Class activation",
    title: "Guided Grad-CAM",
    what: "Guided backprop where Grad-CAM is positive: the edges inside the region.",
    paper: "Selvaraju et al. 2017",
    weakness: "The fine detail is guided backprop's, and hardly depends on the weights.",
    sign: "signed",
    layered: true,
    passes: 4,
    options: [],
    lacks: "implementation invariance: it is the gradient of no function",
  },
  {
    id: "occlusion",
    group: "Perturbation",
    title: "Occlusion",
    what: "What the score loses when a window over the pixel is covered.",
    paper: "Zeiler, Fergus 2014",
    weakness:
      "A covered picture is no natural one, and evidence that is there twice is not missed.",
    sign: "signed",
    layered: false,
    passes: "windows",
    options: [
      {
        name: "window",
        label: "Window",
        kind: "range",
        start: "auto",
        min: 1,
        max: 64,
        step: 1,
        unit: "pixels",
      },
      {
        name: "stride",
        label: "Stride",
        kind: "range",
        start: "auto",
        min: 1,
        max: 64,
        step: 1,
        unit: "pixels",
      },
      baseline("fill", "Covered with"),
    ],
    lacks: "completeness: what windows lose together is not what they lose one by one",
  },
  {
    id: "rise",
    group: "Perturbation",
    title: "RISE",
    what: "The mean score of the picture under random masks, by the masks that leave the pixel in sight.",
    paper: "Petsiuk, Das, Saenko 2018",
    weakness: "An estimate: with few masks it is mostly noise; the scale does not start at zero.",
    sign: "score",
    layered: false,
    passes: 1000,
    options: [
      { name: "masks", label: "Masks", kind: "range", start: 1000, min: 100, max: 4000, step: 100 },
    ],
    lacks: "completeness, and it is an estimate",
  },
];

/** @type {Map<string, Method>} */
const BY_ID = new Map(METHODS.map((method) => [method.id, method]));

/**
 * The method of that name, else the first.
 * @param {unknown} id
 */
export function methodOf(id) {
  return BY_ID.get(String(id)) ?? METHODS[0];
}

/**
 * How often a method runs the network, forward and backward.
 * @param {Method} method
 * @param {import("../convscope.js").Net} net
 */
export function passesOf({ passes }, { layers, input }) {
  if (passes === "windows") return WINDOWS;
  if (passes !== "channels") return passes;
  const last = layers.findLast(({ shape: [, height, width] }) => height * width > 1);
  return last?.shape[0] ?? input.shape[1];
}

/**
 * The options that a text such as `steps:100,baseline:blur` sets: those that the method has, in their range.
 * @param {Method} method
 * @param {string} text
 * @returns {Record<string, string | number | boolean>}
 */
export function readOptions(method, text) {
  /** @type {Record<string, string | number | boolean>} */
  const found = {};
  for (const pair of text.split(",")) {
    const [name, value = ""] = pair.split(":");
    const option = method.options.find((each) => each.name === name);
    if (!option) continue;
    if (option.kind === "choice") {
      if (option.values.some(([word]) => word === value)) found[name] = value;
    } else if (option.kind === "switch") found[name] = value === "1";
    else {
      const read = Number(value);
      if (value !== "" && read >= option.min && read <= option.max) found[name] = read;
    }
  }
  return found;
}

/**
 * The text for options, without those at their default; the reverse of {@link readOptions}.
 * @param {Method} method
 * @param {Record<string, string | number | boolean>} options
 */
export function writeOptions(method, options) {
  return method.options
    .filter(({ name, start }) => options[name] !== undefined && options[name] !== start)
    .map(({ name }) => {
      const value = options[name];
      return `${name}:${typeof value === "boolean" ? Number(value) : value}`;
    })
    .join(",");
}
