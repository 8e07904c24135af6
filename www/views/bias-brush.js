/**
 * One picture and a brush: what should matter is painted over the object, and the page says how much of the attribution
 * lies beside it, whether its strongest pixel does, and what the prediction becomes on other backgrounds.
 * @module
 */

import { fetchPicture } from "../app/session.js";
import { createBrush as createMask } from "../widgets/brush.js";
import { button, group, select, slider } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";
import { percent } from "../widgets/format.js";
import { createLegend } from "../widgets/legend.js";
import { createLink, createPixels } from "../widgets/pixels.js";
import { magnitudes, onBackground, shares } from "./bias-mask.js";
import { createHeading, createWords, figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../convscope.js").AttributeOptions} AttributeOptions
 */

/** @type {Record<string, { name: string, options: AttributeOptions }>} */
const METHODS = {
  gradient: { name: "Gradient", options: { method: "gradient" } },
  input_x_gradient: { name: "Input × gradient", options: { method: "input_x_gradient" } },
  integrated_gradients: {
    name: "Integrated gradients",
    options: { method: "integrated_gradients", steps: 12 },
  },
};

const BACKGROUNDS = /** @type {const} */ (["blurred", "grey", "swapped"]);

/**
 * @param {HTMLElement} root
 * @param {Store} store
 * @param {Session} app
 * @param {AbortSignal} signal
 * @returns {{ update: Part["update"] }}
 */
export function createBrush(root, store, app, signal) {
  const link = createLink();
  const heading = createHeading();
  const words = createWords();
  const legend = createLegend(app.scope);
  const seen = createPixels({ label: "The picture; paint over the object", link, signal });
  const map = createPixels({ label: "Its attribution", link, signal });
  const left = figure(seen.element, "Paint over what should matter");
  const right = figure(map.element, "What the answer depends on");
  left.element.classList.add("painting");
  const answers = h("div", { class: "effects" });
  root.append(
    heading.element,
    h("div", { class: "pair brushed" }, left.element, right.element),
    h("div", { class: "under" }, legend.element),
    answers,
    words.element,
  );

  const method = select({
    label: "Map by",
    options: Object.entries(METHODS).map(([value, { name }]) => ({ value, label: name })),
    value: methodOf(),
    onChange: (value) => store.set({ "bias.method": value }),
    signal,
  });
  const brush = createMask({
    pixels: seen,
    radius: 16,
    onPaint: veil,
    onDone: () => void answer(),
    signal,
  });
  const size = slider({
    label: "Brush",
    min: 4,
    max: 48,
    step: 2,
    value: brush.radius,
    text: (value) => `${value} px`,
    onInput: (value) => {
      brush.radius = value;
    },
    signal,
  });
  const clear = button({ label: "Clear", kind: "quiet", onClick: () => brush.wipe(false), signal });
  const middle = button({
    label: "The middle",
    title: "Marks the middle of the picture, without a brush",
    onClick: () => brush.wipe(true),
    signal,
  });
  app.controls.replaceChildren(
    group("Should matter", h("div", { class: "row" }, middle, clear), size.element, method.element),
  );

  /** @type {Float32Array | null} */
  let values = null;

  function methodOf() {
    const value = String(store.get()["bias.method"]);
    return Object.hasOwn(METHODS, value) ? value : "gradient";
  }

  /** Darkens what should not matter. */
  function veil() {
    const sheet = brush.veil();
    const draw = (/** @type {CanvasRenderingContext2D} */ context) => {
      context.drawImage(sheet, 0, 0, context.canvas.width, context.canvas.height);
    };
    seen.overlay(draw);
    map.overlay(draw);
  }

  async function look() {
    const picture = await createImageBitmap(app.seen);
    if (signal.aborted) return;
    const { width, height } = picture;
    brush.fit(width, height);
    seen.show({ width, height, layers: [{ bitmap: picture }] });
    const { options } = METHODS[methodOf()];
    const got = await app.work("bias", async (until) => {
      const raw = await app.net.attribute(app.input, {
        ...options,
        target: app.target,
        signal: until,
      });
      const plane = magnitudes(raw);
      const painted = await app.scope.paint(
        { data: plane.slice(), shape: [1, 1, height, width] },
        { map: "sequential", scale: "each", percentile: 99 },
      );
      return { plane, painted };
    });
    if (!got || signal.aborted) return;
    values = got.plane;
    map.show({ width, height, layers: [{ bitmap: got.painted.bitmap }] });
    legend.show({
      map: "sequential",
      low: got.painted.ranges[0],
      high: got.painted.ranges[1],
      label: "Attribution",
      note: "size, summed over the colours; the brightest 1 % is cut off",
    });
    right.caption(`What the answer ${app.targetLabel} depends on`);
    veil();
    await answer();
  }

  async function answer() {
    const plane = values;
    const { mask } = brush;
    if (!plane || plane.length !== mask.length) return;
    if (!brush.any) {
      heading.say("Paint over what should matter for ", { name: app.targetLabel });
      answers.replaceChildren();
      say();
      return;
    }
    const { outside, area, hit } = shares(plane, mask);
    heading.say(
      { name: percent(outside) },
      ` of the attribution lies beside it, as does ${percent(1 - area)} of the picture`,
    );
    const rows = [
      h("dt", {}, "Pointing game: is the strongest pixel on it?"),
      h("dd", {}, hit ? "yes" : "no"),
    ];
    answers.replaceChildren(h("dl", { class: "facts" }, ...rows));
    const target = app.target;
    const got = await app.work("bias.background", async (until) => {
      const others = app.scope.pictures.filter(
        (each) => each.kind === "photo" && each.id !== app.picture.id,
      );
      const other = others[0] ? await fetchPicture(others[0], until) : null;
      const swap = other ? await app.net.preprocess(other) : app.input;
      const changed = BACKGROUNDS.map((kind) => onBackground(app.input, mask, kind, swap));
      const length = app.input.data.length;
      const data = new Float32Array(changed.length * length);
      for (const [index, each] of changed.entries()) data.set(each, index * length);
      const images = { data, shape: [changed.length, ...app.input.shape.slice(1)] };
      const { probabilities } = await app.net.predict(images, { signal: until });
      return probabilities;
    });
    if (!got || signal.aborted) return;
    const classes = got.shape[1];
    const before = app.prediction.probabilities.data[target];
    answers.replaceChildren(
      h(
        "dl",
        { class: "facts" },
        ...rows,
        h("dt", {}, `${app.label(target)}, as it is`),
        h("dd", {}, percent(before)),
        ...BACKGROUNDS.flatMap((kind, index) => {
          const row = got.data.subarray(index * classes, (index + 1) * classes);
          const best = row.indexOf(Math.max(...row));
          const instead = best === target ? "" : `, now ${app.label(best)}`;
          return [
            h("dt", {}, `background ${kind}`),
            h("dd", {}, `${percent(row[target])}${instead}`),
          ];
        }),
      ),
    );
    say();
  }

  function say() {
    words.say(
      [
        "The share is that of the map's size beside the painted region; an even map would have as much there as there is room.",
      ],
      [
        "A painted-over background is a picture that the network never saw, so a fall may also come from the cut: compare the three backgrounds.",
      ],
    );
  }

  return {
    update(_state, changed) {
      method.set(methodOf());
      const keys = ["net", "input", "weights", "target", "prediction", "bias.method"];
      if (keys.some((key) => changed.has(key))) void look();
    },
  };
}
