/**
 * The classes of points: their colours, and which of them the network mistakes.
 * @module
 */

/**
 * @typedef {import("./embedding-data.js").PointSet} PointSet
 * @typedef {import("./embedding-data.js").Predicted} Predicted
 * @typedef {{ name: string, index: number, count: number }} Entry a class that is there, with its colour's number
 */

/** Classes that have a colour of their own. */
const COLORS = 10;

/**
 * Which pictures the network takes for another class, by the classes' names; `null` where it does not know them.
 * @param {PointSet} set
 * @param {Predicted | null} predicted
 * @param {readonly string[]} names of the network's classes
 */
export function wrongOf({ labels, classes }, predicted, names) {
  const plain = (/** @type {string} */ name) => name.toLowerCase().replace(/[^a-z0-9]/g, "");
  const known = names.map(plain);
  const meant = classes.map((name) => known.indexOf(plain(name)));
  if (!labels || !predicted || meant.every((index) => index < 0)) return null;
  return Uint8Array.from(labels, (label, index) =>
    Number(predicted.classes[index] !== meant[label]),
  );
}

/**
 * A colour's number for every point of a set, and the classes among those shown: by what the network says if `predicted` is
 * given, else by the labels.
 * @param {{ set: PointSet | null, indices: number[], predicted: Predicted | null, names: readonly string[] }} shown
 * @returns {{ colors: Int32Array | null, entries: Entry[] }}
 */
export function colorsOf({ set, indices, predicted, names }) {
  const classes = predicted?.classes ?? set?.labels;
  const titles = predicted ? names : set?.classes;
  if (!classes || !titles) return { colors: null, entries: [] };
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (const index of indices) counts.set(classes[index], (counts.get(classes[index]) ?? 0) + 1);
  if (titles.length <= COLORS) {
    const entries = titles.map((name, index) => ({ name, index, count: counts.get(index) ?? 0 }));
    return { colors: classes, entries: entries.filter(({ count }) => count > 0) };
  }
  // Of many classes the commonest have a colour, the others share one.
  const ranked = [...counts].sort((a, b) => b[1] - a[1]);
  const rank = new Map(ranked.map(([index], place) => [index, Math.min(place, COLORS)]));
  const entries = ranked
    .slice(0, COLORS)
    .map(([index, count], place) => ({ name: titles[index] ?? "", index: place, count }));
  const others = ranked.slice(COLORS).reduce((sum, [, count]) => sum + count, 0);
  if (others > 0) entries.push({ name: "others", index: COLORS, count: others });
  return { colors: Int32Array.from(classes, (index) => rank.get(index) ?? COLORS), entries };
}

/**
 * What most of some points are, as the end of a sentence.
 * @param {PointSet} set
 * @param {number[]} picked
 */
export function mostly({ labels, classes }, picked) {
  if (!labels || picked.length === 0) return "";
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (const index of picked) counts.set(labels[index], (counts.get(labels[index]) ?? 0) + 1);
  const [[label, count]] = [...counts].sort((a, b) => b[1] - a[1]);
  return `, ${count} of them ${classes[label] ?? ""}`;
}
