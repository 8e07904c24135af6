/**
 * convscope's public interface. Tensors are row-major, NCHW. Every call that fails rejects with an `Error` that has a
 * `code` and a sentence; the scope and its networks go on working.
 */

export type Tensor = { data: Float32Array; shape: number[] };

/**
 * What can be looked at: a picture, which the network's own rule resizes and normalises, or a tensor `[N, C, H, W]`, which
 * is taken as it is.
 */
export type ImageLike =
  | ImageData
  | ImageBitmap
  | Blob
  | HTMLImageElement
  | HTMLCanvasElement
  | HTMLVideoElement
  | OffscreenCanvas
  | Tensor;

export type ErrorCode =
  | "unsupported_op"
  | "bad_model"
  | "bad_image"
  | "bad_argument"
  | "no_webgpu"
  | "device_lost"
  | "out_of_memory"
  | "aborted"
  | "internal";

export type ConvscopeError = Error & { code: ErrorCode };

/**
 * Bytes, pictures or steps so far (`loaded` and `done` say the same), and in all where that is known; with the result as it
 * stands where a call sharpens an estimate.
 */
export type Progress = { loaded?: number; done?: number; total?: number; partial?: Tensor };

/** Options of every call that can be long or random. */
export type Common = {
  /** Stops the call, which then rejects with code `aborted`. */
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
  /** A whole number; the same one gives the same result on one backend. */
  seed?: number;
};

/** Options of a call that goes by steps. */
export type Stepped<Step> = {
  /**
   * Sees a step. The call goes on when what it returns has settled, so that a promise pauses the call; other calls run
   * meanwhile. What it throws ends the call.
   */
  onStep?: (step: Step) => unknown;
};

/** Channels of a layer scaled (0 switches one off), or its output replaced. */
export type Override = Record<string, { scale: Record<number, number> } | Tensor>;

/** Options of every call that runs the network. */
export type Run = Common & { override?: Override };

/** One term of an objective; see the table in the documentation. `weight` is 1 by default. */
export type Term = { weight?: number } & (
  | { logit: number }
  | { probability: number }
  | { loss: number }
  | { layer: string }
  | { layer: string; channel: number }
  | { layer: string; channel: number; y: number; x: number }
  | { layer: string; direction: Float32Array | number[] }
  | { layer: string; dot: Tensor }
  | { layer: string; content: Tensor; reduction?: "mean" | "sum" }
  /** ⟨a, t⟩ / |t| · max(0.1, cos(a, t))^power, t the tensor and `power` 2 unless given. */
  | { layer: string; caricature: Tensor; power?: number }
  | { layer: string; gram: Tensor; reduction?: "mean" | "sum"; normalize?: boolean }
  | { tv: number; reduction?: "mean" | "sum" }
  | { l2: number; reduction?: "mean" | "sum" }
);

/** A term, or the weighted sum of several. */
export type Objective = Term | Term[];

/** Options of every way to lay pictures out as points. */
export type EmbedCommon = Run & {
  /** By what this layer says of the pictures; without it, by their own values. */
  layer?: string;
  /**
   * `"flatten"` (the default): all values of the layer; of very many, means over squares of positions. `"mean"`: the mean of
   * each channel. `"positions"`: every position of one picture's map is a point.
   */
  pool?: "flatten" | "mean" | "positions";
  /** A class for each point, for `knnAccuracy` and `silhouette`. */
  labels?: Int32Array | number[];
  /** How many nearest neighbours to give for each point, up to 100; 0 by default. */
  nearest?: number;
  /** A map `[N, 2]` onto which the result is turned, mirrored, scaled and shifted (Procrustes). */
  align?: Tensor;
  /** Whether to compute `trustworthiness`, `true` by default. */
  quality?: boolean;
};

/** Principal components. */
export type EmbedPca = EmbedCommon & {
  method?: "pca";
  /** 2 by default, up to 50. */
  components?: number;
};

/** A map under way. */
export type EmbedStep = {
  /** Steps taken. */
  step: number;
  /** `[N, 2]` */
  points: Tensor;
  /** Of t-SNE: KL(P ‖ Q) in nats. */
  kl?: number;
};

/** What a listener to steps may answer: how many steps until the next one, or to stop with what there is. */
export type EmbedAnswer = { every?: number; stop?: boolean };

/** Options of a map that is found by steps. */
export type EmbedSearch = EmbedCommon &
  Stepped<EmbedStep> & {
    /** Maps that are found by steps have two axes; `"pca"` gives more. */
    components?: 2;
    /** 1000 for t-SNE; for UMAP 500, or 200 for more than 10,000 points. */
    iterations?: number;
    /** Where it starts: the principal components (the default, for UMAP, too), at random, or on a map `[N, 2]`. */
    init?: "pca" | "random" | Tensor;
    /** Steps from one that `onStep` sees to the next, 10 by default. */
    every?: number;
  };

/** t-SNE; exact up to 2,000 points, by groups of far points beyond. */
export type EmbedTsne = EmbedSearch & {
  method: "tsne";
  /** The effective number of neighbours of a point, 30 by default; below the number of points less one. */
  perplexity?: number;
  /** The factor on attraction in the first 250 steps, 12 by default. */
  earlyExaggeration?: number;
  /** `"auto"` is max(N / (4 · earlyExaggeration), 50). */
  learningRate?: "auto" | number;
};

export type EmbedUmap = EmbedSearch & {
  method: "umap";
  /** Neighbours of a point, itself among them, 15 by default. */
  neighbors?: number;
  /** How close points may come, 0.1 by default. */
  minDistance?: number;
};

export type Embedding = {
  /** `[N, 2]`, or `[N, components]` */
  points: Tensor;
  /** What a point was made of: channels, rows and columns. */
  features: [number, number, number];
  /** The side of the squares of positions that were taken as one; 1 where every value counts. */
  pooled: number;
  /** How far nearest neighbours in the map are true ones, at most 1 (5 neighbours, as in scikit-learn). */
  trustworthiness: number | null;
  /** Share of points whose 10 nearest others in the original space (fewer where classes are small) vote for their label. */
  knnAccuracy: number | null;
  /** How far classes lie apart in the original space, −1 to 1; `null` without two classes. */
  silhouette: number | null;
  /** Of PCA: the share of variance along each component. */
  explained?: Float32Array;
  /** Of PCA: the directions `[components, channels, rows, columns]`, each with its greatest entry positive. */
  loadings?: Tensor;
  /** Of t-SNE and UMAP: steps taken. */
  steps?: number;
  /** Of t-SNE: KL(P ‖ Q) in nats. */
  kl?: number;
  /** Nearest others in the original space, the nearest first: `each` a point. */
  nearest?: { each: number; indices: Uint32Array; distances: Float32Array };
  /** What aligning could not match, 0 to 1. */
  disparity?: number;
};

export type Kernel = {
  /** `[out, in / groups, kh, kw]` of a convolution, `[kh, kw]` of a pooling. */
  shape: number[];
  stride: number[];
  /** `[top, bottom, left, right]` */
  padding: number[];
  dilation: number[];
  groups: number;
};

export type Layer = {
  name: string;
  op: string;
  inputs: string[];
  /** `[C, H, W]`; a vector's is `[K, 1, 1]`. */
  shape: number[];
  kernel: Kernel | null;
  params: number;
  /** Multiply-adds for one picture. */
  macs: number;
  block: string;
  /** The name of its weight, and of its bias, among the parameters. */
  weight: string | null;
  bias: string | null;
  /** Of a batch norm: the names of its means and variances, and what is added to the variance. */
  statistics: { mean: string; variance: string; epsilon: number } | null;
  /** Of a leaky relu: its factor below zero. */
  slope: number | null;
  /** `[y, x]`: a unit at (0, 0) sees `size` pixels from `start`, its neighbour `stride` further. */
  receptiveField: { size: number[]; stride: number[]; start: number[] };
};

/** The rule from pixels to model space: cropped, resized to `size`, scaled to [0, 1], then (v − mean) / std. */
export type Preprocess = {
  size?: number | number[];
  crop?: number | null;
  mean?: number | number[];
  std?: number | number[];
  channels?: "rgb" | "bgr" | "gray";
};

export type Input = {
  /** `[1, C, H, W]` */
  shape: number[];
  /** `null` where the number of channels is not that of a picture. */
  preprocess: {
    size: [number, number];
    crop: number | null;
    mean: number[];
    std: number[];
    channels: "rgb" | "bgr" | "gray";
  } | null;
};

export type Class = { index: number; label: string; probability: number };

export type Prediction<Top = Class[]> = {
  /** `[N, K]` */
  logits: Tensor;
  /** `[N, K]` */
  probabilities: Tensor;
  /** The likeliest classes first; for several pictures a list for each. */
  top: Top;
};

export type Paint = {
  /** `"gray"` by default; `"rgb"` makes one tile of every three planes. */
  map?: "gray" | "sequential" | "diverging" | "rgb";
  /**
   * Which values become 0 and 255: the least and greatest of each tile or of all, symmetric about zero for all or for each
   * tile, or given. `"each"` by default, `"signed_each"` for the diverging map.
   */
  scale?: "each" | "all" | "signed" | "signed_each" | [number, number];
  /** Share of values within the range, in per cent, above 50; 100 by default. */
  percentile?: number;
  /** Tiles a row; nearly square by default. */
  columns?: number;
};

export type Painted = {
  /** All tiles, row by row without gaps. */
  bitmap: ImageBitmap;
  columns: number;
  rows: number;
  /** `[height, width]` of a tile. */
  tile: [number, number];
  /** The values that became 0 and 255, a pair for each tile. */
  ranges: Float32Array;
};

/** A picture without evidence: a word, a number in model space for every channel, or a picture. */
export type Baseline = "zero" | "black" | "mean" | "blur" | "noise" | number | ImageLike;

/** A number for rows and columns, or both. */
export type Extent = number | [number, number];

/** How relevance is dealt out to a layer's inputs; `"z_box"` is for layers that read the picture. */
export type LayerRule = "epsilon" | "gamma" | "z_plus" | "z_box";

export type AttributeOptions = Run & {
  /** A class (its logit) or an objective; without it, the predicted class. */
  target?: number | Objective;
} & (
    | { method: "saliency" | "gradient" | "input_x_gradient" | "guided_backprop" | "deconvnet" }
    | {
        method: "integrated_gradients";
        /** Points of the path, 50. */
        steps?: number;
        rule?:
          | "gausslegendre"
          | "riemann_left"
          | "riemann_right"
          | "riemann_middle"
          | "riemann_trapezoid";
        /** Where the path starts, `"zero"`. */
        baseline?: Baseline;
      }
    | {
        method: "smooth_grad" | "smooth_grad_sq" | "var_grad";
        /** Noisy copies, 50. */
        samples?: number;
        /** The noise's deviation as a share of max − min of each picture, 0.15. */
        sigma?: number;
        /** `[samples, C, H, W]`, added as it is instead of drawing it. */
        noise?: Tensor;
      }
    | {
        method: "deep_lift";
        /** What the picture is compared with, `"zero"`; the map sums to the difference of both answers. */
        baseline?: Baseline;
      }
    | {
        method: "lrp";
        /**
         * Each layer's rule, `"epsilon_plus"`: one for all, or `"epsilon_plus"` (z⁺ for convolutions, ε for linear layers) or
         * `"epsilon_gamma_box"` (zᴮ for convolutions that read the picture, γ for the others, ε for linear layers).
         */
        rule?: "epsilon" | "gamma" | "z_plus" | "epsilon_plus" | "epsilon_gamma_box";
        /** ε of the rule of that name, 1e-6; with 0 it is LRP-0. */
        epsilon?: number;
        /** γ of the rule of that name, 0.25. */
        gamma?: number;
        /** Layers with another rule; batch norm belongs to the layer before it. */
        layerRules?: Record<string, LayerRule>;
        /** The least value of a picture in model space for `"z_box"`, or a list with one a channel; by default black. */
        low?: number | number[];
        /** The greatest; by default white. */
        high?: number | number[];
      }
    | {
        method: "occlusion";
        /** A seventh of the shorter side. */
        window?: Extent;
        /** Half the window. */
        stride?: Extent;
        /** What the window shows, `"zero"`. */
        fill?: Baseline;
      }
    | {
        method: "rise";
        /** How many, 1000, or `[count, 1, H, W]` instead of drawing them. */
        masks?: number | Tensor;
      }
    | { method: "full_grad" }
    | {
        method: "guided_grad_cam";
        /** Where Grad-CAM looks: the last convolution's activation. */
        layer?: string;
      }
    | {
        method:
          | "cam"
          | "grad_cam"
          | "grad_cam_pp"
          | "hires_cam"
          | "layer_cam"
          | "score_cam"
          | "eigen_cam"
          | "ablation_cam";
        /** The last convolution's activation. */
        layer?: string;
        /** Keeps what is positive only; `true`. */
        relu?: boolean;
        /** At the input's size instead of the layer's; `false`. */
        resize?: boolean;
      }
  );

/** Two numbers that must be equal if map and network are right. */
export type Identity = {
  name: string;
  formula: string;
  left: number;
  right: number;
  /** |left − right|, relative to the right side where that is not 0. */
  error: number;
  /** The greatest error that rounding, or the number of steps, explains. */
  tolerance: number;
  holds: boolean;
};

/** The answer by the share of pixels changed, from none to all, and the area under it. */
export type Curve = { values: number[]; area: number };

export type Curves = { deletion: Curve; insertion: Curve };

/** A map's curves beside those of a random order and of its own, reversed. */
export type Faithfulness = { map: Curves; random: Curves; reversed: Curves };

/** 1 for equal maps. */
export type Similarity = { spearman: number; spearmanAbsolute: number; ssim: number };

export type Model = {
  id: string;
  title: string;
  bytes: number;
  licence: string;
  source: string;
  classes: number;
  input: { shape: number[]; preprocess?: Preprocess };
  /** What its training began with, where that is known. */
  initial?: { architecture: string; seed: number };
};

export type ShippedPicture = {
  id: string;
  title: string;
  url: string;
  credit: string;
  licence: string;
  kind: "photo" | "style" | "fashion";
  /** Its class, where it comes from a data set. */
  label?: number;
  /** Of a photograph: which of ImageNet's classes are right for it. */
  category?: Category;
  /** Of a photograph whose object colour does not find: polygons around it, `[x, y]` in the file's own pixels. */
  outline?: [number, number][][];
};

export type Dataset = {
  /** In the model space of the shipped network of the same id. */
  images: Tensor;
  labels: Int32Array;
  classes: string[];
};

/** A place in a set of pictures where a channel is high: row and column are those of its feature map. */
export type Hit = { picture: number; y: number; x: number; value: number };

export type Unit = {
  channel: number;
  /** The highest first. */
  top: Hit[];
  max: number;
  mean: number;
  /** The share of positions, over all pictures, where it is above 0. */
  positive: number;
  /** The share of pictures in which it is above 0 anywhere; 0 for a channel that is dead on the set. */
  active: number;
};

/** How the channels of a layer stand after so many pictures. */
export type Survey = { layer: string; pictures: number; units: Unit[] };

/** `height` rows of pixels from `y`, `width` columns from `x`. */
export type Window = { y: number; x: number; height: number; width: number };

export type ReceptiveField = {
  /** What the unit can see by the network's geometry, within the picture. */
  theoretical: Window;
  /** The smallest window with every pixel that moves the unit, `null` if none does. */
  support: Window | null;
  /** For rows and for columns, the shortest run with `share` (0.95) of Σ|∂unit/∂X|. */
  core: Window | null;
  share: number;
  /** Σ over the channels of |∂unit/∂X|, `[1, 1, H, W]`. */
  map: Tensor;
};

export type Filters = {
  /** ‖w‖₂ and Σw of each filter. */
  norms: Float32Array;
  sums: Float32Array;
  /** Of all weights. */
  mean: number;
  deviation: number;
  /** Counts in equal bins from −`most` to `most`. */
  histogram: { most: number; counts: Uint32Array };
  /** For each filter the other one whose cosine is greatest in absolute value; empty where the pairs are too many. */
  nearest: { filter: number; cosine: number }[];
  /** Of all pairs `[out, out]`, `null` where they are too many. */
  cosines: Tensor | null;
  /**
   * |W(f)| of each filter `[out, 1, S, S]`, over its input channels the root of the sum of squares; from −1/2 cycles a pixel,
   * 0 at S / 2. The mean square is Σw². `null` if not asked for.
   */
  spectra: Tensor | null;
};

export type Adapter = {
  vendor: string;
  architecture: string;
  description: string;
  isFallbackAdapter: boolean;
  features: string[];
  limits: Record<string, number>;
};

export type Memory = {
  gpuBytes: number;
  wasmBytes: number;
  buffers: number;
  pipelines: number;
  /** How many workers help at the moment; see `open`. */
  workers: number;
};

/**
 * Where a network comes from: a shipped id, the address of a JSON file, a file, bytes, or a network as data with weights
 * as the bytes of a safetensors file or as tensors by name.
 */
export type Source =
  | string
  | URL
  | Blob
  | ArrayBuffer
  | ArrayBufferView
  | {
      graph: object | string;
      weights:
        | Blob
        | ArrayBuffer
        | ArrayBufferView
        | Record<string, { data: Float32Array | number[]; shape: number[] }>;
    };

export type LoadOptions = Common & {
  architecture?: string;
  /** One for each class. */
  labels?: string[];
  preprocess?: Preprocess;
};

export type SynthesisPreset = "gentle" | "natural" | "pattern" | "lucid" | "plain";

/** A change of what the network sees, drawn anew for each step. */
export type Transform =
  | { pad: number }
  | { jitter: number }
  | { scale: [number, number] }
  | { rotate: number };

/** How a picture is made; what is left out comes from the preset. */
export type SynthesisSettings = {
  /**
   * `"gentle"` for classes of small pictures, `"natural"` for those of photographs and `"pattern"` for parts of layers, `"lucid"`,
   * or `"plain"`: argmax S(X) − λ‖X‖² on pixels.
   */
  preset?: SynthesisPreset;
  learningRate?: number;
  optimizer?: "adam" | "sgd";
  /** What is optimised: pixels, coefficients of the cosine transform, or a Laplacian pyramid. */
  parametrization?: "pixel" | "fourier" | "pyramid";
  /** Of the Fourier parametrisation: frequency f is scaled by 1 / f^decay. */
  decay?: number;
  /** Of the pyramid. */
  levels?: number;
  /** Colours along the directions in which those of photographs vary. */
  decorrelate?: boolean;
  /** A sigmoid keeps pixels between black and white; `"free"` optimises the network's input as it is. */
  range?: "sigmoid" | "free";
  /** In this order. Jitter shifts by up to half its pixels to either side. */
  transforms?: Transform[];
  /** Differently moved copies of a picture that a step looks at, 1; the objective is their mean. */
  copies?: number;
  /** Deviation of the noise that lies over what the network sees, drawn anew for each step; pixels are in [0, 1]. */
  inputNoise?: number;
  /** Brightness from 0 to 1 of what a run starts from and of what lies around the picture; `"mean"` is the network's. */
  background?: number | "mean";
  /** With range `"free"` λ of λ · Σ X²; with the sigmoid the weight of the mean of t², t before the sigmoid. */
  l2?: number;
  /** Weight of the mean absolute differences of neighbours before the sigmoid. */
  tv?: number;
  /** Smooths the picture every so many steps; 0 never. Pixels only, as `gradientBlur` and `clip`. */
  blurEvery?: number;
  /** Deviation of that Gaussian in pixels, 0.5. */
  blurSigma?: number;
  /** Deviation in pixels of the Gaussian that smooths the gradient; 0 leaves it. */
  gradientBlur?: number;
  /** Pixels whose norm is below this share of the root mean square become 0. */
  clip?: number;
  /** Weight that keeps the pictures of a batch apart: of the cosine between the Gram matrices of every two, at a layer. */
  diversity?: number;
  /** In the first 16 steps, a rectifier whose whole gradient is 0 passes on what leads back to where it has a slope. */
  redirect?: boolean;
  /** Coarse to fine: how many sizes share the steps, each larger by `octaveFactor`. */
  octaves?: number;
  octaveFactor?: number;
  /** Deviation of the noise that a run starts from. */
  noise?: number;
};

export type SynthesisOptions = SynthesisSettings & {
  /** What is raised. */
  objective?: Objective;
  /** Instead of it, one for each picture of a batch, alike apart from numbers. */
  objectives?: Objective[];
  /** Where `diversity` compares pictures; the objective's own layer by default. */
  diversityLayer?: string;
  /** Pictures in the batch. */
  count?: number;
  steps?: number;
  /** Steps between two calls of `onStep`, 1. */
  every?: number;
  /** Pixels a side, or rows and columns; the network's own size by default. */
  size?: Size;
  /** What a run starts from, `"noise"` by default. */
  init?: "noise" | "grey" | ImageLike;
  /** Goes on from the state of a run with the same options; `steps` are then those that are left. */
  resume?: SynthesisState;
  /** Calls of `onStep` between those that get a `state`, from which the run can be resumed; none by default. */
  stateEvery?: number;
};

export type SynthesisStep = {
  /** Steps done. */
  step: number;
  /** The objective, summed over the batch. */
  value: number;
  /** `[N, C, H, W]` in model space. */
  image: Tensor;
  /** After the step that follows the picture; see `stateEvery`. */
  state?: SynthesisState;
};

/** A side, or rows and columns, in pixels. */
export type Size = number | [number, number];

/** One of the pictures whose style is taken. */
export type Style = {
  image: ImageLike;
  /** Its share among the styles (1). */
  weight?: number;
  /** Where it acts: `[1, 1, H, W]` of numbers from 0 to 1, of any size; everywhere without one. */
  mask?: Tensor;
};

/**
 * `natural` suits what ships, `plain` is the lecture's formula on pixels. Two need VGG-19 as torchvision names it: `gatys` as in
 * Gatys et al. 2016, and `improved` after Crowson's style-transfer-pytorch, coarse to fine.
 */
export type StylePreset = "natural" | "plain" | "gatys" | "improved";

/** How a style is transferred. */
export type StyleSettings = {
  preset?: StylePreset;
  /** Layers whose activations are kept: their weights by name, or a list of names with equal shares. */
  contentLayers?: Record<string, number> | string[];
  /** Layers whose statistics are matched. */
  styleLayers?: Record<string, number> | string[];
  /** The weight of the content. */
  alpha?: number;
  /** The weight of the style. */
  beta?: number;
  /** The weight of the mean squared difference of neighbours, pixels in [0, 1]. */
  tv?: number;
  /**
   * How a layer's differences are counted: "relative" divides their sum of squares by that of what is aimed at, "mean" is their
   * mean square (Gram matrices F Fᵀ / (H·W)), "sum" the lecture's Σ (G_final − G_style)² with G = F Fᵀ, "scaled" the sum of
   * squares divided by the sum of absolute differences.
   */
  reduction?: "relative" | "mean" | "sum" | "scaled";
  /** What style is: Gram matrices, or mean and deviation of each channel. */
  statistic?: "gram" | "moments";
  /**
   * `true` or "luminance": only brightness changes, by styles in grey; "match": the style's colours are first brought to the
   * mean and covariance of the content's.
   */
  preserveColors?: boolean | "luminance" | "match";
  /**
   * Each step looks at the picture rolled by less than so many pixels down and across, in one of eight ways by the seed, so that
   * strides leave no grid; 0 with L-BFGS, which learns from one step to the next.
   */
  jitter?: number;
  /** The size at which styles are looked at, as a multiple of the result's (1): above 1, strokes become larger. */
  styleScale?: number;
  /** L-BFGS keeps the last 10 steps and searches no line; its `learningRate` is 1 where Adam's is 0.03. */
  optimizer?: "adam" | "lbfgs" | "sgd";
  learningRate?: number;
  /** As in `synthesize`. */
  parametrization?: "pixel" | "fourier" | "pyramid";
  decay?: number;
  levels?: number;
  decorrelate?: boolean;
  range?: "sigmoid" | "free";
  /** Deviation of the noise that `init: "noise"` starts from, in the optimised numbers. */
  noise?: number;
  /** From coarse to fine in so many sizes, each `scaleFactor` times the one before. */
  scales?: number;
  scaleFactor?: number;
};

export type StyleOptions = StyleSettings & {
  steps?: number;
  /** "content" by default. */
  init?: "content" | "style" | "noise" | ImageLike;
  /** A side, or rows and columns; the network's own by default. */
  size?: Size;
  /** Steps between two calls of `onStep` (1). */
  every?: number;
  /** Calls of `onStep` between two that have a `state` (0: none). */
  stateEvery?: number;
  /** Layers whose Gram matrices are wanted. */
  grams?: string[];
  resume?: SynthesisState;
};

/** The losses without α, β and λ; `total` with them. */
export type StyleLoss = {
  step: number;
  total: number;
  content: number;
  style: number;
  tv: number;
  /** Those of each layer, without its weight. */
  layers: { content: Record<string, number>; style: Record<string, number> };
};

export type StyleStep = Omit<StyleLoss, "layers"> & {
  /** The losses of the steps since the last call, this one's included. */
  history: StyleLoss[];
  /** `[1, C, H, W]` in model space, at the size that the run has reached. */
  image: Tensor;
  /** F Fᵀ / (H·W) of the layers that `grams` names. */
  grams: Record<string, Tensor>;
  /** From which a run can go on, by `resume`. */
  state?: SynthesisState;
};

export type SynthesisState = { step: number; values: Tensor[] };

/** An attack, by its name in `scope.attacks`. */
export type AttackMethod = AttackMethodOptions["method"];

/** Options of every attack. Distances are pixels from 0 to 1, for a tensor its own units. */
export type AttackCommon = Run & {
  /** The class of the picture, or of each; what the network takes it for, by default. */
  label?: number | number[];
  /** The class that it, or each, shall be taken for; any but its own, by default. */
  target?: number | number[];
  /** The least value of a pixel, or of each channel: 0 for pictures, none for a tensor. */
  min?: number | number[];
  /** The greatest: 1 for pictures, none for a tensor. */
  max?: number | number[];
  /** `"pixels"` takes a tensor, which is in model space, as the picture it shows; `"own"` a picture as its tensor. */
  units?: "pixels" | "own";
  /**
   * Ends the run of each picture at its first success, as `deepfool` and `jsma` always do; those of `universal` and `patch` when
   * all succeed. `false`.
   */
  earlyStop?: boolean;
  /** What stands before the network, which `attack` then judges with it. */
  defence?: Defence;
  /** Steps between two calls of `onStep`, 1. */
  every?: number;
};

export type AttackMethodOptions =
  | {
      method: "fgsm";
      /** The budget, 8/255. */
      epsilon?: number;
    }
  | {
      method: "pgd";
      epsilon?: number;
      /** What the budget is measured in, `"linf"`. */
      norm?: "linf" | "l2";
      /** 40 */
      steps?: number;
      /** ε / 30 */
      stepSize?: number;
      /** Runs, of which each picture keeps the best; those after the first start at random. 1 */
      restarts?: number;
      /** Whether the first run starts at random, too; `false`. */
      randomStart?: boolean;
    }
  | {
      method: "mi_fgsm";
      epsilon?: number;
      /** 10 */
      steps?: number;
      /** ε / steps */
      stepSize?: number;
      /** How much of the mean of earlier gradients stays, 1. */
      momentum?: number;
    }
  | {
      method: "deepfool";
      /** `"l2"` */
      norm?: "linf" | "l2";
      /** How far beyond the boundary to go, as a share of the way: 0.02. */
      overshoot?: number;
      /** How many of the likeliest classes are considered, the predicted one among them: 10. */
      candidates?: number;
      /** 50 at most */
      steps?: number;
    }
  | {
      method: "cw";
      /** How far beyond the boundary, in logits: 0. */
      confidence?: number;
      /** The weight of the margin against the distance that is tried first, 0.001. */
      initialConst?: number;
      /** Weights that are tried, 9. */
      binarySearchSteps?: number;
      /** Adam's learning rate, 0.01. */
      stepSize?: number;
      /** For each weight, 300. */
      steps?: number;
    }
  | {
      method: "jsma";
      /** What is added to a value, 1; below 0 to darken. */
      theta?: number;
      /** A seventh of the pixels. */
      maxPixels?: number;
    }
  | {
      method: "single_pixel";
      /** Pixels that may change, 1. */
      pixels?: number;
      /**
       * Every pixel with every colour (black, white and for three channels six hues), or the best of a population that evolves;
       * by default the first for one pixel of a small picture.
       */
      search?: "exhaustive" | "evolution";
      /** 400 */
      population?: number;
      /** 75 */
      generations?: number;
    }
  | {
      method: "square";
      epsilon?: number;
      /** Answers that are asked for, 5000. */
      steps?: number;
      /** The share of the picture that the first squares cover, 0.8. */
      pInit?: number;
    }
  | {
      method: "hop_skip_jump";
      /** `"l2"` */
      norm?: "linf" | "l2";
      /** 64 */
      steps?: number;
      /** Answers for the first estimate of the boundary's direction, 100; the t-th takes √t times as many. */
      initialQueries?: number;
      /** Answers for an estimate at most, 10,000. */
      maxQueries?: number;
      /** A picture that reaches the goal, to start from; needed with a target. */
      start?: ImageLike;
    }
  | {
      method: "universal";
      epsilon?: number;
      /** `"linf"` */
      norm?: "linf" | "l2";
      /** 50 */
      steps?: number;
      /** ε / 10 */
      stepSize?: number;
    }
  | {
      method: "patch";
      /** A side or rows and columns; a fifth of the picture's shorter side. */
      size?: Extent;
      /** Row and column of its upper left pixel; the middle of the picture. */
      position?: [number, number];
      /** Whether it learns at random places, so that it works wherever it is laid; `false`. */
      anywhere?: boolean;
      /** 100; with 0 it is laid as it is. */
      steps?: number;
      /** 0.05 */
      stepSize?: number;
      /** What it starts from, `[1, C, rows, columns]` in model space; even grey. */
      patch?: Tensor;
    }
  | {
      method: "noise";
      epsilon?: number;
      /** Each value anywhere from −ε to ε (the default), −ε or ε, or a direction of length ε. */
      distribution?: "uniform" | "sign" | "sphere";
      /** Draws, of which each picture keeps the best, 1. */
      samples?: number;
    };

export type AttackOptions = AttackCommon & AttackMethodOptions;

/** For several pictures, `success` and `value` are lists. */
export type AttackStep = {
  /** Steps done. */
  step: number;
  /** `[N, C, H, W]` in model space. */
  image: Tensor;
  /** Whether it reaches the goal, as far as is known. */
  success: boolean | boolean[];
  /** What the attack raises. */
  value: number | number[];
  distance: AttackDistance | AttackDistance[];
} & AttackExtra & {
    /** Of an evolution: `[N, candidates, pixels, 2 + C]`, row, column and colour (pixels from 0 to 1) of each pixel. */
    population?: Tensor;
    /** How far each candidate is beyond the boundary, in logits. */
    values?: Float32Array;
  };

/** What some attacks give beside the picture. */
export type AttackExtra = {
  /**
   * Of `single_pixel`, exhaustive: `[N, 1, H, W]`, how much of the label's probability the worst colour of each pixel alone
   * takes away, or adds to the target's.
   */
  damage?: Tensor;
  /** Of `universal`: `[1, C, H, W]`, the one change in model space, before bounds. */
  perturbation?: Tensor;
  /** Of `patch`: `[1, C, rows, columns]` in model space. */
  patch?: Tensor;
};

/**
 * `l0` counts pixels of which a value changed by more than rounding: 10⁻⁶, or that share of values beyond 1. The others have ε's
 * units.
 */
export type AttackDistance = { l0: number; l2: number; linf: number };

export type AttackResult = AttackExtra & {
  /** `[1, C, H, W]` in model space. */
  image: Tensor;
  success: boolean;
  /** Steps taken. */
  steps: number;
  /** How often the network was asked; a gradient counts as one answer. */
  queries: number;
  distance: AttackDistance;
  before: Prediction;
  after: Prediction;
};

/** Of several pictures, in a list or a tensor. */
export type AttackResults = AttackExtra & {
  /** `[N, C, H, W]` in model space. */
  image: Tensor;
  success: boolean[];
  steps: number[];
  queries: number[];
  distance: AttackDistance[];
  before: Prediction<Class[][]>;
  after: Prediction<Class[][]>;
};

/** The options of the attack, without the budget, which is searched for. */
export type SmallestEpsilonOptions = Omit<AttackCommon, "earlyStop" | "every" | "defence"> & {
  /** The greatest budget that is tried, 1. */
  most?: number;
  /** How near to the smallest, 1/2550. */
  tolerance?: number;
} & Extract<AttackMethodOptions, { method: "fgsm" | "pgd" | "mi_fgsm" }>;

export type SmallestEpsilon<Each = number | null> = {
  /** The smallest budget with which the attack succeeded; `null` if not with the greatest. */
  epsilon: Each;
  /** `[N, C, H, W]` in model space: what the attack made with it, or with the greatest. */
  image: Tensor;
  success: Each extends unknown[] ? boolean[] : boolean;
  queries: Each extends unknown[] ? number[] : number;
  /** Every budget that was tried, in order. */
  tried: Each extends unknown[]
    ? { epsilon: number; success: boolean }[][]
    : { epsilon: number; success: boolean }[];
};

export type LossSurface = {
  /**
   * `[size, size]`, the cross-entropy against the label, or the target: rows along a direction of random signs, columns along
   * the signs of the gradient, both from −ε to ε.
   */
  loss: Tensor;
  /** The class of each point, row by row. */
  classes: Int32Array;
};

/** `true`, or the reason why not. */
export type Ability = true | string;

export type AttackAbilities = {
  id: AttackMethod;
  title: string;
  /** What it sees of the network: gradients (a white box), scores (a black box), which class it names, or nothing. */
  knowledge: "gradients" | "scores" | "decisions" | "nothing";
  /** Whether its budget is given, or the smallest that does is looked for. */
  budget: "fixed" | "smallest";
  paper: string;
  /** The names of its options beside those of every attack. */
  options: string[];
  /** Towards a class that is given. */
  targeted: Ability;
  /** By which norm its changes are measured. */
  linf: Ability;
  l2: Ability;
  l0: Ability;
  /** Without `min` and `max`. */
  unbounded: Ability;
};

/** What pixels are for a call that filters them: from 0 to 1 for pictures, a tensor's own numbers for tensors. */
export type Units = Pick<AttackCommon, "units" | "min" | "max">;

/** A filter of pictures. */
export type Filter =
  /** Rounded to 2^`bits` levels, 4 bits by default. */
  | { method: "bit_depth"; bits?: number }
  /** The median of `size` × `size` pixels, 3. */
  | { method: "median"; size?: number }
  /** A blur of deviation `sigma` pixels, 1. */
  | { method: "gaussian"; sigma?: number }
  /** The round trip through a baseline JPEG file of `quality` 1 to 100, 75, with colour at half the size. */
  | { method: "jpeg"; quality?: number }
  /** Total-variation denoising: least ½ ‖u − f‖² + `weight` · TV(u), 0.1, by `steps` steps of Chambolle's projection, 100. */
  | { method: "tv"; weight?: number; steps?: number }
  /** Shrunk to a random size from `scale` (0.9) on, and put on black at a random place. */
  | { method: "random_resize"; scale?: number };

/** A detector: what a network says must not change when detail is squeezed out. */
export type Squeezing = {
  method: "squeezing";
  /** Bit depth 5 and a median of 2 × 2. */
  squeezers?: Filter[];
  /** The score above which a picture is refused, 0.5. */
  threshold?: number;
};

/** A defence before a network that is attacked. */
export type Defence = (
  | Filter
  /** `draws` is how many one answer takes, 10. */
  | { method: "random_resize"; scale?: number; draws?: number }
  /** The mean answer to `draws` (10) copies with normal noise of deviation `sigma` (0.25). */
  | { method: "smoothing"; sigma?: number; draws?: number }
  | Squeezing
) & {
  /**
   * Whether the attack knows the defence, `true` by default: it goes straight through what has no gradient (BPDA) and takes the
   * mean over what is random (EOT). Else it attacks the network alone, and the defended one is judged.
   */
  adaptive?: boolean;
};

/** A defence of a picture; of smoothing, what certifies it. */
export type DefendOptions = Run &
  Units &
  (
    | Filter
    | {
        method: "smoothing";
        /** Deviation of the noise, 0.25. */
        sigma?: number;
        /** Noisy copies that bound the class's share, 1000. */
        samples?: number;
        /** Noisy copies that choose the class beforehand, 100. */
        guesses?: number;
        /** The chance that a radius is wrong, 0.001. */
        alpha?: number;
      }
    | Squeezing
  );

/** What is certain under smoothing; lists with one a picture for several. */
export type Certified<Class = number | null, Number = number, Votes = number[]> = Tensor & {
  /** The smoothed network's class, `null` where it abstains. */
  class: Class;
  /** Within this L2 distance no picture is answered otherwise, but for the chance `alpha`; 0 where it abstains. */
  radius: Number;
  /** The lower bound on the share of noisy copies that are taken for the class. */
  lower: Number;
  /** Of the copies that count, those taken for each class. */
  votes: Votes;
};

/** What feature squeezing says; lists with one a picture for several. */
export type Squeezed<Number = number, Flag = boolean, Numbers = number[]> = Tensor & {
  /** The greatest of the distances. */
  score: Number;
  detected: Flag;
  /** ‖p(x) − p(squeezed x)‖₁ for each squeezer. */
  distances: Numbers;
};

/** How one attack at one budget went against one defence. */
export type RobustnessCell = {
  /** Their places in the lists that were given. */
  defence: number;
  attack: number;
  /** The budget itself. */
  epsilon: number;
  /** The share of all pictures that are still taken for what they are, or refused. */
  accuracy: number;
  /** The share of those that were right before and no longer are. */
  success: number;
};

/** A sign of a sound evaluation: one success rate must not be smaller than another. */
export type Light = {
  /**
   * `"iterated"`: attacks of many steps ≥ FGSM. `"white_box"`: with gradients ≥ without. `"noise"`: attacks ≥ noise. `"rises"`:
   * with ε. `"unbounded"`: 100 % where ε is all of the range. `"adaptive"`: what does not know the defence ≥ what does.
   */
  name: "iterated" | "white_box" | "noise" | "rises" | "unbounded" | "adaptive";
  /** `null` where nothing that was played can tell. */
  holds: boolean | null;
  /** Both rates where they speak most against it. */
  stronger: number;
  weaker: number;
  epsilon: number | null;
};

/** An attack with a fixed budget, which the ladder chooses. */
export type LadderAttack = Omit<
  Extract<
    AttackMethodOptions,
    { method: "fgsm" | "pgd" | "mi_fgsm" | "square" | "universal" | "noise" }
  >,
  "epsilon"
>;

/** Each network's answers to the pictures, in the order of the networks. */
export type Transfer = {
  /** The share that it takes for what they are. */
  clean: number[];
  /** The share that it still does, once they are attacked on the first network. */
  accuracy: number[];
  /** The share of those that it had right before and no longer has. */
  success: number[];
};

export type Robustness = {
  /** Each defence's accuracy without an attack. */
  clean: number[];
  epsilons: number[];
  /** By defence, attack and budget; those that were played, where a step's answer ended it. */
  cells: RobustnessCell[];
  /** For each defence. */
  lights: Light[][];
};

/** Labelled pictures in model space, one class a picture. */
export type Examples = { images: Tensor; labels: Int32Array | number[]; classes?: string[] };

/** A rectangle of one brightness; 3 × 3 from row and column 1, as bright as the brightest pixel, unless said otherwise. */
export type Mark = {
  top?: number;
  left?: number;
  height?: number;
  width?: number;
  /** In model space. */
  value?: number;
};

export type TrainStep = {
  /** Counted from 1 since the optimiser began. */
  step: number;
  /** Mean cross-entropy of the batch, before the step. */
  loss: number;
  /** Share of the batch that was classified as labelled, before the step. */
  accuracy: number;
};

/** What a step's listener may change for the steps after it, by returning it. */
export type TrainRates = { learningRate?: number; momentum?: number; weightDecay?: number };

/**
 * Adversarial training (Madry et al.; with one step, Wong, Rice and Kolter): steps along the gradient's signs from a random start
 * within ±ε.
 */
export type Adversarial = {
  method: "pgd" | "fgsm";
  /** 8/255 */
  epsilon?: number;
  /** Of `"pgd"`: 7. */
  steps?: number;
  /** ε / 4 for `"pgd"`, 1.25 ε for `"fgsm"`. */
  stepSize?: number;
  /** `"pixels"` where the network has a rule for pictures, else `"own"`. */
  units?: "pixels" | "own";
  /** Bounds of a tensor's own units, none by default. */
  min?: number | number[];
  max?: number | number[];
};

export type TrainOptions = Common &
  Stepped<TrainStep> &
  TrainRates & {
    /** Times through the pictures, 1; or `steps`. */
    epochs?: number;
    steps?: number;
    /** Pictures a step, 64. */
    batch?: number;
    /** `"sgd"` (learning rate 0.05, momentum 0.9) unless `"adam"` (0.001). Weight decay, 0, is added to the gradient. */
    optimizer?: "sgd" | "adam";
    /** Share of the pictures that are taught as another class, 0. */
    labelNoise?: number;
    /** Marks `share` (0.95) of a class's pictures and `others` (0.015) of the rest. */
    shortcut?: Mark & { class: number; share?: number; others?: number };
    /** Makes the pictures of each step hard for the network as it stands. */
    adversarial?: Adversarial;
    /** Another order in each epoch (the default), or always that of the pictures. */
    shuffle?: boolean;
    /**
     * Only every so many steps are shown to `onStep`, and the last. The network itself has what was learnt at these steps:
     * between them, and without `onStep`, the weights stay with the optimiser, on the device if there is one.
     */
    every?: number;
  };

export type Area = { top: number; left: number; height: number; width: number };

/**
 * The options of `attribute` for a method that attributes to the picture, without `target` and `override`, and these. `fill` and
 * `baseline` are the pictures' background (the median of their outermost pixels) unless they are given.
 */
export type BiasScanOptions = AttributeOptions & {
  /** What of the class is explained: its `"probability"` (the default) or its `"logit"`. */
  output?: "probability" | "logit";
  /** How many pictures of each class are scanned, the first ones: 16. */
  perClass?: number;
  /** The part whose share is asked for: `"outside"` of the object (the default), the `"border"`, an area, or weights `[H, W]`. */
  region?: "outside" | "border" | Area | Tensor;
  /** The border's width in pixels, a seventh of the picture. */
  border?: number;
  /** The share of a class's positive attribution in one place beside the object that makes a hot spot, 0.07. */
  threshold?: number;
  /** Groups of alike maps, 6. */
  clusters?: number;
};

export type BiasScan = {
  /** `[K, H, W]`, summed over channels; zeros for a class without pictures. */
  meanMaps: Tensor;
  /** Each class's share of positive attribution inside the region. */
  share: number[];
  /** Where a class looks beside the object, the strongest first. */
  hotSpots: { class: number; box: Area; share: number }[];
  /** The classes that have pictures, the largest share first. */
  ranking: number[];
  /** Which pictures were scanned; maps, shares and clusters are in their order. */
  pictures: number[];
  /** `[N, H, W]` */
  maps: Tensor;
  pictureShare: Float32Array;
  /** The cluster of each map, the largest first: k-means on the principal components of the maps at 7 × 7. */
  clusters: Int32Array;
  /** Their first two principal components, `[N, 2]`. */
  points: Tensor;
};

export type Outcome = {
  accuracy: number;
  /** Mean probability of the pictures' class. */
  confidence: number;
  /** Share of the pictures taken for each class. */
  predicted: number[];
};

export type Contrast = { class: number; count: number; before: Outcome; after: Outcome };

export type PerturbationMethod =
  | "gaussian"
  | "uniform"
  | "salt_pepper"
  | "blur"
  | "brightness"
  | "contrast"
  | "jpeg"
  | "rotation"
  | "shift"
  | "occlusion";

/** In what strengths, colours and bounds are measured. */
export type Measured = {
  /** `"pixels"` takes a tensor, which is in model space, as the picture it shows; `"own"` a picture as its tensor. */
  units?: "pixels" | "own";
  /** Black, or one a channel: 0 for pictures; without it the darkest value of a tensor counts as black. */
  min?: number | number[];
  /** White, in the same manner. */
  max?: number | number[];
};

/**
 * What happens to pictures without malice; a strength of 0 changes nothing. `"gaussian"`: the noise's deviation;
 * `"uniform"`: its greatest value; `"salt_pepper"`: the share of pixels that become black or white; `"blur"`: a Gaussian's
 * deviation in pixels; `"brightness"`: what is added; `"contrast"`: the share of contrast taken away, negative to add some; `"jpeg"`: 100 less the file's quality;
 * `"rotation"`: degrees clockwise; `"shift"`:
 * pixels; `"occlusion"`: the share of the area under a square.
 */
export type Perturbation = Measured & {
  method: PerturbationMethod;
  /** What rotation and shift uncover (the outermost pixels go on), what an occlusion is painted with (the middle grey). */
  fill?: number;
  /** Of a shift: its direction in degrees clockwise from rightwards; drawn by the seed without it. */
  angle?: number;
  /** Of an occlusion: the square's centre `[y, x]` as shares of the picture; drawn by the seed without it. */
  place?: [number, number];
};

/** A mean and what lies around it. */
export type Band = { mean: number; low: number; high: number };

export type CurvePoint = {
  strength: number;
  /** The probability of the pictures' classes over all pictures and draws, between the tenth and ninetieth percentile. */
  confidence: Band;
  /** The share that is still named so, within Wilson's 95 % interval. */
  accuracy: Band;
};

export type PixelMapOptions = Measured & {
  /** The class whose probability may fall; the predicted one by default. */
  target?: number;
  /** What is painted, each with a value a channel: black, white, and for three channels six hues. */
  colors?: number[][];
  /** Pixels from one place to the next, 1. */
  stride?: number;
  /** The side of the square that is painted at each place, 1. */
  size?: number;
  /** Only the places of this part. */
  region?: Area;
};

export type PixelMap = {
  /** `[1, 1, rows, columns]`: the greatest fall of the class's probability at each place; NaN where nothing was tried yet. */
  fall: Tensor;
  /** The colour that made it, by its place in `colors`. */
  color: Int32Array;
  /** The answer then, and how probable it is. */
  answer: Int32Array;
  probability: Tensor;
  /** The first colour that changes the answer at each place, −1 where none does. */
  flips: Int32Array;
  target: number;
  /** The class's probability as the picture is. */
  before: number;
  /** The answer as the picture is. */
  predicted: number;
  /** Answers asked for, of `total`. */
  done: number;
  total: number;
};
/** Classes that count as one. */
export type Category = { name: string; classes: number[] };

/**
 * Categories that answers are gathered into: Geirhos et al.'s sixteen over ImageNet's 1000 classes, every class for itself, or
 * class indices by name. By default the sixteen for a network of 1000 classes, else every class.
 */
export type Categories = "imagenet16" | "classes" | Record<string, number[]>;

/**
 * A picture whose shape and texture are of different categories; a file named as in the published set, such as
 * `cat7-elephant2.png` (the shape of a cat, the texture of an elephant), says so itself.
 */
export type CueConflict =
  | { image: ImageLike; shape: string; texture: string }
  | { image: File }
  | File;

export type ShapeDecision = {
  /** The category with the greatest mean probability of its classes. */
  category: string;
  /** That mean. */
  probability: number;
  /** Which of the two it names; `"same"` where both are of one category, which does not count. */
  decision: "shape" | "texture" | "other" | "same";
  shape: string;
  texture: string;
  /** For each category the mean of its classes' probabilities, which decides, and their sum. */
  means: Float32Array;
  sums: Float32Array;
};

export type ShapeTally = {
  /** Decisions for the shape, for the texture, for neither, and pictures that are no conflict. */
  shape: number;
  texture: number;
  other: number;
  same: number;
  /** shape / (shape + texture); `null` without either. */
  bias: number | null;
  /** The 95 % interval of the bias after Wilson, the pictures taken as independent draws. */
  interval: [number, number];
  /** (shape + texture) / (shape + texture + other): how much of the set the bias speaks of. */
  coverage: number | null;
};

export type ShapeBias = ShapeTally & {
  /** By the category of the shape. */
  categories: (ShapeTally & { category: string })[];
  /** In the order of the pictures. */
  decisions: ShapeDecision[];
};

/** A square piece of a picture whose texture is laid: found on the object, where the texture is even, without `y` and `x`. */
export type TexturePiece = {
  y?: number;
  x?: number;
  /** Its side in pixels, a third of the picture's. */
  size?: number;
  /** The side of the blocks that it is laid in, half the piece's. */
  block?: number;
};

/** Brightness from 0 to 1 of what is drawn (`ink`, 0) and of what is around it (`paper`, 1). */
export type Tones = { ink?: number; paper?: number };

export type StimulusOptions = Common &
  (
    | { kind: "original" | "grey" }
    /** A Gaussian of that deviation in pixels, a fortieth of the shorter side. */
    | { kind: "blur"; sigma?: number }
    /** Black and white, parted where both groups are best apart (Otsu) unless `threshold` says where, after a blur by `sigma` (0). */
    | { kind: "two_tones"; sigma?: number; threshold?: number }
    /** `grid` × `grid` squares (4) change places, none keeping its own; what is left over at the border stays. */
    | { kind: "shuffle"; grid?: number }
    /**
     * Canny's edges: `sigma` (√2) pixels of smoothing, an upper threshold that the share `quiet` (0.7) of all slopes is below, a
     * lower one of `ratio` (0.4) times that.
     */
    | ({ kind: "edges"; sigma?: number; quiet?: number; ratio?: number } & Tones)
    /** Edges by their strength, after a blur by `sigma` (1) pixels: full ink where the slope is above that of the share `full` (0.97). */
    | ({ kind: "slopes"; sigma?: number; full?: number } & Tones)
    /** The object in one tone; `mask` as `foreground` gives it, or one's own, from 0 to 1. */
    | ({ kind: "silhouette"; mask?: Tensor } & Tones)
    /** A piece of the picture quilted over all of it. */
    | ({ kind: "texture" } & TexturePiece)
    /** The object filled with a piece of another picture; `strength` (1) mixes with the picture as it is. */
    | ({
        kind: "fill";
        texture: ImageLike;
        mask?: Tensor;
        paper?: number;
        strength?: number;
      } & TexturePiece)
  );

/** What a prepared pass computes: outputs of layers, or gradients as `gradient` gives them (of `"input"` without `wrt`). */
export type Pass =
  | { layers: string | string[] }
  | { objective: Objective; wrt?: string | string[] };

/** A pass whose picture, weights and results stay on the engine, so that running it again copies nothing in or out. */
export interface Prepared {
  /** Runs it `times` over (1) with the network's weights as they are then; answers when all of it is computed. */
  run(options?: Common & { times?: number }): Promise<void>;
  /** What the last run computed, by name. */
  read(): Promise<Record<string, Tensor>>;
  /** Frees its memory, as does the end of its network; need not be awaited. */
  dispose(): void;
}

export interface Net {
  readonly name: string;
  readonly labels: string[];
  readonly input: Input;
  /** In order of execution, as loaded. */
  readonly layers: Layer[];
  /** Whether the file came with batch norm folded into its convolutions, so that its kernels are scaled ones. */
  readonly folded: boolean;
  /** Whether a weight differs from the loaded one. */
  readonly modified: boolean;

  /** `[1, C, H, W]` in model space, at the network's size unless `size` says another (a side, or `[rows, columns]`). */
  preprocess(image: ImageLike, options?: { size?: Size }): Promise<Tensor>;
  /** The picture that a tensor `[1, C, H, W]` in model space shows. */
  toPixels(tensor: Tensor): Promise<ImageData>;
  predict(image: ImageLike, options?: Run & { top?: number }): Promise<Prediction>;
  /** A loaded parameter as it is now; of a convolution `[out, in / groups, kh, kw]`. */
  weights(name: string): Promise<Tensor>;
  setWeights(name: string, tensor: Tensor): Promise<void>;
  /** Brings the loaded weights back. */
  restore(): Promise<void>;
  /**
   * Trains the network's own weights by the mean cross-entropy, batch norms in training mode. A call goes on where the last
   * one stopped, with its moments and its place among the pictures, unless the weights were changed by something else or the
   * optimiser is another. What is left of an epoch that fills no batch is passed over.
   */
  train(data: Examples, options?: TrainOptions): Promise<{ history: TrainStep[] }>;
  /**
   * Attribution over labelled pictures, each explained for its own class: which classes look where, and where they look
   * beside the object. Outside of the object is what does not stand out from a plain background, is not joined to what
   * reaches the middle of the picture, or is the same in most pictures of the class.
   */
  biasScan(data: Examples, options: BiasScanOptions): Promise<BiasScan>;
  /**
   * The counterfactual: answers for each class as the pictures are, and with a rectangle painted over all of them; painting
   * with the background's value removes a mark, with another plants one.
   */
  counterfactual(data: Examples, options?: Common & Mark): Promise<Contrast[]>;
  /** Perturbed pictures `[N, C, H, W]` in model space, each by a draw of its own. */
  perturb(image: ImageLike, options: Common & Perturbation & { strength: number }): Promise<Tensor>;
  /**
   * What a perturbation does as its strength grows, to one picture or a set of them; every strength sees the same `repeats`
   * (16) draws. `labels` holds the class of each picture, by default what the network says of it as it is. `onStep` sees each
   * point, and ends the call with those so far by returning `{ stop: true }`.
   */
  perturbationCurve(
    image: ImageLike,
    options: Run &
      Perturbation &
      Stepped<CurvePoint> & {
        strengths: number[];
        repeats?: number;
        labels?: Int32Array | number[];
      },
  ): Promise<CurvePoint[]>;
  /**
   * The map of single pixels: every place painted in every colour, coarse places first. `onStep` sees the map as it stands,
   * and ends the call with it by returning `{ stop: true }`.
   */
  pixelMap(
    image: ImageLike,
    options?: Run & PixelMapOptions & Stepped<PixelMap>,
  ): Promise<PixelMap & { colors: number[][] }>;
  /**
   * Of the answers to cue-conflict pictures that name the shape or the texture, the share that names the shape (Geirhos et al.
   * 2019), overall and by category.
   */
  shapeBias(
    pictures: CueConflict[],
    options?: Run & { categories?: Categories },
  ): Promise<ShapeBias>;
  /** The categories that `shapeBias` takes by default, or what others come to for this network. */
  categories(which?: Categories): Promise<Category[]>;
  /** What is left of pictures when shape or texture is taken away, `[N, C, H, W]` in model space; `seed` draws. */
  stimulus(image: ImageLike, options: StimulusOptions): Promise<Tensor>;
  /**
   * 1 where the object is and 0 elsewhere, `[N, 1, H, W]`: what differs from a plain ground, or in colour from the left,
   * right and upper border, and reaches the middle. No network is asked.
   */
  foreground(image: ImageLike, options?: Common): Promise<Tensor>;
  /** Draws the weights anew as PyTorch's layers do (Kaiming-uniform; norms 1 and 0), to train from scratch. */
  reset(options?: Common): Promise<void>;
  /** Outputs `[N, C, H, W]` of layers, all from one forward pass. */
  activations(image: ImageLike, names: string[], options?: Run): Promise<Record<string, Tensor>>;
  /** The value of an objective, summed over a batch. */
  value(image: ImageLike, objective: Objective, options?: Run): Promise<number>;
  /**
   * The gradient of an objective to `"input"` (the default), a layer's output or a weight, in its shape; a list of them
   * gives all from one backward pass, with the value.
   */
  gradient(
    image: ImageLike,
    objective: Objective,
    options: Run & { wrt: string[] },
  ): Promise<{ value: number } & Record<string, Tensor>>;
  gradient(
    image: ImageLike,
    objective: Objective,
    options?: Run & { wrt?: string },
  ): Promise<Tensor>;
  /** Binds a pass to a picture once, to run it many times: for timing, and for loops that change weights. */
  prepare(image: ImageLike, pass: Pass, options?: Run): Promise<Prepared>;
  /** What of the picture an answer depends on, `[N, C, H, W]`. An option that the method does not have is refused. */
  attribute(image: ImageLike, options: AttributeOptions): Promise<Tensor>;
  /**
   * Pictures as points of a map that keeps near what is near in a layer: `"pca"`, `"tsne"` or `"umap"`. Also lays out the rows
   * of a tensor `[N, D]`, without a layer.
   */
  embed(
    images: ImageLike | ImageLike[],
    options?: EmbedPca | EmbedTsne | EmbedUmap,
  ): Promise<Embedding>;
  /**
   * The identities that prove a method for one picture, computed on the spot; none for a method, target or network without
   * one. `map` is the method's map by the same options, where there is one already.
   */
  check(image: ImageLike, options: AttributeOptions & { map?: Tensor }): Promise<Identity[]>;
  /**
   * Deletion and insertion curves of a map `[1, C, h, w]` of one picture. `target` is the predicted class's probability,
   * `steps` 28, `baseline` (what stands where pixels are missing) `"zero"`.
   */
  faithfulness(
    image: ImageLike,
    map: Tensor,
    options?: Run & { target?: number | Objective; steps?: number; baseline?: Baseline },
  ): Promise<Faithfulness>;
  /** Draws the weights of layers (of all without `layers`) anew, each with its own mean and deviation. */
  randomize(options?: Common & { layers?: string[] }): Promise<void>;
  /** F Fᵀ / (H·W) of a layer's output, `[C, C]`; without the division if `normalize` is false. */
  gram(image: ImageLike, layer: string, options?: Run & { normalize?: boolean }): Promise<Tensor>;
  /**
   * Makes a picture that raises an objective, by gradient ascent. `history` holds the objective before each step and after
   * the last; `state`, given as `resume` with the same options, goes on from there. `onStep` pauses the run while a promise
   * that it returned is open, and ends it early, with its result so far, by returning `{ stop: true }`.
   */
  synthesize(
    options: SynthesisOptions & Run & Stepped<SynthesisStep>,
  ): Promise<{ image: Tensor; history: number[]; state: SynthesisState }>;
  /**
   * Changes a picture a little so that the network errs. Attacks with a given budget take all their steps and return the last
   * picture, successful or not, unless `earlyStop`. A step's listener ends the run with what there is by returning
   * `{ stop: true }`.
   */
  attack(image: ImageLike, options: AttackOptions & Stepped<AttackStep>): Promise<AttackResult>;
  attack(images: ImageLike[], options: AttackOptions & Stepped<AttackStep>): Promise<AttackResults>;
  /**
   * The smallest budget with which `fgsm`, `pgd` or `mi_fgsm` succeeds: doubled until it does, then halved between. Success need
   * not rise steadily with the budget, for `fgsm` least of all; `tried` tells.
   */
  smallestEpsilon(image: ImageLike, options: SmallestEpsilonOptions): Promise<SmallestEpsilon>;
  smallestEpsilon(
    images: ImageLike[],
    options: SmallestEpsilonOptions,
  ): Promise<SmallestEpsilon<(number | null)[]>>;
  /**
   * Pictures as a filter leaves them. `"smoothing"` (Cohen et al.) also certifies each by the votes of noisy copies
   * (Clopper–Pearson), and its picture is one of them. `"squeezing"` (Xu et al.) scores how far answers change, and its picture
   * is the squeezed one that changes them most.
   */
  defend(image: ImageLike, options: Extract<DefendOptions, Filter>): Promise<Tensor>;
  defend(
    image: ImageLike,
    options: Extract<DefendOptions, { method: "smoothing" }>,
  ): Promise<Certified>;
  defend(image: ImageLike, options: Extract<DefendOptions, Squeezing>): Promise<Squeezed>;
  defend(images: ImageLike[], options: Extract<DefendOptions, Filter>): Promise<Tensor>;
  defend(
    images: ImageLike[],
    options: Extract<DefendOptions, { method: "smoothing" }>,
  ): Promise<Certified<(number | null)[], number[], number[][]>>;
  defend(
    images: ImageLike[],
    options: Extract<DefendOptions, Squeezing>,
  ): Promise<Squeezed<number[], boolean[], number[][]>>;
  /**
   * Attacks with a fixed budget (FGSM, PGD and noise by default) at every budget in `epsilons` against every defence (`null` is
   * none, the default) over labelled pictures in model space, with ε in pixels where the network has a rule for pictures. A PGD
   * without `stepSize` goes 2.5 ε in all. `onStep` sees each cell and ends it by returning `{ stop: true }`.
   */
  robustness(
    data: Examples,
    options?: Run &
      Units &
      Stepped<RobustnessCell & { clean: number }> & {
        attacks?: LadderAttack[];
        defences?: (Defence | null)[];
        epsilons?: number[];
      },
  ): Promise<Robustness>;
  /**
   * Attacks labelled pictures in model space on this network, and shows the same pictures to `others`, which take pictures by the
   * same rule and know as many classes: what fools one network often fools another. By PGD of 20 steps and 2.5 ε in all within
   * 8/255, unless an attack of the ladder with its `epsilon` is given.
   */
  transfer(
    data: Examples,
    others: Net[],
    options?: Run & Units & { attack?: LadderAttack & { epsilon?: number } },
  ): Promise<Transfer>;
  /** The loss around a picture, up to `epsilon` (16/255) along the gradient's signs and along random ones, at `size` (21) points each. */
  lossSurface(
    image: ImageLike,
    options?: Omit<AttackCommon, "earlyStop" | "every" | "defence"> & {
      epsilon?: number;
      size?: number;
    },
  ): Promise<LossSurface>;
  /**
   * Makes a picture with the content of one and the style of another, or of several, by gradient descent on
   * L = α L_content + β L_style + λ L_tv (Gatys et al. 2016). `history` holds the losses before each step and after the last;
   * `grams` the result's Gram matrices of the layers that `grams` names; `state` and what `onStep` returns as in `synthesize`.
   * Pictures are resized to `size`, a Tensor is taken at any size.
   */
  stylize(
    content: ImageLike,
    style: ImageLike | (ImageLike | Style)[],
    options?: StyleOptions & Run & Stepped<StyleStep>,
  ): Promise<{
    image: Tensor;
    history: StyleLoss[];
    grams: Record<string, Tensor>;
    state: SynthesisState;
  }>;
  /** What a preset of `stylize` stands for, for this network; without a name the one that is taken by default. */
  stylePreset(name?: StylePreset): Promise<Required<StyleSettings> & { steps: number }>;
  /** What a preset stands for, for this network; without a name the one that is taken by default for a class. */
  synthesisPreset(name?: SynthesisPreset): Promise<Required<SynthesisSettings> & { steps: number }>;
  /**
   * What units respond to: for each of `channels` (all of them by default) the `count` (9) places in a set of pictures
   * `[N, C, H, W]` where it is highest, at most `perPicture` (1) of one picture and those at least `apart` (1) positions
   * from each other, and how often it is above 0. Take the layer before a rectifier that saturates (ReLU6), where ties end.
   */
  topActivations(
    images: Tensor,
    layer: string,
    options?: Common &
      Stepped<Survey> & {
        count?: number;
        channels?: number[];
        perPicture?: number;
        apart?: number;
      },
  ): Promise<Survey>;
  /**
   * What one unit sees of a picture: by the network's geometry, and as measured by ∂unit/∂X. Behind a rectifier the gradient
   * is 0 where that is flat; take its input instead.
   */
  receptiveField(
    image: ImageLike,
    layer: string,
    options: Common & { channel: number; y: number; x: number; share?: number },
  ): Promise<ReceptiveField>;
  /**
   * Statistics of the filters of a convolution or a linear layer as they are now, with a histogram of `bins` (61), and with
   * their `spectrum` on so many frequencies a side where it is given.
   */
  filters(layer: string, options?: Common & { bins?: number; spectrum?: number }): Promise<Filters>;
  /** Frees its memory; need not be awaited. */
  dispose(): void;
}

/**
 * For each kind of layer, such as "conv2d 64x56x56 by 64x64x3x3 to 64x56x56, padding 1 1 1 1", the name of the way in which
 * it is computed. All ways agree up to rounding.
 */
export type Choices = Record<string, string>;

export interface Scope {
  /** What really runs. */
  readonly backend: "webgpu" | "cpu";
  /** Why it runs, in words. */
  readonly reason: string;
  /** The GPU, `null` on the CPU. */
  readonly adapter: Adapter | null;
  /** What ships, the lightest first. */
  readonly models: Model[];
  readonly pictures: ShippedPicture[];
  /** What each attack can. */
  readonly attacks: AttackAbilities[];

  dataset(id: string, options?: Common): Promise<Dataset>;
  load(source: Source, options?: LoadOptions): Promise<Net>;
  /** The weights by name with which a shipped network's training began, drawn again from its seed; `null` if not known. */
  initialWeights(id: string): Promise<Record<string, Tensor> | null>;
  /** Every plane of a tensor as a tile of one picture. */
  paint(tensor: Tensor, options?: Paint): Promise<Painted>;
  /** The 256 RGBA entries of a colour map. */
  colormap(name: "gray" | "sequential" | "diverging"): Promise<Uint8ClampedArray>;
  /** How alike two maps of one shape are: rank correlations, and structural similarity of their last two axes. */
  similarity(a: Tensor, b: Tensor): Promise<Similarity>;
  memory(): Promise<Memory>;
  /** The ways that were chosen so far; see `open`. */
  choices(): Promise<Choices>;
  /** Ends the engine; calls that are not answered yet reject with code `aborted`. Need not be awaited. */
  close(): void;
}

/**
 * Opens an engine: WebGPU on a real adapter, else the CPU, unless `backend` says which; in a worker unless told otherwise.
 *
 * On the CPU engine, calls that run many pictures, samples or occlusions have up to `workers` more workers help: each has an
 * engine of its own and a copy of the network, no shared memory, and is let go when it has had nothing to do for half a
 * minute. Results are the same to the byte with any number of them. By default there is one for each core beside the first,
 * up to 7 and one a gigabyte of memory, and none where the engine runs in the page; 0 is none.
 *
 * On WebGPU, the ways to compute a network's convolutions are measured when it is loaded, for about 300 ms at most, and the
 * fastest are chosen, unless `tune` is false; on software adapters only if it is true. What was measured is kept in the
 * browser's storage, by adapter. `choices` are taken instead of what is kept there, and then nothing is kept; with those of
 * `Scope.choices` and `tune: false`, results repeat exactly.
 */
export function open(options?: {
  backend?: "auto" | "webgpu" | "cpu";
  worker?: boolean;
  workers?: number;
  tune?: boolean;
  choices?: Choices;
}): Promise<Scope>;
