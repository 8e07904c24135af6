/**
 * The controls of an attack: which one, its budget, its goal, its own options, and what is known of it.
 * @module
 */

import { createCombobox } from "../widgets/combobox.js";
import { button, fold, group, segmented, select, slider } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";
import { number } from "../widgets/format.js";
import { createOptions, KNOWLEDGE } from "./robustness-attack-options.js";
import { BENCHMARK, GAINS, MOST_EPSILON, PER_L2 } from "./robustness-attack-wish.js";
import { formulaOf } from "./robustness-attacks.js";
import { of255 } from "./robustness-sight.js";

/** Attacks for which the smallest budget is looked for. */
const SEARCHED = ["fgsm", "pgd", "mi_fgsm"];

/**
 * @param {{
 *   app: import("../app/session.js").Session,
 *   store: import("../app/store.js").Store,
 *   wish: import("./robustness-attack-wish.js").Wish,
 *   onSearch: () => void,
 *   signal: AbortSignal,
 * }} place
 */
export function createAttackControls({ app, store, wish, onSearch, signal }) {
  const method = select({
    label: "Attack",
    options: wish.abilities.map(({ id, title }) => ({ value: id, label: title })),
    value: "",
    onChange: (value) => store.set({ "robustness.attack": value, "robustness.options": "" }),
    signal,
  });
  const sees = h("p", { class: "small muted" });
  const epsilon = slider({
    label: "Budget ε",
    min: 0,
    max: MOST_EPSILON,
    step: 0.5,
    value: BENCHMARK,
    text: (value) => (wish.isL2() ? number(value / PER_L2, 3) : of255(value)),
    onInput: (value) => store.set({ "robustness.epsilon": value }, { replace: true }),
    signal,
  });
  epsilon.element.classList.add("marked");
  epsilon.element.title = "The mark is 8/255, the budget of the benchmarks";
  const goal = segmented({
    label: "Goal",
    options: [
      { value: "any", label: "Any other class" },
      { value: "one", label: "One class" },
    ],
    value: "any",
    onChange: (value) => store.set({ "robustness.goal": value === "any" ? null : wish.rival() }),
    signal,
  });
  const towards = createCombobox({
    label: "Towards",
    onChoose: (index) => store.set({ "robustness.goal": index ?? wish.rival() }),
    signal,
  });
  const gain = segmented({
    label: "Magnify what was added",
    options: GAINS.map((value) => ({ value: String(value), label: `×${value}` })),
    value: String(wish.gain()),
    onChange: (value) => store.set({ "robustness.gain": Number(value) }, { replace: true }),
    signal,
  });
  const options = createOptions({ store, signal });
  const meaning = h("div", { class: "formula" });
  const find = button({
    label: "Smallest ε that fools",
    title: "Guess it with the slider first",
    onClick: onSearch,
    signal,
  });

  /** @param {import("./robustness-attack-options.js").Abilities} which */
  function explain(which) {
    meaning.replaceChildren(
      formulaOf(which.id, true),
      h("p", { class: "small" }, which.paper),
      h(
        "p",
        { class: "muted small" },
        "X is the picture with pixels from 0 to 1, δ what is added, c its class, L the cross-entropy, Π brings back into the budget and between black and white.",
      ),
    );
  }

  return {
    elements: [
      group("Attack", method.element, sees, epsilon.element, goal.element, towards.element, find),
      options.element,
      fold("How it is shown", gain.element),
      fold("What it can", options.abilities),
      fold("Formula and paper", meaning),
    ],
    /** Shows what the state says. */
    follow() {
      const which = wish.method();
      method.set(which.id);
      options.show(which);
      sees.textContent = KNOWLEDGE[which.knowledge];
      epsilon.element.hidden = !which.options.includes("epsilon");
      find.hidden = !SEARCHED.includes(which.id);
      epsilon.set(wish.epsilon());
      goal.element.hidden = !wish.isTargeted();
      const target = wish.goal();
      goal.set(target === null ? "any" : "one");
      towards.element.hidden = target === null;
      if (target !== null) towards.show({ names: app.net.labels, value: app.label(target) });
      gain.set(String(wish.gain()));
      explain(which);
    },
  };
}
