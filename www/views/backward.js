/**
 * Backward: the gradient on its way from the class to the pixels. A strip shows every stop of the journey; the stage the
 * chosen layer, what its channels found on the left and the gradient with respect to them on the right.
 * @module
 */

import { button, fold, group, segmented } from "../widgets/controls.js";
import { h, m, on } from "../widgets/dom.js";
import { number, percent } from "../widgets/format.js";
import { createLegend } from "../widgets/legend.js";
import { createLink, createPixels } from "../widgets/pixels.js";
import { createReadout } from "../widgets/readout.js";
import { createTiles } from "../widgets/tiles.js";
import { objectiveOf, PICTURE, stopOf, stopsOf, visit } from "./backward-data.js";
import { createStrip } from "./backward-strip.js";
import { valueAt } from "./feature-arithmetic.js";
import { walkChannels } from "./feature-keys.js";
import { byStrength, isSigned, largest, planesOf, ready, strengths } from "./feature-planes.js";
import { growButton } from "./grow.js";
import { convolutionOf } from "./kernel-bank.js";
import { reduce } from "./reduce.js";
import { createHeading, createWords, figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../convscope.js").Painted} Painted
 * @typedef {import("../widgets/tiles.js").TileCell} TileCell
 * @typedef {import("./backward-data.js").Of} Of
 * @typedef {import("./backward-data.js").Stop} Stop
 * @typedef {import("./backward-data.js").Visit} Visit
 * @typedef {import("./feature-planes.js").Scale} Scale
 */

/** The strongest colour stands for this percentile of a layer's gradients: few cells tower above the rest. */
const CLIP = 99.8;

const NAMES = /** @type {Record<Of, string>} */ ({
  logit: "score",
  probability: "probability",
  loss: "loss",
});
const SYMBOLS = /** @type {Record<Of, string>} */ ({ logit: "S", probability: "p", loss: "L" });

/**
 * The chain rule, for what is differentiated.
 * @param {Of} of
 * @param {boolean} large
 */
function chainRule(of, large) {
  const part = (/** @type {string} */ top, /** @type {Node} */ bottom) =>
    m(
      "mfrac",
      {},
      m("mrow", {}, m("mo", {}, "∂"), m("mi", {}, top)),
      m("mrow", {}, m("mo", {}, "∂"), bottom),
    );
  const x = () => m("mi", {}, "x");
  const y = () => m("msub", {}, m("mi", {}, "y"), m("mi", {}, "j"));
  const inner = m(
    "mfrac",
    {},
    m("mrow", {}, m("mo", {}, "∂"), y()),
    m("mrow", {}, m("mo", {}, "∂"), x()),
  );
  return m(
    "math",
    { displaystyle: String(large) },
    part(SYMBOLS[of], x()),
    m("mo", {}, "="),
    m(large ? "munder" : "msub", {}, m("mo", {}, "∑"), m("mi", {}, "j")),
    part(SYMBOLS[of], y()),
    m("mo", {}, "·"),
    inner,
  );
}

/**
 * @param {HTMLElement} root
 * @param {Store} store
 * @param {Session} app
 * @returns {Part}
 */
export function create(root, store, app) {
  const life = new AbortController();
  const { signal } = life;
  const heading = createHeading();
  const words = createWords();
  const mapKey = createLegend(app.scope);
  const gradientKey = createLegend(app.scope);
  const readout = createReadout("Point at a cell for what it found and what it would change.");
  const strip = createStrip({ app, onPick: visitStop, signal });
  const about = (/** @type {string} */ label) =>
    createTiles({ label, onHover: pointTile, onPick: pick, onOpen: open, signal });
  const mapTiles = about("Feature maps");
  const gradientTiles = about("Gradients");
  for (const [one, other] of [
    [mapTiles, gradientTiles],
    [gradientTiles, mapTiles],
  ])
    on(
      one.element,
      "scroll",
      () => {
        other.element.scrollTop = one.element.scrollTop;
      },
      signal,
    );
  const link = createLink();
  const large = (/** @type {string} */ label) =>
    createPixels({
      label,
      link,
      onHover: (cell) => point(cell && { plane: store.get().channel, ...cell }),
      signal,
    });
  const largeMap = large("The feature map");
  const largeGradient = large("Its gradient");
  const left = figure(h("div", { class: "fill" }, mapTiles.element, largeMap.element));
  const right = figure(h("div", { class: "fill" }, gradientTiles.element, largeGradient.element));
  const flat = h("p", { class: "flat", hidden: true });
  right.element.append(flat);
  const back = button({
    label: "All channels",
    title: "Back to all channels (Esc)",
    onClick: shut,
    signal,
  });
  root.append(
    h("div", { class: "titled" }, heading.element, back, strip.play),
    strip.element,
    h("div", { class: "both" }, left.element, right.element),
    h(
      "div",
      { class: "under" },
      h("div", { class: "keys-of-both" }, mapKey.element, gradientKey.element),
      readout.element,
    ),
    words.element,
  );

  const of = segmented({
    label: "Gradient of the",
    options: [
      { value: "logit", label: "Logit" },
      { value: "probability", label: "Probability" },
      { value: "loss", label: "Loss", title: "Cross-entropy against the class" },
    ],
    value: ofNow(),
    onChange: (value) => store.set({ "backward.of": value }),
    signal,
  });
  const scale = segmented({
    label: "The colours span",
    options: [
      { value: "each", label: "Map", title: "Every map has its own range" },
      { value: "layer", label: "Layer", title: "One range for all maps of the layer" },
      { value: "network", label: "Network", title: "One range for all stops" },
    ],
    value: scaleNow(),
    onChange: (value) => store.set({ "backward.scale": value }),
    signal,
  });
  const sort = segmented({
    label: "Sorted by",
    options: [
      {
        value: "gradient",
        label: "Gradient",
        title: "The mean absolute gradient, largest first",
      },
      { value: "map", label: "Map", title: "The mean absolute activation, largest first" },
      { value: "index", label: "Index" },
    ],
    value: String(store.get()["backward.sort"]),
    onChange: (value) => store.set({ "backward.sort": value }),
    signal,
  });
  const title = h("h3", {});
  const facts = h("dl", { class: "facts" });
  const toMap = button({ label: "Its map", onClick: showMap, signal });
  const toKernel = button({ label: "Its kernel", onClick: showKernel, signal });
  const toSaliency = button({
    label: "As a saliency map",
    onClick: () => app.goTo("saliency", { "saliency.of": ofNow() }),
    signal,
  });
  const wants = growButton({ app, patch: () => ({ layer: now?.name ?? app.layer.name }), signal });
  const meaning = h("div", { class: "formula" });
  app.controls.replaceChildren(
    group("Gradient", of.element, scale.element, sort.element),
    h(
      "section",
      { class: "group" },
      title,
      facts,
      h("div", { class: "row" }, toMap, toKernel, wants, toSaliency),
    ),
    fold("Formula", meaning),
  );

  /** @type {Visit[]} */
  let visits = [];
  let value = 0;
  /** The layer shown, which may lie between two stops. @type {Visit | null} */
  let now = null;
  /** @type {{ maps: Painted, gradient: Painted, seen: ImageBitmap } | null} */
  let painted = null;
  /** @type {number[] | undefined} */
  let order;

  function ofNow() {
    return /** @type {Of} */ (store.get()["backward.of"]);
  }
  function scaleNow() {
    return /** @type {Scale} */ (store.get()["backward.scale"]);
  }
  const atPicture = () => store.get()["backward.at"] === "picture";
  /** Whether one channel is enlarged; the picture always is. */
  const isLarge = () => now !== null && (now.layer === null || isOpen());

  function isOpen() {
    if (!now?.layer || isVector(now)) return false;
    return store.get()["backward.open"] === true;
  }

  /** @param {Visit} each */
  function isVector({ maps: { height, width } }) {
    return height * width === 1;
  }

  /** @param {number} channel */
  function pick(channel) {
    store.set({ channel }, { replace: true });
  }

  /** @param {number} channel */
  function open(channel) {
    store.set({ channel, "backward.open": true });
  }

  function shut() {
    store.set({ "backward.open": false });
    mapTiles.element.focus({ preventScroll: true });
  }

  /** @param {number} place in the journey */
  function visitStop(place) {
    const stop = visits[place];
    if (!stop) return;
    store.set(
      stop.layer
        ? { layer: stop.name, channel: stop.strongest, "backward.at": "layer" }
        : { "backward.at": "picture", channel: 0 },
      { replace: true },
    );
  }

  function showMap() {
    app.goTo("maps", { "maps.open": true, "maps.y": null, "maps.x": null });
  }

  function showKernel() {
    const found = convolutionOf(app.net.layers, app.layer.name);
    if (found) app.goTo("kernels", { layer: found.name });
  }

  /** The whole journey anew: another network, picture, class or objective. */
  async function travel() {
    const journey = await app.work("backward", (until) =>
      visit(app, stopsOf(app.net.layers), objectiveOf(ofNow(), app.target), until),
    );
    if (!journey || signal.aborted) return;
    visits = journey.visits;
    value = journey.value;
    now = null;
    mark();
    void app.work("backward.strip", () => strip.show(visits));
    await arrive();
  }

  /** Shows the chosen layer; one between two stops takes a pass of its own. */
  async function arrive() {
    if (visits.length === 0) return;
    const { layer } = app;
    const name = atPicture() ? PICTURE : layer.name;
    const known = visits.find((each) => each.name === name);
    if (known) {
      app.stop("backward.layer");
      now = known;
    } else {
      const stop = { name, title: name, layer };
      const found = await app.work("backward.layer", (until) =>
        visit(app, [stop], objectiveOf(ofNow(), app.target), until),
      );
      if (!found || signal.aborted || app.layer !== layer) return;
      [now] = found.visits;
    }
    await paint();
  }

  /**
   * The gradient as it is painted: that of the picture summed over its colours, as the saliency map is.
   * @param {Visit} visit
   */
  function shownGradient({ layer, gradient }) {
    const { data, channels, height, width } = gradient;
    if (layer) return gradient;
    return planesOf(reduce({ data, shape: [1, channels, height, width] }, "signed"));
  }

  /** Marks the stop of the chosen layer in the strip. */
  function mark() {
    if (visits.length === 0) return;
    strip.choose(atPicture() ? visits.length - 1 : stopOf(visits, app.net.layers, app.layer.name));
  }

  async function paint() {
    const shown = now;
    if (!shown) return;
    const how = scaleNow();
    const result = await app.work("backward.paint", async () => {
      const whole = how === "network" ? visits : [shown];
      const most = (/** @type {"maps" | "gradient"} */ which) =>
        Math.max(
          ...whole
            .filter((each) => which === "gradient" || each.layer || each === shown)
            .map((each) =>
              which === "gradient"
                ? largest(shownGradient(each).data, CLIP)
                : largest(each.maps.data),
            ),
        );
      const gradient = ready(shownGradient(shown), {
        scale: how,
        signed: true,
        most: most("gradient"),
      });
      const signed = isSigned(shown.maps.data);
      const maps = ready(shown.maps, { scale: how, signed, most: most("maps") });
      const seen = await createImageBitmap(app.seen);
      const [first, second] = await Promise.all(
        [maps, gradient].map((each) =>
          app.scope.paint(each.tensor, { map: each.map, scale: each.scale }),
        ),
      );
      return { maps: first, gradient: second, seen, keys: { maps, gradient } };
    });
    if (!result || signal.aborted || now !== shown) return;
    painted = result;
    const own = how === "each" && !isVector(shown);
    const { maps, gradient } = result.keys;
    mapKey.element.classList.toggle("absent", shown.layer === null);
    if (own) {
      const signed = maps.map === "diverging";
      mapKey.words({
        map: maps.map,
        low: signed ? "− its largest" : "0",
        high: "its largest",
      });
      gradientKey.words({ map: "diverging", low: "− its largest", high: "its largest" });
    } else {
      const [low, high] = maps.scale;
      mapKey.show({ map: maps.map, low, high, label: "Activation" });
      gradientKey.show({
        map: "diverging",
        low: -gradient.most,
        high: gradient.most,
        label: "Gradient",
        note: how === "network" ? "over all stops" : "",
      });
    }
    arrange();
  }

  function arrange() {
    if (!now || !painted) return;
    const { maps, gradient, layer } = now;
    const by = String(store.get()["backward.sort"]);
    const vector = isVector(now);
    const force = strengths(gradient, "mean");
    const found = strengths(maps, "mean");
    order = by === "index" || !layer ? undefined : byStrength(by === "map" ? found : force);
    const labels = vector && maps.channels === app.net.labels.length;
    const name = (/** @type {number} */ channel) =>
      `${labels ? app.label(channel) : nameOf(channel)}, activation ${number(found[channel])}, gradient ${number(force[channel])}`;
    const common = { count: maps.channels, order, name, largest: vector ? 40 : 420 };
    mapTiles.show({ ...painted.maps, ...common, label: `Feature maps of ${now.title}` });
    gradientTiles.show({ ...painted.gradient, ...common, label: `Gradients of ${now.title}` });
    const still = force.every((each) => each === 0);
    flat.hidden = !still;
    if (still) flat.textContent = flatSentence();
    showChosen();
  }

  /** @param {number} channel */
  function nameOf(channel) {
    if (now?.layer) return `channel ${channel}`;
    return app.input.shape[1] === 3 ? ["red", "green", "blue"][channel] : "grey";
  }

  function flatSentence() {
    const of = ofNow();
    if (of === "logit")
      return "The gradient is zero everywhere in this layer: no path from it to the score is open, for example because every rectifier on the way is closed.";
    const p = percent(app.prediction.probabilities.data[app.target]);
    return `The gradient is zero everywhere in this layer: the probability is ${p}, so sure that nothing small moves it. The logit still has a gradient.`;
  }

  function showChosen() {
    if (!now || !painted) return;
    const { maps, gradient, title: where, layer } = now;
    const channel = Math.min(store.get().channel, maps.channels - 1);
    const { height, width } = maps;
    const opened = isOpen();
    back.hidden = !opened;
    for (const each of [mapTiles, gradientTiles]) {
      each.choose(channel);
      each.element.hidden = isLarge();
    }
    for (const [pixels, atlas, label] of /** @type {const} */ ([
      [largeMap, painted.maps, "Feature map"],
      [largeGradient, painted.gradient, "Gradient"],
    ])) {
      pixels.element.hidden = !isLarge();
      const plane = layer ? channel : 0;
      const x = (plane % atlas.columns) * width;
      const y = Math.floor(plane / atlas.columns) * height;
      const whole = !layer && pixels === largeMap;
      pixels.show({
        width,
        height,
        layers: [whole ? { bitmap: painted.seen } : { bitmap: atlas.bitmap, x, y }],
        label: layer ? `${label} of channel ${channel} of ${where}` : `${label} of the picture`,
      });
    }
    const kind = nameOf(channel);
    left.caption(
      layer ? (opened ? `Forward: ${kind}` : "Feature maps, forward") : "The picture, forward",
    );
    right.caption(
      m(
        "math",
        {},
        m("mo", {}, "∂"),
        m("mi", {}, SYMBOLS[ofNow()]),
        m("mo", { stretchy: "false" }, "/"),
        m("mo", {}, "∂"),
        m("mi", {}, layer ? "F" : "X"),
      ),
      `, backward${opened ? `: ${kind}` : ""}`,
    );
    title.textContent = layer ? `Channel ${channel}` : "Picture";
    const rows = /** @type {[string, string][]} */ ([
      ...(layer
        ? [
            ["mean |activation|", number(strengths(maps, "mean")[channel])],
            ["mean |gradient|", number(strengths(gradient, "mean")[channel])],
          ]
        : []),
      ["gradient’s length", number(now.norm)],
    ]);
    facts.replaceChildren(
      ...rows.flatMap(([name, text]) => [h("dt", {}, name), h("dd", {}, text)]),
    );
    toMap.hidden = !layer || !app.hasView("maps");
    toKernel.hidden = !layer || !convolutionOf(app.net.layers, now.name);
    wants.hidden = !layer || !app.hasView("synthesis");
    toSaliency.hidden = layer !== null;
    say();
  }

  function say() {
    if (!now) return;
    const of = ofNow();
    const name = app.targetLabel;
    const shown = of === "probability" ? percent(value) : number(value, 4);
    if (now.layer) heading.say("What flows back to ", { name: now.title }, " from ", { name });
    else heading.say("What reaches the ", { name: "picture" }, " from ", { name });
    const what = now.layer
      ? `Left, what the ${now.maps.channels} channels found; right, `
      : "Left, the picture; right, the end of the journey, which is the saliency: ";
    const gain = of === "loss" ? "grow" : "gain";
    words.say(
      [
        `${what}what the ${NAMES[of]} of ${name} (now ${shown}) would ${gain} where a cell rose: `,
        chainRule(of, false),
        ".",
      ],
      [
        "A strong map with a pale gradient was seen, and did not matter. A gradient speaks of tiny changes only.",
      ],
    );
    meaning.replaceChildren(
      chainRule(of, true),
      h(
        "p",
        { class: "muted small" },
        "x is a cell of this layer, y the cells of the next one that read it: each hands back its own gradient times its slope, and they add up.",
      ),
    );
  }

  /** @param {TileCell | null} cell */
  function pointTile(cell) {
    mapTiles.point(cell);
    gradientTiles.point(cell);
    point(cell);
  }

  /** @param {TileCell | null} cell */
  function point(cell) {
    if (!cell || !now) {
      readout.show(null);
      return;
    }
    const { maps, gradient, layer } = now;
    const place = `row ${cell.y}, column ${cell.x}`;
    if (!layer) {
      const each = Array.from({ length: gradient.channels }, (_, channel) => {
        const at = { channel, y: cell.y, x: cell.x };
        return `${nameOf(channel)} ${number(valueAt(gradient, at), 4)}`;
      });
      readout.show(`${place}: gradient ${each.join(", ")}`);
      return;
    }
    const at = { channel: cell.plane, y: cell.y, x: cell.x };
    const labels = isVector(now) && maps.channels === app.net.labels.length;
    const name = labels ? app.label(cell.plane) : nameOf(cell.plane);
    readout.show(
      `${isVector(now) ? name : `${name}, ${place}`}: activation ${number(valueAt(maps, at), 4)}, gradient ${number(valueAt(gradient, at), 4)}`,
    );
  }

  walkChannels({
    root,
    store,
    isOpen,
    shut,
    order: () => order,
    count: () => now?.maps.channels ?? 0,
    signal,
  });

  return {
    update(next, changed) {
      of.set(/** @type {Of} */ (next["backward.of"]));
      scale.set(/** @type {Scale} */ (next["backward.scale"]));
      sort.set(String(next["backward.sort"]));
      if (changed.has("layer") && !changed.has("backward.at") && atPicture()) {
        store.set({ "backward.at": "layer" }, { replace: true });
        return;
      }
      const again = ["net", "input", "weights", "target", "prediction", "backward.of"];
      if (again.some((key) => changed.has(key))) {
        strip.stop();
        void travel();
        return;
      }
      mark();
      if (changed.has("layer") || changed.has("backward.at")) void arrive();
      else if (changed.has("backward.scale")) void paint();
      else if (changed.has("backward.sort")) arrange();
      else showChosen();
    },
    destroy() {
      life.abort();
    },
  };
}
