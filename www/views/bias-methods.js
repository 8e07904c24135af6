/**
 * The methods by which a labelled set is scanned, and how each is asked.
 * @module
 */

/** Pictures of each class that are scanned. */
export const PER_CLASS = 8;

/** @type {Record<string, { name: string, options: import("../convscope.js").BiasScanOptions }>} */
export const METHODS = {
  occlusion: {
    name: "Occlusion",
    options: { method: "occlusion", window: 4, stride: 2 },
  },
  integrated_gradients: {
    name: "Integrated gradients",
    options: { method: "integrated_gradients", steps: 20 },
  },
  gradient: { name: "Gradient", options: { method: "gradient" } },
};
