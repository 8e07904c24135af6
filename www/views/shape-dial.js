/**
 * From shape to texture: one of the ways between two pictures, with the network's answer along it.
 * @module
 */

import { button, group, segmented, slider } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";
import { percent } from "../widgets/format.js";
import { createPixels } from "../widgets/pixels.js";
import { createStart, savingFold } from "./growing-controls.js";
import { createRecording, fileName, readChosen, saveJson } from "./growing-record.js";
import { createRun } from "./growing-run.js";
import { createPlot } from "./saliency-plot.js";
import { createAnswer } from "./shape-answer.js";
import { chooseTexture } from "./shape-choose.js";
import { gridsOf, SMALL, together } from "./shape-material.js";
import { saveSheet } from "./shape-save.js";
import { goStyled, isStyled, WAYS } from "./shape-ways.js";
import { createHeading, createWords, figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("../convscope.js").StimulusOptions} StimulusOptions
 * @typedef {import("./shape-material.js").Material} Material
 * @typedef {import("./shape-material.js").Answer} Answer
 * @typedef {{ name: string, pixels: ImageData, answer: Answer }} Place
 * @typedef {import("../convscope.js").StyleSettings & { steps: number }} Settings of the style engine
 */

/** Pictures between the photograph and the filled silhouette, with both. */
const PLACES = 13;

/** What a way depends on, beside the network and the picture. */
const ASKED = ["target", "shape.from", "shape.seed", "shape.way"];

/**
 * @param {HTMLElement} root
 * @param {Store} store
 * @param {Session} app
 * @param {Material} material
 * @returns {Part}
 */
export function create(root, store, app, material) {
  const life = new AbortController();
  const { signal } = life;
  /** @type {Place[]} */
  let places = [];
  /** @type {[string, string]} */
  let names = ["", ""];
  /** Those of the last run. @type {Settings | null} */
  let settings = null;
  /** Those that a JSON brought, for one run. @type {Settings | null} */
  let brought = null;

  const heading = createHeading();
  const words = createWords();
  const picture = createPixels({ label: "The picture on its way", signal });
  const framed = figure(picture.element);
  const answer = createAnswer();
  const plot = createPlot({
    label: "The answer along the way",
    onMove: (step) => move(step),
    signal,
  });
  const way = slider({
    label: "From shape to texture",
    min: 0,
    max: PLACES - 1,
    step: 1,
    value: 0,
    text: (step) => places[step]?.name ?? "",
    onInput: (step) => move(step),
    signal,
  });
  root.append(
    heading.element,
    h(
      "div",
      { class: "dial" },
      framed.element,
      h("div", { class: "along" }, plot.element, plot.key, way.element, answer.element),
    ),
    words.element,
  );
  const choose = chooseTexture({ app, store, material, signal });
  const kind = segmented({
    label: "Way",
    options: Object.entries(WAYS).map(([value, { label, title }]) => ({ value, label, title })),
    value: wayOf(),
    onChange: (value) => store.set({ "shape.way": value, "shape.at": 0 }),
    signal,
  });
  /** @type {ReturnType<typeof createRun<Settings>>} */
  const run = createRun({
    app,
    store,
    key: "shape",
    asked: () => JSON.stringify(Object.entries(told())),
    start: () => void draw(),
    onChange: (running, rests) => start.show(running, rests),
    signal,
  });
  const start = createStart({
    doing: {
      startOrPause: () => {
        if (isStyled(wayOf())) run.startOrPause();
      },
      halt: () => run.halt(),
    },
    signal,
  });
  const starts = h("div", { class: "buttons" }, ...start.elements);
  const seed = button({
    label: "Another seed",
    onClick: () => store.set({ "shape.seed": Number(store.get()["shape.seed"]) + 1 }),
    signal,
  });
  const recording = createRecording({
    app,
    key: "shape",
    lane: {
      get frames() {
        return places;
      },
      get last() {
        return places[at()] ?? null;
      },
    },
    name: fileOf,
  });
  const saves = savingFold({
    doing: {
      png: () => void recording.png(),
      film: () => void recording.film(),
      animation: () => void recording.animation(),
      json: () =>
        saveJson(app, { ...told(), options: settings ?? {}, address: location.href }, fileOf()),
      replay: (file) => void replay(file),
    },
    signal,
  });
  saves.lastElementChild?.append(
    button({
      label: "All pictures",
      title: "A sheet with their answers, as PNG",
      onClick: () => void saveSheet(places, `way-${choose.name()}`),
      signal,
    }),
  );
  app.controls.append(
    group(
      "Two pictures",
      choose.element,
      kind.element,
      starts,
      h("div", { class: "buttons" }, seed),
    ),
    saves,
  );

  function fileOf() {
    return fileName("convscope", app.net.name, "way", wayOf(), choose.name());
  }

  /** Which way from where to where: what a run depends on, and what replays it. */
  function told() {
    const now = store.get();
    const state = Object.entries(now).filter(([key]) => ASKED.includes(key));
    return {
      convscope: "shape",
      model: now.model,
      image: app.picture.id,
      state: { ...Object.fromEntries(state), "shape.from": material.other().id },
    };
  }

  /** @param {HTMLInputElement} input */
  async function replay(input) {
    const needs = (/** @type {any} */ run) => [run.image, run.state["shape.from"]];
    const read = await readChosen({ app, store, kind: "shape", input, needs });
    if (!read) return;
    brought = read.options;
    const state = Object.entries(read.state).filter(([key]) => ASKED.includes(key));
    const before = told();
    store.set({
      ...Object.fromEntries(state),
      image: read.image,
      "shape.at": 0,
      "shape.run": true,
    });
    // What was the same already has not begun by itself.
    if (JSON.stringify(told()) === JSON.stringify(before)) void draw();
  }

  const at = () => Math.min(Math.max(0, Number(store.get()["shape.at"])), places.length - 1);

  function wayOf() {
    const value = String(store.get()["shape.way"]);
    return Object.hasOwn(WAYS, value) ? value : "fill";
  }

  const isSmall = () => Math.max(...app.net.input.shape.slice(2)) <= SMALL;

  /** @param {number} step */
  function move(step) {
    store.set({ "shape.at": step }, { replace: true });
    show();
  }

  async function show() {
    const shown = at();
    const place = places[shown];
    if (!place) return;
    way.set(shown, { max: places.length - 1 });
    const { width, height } = place.pixels;
    answer.show(place.answer, names);
    framed.caption(place.name);
    const { from, to } = WAYS[wayOf()];
    plot.show(
      {
        lines: [
          { name: names[0], values: places.map((each) => each.answer.shape), style: "main" },
          { name: names[1], values: places.map((each) => each.answer.texture), style: "second" },
        ],
        steps: places.length - 1,
        from,
        to,
        low: 0,
        high: 1,
        title: "Probability along the way",
      },
      shown,
    );
    const bitmap = await createImageBitmap(place.pixels);
    if (place !== places[at()]) return;
    picture.show({ width, height, layers: [{ bitmap }] });
  }

  /** Brings in the other picture's texture by the style engine; the slider follows until it is moved. */
  async function stylise() {
    app.stop("shape.way");
    places = [];
    const done = await run.work(async (rescued, until) => {
      settings = brought ?? rescued ?? (await app.net.stylePreset());
      brought = null;
      const sides = await material.sides(until);
      names = [sides.shape.subject.name, sides.texture.subject.name];
      say();
      const add = async (/** @type {string} */ name, /** @type {Tensor} */ image) => {
        const [said] = await material.answers(image, sides, until);
        const pixels = await app.net.toPixels(image);
        until.throwIfAborted();
        const follows = Number(store.get()["shape.at"]) >= places.length - 1;
        if (places.at(-1)?.name === name) places.pop();
        places.push({ name, pixels, answer: said });
        if (follows) move(places.length - 1);
        else void show();
        return run.take();
      };
      const going = goStyled(app, wayOf(), {
        content: sides.shape.input,
        style: sides.texture.input,
        settings,
        seed: Number(store.get()["shape.seed"]),
        add,
        turn: run.take,
        signal: until,
      });
      await run.rescue(settings, going);
      return true;
    });
    if (done && !signal.aborted) ended();
  }

  function ended() {
    const last = places[places.length - 1];
    app.announce(
      `At the end: ${names[0]} ${percent(last.answer.shape)}, ${names[1]} ${percent(last.answer.texture)}`,
    );
  }

  /** What stands there before a run of the style engine: the picture. */
  async function wait() {
    if (run.running) run.destroy();
    const got = await app.work("shape.way", async (until) => {
      const sides = await material.sides(until);
      names = [sides.shape.subject.name, sides.texture.subject.name];
      say();
      const [said] = await material.answers(sides.shape.input, sides, until);
      return [{ name: "step 0", pixels: app.seen, answer: said }];
    });
    if (!got || signal.aborted) return;
    places = got;
    await show();
  }

  async function draw() {
    const styled = isStyled(wayOf());
    starts.hidden = !styled;
    seed.hidden = wayOf() === "fill";
    if (styled) {
      await (store.get()["shape.run"] === true || isSmall() ? stylise() : wait());
      return;
    }
    if (run.running) run.destroy();
    const got = await app.work("shape.way", async (until) => {
      const sides = await material.sides(until);
      names = [sides.shape.subject.name, sides.texture.subject.name];
      say();
      const list = await options(sides, until);
      const tensors = [];
      for (const { options: asked } of list) {
        const seed = Number(store.get()["shape.seed"]);
        tensors.push(await app.net.stimulus(sides.shape.input, { ...asked, seed, signal: until }));
      }
      const answers = await material.answers(together(tensors), sides, until);
      /** @type {ImageData[]} */
      const pixels = [];
      for (const tensor of tensors) pixels.push(await app.net.toPixels(tensor));
      return list.map(({ name }, at) => ({ name, pixels: pixels[at], answer: answers[at] }));
    });
    if (!got || signal.aborted) return;
    places = got;
    await show();
    ended();
  }

  /**
   * @param {{ shape: import("./shape-material.js").Side, texture: import("./shape-material.js").Side }} sides
   * @param {AbortSignal} until
   * @returns {Promise<{ name: string, options: StimulusOptions }[]>}
   */
  async function options({ shape, texture }, until) {
    if (wayOf() === "shuffle")
      return gridsOf(Math.min(...app.net.input.shape.slice(2)), true).map((grid) => ({
        name: grid === 1 ? "whole" : `${grid} × ${grid} squares`,
        options: grid === 1 ? { kind: "original" } : { kind: "shuffle", grid },
      }));
    const mask = await material.mask(shape.picture, shape.input, until);
    const piece = await material.texture(texture.input, until);
    const { paper } = material.tones();
    return Array.from({ length: PLACES }, (_, at) => {
      const strength = at / (PLACES - 1);
      return {
        name: `${Math.round(100 * strength)} % filled`,
        options: { kind: "fill", ...piece, mask, paper, strength },
      };
    });
  }

  function say() {
    const { what, doubt } = WAYS[wayOf()];
    heading.say("Where does ", { name: names[0] }, " end and ", { name: names[1] }, " begin?");
    words.say([what], [doubt]);
  }

  return {
    update(state, changed) {
      choose.update();
      kind.set(wayOf());
      const keys = ["net", "input", "weights", "target", "shape.from", "shape.seed", "shape.way"];
      const starting = changed.has("shape.run") && state["shape.run"] === true && !run.running;
      if (starting || keys.some((key) => changed.has(key))) void draw();
      else if (changed.has("shape.at")) void show();
    },
    destroy() {
      run.destroy();
      app.stop("shape.way");
      life.abort();
    },
  };
}
