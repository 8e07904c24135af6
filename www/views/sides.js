/**
 * A view of several sides: a strip of tabs, and below it the one sight that is chosen. Only that sight exists.
 * @module
 */

import { h, on, reveal, uniqueId } from "../widgets/dom.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {{ id: string, title: string, hint: string }} Side
 */

/**
 * @template {Side} S
 * @param {object} options
 * @param {HTMLElement} options.root
 * @param {Store} options.store
 * @param {Session} options.app
 * @param {string} options.key the state's that names the side
 * @param {string} options.label of the strip
 * @param {S[]} options.sides the first is shown where the state names none of them
 * @param {(side: S, panel: HTMLElement) => Part} options.make the sight of a side, drawn into the panel
 * @param {AbortSignal} options.signal
 * @returns {Part}
 */
export function createSides({ root, store, app, key, label, sides, make, signal }) {
  const panelId = uniqueId("panel");
  const tabs = sides.map(({ id, title, hint }) => {
    const tab = h(
      "button",
      { type: "button", role: "tab", title: hint, "aria-controls": panelId },
      title,
    );
    on(tab, "click", () => store.set({ [key]: id }), signal);
    return tab;
  });
  const strip = h("div", { class: "sides", role: "tablist", "aria-label": label }, ...tabs);
  const panel = h("div", { class: "side-panel", role: "tabpanel", id: panelId });
  root.append(strip, panel);
  let shown = "";
  /** @type {Part | null} */
  let sight = null;

  /** @param {string} id */
  function show(id) {
    const at = Math.max(
      0,
      sides.findIndex((each) => each.id === id),
    );
    shown = id;
    sight?.destroy();
    app.controls.replaceChildren();
    panel.replaceChildren();
    for (const [index, tab] of tabs.entries()) {
      tab.setAttribute("aria-selected", String(index === at));
      tab.tabIndex = index === at ? 0 : -1;
    }
    panel.setAttribute("aria-label", sides[at].title);
    reveal(strip, tabs[at]);
    sight = make(sides[at], panel);
  }

  /** @param {KeyboardEvent} event */
  function step(event) {
    const at = tabs.findIndex((tab) => tab.matches(":focus"));
    const places = /** @type {Record<string, number>} */ ({
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      Home: 0,
      End: tabs.length - 1,
    });
    const place = places[event.key];
    if (at < 0 || place === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    if (!tabs[place]) return;
    tabs[place].focus();
    store.set({ [key]: sides[place].id });
  }
  on(strip, "keydown", step, signal);

  return {
    update(state, changed) {
      const id = String(state[key]);
      const other = id !== shown;
      if (other) show(id);
      sight?.update(
        state,
        other ? new Set([...Object.keys(state), "net", "input", "weights", "prediction"]) : changed,
      );
    },
    destroy: () => sight?.destroy(),
  };
}
