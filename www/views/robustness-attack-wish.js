/**
 * What an attack is asked for, as the state says: which one, its budget, its goal, its options; each within its range.
 * @module
 */

import { inOrder } from "./robustness-attack-options.js";
import { readOptions, shorterOf } from "./robustness-attacks.js";
import { isFashion } from "./robustness-sight.js";

/** ε in 255ths: the greatest on the slider, and the one of the benchmarks. */
export const MOST_EPSILON = 64;
export const BENCHMARK = 8;

/** The slider's steps that make a budget of 1 in L2. */
export const PER_L2 = 16;

/** Magnifications of the difference. */
export const GAINS = [1, 2, 5, 10, 20, 50, 100];

/** @typedef {ReturnType<typeof createWish>} Wish */

/** @param {{ app: import("../app/session.js").Session, store: import("../app/store.js").Store }} options */
export function createWish({ app, store }) {
  const state = () => store.get();
  const abilities = inOrder(app.scope.attacks);

  const method = () =>
    abilities.find(({ id }) => id === state()["robustness.attack"]) ?? abilities[0];

  const options = () => readOptions(method(), String(state()["robustness.options"]));

  const isL2 = () => options().norm === "l2";

  /** In 255ths. */
  function epsilon() {
    const wanted = Number(state()["robustness.epsilon"]);
    return wanted >= 0 && wanted <= MOST_EPSILON ? wanted : BENCHMARK;
  }

  function gain() {
    const wanted = Number(state()["robustness.gain"]);
    return GAINS.includes(wanted) ? wanted : 10;
  }

  function isTargeted() {
    const which = method();
    return which.targeted === true && (which.id !== "hop_skip_jump" || isFashion(app.net));
  }

  /** The class to be reached, `null` for any. */
  function goal() {
    const wanted = state()["robustness.goal"];
    return isTargeted() &&
      typeof wanted === "number" &&
      wanted < app.net.labels.length &&
      wanted >= 0
      ? wanted
      : null;
  }

  const seed = () => Number(state()["robustness.seed"]);

  return {
    abilities,
    method,
    isL2,
    epsilon,
    gain,
    isTargeted,
    goal,
    seed,
    /** The likeliest class but the one in question. */
    rival: () => app.prediction.top.find(({ index }) => index !== app.target)?.index ?? 0,
    /** The call that the page would make. */
    asked() {
      const which = method();
      const target = goal();
      return {
        method: which.id,
        ...(which.options.includes("epsilon")
          ? { epsilon: isL2() ? epsilon() / PER_L2 : epsilon() / 255 }
          : {}),
        ...shorterOf(which.id),
        ...options(),
        ...(target === null ? {} : { target }),
        label: app.target,
        units: /** @type {const} */ ("pixels"),
        seed: seed(),
      };
    },
  };
}
