/**
 * What is said beside a picture that grows: the question, the rule, and what to doubt.
 * @module
 */

import { m } from "../widgets/dom.js";
import { createHeading, createWords } from "./words.js";

/**
 * @typedef {import("./synthesis-question.js").Question} Question
 */

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
 * What the sights of several pictures are.
 * @type {Record<Exclude<import("./synthesis-question.js").Sight, "one">, [string[], string[]]>}
 */
const MANY = {
  grid: [
    ["From the same noise, each picture moves up the gradient of the mean of its channel’s map."],
    [
      "Each is stretched by itself: a channel that hardly answers looks as bright as one that shouts.",
    ],
  ],
  between: [
    ["One batch from the same noise; the weights of the two go from one end to the other."],
    [
      "Between two units there may be a picture of both, of neither, or a sudden change: the way in pixels is not the way in the network.",
    ],
  ],
  layers: [
    [
      "Each picture starts as noise and is changed until the layer answers as it does to the first picture.",
    ],
    ["What is lost on the way in cannot come back: late layers fix content, not place and colour."],
  ],
  diverse: [
    [
      "Above, four runs from other noise; below, the same with a penalty on the cosine between the Gram matrices of every two.",
    ],
    [
      "A unit that answers to several things shows one of them at a time. What keeps pictures apart can also bring in what the unit does not ask for.",
    ],
  ],
  switches: [
    [
      "The same run from the same seed, each time with one thing switched off or put in the place of another.",
    ],
    [
      "What makes a picture legible is a choice of ours: all of these raise the same number, in brackets.",
    ],
  ],
};

export function createSayings() {
  const heading = createHeading();
  const words = createWords();
  return {
    heading: heading.element,
    words: words.element,
    /**
     * @param {Question} question
     * @param {string} verdict what the network said of the picture at the end, or nothing
     */
    say(question, verdict) {
      const { app } = question;
      const [name, which, kind] = [question.subject(), question.sight(), question.kind()];
      const picture = { name: app.picture.title };
      if (which === "grid")
        heading.say("What does each channel of ", { name: app.layer.name }, " want to see?");
      else if (which === "layers") heading.say("What do layers still know of ", picture, "?");
      else if (which === "between")
        heading.say("From ", { name }, " to ", { name: question.other().name });
      else if (which === "diverse") heading.say("In how many ways can ", { name }, " be pleased?");
      else if (which === "switches")
        heading.say("What makes the picture of ", { name }, " legible?");
      else if (kind === "dream") heading.say("What does ", { name }, " see in ", picture, "?");
      else if (kind === "spot") {
        const { y, x } = question.place();
        heading.say("What does ", { name }, ` see at (${y}, ${x}) of `, picture, "?");
      } else if (kind === "caricature")
        heading.say("What is ", picture, " to ", { name }, ", exaggerated?");
      else heading.say("What does ", { name }, " want to see?");
      if (which === "one") words.say(first(question), doubt(kind, verdict));
      else words.say(...MANY[which]);
    },
  };
}

/** @param {Question} question */
function first(question) {
  const from = { noise: "noise", grey: "even grey", picture: "the picture" }[question.start()];
  const kind = question.kind();
  if (kind === "dream")
    return [
      `From ${from}, whatever the layer sees grows: the mean square of its outputs, coarse to fine.`,
    ];
  if (kind === "caricature")
    return [
      `From ${from}, the layer’s answer is pushed along its answer to the picture, and along nothing else: length times cosine squared.`,
    ];
  const raised = {
    class: "the logit",
    channel: "the map’s mean",
    unit: "one number of the map",
    mix: "a weighted sum",
    spot: "the mean projection on the layer’s answer at the place framed beside it",
  }[kind];
  const step = `From ${from}, each step moves the picture up the gradient of ${raised}`;
  return question.compares() ? [`${step}. The plain rule (dashed) is `, rule(), "."] : [`${step}.`];
}

/** @param {string} kind @param {string} verdict */
function doubt(kind, verdict) {
  if (verdict && kind === "class")
    return [
      `The network says ${verdict}. It shows what raises this number, not what a photograph looks like; the switches decide how much of it people can read.`,
    ];
  return [
    "It shows what raises this number, not what the unit means: several things can raise it, and a run finds one of them.",
  ];
}
