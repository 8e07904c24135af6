/**
 * The ways from one picture's shape to another's texture: what each is, and those that are optimised through the network.
 * @module
 */

import { number } from "../widgets/format.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("../convscope.js").StyleSettings} StyleSettings
 * @typedef {{ label: string, title: string, from: string, to: string, what: string, doubt: string }} Way
 */

/** Pictures that are kept of a run of the style engine. */
const FRAMES = 24;

/** Weights of the style, as multiples of what the network's preset has, and the steps for each. */
const WEIGHTS = [0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5];
const STEPS = 60;

const OWN_JUDGE =
  "Such a picture was optimised through the network that judges it, and another network might see something else in it. Filling and shuffling ask no network: believe what all of them agree on.";

/** @type {Record<string, Way>} */
export const WAYS = {
  fill: {
    label: "Fill",
    title: "The silhouette is filled with the other’s texture",
    from: "the picture",
    to: "filled silhouette",
    what: "The object is mixed with a piece of the other picture, its ground with an even tone; the outline stays all the way.",
    doubt:
      "The outline is found by colour, and where it is wrong the shape is wrong: mend it under Outline.",
  },
  style: {
    label: "Steps",
    title: "Style transfer through this network, step by step",
    from: "the picture",
    to: "styled",
    what: "From the picture, each step brings the Gram matrices of its layers nearer to those of the other picture, while a middle layer holds what it shows: the slider goes through the steps.",
    doubt: OWN_JUDGE,
  },
  weight: {
    label: "Weights",
    title: "Style transfer through this network, with ever more weight on the style",
    from: "the picture",
    to: "most style",
    what: `Each place of the slider is a picture of its own, ${STEPS} steps from the first, in which the style’s Gram matrices count β / α times as much as what a middle layer shows.`,
    doubt: OWN_JUDGE,
  },
  shuffle: {
    label: "Shuffle",
    title: "Ever smaller squares change places",
    from: "whole",
    to: "finest squares",
    what: "The picture is cut into ever more squares that change places: its shape goes, its texture stays; the other picture has no part in it.",
    doubt:
      "The cuts are edges that no photograph has. What remains up to 4 × 4 is more than texture: whole eyes and ears.",
  },
};

/** Whether a way takes runs of the style engine. @param {string} way */
export const isStyled = (way) => way === "style" || way === "weight";

/**
 * Goes such a way; each picture is handed to `add` when it is there, which says whether that is enough.
 * @param {Session} app
 * @param {string} way
 * @param {{ content: Tensor, style: Tensor, settings: StyleSettings & { steps: number }, seed: number, add: (name: string, image: Tensor) => Promise<boolean>, turn: () => Promise<boolean>, signal: AbortSignal }} run
 *   `turn` is awaited between steps: while it is open the run rests, and when it gives `true` the run ends
 */
export async function goStyled(app, way, { content, style, settings, seed, add, turn, signal }) {
  const { steps, alpha = 1, beta = 1 } = settings;
  // One size throughout, so that the network can be asked at every step.
  const common = { ...settings, scales: 1, seed, signal };
  if (way === "style") {
    const { image, state } = await app.net.stylize(content, style, {
      ...common,
      every: Math.max(1, Math.round(steps / FRAMES)),
      onStep: async ({ step, image: now }) =>
        (await add(`step ${step}`, now)) ? { stop: true } : undefined,
    });
    await add(`step ${state.step}`, image);
    return;
  }
  await add("β / α = 0", content);
  for (const times of WEIGHTS) {
    let ends = false;
    const more = { ...common, beta: Number((times * beta).toPrecision(2)), steps: STEPS };
    const { image } = await app.net.stylize(content, style, {
      ...more,
      every: 4,
      onStep: async () => {
        ends = await turn();
        return ends ? { stop: true } : undefined;
      },
    });
    // A picture that was cut short is none of the way.
    if (ends || (await add(`β / α = ${number(more.beta / alpha)}`, image))) return;
  }
}
