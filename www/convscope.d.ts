/** Types of the public interface; shapes are row-major, NCHW. */

export type Tensor = { data: Float32Array; shape: number[] };

/** What can be looked at: a picture that the network's own rule prepares, or a tensor that is taken as it is. */
export type ImageLike =
  | ImageData
  | ImageBitmap
  | Blob
  | HTMLImageElement
  | HTMLCanvasElement
  | HTMLVideoElement
  | Tensor;

export type Progress = { loaded?: number; total?: number };
export type Common = {
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
  seed?: number;
};
export type Override = Record<string, { scale: Record<number, number> } | Tensor>;
export type Run = Common & { override?: Override };

export type Objective = Record<string, unknown> | Record<string, unknown>[];

export type Kernel = {
  shape: number[];
  stride: number[];
  padding: number[];
  dilation: number[];
  groups: number;
};

export type Layer = {
  name: string;
  op: string;
  inputs: string[];
  shape: number[];
  kernel: Kernel | null;
  params: number;
  macs: number;
  /** The block that it belongs to: its name up to the last dot, or its own name. */
  block: string;
  weight: string | null;
  bias: string | null;
  /** Of a batch norm: the names of its means and variances, and what is added to the variance. */
  statistics: { mean: string; variance: string; epsilon: number } | null;
  receptiveField: { size: number[]; stride: number[]; start: number[] };
};

export type Preprocess = {
  size?: number | number[] | null;
  crop?: number | null;
  mean?: number[];
  std?: number[];
  channels?: "rgb" | "bgr" | "gray";
};

export type Prediction = {
  logits: Tensor;
  probabilities: Tensor;
  top: { index: number; label: string; probability: number }[];
};

export type Painted = {
  bitmap: ImageBitmap;
  columns: number;
  rows: number;
  tile: number[];
  ranges: Float32Array;
};

export type Paint = {
  map?: "gray" | "sequential" | "diverging" | "rgb";
  scale?: "each" | "all" | "signed" | "signed_each" | [number, number];
  percentile?: number;
  columns?: number;
};

export type Model = {
  id: string;
  title: string;
  bytes: number;
  licence: string;
  source: string;
  classes: number | string[];
  input: number[] | { shape: number[] };
};

export type ShippedPicture = {
  id: string;
  title: string;
  url: string;
  credit: string;
  licence: string;
  kind: "photo" | "fashion";
};

export interface Net {
  readonly name: string;
  readonly labels: string[];
  readonly input: { shape: number[]; preprocess: Preprocess | null };
  readonly layers: Layer[];
  readonly modified: boolean;
  preprocess(image: ImageLike): Promise<Tensor>;
  toPixels(tensor: Tensor): Promise<ImageData>;
  predict(image: ImageLike, options?: Run & { top?: number }): Promise<Prediction>;
  weights(name: string): Promise<Tensor>;
  setWeights(name: string, tensor: Tensor): Promise<void>;
  restore(): Promise<void>;
  activations(image: ImageLike, names: string[], options?: Run): Promise<Record<string, Tensor>>;
  value(image: ImageLike, objective: Objective, options?: Run): Promise<number>;
  gradient(
    image: ImageLike,
    objective: Objective,
    options: Run & { wrt: string[] },
  ): Promise<{ value: number } & Record<string, Tensor | number>>;
  gradient(
    image: ImageLike,
    objective: Objective,
    options?: Run & { wrt?: string },
  ): Promise<Tensor>;
  dispose(): void;
}

export interface Scope {
  readonly backend: "webgpu" | "cpu";
  readonly reason: string;
  readonly models: Model[];
  readonly pictures: ShippedPicture[];
  load(source: string | Blob | ArrayBuffer, options?: Common): Promise<Net>;
  paint(tensor: Tensor, options?: Paint): Promise<Painted>;
  close(): void;
}

export function open(options?: {
  backend?: "auto" | "webgpu" | "cpu";
  worker?: boolean;
}): Promise<Scope>;
