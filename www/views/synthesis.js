/**
 * Synthesis: a picture that a class, a channel or a layer wants to see, grown by gradient ascent beside the plain rule of
 * the lecture. It can be paused, scrubbed, saved, and replayed from its address or its JSON.
 * @module
 */

import { button, fold, group, segmented, select, slider, toggle } from "../widgets/controls.js";
import { h, m, on } from "../widgets/dom.js";
import { number } from "../widgets/format.js";
import { createCurve } from "./synthesis-curve.js";
import { createLane, stretched, verdict } from "./synthesis-lane.js";
import { createMany } from "./synthesis-many.js";
import { canFilm, film, png, save } from "./synthesis-save.js";
import { PRESETS, SWITCHES, settingsOf, switchedOff, tidy } from "./synthesis-settings.js";
import { createHeading, createWords } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../app/store.js").State} State
 * @typedef {import("../convscope.js").SynthesisOptions} SynthesisOptions
 * @typedef {import("../convscope.js").SynthesisPreset} SynthesisPreset
 * @typedef {import("./synthesis-settings.js").Preset} Preset
 * @typedef {"class" | "channel" | "dream"} Of
 * @typedef {"one" | "grid" | "layers" | "between"} Sight
 */

/** Networks up to this many pixels a side are so fast that a run starts by itself. */
const SMALL = 64;

/** Octaves of a dream, its steps, and how far each goes. */
const DREAM = { octaves: 3, steps: 60, rate: 0.05 };

/** The lecture's rule. */
function rule() {
  const S = m("msub", {}, m("mi", {}, "S"), m("mi", {}, "c"));
  const X = () => m("mi", {}, "X");
  const norm = m(
    "msup",
    {},
    m("mrow", {}, m("mo", {}, "‖"), X(), m("mo", {}, "‖")),
    m("mn", {}, "2"),
  );
  return m(
    "math",
    {},
    m("msub", {}, m("mi", {}, "argmax"), X()),
    S,
    m("mo", { stretchy: "false" }, "("),
    X(),
    m("mo", { stretchy: "false" }, ")"),
    m("mo", {}, "−"),
    m("mi", {}, "λ"),
    norm,
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
  const main = createLane({ app, label: "The picture as it grows", onFrame: progress, signal });
  const plain = createLane({ app, label: "By the plain rule", onFrame: progress, signal });
  const curve = createCurve({ signal });
  const many = createMany({
    app,
    onChannel: (index) =>
      store.set({
        channel: gridStart + index,
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
  const lanes = h("div", { class: "lanes" }, main.element, plain.element);
  const way = h("div", { class: "way" }, curve.element, scrub.element);
  root.append(heading.element, lanes, many.element, way, status, words.element);

  const state = store.get();
  const of = segmented({
    label: "What is raised",
    options: [
      { value: "class", label: "Class", title: "The class in question" },
      { value: "channel", label: "Channel", title: "The channel in question" },
      { value: "dream", label: "Layer", title: "DeepDream: whatever the layer already sees" },
    ],
    value: /** @type {Of} */ (state["synthesis.of"]),
    onChange: (value) => store.set({ "synthesis.of": value, "synthesis.sight": "one" }),
    signal,
  });
  const go = button({ label: "Start", title: "Space", onClick: startOrPause, signal });
  const stop = button({ label: "Stop", onClick: halt, signal });
  const seed = button({
    label: "Another seed",
    onClick: () =>
      store.set({
        "synthesis.seed": Number(store.get()["synthesis.seed"]) + 1,
        "synthesis.run": true,
      }),
    signal,
  });
  const beside = toggle({
    label: "Beside the plain rule",
    value: state["synthesis.compare"] === true,
    onChange: (value) => store.set({ "synthesis.compare": value }),
    signal,
  });
  const stretch = toggle({
    label: "Stretch contrast",
    value: state["synthesis.stretch"] === true,
    onChange: (value) => store.set({ "synthesis.stretch": value }, { replace: true }),
    signal,
  });
  const preset = select({
    label: "Settings",
    options: PRESETS,
    value: String(state["synthesis.preset"]),
    onChange: (value) => store.set({ "synthesis.preset": value }),
    signal,
  });
  const from = select({
    label: "Starts from",
    options: [
      { value: "", label: "Noise" },
      { value: "grey", label: "Even grey" },
      { value: "picture", label: "The picture" },
    ],
    value: String(state["synthesis.from"]),
    onChange: (value) => store.set({ "synthesis.from": value }),
    signal,
  });
  const steps = slider({
    label: "Steps",
    min: 16,
    max: 512,
    step: 16,
    value: 128,
    onInput: (value) => store.set({ "synthesis.steps": value }, { replace: true }),
    signal,
  });
  const switches = SWITCHES.map((each) => {
    const control = toggle({
      label: each.label,
      value: true,
      onChange: (value) => {
        const off = switchedOff(store.get());
        if (value) off.delete(each.id);
        else off.add(each.id);
        store.set({ "synthesis.off": [...off].join(",") });
      },
      signal,
    });
    control.element.title = each.title;
    return { ...each, control };
  });
  const octaves = slider({
    label: "Octaves, coarse to fine",
    min: 1,
    max: 4,
    step: 1,
    value: Number(state["synthesis.octaves"]),
    onInput: (value) => store.set({ "synthesis.octaves": value }, { replace: true }),
    signal,
  });
  const blur = slider({
    label: "Blur every … steps (pixels only)",
    min: 0,
    max: 16,
    step: 1,
    value: Number(state["synthesis.blur"]),
    text: (value) => (value === 0 ? "never" : String(value)),
    onInput: (value) => store.set({ "synthesis.blur": value }, { replace: true }),
    signal,
  });
  /** @param {string} label @param {Sight} sight */
  const sightButton = (label, sight) =>
    button({
      label,
      onClick: () => store.set({ "synthesis.sight": sight, "synthesis.run": true }),
      signal,
    });
  const file = h("input", { type: "file", accept: "application/json", hidden: true });
  on(file, "change", () => void replay(), signal);
  const movie = button({ label: "Film", onClick: () => void saveFilm(), signal });
  movie.hidden = !canFilm();
  app.controls.replaceChildren(
    group("Picture", of.element, h("div", { class: "buttons" }, go, stop, seed), beside.element),
    fold(
      "What makes it legible",
      preset.element,
      ...switches.map((each) => each.control.element),
      octaves.element,
      blur.element,
    ),
    fold("Start and steps", from.element, steps.element, stretch.element),
    fold(
      "Many at once",
      sightButton("All channels of this layer", "grid"),
      sightButton("The picture from every layer", "layers"),
      sightButton("From this unit to another", "between"),
      sightButton("One picture", "one"),
    ),
    fold(
      "Save",
      h(
        "div",
        { class: "buttons" },
        button({ label: "PNG", onClick: () => void savePng(), signal }),
        movie,
        button({ label: "JSON", onClick: saveJson, signal }),
        button({ label: "Replay a JSON", onClick: () => file.click(), signal }),
      ),
      file,
    ),
  );

  /** @type {Preset | null} */
  let chosenPreset = null;
  /** What runs or ran, as it would be replayed. @type {(SynthesisOptions & { seed: number, steps: number }) | null} */
  let options = null;
  /** Options that a JSON brought, for one run. @type {(SynthesisOptions & { seed: number, steps: number }) | null} */
  let brought = null;
  let running = false;
  /** Settles when a pause ends. @type {{ promise: Promise<void>, end: () => void } | null} */
  let pause = null;
  let stopping = false;
  let gridStart = 0;
  let said = "";

  const sight = () => /** @type {Sight} */ (store.get()["synthesis.sight"]);
  const kind = () => /** @type {Of} */ (store.get()["synthesis.of"]);
  const isSmall = () => Math.max(...app.net.input.shape.slice(2)) <= SMALL;

  /** @returns {import("./synthesis-many.js").Term} */
  function objective() {
    const { channel } = store.get();
    if (kind() === "class") return { logit: app.target };
    if (kind() === "channel") return { layer: app.layer.name, channel };
    return { layer: app.layer.name };
  }

  function subject() {
    const { channel } = store.get();
    if (kind() === "class") return app.targetLabel;
    return kind() === "channel" ? `channel ${channel} of ${app.layer.name}` : app.layer.name;
  }

  /** @param {string} name @returns {Promise<Preset>} */
  const presetOf = (name) =>
    app.net.synthesisPreset(name === "" ? undefined : /** @type {SynthesisPreset} */ (name));

  /** The options of a run by what is chosen. */
  async function optionsNow() {
    const now = store.get();
    chosenPreset = await presetOf(String(now["synthesis.preset"]));
    const settings = settingsOf(chosenPreset, now);
    const dreams = kind() === "dream";
    if (dreams && Number(now["synthesis.octaves"]) <= 1) settings.octaves = DREAM.octaves;
    if (dreams) Object.assign(settings, { l2: 0, tv: 0 });
    if (dreams && now["synthesis.rate"] === null) settings.learningRate = DREAM.rate;
    const start = String(now["synthesis.from"]) || (dreams ? "picture" : "noise");
    const asked = Number(now["synthesis.steps"]);
    return {
      ...tidy(settings),
      objective: objective(),
      init: start === "picture" ? app.input : /** @type {"noise" | "grey"} */ (start),
      steps: asked > 0 ? asked : dreams ? DREAM.steps : chosenPreset.steps,
      seed: Number(now["synthesis.seed"]),
      every: isSmall() ? 2 : 1,
    };
  }

  /** Rests while paused; true when the run shall end. */
  async function turn() {
    if (pause) await pause.promise;
    return stopping;
  }

  async function start() {
    release();
    stopping = false;
    said = "";
    const which = sight();
    arrange();
    say();
    running = true;
    buttons();
    const done = await app.work("synthesis", async (until) => {
      options = brought ?? (await optionsNow());
      brought = null;
      if (which === "one") await growPair(options, until);
      else await growMany(which, options, until);
      return true;
    });
    if (signal.aborted || done === undefined) {
      if (!app.isWorking("synthesis")) {
        running = false;
        buttons();
      }
      return;
    }
    running = false;
    progress();
    buttons();
    say();
    app.announce(`Done: ${subject()}. ${said}`);
  }

  /**
   * @param {SynthesisOptions & { seed: number, steps: number }} wanted
   * @param {AbortSignal} until
   */
  async function growPair(wanted, until) {
    plain.clear();
    const jobs = [main.grow(wanted, { turn, signal: until })];
    if (compares()) {
      const base = await presetOf("plain");
      const bare = {
        ...tidy({ ...base, blurEvery: undefined }),
        objective: wanted.objective,
        init: wanted.init,
        steps: wanted.steps,
        seed: wanted.seed,
        every: wanted.every,
      };
      jobs.push(plain.grow(bare, { turn, signal: until }));
    }
    const [made, bare] = await Promise.all(jobs);
    const texts = await Promise.all(
      [made, bare].map((each) => (each ? verdict(app, each.image, until) : "")),
    );
    said = texts[0];
    main.caption(texts[0] || presetLabel());
    main.element.title = presetLabel();
    if (bare) plain.caption(`Plain rule: ${texts[1]}`);
  }

  /**
   * @param {Sight} which
   * @param {SynthesisOptions & { seed: number, steps: number }} wanted
   * @param {AbortSignal} until
   */
  async function growMany(which, wanted, until) {
    const {
      objective: raised,
      init: _,
      steps: count,
      seed: drawn,
      every: __,
      ...settings
    } = wanted;
    const making = {
      settings,
      seed: drawn,
      turn,
      onStep: (/** @type {number} */ done, /** @type {number} */ total) => {
        status.textContent = `Step ${done} of ${total}`;
      },
      signal: until,
    };
    if (which === "grid") {
      const grid = await many.grid(making);
      gridStart = grid.first;
      status.textContent = `Channels ${grid.first} to ${grid.first + grid.count - 1} of ${grid.of}, each stretched by itself. Click one to grow it large.`;
    } else if (which === "layers") {
      await many.layers(making);
      status.textContent = "How far the layer’s values are from the picture’s stands above each.";
    } else {
      const { to, name } = other();
      await many.between({
        ...making,
        from: /** @type {import("./synthesis-many.js").Term} */ (raised),
        to,
        names: [subject(), name],
        steps: Math.min(count, isSmall() ? count : 96),
      });
      status.textContent = `One batch: the weights go from ${subject()} to ${name}.`;
    }
  }

  /** The unit at the other end: the next class or channel, or the one in the address. */
  function other() {
    const chosen = store.get()["synthesis.other"];
    if (kind() === "channel") {
      const [channels] = app.layer.shape;
      const channel = typeof chosen === "number" ? chosen : (store.get().channel + 1) % channels;
      return { to: { layer: app.layer.name, channel }, name: `channel ${channel}` };
    }
    const rival = app.prediction.top.find((each) => each.index !== app.target);
    const logit = typeof chosen === "number" ? chosen : (rival?.index ?? 0);
    return { to: { logit }, name: app.label(logit) };
  }

  const compares = () => store.get()["synthesis.compare"] === true && kind() !== "dream";

  function presetLabel() {
    const name = String(store.get()["synthesis.preset"]) || chosenPreset?.preset || "";
    const label = PRESETS.find((each) => each.value === name)?.label ?? name;
    const off = switchedOff(store.get()).size;
    return off > 0 ? `${label}, ${off} switched off` : label;
  }

  /** What the sight is made of. */
  function arrange() {
    const single = sight() === "one";
    lanes.hidden = !single;
    way.hidden = !single;
    many.element.hidden = single;
    plain.element.hidden = !compares();
    root.classList.toggle("alone", !compares());
    if (single) {
      main.caption("With what makes it legible");
      plain.caption("By the plain rule");
    }
  }

  function progress() {
    if (sight() !== "one") return;
    const at = main.last?.step ?? 0;
    scrub.set(at, { max: Math.max(1, at) });
    show(at);
  }

  /** @param {number} at */
  function show(at) {
    const total = Math.max(1, options?.steps ?? 1, main.history.length - 1);
    const keep = options?.every ?? 1;
    // While it grows, values come every few steps; at the end there is one for each.
    const spread = (/** @type {readonly number[]} */ values) =>
      running ? values.flatMap((value) => Array.from({ length: keep }, () => value)) : values;
    curve.show(
      [
        { values: spread(main.history), dashed: false, name: "the picture" },
        { values: spread(plain.history), dashed: true, name: "the plain rule" },
      ],
      total,
      at,
    );
    const frame = main.frames.findLast((each) => each.step <= at);
    const factor = main.factor;
    status.textContent = frame
      ? `Step ${frame.step}: ${what()} ${number(frame.value, 4)}${factor > 1.05 ? ` · contrast × ${number(factor, 2)}` : ""}`
      : "";
  }

  const what = () =>
    kind() === "class" ? "logit" : kind() === "channel" ? "mean of the map" : "mean square";

  /** @param {number} step */
  function seek(step) {
    main.seek(step);
    plain.seek(step);
    show(step);
  }

  function say() {
    const name = subject();
    const which = sight();
    if (which === "grid")
      heading.say("What does each channel of ", { name: app.layer.name }, " want to see?");
    else if (which === "layers")
      heading.say("What do layers still know of ", { name: app.picture.title }, "?");
    else if (which === "between") heading.say("From ", { name }, " to ", { name: other().name });
    else if (kind() === "dream")
      heading.say("What does ", { name }, " see in ", { name: app.picture.title }, "?");
    else heading.say("What does ", { name }, " want to see?");
    if (which === "layers") {
      words.say(
        [
          "Each picture starts as noise and is changed until the layer answers as it does to the picture on the left.",
        ],
        [
          "What is lost on the way in cannot come back: late layers fix content, not place and colour.",
        ],
      );
      return;
    }
    words.say(
      kind() === "dream"
        ? [
            "The picture is changed so that whatever the layer sees in it grows: the mean square of its outputs, coarse to fine.",
          ]
        : [
            `From noise, each step moves the picture up the gradient of ${kind() === "class" ? "the logit" : "the map’s mean"}. The plain rule (dashed) is `,
            rule(),
            ".",
          ],
      said && kind() === "class"
        ? [
            `The network says ${said}. It shows what raises this number, not what a photograph looks like; the switches decide how much of it people can read.`,
          ]
        : [
            "It shows what raises this number, not what the unit means: several things can raise it, and a run finds one of them.",
          ],
    );
  }

  function buttons() {
    go.textContent = running ? (pause ? "Go on" : "Pause") : "Start";
    stop.disabled = !running;
  }

  function startOrPause() {
    if (!running) {
      if (store.get()["synthesis.run"] !== true) store.set({ "synthesis.run": true });
      else void start();
    } else if (pause) release();
    else {
      /** @type {() => void} */
      let end = () => {};
      const promise = /** @type {Promise<void>} */ (
        new Promise((resolve) => {
          end = resolve;
        })
      );
      pause = { promise, end };
    }
    buttons();
  }

  function release() {
    pause?.end();
    pause = null;
  }

  /** Ends the run with what there is. */
  function halt() {
    stopping = true;
    release();
    store.set({ "synthesis.run": false }, { replace: true });
    buttons();
  }

  const nameOfFile = () =>
    `convscope-${app.net.name}-${subject()}`.toLowerCase().replace(/[^a-z0-9]+/g, "-");

  function pictureNow() {
    const frame = main.last;
    if (!frame) return null;
    return store.get()["synthesis.stretch"] === true
      ? stretched(frame.pixels).pixels
      : frame.pixels;
  }

  async function savePng() {
    const pixels = pictureNow();
    if (pixels) save(await png(pixels), `${nameOfFile()}.png`);
  }

  async function saveFilm() {
    const frames = main.frames.map((frame) =>
      store.get()["synthesis.stretch"] === true ? stretched(frame.pixels).pixels : frame.pixels,
    );
    if (frames.length === 0) return;
    const made = await app.work("synthesis.film", (until) => film(frames, until));
    if (made) save(made.blob, `${nameOfFile()}.${made.extension}`);
  }

  function saveJson() {
    if (!options) return;
    const { init } = options;
    const told = {
      convscope: "synthesis",
      model: store.get().model,
      image: app.picture.id,
      options: { ...options, init: typeof init === "string" ? init : "picture" },
      address: location.href,
    };
    const blob = new Blob([JSON.stringify(told, null, 2)], { type: "application/json" });
    save(blob, `${nameOfFile()}.json`);
  }

  async function replay() {
    const [chosen] = file.files ?? [];
    file.value = "";
    if (!chosen) return;
    await app.work("synthesis.replay", async () => {
      const told = JSON.parse(await chosen.text());
      if (told?.convscope !== "synthesis" || typeof told.options !== "object")
        throw new Error(`${chosen.name} holds no run of this view; save one with JSON first.`);
      if (told.model !== store.get().model)
        throw new Error(`${chosen.name} was made with ${told.model}; choose that network first.`);
      const { init } = told.options;
      brought = { ...told.options, init: init === "picture" ? app.input : init };
    });
    if (!brought) return;
    if (sight() !== "one") store.set({ "synthesis.sight": "one" }, { replace: true });
    await start();
  }

  document.addEventListener(
    "keydown",
    (event) => {
      const busy =
        event.target instanceof HTMLElement &&
        event.target.matches("button, input, select, summary, canvas[tabindex]");
      if (event.key !== " " || event.defaultPrevented || busy) return;
      event.preventDefault();
      startOrPause();
    },
    { signal },
  );

  /** Brings the controls in line with the state. @param {State} next */
  async function mirror(next) {
    of.set(/** @type {Of} */ (next["synthesis.of"]));
    beside.set(next["synthesis.compare"] === true);
    stretch.set(next["synthesis.stretch"] === true);
    preset.set(String(next["synthesis.preset"]));
    from.set(String(next["synthesis.from"]));
    octaves.set(Number(next["synthesis.octaves"]));
    blur.set(Number(next["synthesis.blur"]));
    main.stretch(next["synthesis.stretch"] === true);
    plain.stretch(next["synthesis.stretch"] === true);
    const off = switchedOff(next);
    const base = await app.work("synthesis.preset", () =>
      presetOf(String(next["synthesis.preset"])),
    );
    if (!base || signal.aborted) return;
    chosenPreset = base;
    steps.set(Number(next["synthesis.steps"]) || base.steps);
    for (const each of switches) {
      each.control.set(each.has(base) && !off.has(each.id));
      each.control.element.classList.toggle("off", !each.has(base));
      each.control.element.inert = !each.has(base);
    }
  }

  return {
    update(next, changed) {
      void mirror(next);
      const own = [...changed].some(
        (key) => key.startsWith("synthesis.") && !["synthesis.stretch"].includes(key),
      );
      const unit = kind() === "class" ? ["target", "prediction"] : ["layer", "channel"];
      const again = own || ["net", "weights", ...unit].some((key) => changed.has(key));
      const wanted = next["synthesis.run"] === true || (isSmall() && !stopping);
      if (again && wanted) void start();
      else {
        if (again && !running) {
          main.clear();
          plain.clear();
        }
        arrange();
        say();
        buttons();
        if (!running && !main.last && sight() === "one")
          status.textContent = "Press Start, or space, and watch it grow.";
      }
    },
    destroy() {
      release();
      stopping = true;
      app.stop("synthesis");
      life.abort();
    },
  };
}
