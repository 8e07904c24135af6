/**
 * Sets whose truth is known, after "How to Use t-SNE Effectively" (Wattenberg, Viégas and Johnson 2016): what a map makes of
 * them shows what it cannot tell.
 * @module
 */

/**
 * @typedef {import("./embedding-data.js").PointSet} PointSet
 * @typedef {{ id: string, title: string, asks: string, perplexity: number, what: string, doubt: string, make: (normal: () => number) => Made }} Preset
 * @typedef {{ rows: number[][], labels: number[], classes: string[] }} Made
 */

/** Normally distributed numbers that repeat. */
function normals() {
  let state = 12_345;
  const uniform = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/**
 * Points about a centre.
 * @param {() => number} normal
 * @param {number} count
 * @param {number[]} centre
 * @param {number} spread
 */
function cloud(normal, count, centre, spread) {
  return Array.from({ length: count }, () => centre.map((value) => value + spread * normal()));
}

/**
 * @param {string[]} classes
 * @param {...number[][]} clouds one a class
 * @returns {Made}
 */
function together(classes, ...clouds) {
  return {
    rows: clouds.flat(),
    labels: clouds.flatMap((rows, label) => rows.map(() => label)),
    classes,
  };
}

/** @type {Preset[]} */
export const PRESETS = [
  {
    id: "sizes",
    title: "Sizes",
    asks: "keep sizes",
    perplexity: 30,
    what: "Two groups of 100 points, one ten times as wide as the other.",
    doubt:
      "t-SNE gives every point about as many neighbours, so that both groups come out equally large: the size of a group says nothing.",
    make: (normal) =>
      together(["wide", "narrow"], cloud(normal, 100, [0, 0], 10), cloud(normal, 100, [60, 0], 1)),
  },
  {
    id: "distances",
    title: "Distances",
    asks: "keep distances",
    perplexity: 30,
    what: "Three groups of 80 points; the third is five times as far from the others as they are from each other.",
    doubt:
      "Groups that share no neighbours only repel: how far apart they lie in the map does not say how far they are.",
    make: (normal) =>
      together(
        ["first", "second", "far"],
        cloud(normal, 80, [0, 0], 1),
        cloud(normal, 80, [10, 0], 1),
        cloud(normal, 80, [60, 0], 1),
      ),
  },
  {
    id: "noise",
    title: "Noise",
    asks: "find groups in noise",
    perplexity: 4,
    what: "300 points of pure noise in 100 dimensions: there is no group at all.",
    doubt:
      "At a low perplexity t-SNE finds clumps in it. Raise the perplexity, and they are gone: a clump that depends on it is none.",
    make: (normal) => together(["noise"], cloud(normal, 300, Array(100).fill(0), 1)),
  },
  {
    id: "rings",
    title: "Perplexity",
    asks: "keep a ring whole",
    perplexity: 5,
    what: "A ring of 60 points around a group of 60, in 50 dimensions of which only two matter.",
    doubt:
      "Whether the ring stays whole, breaks or swallows the group depends on the perplexity alone: look at several before believing one.",
    make: (normal) => {
      const tail = () => Array.from({ length: 48 }, () => 0.2 * normal());
      const ring = Array.from({ length: 60 }, (_, index) => {
        const angle = (index / 60) * 2 * Math.PI;
        return [10 * Math.cos(angle), 10 * Math.sin(angle), ...tail()];
      });
      const inner = cloud(normal, 60, [0, 0], 1).map((row) => [...row, ...tail()]);
      return together(["ring", "group"], ring, inner);
    },
  },
];

/**
 * The set of a preset, `null` if there is none of that id.
 * @param {string} id
 * @returns {PointSet | null}
 */
export function presetSet(id) {
  const preset = PRESETS.find((each) => each.id === id);
  if (!preset) return null;
  const { rows, labels, classes } = preset.make(normals());
  return {
    title: `${preset.title}: ${rows.length} made points`,
    images: { data: Float32Array.from(rows.flat()), shape: [rows.length, rows[0].length] },
    labels: Int32Array.from(labels),
    classes,
    names: null,
    sprites: null,
    kind: "made",
    truth: Float32Array.from(rows.flatMap((row) => row.slice(0, 2))),
    note: "",
  };
}
