/**
 * Numbers as a reader expects them: real minus signs, few digits, units.
 * @module
 */

const MINUS = "−";

/**
 * A number with `digits` significant digits, in scientific form where it would be long.
 * @param {number} value
 * @param {number} [digits]
 */
export function number(value, digits = 3) {
  if (Number.isNaN(value)) return "not a number";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : `${MINUS}∞`;
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1e6 || size < 1e-4) return scientific(value, digits);
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
  return value.toFixed(Math.min(decimals, 8)).replace("-", MINUS);
}

const RAISED = /** @type {Record<string, string>} */ ({
  "-": "⁻",
  0: "⁰",
  1: "¹",
  2: "²",
  3: "³",
  4: "⁴",
  5: "⁵",
  6: "⁶",
  7: "⁷",
  8: "⁸",
  9: "⁹",
});

/**
 * @param {number} value
 * @param {number} digits
 */
function scientific(value, digits) {
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  const raised = [...exponent.replace("+", "")].map((sign) => RAISED[sign]).join("");
  return `${mantissa.replace("-", MINUS)}·10${raised}`;
}

/**
 * A number with a fixed count of decimals, and a sign also when it is positive if `sign` is set.
 * @param {number} value
 * @param {number} decimals
 * @param {boolean} [sign]
 */
export function fixed(value, decimals, sign = false) {
  const text = value
    .toFixed(decimals)
    .replace(/^-(?=[0.]*$)/, "")
    .replace("-", MINUS);
  return sign && value > 0 ? `+${text}` : text;
}

/**
 * A probability as a percentage.
 * @param {number} probability in [0, 1]
 */
export function percent(probability) {
  const share = 100 * probability;
  if (share > 0 && share < 0.1) return "< 0.1 %";
  return `${share.toFixed(1)} %`;
}

/**
 * A count of bytes.
 * @param {number} count
 */
export function bytes(count) {
  if (count < 1000) return `${count} B`;
  if (count < 1e6) return `${(count / 1e3).toFixed(0)} KB`;
  return `${(count / 1e6).toFixed(1)} MB`;
}

/**
 * A count of parameters or operations.
 * @param {number} value
 */
export function count(value) {
  if (value < 1000) return String(value);
  if (value < 1e6) return `${(value / 1e3).toFixed(1)} k`;
  if (value < 1e9) return `${(value / 1e6).toFixed(1)} M`;
  return `${(value / 1e9).toFixed(1)} G`;
}

/**
 * A duration.
 * @param {number} milliseconds
 */
export function duration(milliseconds) {
  if (milliseconds < 10) return `${milliseconds.toFixed(1)} ms`;
  if (milliseconds < 1000) return `${milliseconds.toFixed(0)} ms`;
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

/**
 * A layer's shape: `16 · 28²`, `16 · 28 × 30`, and `64` for a vector.
 * @param {readonly number[]} shape `[C, H, W]`
 */
export function shape([channels, height, width]) {
  if (height === 1 && width === 1) return String(channels);
  return height === width ? `${channels} · ${height}²` : `${channels} · ${height} × ${width}`;
}
