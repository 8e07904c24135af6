/**
 * The ways to look within one view, of which one is shown: one map, all methods, maps side by side.
 * @module
 */

import { h, on } from "../widgets/dom.js";

/**
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {{ element: HTMLElement, update: (again: boolean, changed: Set<string>) => void, leave: () => void }} Mode
 *   `again` says that what is asked has changed
 * @typedef {{ id: string, title: string, hint: string, make: () => Mode }} Entry
 */

/**
 * @param {{ store: Store, entries: Entry[], key?: string, onEnter?: (mode: Mode) => void, signal: AbortSignal }} options
 *   `key` is the state's that names the way; `onEnter` hears of each way that is entered
 */
export function createModes({ store, entries, key = "saliency.mode", onEnter, signal }) {
  const stage = h("div", { class: "mode" });
  const buttons = entries.map(({ id, title, hint }) => {
    const button = h("button", { type: "button", title: hint }, title);
    on(button, "click", () => store.set({ [key]: id }), signal);
    return button;
  });
  const tabs = h("nav", { class: "mode-tabs", "aria-label": "Ways to look" }, ...buttons);
  /** @type {Map<string, Mode>} */
  const made = new Map();
  /** @type {Mode | null} */
  let shown = null;
  let current = "";

  return {
    tabs,
    stage,
    /** The id of the way that the state names. */
    now() {
      const wanted = store.get()[key];
      return entries.find(({ id }) => id === wanted)?.id ?? entries[0].id;
    },
    /** @param {boolean} again @param {Set<string>} changed */
    update(again, changed) {
      const id = this.now();
      const entered = id !== current;
      if (entered) {
        shown?.leave();
        current = id;
        const entry = entries.find((each) => each.id === id) ?? entries[0];
        shown = made.get(id) ?? entry.make();
        made.set(id, shown);
        stage.replaceChildren(shown.element);
        onEnter?.(shown);
        for (const [index, button] of buttons.entries())
          button.setAttribute("aria-pressed", String(entries[index].id === id));
      }
      shown?.update(again || entered, changed);
    },
    leave: () => shown?.leave(),
  };
}
