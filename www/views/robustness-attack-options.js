/**
 * The controls of an attack's own options, made anew with the attack, and what the attack can.
 * @module
 */

import { fold, segmented, slider, toggle } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";
import { optionsOf, readOptions, writeOptions } from "./robustness-attacks.js";

/** @typedef {import("../convscope.js").AttackAbilities} Abilities */

export const KNOWLEDGE = /** @type {Record<string, string>} */ ({
  gradients: "White box: it sees gradients",
  scores: "Black box: it sees scores",
  decisions: "Black box: it sees decisions only",
  nothing: "It sees nothing of the network",
});

/**
 * Those that see most come first.
 * @param {readonly Abilities[]} attacks
 */
export function inOrder(attacks) {
  const kinds = Object.keys(KNOWLEDGE);
  return [...attacks].sort((a, b) => kinds.indexOf(a.knowledge) - kinds.indexOf(b.knowledge));
}

/** @param {{ store: import("../app/store.js").Store, signal: AbortSignal }} options */
export function createOptions({ store, signal }) {
  const own = h("div", { class: "options" });
  const element = fold("Options of the attack", own);
  const abilities = h("div", { class: "abilities" });

  /** What the attack can, and why it cannot what it cannot. @param {Abilities} which */
  function showAbilities(which) {
    const rows = /** @type {[string, true | string][]} */ ([
      ["towards a class", which.targeted],
      ["L∞", which.linf],
      ["L2", which.l2],
      ["L0", which.l0],
    ]);
    abilities.replaceChildren(
      ...rows.map(([name, can]) =>
        h(
          "p",
          { class: can === true ? "proof holds small" : "lacks small muted" },
          can === true ? name : `${name}: ${can}`,
        ),
      ),
    );
  }

  /** The controls of the attack's options, made anew with the attack. */
  let made = "";
  /** Each shows what the state says of its option. @type {((read: ReturnType<typeof readOptions>) => void)[]} */
  let setters = [];
  let owners = new AbortController();
  signal.addEventListener("abort", () => owners.abort(), { once: true });

  /** @param {Abilities} which */
  function offer(which) {
    build(which);
    const now = readOptions(which, String(store.get()["robustness.options"]));
    for (const set of setters) set(now);
  }

  /** @param {Abilities} which */
  function build(which) {
    if (made === which.id) return;
    made = which.id;
    owners.abort();
    owners = new AbortController();
    setters = [];
    const put = (/** @type {string} */ name, /** @type {string | number | boolean} */ value) => {
      const all = readOptions(which, String(store.get()["robustness.options"]));
      store.set(
        { "robustness.options": writeOptions({ ...all, [name]: value }) },
        { replace: true },
      );
    };
    own.replaceChildren(
      ...optionsOf(which).map((option) => {
        const { name, label } = option;
        const common = { label, signal: owners.signal };
        if (option.kind === "switch") {
          const control = toggle({
            ...common,
            value: option.start,
            onChange: (value) => put(name, value),
          });
          setters.push((read) => control.set(Boolean(read[name] ?? option.start)));
          return control.element;
        }
        if (option.kind === "choice") {
          const control = segmented({
            ...common,
            options: option.values.map(([value, words]) => ({ value, label: words })),
            value: option.start,
            onChange: (value) => put(name, value),
          });
          setters.push((read) => control.set(String(read[name] ?? option.start)));
          return control.element;
        }
        const control = slider({
          ...common,
          min: option.min,
          max: option.max,
          step: option.step,
          value: option.start,
          text: option.text,
          onInput: (value) => put(name, value),
        });
        setters.push((read) => control.set(Number(read[name] ?? option.start)));
        return control.element;
      }),
    );
    element.hidden = own.children.length === 0;
  }

  return {
    element,
    abilities,
    /** @param {Abilities} which */
    show(which) {
      offer(which);
      showAbilities(which);
    },
  };
}
