/**
 * The journey of the gradient as a strip: a stop for every layer from the class to the picture, with the map and the
 * gradient of the channel that counts most there, and the length of the whole gradient as a bar. It can be played.
 * @module
 */

import { h, on, pixelRatio, reveal } from "../widgets/dom.js";
import { number } from "../widgets/format.js";
import { isSigned, largest, plane } from "./feature-planes.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("./backward-data.js").Visit} Visit
 * @typedef {{ element: HTMLElement, maps: HTMLCanvasElement, gradient: HTMLCanvasElement }} Item
 */

/** Side of a small picture in CSS pixels, at most. */
const SIDE = 72;
/** A stop of the played journey lasts so many milliseconds. */
const STEP = 1100;

/** The strongest colour of a small gradient stands for this percentile of its cells. */
const CLIP = 99.5;
/** Vectors longer than this are folded into a square. */
const LONG = 72;

/**
 * What stands for a layer: one plane, or a vector as a column, a long one row by row in a square.
 * @param {import("./feature-planes.js").Planes} planes
 * @param {number} channel
 */
export function picture(planes, channel) {
  const { data, channels, height, width } = planes;
  if (height * width > 1) return { data: plane(planes, channel).slice(), height, width };
  if (channels <= LONG) return { data, height: channels, width: 1 };
  const side = Math.ceil(Math.sqrt(channels));
  const square = new Float32Array(side * side);
  square.set(data);
  return { data: square, height: side, width: side };
}

/** The bars span so many powers of ten. */
const DECADES = 3;

/**
 * The share of a bar on a logarithmic scale that ends at `most`.
 * @param {number} norm
 * @param {number} most
 */
export function decades(norm, most) {
  if (!(norm > 0)) return 0;
  return Math.max(0, 1 + Math.log10(norm / most) / DECADES);
}

/**
 * The name under a stop: of many numbered ones, such as `block12`, only the number.
 * @param {string} title
 * @param {number} count of stops
 */
function short(title, count) {
  return count > 16 ? title.replace(/^block[._]?(?=\d+$)/, "") : title;
}

/**
 * @param {{ app: Session, onPick: (place: number) => void, signal: AbortSignal }} options
 */
export function createStrip({ app, onPick, signal }) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const play = h("button", { type: "button", class: "button play" });
  const list = h("div", {
    class: "stops",
    role: "listbox",
    "aria-label": "Layers from the class to the picture",
    "aria-orientation": "horizontal",
  });
  /** @type {Item[]} */
  let items = [];
  let chosen = 0;
  let timer = 0;
  label();

  function label() {
    const words = timer ? "Stop" : calm.matches ? "Next" : "Play";
    play.replaceChildren(
      h("span", { class: timer ? "sign stop" : "sign go", "aria-hidden": true }),
      words,
    );
    play.title = timer
      ? "Stop (space)"
      : "Follow the gradient from the class to the picture (space)";
  }

  function stop() {
    clearInterval(timer);
    timer = 0;
    list.classList.remove("playing");
    label();
  }

  function next() {
    if (chosen >= items.length - 1) return stop();
    onPick(chosen + 1);
    if (chosen >= items.length - 1) stop();
  }

  function toggle() {
    if (timer) return stop();
    if (items.length === 0) return;
    const last = chosen >= items.length - 1;
    if (calm.matches) {
      onPick(last ? 0 : chosen + 1);
      return;
    }
    if (last) onPick(0);
    list.classList.add("playing");
    timer = window.setInterval(next, STEP);
    label();
  }

  /**
   * @param {Visit} visit
   * @param {number} place
   * @param {number} most the largest norm
   * @param {number} count of stops
   * @returns {Item}
   */
  function item(visit, place, most, count) {
    const maps = h("canvas", { "aria-hidden": true });
    const gradient = h("canvas", { "aria-hidden": true });
    const bar = h("span", { class: "bar" });
    bar.style.setProperty("--share", String(decades(visit.norm, most)));
    const own = h(
      "div",
      {
        role: "option",
        class: "stop",
        tabindex: -1,
        title: `${visit.title}: length of the gradient ${number(visit.norm)}, most in channel ${visit.strongest}`,
        "aria-label": `${visit.title}, length of the gradient ${number(visit.norm)}`,
      },
      h("span", { class: "name" }, short(visit.title, count)),
      maps,
      gradient,
      h("span", { class: "track" }, bar),
      h("span", { class: "norm" }, number(visit.norm, 2)),
    );
    on(own, "click", () => pick(place), signal);
    return { element: own, maps, gradient };
  }

  /** @param {number} place */
  function pick(place) {
    stop();
    onPick(place);
    items[place]?.element.focus({ preventScroll: true });
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {import("./feature-planes.js").Planes} planes
   * @param {number} channel
   * @param {boolean} signed
   */
  async function paint(canvas, planes, channel, signed) {
    const { data, height, width } = picture(planes, channel);
    const most = largest(data, signed ? CLIP : 100) || 1;
    const painted = await app.scope.paint(
      { data, shape: [1, 1, height, width] },
      { map: signed ? "diverging" : "sequential", scale: [signed ? -most : 0, most] },
    );
    draw(canvas, painted.bitmap);
  }

  /**
   * Small maps keep their squares, which the style sheet magnifies; larger ones are made smaller smoothly.
   * @param {HTMLCanvasElement} canvas
   * @param {ImageBitmap} bitmap
   */
  function draw(canvas, bitmap) {
    const most = Math.round(SIDE * pixelRatio());
    canvas.width = Math.min(bitmap.width, most);
    canvas.height = Math.min(bitmap.height, most);
    const context = canvas.getContext("2d");
    if (!context) return;
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  }

  on(play, "click", toggle, signal);
  on(
    list,
    "keydown",
    (event) => {
      const steps = /** @type {Record<string, number>} */ ({
        ArrowLeft: chosen - 1,
        ArrowRight: chosen + 1,
        Home: 0,
        End: items.length - 1,
      });
      const place = steps[event.key];
      if (place === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      if (items[place]) pick(place);
    },
    signal,
  );
  document.addEventListener(
    "keydown",
    (event) => {
      const { target } = event;
      const busy =
        target instanceof Element && target.closest("button, input, select, a, summary, canvas");
      if (event.key !== " " || busy || event.defaultPrevented) return;
      event.preventDefault();
      toggle();
    },
    { signal },
  );
  calm.addEventListener("change", label, { signal });
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });

  return {
    element: list,
    /** The button that plays and stops. */
    play,
    stop,
    /** @param {Visit[]} visits */
    async show(visits) {
      const most = Math.max(...visits.map((each) => each.norm));
      items = visits.map((each, place) => item(each, place, most, visits.length));
      list.replaceChildren(...items.map((each) => each.element));
      this.choose(chosen);
      await Promise.all(
        visits.flatMap((each, place) => [
          each.layer
            ? paint(items[place].maps, each.maps, each.strongest, isSigned(each.maps.data))
            : createImageBitmap(app.seen).then((seen) => draw(items[place].maps, seen)),
          paint(items[place].gradient, each.gradient, each.strongest, true),
        ]),
      );
    },
    /**
     * Marks a stop; those behind it have been passed, those before it not yet.
     * @param {number} place
     */
    choose(place) {
      chosen = place;
      for (const [index, each] of items.entries()) {
        each.element.setAttribute("aria-selected", String(index === place));
        each.element.tabIndex = index === place ? 0 : -1;
        each.element.classList.toggle("ahead", index > place);
      }
      if (items[place]) reveal(list, items[place].element);
    },
  };
}
