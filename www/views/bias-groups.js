/**
 * Groups of alike maps: for each a row with its mean map and pictures of it.
 * @module
 */

import { h } from "../widgets/dom.js";
import { percent } from "../widgets/format.js";
import { createPixels } from "../widgets/pixels.js";
import { createScatter } from "./scatter.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../convscope.js").BiasScan} BiasScan
 * @typedef {import("../convscope.js").Dataset} Dataset
 */

/** Pictures shown of a group. */
const SHOWN = 2;

/** Pictures shown of those with the most evidence inside the region. */
const WORST = 6;

/**
 * @param {Session} app
 * @param {AbortSignal} signal
 */
export function createGroups(app, signal) {
  const row = h("ul", { class: "groups" });
  const scatter = createScatter({
    label: "Maps by their first two principal components, in the colours of their classes",
    file: "alike-maps",
    signal,
  });
  const worst = h("ul", { class: "worst" });
  const element = h(
    "section",
    { "aria-label": "Groups of alike maps" },
    h("h3", {}, "Alike maps"),
    h("div", { class: "grouped" }, row, scatter.element),
    h("h3", {}, "Pictures with the most evidence there"),
    worst,
  );
  element.hidden = true;

  /**
   * @param {BiasScan} scan
   * @param {Dataset} set
   */
  async function show(scan, set) {
    const [, height, width] = scan.maps.shape;
    const length = height * width;
    const count = Math.max(-1, ...scan.clusters) + 1;
    const members = Array.from({ length: count }, (_, group) =>
      [...scan.clusters.keys()].filter((index) => scan.clusters[index] === group),
    );
    const means = new Float32Array(count * length);
    const pictures = new Float32Array(count * SHOWN * length);
    for (const [group, indices] of members.entries()) {
      for (const index of indices)
        for (let pixel = 0; pixel < length; pixel += 1)
          means[group * length + pixel] += scan.maps.data[index * length + pixel] / indices.length;
      for (const [place, index] of indices.slice(0, SHOWN).entries()) {
        const from = scan.pictures[index] * length;
        pictures.set(
          set.images.data.subarray(from, from + length),
          (group * SHOWN + place) * length,
        );
      }
    }
    const ranked = [...scan.pictureShare.keys()]
      .sort((a, b) => scan.pictureShare[b] - scan.pictureShare[a])
      .slice(0, WORST);
    const most = new Float32Array(ranked.length * length);
    for (const [place, index] of ranked.entries()) {
      const from = scan.pictures[index] * length;
      most.set(set.images.data.subarray(from, from + length), place * length);
    }
    const painted = await app.work("bias.groups", async () => ({
      worst: await app.scope.paint(
        { data: most, shape: [1, ranked.length, height, width] },
        { map: "gray", scale: "each", columns: ranked.length },
      ),
      means: await app.scope.paint(
        { data: means, shape: [1, count, height, width] },
        { map: "diverging", scale: "signed_each", columns: count },
      ),
      pictures: await app.scope.paint(
        { data: pictures, shape: [1, count * SHOWN, height, width] },
        { map: "gray", scale: "each", columns: count * SHOWN },
      ),
    }));
    if (!painted || signal.aborted) return;
    element.hidden = false;
    scatter.show({
      points: scan.points.data,
      classes: scan.pictures.map((picture) => set.labels[picture]),
      name: (index) => app.label(set.labels[scan.pictures[index]]),
    });
    worst.replaceChildren(
      ...ranked.map((index, place) => {
        const label = app.label(set.labels[scan.pictures[index]]);
        const picture = createPixels({ label, signal });
        picture.show({
          width,
          height,
          layers: [{ bitmap: painted.worst.bitmap, x: place * width, width, height }],
        });
        return h(
          "li",
          { title: label },
          picture.element,
          h("span", { class: "small muted" }, percent(scan.pictureShare[index])),
        );
      }),
    );
    row.replaceChildren(
      ...members.map((indices, group) => {
        const names = indices.map((index) => app.label(set.labels[scan.pictures[index]]));
        const map = createPixels({ label: `Mean map of group ${group + 1}`, signal });
        map.show({
          width,
          height,
          layers: [{ bitmap: painted.means.bitmap, x: group * width, width, height }],
        });
        const shown = indices.slice(0, SHOWN).map((_, place) => {
          const picture = createPixels({ label: names[place], signal });
          picture.show({
            width,
            height,
            layers: [
              {
                bitmap: painted.pictures.bitmap,
                x: (group * SHOWN + place) * width,
                width,
                height,
              },
            ],
          });
          return picture.element;
        });
        return h(
          "li",
          {},
          h("div", { class: "members" }, map.element, ...shown),
          h(
            "span",
            {
              class: "small muted",
              title: `${indices.length} ${indices.length === 1 ? "map" : "maps"}`,
            },
            `${indices.length}: ${commonest(names)}`,
          ),
        );
      }),
    );
  }

  return { element, show };
}

/**
 * The commonest names of a list, in words.
 * @param {string[]} names
 */
function commonest(names) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  const [first, second] = [...counts].sort((a, b) => b[1] - a[1]);
  if (!first) return "";
  const text = `${first[1]} ${first[0]}`;
  return second ? `${text}, ${second[1]} ${second[0]}` : text;
}
