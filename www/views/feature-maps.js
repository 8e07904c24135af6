/**
 * Feature maps: every channel of a layer on this picture. One of them can be enlarged beside and over the picture; a
 * place in it shows what it sees, and the arithmetic that made its number. A channel can be switched off or scaled.
 * @module
 */

import { button, group, segmented, slider } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";
import { number, shape } from "../widgets/format.js";
import { createLegend } from "../widgets/legend.js";
import { createPixels } from "../widgets/pixels.js";
import { createReadout } from "../widgets/readout.js";
import { createTiles } from "../widgets/tiles.js";
import { valueAt } from "./feature-arithmetic.js";
import { createChange } from "./feature-change.js";
import { fieldOf, fieldWords } from "./feature-field.js";
import { walkChannels } from "./feature-keys.js";
import { byStrength, ready, strengths } from "./feature-planes.js";
import { createSource } from "./feature-source.js";
import { createSum } from "./feature-sum.js";
import { growButton } from "./grow.js";
import { convolutionOf } from "./kernel-bank.js";
import { createHeading, createWords, figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../app/store.js").State} State
 * @typedef {import("../convscope.js").Painted} Painted
 * @typedef {import("../widgets/pixels.js").Cell} Cell
 * @typedef {import("./feature-arithmetic.js").Unit} Unit
 * @typedef {import("./feature-field.js").Field} Field
 * @typedef {import("./feature-planes.js").Scale} Scale
 * @typedef {import("./feature-planes.js").Strength} Strength
 * @typedef {import("./feature-source.js").Maps} Maps
 */

/**
 * @param {HTMLElement} root
 * @param {Store} store
 * @param {Session} app
 * @returns {Part}
 */
export function create(root, store, app) {
  const life = new AbortController();
  const { signal } = life;
  const source = createSource(app);
  const heading = createHeading();
  const words = createWords();
  const legend = createLegend(app.scope);
  const readout = createReadout("Point at a map for its numbers; click one to enlarge it.");
  const tiles = createTiles({
    label: "Feature maps",
    onHover: (cell) => point(cell && { channel: cell.plane, y: cell.y, x: cell.x }),
    onPick: (channel) => store.set({ channel }, { replace: true }),
    onOpen: (channel) => open(channel),
    signal,
  });
  const grid = figure(tiles.element);
  grid.element.classList.add("room-taker");
  const seen = createPixels({ label: "The picture under the map", signal });
  const large = createPixels({
    label: "The feature map",
    onHover: (cell) => point(cell && { channel: store.get().channel, ...cell }),
    onPick: (cell) => store.set({ "maps.y": cell.y, "maps.x": cell.x }),
    signal,
  });
  const picture = figure(seen.element);
  const map = figure(large.element);
  const back = button({
    label: "All maps",
    title: "Back to all maps (Esc)",
    onClick: shut,
    signal,
  });
  const pointer = button({ label: "A channel worth a look", onClick: follow, signal });
  const pair = h("div", { class: "pair" }, picture.element, map.element);
  const one = h("div", { class: "enlarged" }, pair);
  const sum = createSum({
    app,
    onUnit: goTo,
    onClose: () => (isVector() ? shut() : store.set({ "maps.y": null, "maps.x": null })),
    signal,
  });
  root.append(
    h("div", { class: "titled" }, heading.element, pointer, back),
    grid.element,
    h("div", { class: "study" }, one, sum.element),
    h("div", { class: "under" }, legend.element, readout.element),
    words.element,
  );

  const scale = segmented({
    label: "The colours span",
    options: [
      { value: "each", label: "Map", title: "Every map has its own range" },
      { value: "layer", label: "Layer", title: "One range for all maps of the layer" },
      { value: "network", label: "Network", title: "One range for all layers" },
    ],
    value: scaleOf(),
    onChange: (value) => store.set({ "maps.scale": value }),
    signal,
  });
  const sort = segmented({
    label: "Sorted by",
    options: [
      { value: "index", label: "Index" },
      { value: "mean", label: "Mean", title: "The mean of absolute values, largest first" },
      { value: "max", label: "Largest", title: "The largest absolute value first" },
    ],
    value: String(store.get()["maps.sort"]),
    onChange: (value) => store.set({ "maps.sort": value }),
    signal,
  });
  const over = slider({
    label: "Map over the picture",
    min: 0,
    max: 100,
    step: 1,
    value: Number(store.get()["maps.over"]),
    text: (value) => `${value} %`,
    onInput: (value) => store.set({ "maps.over": value }, { replace: true }),
    signal,
  });
  const smallSeen = createPixels({ label: "What the unit sees of the picture", signal });
  const smallMap = createPixels({ label: "The chosen map", signal });
  const card = h("div", { class: "card" }, smallSeen.element, smallMap.element);
  const title = h("h3", {});
  const kernel = button({ label: "Its kernel", onClick: showKernel, signal });
  const backward = button({
    label: "Its gradient",
    onClick: () => app.goTo("backward", { "backward.at": "layer", "backward.open": true }),
    signal,
  });
  backward.hidden = !app.hasView("backward");
  const examples = button({
    label: "What it responds to",
    title: "The pictures and patches that excite this channel most",
    onClick: () => app.goTo("kernels", { "kernels.sight": "responds" }),
    signal,
  });
  const wants = growButton({ app, signal });
  const change = createChange({ app, store, signal });
  app.controls.replaceChildren(
    group("Maps", scale.element, sort.element, over.element),
    h(
      "section",
      { class: "group" },
      title,
      card,
      change.element,
      h("div", { class: "row" }, kernel, backward, examples, wants),
    ),
  );

  /** @type {Maps | null} */
  let maps = null;
  /** @type {Painted | null} */
  let painted = null;
  /** @type {ImageBitmap | null} */
  let photo = null;
  /** @type {number[] | undefined} */
  let order;
  let most = 1;
  /** What the pointer is on. @type {{ channel: number, y: number, x: number } | null} */
  let under = null;

  function scaleOf() {
    return /** @type {Scale} */ (store.get()["maps.scale"]);
  }

  const isVector = () => !maps || maps.planes.height * maps.planes.width === 1;

  const isOpen = () => store.get()["maps.open"] === true;

  /** The chosen unit, if it lies in the layer. */
  function unit() {
    const state = store.get();
    if (!maps || !isOpen()) return null;
    if (isVector()) return { channel: state.channel, y: 0, x: 0 };
    const y = state["maps.y"];
    const x = state["maps.x"];
    if (typeof y !== "number" || typeof x !== "number") return null;
    const { height, width } = maps.planes;
    const inside = y >= 0 && x >= 0 && y < height && x < width;
    return inside && Number.isInteger(y) && Number.isInteger(x)
      ? { channel: state.channel, y, x }
      : null;
  }

  /** @param {number} channel */
  function open(channel) {
    store.set({ channel, "maps.open": true });
    large.canvas.focus({ preventScroll: true });
  }

  function shut() {
    store.set({ "maps.open": false, "maps.y": null, "maps.x": null });
    tiles.element.focus({ preventScroll: true });
  }

  /**
   * Shows the unit that a number came from; a pixel of the picture is marked.
   * @param {Unit} from
   */
  function goTo({ layer, channel, y, x }) {
    if (app.net.layers.some((each) => each.name === layer))
      store.set({ layer, channel, "maps.open": true, "maps.y": y, "maps.x": x });
    else {
      seen.mark({ chosen: { y, x } });
      readout.show(`That is row ${y}, column ${x} of the picture.`);
    }
  }

  /** The channel worth a look on this picture, if it has one for this network. */
  function worthALook() {
    const { model } = store.get();
    return app.picture.sights?.find(
      (each) => each.model === model && app.net.layers.some((layer) => layer.name === each.layer),
    );
  }

  function isShown() {
    const found = worthALook();
    const { layer, channel } = store.get();
    return found?.layer === layer && found.channel === channel && isOpen();
  }

  function follow() {
    const found = worthALook();
    if (!found) return;
    const { layer, channel } = found;
    store.set({ layer, channel, "maps.open": true, "maps.y": null, "maps.x": null });
  }

  function showKernel() {
    const found = convolutionOf(app.net.layers, app.layer.name);
    if (found) app.goTo("kernels", { layer: found.name, "kernels.sight": "weights" });
  }

  async function load() {
    const { layer } = app;
    const loaded = await app.work("maps", async (until) => ({
      maps: await source.maps(layer, until),
      photo: await createImageBitmap(app.seen),
    }));
    if (!loaded || signal.aborted) return;
    maps = loaded.maps;
    photo = loaded.photo;
    await paint();
  }

  async function paint() {
    const now = maps;
    if (!now) return;
    const vector = now.planes.height * now.planes.width === 1;
    const how = scaleOf();
    const result = await app.work("maps.paint", async (until) => {
      const top = how === "network" ? await source.networkMost(until) : now.most;
      const prepared = ready(now.planes, { scale: how, signed: now.signed, most: top });
      const { tensor, map: colours, scale: pairOf } = prepared;
      return {
        atlas: await app.scope.paint(tensor, { map: colours, scale: pairOf }),
        most: prepared.most,
      };
    });
    if (!result || signal.aborted || maps !== now) return;
    painted = result.atlas;
    most = result.most;
    const own = how === "each" && !vector;
    const map = now.signed ? "diverging" : "sequential";
    if (own)
      legend.words({
        map,
        low: now.signed ? "− its largest" : "0",
        high: "its largest",
        note: "each map by itself",
      });
    else
      legend.show({
        map,
        low: now.signed ? -most : 0,
        high: most,
        label: "Activation",
        note: how === "network" ? "over all layers" : "over the layer",
      });
    arrange();
  }

  /** Order, tiles, and all that shows the chosen channel. */
  function arrange() {
    if (!maps || !painted) return;
    const { layer, planes } = maps;
    const by = String(store.get()["maps.sort"]);
    const strength = strengths(planes, by === "max" ? "max" : "mean");
    order = by === "index" ? undefined : byStrength(strength);
    tiles.show({
      ...painted,
      count: planes.channels,
      order,
      largest: isVector() ? 40 : 220,
      name: (channel) =>
        logits()
          ? `${app.label(channel)}, ${number(planes.data[channel])}`
          : `channel ${channel}, ${by === "max" ? "largest" : "mean"} ${number(strength[channel])}`,
      faint: (channel) => change.isOff(layer.name, channel),
      label: `Feature maps of ${layer.name}`,
    });
    const silent = strength.reduce((count, each) => count + Number(each === 0), 0);
    const size = isVector()
      ? `${planes.channels} numbers`
      : `${planes.channels} maps of ${planes.height} × ${planes.width}`;
    const sorted = order ? ", strongest first" : "";
    const none = silent > 0 ? `; ${silent} ${silent === 1 ? "is" : "are"} zero everywhere` : "";
    grid.caption(`${size}${sorted}${none}`);
    showChosen();
  }

  /** The chosen channel, small in the controls and large on the stage. */
  function showChosen() {
    if (!maps || !painted || !photo) return;
    const { layer, planes } = maps;
    const channel = Math.min(store.get().channel, planes.channels - 1);
    const { height, width } = planes;
    const from = {
      x: (channel % painted.columns) * width,
      y: Math.floor(channel / painted.columns) * height,
    };
    const alone = { bitmap: painted.bitmap, ...from, width, height };
    const label = `Channel ${channel} of ${layer.name} on ${app.picture.title}`;
    const photograph = { width: photo.width, height: photo.height };
    tiles.choose(channel);
    root.classList.toggle("open", isOpen());
    grid.element.hidden = isOpen();
    one.hidden = !isOpen();
    back.hidden = !isOpen();
    card.hidden = isOpen() || isVector();
    over.element.hidden = !isOpen() || isVector();
    map.element.hidden = isVector();
    root.classList.toggle("with-unit", unit() !== null);
    title.textContent = name(channel);
    smallSeen.show({ ...photograph, layers: [{ bitmap: photo }] });
    smallMap.show({ width, height, layers: [alone], label });
    large.show({ width, height, layers: [alone], label });
    const alpha = Number(store.get()["maps.over"]) / 100;
    const above = isVector() ? [] : [{ ...alone, alpha, smooth: false }];
    const filter = above.length > 0 && alpha > 0 ? "grayscale(1)" : undefined;
    seen.show({
      ...photograph,
      layers: [{ bitmap: photo, filter }, ...above],
      label: `${app.picture.title} with channel ${channel} of ${layer.name} over it`,
    });
    picture.caption(app.picture.title);
    map.caption(`${name(channel)}, ${shape([1, height, width]).replace(/^1 · /, "")}`);
    pointer.hidden = !worthALook() || isShown();
    kernel.hidden = !convolutionOf(app.net.layers, layer.name);
    mark();
    say(channel);
  }

  /** Whether the numbers are those of the classes. */
  function logits() {
    return isVector() && maps?.planes.channels === app.net.labels.length;
  }

  /** @param {number} channel */
  function name(channel) {
    return logits() ? app.label(channel) : `Channel ${channel}`;
  }

  /** @param {number} channel */
  function say(channel) {
    if (!maps) return;
    const { layer, signed } = maps;
    const subject = logits() ? app.label(channel) : `channel ${channel}`;
    if (isOpen()) heading.say("What ", { name: subject }, ` of ${layer.name} finds`);
    else heading.say("What ", { name: layer.name }, " finds in the picture");
    const place = isVector()
      ? ""
      : "Point at the map for a number and what it sees; click it for the arithmetic.";
    readout.rest(isOpen() ? place : "Point at a map for its numbers; click one to enlarge it.");
    const what = signed
      ? "orange where it answers with a positive number, blue where with a negative one."
      : "dark where it is zero, bright where its kernel found what it looks for.";
    const kind = isOpen() ? "This feature map is " : "Each square is one feature map: ";
    const vector = `${isOpen() ? "This is one number" : "Each square is one number"}, with no place in the picture left.`;
    const found = isShown() ? ` ${worthALook()?.text}` : "";
    words.say([`${isVector() ? vector : `${kind}${what}`}${found}`], [doubt()]);
  }

  /** Where this sight misleads. */
  function doubt() {
    if (isOpen() && unit())
      return "The frame is the largest part of the picture that can reach this number; most of what counts is near its middle.";
    if (scaleOf() === "each" && !isVector())
      return "Each map is stretched to its own largest number, so a weak one looks as strong as a strong one: compare with Layer.";
    if (scaleOf() === "network")
      return "One range over all layers: a layer of small numbers looks empty, and is not.";
    return "A bright map was seen, which does not say that it mattered: switch the channel off and look.";
  }

  /** @param {{ y: number, x: number }} at */
  function field(at) {
    return fieldOf(app.layer.receptiveField, at, app.seen);
  }

  /** Frames what the chosen unit sees, and what the one under the pointer sees. */
  function mark() {
    const at = unit();
    const boxes = [at, under].flatMap((each, place) =>
      each ? [{ ...field(each).box, dashed: place === 1 }] : [],
    );
    seen.mark({ boxes, chosen: null });
    smallSeen.mark({ boxes });
    large.mark({ chosen: at });
  }

  /** @param {{ channel: number, y: number, x: number } | null} at */
  function point(at) {
    under = at;
    mark();
    if (!at || !maps) {
      readout.show(null);
      return;
    }
    const value = `${number(valueAt(maps.planes, at), 4)}`;
    const where = isVector()
      ? name(at.channel)
      : `channel ${at.channel}, row ${at.y}, column ${at.x}`;
    readout.show(`${where}: ${value}; ${fieldWords(field(at))}`);
  }

  async function explainUnit() {
    const at = unit();
    const now = maps;
    if (!at || !now) {
      app.stop("maps.sum");
      sum.hide();
      return;
    }
    const explained = await app.work("maps.sum", async (until) => ({
      explanation: await source.explanation(now, at, until),
    }));
    if (!explained || signal.aborted || maps !== now) return;
    await app.work("maps.sum.draw", () => sum.show(now.layer, at, explained.explanation));
  }

  /**
   * Keeps the chosen place in the picture when another layer is looked at.
   * @param {State} state
   * @param {Set<string>} changed
   */
  function keepPlace(state, changed) {
    const y = state["maps.y"];
    const x = state["maps.x"];
    if (!maps || !changed.has("layer") || changed.has("net")) return;
    if (changed.has("maps.y") || changed.has("maps.x") || maps.layer === app.layer) return;
    if (typeof y !== "number" || typeof x !== "number") return;
    const [, height, width] = app.layer.shape;
    const { planes } = maps;
    const patch = {
      "maps.y": Math.floor(((y + 0.5) / planes.height) * height),
      "maps.x": Math.floor(((x + 0.5) / planes.width) * width),
    };
    store.set(patch, { replace: true });
  }

  walkChannels({
    root,
    store,
    isOpen,
    shut,
    order: () => order,
    count: () => maps?.planes.channels ?? 0,
    signal,
  });

  return {
    update(next, changed) {
      scale.set(/** @type {Scale} */ (next["maps.scale"]));
      sort.set(String(next["maps.sort"]));
      over.set(Number(next["maps.over"]));
      change.update(changed);
      keepPlace(next, changed);
      const again = ["net", "input", "weights", "layer"].some((key) => changed.has(key));
      if (changed.has("net") || changed.has("weights")) source.forget();
      if (again) {
        under = null;
        void load().then(explainUnit);
        return;
      }
      if (changed.has("maps.scale")) void paint();
      else if (changed.has("maps.sort") || changed.has("maps.change")) arrange();
      else showChosen();
      if (["channel", "maps.y", "maps.x", "maps.open"].some((key) => changed.has(key)))
        void explainUnit();
    },
    destroy() {
      life.abort();
    },
  };
}
