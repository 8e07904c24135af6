/**
 * All methods for one picture at once: the cheap ones are computed one after the other, a costly one when it is asked to,
 * sharpening as it runs. A click opens a map.
 * @module
 */

import { h, on } from "../widgets/dom.js";
import { duration } from "../widgets/format.js";
import { createLink, createPixels } from "../widgets/pixels.js";
import { ask, reductionOf, refusal, settings } from "./saliency-ask.js";
import { isCheap } from "./saliency-cost.js";
import { METHODS } from "./saliency-methods.js";
import { prove } from "./saliency-proof.js";
import { paintOf, sightOf, veil } from "./saliency-sight.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("./saliency-methods.js").Method} Method
 * @typedef {import("./saliency-ask.js").Asked} Asked
 */

/** Partial maps are painted at most this often, in milliseconds. */
const REFRESH = 150;

/**
 * @param {{ app: Session, store: Store, onOpen: (method: Method) => void, signal: AbortSignal }} options
 */
export function createGallery({ app, store, onOpen, signal }) {
  const link = createLink();
  const summary = h("p", { class: "muted", "aria-live": "polite" });
  const tiles = METHODS.map((method) => {
    const pixels = createPixels({ label: method.title, link, signal });
    const mark = h("span", { class: "mark" });
    const open = h(
      "button",
      { type: "button", class: "open", title: `${method.group}: ${method.what}` },
      pixels.element,
      h("span", { class: "name" }, mark, method.title),
    );
    const start = h("button", { type: "button", class: "button small start" }, "Start");
    const element = h("div", { class: "tile" }, open, start);
    const tile = { method, pixels, mark, start, element, running: false };
    on(open, "click", () => onOpen(method), signal);
    on(start, "click", () => (tile.running ? halt(tile) : void runAlone(tile)), signal);
    return tile;
  });
  const element = h(
    "div",
    { class: "gallery" },
    h(
      "div",
      { class: "gallery-tiles", role: "group", "aria-label": "All methods" },
      ...tiles.map((tile) => tile.element),
    ),
    summary,
  );

  /** @typedef {typeof tiles[number]} Tile */

  /** @param {Tile} tile */
  function halt(tile) {
    app.stop(`gallery.${tile.method.id}`);
    end(tile, "Start");
  }

  /** @param {Tile} tile @param {string} words */
  function end(tile, words) {
    tile.running = false;
    tile.start.textContent = words;
  }

  async function compute() {
    for (const tile of tiles) {
      if (tile.running) halt(tile);
      const cheap = isCheap(tile.method, app.net, app.scope);
      tile.element.classList.toggle("waiting", true);
      tile.start.hidden = cheap;
      tile.mark.className = "mark";
      tile.mark.title = "";
    }
    summary.textContent = "";
    const ready = tiles.filter(({ method }) => isCheap(method, app.net, app.scope));
    await app.work("gallery", async (until) => {
      const seen = await createImageBitmap(app.seen);
      for (const tile of tiles) rest(tile, seen);
      const began = performance.now();
      const found = [];
      for (const tile of ready) {
        const asked = ask(store.get(), app, tile.method);
        const map = await app.net
          .attribute(app.input, { ...settings(asked), signal: until })
          .catch((error) => refuse(tile, error, until));
        if (!map) continue;
        await show(tile, asked, map, seen, until);
        found.push({ tile, asked, map });
      }
      const took = performance.now() - began;
      const where = app.scope.backend === "cpu" ? "the CPU engine" : "WebGPU";
      const later = tiles.length - ready.length;
      const none = ready.length - found.length;
      const unsuited =
        none > 0 ? `; ${none} ${none === 1 ? "does" : "do"} not suit this score or layer (∅)` : "";
      summary.textContent = `${found.length} maps in ${duration(took)} on ${where}${later > 0 ? `; ${later} more ${later === 1 ? "takes longer and waits" : "take longer and wait"} for Start` : ""}${unsuited}. Each has its own scale.`;
      for (const { tile, asked, map } of found) await check(tile, asked, map, until);
    });
  }

  /** @param {Tile} tile */
  async function runAlone(tile) {
    tile.running = true;
    tile.start.textContent = "Stop";
    const asked = ask(store.get(), app, tile.method);
    let last = 0;
    const done = await app.work(`gallery.${tile.method.id}`, async (until) => {
      const seen = await createImageBitmap(app.seen);
      const map = await app.net.attribute(app.input, {
        ...settings(asked),
        signal: until,
        onProgress: (step) => {
          if (until.aborted || signal.aborted) return;
          if (step.total)
            tile.mark.textContent = `${Math.round((100 * (step.done ?? 0)) / step.total)} % `;
          const now = performance.now();
          if (!step.partial || now - last < REFRESH) return;
          last = now;
          void show(tile, asked, step.partial, seen, until);
        },
      });
      await show(tile, asked, map, seen, until);
      return true;
    });
    tile.mark.textContent = "";
    if (done && !signal.aborted) {
      end(tile, "Start");
      tile.start.hidden = true;
    }
  }

  /**
   * A method that this network, layer or score does not suit says so in its place; the others go on.
   * @param {Tile} tile
   * @param {unknown} error
   * @param {AbortSignal} until
   */
  function refuse(tile, error, until) {
    tile.pixels.canvas.title = refusal(error, until);
    tile.mark.textContent = "∅ ";
    return null;
  }

  /** What stands there before the map does. @param {Tile} tile @param {ImageBitmap} seen */
  function rest(tile, seen) {
    const { width, height } = seen;
    tile.pixels.show({
      width,
      height,
      layers: [{ bitmap: seen, filter: "grayscale(1)", alpha: 0.2 }],
    });
  }

  /**
   * @param {Tile} tile
   * @param {Asked} asked
   * @param {Tensor} map
   * @param {ImageBitmap} seen
   * @param {AbortSignal} until
   */
  async function show(tile, asked, map, seen, until) {
    const state = store.get();
    const sight = sightOf(
      map,
      asked,
      reductionOf(state, asked.method),
      Number(state["saliency.clip"]),
    );
    const { bitmap } = await app.scope.paint(sight.plane, paintOf(sight));
    if (until.aborted || signal.aborted) return;
    const [, , rows, columns] = sight.plane.shape;
    const under = { bitmap: seen, filter: "grayscale(1)" };
    tile.element.classList.remove("waiting");
    tile.mark.textContent = sight.blank ? "∅ " : "";
    tile.pixels.canvas.title = sight.blank ?? asked.method.what;
    tile.pixels.show({
      width: seen.width,
      height: seen.height,
      layers: sight.blank
        ? [{ ...under, alpha: 0.2 }]
        : [
            ...(asked.method.layered ? [under] : []),
            {
              bitmap: asked.method.layered ? veil(bitmap, sight) : bitmap,
              width: columns,
              height: rows,
              smooth: rows < seen.height ? true : undefined,
            },
          ],
      label: `${asked.method.title} for ${asked.name}${sight.blank ? `: ${sight.blank}` : ""}`,
    });
  }

  /**
   * @param {Tile} tile
   * @param {Asked} asked
   * @param {Tensor} map
   * @param {AbortSignal} until
   */
  async function check(tile, asked, map, until) {
    const identity = await prove(app, asked, map, until);
    if (!identity || until.aborted || signal.aborted) return;
    tile.mark.className = `mark ${identity.holds ? "holds" : "fails"}`;
    tile.mark.textContent = identity.holds ? "✓ " : "▲ ";
    tile.mark.title = `${identity.name}: ${identity.formula}`;
  }

  return {
    element,
    /** @param {boolean} again @param {Set<string>} changed */
    update(again, changed) {
      if (again || changed.has("saliency.map") || changed.has("saliency.clip")) void compute();
    },
    leave() {
      app.stop("gallery");
      for (const tile of tiles) app.stop(`gallery.${tile.method.id}`);
    },
  };
}
