/**
 * One colour for each class, the same everywhere: ten that stay apart for colour-blind eyes too (M. A. Petroff, "Accessible
 * Color Sequences for Data Visualization", 2021); further classes share a grey.
 * @module
 */

const CLASSES = [
  "#3f90da",
  "#ffa90e",
  "#bd1f01",
  "#94a4a2",
  "#832db6",
  "#a96b59",
  "#e76300",
  "#b9ac70",
  "#717581",
  "#92dadd",
];

const REST = "#8a8d93";

/**
 * The colour of a class; of one beyond the tenth, grey.
 * @param {number} index
 */
export function classColor(index) {
  return CLASSES[index] ?? REST;
}
