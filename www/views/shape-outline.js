/**
 * Where the object is: found by colour, mended with a brush.
 * @module
 */

import { button, group, segmented, slider } from "../widgets/controls.js";
import { h, on } from "../widgets/dom.js";
import { percent } from "../widgets/format.js";
import { createPixels } from "../widgets/pixels.js";
import { createHeading, createWords, figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("../widgets/pixels.js").Cell} Cell
 * @typedef {import("./shape-material.js").Material} Material
 */

/** How far the brush goes with the keyboard's Enter, as with a click: one dab. */
const DAB = 0.06;

/**
 * @param {HTMLElement} root
 * @param {Store} _store
 * @param {Session} app
 * @param {Material} material
 * @returns {Part}
 */
export function create(root, _store, app, material) {
  const life = new AbortController();
  const { signal } = life;
  const heading = createHeading();
  const words = createWords();
  const seen = createPixels({
    label: "The picture; paint over what belongs to the object",
    onPick: (cell) => stroke(cell),
    signal,
  });
  const black = createPixels({ label: "Its silhouette", signal });
  const left = figure(seen.element, "Paint with pointer or finger");
  const right = figure(black.element, "Silhouette");
  left.element.classList.add("painting");
  root.append(
    heading.element,
    h("div", { class: "pair outlining" }, left.element, right.element),
    words.element,
  );

  /** @type {"add" | "take"} */
  let mode = "add";
  let radius = 0;
  let painting = false;
  /** @type {Tensor | null} */
  let mask = null;
  const size = slider({
    label: "Brush",
    min: 1,
    max: 40,
    step: 1,
    value: 8,
    text: (value) => `${value} px`,
    onInput: (value) => {
      radius = value;
    },
    signal,
  });
  const brush = segmented({
    label: "The brush",
    options: [
      { value: /** @type {"add" | "take"} */ ("add"), label: "Adds" },
      { value: /** @type {"add" | "take"} */ ("take"), label: "Takes away" },
    ],
    value: mode,
    onChange: (value) => {
      mode = value;
    },
    signal,
  });
  const find = button({
    label: "Find again",
    title: "By colour, without the brush",
    onClick: () => void refind(),
    signal,
  });
  app.controls.append(group("The object", brush.element, size.element, find));

  /** @param {Cell} cell */
  function stroke({ x, y }) {
    if (!mask) return;
    const [, , height, width] = mask.shape;
    const data = mask.data.slice();
    for (let row = Math.max(0, y - radius); row <= Math.min(height - 1, y + radius); row += 1)
      for (let at = Math.max(0, x - radius); at <= Math.min(width - 1, x + radius); at += 1)
        if ((row - y) ** 2 + (at - x) ** 2 <= radius ** 2)
          data[row * width + at] = mode === "add" ? 1 : 0;
    mask = { data, shape: mask.shape };
    material.setMask(app.picture, mask);
    void show();
  }

  async function show() {
    if (!mask) return;
    const [, , height, width] = mask.shape;
    const { ink, paper } = material.tones();
    const veil = new ImageData(width, height);
    const drawn = new ImageData(width, height);
    let inside = 0;
    for (const [at, value] of mask.data.entries()) {
      inside += value;
      veil.data[4 * at + 3] = Math.round(170 * (1 - value));
      drawn.data.fill(Math.round(255 * (value * ink + (1 - value) * paper)), 4 * at, 4 * at + 3);
      drawn.data[4 * at + 3] = 255;
    }
    const [picture, shade, silhouette] = await Promise.all(
      [app.seen, veil, drawn].map((each) => createImageBitmap(each)),
    );
    seen.show({ width, height, layers: [{ bitmap: picture }, { bitmap: shade }] });
    black.show({ width, height, layers: [{ bitmap: silhouette }] });
    heading.say("Where is the object in ", { name: app.picture.title }, "?");
    right.caption(`Silhouette: ${percent(inside / mask.data.length)} of the picture`);
    words.say(
      [
        "On a plain ground it is what differs from it; else object and ground each get a mixture of colours, and each pixel goes to the likelier one, with as short a boundary as can be along the picture’s edges. No network is asked.",
      ],
      [
        "Colour says little about what is an object, so the outlines of some photographs here were drawn by hand. Where one is wrong, mend it: silhouettes are as good as this.",
      ],
    );
  }

  /** @param {boolean} [again] */
  async function look(again = false) {
    const [, , height, width] = app.net.input.shape;
    if (radius === 0) {
      radius = Math.max(1, Math.round(DAB * Math.min(height, width)));
      size.set(radius);
    }
    if (again) material.setMask(app.picture, null);
    const found = await app.work("shape", (until) =>
      again
        ? app.net.foreground(app.input, { signal: until })
        : material.mask(app.picture, app.input, until),
    );
    if (!found || signal.aborted) return;
    if (again) material.setMask(app.picture, found);
    mask = found;
    await show();
  }

  const refind = () => look(true);
  const at = (/** @type {PointerEvent} */ event) => {
    const cell = seen.cellAt(event);
    if (cell) stroke(cell);
  };
  on(
    seen.canvas,
    "pointerdown",
    (event) => {
      painting = true;
      seen.canvas.setPointerCapture(event.pointerId);
      at(event);
    },
    signal,
  );
  on(seen.canvas, "pointermove", (event) => painting && at(event), signal);
  const end = () => {
    painting = false;
  };
  on(seen.canvas, "pointerup", end, signal);
  on(seen.canvas, "pointercancel", end, signal);

  return {
    update(_state, changed) {
      if (changed.has("net")) radius = 0;
      if (["net", "input"].some((key) => changed.has(key))) void look();
    },
    destroy() {
      app.stop("shape");
      life.abort();
    },
  };
}
