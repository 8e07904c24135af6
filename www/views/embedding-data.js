/**
 * What can be laid out in two dimensions: the pictures that ship, one's own, the positions of one picture's map, and sets
 * made up to show how maps mislead. Each comes with its labels and a sheet of small pictures.
 * @module
 */

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Tensor} Tensor
 * @typedef {{ sheet: HTMLCanvasElement, side: number, columns: number }} Sprites
 * @typedef {{
 *   title: string,
 *   images: Tensor,
 *   labels: Int32Array | null,
 *   classes: string[],
 *   names: string[] | null,
 *   sprites: Sprites | null,
 *   kind: "pictures" | "positions" | "made",
 *   truth: Float32Array | null,
 *   note: string,
 * }} PointSet `truth` is where the points of a made set really lie, if that is in two dimensions
 * @typedef {{ classes: Int32Array, probabilities: Float32Array }} Predicted
 */

/** Pixels of a small picture's side on the sheet. */
const SIDE = 32;

/** Most values that all pictures together may have: 256 MB. */
const MOST_VALUES = 64e6;

/** Most positions of a map that are laid out. */
export const MOST_POSITIONS = 1600;

/** Test pictures that ship; more than these are those that training learns from. */
const TESTS = 2000;

/** Pictures that ship and that a network of other pictures is asked about. */
const FEW = 60;

/** Pictures of a batch whose classes are asked for. */
const BATCH = 100;

/**
 * An empty sheet for so many small pictures.
 * @param {number} count
 * @param {number} side
 */
function emptySheet(count, side) {
  const columns = Math.ceil(Math.sqrt(count));
  const sheet = document.createElement("canvas");
  sheet.width = columns * side;
  sheet.height = Math.ceil(count / columns) * side;
  const context = /** @type {CanvasRenderingContext2D} */ (sheet.getContext("2d"));
  return { sheets: { sheet, side, columns }, context };
}

/**
 * Whether the network takes the pictures that ship as they are.
 * @param {Session} app
 */
export function isSmall(app) {
  const [, channels, height, width] = app.net.input.shape;
  return channels === 1 && height === 28 && width === 28;
}

/**
 * The first pictures of the shipped test set or, if more are wanted, of those that training learns from, in the network's
 * own space.
 * @param {Session} app
 * @param {number} count
 * @param {AbortSignal} signal
 * @returns {Promise<PointSet>}
 */
export async function shippedSet(app, count, signal) {
  const isTest = count <= TESTS;
  const set = await app.scope.dataset(isTest ? "fashion" : "fashion-train", { signal });
  const shipped = app.scope.models.find(({ id }) => id === "fashion");
  const rule = /** @type {{ mean: number[], std: number[] }} */ (
    shipped?.input.preprocess ?? { mean: [0], std: [1] }
  );
  const [, channels, height, width] = app.net.input.shape;
  const size = 28 * 28;
  const fits = isSmall(app);
  const most = Math.min(count, fits ? set.labels.length : FEW);
  const { sheets, context } = emptySheet(most, 28);
  const images = { data: new Float32Array(most * channels * height * width), shape: [most] };
  images.shape.push(channels, height, width);
  const own = app.net.input.preprocess;
  for (let index = 0; index < most; index += 1) {
    const pixels = new ImageData(28, 28);
    for (let at = 0; at < size; at += 1) {
      const share = set.images.data[index * size + at] * rule.std[0] + rule.mean[0];
      pixels.data.fill(Math.round(255 * share), 4 * at, 4 * at + 3);
      pixels.data[4 * at + 3] = 255;
      if (fits) images.data[index * size + at] = (share - (own?.mean[0] ?? 0)) / (own?.std[0] ?? 1);
    }
    context.putImageData(
      pixels,
      (index % sheets.columns) * 28,
      Math.floor(index / sheets.columns) * 28,
    );
    if (!fits) {
      const { data } = await app.net.preprocess(pixels);
      signal.throwIfAborted();
      images.data.set(data, index * data.length);
    }
  }
  return {
    title: `${most} Fashion-MNIST ${isTest ? "" : "training "}pictures`,
    images,
    labels: set.labels.slice(0, most),
    classes: set.classes,
    names: null,
    sprites: sheets,
    kind: "pictures",
    truth: null,
    note: noteOn(most < count && !fits ? most : null, isTest),
  };
}

/**
 * @param {number | null} few how many were taken, if not all that were wanted
 * @param {boolean} isTest
 */
function noteOn(few, isTest) {
  if (few !== null) return `${few} pictures, as this network is slow on many.`;
  return isTest
    ? ""
    : "Networks have learnt from these pictures: they come apart better than new ones.";
}

/**
 * The label of a file: the folder that it lies in, "" without one.
 * @param {File} file
 */
export function folderOf(file) {
  const path = /** @type {{ path?: string }} */ (file).path ?? file.webkitRelativePath;
  const parts = (path || file.name).split("/").filter(Boolean);
  return parts.length > 1 ? parts[parts.length - 2] : "";
}

/**
 * Pictures of one's own; folder names become labels where there are at least two.
 * @param {Session} app
 * @param {File[]} files
 * @param {AbortSignal} signal
 * @param {(done: number) => void} onProgress
 * @returns {Promise<PointSet>}
 */
export async function ownSet(app, files, signal, onProgress) {
  const [, ...extents] = app.net.input.shape;
  const size = extents.reduce((product, extent) => product * extent, 1);
  const pictures = files.filter((file) => file.type.startsWith("image/"));
  const taken = pictures.slice(0, Math.floor(MOST_VALUES / size));
  /** @type {{ file: File, tensor: Tensor, seen: ImageData }[]} */
  const read = [];
  const broken = [];
  for (const [index, file] of taken.entries()) {
    try {
      const tensor = await app.net.preprocess(file);
      read.push({ file, tensor, seen: await app.net.toPixels(tensor) });
    } catch {
      broken.push(file.name);
    }
    signal.throwIfAborted();
    onProgress(index + 1);
  }
  if (read.length < 4)
    throw new Error(
      `${read.length} of ${files.length} files are pictures that can be read; a map needs at least 4.`,
    );
  const { sheets, context } = emptySheet(read.length, SIDE);
  const images = { data: new Float32Array(read.length * size), shape: [read.length, ...extents] };
  for (const [index, { tensor, seen }] of read.entries()) {
    images.data.set(tensor.data, index * size);
    const small = await createImageBitmap(seen);
    const [x, y] = [(index % sheets.columns) * SIDE, Math.floor(index / sheets.columns) * SIDE];
    context.drawImage(small, x, y, SIDE, SIDE);
    small.close();
  }
  const folders = read.map(({ file }) => folderOf(file));
  const classes = [...new Set(folders)].sort();
  const notes = [];
  if (broken.length > 0)
    notes.push(`${broken.length} files could not be read (${broken.slice(0, 3).join(", ")}).`);
  if (pictures.length > taken.length)
    notes.push(`The first ${taken.length} of ${pictures.length} pictures were taken, for memory.`);
  return {
    title: `${read.length} pictures of your own`,
    images,
    labels:
      classes.length > 1 ? Int32Array.from(folders, (folder) => classes.indexOf(folder)) : null,
    classes: classes.length > 1 ? classes.map((name) => name || "no folder") : [],
    names: read.map(({ file }) => file.name),
    sprites: sheets,
    kind: "pictures",
    truth: null,
    note: notes.join(" "),
  };
}

/**
 * Every position of the chosen layer's map for the picture that is looked at; its small picture is what it sees around its
 * centre.
 * @param {Session} app
 * @returns {PointSet}
 */
export function positionsSet(app) {
  const { layer, seen } = app;
  const [, height, width] = layer.shape;
  if (height * width > MOST_POSITIONS || height * width < 4)
    throw new Error(
      `${layer.name} has ${height} × ${width} positions; choose a layer with 4 to ${MOST_POSITIONS} in the list of layers.`,
    );
  const { size, stride, start } = layer.receptiveField;
  const whole = document.createElement("canvas");
  whole.width = seen.width;
  whole.height = seen.height;
  /** @type {CanvasRenderingContext2D} */ (whole.getContext("2d")).putImageData(seen, 0, 0);
  const { sheets, context } = emptySheet(height * width, SIDE);
  // At least an eighth of the picture, or a patch says nothing; at most a half, or all look alike.
  const side = Math.min(Math.max(size[0], seen.height / 8), seen.height / 2);
  for (let at = 0; at < height * width; at += 1) {
    const [row, column] = [Math.floor(at / width), at % width];
    // A place at the border is shown by what lies within the picture beside it.
    const within = (/** @type {number} */ from, /** @type {number} */ extent) =>
      Math.min(Math.max(0, from), extent - side);
    const y = within(start[0] + stride[0] * row + size[0] / 2 - side / 2, seen.height);
    const x = within(start[1] + stride[1] * column + size[1] / 2 - side / 2, seen.width);
    const to = [(at % sheets.columns) * SIDE, Math.floor(at / sheets.columns) * SIDE];
    context.drawImage(whole, x, y, side, side, to[0], to[1], SIDE, SIDE);
  }
  return {
    title: `${height * width} positions of ${app.picture.title}`,
    images: app.input,
    labels: null,
    classes: [],
    names: Array.from(
      { length: height * width },
      (_, at) => `row ${Math.floor(at / width)}, column ${at % width}`,
    ),
    sprites: sheets,
    kind: "positions",
    truth: null,
    note: "",
  };
}

/**
 * The likeliest class of every picture.
 * @param {Session} app
 * @param {Tensor} images
 * @param {AbortSignal} signal
 * @returns {Promise<Predicted>}
 */
export async function predictAll(app, images, signal) {
  const [count, ...extents] = images.shape;
  const size = extents.reduce((product, extent) => product * extent, 1);
  const classes = new Int32Array(count);
  const probabilities = new Float32Array(count);
  for (let start = 0; start < count; start += BATCH) {
    const end = Math.min(count, start + BATCH);
    const data = images.data.slice(start * size, end * size);
    const answer = await app.net.predict(
      { data, shape: [end - start, ...extents] },
      { top: 1, signal },
    );
    const [rows, width] = answer.probabilities.shape;
    for (let row = 0; row < rows; row += 1) {
      const list = answer.probabilities.data.subarray(row * width, (row + 1) * width);
      const best = list.indexOf(Math.max(...list));
      classes[start + row] = best;
      probabilities[start + row] = list[best];
    }
  }
  return { classes, probabilities };
}

/**
 * Some points of a set.
 * @param {PointSet} set
 * @param {number[]} indices
 * @returns {Tensor}
 */
export function rowsOf({ images }, indices) {
  const [, ...extents] = images.shape;
  const size = extents.reduce((product, extent) => product * extent, 1);
  const data = new Float32Array(indices.length * size);
  for (const [row, index] of indices.entries())
    data.set(images.data.subarray(index * size, (index + 1) * size), row * size);
  return { data, shape: [indices.length, ...extents] };
}
