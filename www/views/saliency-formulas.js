/**
 * The formulas of the attribution methods, in the lecture's symbols: X the picture, S the score that is explained, F the
 * feature maps of a layer, α their weights.
 * @module
 */

import { m } from "../widgets/dom.js";
import { atom, call, frac, math, row, sub, sum, sup } from "./math.js";

/** @typedef {import("./math.js").Token} Token */

/** @param {Token} below */
const slope = (below) => frac(row("∂", "S"), row("∂", below));
const noisy = () => row(slope("X"), "(", "X", "+", sub("ε", "k"), ")");
const mean = () => row(frac("1", "n"), sum("k"));
const map = () => sub("F", "k");
const weighted = () => call("ReLU", sum("k"), sub("α", "k"), map());

/** @type {Record<string, () => Element>} */
const FORMULAS = {
  saliency: () => row("|", slope("X"), "|"),
  gradient: () => slope("X"),
  input_x_gradient: () => row("X", "⊙", slope("X")),
  integrated_gradients: () =>
    row(
      "(",
      "X",
      "−",
      "X′",
      ")",
      "⊙",
      m("msubsup", {}, m("mo", {}, "∫"), atom("0"), atom("1")),
      slope("X"),
      "(",
      "X′",
      "+",
      "t",
      "(",
      "X",
      "−",
      "X′",
      ")",
      ")",
      "d",
      "t",
    ),
  smooth_grad: () => row(mean(), noisy()),
  smooth_grad_sq: () => row(mean(), sup(row("(", noisy(), ")"), "2")),
  var_grad: () =>
    row(
      frac("1", row("n", "−", "1")),
      sum("k"),
      sup(row("(", sub("g", "k"), "−", m("mover", {}, atom("g"), atom("¯")), ")"), "2"),
    ),
  guided_backprop: () =>
    row(
      sup("R", "l"),
      "=",
      "[",
      sup("F", "l"),
      ">",
      "0",
      "]",
      "·",
      "[",
      sup("R", row("l", "+", "1")),
      ">",
      "0",
      "]",
      "·",
      sup("R", row("l", "+", "1")),
    ),
  deconvnet: () =>
    row(
      sup("R", "l"),
      "=",
      "[",
      sup("R", row("l", "+", "1")),
      ">",
      "0",
      "]",
      "·",
      sup("R", row("l", "+", "1")),
    ),
  full_grad: () =>
    row(
      "|",
      "X",
      "⊙",
      slope("X"),
      "|",
      "+",
      sum("l"),
      "|",
      sub("b", "l"),
      "⊙",
      slope(sub("b", "l")),
      "|",
    ),
  cam: () => row(sum("k"), m("msubsup", {}, atom("w"), atom("k"), atom("c")), map()),
  grad_cam: () =>
    row(
      weighted(),
      ",",
      sub("α", "k"),
      "=",
      frac("1", row("H", "W")),
      sum(row("i", "j")),
      slope(map()),
    ),
  grad_cam_pp: () =>
    row(
      weighted(),
      ",",
      sub("α", "k"),
      "=",
      sum(row("i", "j")),
      sub("a", row("i", "j", "k")),
      call("ReLU", slope(map())),
    ),
  hires_cam: () => call("ReLU", sum("k"), slope(map()), "⊙", map()),
  layer_cam: () => call("ReLU", sum("k"), call("ReLU", slope(map())), "⊙", map()),
  score_cam: () =>
    row(
      weighted(),
      ",",
      sub("α", "k"),
      "=",
      sub("softmax", "k"),
      "S",
      "(",
      "X",
      "⊙",
      m("mover", {}, map(), atom("^")),
      ")",
    ),
  eigen_cam: () => row("F", sub("v", "1"), ",", "F", "=", "U", "Σ", sup("V", "T")),
  ablation_cam: () =>
    row(
      weighted(),
      ",",
      sub("α", "k"),
      "=",
      frac(
        row("S", "(", "F", ")", "−", "S", "(", sub("F", row("∖", "k")), ")"),
        row("S", "(", "F", ")"),
      ),
    ),
  guided_grad_cam: () =>
    row(sub("R", "guided"), "⊙", call("up", sub("M", m("mtext", {}, "Grad-CAM")))),
  occlusion: () =>
    row(
      frac("1", "n"),
      sum(row("w", "∋", "p")),
      "S",
      "(",
      "X",
      ")",
      "−",
      "S",
      "(",
      sub("X", row("∖", "w")),
      ")",
    ),
  rise: () =>
    row(
      frac("1", row("N", "·", "P")),
      sum("i"),
      "S",
      "(",
      "X",
      "⊙",
      sub("M", "i"),
      ")",
      "·",
      sub("M", "i"),
    ),
  deep_lift: () =>
    row(
      sub("C", "i"),
      "=",
      "(",
      sub("X", "i"),
      "−",
      sub("X′", "i"),
      ")",
      "·",
      sub("m", "i"),
      ",",
      sub("m", "ReLU"),
      "=",
      frac(row("Δ", "F"), row("Δ", "z")),
    ),
  lrp: () =>
    row(
      sub("R", "i"),
      "=",
      sum("j"),
      frac(sub("z", row("i", "j")), row(sum("i"), sub("z", row("i", "j")), "+", "ε")),
      sub("R", "j"),
    ),
};

/**
 * The formula of a method; `null` where there is none written.
 * @param {string} id
 * @param {boolean} large
 */
export function formula(id, large) {
  const build = FORMULAS[id];
  return build ? math(build(), large) : null;
}
