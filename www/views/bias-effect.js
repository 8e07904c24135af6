/**
 * The counterfactual: what the answers become when a region is painted over, or planted on other classes' pictures.
 * @module
 */

import { h } from "../widgets/dom.js";
import { percent } from "../widgets/format.js";
import { BLACK, WHITE } from "./shortcut.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../convscope.js").Area} Area
 * @typedef {import("../convscope.js").Contrast} Contrast
 * @typedef {import("../convscope.js").Dataset} Dataset
 */

/**
 * @param {Session} app
 * @param {AbortSignal} signal
 */
export function createEffect(app, signal) {
  const element = h("div", { class: "effects" });

  /**
   * @param {number} at the class in question
   * @param {Contrast} own with the region black
   * @param {Contrast[]} others with the region white
   */
  function show(at, own, others) {
    const count = others.reduce((sum, each) => sum + each.count, 0);
    const mean = (/** @type {(each: Contrast) => number} */ value) =>
      others.reduce((sum, each) => sum + each.count * value(each), 0) / Math.max(count, 1);
    const label = app.label(at);
    const rows = /** @type {[string, number, number][]} */ ([
      [`${label} recognised, painted black`, own.before.accuracy, own.after.accuracy],
      [`confidence in ${label}`, own.before.confidence, own.after.confidence],
      [
        `others taken for ${label}, painted white`,
        mean((each) => each.before.predicted[at]),
        mean((each) => each.after.predicted[at]),
      ],
    ]);
    const head = ["", "as it is", "region painted"].map((name) => h("th", {}, name));
    element.replaceChildren(
      h(
        "table",
        { class: "before-after" },
        h("thead", {}, h("tr", {}, ...head)),
        h(
          "tbody",
          {},
          ...rows.map(([name, before, after]) =>
            h(
              "tr",
              {},
              h("th", { scope: "row", title: name }, name),
              h("td", {}, percent(before)),
              h("td", {}, h("strong", {}, percent(after))),
            ),
          ),
        ),
      ),
    );
  }

  return {
    element,
    /** There is no region to ask about. */
    lack() {
      element.replaceChildren(
        h("p", { class: "muted" }, "No region to paint over: drag one on the map above."),
      );
    },
    /**
     * The answers of each class with the region black, once they are known and shown.
     * @param {Area} region
     * @param {number} at the class in question
     * @param {(until: AbortSignal) => Promise<Dataset>} dataset
     * @returns {Promise<Contrast[] | null>}
     */
    async ask(region, at, dataset) {
      const got = await app.work("bias.question", async (until) => {
        const { images, labels } = await dataset(until);
        if (element.childElementCount === 0)
          element.append(
            h("p", { class: "muted" }, `Painting it over in ${labels.length} pictures…`),
          );
        const paint = (/** @type {number} */ value) =>
          app.net.counterfactual({ images, labels }, { ...region, value, signal: until });
        return { erased: await paint(BLACK), planted: await paint(WHITE) };
      });
      if (!got || signal.aborted) return null;
      const own = got.erased.find((each) => each.class === at);
      const others = got.planted.filter((each) => each.class !== at);
      if (own) show(at, own, others);
      return got.erased;
    },
  };
}
