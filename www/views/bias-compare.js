/**
 * How much of a region each method would have shown: the share of the positive evidence there, method by method.
 * @module
 */

import { button } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";
import { percent } from "../widgets/format.js";
import { METHODS, PER_CLASS } from "./bias-methods.js";
import { chosen } from "./shortcut.js";

/**
 * @typedef {import("../convscope.js").Area} Area
 * @typedef {import("../convscope.js").Dataset} Dataset
 */

/**
 * @param {{ app: import("../app/session.js").Session, area: () => Area | null, classOf: () => number, dataset: (until: AbortSignal) => Promise<Dataset>, signal: AbortSignal }} options
 */
export function createComparison({ app, area, classOf, dataset, signal }) {
  const start = button({ label: "Compare methods", onClick: () => void compare(), signal });
  const table = h("dl", { class: "facts" });

  async function compare() {
    const region = area();
    if (!region) {
      table.replaceChildren(h("dt", {}, "Draw a region first"), h("dd", {}, ""));
      return;
    }
    // A little wider than the mark, since maps are blurred at its edge.
    const wide = {
      top: Math.max(0, region.top - 1),
      left: Math.max(0, region.left - 1),
      height: Math.min(region.height + 3, 28 - Math.max(0, region.top - 1)),
      width: Math.min(region.width + 3, 28 - Math.max(0, region.left - 1)),
    };
    const at = classOf();
    table.replaceChildren();
    await app.work("bias.compare", async (until) => {
      const { images, labels } = await dataset(until);
      const indices = [...labels.keys()].filter((index) => labels[index] === at);
      const some = indices.slice(0, PER_CLASS);
      const only = { images: chosen(images, some), labels: some.map(() => at) };
      for (const { name, options } of Object.values(METHODS)) {
        const { share } = await app.net.biasScan(only, { ...options, region: wide, signal: until });
        if (signal.aborted) return;
        table.append(h("dt", {}, name), h("dd", {}, percent(share[at])));
      }
    });
  }

  return { start, table, clear: () => table.replaceChildren() };
}
