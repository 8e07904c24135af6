/**
 * One run and its sight: the picture as it grows, the value it reached, and every frame of the way for scrubbing.
 * @module
 */

import { percent } from "../widgets/format.js";
import { createPixels } from "../widgets/pixels.js";
import { figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("../convscope.js").SynthesisState} SynthesisState
 * @typedef {{ step: number, value: number, pixels: ImageData, tensor: Tensor }} Frame
 * @typedef {{ step: number, value: number, image: Tensor, state?: SynthesisState }} Step
 * @typedef {{ seed: number, steps: number, every?: number }} Paced
 * @typedef {{ image: Tensor, history: number[], state: SynthesisState }} Made
 */

/**
 * A run's options with what the lane adds to them.
 * @template Options
 * @typedef {Options & { resume?: SynthesisState, steps: number, stateEvery: number, signal: AbortSignal, onStep: (step: Step) => Promise<{ stop: true } | undefined> }} Asked
 */

/** Frames that are kept of a run. */
const FRAMES = 72;

/** Looks at a run between two of its states that are kept, in case the GPU takes its device away. */
const STATE_EVERY = 8;

/** Share of values that may lie outside when contrast is stretched. */
const OUTSIDE = 0.005;

/** The most by which it is stretched: beyond, only the rounding of an even picture would be seen. */
const MOST = 32;

/**
 * A picture with its values spread from black to white, all colours alike; and by how much.
 * @param {ImageData} pixels
 * @returns {{ pixels: ImageData, factor: number }}
 */
export function stretched(pixels) {
  const counts = new Uint32Array(256);
  const { data } = pixels;
  for (let at = 0; at < data.length; at += 4)
    for (let colour = 0; colour < 3; colour += 1) counts[data[at + colour]] += 1;
  const most = OUTSIDE * 0.75 * data.length;
  let low = 0;
  for (let sum = counts[0]; sum < most && low < 255; sum += counts[low]) low += 1;
  let high = 255;
  for (let sum = counts[255]; sum < most && high > 0; sum += counts[high]) high -= 1;
  const factor = Math.min(MOST, 255 / Math.max(1, high - low));
  if (factor < 1.02) return { pixels, factor: 1 };
  const middle = (low + high) / 2;
  const result = new ImageData(pixels.width, pixels.height);
  for (let at = 0; at < data.length; at += 1)
    result.data[at] = at % 4 === 3 ? 255 : (data[at] - middle) * factor + 127.5;
  return { pixels: result, factor };
}

/**
 * @template {object} Options
 * @param {{ app: Session, label: string, make: (asked: Asked<Options>) => Promise<Made>, onFrame: () => void, signal: AbortSignal }} options
 *   `make` runs the call that grows the picture
 */
export function createLane({ app, label, make, onFrame, signal }) {
  const pixels = createPixels({ label, signal });
  const sight = figure(pixels.element);
  /** @type {Frame[]} */
  let frames = [];
  /** @type {number[]} */
  let history = [];
  /** @type {Frame | null} */
  let last = null;
  let stretches = true;
  let factor = 1;
  let shown = -1;
  /** From which the run could go on. @type {SynthesisState | null} */
  let state = null;
  let resumed = 0;

  /** @param {Frame} frame */
  async function draw(frame) {
    shown = frame.step;
    const picture = stretches ? stretched(frame.pixels) : { pixels: frame.pixels, factor: 1 };
    factor = picture.factor;
    const bitmap = await createImageBitmap(picture.pixels);
    if (shown !== frame.step) return;
    const { width, height } = bitmap;
    pixels.show({ width, height, layers: [{ bitmap }], label: `${label}, step ${frame.step}` });
  }

  return {
    element: sight.element,
    caption: sight.caption,
    get frames() {
      return last && frames.at(-1) !== last ? [...frames, last] : frames;
    },
    get history() {
      return history;
    },
    get last() {
      return last;
    },
    get factor() {
      return factor;
    },
    /** @param {boolean} on */
    stretch(on) {
      if (on === stretches) return;
      stretches = on;
      const frame = this.frames.find((each) => each.step === shown);
      if (frame) void draw(frame);
    },
    clear() {
      frames = [];
      history = [];
      last = null;
      state = null;
      resumed = 0;
      shown = -1;
    },
    /** The step from which a run went on that had lost its device, or 0. */
    get resumed() {
      return resumed;
    },
    /**
     * Shows the frame at or before a step.
     * @param {number} step
     */
    seek(step) {
      const frame = this.frames.findLast((each) => each.step <= step) ?? this.frames[0];
      if (frame) void draw(frame);
      return frame ?? null;
    },
    /**
     * Grows a picture; it is shown as it grows. `turn` is awaited at each step: while it is open the run rests, and when it
     * gives `true` the run ends with what there is. `goesOn`: from the last state of a run that lost its device.
     * @param {Options & Paced} options
     * @param {{ turn: () => Promise<boolean>, goesOn: boolean, signal: AbortSignal }} run
     */
    async grow(options, { turn, goesOn, signal: until }) {
      const resume = goesOn ? state : null;
      if (resume) {
        resumed = resume.step;
        history = history.slice(0, resumed);
        frames = frames.filter((frame) => frame.step < resumed);
      } else this.clear();
      const keep = Math.max(1, Math.ceil(options.steps / FRAMES));
      const every = options.every ?? 1;
      const before = history.slice();
      const result = await make({
        ...options,
        ...(resume ? { resume, steps: options.steps - resume.step } : {}),
        // Only a GPU is taken away.
        stateEvery: app.scope.backend === "webgpu" ? STATE_EVERY : 0,
        signal: until,
        onStep: async ({ step, value, image, state: reached }) => {
          state = reached ?? state;
          // Values come every few steps; at the end there is one for each.
          while (history.length < Math.min(step + every, options.steps)) history.push(value);
          const frame = { step, value, pixels: await app.net.toPixels(image), tensor: image };
          last = frame;
          if (step % keep === 0) frames.push(frame);
          await draw(frame);
          onFrame();
          return (await turn()) ? { stop: true } : undefined;
        },
      });
      history = [...before, ...result.history];
      const step = result.state.step;
      const value = history.at(-1) ?? 0;
      last = { step, value, pixels: await app.net.toPixels(result.image), tensor: result.image };
      await draw(last);
      onFrame();
      return result;
    },
  };
}

/**
 * What the network says of a picture, in words.
 * @param {Session} app
 * @param {Tensor} image
 * @param {AbortSignal} signal
 */
export async function verdict(app, image, signal) {
  const [, , height, width] = image.shape;
  const [, , rows, columns] = app.net.input.shape;
  if (height !== rows || width !== columns) return "";
  const { top } = await app.net.predict(image, { top: 2, signal });
  return top.map((each) => `${each.label} ${percent(each.probability)}`).join(" · ");
}

/** @typedef {Omit<ReturnType<typeof createLane>, "grow">} Lane */
