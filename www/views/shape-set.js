/**
 * Shape bias over a set: the pictures that ship, each with the texture of each other one, or a folder of cue-conflict pictures
 * named as the published ones; beside it the published figures and the class's own vote.
 * @module
 */

import { button, fold, group, segmented } from "../widgets/controls.js";
import { h, m, on } from "../widgets/dom.js";
import { fixed, percent } from "../widgets/format.js";
import { createSaves } from "../widgets/save.js";
import { createBiasPlot } from "./shape-plot.js";
import { PUBLISHED } from "./shape-published.js";
import { createHeading, createWords } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/session.js").Part} Part
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../convscope.js").ShapeBias} ShapeBias
 * @typedef {import("../convscope.js").ShapeTally} ShapeTally
 * @typedef {import("./shape-material.js").Material} Material
 * @typedef {import("./shape-conflicts.js").Conflicts} Conflicts
 */

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
  const plot = createBiasPlot({ label: "Shape bias by category" });
  const saves = createSaves({
    art: () => plot.element,
    rows: decided,
    name: () => `shape-bias-${app.net.name}`,
    signal,
  });
  const status = h("p", { class: "muted told", role: "status" });
  const facts = h("dl", { class: "facts" });
  root.append(
    heading.element,
    h(
      "div",
      { class: "set-of-conflicts" },
      h("div", { class: "figure-of-bias" }, plot.element, saves),
      h("div", {}, facts, status),
    ),
    words.element,
  );
  const folder = h("input", { type: "file", multiple: true, webkitdirectory: true, hidden: true });
  on(
    folder,
    "change",
    () => {
      take([...(folder.files ?? [])]);
      folder.value = "";
    },
    signal,
  );
  const set = segmented({
    label: "Over which pictures",
    options: [
      {
        value: "crossed",
        label: "Those here",
        title: "Each shipped picture, filled with the texture of each other",
      },
      { value: "folder", label: "A folder", title: "Files named as cat7-elephant2.png" },
    ],
    value: conflicts.kind(),
    onChange: (value) => {
      store.set({ "shape.set": value });
      if (value === "folder" && conflicts.files().length === 0) folder.click();
    },
    signal,
  });
  /** @type {ShapeBias | null} */
  let found = null;
  app.controls.append(
    group(
      "A set",
      set.element,
      h(
        "div",
        { class: "row" },
        button({ label: "Choose a folder", onClick: () => folder.click(), signal }),
      ),
      folder,
    ),
    fold("Published figures", sources()),
  );

  /** @param {File[]} files */
  function take(files) {
    if (conflicts.take(files) === 0) {
      status.textContent =
        "None of these files is named as a cue-conflict picture, such as cat7-elephant2.png: shape first, then texture.";
      return;
    }
    if (conflicts.kind() === "folder") void run();
    else store.set({ "shape.set": "folder" });
  }

  /** A row for each picture. */
  function decided() {
    const rows = (found?.decisions ?? []).map((each, index) => [
      conflicts.nameOf(index),
      each.shape,
      each.texture,
      each.category,
      each.probability,
      each.decision,
    ]);
    return [["picture", "shape", "texture", "answer", "mean probability", "decision"], ...rows];
  }

  async function run() {
    status.textContent = "";
    const got = await app.work("shape", async (until) => {
      const list = await conflicts.list(until, (text) => {
        status.textContent = text;
      });
      if (list.length === 0) return { bias: null, none: conflicts.about() };
      const bias = await app.net.shapeBias(list, {
        categories: conflicts.categories(),
        onProgress: ({ done = 0, total = 0 }) => {
          if (!until.aborted) status.textContent = `${done} of ${total} pictures`;
        },
        signal: until,
      });
      return { bias, none: "" };
    });
    if (!got || signal.aborted) return;
    found = got.bias;
    show();
    if (got.none) status.textContent = got.none;
  }

  /** The published means, and the class's vote. @returns {import("./shape-plot.js").Mean[]} */
  function beside() {
    const votes = conflicts.votes();
    const decided = votes.shape + votes.texture;
    return [
      ...PUBLISHED.map(({ name, bias, shape, texture, source }) => ({
        name,
        bias,
        kind: /** @type {"published"} */ ("published"),
        title: `${name}: ${shape} for the shape, ${texture} for the texture, over the published pictures. ${source}`,
      })),
      ...(decided > 0
        ? [
            {
              name: "this class",
              bias: votes.shape / decided,
              kind: /** @type {"class"} */ ("class"),
              title: `${votes.shape} votes for the shape, ${votes.texture} for the texture`,
            },
          ]
        : []),
    ];
  }

  function show() {
    const own = found?.bias ?? null;
    plot.show({
      rows: (found?.categories ?? [])
        .filter((each) => each.shape + each.texture + each.other > 0)
        .map(({ category, bias, interval: [low, high], ...tally }) => ({
          name: category,
          bias,
          low,
          high,
          title: `${category}: ${tally.shape} shape, ${tally.texture} texture, ${tally.other} neither`,
        })),
      means: [
        ...beside(),
        ...(own === null
          ? []
          : [
              {
                name: app.net.name,
                bias: own,
                kind: /** @type {"own"} */ ("own"),
                title: "This network, over this set",
              },
            ]),
      ],
    });
    heading.say("Does ", { name: app.net.name }, " go by shape or by texture?");
    facts.replaceChildren(...(found ? rowsOf(found) : []));
    const empty = conflicts.kind() === "folder" && !found;
    status.textContent = empty
      ? "Choose a folder, or drop one here: files named as cat7-elephant2.png, the shape of a cat and the texture of an elephant."
      : found
        ? conflicts.about()
        : "";
    say();
  }

  function say() {
    const fraction = m(
      "math",
      {},
      m(
        "mfrac",
        {},
        m("mi", {}, "shape"),
        m("mrow", {}, m("mi", {}, "shape"), m("mo", {}, "+"), m("mi", {}, "texture")),
      ),
    );
    words.say(
      [
        "Of the answers that name shape or texture, the share that names the shape: ",
        fraction,
        ". The category with the greatest mean probability of its classes is the answer; dots are categories by shape, with 95 % intervals (Wilson). ",
        h(
          "a",
          { href: "https://arxiv.org/abs/1811.12231", rel: "noopener" },
          "Geirhos et al. 2019",
        ),
      ],
      [conflicts.doubt()],
    );
  }

  on(
    root,
    "drop",
    (event) => {
      event.preventDefault();
      void conflicts.dropped(event).then(take);
    },
    signal,
  );

  return {
    update(_state, changed) {
      set.set(conflicts.kind());
      const keys = ["net", "weights", "shape.set", "shape.seed"];
      if (keys.some((key) => changed.has(key))) {
        found = null;
        show();
        void run();
      } else if (changed.has("shape.votes")) show();
    },
    destroy() {
      app.stop("shape");
      life.abort();
    },
  };
}

/** @param {ShapeTally} tally */
function rowsOf({ shape, texture, other, same, bias, interval, coverage }) {
  const row = (/** @type {string} */ name, /** @type {string} */ value) => [
    h("dt", {}, name),
    h("dd", {}, value),
  ];
  return [
    ...row("shape bias", bias === null ? "none decided" : fixed(bias, 3)),
    ...row("95 % interval", `${fixed(interval[0], 3)} – ${fixed(interval[1], 3)}`),
    ...row("for the shape", String(shape)),
    ...row("for the texture", String(texture)),
    ...row("for neither", String(other)),
    ...row("coverage", coverage === null ? "–" : percent(coverage)),
    ...(same > 0 ? row("no conflict, not counted", String(same)) : []),
  ];
}

function sources() {
  return h(
    "ul",
    { class: "published small" },
    ...PUBLISHED.map(({ name, bias, shape, texture, source }) =>
      h(
        "li",
        {},
        h("strong", {}, `${name} ${fixed(bias, 3)}`),
        ` (${shape}:${texture}), ${source}`,
      ),
    ),
  );
}
