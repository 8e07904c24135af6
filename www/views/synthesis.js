/**
 * Synthesis: a picture that a class, a channel or a layer wants to see, grown by gradient ascent beside the plain rule of
 * the lecture. It can be paused, scrubbed, saved, and replayed from its address or its JSON.
 * @module
 */

import { slider } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";
import { number } from "../widgets/format.js";
import { createPixels } from "../widgets/pixels.js";
import { createRun } from "./growing-run.js";
import { createControls } from "./synthesis-controls.js";
import { createCurve } from "./synthesis-curve.js";
import { createFiles } from "./synthesis-files.js";
import { createLane, verdict } from "./synthesis-lane.js";
import { createMany } from "./synthesis-many.js";
import { createQuestion } from "./synthesis-question.js";
import { tidy } from "./synthesis-settings.js";
import { createSayings } from "./synthesis-words.js";
import { figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("./synthesis-settings.js").Preset} Preset
 * @typedef {import("../convscope.js").SynthesisOptions} SynthesisOptions
 * @typedef {import("./synthesis-question.js").Sight} Sight
 * @typedef {import("./synthesis-question.js").Wanted} Wanted
 */

/** Parameters that change nothing in a picture. */
const PASSING = ["synthesis.run", "synthesis.stretch"];

/** Pictures of several that take a large network long get at most this many steps each. */
const MANY_STEPS = 96;

/**
 * @param {HTMLElement} root
 * @param {Store} store
 * @param {Session} app
 * @returns {Part}
 */
export function create(root, store, app) {
  const life = new AbortController();
  const { signal } = life;
  const question = createQuestion({ app, store });
  const sayings = createSayings();
  /** @param {import("./synthesis-lane.js").Asked<SynthesisOptions>} asked */
  const make = (asked) => app.net.synthesize(asked);
  const main = createLane({
    app,
    label: "The picture as it grows",
    make,
    onFrame: progress,
    signal,
  });
  const plain = createLane({ app, label: "By the plain rule", make, onFrame: progress, signal });
  const kept = createPixels({ label: "The picture", signal });
  const beside = figure(kept.element, "The picture");
  const curve = createCurve({ signal });
  const many = createMany({
    app,
    onChannel: (channel) =>
      store.set({
        channel,
        "synthesis.sight": "one",
        "synthesis.of": "channel",
        "synthesis.run": true,
      }),
    signal,
  });
  const scrub = slider({
    label: "Step",
    min: 0,
    max: 1,
    step: 1,
    value: 0,
    onInput: (step) => seek(step),
    signal,
  });
  const status = h("p", { class: "grown", role: "status" });
  const lanes = h("div", { class: "lanes" }, main.element, plain.element, beside.element);
  const way = h("div", { class: "way" }, curve.element, scrub.element);
  root.append(sayings.heading, lanes, many.element, way, status, sayings.words);

  const files = createFiles({ question, store, lane: main, sheet: many.sheet });
  const controls = createControls({
    root: app.controls,
    question,
    store,
    doing: {
      startOrPause: () => run.startOrPause(),
      halt: () => run.halt(),
      png: () => void files.png(),
      film: () => void files.film(),
      animation: () => void files.animation(),
      json: () => {
        if (options) files.json(options);
      },
      replay: (file) => void replay(file),
    },
    signal,
  });

  /** @type {Preset | null} */
  let chosenPreset = null;
  /** What runs or ran, as it would be replayed. @type {Wanted | null} */
  let options = null;
  /** Options that a JSON brought. @type {{ options: Wanted, asked: string } | null} */
  let brought = null;
  /** Steps of all pictures of many. */
  let total = 1;
  let said = "";

  /** What a run depends on. */
  function asked() {
    const now = store.get();
    const own = Object.entries(now).filter(
      ([key]) => key.startsWith("synthesis.") && !PASSING.includes(key),
    );
    return JSON.stringify([now.model, app.target, now.layer, now.channel, app.picture.id, ...own]);
  }

  /** @type {ReturnType<typeof createRun<Wanted>>} */
  const run = createRun({
    app,
    store,
    key: "synthesis",
    asked,
    start: () => void start(),
    onChange: controls.buttons,
    signal,
  });

  async function start() {
    said = "";
    const which = question.sight();
    if (brought?.asked !== asked()) brought = null;
    arrange();
    say();
    const done = await run.work(async (rescued, until) => {
      options = rescued ?? brought?.options ?? null;
      if (!options) {
        const { wanted, preset } = await question.wanted(until);
        options = wanted;
        chosenPreset = preset;
      }
      if (which === "one") await growPair(options, rescued !== null, until);
      else await growMany(which, options, until);
      return true;
    });
    if (!done) return;
    progress();
    say();
    app.announce(`Done: ${question.subject()}. ${said}`);
  }

  /**
   * @param {Wanted} wanted
   * @param {boolean} goesOn from where the lanes' last states are
   * @param {AbortSignal} until
   */
  async function growPair(wanted, goesOn, until) {
    const growing = { turn: run.take, goesOn, signal: until };
    if (!question.compares()) plain.clear();
    const jobs = [main.grow(wanted, growing)];
    if (question.compares()) {
      const base = await question.presetOf("plain");
      const bare = {
        ...tidy({ ...base, blurEvery: undefined }),
        objective: wanted.objective,
        init: wanted.init,
        steps: wanted.steps,
        seed: wanted.seed,
        every: wanted.every,
      };
      jobs.push(plain.grow(bare, growing));
    }
    const [made, bare] = await run.rescue(wanted, Promise.all(jobs));
    const texts = await Promise.all(
      [made, bare].map((each) => (each ? verdict(app, each.image, until) : "")),
    );
    said = texts[0];
    const settings = question.settingsName(chosenPreset);
    main.caption(texts[0] || settings);
    main.element.title = settings;
    if (bare) plain.caption(`Plain rule: ${texts[1].split(" · ")[0]}`);
  }

  /**
   * @param {Sight} which
   * @param {Wanted} wanted
   * @param {AbortSignal} until
   */
  async function growMany(which, wanted, until) {
    const { objective: raised, init, steps, seed: drawn, every: _, ...settings } = wanted;
    const from = /** @type {import("../convscope.js").Objective} */ (raised);
    const making = {
      settings,
      seed: drawn,
      steps: question.isSmall() ? steps : Math.min(steps, MANY_STEPS),
      turn: run.take,
      onStep: (/** @type {number} */ done, /** @type {number} */ all) => {
        total = all;
        scrub.set(done, { max: Math.max(1, done) });
        status.textContent = `Step ${done} of ${total}`;
      },
      signal: until,
    };
    if (which === "grid") {
      const grid = await many.grid(making);
      const others = grid.count < grid.of ? " Arrow keys lead to the others." : "";
      status.textContent = `Channels ${grid.first} to ${grid.first + grid.count - 1} of ${grid.of}. Click one to grow it large.${others}`;
    } else if (which === "layers") {
      await many.layers(making);
      status.textContent = "Above each: how far the layer’s values still are from the picture’s.";
    } else if (which === "switches") {
      const made = await many.switches({ ...making, objective: from, init });
      status.textContent = `${made} ways, ${making.steps} steps each; the ${question.value()} at the end stands in brackets.`;
    } else if (which === "diverse") {
      await many.diverse({ ...making, objective: from, layer: question.compared() });
      status.textContent = `Two batches; the lower one holds the Gram matrices of ${question.compared()} apart.`;
    } else {
      const { to, name } = question.other();
      const names = /** @type {[string, string]} */ ([question.subject(), name]);
      await many.between({ ...making, from, to, names });
      status.textContent = `${making.steps} steps, from ${names[0]} to ${name}.`;
    }
  }

  /** What the sight is made of. */
  function arrange() {
    const single = question.sight() === "one";
    lanes.hidden = !single;
    curve.element.hidden = !single;
    many.element.hidden = single;
    plain.element.hidden = !question.compares();
    beside.element.hidden = !question.keepsPicture();
    root.classList.toggle("alone", plain.element.hidden && beside.element.hidden);
    if (single) {
      main.caption("With what makes it legible");
      plain.caption("By the plain rule");
    }
  }

  const say = () => sayings.say(question, said);

  async function showKept() {
    const { seen } = app;
    const bitmap = await createImageBitmap(seen);
    if (seen !== app.seen || signal.aborted) return;
    kept.show({ width: bitmap.width, height: bitmap.height, layers: [{ bitmap }] });
    beside.caption(app.picture.title);
  }

  function progress() {
    if (question.sight() !== "one") return;
    const at = main.last?.step ?? 0;
    scrub.set(at, { max: Math.max(1, at) });
    show(at);
  }

  /** @param {number} at */
  function show(at) {
    const total = Math.max(1, options?.steps ?? 1, main.history.length - 1);
    curve.show(
      [
        { values: main.history, dashed: false, name: "the picture" },
        { values: plain.history, dashed: true, name: "the plain rule" },
      ],
      total,
      at,
    );
    const frame = main.frames.findLast((each) => each.step <= at);
    const factor = main.factor;
    const value = frame ? `Step ${frame.step}: ${question.value()} ${number(frame.value, 4)}` : "";
    const contrast = frame && factor > 1.05 ? ` · contrast × ${number(factor, 2)}` : "";
    const since = main.resumed > 0 ? ` · went on from step ${main.resumed} on another device` : "";
    status.textContent = value + contrast + (frame ? since : "");
  }

  /** @param {number} step */
  function seek(step) {
    if (question.sight() !== "one") {
      many.seek(step);
      status.textContent = `Step ${step} of ${total}`;
      return;
    }
    main.seek(step);
    plain.seek(step);
    show(step);
  }

  /** @param {HTMLInputElement} file */
  async function replay(file) {
    const [chosen] = file.files ?? [];
    file.value = "";
    if (!chosen) return;
    const read = await app.work("synthesis.replay", () => files.read(chosen));
    if (!read) return;
    store.set({ ...read.state, "synthesis.run": true });
    brought = { options: read.wanted, asked: asked() };
    await start();
  }

  /** Brings the controls in line with the state. @param {import("../app/store.js").State} next */
  async function mirror(next) {
    void controls.mirror(next).then(() => {
      if (!signal.aborted) say();
    });
    main.stretch(next["synthesis.stretch"] === true);
    plain.stretch(next["synthesis.stretch"] === true);
    const base = await app.work("synthesis.preset", () =>
      question.presetOf(String(next["synthesis.preset"])),
    );
    if (!base || signal.aborted) return;
    chosenPreset = base;
    controls.offer(next, base);
  }

  return {
    update(next, changed) {
      void mirror(next);
      if (changed.has("input") || changed.has("net")) void showKept();
      const own = [...changed].some(
        (key) => key.startsWith("synthesis.") && key !== "synthesis.stretch",
      );
      const turned =
        changed.has("channel") && question.sight() === "grid" && !many.choose(next.channel);
      const again = own || turned || question.isAnother(changed);
      const wanted = next["synthesis.run"] === true || (question.isSmall() && !run.ends);
      if (again && wanted) void start();
      else {
        if (again && !run.running) {
          main.clear();
          plain.clear();
        }
        arrange();
        say();
        run.told();
        if (!run.running && !main.last && question.sight() === "one")
          status.textContent = "Press Start, or space, and watch it grow.";
      }
    },
    destroy() {
      run.destroy();
      life.abort();
    },
  };
}
