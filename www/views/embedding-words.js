/**
 * What a map shows and where it misleads, in words.
 * @module
 */

import { fixed, percent } from "../widgets/format.js";

/**
 * @typedef {import("./embedding-data.js").PointSet} PointSet
 * @typedef {import("./embedding-presets.js").Preset} Preset
 * @typedef {{
 *   method: "pca" | "tsne" | "umap",
 *   set: PointSet,
 *   count: number,
 *   by: string,
 *   perplexity: number,
 *   neighbors: number,
 *   result: import("../convscope.js").Embedding | null,
 *   explained: Float32Array | null,
 *   preset: Preset | null,
 *   touring: boolean,
 *   stop: string,
 * }} Shown
 */

/**
 * @param {Shown} shown
 * @returns {{ heading: (string | { name: string })[], what: string[], doubt: string[] }}
 */
export function describe(shown) {
  if (shown.preset) return made(shown, shown.preset);
  if (shown.touring) return toured(shown);
  return { heading: headingOf(shown), what: [whatOf(shown)], doubt: [doubtOf(shown)] };
}

/** @param {Shown} shown */
function headingOf({ set, by }) {
  if (set.kind === "positions") return ["Which places look alike to ", { name: by }, "?"];
  return by === "pixels"
    ? ["Which pictures look alike by their ", { name: "pixels" }, "?"]
    : ["Which pictures look alike to ", { name: by }, "?"];
}

/** @param {Shown} shown */
function whatOf({ method, set, count, by, perplexity, neighbors, result, explained }) {
  const [channels, height, width] = result?.features ?? [0, 1, 1];
  const size = channels * height * width;
  const kind = set.kind === "positions" ? "positions" : "pictures";
  const from = by === "pixels" ? "pixels" : `values of ${by}`;
  const pooled =
    result && result.pooled > 1 ? `, means over ${result.pooled} × ${result.pooled} positions` : "";
  const points = `${count.toLocaleString("en")} ${kind} by ${size.toLocaleString("en")} ${from}${pooled}`;
  if (method === "pca") {
    const two = explained ? explained[0] + (explained[1] ?? 0) : 0;
    return `${points}, seen along the two directions in which they vary most, which hold ${percent(two)} of all variance (Pearson 1901).`;
  }
  if (method === "tsne")
    return `${points}: each pulls at about ${perplexity} neighbours as strongly as it was near them and pushes all others away, until KL(P ‖ Q) stops falling (van der Maaten and Hinton 2008).`;
  return `${points}: a graph of ${neighbors} neighbours each, laid out by pulling along its edges and pushing pairs at random (McInnes, Healy and Melville 2018).`;
}

/** @param {Shown} shown */
function doubtOf({ method, set, result, explained }) {
  const trust = result?.trustworthiness;
  const trusted =
    trust === null || trust === undefined
      ? ""
      : ` Trustworthiness ${fixed(trust, 3)}: ${trust > 0.97 ? "few" : trust > 0.9 ? "some" : "many"} neighbours here are none in truth.`;
  const single =
    set.labels && new Set(set.labels).size < 2
      ? " All points have one label, so that nothing can be said of classes."
      : "";
  if (method === "pca") {
    const two = explained ? explained[0] + (explained[1] ?? 0) : 1;
    return `What lies together here may lie far apart in the other ${percent(1 - two)}.${trusted}${single}`;
  }
  const name = method === "tsne" ? "t-SNE" : "UMAP";
  return `Neighbours can be believed; sizes of groups and distances between them cannot: ${name} does not keep them.${trusted}${single}`;
}

/**
 * @param {Shown} shown
 * @param {Preset} preset
 */
function made({ method, perplexity }, preset) {
  const name = { pca: "PCA", tsne: `t-SNE at perplexity ${perplexity}`, umap: "UMAP" }[method];
  return {
    heading: [`Does ${name} `, { name: preset.asks }, "?"],
    what: [preset.what],
    doubt: [preset.doubt],
  };
}

/** @param {Shown} shown */
function toured({ count, stop, method }) {
  const name = { pca: "PCA", tsne: "t-SNE", umap: "UMAP" }[method];
  return {
    heading: ["How do the classes come apart on the way to ", { name: stop || "the answer" }, "?"],
    what: [
      `The same ${count} pictures by ${name} layer after layer, each map turned, mirrored and scaled onto the one before (Procrustes). The curves tell what holds in the full space: how often the 10 nearest have the same label, and how far classes lie apart.`,
    ],
    doubt: [
      "Every layer's map is a new one: only what the curves say too is a change in the network, and not in the drawing.",
    ],
  };
}
