/**
 * What is asked of the network, by the state: the objective, its name, and the options of a run.
 * @module
 */

import { PRESETS, settingsOf, switchedOff, tidy } from "./synthesis-settings.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../convscope.js").SynthesisOptions} SynthesisOptions
 * @typedef {import("../convscope.js").SynthesisPreset} SynthesisPreset
 * @typedef {import("./synthesis-many.js").Term} Term
 * @typedef {import("./synthesis-settings.js").Preset} Preset
 * @typedef {SynthesisOptions & { seed: number, steps: number, every: number }} Wanted
 * @typedef {"class" | "channel" | "dream" | "caricature"} Of
 * @typedef {"one" | "grid" | "layers" | "between" | "switches"} Sight
 */

/** Networks up to this many pixels a side are so fast that a run starts by itself. */
const SMALL = 64;

/** Octaves of a dream, its steps, and how far each goes. */
const DREAM = { octaves: 3, steps: 60, rate: 0.05 };

/**
 * @param {{ app: Session, store: Store }} options
 */
export function createQuestion({ app, store }) {
  const kind = () => /** @type {Of} */ (store.get()["synthesis.of"]);
  const sight = () => /** @type {Sight} */ (store.get()["synthesis.sight"]);
  const isSmall = () => Math.max(...app.net.input.shape.slice(2)) <= SMALL;

  /** @param {string} name @returns {Promise<Preset>} */
  const presetOf = (name) =>
    app.net.synthesisPreset(name === "" ? undefined : /** @type {SynthesisPreset} */ (name));

  /** @param {AbortSignal} [signal] @returns {Promise<Term>} */
  async function objective(signal) {
    const layer = app.layer.name;
    if (kind() === "class") return { logit: app.target };
    if (kind() === "channel") return { layer, channel: store.get().channel };
    if (kind() === "dream") return { layer };
    const { [layer]: caricature } = await app.net.activations(app.input, [layer], { signal });
    return { layer, caricature };
  }

  return {
    app,
    kind,
    sight,
    isSmall,
    presetOf,
    objective,
    subject() {
      if (kind() === "class") return app.targetLabel;
      if (kind() !== "channel") return app.layer.name;
      return `channel ${store.get().channel} of ${app.layer.name}`;
    },
    /** The name of the number that is raised. */
    value: () =>
      ({
        class: "logit",
        channel: "mean of the map",
        dream: "mean square",
        caricature: "length × cos²",
      })[kind()],
    compares: () =>
      store.get()["synthesis.compare"] === true && ["class", "channel"].includes(kind()),
    /** The name of the settings. @param {Preset | null} chosen */
    settingsName(chosen) {
      const name = String(store.get()["synthesis.preset"]) || chosen?.preset || "";
      const label = PRESETS.find((each) => each.value === name)?.label ?? name;
      const off = switchedOff(store.get()).size;
      return off > 0 ? `${label}, ${off} switched off` : label;
    },
    /** The unit at the other end: the next class or channel, or the one in the address. */
    other() {
      const chosen = store.get()["synthesis.other"];
      if (kind() === "channel") {
        const [channels] = app.layer.shape;
        const channel = typeof chosen === "number" ? chosen : (store.get().channel + 1) % channels;
        return { to: { layer: app.layer.name, channel }, name: `channel ${channel}` };
      }
      const rival = app.prediction.top.find((each) => each.index !== app.target);
      const logit = typeof chosen === "number" ? chosen : (rival?.index ?? 0);
      return { to: { logit }, name: app.label(logit) };
    },
    /**
     * The options of a run by what is chosen, and the preset that they come from.
     * @param {AbortSignal} signal
     * @returns {Promise<{ wanted: Wanted, preset: Preset }>}
     */
    async wanted(signal) {
      const now = store.get();
      const preset = await presetOf(String(now["synthesis.preset"]));
      const settings = settingsOf(preset, now);
      const dreams = kind() === "dream";
      if (dreams && Number(now["synthesis.octaves"]) <= 1) settings.octaves = DREAM.octaves;
      if (dreams) Object.assign(settings, { l2: 0, tv: 0, background: "mean" });
      if (dreams && now["synthesis.rate"] === null) settings.learningRate = DREAM.rate;
      const start = String(now["synthesis.from"]) || (dreams ? "picture" : "noise");
      const asked = Number(now["synthesis.steps"]);
      const wanted = {
        ...tidy(settings),
        objective: await objective(signal),
        init: start === "picture" ? app.input : /** @type {"noise" | "grey"} */ (start),
        steps: asked > 0 ? asked : dreams ? DREAM.steps : preset.steps,
        seed: Number(now["synthesis.seed"]),
        every: isSmall() ? 2 : 1,
      };
      return { wanted, preset };
    },
  };
}

/** @typedef {ReturnType<typeof createQuestion>} Question */
