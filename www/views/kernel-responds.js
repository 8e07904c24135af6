/**
 * What a unit responds to: the places in a set of pictures where it is highest, cut to what it can see, and the one that is
 * chosen in its picture with the pixels on which the unit depends. Or, for all channels at once, the best patch of each.
 * @module
 */

import { button, fold, group, segmented, slider, toggle } from "../widgets/controls.js";
import { h, on } from "../widgets/dom.js";
import { number, percent } from "../widgets/format.js";
import { createPixels } from "../widgets/pixels.js";
import { createReadout } from "../widgets/readout.js";
import { createTiles } from "../widgets/tiles.js";
import { commonCore, drawPatches, fieldBox, meanField, patchBox } from "./kernel-patches.js";
import { measuredAt, rectifierOf } from "./kernel-unit.js";
import { createHeading, createWords, figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/session.js").Layer} Layer
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../convscope.js").Survey} Survey
 * @typedef {import("../convscope.js").Unit} Unit
 * @typedef {import("../convscope.js").Hit} Hit
 * @typedef {import("../convscope.js").ReceptiveField} Field
 * @typedef {import("./kernel-set.js").PictureSet} PictureSet
 * @typedef {import("./kernel-survey.js").Surveys} Surveys
 * @typedef {import("./kernel-patches.js").Cut} Cut
 */

/** Pixels of a patch in the grid of nine, and in the grid of all channels. */
const LARGE = 224;
const SMALL = 56;

const RESTING = "Point at a patch for its picture and how high the unit is there.";

/** The whole layer beyond so many channels is shown in its first ones. */
const MOST_CHANNELS = 1600;

/**
 * @param {HTMLElement} root
 * @param {Store} store
 * @param {Session} app
 * @param {Surveys} surveys
 * @returns {Part}
 */
export function create(root, store, app, surveys) {
  const life = new AbortController();
  const { signal } = life;
  const heading = createHeading();
  const words = createWords();
  const readout = createReadout(RESTING);
  const tiles = createTiles({
    label: "Patches",
    largest: 240,
    onHover: (at) => tell(at?.plane ?? null),
    onPick: pick,
    signal,
  });
  const whole = createPixels({ label: "The picture", onHover: () => {}, signal });
  const pulled = createPixels({ label: "What it depends on", signal });
  const falloff = createPixels({ label: "Mean over the nine", signal });
  const all = figure(tiles.element);
  const one = figure(whole.element);
  const here = figure(pulled.element, "|∂unit/∂X| here");
  const mean = figure(falloff.element, "Mean, unit centred");
  one.element.classList.add("one", "plain");
  root.append(
    heading.element,
    h(
      "div",
      { class: "bench responds" },
      all.element,
      h("div", {}, one.element, h("div", { class: "effect" }, here.element, mean.element)),
    ),
    h("div", { class: "under" }, readout.element),
    words.element,
  );

  const cut = segmented({
    label: "Show of each picture",
    options: [
      { value: "picture", label: "All", title: "The whole picture" },
      {
        value: "field",
        label: "Can see",
        title: "What the unit can see by the network's geometry",
      },
      { value: "core", label: "Does see", title: "Where 95 % of its gradient lies, each way" },
    ],
    value: cutOf(),
    onChange: (value) => store.set({ "kernels.cut": value }),
    signal,
  });
  const everyone = toggle({
    label: "Every channel's best",
    value: isLayer(),
    onChange: (value) => store.set({ "kernels.all": value }),
    signal,
  });
  const output = slider({
    label: "Channel",
    min: 0,
    max: 1,
    step: 1,
    value: store.get().channel,
    onInput: (channel) => store.set({ channel }, { replace: true }),
    signal,
  });
  const follow = button({
    label: "Its map on this picture",
    title: "Looks at this picture and opens the feature map at this very unit",
    onClick: () => void open(),
    signal,
  });
  follow.hidden = !app.hasView("maps");
  const halt = button({ label: "Stop", onClick: toggleSurvey, signal });
  halt.hidden = true;
  const input = h("input", { type: "file", accept: "image/*", multiple: true, class: "hidden" });
  const add = button({
    label: "Add pictures …",
    title: "Files of your own join the set; they stay on this device",
    onClick: () => input.click(),
    signal,
  });
  on(input, "change", () => void addFiles(), signal);
  const facts = h("dl", { class: "facts" });
  app.controls.replaceChildren(
    group("Unit", cut.element, output.element, everyone.element, follow),
    group("Pictures", h("div", { class: "row" }, add, halt, input)),
    fold("This unit", facts),
  );

  /** @type {{ layer: Layer, survey: Survey, set: PictureSet, done: boolean } | null} */
  let found = null;
  /** What was measured of the chosen channel's hits. @type {{ key: string, fields: Map<number, Field> }} */
  let measured = { key: "", fields: new Map() };

  function cutOf() {
    return /** @type {Cut} */ (store.get()["kernels.cut"]);
  }
  function isLayer() {
    return store.get()["kernels.all"] === true;
  }
  function layer() {
    return measuredAt(app.net.layers, app.layer.name);
  }

  /** @returns {Unit | undefined} */
  function unit() {
    return found?.survey.units[store.get().channel];
  }

  /** The place of the chosen hit. */
  function chosen() {
    const last = (unit()?.top.length ?? 1) - 1;
    return Math.min(Math.max(0, Number(store.get()["kernels.hit"])), last);
  }

  /** Whether the pictures are being looked through. */
  let looking = false;

  /** Stops looking through the pictures, or goes on. */
  function toggleSurvey() {
    if (looking) app.stop("kernels.survey");
    else void load();
  }

  function showHalt() {
    halt.hidden = !looking && found?.done !== false;
    halt.textContent = looking ? "Stop" : "Look at all";
  }

  async function load() {
    const asked = layer();
    looking = true;
    showHalt();
    if (found?.layer !== asked) {
      found = null;
      readout.rest("Looking through the pictures …");
      title();
    }
    const result = await app.work("kernels.survey", (until) =>
      surveys.of(asked, {
        signal: until,
        onProgress(share) {
          if (!until.aborted && !signal.aborted)
            readout.rest(`Looking through the pictures: ${Math.round(100 * share)} %`);
        },
        onStep(survey, set) {
          if (until.aborted || signal.aborted) return;
          found = { layer: asked, survey, set, done: false };
          void show();
        },
      }),
    );
    if (signal.aborted || layer() !== asked) return;
    looking = false;
    if (!result) {
      readout.rest(RESTING);
      showHalt();
      return;
    }
    readout.rest(RESTING);
    found = { layer: asked, ...result, done: true };
    showHalt();
    await show();
    await measure();
  }

  function title() {
    const { name } = app.layer;
    const { channel } = store.get();
    const { layers, labels } = app.net;
    const isClass = name === layers.at(-1)?.name && app.layer.shape[0] === labels.length;
    if (isLayer()) heading.say("What each channel of ", { name }, " responds to most");
    else
      heading.say(
        "What channel ",
        { name: String(channel) },
        " of ",
        { name },
        isClass ? `, ${app.label(channel)}, responds to` : " responds to",
      );
  }

  async function show() {
    const sight = found;
    const its = unit();
    if (!sight || !its) return;
    title();
    const { channel } = store.get();
    const last = sight.survey.units.length - 1;
    output.set(channel, { max: last });
    all.element.classList.toggle("nine", !isLayer());
    await (isLayer() ? drawAll(sight) : drawNine(sight, its));
    if (signal.aborted || found !== sight) return;
    describe(sight, its);
    await drawChosen(sight, its);
  }

  function pictureSize() {
    const [, , height, width] = app.net.input.shape;
    return /** @type {[number, number]} */ ([height, width]);
  }

  function fields() {
    const its = unit();
    if (!its || !found || measured.key !== keyOf()) return [];
    return [...measured.fields].map(([place, field]) => ({ hit: its.top[place], field }));
  }

  /** @param {NonNullable<typeof found>} sight @param {Unit} its */
  async function drawNine(sight, its) {
    const core = commonCore(sight.layer, fields());
    const patches = its.top.map((hit) => ({
      hit,
      box: patchBox(cutOf(), sight.layer, hit, pictureSize(), core),
    }));
    const drawn = await app.work("kernels.patches", () => drawPatches(sight.set, patches, LARGE));
    if (!drawn || signal.aborted || found !== sight || isLayer()) return;
    const most = its.top[0]?.value ?? 0;
    tiles.show({
      ...drawn,
      count: patches.length,
      name: (place) => caption(its.top[place], sight.set),
      faint: (place) => most > 0 && its.top[place].value <= 0,
      label: `Where channel ${its.channel} of ${sight.layer.name} is highest`,
    });
    tiles.choose(chosen());
  }

  /** @param {NonNullable<typeof found>} sight */
  async function drawAll(sight) {
    const units = sight.survey.units.slice(0, MOST_CHANNELS);
    const way = cutOf() === "core" ? "field" : cutOf();
    const patches = units.map(({ top: [hit] }) => ({
      hit,
      box: patchBox(way, sight.layer, hit, pictureSize(), null),
    }));
    const drawn = await app.work("kernels.patches", () => drawPatches(sight.set, patches, SMALL));
    if (!drawn || signal.aborted || found !== sight || !isLayer()) return;
    tiles.show({
      ...drawn,
      count: units.length,
      name: (channel) => `channel ${channel}: ${caption(units[channel].top[0], sight.set)}`,
      faint: (channel) => units[channel].active === 0,
      largest: 120,
      label: `The best patch of each channel of ${sight.layer.name}`,
    });
    tiles.choose(store.get().channel);
  }

  /** @param {NonNullable<typeof found>} sight @param {Unit} its */
  async function drawChosen(sight, its) {
    const place = isLayer() ? 0 : chosen();
    const hit = its.top[place];
    if (!hit) return;
    const bitmap = await app.work("kernels.picture", () => sight.set.bitmap(hit.picture));
    if (!bitmap || signal.aborted || found !== sight) return;
    const { title: name, label } = sight.set.about[hit.picture];
    whole.show({
      width: bitmap.width,
      height: bitmap.height,
      layers: [{ bitmap }],
      label: `${label ?? name}, with what the unit can see framed and what it does see dashed`,
    });
    const field = measured.key === keyOf() ? measured.fields.get(place) : undefined;
    const boxes = [fieldBox(sight.layer, hit)];
    whole.mark({
      boxes: field?.core ? [...boxes, { ...field.core, dashed: true }] : boxes,
    });
    one.caption(label ? `${label}, ${name}` : name);
    await drawFields(sight, field && { hit, field });
  }

  /**
   * What the unit depends on at the chosen place, and at all of them together, each with the unit in the middle.
   * @param {NonNullable<typeof found>} sight
   * @param {{ hit: Hit, field: Field } | undefined} at
   */
  async function drawFields(sight, at) {
    const together = fields();
    here.element.classList.toggle("absent", !at);
    mean.element.classList.toggle("absent", !at || isLayer());
    if (!at) return;
    const paint = (/** @type {{ hit: Hit, field: Field }[]} */ list) =>
      paintField(meanField(sight.layer, list, pictureSize()));
    const painted = await app.work("kernels.fields", () =>
      Promise.all([paint([at]), paint(together)]),
    );
    if (!painted || signal.aborted) return;
    for (const [index, pixels] of [pulled, falloff].entries()) {
      const [height, width] = painted[index].tile;
      pixels.show({ width, height, layers: [{ bitmap: painted[index].bitmap }] });
    }
    mean.caption(`Mean of ${together.length}`);
  }

  /**
   * The few greatest values of a large field would leave the rest dark.
   * @param {import("../convscope.js").Tensor} field
   */
  function paintField(field) {
    const percentile = field.data.length > 2000 ? 99.5 : 100;
    return app.scope.paint(field, { map: "sequential", percentile });
  }

  function keyOf() {
    return `${surveys.key} ${found?.layer.name} ${store.get().channel}`;
  }

  /** Measures what the unit depends on at each of its places, the chosen one first. */
  async function measure() {
    const sight = found;
    const its = unit();
    if (!sight?.done || !its) return;
    const key = keyOf();
    if (measured.key !== key) measured = { key, fields: new Map() };
    const { fields: into } = measured;
    const wanted = isLayer() ? [0] : [chosen(), ...its.top.keys()];
    await app.work("kernels.measure", async (until) => {
      for (const place of wanted) {
        const hit = its.top[place];
        if (!hit || into.has(place)) continue;
        const { channel } = its;
        const { y, x } = hit;
        const image = sight.set.tensor(hit.picture);
        const field = await app.net.receptiveField(image, sight.layer.name, {
          channel,
          y,
          x,
          signal: until,
        });
        into.set(place, field);
        if (until.aborted || signal.aborted || key !== keyOf()) return;
        if (into.size === 1) await drawChosen(sight, its);
      }
    });
    if (signal.aborted || key !== keyOf()) return;
    if (cutOf() === "core" && !isLayer()) await drawNine(sight, its);
    await drawChosen(sight, its);
    describe(sight, its);
  }

  /** @param {Hit} hit @param {PictureSet} set */
  function caption(hit, set) {
    const { title: name, label } = set.about[hit.picture];
    return `${label ? `${label}, ${name}` : name}: ${number(hit.value)} at row ${hit.y}, column ${hit.x}`;
  }

  /** @param {number | null} plane a place, or a channel */
  function tell(plane) {
    if (plane === null || !found) {
      readout.show(null);
      return;
    }
    if (isLayer()) {
      const its = found.survey.units[plane];
      if (its) readout.show(`channel ${plane}: ${caption(its.top[0], found.set)}`);
      return;
    }
    const hit = unit()?.top[plane];
    if (hit) readout.show(caption(hit, found.set));
  }

  /** @param {number} plane */
  function pick(plane) {
    store.set(isLayer() ? { channel: plane, "kernels.hit": 0 } : { "kernels.hit": plane }, {
      replace: true,
    });
  }

  /** @param {NonNullable<typeof found>} sight @param {Unit} its */
  function describe(sight, its) {
    const { survey, set, layer: at } = sight;
    const [height, width] = at.receptiveField.size;
    const size = `${height} × ${width}`;
    const [rows, columns] = pictureSize();
    const sees =
      height >= rows && width >= columns ? "the whole picture" : `the framed ${size} pixels`;
    const several = new Set(its.top.map((hit) => hit.picture)).size < its.top.length;
    if (isLayer()) all.caption(`The best patch of each of ${survey.units.length} channels`);
    else all.caption(...shares(its, set));
    const rectifier = rectifierOf(app.net.layers, at);
    const dead = its.active === 0;
    const pale =
      !dead && its.top.some(({ value }) => value <= 0) ? " Pale ones are not above 0." : "";
    const seen = `${sight.done ? "" : "so far "}${survey.pictures === set.count ? set.words : `${survey.pictures} of ${set.words}`}`;
    const what = dead
      ? `This channel is never above 0 on ${seen}: it is dead on this set. Shown is where it comes closest.`
      : isLayer()
        ? `For each channel the place in ${seen} where it is highest. A unit can see ${sees}.`
        : `The ${its.top.length} places in ${seen} where this channel is highest${several ? "" : ", one a picture"}. It can see ${sees} and depends mostly on the dashed part.${pale}`;
    words.say(
      [what, rectifier ? ` Ranked by ${at.name}, before ${rectifier.name} cuts values off.` : ""],
      [doubt(its, set)],
    );
    facts.replaceChildren(
      ...Object.entries({
        highest: number(its.max),
        mean: number(its.mean),
        "positions above 0": percent(its.positive),
        "pictures above 0": percent(its.active),
        "can see": `${size} px`,
        "does see, typically": coreWords(at),
      }).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
    );
  }

  /** @param {Layer} at */
  function coreWords(at) {
    const core = commonCore(at, fields());
    return core ? `${core.height} × ${core.width} px` : "…";
  }

  /**
   * Which classes, or pictures, the places are in.
   * @param {Unit} its
   * @param {PictureSet} set
   */
  function shares(its, set) {
    /** @type {Map<string, number>} */
    const counts = new Map();
    for (const { picture } of its.top) {
      const { label, title: name } = set.about[picture];
      counts.set(label ?? name, (counts.get(label ?? name) ?? 0) + 1);
    }
    const sorted = [...counts].sort((a, b) => b[1] - a[1]);
    if (sorted[0]?.[1] === 1) return [`${its.top.length} places, the highest first`];
    const list = sorted.slice(0, 3).map(([name, count]) => `${count} × ${name}`);
    return [list.join(", ") + (sorted.length > 3 ? " …" : "")];
  }

  /** @param {Unit} its @param {PictureSet} set */
  function doubt(its, set) {
    if (set.count < 100)
      return `With ${set.count} pictures to choose from, the best ones show what these pictures offer: add more before you name what the unit is for.`;
    if (isLayer()) return "One patch is one example: choose a channel and look at all nine.";
    const where = app.layer.shape[1] * app.layer.shape[2] > 1 ? "of all positions" : "of them";
    return `Nine extremes are not the whole story: it is above 0 at ${percent(its.positive)} ${where}. A name for the unit should hold there too.`;
  }

  /** Looks at the chosen picture, with the map open at the unit. */
  async function open() {
    const hit = unit()?.top[isLayer() ? 0 : chosen()];
    if (!found || !hit) return;
    const { set, layer: at } = found;
    const { id, title: name, label } = set.about[hit.picture];
    const { channel } = store.get();
    if (id !== null) store.set({ image: id, target: null });
    else {
      const image = await app.net.toPixels(set.tensor(hit.picture));
      await app.useImage(image, { id: "own0", title: label ? `${label}, ${name}` : name });
    }
    app.goTo("maps", {
      layer: at.name,
      channel,
      "maps.open": true,
      "maps.y": hit.y,
      "maps.x": hit.x,
    });
  }

  async function addFiles() {
    const files = [...(input.files ?? [])];
    input.value = "";
    if (files.length === 0) return;
    const good = await app.work("kernels.files", async () => {
      for (const file of files) await app.net.preprocess(file);
      return true;
    });
    if (!good || signal.aborted) return;
    surveys.add(files);
    await load();
  }

  return {
    update(next, changed) {
      cut.set(cutOf());
      everyone.set(isLayer());
      const at = layer();
      const other = found?.layer !== at || changed.has("net") || changed.has("weights");
      if (other) {
        measured = { key: "", fields: new Map() };
        if (changed.has("net") || changed.has("weights")) found = null;
        void load();
        return;
      }
      if (
        !["channel", "kernels.cut", "kernels.all", "kernels.hit"].some((key) => changed.has(key))
      ) {
        if (changed.has("image")) void load();
        return;
      }
      if (changed.has("channel") && !changed.has("kernels.hit") && next["kernels.hit"] !== 0)
        store.set({ "kernels.hit": 0 }, { replace: true });
      void show().then(measure);
    },
    destroy() {
      life.abort();
      for (const job of ["survey", "measure"]) app.stop(`kernels.${job}`);
    },
  };
}
