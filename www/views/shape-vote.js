/**
 * The quiz: a picture with the shape of one thing and the texture of another, the class's votes, then the network's answer; at
 * the end both on one line with the published figures.
 * @module
 */

import { button, group } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";
import { fixed, percent } from "../widgets/format.js";
import { createPixels } from "../widgets/pixels.js";
import { conflictIn, readVotes, writeVotes } from "./shape-conflicts.js";
import { createBiasPlot } from "./shape-plot.js";
import { PUBLISHED } from "./shape-published.js";
import { createHeading, createWords, figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../convscope.js").ShapeDecision} ShapeDecision
 * @typedef {import("./shape-material.js").Material} Material
 * @typedef {import("./shape-conflicts.js").Conflicts} Conflicts
 * @typedef {import("./shape-conflicts.js").Conflict} Conflict
 * @typedef {"shape" | "texture" | "other"} Kind
 */

/** From one round to the next, so that neighbours in the set do not follow each other; prime to any number of pictures below. */
const STRIDE = 37;

/** The keys of the three answers. */
const KEYS = ["q", "w", "e"];

/**
 * @param {HTMLElement} root
 * @param {Store} store
 * @param {Session} app
 * @param {Material} _material
 * @param {Conflicts} conflicts
 * @returns {Part}
 */
export function create(root, store, app, _material, conflicts) {
  const life = new AbortController();
  const { signal } = life;
  const heading = createHeading();
  const words = createWords();
  const picture = createPixels({ label: "What is it?", signal });
  const framed = figure(picture.element);
  const ballot = h("div", { class: "ballot" });
  const reveal = h("div", { class: "revealed", role: "status" });
  const plot = createBiasPlot({ label: "Shape bias" });
  root.append(
    heading.element,
    h("div", { class: "vote" }, framed.element, h("div", { class: "cast" }, ballot, reveal)),
    plot.element,
    words.element,
  );
  const next = button({ label: "Next picture", title: "N", onClick: () => onward(), signal });
  const again = button({
    label: "Start again",
    kind: "quiet",
    onClick: () => store.set({ "shape.votes": "", "shape.round": 0 }),
    signal,
  });
  app.controls.append(
    group(
      "The vote",
      h("p", { class: "muted small" }, "One click, or key, for each hand."),
      h("div", { class: "row" }, next, again),
    ),
  );

  /** @type {Conflict[]} */
  let set = [];
  /** @type {Conflict | null} */
  let now = null;
  /** What the network says of the picture, once asked. @type {ShapeDecision | null} */
  let said = null;
  /** Votes on this picture. */
  let here = { shape: 0, texture: 0, other: 0 };

  /** What the three answers are for, those of the picture by the alphabet, which gives nothing away. @returns {Kind[]} */
  const order = () =>
    now && now.texture < now.shape ? ["texture", "shape", "other"] : ["shape", "texture", "other"];
  const buttons = KEYS.map((_, index) =>
    button({ label: "", onClick: () => vote(order()[index]), signal }),
  );
  const ask = button({
    label: "Ask the network",
    title: "Enter",
    onClick: () => void look(),
    signal,
  });
  ballot.append(...buttons, ask);

  /** @param {Kind} kind */
  function vote(kind) {
    if (!now) return;
    const votes = readVotes(store.get()["shape.votes"]);
    votes[kind] += 1;
    here[kind] += 1;
    store.set({ "shape.votes": writeVotes(votes) }, { replace: true });
    show();
  }

  function onward() {
    store.set({ "shape.round": Number(store.get()["shape.round"]) + 1 }, { replace: true });
  }

  async function gather() {
    const got = await app.work("shape", async (until) => {
      const list = await conflicts.list(until, (text) => {
        framed.caption(text);
      });
      return list.flatMap((each) => (each instanceof File ? conflictIn(each) : each));
    });
    if (!got || signal.aborted) return;
    set = got;
    turn();
  }

  function turn() {
    said = null;
    here = { shape: 0, texture: 0, other: 0 };
    const round = Math.max(0, Number(store.get()["shape.round"]));
    now = set[(round * STRIDE) % Math.max(1, set.length)] ?? null;
    void draw();
    show();
  }

  async function draw() {
    if (!now) return;
    const asked = now;
    const { image } = asked;
    const tensor = image instanceof File ? await app.net.preprocess(image) : image;
    const pixels = await app.net.toPixels(tensor);
    if (signal.aborted || asked !== now) return;
    const bitmap = await createImageBitmap(pixels);
    picture.show({ width: pixels.width, height: pixels.height, layers: [{ bitmap }] });
  }

  async function look() {
    const asked = now;
    if (!asked || ask.disabled) return;
    const got = await app.work("shape.vote", (until) =>
      app.net.shapeBias([asked], { categories: conflicts.categories(), signal: until }),
    );
    if (!got || signal.aborted || asked !== now) return;
    said = got.decisions[0];
    show();
    app.announce(`The network says ${said.category}`);
  }

  function show() {
    heading.say("What is it?");
    framed.caption(`Picture ${Number(store.get()["shape.round"]) + 1}`);
    if (!now) {
      ballot.hidden = true;
      reveal.replaceChildren("No picture that ships is of this network’s classes.");
      return;
    }
    ballot.hidden = false;
    const { shape, texture } = now;
    for (const [index, kind] of order().entries()) {
      const name = { shape, texture, other: "something else" }[kind];
      buttons[index].replaceChildren(
        h("kbd", {}, KEYS[index].toUpperCase()),
        ` ${name} `,
        h("span", { class: "number muted" }, String(here[kind])),
      );
    }
    ask.disabled = here.shape + here.texture + here.other === 0;
    const votes = readVotes(store.get()["shape.votes"]);
    const decided = votes.shape + votes.texture;
    reveal.replaceChildren(
      ...(said
        ? [
            h(
              "p",
              {},
              "The network says ",
              h("strong", {}, said.category),
              said.decision === "other" ? ", neither of them. " : `: the ${said.decision}. `,
              `The outline is that of ${shape}, the surface that of ${texture}.`,
            ),
          ]
        : []),
      h(
        "p",
        { class: "muted" },
        decided > 0
          ? `This class so far: ${votes.shape} for the shape, ${votes.texture} for the texture, ${votes.other} for neither; shape bias ${fixed(votes.shape / decided, 3)}, coverage ${percent(decided / (decided + votes.other))}.`
          : "Vote before you ask the network.",
      ),
    );
    plot.show({
      rows: [],
      means: [
        ...PUBLISHED.map(({ name, bias, source }) => ({
          name,
          bias,
          kind: /** @type {"published"} */ ("published"),
          title: source,
        })),
        ...(decided > 0
          ? [
              {
                name: "this class",
                bias: votes.shape / decided,
                kind: /** @type {"class"} */ ("class"),
                title: "Votes so far",
              },
            ]
          : []),
      ],
    });
    words.say(
      [
        "The outline is that of one thing, the surface that of another, and either answer is right.",
      ],
      [
        "Ten people in a laboratory saw each published picture for a fifth of a second. A class that looks longer, talks and guesses the aim answers another question.",
      ],
    );
  }

  document.addEventListener(
    "keydown",
    (event) => {
      const busy =
        event.target instanceof HTMLElement && event.target.matches("input, select, textarea");
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || busy) return;
      const key = event.key.toLowerCase();
      const place = KEYS.indexOf(key);
      const onButton =
        event.target instanceof HTMLElement && event.target.matches("button, summary");
      if (place >= 0) vote(order()[place]);
      else if (key === "n") onward();
      else if (key === "enter" && !onButton) void look();
      else return;
      event.preventDefault();
      event.stopPropagation();
    },
    { signal, capture: true },
  );

  return {
    update(_state, changed) {
      if (["net", "weights", "shape.seed", "shape.set"].some((key) => changed.has(key)))
        void gather();
      else if (changed.has("shape.round")) turn();
      else if (changed.has("shape.votes")) show();
    },
    destroy() {
      app.stop("shape");
      life.abort();
    },
  };
}
