/**
 * Opens the engine and puts the page together: store, session, bar, list, side, tabs, and the view in the middle.
 * @module
 */

import { unpackCarried } from "../api/files.js";
import { open } from "../convscope.js";
import { h, on } from "../widgets/dom.js";
import { bytes } from "../widgets/format.js";
import { createBar } from "./bar.js";
import { createKeys } from "./keys.js";
import { createList } from "./list.js";
import { Session, sentence } from "./session.js";
import { createSide } from "./side.js";
import { createStore } from "./store.js";
import { defaults, VIEWS } from "./views.js";

/**
 * @typedef {import("./session.js").Part} Part
 * @typedef {import("./session.js").Display} Display
 * @typedef {import("./store.js").State} State
 */

/** @param {string} id */
function part(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html has no #${id}`);
  return element;
}

/**
 * The sentence area and the progress bar of the stage.
 * @param {AbortSignal} signal
 * @returns {Display & { onTiming: (words: string) => void }}
 */
function createDisplay(signal) {
  /** @type {Map<string, string>} */
  const sentences = new Map();
  const notice = part("notice");
  const progress = part("progress");
  const words = h("span", { class: "said" });
  const dismiss = h(
    "button",
    { type: "button", class: "button quiet", "aria-label": "Dismiss" },
    "✕",
  );
  notice.append(words, dismiss);
  const show = () => {
    const each = [...new Set(sentences.values())];
    words.textContent = each.map((text) => text.charAt(0).toUpperCase() + text.slice(1)).join(" ");
    notice.hidden = sentences.size === 0;
  };
  on(
    dismiss,
    "click",
    () => {
      sentences.clear();
      show();
    },
    signal,
  );
  const label = h("span", {});
  const amount = h("span", { class: "number muted" });
  const bar = h("progress", {});
  const stop = h("button", { type: "button", class: "button quiet" }, "Stop");
  progress.append(label, amount, bar, stop);
  /** @type {(() => void) | undefined} */
  let onStop;
  on(stop, "click", () => onStop?.(), signal);

  const display = {
    /** @type {(words: string) => void} */
    onTiming: () => {},
    /** @param {string} text */
    timing(text) {
      display.onTiming(text);
    },
    /** @type {Display["fail"]} */
    fail(topic, text) {
      if (text !== null) sentences.set(topic, text);
      else
        for (const each of [...sentences.keys()])
          if (each === topic || each.startsWith(`${topic}:`)) sentences.delete(each);
      if (document.documentElement.dataset.opened !== "true") part("empty").textContent = "";
      show();
    },
    /** @type {Display["progress"]} */
    progress(step) {
      progress.hidden = step === null;
      if (!step) return;
      label.textContent = step.label;
      const { done, loaded = 0, total } = step;
      if (!total) amount.textContent = "";
      else if (done === undefined) amount.textContent = `${bytes(loaded)} of ${bytes(total)}`;
      else amount.textContent = `${done} of ${total}`;
      if (total) {
        bar.max = total;
        bar.value = Math.min(done ?? loaded, total);
      } else bar.removeAttribute("value");
      onStop = step.stop;
      stop.hidden = !step.stop;
    },
  };
  return display;
}

/**
 * The bar of views.
 * @param {import("./store.js").Store} store
 * @param {AbortSignal} signal
 */
function createTabs(store, signal) {
  const buttons = VIEWS.map((view) => {
    const button = h("button", { type: "button" }, h("kbd", {}, view.key), view.title);
    on(button, "click", () => store.set({ view: view.id }), signal);
    return button;
  });
  const credit = h("p", { class: "credit muted small" });
  part("tabs").replaceChildren(h("div", { class: "views" }, ...buttons), credit);
  return {
    credit,
    /** @param {string} id */
    mark(id) {
      for (const [index, button] of buttons.entries()) {
        const mine = VIEWS[index].id === id;
        if (mine) button.setAttribute("aria-current", "page");
        else button.removeAttribute("aria-current");
      }
    },
  };
}

/**
 * Shows the view that the state names, and keeps it up to date.
 * @param {Session} app
 * @param {import("./store.js").Store} store
 * @param {ReturnType<typeof createTabs>} tabs
 * @returns {Part}
 */
function createStage(app, store, tabs) {
  const root = part("sight");
  let shown = "";
  /** @type {Part | null} */
  let view = null;

  /** @param {string} id */
  async function show(id) {
    const entry = VIEWS.find((each) => each.id === id) ?? VIEWS[0];
    shown = entry.id;
    tabs.mark(entry.id);
    await app.work("view", async (signal) => {
      const { create } = await entry.load();
      if (signal.aborted || shown !== entry.id) return;
      view?.destroy();
      app.controls.replaceChildren();
      root.replaceChildren();
      root.className = `view-${entry.id}`;
      view = create(root, store, app);
      document.title = `${entry.title} · convscope`;
      const state = store.get();
      view.update(state, new Set([...Object.keys(state), "net", "input", "weights", "prediction"]));
    });
  }

  return {
    update(state, changed) {
      if (state.view !== shown) void show(state.view);
      else view?.update(state, changed);
    },
    destroy() {
      view?.destroy();
    },
  };
}

/** @param {Session} app */
function creditLine(app) {
  const { title, credit, licence } = app.picture;
  return [title, credit, licence].filter(Boolean).join(" · ");
}

async function start() {
  await unpackCarried();
  const { signal } = new AbortController();
  const display = createDisplay(signal);
  const store = createStore(defaults(), signal);
  const scope = await openEngine(display);
  const app = new Session(scope, store, display, signal);
  app.views = new Set(VIEWS.map((view) => view.id));
  app.announce = (text) => {
    part("live").textContent = text;
  };
  const bar = createBar(part("bar"), store, app, signal);
  display.onTiming = bar.timing;
  const tabs = createTabs(store, signal);
  createKeys(store, app, signal);
  app.add(bar.part);
  app.add(createList(part("network"), store, app, signal));
  app.add(createSide(part("side"), store, app, signal));
  app.add(createStage(app, store, tabs));
  app.add({
    update(_, changed) {
      document.documentElement.dataset.opened = "true";
      part("empty").hidden = true;
      if (changed.has("input") || changed.has("image")) tabs.credit.textContent = creditLine(app);
    },
    destroy() {},
  });
  store.set(firstState(store.get(), scope, display), { replace: true });
  await app.settle();
  await app.idle();
  await fetchViews();
}

/** Fetches all views, so that they can be shown when the network is gone. */
async function fetchViews() {
  // What cannot be had is said when it is asked for.
  for (const view of VIEWS) await view.load().catch(() => undefined);
}

/**
 * Opens the engine that the address asks for (`?backend=cpu`), for comparing them; where there is none such, another.
 * @param {Display} display
 */
async function openEngine(display) {
  const asked = new URLSearchParams(location.search).get("backend");
  if (asked !== "webgpu" && asked !== "cpu") return open();
  try {
    return await open({ backend: asked });
  } catch (error) {
    display.fail("engine", sentence(error));
    return open();
  }
}

/**
 * Fills in what the address leaves open.
 * @param {State} state
 * @param {import("./session.js").Scope} scope
 * @param {Display} display
 * @returns {Partial<State>}
 */
function firstState(state, scope, display) {
  const known = scope.models.some((model) => model.id === state.model);
  if (state.model && !known)
    display.fail(
      "link:model",
      `There is no network "${state.model}" here; this is ${scope.models[0]?.title ?? "another one"}.`,
    );
  const shown = VIEWS.find((each) => each.id === state.view) ?? VIEWS[0];
  if (state.view && shown.id !== state.view)
    display.fail("link:view", `There is no view "${state.view}" here; this is ${shown.title}.`);
  return { model: known ? state.model : (scope.models[0]?.id ?? ""), view: shown.id };
}

// For the browser's console, and for scripts in the page that is one file, where nothing can be imported.
Object.assign(globalThis, { convscope: { open } });

start().catch((error) => {
  part("empty").textContent = `convscope could not start: ${sentence(error)}`;
  document.documentElement.dataset.failed = "true";
});
