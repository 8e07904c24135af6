/**
 * The keyboard: views by number, layers and channels by arrows, full screen, and the list of keys.
 * @module
 */

import { h, on } from "../widgets/dom.js";
import { VIEWS } from "./views.js";

/**
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("./store.js").Store} Store
 */

/**
 * Whether a key press belongs to the element in focus (a field, a slider, a list) rather than to the page.
 * @param {EventTarget | null} target
 * @param {string} key
 */
function taken(target, key) {
  if (!(target instanceof HTMLElement)) return false;
  if (
    target.isContentEditable ||
    target.matches("textarea, select, input[type=text], input[type=number]")
  )
    return true;
  return key.startsWith("Arrow") && target.matches("input, [role=radio]");
}

/**
 * @param {Store} store
 * @param {Session} app
 * @param {AbortSignal} signal
 */
export function createKeys(store, app, signal) {
  const rows = /** @type {[string, string][]} */ ([
    ...VIEWS.map((view) => [view.key, view.title]),
    ["↑ ↓", "layer before, after"],
    ["← →", "channel before, after"],
    ["Space", "start, pause (Synthesis)"],
    ["F", "full screen"],
    ["?", "this list"],
    ["Esc", "close"],
  ]);
  const close = h("button", { type: "button", class: "button" }, "Close");
  const dialog = h(
    "dialog",
    { class: "keys", "aria-label": "Keys" },
    h("h2", {}, "Keys"),
    h(
      "dl",
      {},
      ...rows.flatMap(([key, meaning]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, meaning)]),
    ),
    // A page from a disk is that file already.
    location.protocol === "file:"
      ? null
      : h(
          "p",
          { class: "muted small" },
          "For where there is no network: ",
          h("a", { href: "convscope.html", download: "" }, "this page as one file"),
          " with its networks and pictures, which opens from a disk.",
        ),
    close,
  );
  document.body.append(dialog);
  on(close, "click", () => dialog.close(), signal);
  signal.addEventListener("abort", () => dialog.remove(), { once: true });

  function toggle() {
    if (dialog.open) return dialog.close();
    dialog.showModal();
    close.focus();
  }

  /** @param {number} by */
  function moveLayer(by) {
    const { layers } = app.net;
    const at = layers.findIndex((each) => each.name === app.layer.name);
    const next = layers[at + by];
    if (next) store.set({ layer: next.name }, { replace: true });
  }

  document.addEventListener(
    "keydown",
    (event) => {
      if (
        event.defaultPrevented ||
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        taken(event.target, event.key)
      )
        return;
      const view = VIEWS.find((each) => each.key.toLowerCase() === event.key.toLowerCase());
      if (view) store.set({ view: view.id });
      else if (event.key === "?") toggle();
      else if (event.key.toLowerCase() === "f") void fullScreen();
      else if (document.documentElement.dataset.opened !== "true") return;
      else if (event.key === "ArrowUp") moveLayer(-1);
      else if (event.key === "ArrowDown") moveLayer(1);
      else if (event.key === "ArrowLeft")
        store.set({ channel: Math.max(0, store.get().channel - 1) }, { replace: true });
      else if (event.key === "ArrowRight")
        store.set({ channel: store.get().channel + 1 }, { replace: true });
      else return;
      event.preventDefault();
    },
    { signal },
  );
}

async function fullScreen() {
  if (document.fullscreenElement) await document.exitFullscreen();
  else await document.documentElement.requestFullscreen?.().catch(() => undefined);
}
