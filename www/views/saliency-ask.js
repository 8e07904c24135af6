/**
 * What a saliency map is asked: the method with its options, the score that is explained, the layer. Read from the state,
 * as words for a person and as arguments for the engine.
 * @module
 */

import { sentence } from "../app/session.js";
import { objectiveOf, stopsOf } from "./backward-data.js";
import { methodOf, readOptions } from "./saliency-methods.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/store.js").State} State
 * @typedef {import("../convscope.js").Net} Net
 * @typedef {import("../convscope.js").Layer} Layer
 * @typedef {import("../convscope.js").Objective} Objective
 * @typedef {import("../convscope.js").Prediction} Prediction
 * @typedef {import("./backward-data.js").Of} Of
 * @typedef {import("./reduce.js").Reduction} Reduction
 * @typedef {import("./saliency-methods.js").Method} Method
 * @typedef {"class" | "rather" | "unit"} Kind a class, one class rather than another, a channel or unit of a layer
 *
 * @typedef {{
 *   method: Method,
 *   options: Record<string, string | number | boolean>,
 *   kind: Kind,
 *   of: Of,
 *   target: Objective,
 *   name: string,
 *   score: string,
 *   predicted: boolean,
 *   layer: string,
 * }} Asked `name` is what the map is about, `score` what is explained, as in "the logit of coat"
 */

/** What is explained, as a person says it. */
export const NAMES = { logit: "logit", probability: "probability", loss: "cross-entropy" };

/** @param {Layer} layer */
const isSpatial = ({ shape: [, height, width] }) => height * width > 1;

/**
 * The layers that class activation maps can look at, from the picture up: all, or one a block of a long network.
 * @param {Net} net
 */
export function depths(net) {
  const spatial = net.layers.filter(isSpatial);
  const names = new Set(stopsOf(net.layers).map((stop) => stop.name));
  const last = spatial.at(-1);
  return spatial.filter((layer) => names.has(layer.name) || layer === last);
}

/**
 * The layer of that name if maps can look at it, else the last one.
 * @param {Net} net
 * @param {unknown} name
 */
export function depthOf(net, name) {
  const found = net.layers.find((layer) => layer.name === name);
  if (found && isSpatial(found)) return found.name;
  return net.layers.filter(isSpatial).at(-1)?.name ?? "";
}

/**
 * @param {State} state
 * @returns {Kind}
 */
export function kindOf(state) {
  const kind = state["saliency.target"];
  return kind === "rather" || kind === "unit" ? kind : "class";
}

/**
 * The class against which another is held: the chosen one, else the most probable other one.
 * @param {State} state
 * @param {Net} net
 * @param {Prediction} prediction
 * @param {number} target
 */
export function rivalOf(state, net, prediction, target) {
  const chosen = state["saliency.rather"];
  if (typeof chosen === "number" && net.labels[chosen] !== undefined && chosen !== target)
    return chosen;
  return prediction.top.find(({ index }) => index !== target)?.index ?? (target === 0 ? 1 : 0);
}

/**
 * @param {State} state
 * @param {Session} app
 * @returns {{ objective: Objective, name: string, score: string, predicted: boolean }}
 */
function targetOf(state, app) {
  const kind = kindOf(state);
  const of = ofState(state);
  const target = state.target ?? app.prediction.top[0].index;
  const name = app.label(target);
  if (kind === "unit") return unitOf(state, app);
  const predicted = target === app.prediction.top[0].index;
  if (kind === "class")
    return {
      objective: objectiveOf(of, target),
      name,
      score: `${NAMES[of]} of ${name}`,
      predicted,
    };
  const rival = rivalOf(state, app.net, app.prediction, target);
  const both = [objectiveOf(of, target), { ...objectiveOf(of, rival), weight: -1 }];
  return {
    objective: /** @type {Objective} */ (both),
    name: `${name} rather than ${app.label(rival)}`,
    score: `${NAMES[of]} of ${name} less that of ${app.label(rival)}`,
    predicted,
  };
}

/**
 * @param {State} state
 * @param {Session} app
 */
function unitOf(state, app) {
  const { name: layer, shape } = app.layer;
  const [, height, width] = shape;
  const channel = Math.min(Math.max(0, Math.round(state.channel)), shape[0] - 1);
  const y = state["saliency.y"];
  const x = state["saliency.x"];
  const at =
    typeof y === "number" && typeof x === "number" && y >= 0 && x >= 0 && y < height && x < width
      ? { y, x }
      : null;
  const vector = height * width === 1;
  const name = vector
    ? `unit ${channel} of ${layer}`
    : at
      ? `channel ${channel} of ${layer} at row ${at.y}, column ${at.x}`
      : `channel ${channel} of ${layer}`;
  return {
    objective: at && !vector ? { layer, channel, ...at } : { layer, channel },
    name,
    score: vector || at ? `value of ${name}` : `mean of ${name}`,
    predicted: false,
  };
}

/**
 * @param {State} state
 * @returns {Of}
 */
export function ofState(state) {
  const of = state["saliency.of"];
  return of === "probability" || of === "loss" ? of : "logit";
}

/**
 * @param {State} state
 * @param {Session} app
 * @param {Method} [method] another one than the state's, with its own defaults
 * @returns {Asked}
 */
export function ask(state, app, method) {
  const own = methodOf(state["saliency.method"]);
  const shown = method ?? own;
  const { objective, ...target } = targetOf(state, app);
  const options = shown === own ? readOptions(shown, String(state["saliency.options"])) : {};
  return {
    method: options.relu === false ? { ...shown, sign: "signed" } : shown,
    options,
    kind: kindOf(state),
    of: ofState(state),
    target: objective,
    layer: depthOf(app.net, state["saliency.layer"]),
    ...target,
  };
}

/**
 * The arguments of `net.attribute`. Maps of layers come at the picture's size, which guided Grad-CAM has anyhow.
 * @param {Asked} asked
 */
export function settings({ method, options, target, layer }) {
  const at = method.layered ? { layer } : {};
  const size = method.layered && method.id !== "guided_grad_cam" ? { resize: true } : {};
  return /** @type {import("../convscope.js").AttributeOptions} */ (
    /** @type {unknown} */ ({ method: method.id, target, seed: 1, ...at, ...size, ...options })
  );
}

/**
 * How the colours of a pixel become one value: as chosen, else as suits the method.
 * @param {State} state
 * @param {Method} method
 * @returns {Reduction}
 */
export function reductionOf(state, { sign }) {
  const chosen = state["saliency.map"];
  if (sign === "signed") return chosen === "max" || chosen === "sum" ? chosen : "signed";
  if (sign === "magnitude") return chosen === "sum" ? "sum" : "max";
  return "signed";
}

/** Faults that are not the method's own. */
const ELSEWHERE = ["aborted", "device_lost", "out_of_memory", "internal"];

/**
 * The sentence with which a method refuses this network, layer or score; other faults are thrown on.
 * @param {unknown} error
 * @param {AbortSignal} signal
 */
export function refusal(error, signal) {
  const { code } = /** @type {{ code?: string }} */ (error);
  if (signal.aborted || !code || ELSEWHERE.includes(code)) throw error;
  const words = sentence(error);
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}
