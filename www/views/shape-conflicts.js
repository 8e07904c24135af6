/**
 * Sets of cue-conflict pictures: those that ship crossed with each other, and a folder of one's own; and the class's votes.
 * @module
 */

import { cueOf } from "../api/cue-conflict.js";
import { filesOf } from "./embedding-files.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Picture} Picture
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("../convscope.js").Category} Category
 * @typedef {import("./shape-material.js").Material} Material
 * @typedef {{ image: Tensor | File, shape: string, texture: string }} Conflict
 * @typedef {{ shape: number, texture: number, other: number }} Votes
 */

/** An object that fills more of its picture has no outline there, and gives texture only. */
const MOST_AREA = 0.7;

/** Pictures of this ending are looked for in a folder. */
const PICTURE = /\.(png|jpe?g|webp|bmp|gif)$/i;

/**
 * Votes as they stand in the address: `12-3-1`.
 * @param {unknown} text
 * @returns {Votes}
 */
export function readVotes(text) {
  const [, shape = 0, texture = 0, other = 0] = /^(\d+)-(\d+)-(\d+)$/.exec(String(text)) ?? [];
  return { shape: Number(shape), texture: Number(texture), other: Number(other) };
}

/** @param {Votes} votes */
export function writeVotes({ shape, texture, other }) {
  return `${shape}-${texture}-${other}`;
}

/** @param {Tensor} mask whether it leaves room around the object */
const hasOutline = ({ data }) =>
  data.reduce((sum, inside) => sum + inside, 0) <= MOST_AREA * data.length;

/**
 * The picture in a file whose name says what it shows.
 * @param {File} file
 * @returns {Conflict[]}
 */
export function conflictIn(file) {
  const cue = cueOf(file.name);
  return cue ? [{ image: file, ...cue }] : [];
}

/**
 * @param {{ app: Session, store: Store, material: Material }} options
 */
export function createConflicts({ app, store, material }) {
  /** @type {File[]} */
  let chosen = [];
  /** What the crossed pictures were made for. */
  let madeFor = "";
  /** @type {Conflict[]} */
  let crossed = [];

  const kind = () => (store.get()["shape.set"] === "folder" ? "folder" : "crossed");

  /** The pictures that ship with a class that this network can tell, the first of each. */
  function subjects() {
    const { labels } = app.net;
    /** @type {Map<string, { picture: Picture, category: Category }>} */
    const found = new Map();
    for (const picture of app.pictures) {
      const named =
        picture.label !== undefined && material.isDark() && labels.length === 10
          ? { name: labels[picture.label], classes: [picture.label] }
          : labels.length === 1000 && !material.isDark()
            ? picture.category
            : undefined;
      if (named && !found.has(named.name)) found.set(named.name, { picture, category: named });
    }
    return [...found.values()];
  }

  /**
   * @param {AbortSignal} signal
   * @param {(text: string) => void} tell
   */
  async function cross(signal, tell) {
    const seed = Number(store.get()["shape.seed"]);
    const now = `${store.get().model} ${seed}`;
    if (madeFor === now) return crossed;
    const list = [];
    for (const { picture, category } of subjects()) {
      const input = await material.inputOf(picture, signal);
      const mask = await material.mask(picture, input, signal);
      const piece = await material.texture(input, signal);
      const shapes = picture.kind !== "style" && hasOutline(mask);
      list.push({ input, mask, piece, name: category.name, shapes });
      tell(`Making the pictures: ${list.length}`);
    }
    /** @type {Conflict[]} */
    const made = [];
    const { paper } = material.tones();
    for (const shape of list.filter(({ shapes }) => shapes))
      for (const texture of list) {
        if (shape === texture) continue;
        const fill = { kind: /** @type {"fill"} */ ("fill"), ...texture.piece, paper };
        const image = await app.net.stimulus(shape.input, { ...fill, mask: shape.mask, signal });
        made.push({ image, shape: shape.name, texture: texture.name });
      }
    madeFor = now;
    crossed = made;
    return made;
  }

  return {
    kind,
    files: () => chosen,
    votes: () => readVotes(store.get()["shape.votes"]),
    /**
     * Keeps the files whose names say what they show.
     * @param {File[]} files
     * @returns {number} how many there are
     */
    take(files) {
      const named = files.filter((file) => PICTURE.test(file.name) && cueOf(file.name) !== null);
      if (named.length > 0) chosen = named;
      return named.length;
    },
    /** @param {DragEvent} event */
    dropped: (event) => filesOf([...(event.dataTransfer?.items ?? [])]),
    /** The name of a picture of the set. @param {number} index */
    nameOf(index) {
      if (kind() === "folder") return chosen[index]?.name ?? "";
      const { shape, texture } = crossed[index] ?? { shape: "", texture: "" };
      return `${shape}-${texture}`;
    },
    /** The categories that the set's names belong to; those of the network by default. */
    categories() {
      if (kind() === "folder" || app.net.labels.length !== 1000) return undefined;
      return Object.fromEntries(
        subjects().map(({ category }) => [category.name, category.classes]),
      );
    },
    /**
     * The set as `shapeBias` takes it.
     * @param {AbortSignal} signal
     * @param {(text: string) => void} tell
     * @returns {Promise<(Conflict | File)[]>}
     */
    list: async (signal, tell) => (kind() === "folder" ? chosen : cross(signal, tell)),
    cross,
    about() {
      if (kind() === "folder") return `${chosen.length} pictures of the folder`;
      const [shapes, textures] = [new Set(), new Set()];
      for (const { shape, texture } of crossed) {
        shapes.add(shape);
        textures.add(texture);
      }
      return crossed.length > 0
        ? `${crossed.length} filled silhouettes: ${shapes.size} shapes, each with the textures of the other ${textures.size - 1}`
        : "No picture that ships is of this network’s classes: choose a folder.";
    },
    doubt() {
      if (kind() === "folder")
        return "The published figures compare only with a run over the published pictures; the intervals take pictures as independent, but each shape and texture comes several times.";
      return "These pictures are few and made here, with their own categories: the published figures, over 1,280 pictures stylised through another network, stand beside them for scale, not for comparison.";
    },
  };
}

/** @typedef {ReturnType<typeof createConflicts>} Conflicts */
