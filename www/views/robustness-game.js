/**
 * Your move: one side chooses an attack, the other a defence, in turn, on the same test pictures.
 * @module
 */

import { button, group } from "../widgets/controls.js";
import { h, refill } from "../widgets/dom.js";
import { percent } from "../widgets/format.js";
import { callOnLadder, DEFENCES } from "./robustness-defences.js";
import { of255 } from "./robustness-sight.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../convscope.js").Net} Net
 * @typedef {import("../convscope.js").Examples} Examples
 * @typedef {{ id: string, title: string, side: "attack" | "defend" }} Move
 */

/** Test pictures of a move. */
const PICTURES = 100;

/** Which side has the better of it: where accuracy lies above or below. */
const LINE = 0.5;

/** What the attacking side may play. @type {Move[]} */
const ATTACKS = [
  { id: "noise", title: "Noise", side: "attack" },
  { id: "square", title: "Square, 100 queries", side: "attack" },
  { id: "fgsm", title: "FGSM", side: "attack" },
  { id: "pgd", title: "PGD, 20 steps", side: "attack" },
  { id: "known", title: "PGD that knows the defence", side: "attack" },
];

/** Steps of the attacks that take many. @type {Record<string, number | undefined>} */
const STEPS = { pgd: 20, square: 100 };

/** What the defending side may play. @type {Move[]} */
const ANSWERS = [
  ...DEFENCES.map(({ id, title }) => ({
    id,
    title,
    side: /** @type {const} */ ("defend"),
  })),
  { id: "robust", title: "Adversarial training", side: "defend" },
];

/**
 * @param {{ app: Session, store: Store, netOf: (id: string | null, until: AbortSignal) => Promise<Net>, examples: (most: number, until: AbortSignal) => Promise<Examples>, signal: AbortSignal }} options
 */
export function createGame({ app, store, netOf, examples, signal }) {
  const log = h("ol", { class: "moves", "aria-label": "Moves so far" });
  const choices = h("div", { class: "buttons" });
  const whose = h("p", { class: "verdict", role: "status" });
  const element = h(
    "section",
    { class: "game", hidden: true },
    h("h3", {}, "Your move"),
    log,
    whose,
    choices,
  );
  const play = button({
    label: "Play: your move",
    title: "Two sides, in turn",
    onClick: () => begin(),
    signal,
  });
  /** Accuracies by the moves that led to them. @type {Map<string, number>} */
  const known = new Map();
  let owners = new AbortController();
  signal.addEventListener("abort", () => owners.abort(), { once: true });

  const name = (/** @type {string} */ id) =>
    [...ATTACKS, ...ANSWERS].find((move) => move.id === id);

  /** The moves that the state names; the first is an attack, then the sides take turns. */
  function moves() {
    const list = String(store.get()["robustness.moves"]).split(",").filter(Boolean);
    /** @type {Move[]} */
    const read = [];
    for (const id of list) {
      const move = name(id);
      const turn = read.length % 2 === 0 ? "attack" : "defend";
      if (move?.side === turn) read.push(move);
    }
    return read;
  }

  function begun() {
    return store.get()["robustness.moves"] !== "";
  }

  function begin() {
    store.set({ "robustness.moves": begun() ? "" : "noise" });
  }

  /** @param {Move[]} list */
  function standing(list) {
    const attack = list.findLast(({ side }) => side === "attack")?.id ?? "";
    const defence = list.findLast(({ side }) => side === "defend")?.id ?? "";
    return { attack, defence, key: `${store.get().model} ${epsilon()} ${attack} ${defence}` };
  }

  function epsilon() {
    const wanted = Number(store.get()["robustness.epsilon"]);
    return wanted > 0 && wanted <= 64 ? wanted : 8;
  }

  /** The accuracy after each move that is not known yet. */
  async function judge() {
    const list = moves();
    await app.work("game", async (until) => {
      const data = await examples(PICTURES, until);
      for (let length = 1; length <= list.length; length += 1) {
        const { attack, defence, key } = standing(list.slice(0, length));
        if (known.has(key)) continue;
        const robust = defence === "robust";
        const net = await netOf(robust ? "fashion-robust" : null, until);
        const saying = DEFENCES.find(({ id }) => id === defence);
        const call = saying ? { ...callOnLadder(saying), adaptive: attack === "known" } : null;
        const method = attack === "known" ? "pgd" : attack;
        const { cells } = await net.robustness(data, {
          attacks: [
            /** @type {any} */ ({ method, ...(STEPS[method] && { steps: STEPS[method] }) }),
          ],
          defences: [call],
          epsilons: [epsilon() / 255],
          seed: 1,
          signal: until,
        });
        known.set(key, cells[0].accuracy);
        draw();
      }
      return true;
    });
    if (!signal.aborted) draw();
  }

  function draw() {
    const list = moves();
    element.hidden = !begun();
    play.textContent = begun() ? "End the game" : "Play: your move";
    if (!begun()) return;
    log.replaceChildren(
      ...list.map(({ title, side }, index) => {
        const accuracy = known.get(standing(list.slice(0, index + 1)).key);
        const fill = h("span", { class: "length", "aria-hidden": "true" });
        fill.style.transform = `scaleX(${accuracy ?? 0})`;
        return h(
          "li",
          { class: side },
          h("span", { class: "side-of" }, side === "attack" ? "Attack" : "Defence"),
          h("span", { class: "name" }, title),
          h("span", { class: "track" }, fill),
          h("span", { class: "stands number" }, accuracy === undefined ? "…" : percent(accuracy)),
        );
      }),
    );
    const turn = list.length % 2 === 0 ? "attack" : "defend";
    const accuracy = known.get(standing(list).key);
    const ahead =
      accuracy === undefined
        ? ""
        : accuracy >= LINE
          ? `${percent(accuracy)} of ${PICTURES} pictures stand: the defence is ahead. `
          : `Only ${percent(accuracy)} of ${PICTURES} pictures stand: the attack is ahead. `;
    whose.textContent = `${ahead}${turn === "attack" ? "Attacker" : "Defender"}, your move, within ε = ${of255(epsilon())}.`;
    owners.abort();
    owners = new AbortController();
    const last = list.at(-1)?.id;
    const robust = app.scope.models.some(({ id }) => id === "fashion-robust");
    const before = list.filter(({ side }) => side === turn).at(-1)?.id;
    const offered = (turn === "attack" ? ATTACKS : ANSWERS).filter(
      ({ id }) =>
        id !== before && (id !== "robust" || robust) && (id !== "known" || last !== "robust"),
    );
    const all = list.map(({ id }) => id);
    refill(
      choices,
      ...offered.map(({ id, title }) =>
        button({
          label: title,
          onClick: () => store.set({ "robustness.moves": [...all, id].join(",") }),
          signal: owners.signal,
        }),
      ),
      button({
        label: "Take back",
        kind: "quiet",
        onClick: () => store.set({ "robustness.moves": all.slice(0, -1).join(",") }),
        signal: owners.signal,
      }),
    );
  }

  return {
    element,
    controls: [group("Cat and mouse", play)],
    /** @param {boolean} _again @param {Set<string>} changed */
    update(_again, changed) {
      draw();
      const keys = ["robustness.moves", "robustness.epsilon", "robustness.mode", "net", "weights"];
      if (changed.has("weights")) known.clear();
      if (begun() && keys.some((key) => changed.has(key))) void judge();
    },
    leave: () => app.stop("game"),
  };
}
