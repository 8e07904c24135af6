/**
 * The pictures that units are shown: those of the data set the network was trained for where they ship, else the
 * photographs; and those that the user brought.
 * @module
 */

import { fetchPicture } from "../app/session.js";

/**
 * @typedef {import("../convscope.js").Net} Net
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {{ title: string, label: string | null, id: string | null }} About what a picture is, its class, its id on the page
 */

/** The fashion pack is for networks of its pictures' size; the network that learnt a shortcut sees it with the mark. */
const FASHION = [1, 1, 28, 28];
const MARKED = "fashion-biased";

export class PictureSet {
  /** @type {Map<number, Promise<ImageBitmap>>} */
  #bitmaps = new Map();

  /**
   * @param {Net} net
   * @param {Tensor} images `[N, C, H, W]`
   * @param {About[]} about
   * @param {string} words what they are: "2000 test pictures"
   */
  constructor(net, images, about, words) {
    this.net = net;
    this.images = images;
    this.about = about;
    this.words = words;
  }

  get count() {
    return this.about.length;
  }

  /**
   * One picture as a tensor of its own.
   * @param {number} index
   * @returns {Tensor}
   */
  tensor(index) {
    const [, ...shape] = this.images.shape;
    const size = shape.reduce((product, extent) => product * extent, 1);
    return { data: this.images.data.slice(index * size, (index + 1) * size), shape: [1, ...shape] };
  }

  /**
   * One picture as the network sees it.
   * @param {number} index
   */
  bitmap(index) {
    let bitmap = this.#bitmaps.get(index);
    if (!bitmap) {
      bitmap = this.net.toPixels(this.tensor(index)).then((pixels) => createImageBitmap(pixels));
      this.#bitmaps.set(index, bitmap);
      bitmap.catch(() => this.#bitmaps.delete(index));
    }
    return bitmap;
  }
}

/**
 * Gathers the set for the network that is looked at.
 * @param {Session} app
 * @param {readonly File[]} files that the user added
 * @param {AbortSignal} signal
 * @param {(progress: import("../convscope.js").Progress) => void} onProgress
 */
export async function gather(app, files, signal, onProgress) {
  const { net, scope } = app;
  const own = ownPictures(app);
  const isFashion = FASHION.every((extent, axis) => net.input.shape[axis] === extent);
  const isMarked = isFashion && app.store.get().model === MARKED;
  const gray = net.input.shape[1] === 1;
  const listed = app.pictures.filter((each) => each.kind === (gray ? "fashion" : "photo"));
  /** @type {{ image: string | import("../convscope.js").ImageLike, about: About }[]} */
  const wanted = [...(isFashion ? [] : listed), ...own].map((picture) => ({
    image: picture.image ?? picture.url ?? "",
    about: { title: picture.title, label: null, id: picture.id },
  }));
  for (const file of files)
    wanted.push({ image: file, about: { title: file.name, label: null, id: null } });

  /** @type {Tensor[]} */
  const tensors = [];
  /** @type {About[]} */
  const about = [];
  if (isFashion) {
    const pack = isMarked ? MARKED : "fashion";
    const { images, labels, classes } = await scope.dataset(pack, { signal, onProgress });
    tensors.push(images);
    for (const [index, label] of labels.entries())
      about.push({ title: `test picture ${index}`, label: classes[label], id: null });
  }
  for (const { image, about: words } of wanted) {
    signal.throwIfAborted();
    const source =
      typeof image === "string"
        ? await fetchPicture({ title: words.title, url: image }, signal)
        : image;
    tensors.push(await net.preprocess(source));
    about.push(words);
  }
  const mark = isMarked ? " with the planted mark" : "";
  const shipped = isFashion
    ? `2,000 Fashion-MNIST test pictures${mark}`
    : `${listed.length} photographs`;
  const extra = own.length + files.length;
  const words = extra > 0 ? `${shipped} and ${extra} of your own` : shipped;
  return new PictureSet(net, stack(tensors, net.input.shape), about, words);
}

/**
 * Pictures of one's own that stay as they are; the camera and the drawing change all the time.
 * @param {Session} app
 */
export function ownPictures(app) {
  return app.pictures.filter(({ id, kind }) => kind === "own" && /^own\d+$/.test(id));
}

/**
 * @param {Tensor[]} tensors
 * @param {number[]} shape of one picture
 * @returns {Tensor}
 */
function stack(tensors, shape) {
  const length = tensors.reduce((sum, { data }) => sum + data.length, 0);
  const data = new Float32Array(length);
  let count = 0;
  let start = 0;
  for (const tensor of tensors) {
    data.set(tensor.data, start);
    start += tensor.data.length;
    count += tensor.shape[0];
  }
  return { data, shape: [count, ...shape.slice(1)] };
}
