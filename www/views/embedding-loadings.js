/**
 * The directions of principal components as pictures.
 * @module
 */

import { h } from "../widgets/dom.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Tensor} Tensor
 * @typedef {import("../convscope.js").Embedding} Embedding
 * @typedef {"pixels" | "channels" | "strength"} Kind
 */

/** Most components that are shown. */
const MOST = 4;

/** What the cells of each kind of picture mean. */
const MEANING = {
  pixels:
    "Orange pixels push a picture to the positive side of a component, blue ones to the negative.",
  channels:
    "A cell a channel: orange pushes to the positive side of a component, blue to the negative.",
  strength: "How strongly each position counts in a component, all channels together.",
};

/**
 * Loadings `[k, C, H, W]` as planes: pixels as they are, a vector as a grid of its channels, and maps of many channels by the
 * length of the direction at each position.
 * @param {Tensor} loadings
 * @returns {{ kind: Kind, planes: Tensor }}
 */
export function planesOf({ data, shape: [components, channels, height, width] }) {
  const count = Math.min(MOST, components);
  const plane = height * width;
  const kind = plane === 1 ? "channels" : channels === 1 ? "pixels" : "strength";
  const columns = plane > 1 ? width : Math.ceil(Math.sqrt(channels));
  const rows = plane > 1 ? height : Math.ceil(channels / columns);
  const planes = new Float32Array(count * rows * columns);
  for (let component = 0; component < count; component += 1) {
    const values = data.subarray(component * channels * plane, (component + 1) * channels * plane);
    const start = component * rows * columns;
    if (kind !== "strength") planes.set(values, start);
    else
      for (const [at, value] of values.entries())
        planes[start + (at % plane)] = Math.hypot(planes[start + (at % plane)], value);
  }
  return { kind, planes: { data: planes, shape: [count, 1, rows, columns] } };
}

/**
 * @param {Session} app
 * @param {AbortSignal} signal
 */
export function createLoadings(app, signal) {
  const element = h("div", { class: "loadings" });
  /** @type {Embedding | null} */
  let shown = null;
  return {
    element,
    /** @param {Embedding} result of principal components */
    async show(result) {
      if (!result.loadings || shown === result) return;
      const { kind, planes } = planesOf(result.loadings);
      const [count, , rows, columns] = planes.shape;
      const painted = await app.work("embedding.loadings", () =>
        app.scope.paint(planes, {
          map: kind === "strength" ? "sequential" : "diverging",
          scale: kind === "strength" ? "each" : "signed_each",
          columns: count,
        }),
      );
      if (!painted || signal.aborted) return;
      shown = result;
      const figures = Array.from({ length: count }, (_, at) => {
        const canvas = h("canvas", {
          class: "loading",
          width: columns,
          height: rows,
          role: "img",
          "aria-label": `Loadings of component ${at + 1}`,
        });
        canvas.getContext("2d")?.drawImage(painted.bitmap, -at * columns, 0);
        return h("figure", {}, canvas, h("figcaption", { class: "small" }, String(at + 1)));
      });
      element.replaceChildren(
        h("h3", {}, "Loadings"),
        h("div", {}, ...figures),
        h("p", { class: "muted small" }, MEANING[kind]),
      );
    },
  };
}
