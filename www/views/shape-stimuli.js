/**
 * The stimuli side by side: what is left of a picture when shape or texture is taken away, each with the network's answer.
 * @module
 */

import { button, fold, group, toggle } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";
import { percent } from "../widgets/format.js";
import { createPixels } from "../widgets/pixels.js";
import { createAnswer } from "./shape-answer.js";
import { chooseTexture } from "./shape-choose.js";
import { gridsOf, SMALL } from "./shape-material.js";
import { saveCsv, saveSheet } from "./shape-save.js";
import { createHeading, createWords, figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("../convscope.js").StimulusOptions} StimulusOptions
 * @typedef {import("./shape-material.js").Material} Material
 * @typedef {import("./shape-material.js").Answer} Answer
 * @typedef {{ name: string, hint: string, options: StimulusOptions | null, of?: "shape" | "texture" }} Wanted without options by the style engine
 */

/**
 * What is made, in reading order.
 * @param {{ side: number, tones: { ink: number, paper: number }, mask: Tensor, piece: Awaited<ReturnType<Material["texture"]>>, names: [string, string], stylised: boolean }} options
 * @returns {Wanted[]}
 */
function stimuli({ side, tones, mask, piece, names: [shape, other], stylised }) {
  return [
    { name: "as it is", hint: `The picture of ${shape}`, options: { kind: "original" } },
    { name: "grey", hint: "Without colour", options: { kind: "grey" } },
    { name: "blurred", hint: "Without fine texture", options: { kind: "blur" } },
    { name: "two tones", hint: "Black and white by brightness", options: { kind: "two_tones" } },
    {
      name: "slopes",
      hint: "Edges by their strength, as a pencil would shade them",
      options: { kind: "slopes", ...tones },
    },
    { name: "edges", hint: "Canny’s edges, as lines", options: { kind: "edges", ...tones } },
    {
      name: "silhouette",
      hint: "Nothing but the outline",
      options: { kind: "silhouette", mask, ...tones },
    },
    {
      name: `${other} alone`,
      hint: "The picture that gives the texture",
      options: { kind: "original" },
      of: "texture",
    },
    ...gridsOf(side).map((grid) => ({
      name: `shuffled ${grid} × ${grid}`,
      hint: "Squares change places: the shape goes, texture stays",
      options: /** @type {StimulusOptions} */ ({ kind: "shuffle", grid }),
    })),
    {
      name: `filled with ${other}`,
      hint: `The outline of ${shape} with the texture of ${other}`,
      options: { kind: "fill", ...piece, mask, paper: tones.paper },
    },
    {
      name: `texture of ${other}`,
      hint: "A piece of the other picture, quilted over all of it",
      options: { kind: "fill", ...piece, mask: everywhere(mask) },
    },
    ...(stylised
      ? [
          {
            name: `stylised as ${other}`,
            hint: "Optimised through this network, which so judges its own work",
            options: null,
          },
        ]
      : []),
  ];
}

/** @param {Tensor} mask */
function everywhere({ data, shape }) {
  return { data: new Float32Array(data.length).fill(1), shape };
}

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
  const heading = createHeading();
  const words = createWords();
  const grid = h("div", { class: "stimuli" });
  root.append(heading.element, grid, words.element);
  const choose = chooseTexture({ app, store, material, signal });
  const again = button({
    label: "Shuffle again",
    title: "Another seed for what is drawn",
    onClick: () => store.set({ "shape.seed": Number(store.get()["shape.seed"]) + 1 }),
    signal,
  });
  const style = toggle({
    label: "Stylised, too (takes long)",
    value: store.get()["shape.style"] === true,
    onChange: (value) => store.set({ "shape.style": value }),
    signal,
  });
  /** @type {{ name: string, pixels: ImageData, answer: Answer }[]} */
  let shown = [];
  app.controls.append(
    group("Two pictures", choose.element, h("div", { class: "row" }, again), style.element),
    fold(
      "Save",
      h(
        "div",
        { class: "buttons" },
        button({
          label: "PNG",
          onClick: () => void saveSheet(shown, choose.name()),
          signal,
        }),
        button({
          label: "CSV",
          onClick: () =>
            saveCsv(`stimuli-${app.net.name}`, [
              ["stimulus", "shape", "texture", "other", "probability of other"],
              ...shown.map(({ name, answer: { shape, texture, other } }) => [
                name,
                shape,
                texture,
                other.label,
                other.probability,
              ]),
            ]),
          signal,
        }),
      ),
    ),
  );

  /** @type {{ element: HTMLElement, show: (pixels: ImageData, answer: Answer, names: [string, string]) => Promise<void>, caption: (name: string, hint: string) => void, life: AbortController }[]} */
  const tiles = [];

  /** @param {number} index */
  function tile(index) {
    const own = new AbortController();
    signal.addEventListener("abort", () => own.abort(), { once: true });
    const picture = createPixels({
      label: "A stimulus",
      onPick: () => {
        const one = shown[index];
        if (one) void app.useImage(one.pixels, { title: `${app.picture.title}: ${one.name}` });
      },
      signal: own.signal,
    });
    const framed = figure(picture.element);
    const answer = createAnswer();
    const element = h("div", { class: "stimulus" }, framed.element, answer.element);
    return {
      element,
      life: own,
      caption(/** @type {string} */ name, /** @type {string} */ hint) {
        framed.caption(name);
        element.title = `${hint}. Click to look at it in every view.`;
        answer.clear();
      },
      async show(
        /** @type {ImageData} */ pixels,
        /** @type {Answer} */ said,
        /** @type {[string, string]} */ names,
      ) {
        const { width, height } = pixels;
        const bitmap = await createImageBitmap(pixels);
        picture.show({ width, height, layers: [{ bitmap }] });
        answer.show(said, names);
      },
    };
  }

  /** Whether the style engine takes no time to speak of. */
  const isSmall = () => Math.max(...app.net.input.shape.slice(2)) <= SMALL;

  async function draw() {
    const done = await app.work("shape", async (until) => {
      const sides = await material.sides(until);
      const { shape, texture } = sides;
      const names = /** @type {[string, string]} */ ([shape.subject.name, texture.subject.name]);
      say(names);
      const mask = await material.mask(shape.picture, shape.input, until);
      const wanted = stimuli({
        side: Math.min(...app.net.input.shape.slice(2)),
        tones: material.tones(),
        mask,
        piece: await material.texture(texture.input, until),
        names,
        stylised: isSmall() || store.get()["shape.style"] === true,
      });
      while (tiles.length > wanted.length) {
        const last = tiles.pop();
        last?.life.abort();
        last?.element.remove();
      }
      while (tiles.length < wanted.length) {
        const next = tile(tiles.length);
        tiles.push(next);
        grid.append(next.element);
      }
      for (const [index, { name, hint }] of wanted.entries()) tiles[index].caption(name, hint);
      shown = [];
      for (const [index, { name, options, of }] of wanted.entries()) {
        const { input } = of === "texture" ? texture : shape;
        const seed = Number(store.get()["shape.seed"]);
        const how = { seed, signal: until };
        const made = options
          ? await app.net.stimulus(input, { ...options, ...how })
          : (await app.net.stylize(input, texture.input, how)).image;
        const [answer] = await material.answers(made, sides, until);
        const pixels = await app.net.toPixels(made);
        until.throwIfAborted();
        shown.push({ name, pixels, answer });
        await tiles[index].show(pixels, answer, names);
      }
      return names;
    });
    if (!done || signal.aborted) return;
    const filled = shown.find(({ name }) => name.startsWith("filled"));
    if (filled)
      app.announce(
        `Filled silhouette: ${done[0]} ${percent(filled.answer.shape)}, ${done[1]} ${percent(filled.answer.texture)}`,
      );
  }

  /** @param {[string, string]} names */
  function say([shape, texture]) {
    heading.say("How much ", { name: shape }, " is left when shape or texture goes?");
    words.say(
      [
        `The bars are how probable the network takes ${shape} and ${texture} to be, all their classes summed, and the likeliest class beside them.`,
      ],
      [
        "No such picture was among those it learned from, so an answer may fall because a picture is strange and not because its shape or texture is gone: compare them with each other. A stylised one was optimised through the network that judges it.",
      ],
    );
  }

  return {
    update(state, changed) {
      choose.update();
      style.set(state["shape.style"] === true);
      style.element.hidden = isSmall();
      const keys = ["net", "input", "weights", "target", "shape.from", "shape.seed", "shape.style"];
      if (keys.some((key) => changed.has(key))) void draw();
    },
    destroy() {
      app.stop("shape");
      life.abort();
    },
  };
}
