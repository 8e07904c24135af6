/**
 * What stands beside a map: how far its search is, how much its axes hold, how the classes come apart over depth, where the
 * points of a made set really lie, and what measures the map.
 * @module
 */

import { h } from "../widgets/dom.js";
import { fixed } from "../widgets/format.js";
import { createSaves } from "../widgets/save.js";
import { depthChart, klChart, screeChart } from "./embedding-charts.js";
import { allOf, ITERATIONS } from "./embedding-laid.js";
import { createLoadings } from "./embedding-loadings.js";
import { drawing } from "./embedding-save.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("./embedding-controls.js").Method} Method
 * @typedef {import("./embedding-laid.js").Laid} Laid
 */

/**
 * @param {{ app: Session, laid: Laid, signal: AbortSignal }} options
 */
export function createBeside({ app, laid, signal }) {
  const loadings = createLoadings(app, signal);
  const title = h("h3", {});
  const chart = h("div", { class: "charts" });
  const facts = h("dl", { class: "facts" });
  /** The chart that is shown: what its file is called, and its numbers. */
  let name = "";
  /** @type {() => (string | number | null)[][]} */
  let rows = () => [];
  const art = () => /** @type {SVGSVGElement | null} */ (chart.querySelector("svg.chart"));
  const saves = createSaves({ art, rows: () => rows(), name: () => name, signal });

  /** @param {Method} method */
  function showChart(method) {
    title.textContent = draw(method);
    saves.hidden = art() === null;
  }

  /**
   * @param {Method} method
   * @returns {string} what the chart shows, nothing without one
   */
  function draw(method) {
    const { base, history, stop, stops } = laid;
    if (stops.length > 0) {
      const marks = stops.map(({ name, result }) => ({
        name,
        knn: result.knnAccuracy,
        silhouette: result.silhouette,
        trust: result.trustworthiness,
      }));
      chart.replaceChildren(depthChart(marks, stop));
      name = "depth";
      rows = () => [
        ["layer", "knn_accuracy", "silhouette", "trustworthiness"],
        ...marks.map((mark) => [mark.name, mark.knn, mark.silhouette, mark.trust]),
      ];
      return "Over depth";
    }
    if (method === "tsne") {
      chart.replaceChildren(
        history.length > 0 ? klChart(history, ITERATIONS.tsne) : "",
        truthPicture(),
      );
      name = "kl";
      rows = () => [["step", "kl"], ...history.map(({ step, kl }) => [step, kl])];
      return "KL divergence";
    }
    if (method === "pca" && base?.explained) {
      const { explained } = base;
      chart.replaceChildren(screeChart(explained), loadings.element);
      name = "variance";
      rows = () => [
        ["component", "share"],
        ...Array.from(explained, (share, index) => [index + 1, share]),
      ];
      return "Variance";
    }
    chart.replaceChildren(truthPicture());
    return "";
  }

  /** Where the points of a made set really lie. */
  function truthPicture() {
    const { set } = laid;
    if (!set?.truth) return "";
    const plot = {
      points: set.truth,
      indices: allOf(set, app),
      set,
      classes: set.labels,
      predicted: null,
      wrong: null,
      labels: [],
    };
    const picture = h("img", {
      class: "truth",
      alt: "Where the points really lie, in the first two of their dimensions",
      src: `data:image/svg+xml,${encodeURIComponent(drawing(plot, 8))}`,
    });
    return h("figure", {}, h("figcaption", {}, "The truth"), picture);
  }

  /** @param {Method} method */
  function showFacts(method) {
    const { base, isFallback, shown, stops } = laid;
    const known = base ?? shown;
    const running = method !== "pca" && stops.length === 0 && shown === base && !isFallback;
    /** @type {[string, string, number | null | undefined][]} */
    const rows = [
      [
        "Trustworthiness",
        "How far neighbours in the map are true ones (5 neighbours; 1 is best)",
        running ? null : shown?.trustworthiness,
      ],
      [
        "k-NN accuracy",
        "How often the 10 nearest in the original space vote for a point's own label",
        known?.knnAccuracy,
      ],
      [
        "Silhouette",
        "How far classes lie apart in the original space, from −1 to 1",
        known?.silhouette,
      ],
    ];
    facts.replaceChildren(
      ...rows.flatMap(([name, title, value]) =>
        value === null || value === undefined
          ? []
          : [h("dt", { title }, name), h("dd", { class: "number" }, fixed(value, 3))],
      ),
    );
    if (base && method === "pca" && stops.length === 0) void loadings.show(base);
  }

  const head = h("div", { class: "chart-head" }, title, saves);
  return { elements: [h("div", {}, head, chart), facts], showChart, showFacts };
}
