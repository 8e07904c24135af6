/**
 * A defence before the network: the picture and the attacked picture, each as they are and as the defence leaves them; what
 * that costs and what it saves, also against an attack that knows it.
 * @module
 */

import { fold, group, segmented, select, slider } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";
import { number, percent } from "../widgets/format.js";
import { createLink, createPixels } from "../widgets/pixels.js";
import { createReadout } from "../widgets/readout.js";
import { amountOf, callOf, DEFENCES, defenceOf, formulaOf } from "./robustness-defences.js";
import { bitmapOf, inPixels, of255, said } from "./robustness-sight.js";
import { createTwins } from "./robustness-twins.js";
import { isLittle } from "./saliency-cost.js";
import { createRun } from "./saliency-run.js";
import { figure } from "./words.js";

/**
 * @typedef {import("../convscope.js").Tensor} Tensor
 * @typedef {import("../convscope.js").Prediction} Prediction
 * @typedef {{ picture: Tensor, words: string, right: boolean | null }} Seen
 */

/** Steps of the attack. */
const STEPS = 40;

/** Noisy copies that vote, where the network is small and where it is not. */
const COPIES = 1000;
const FEW_COPIES = 50;

/** How many times more than elsewhere the votes may cost unasked, as they show how far they are. */
const PATIENCE = 4;

const NAMES = ["The picture", "Through the defence", "Attacked", "Attacked, then defended"];

/**
 * @param {import("./robustness.js").Place} place
 * @returns {import("./robustness.js").Way}
 */
export function createDefend({ app, store, heading, words, signal }) {
  const link = createLink();
  const readout = createReadout("Point at a pixel for its values in all four.");
  const sights = NAMES.map((label) => {
    const pixels = createPixels({ label, link, onHover: hover, signal });
    const answer = h("p", { class: "answer" });
    const { element, caption } = figure(pixels.element, label);
    element.append(answer);
    return { pixels, element, caption, answer };
  });
  const run = createRun({ onStart: () => void compute(), onStop: stop, signal });
  const verdict = h("p", { class: "verdict", role: "status" });
  const evidence = h("p", { class: "budget number" });
  const twins = createTwins({ app, store, signal });
  const element = h(
    "div",
    { class: "defend" },
    h("div", { class: "sights four" }, ...sights.map((each) => each.element)),
    h("div", { class: "row map-key" }, verdict, run.element),
    evidence,
    readout.element,
    twins.element,
  );

  const state = () => store.get();
  const defence = select({
    label: "Defence",
    options: DEFENCES.map(({ id, title }) => ({ value: id, label: title })),
    value: defenceOf(state()["robustness.defence"]).id,
    onChange: (value) => store.set({ "robustness.defence": value, "robustness.amount": null }),
    signal,
  });
  const knows = segmented({
    label: "The attack",
    options: [
      { value: "plain", label: "Is blind to it", title: "It attacks the network alone" },
      { value: "adaptive", label: "Knows it", title: "BPDA and EOT" },
    ],
    value: adaptive() ? "adaptive" : "plain",
    onChange: (value) => store.set({ "robustness.adaptive": value === "adaptive" }),
    signal,
  });
  const epsilon = slider({
    label: "Its budget ε (PGD, L∞)",
    min: 0,
    max: 64,
    step: 0.5,
    value: 8,
    text: of255,
    onInput: (value) => store.set({ "robustness.epsilon": value }, { replace: true }),
    signal,
  });
  const amount = h("div", {});
  const meaning = h("div", { class: "formula" });

  /** @type {Tensor[]} */
  let pictures = [];
  let turn = 0;
  let made = "";
  /** @type {(value: number) => void} */
  let setAmount = () => {};
  let owners = new AbortController();
  signal.addEventListener("abort", () => owners.abort(), { once: true });

  function adaptive() {
    return state()["robustness.adaptive"] === true;
  }

  const defenceNow = () => defenceOf(state()["robustness.defence"]);
  const amountNow = () => amountOf(defenceNow(), state()["robustness.amount"]);

  function epsilonNow() {
    const wanted = Number(state()["robustness.epsilon"]);
    return wanted >= 0 && wanted <= 64 ? wanted : 8;
  }

  async function compute() {
    turn += 1;
    const mine = turn;
    const which = defenceNow();
    const call = callOf(which, amountNow());
    run.start();
    const found = await app.work("defend", async (until) => {
      const { net, input, target } = app;
      const common = { units: /** @type {const} */ ("pixels"), seed: seed(), signal: until };
      const outcome = await net.attack(input, {
        method: "pgd",
        epsilon: epsilonNow() / 255,
        steps: STEPS,
        stepSize: (2.5 * epsilonNow()) / 255 / STEPS || undefined,
        label: target,
        ...common,
        ...(adaptive() ? { defence: { ...call, adaptive: true } } : {}),
        onProgress: run.step,
      });
      const attacked = /** @type {Tensor} */ (outcome.image);
      const plain = [input, attacked].map(async (picture) => {
        const prediction = await net.predict(picture, { top: 5, signal: until });
        const [best] = prediction.top;
        return { picture, words: said(best), right: best.index === target };
      });
      const behind = [input, attacked].map((picture) => through(picture, call, common));
      const [clean, wrong] = await Promise.all(plain);
      const [kept, saved] = await Promise.all(behind);
      const seen = [clean, kept.seen, wrong, saved.seen];
      const bitmaps = await Promise.all(seen.map(({ picture }) => bitmapOf(net, picture)));
      return { seen, bitmaps, notes: [kept.note, saved.note] };
    });
    if (mine !== turn || signal.aborted) return;
    if (!found) {
      if (!app.isWorking("defend")) run.end();
      return;
    }
    run.end();
    pictures = found.seen.map(({ picture }) => picture);
    const { width, height } = app.seen;
    for (const [index, sight] of sights.entries()) {
      const { words: answer, right } = found.seen[index];
      const bitmap = found.bitmaps[index];
      sight.pixels.show({
        width,
        height,
        layers: [{ bitmap }],
        label: `${NAMES[index]}: ${answer}`,
      });
      sight.answer.textContent = answer;
      sight.answer.className = `answer ${right === null ? "refused" : right ? "right" : "wrong"}`;
    }
    evidence.replaceChildren(
      ...found.notes.flatMap((note, index) =>
        note ? [h("span", {}, `${index === 0 ? "As it is" : "Attacked"}: ${note}`)] : [],
      ),
    );
    verdict.textContent = judge(found.seen);
    app.announce(verdict.textContent);
  }

  /**
   * A picture behind the defence, and what the network then says.
   * @param {Tensor} picture
   * @param {import("../convscope.js").Defence} call
   * @param {{ units: "pixels", seed: number, signal: AbortSignal }} common
   * @returns {Promise<{ seen: Seen, note: string }>}
   */
  async function through(picture, call, common) {
    const { net, target } = app;
    const { signal: until } = common;
    if (call.method === "smoothing") {
      const samples = isLittle(COPIES / PATIENCE, net, app.scope) ? COPIES : FEW_COPIES;
      const found = await net.defend(picture, {
        method: "smoothing",
        sigma: call.sigma,
        samples,
        guesses: Math.ceil(samples / 10),
        onProgress: run.step,
        ...common,
      });
      const answer = found.class === null ? "abstains" : app.label(found.class);
      const note =
        found.class === null
          ? "no majority is sure enough"
          : `${app.label(found.class)} is certain within L2 ${number(found.radius, 2)}, with ${percent(found.votes[found.class] / samples)} of the votes`;
      const right = found.class === null ? null : found.class === target;
      return { seen: { picture: bare(found), words: answer, right }, note };
    }
    if (call.method === "squeezing") {
      const { threshold } = call;
      const found = await net.defend(picture, { method: "squeezing", threshold, ...common });
      const [best] = (await net.predict(picture, { top: 1, signal: until })).top;
      const note = `score ${number(found.score, 2)}, ${found.detected ? "above" : "not above"} ${number(threshold ?? 0.5, 2)}`;
      const answer = found.detected ? "refused" : said(best);
      const right = found.detected ? null : best.index === target;
      return { seen: { picture: bare(found), words: answer, right }, note };
    }
    const filter = /** @type {import("../convscope.js").Filter} */ (call);
    const filtered = await net.defend(picture, { ...filter, ...common });
    const [best] = (await net.predict(filtered, { top: 1, signal: until })).top;
    return {
      seen: { picture: filtered, words: said(best), right: best.index === target },
      note: "",
    };
  }

  function seed() {
    return Number(state()["robustness.seed"]);
  }

  /** @param {Seen[]} seen */
  function judge([clean, kept, wrong, saved]) {
    if (clean.right && kept.right === null)
      return "The defence has no answer to the picture as it is: it costs more than it saves.";
    if (clean.right && kept.right === false)
      return "The defence spoils the picture as it is: it costs more than it saves.";
    if (wrong.right) return "The attack fails already without the defence: give it more budget.";
    if (saved.right === null) return "The attacked picture is refused.";
    if (saved.right)
      return adaptive()
        ? "It holds, though the attack knows it: at this budget, on this picture."
        : "The defence brings the answer back. Now let the attack know of it.";
    return adaptive()
      ? "The attack knows the defence, and goes through it."
      : "The attack goes through the defence without knowing of it.";
  }

  function stop() {
    app.stop("defend");
    run.stopped();
  }

  /** What costs much begins when it is told to: until then there is the picture alone. */
  async function wait() {
    turn += 1;
    const mine = turn;
    pictures = [];
    verdict.textContent = "Start attacks the picture, then lets it through the defence.";
    evidence.replaceChildren();
    run.stopped();
    const bitmap = await createImageBitmap(app.seen);
    if (mine !== turn || signal.aborted) return;
    const { width, height } = app.seen;
    for (const [index, { pixels, answer }] of sights.entries()) {
      const layer = index === 0 ? { bitmap } : { bitmap, filter: "grayscale(1)", alpha: 0.2 };
      pixels.show({ width, height, layers: [layer], label: NAMES[index] });
      answer.textContent = "";
    }
    const [best] = app.prediction.top;
    sights[0].answer.textContent = said(best);
    sights[0].answer.className = `answer ${best.index === app.target ? "right" : "wrong"}`;
  }

  /** @param {{ x: number, y: number } | null} cell */
  function hover(cell) {
    if (!cell || pictures.length === 0) {
      readout.show(null);
      return;
    }
    const [, channels, height, width] = app.input.shape;
    const each = pictures.map((picture) => {
      const values = inPixels(app.net, picture);
      return Array.from({ length: channels }, (_, c) =>
        number(values[(c * height + cell.y) * width + cell.x], 3),
      ).join(" ");
    });
    readout.show(`row ${cell.y}, column ${cell.x}: ${each.join(" · ")}`);
  }

  function offer() {
    const which = defenceNow();
    if (made !== which.id) {
      made = which.id;
      owners.abort();
      owners = new AbortController();
      const { label, min, max, step, text } = which;
      const control = slider({
        label,
        min,
        max,
        step,
        value: amountNow(),
        text,
        onInput: (value) => store.set({ "robustness.amount": value }, { replace: true }),
        signal: owners.signal,
      });
      setAmount = (value) => control.set(value);
      amount.replaceChildren(control.element);
    }
    setAmount(amountNow());
  }

  function say() {
    const which = defenceNow();
    heading.say("Does ", { name: which.title }, ` bring ${app.targetLabel} back?`);
    words.say([`${which.what} `, formulaOf(which, false)], [`${which.doubt} (${which.paper})`]);
    meaning.replaceChildren(
      formulaOf(which, true),
      h("p", { class: "small" }, which.paper),
      h("p", { class: "muted small" }, "f is the network, X the picture with pixels from 0 to 1."),
    );
  }

  return {
    element,
    controls: [
      group("Defend", defence.element, amount, knows.element, epsilon.element),
      fold("Formula and paper", meaning),
    ],
    update(again, changed) {
      defence.set(defenceNow().id);
      knows.set(adaptive() ? "adaptive" : "plain");
      epsilon.set(epsilonNow());
      offer();
      say();
      twins.update(again, changed);
      const keys = ["defence", "amount", "adaptive", "epsilon", "seed"];
      const anew = again || keys.some((key) => changed.has(`robustness.${key}`));
      if (!anew) return;
      if (!again || isLittle(3 * STEPS, app.net, app.scope)) void compute();
      else void wait();
    },
    leave() {
      app.stop("defend");
      twins.leave();
    },
  };
}

/**
 * The tensor alone.
 * @param {Tensor} tensor
 * @returns {Tensor}
 */
function bare({ data, shape }) {
  return { data, shape };
}
