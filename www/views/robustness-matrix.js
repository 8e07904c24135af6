/**
 * Transfer over a set: what each network makes of pictures that were made to fool each other one.
 * @module
 */

import { button } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";
import { percent } from "../widgets/format.js";
import { of255, shareCell } from "./robustness-sight.js";

/**
 * @typedef {import("../convscope.js").Examples} Examples
 * @typedef {import("../convscope.js").Net} Net
 * @typedef {import("../convscope.js").Transfer} Transfer
 */

/**
 * @param {{
 *   app: import("../app/session.js").Session,
 *   store: import("../app/store.js").Store,
 *   netOf: (id: string | null, until: AbortSignal) => Promise<Net>,
 *   examples: (most: number, until: AbortSignal) => Promise<Examples>,
 *   budget: () => number,
 *   count: () => number,
 *   signal: AbortSignal,
 * }} options `budget` in 255ths
 */
export function createMatrix({ app, store, netOf, examples, budget, count, signal }) {
  const table = h("table", { class: "ladder-table matrix" });
  const say = h("p", { class: "muted", role: "status" });
  const start = button({
    label: "Attack each, show all",
    title: "PGD of 20 steps on the network of each row, shown to the network of each column",
    onClick: () => (app.isWorking("ladder.transfer") ? stop() : void play()),
    signal,
  });
  start.classList.add("small");
  const element = h(
    "section",
    { class: "transfers", hidden: true },
    h("h3", {}, "Does an attack on one network fool another?"),
    h("div", { class: "row map-key" }, say, start),
    h("div", { class: "wide" }, table),
  );
  /** By network that is attacked. @type {Map<string, Transfer>} */
  const found = new Map();
  let turn = 0;

  /** Networks that take the same pictures by the same rule. */
  function networks() {
    const { model } = store.get();
    const own = app.scope.models.find(({ id }) => id === model);
    const like = app.scope.models.filter(
      ({ id, input, classes }) =>
        id !== model &&
        classes === own?.classes &&
        JSON.stringify(input) === JSON.stringify(own?.input),
    );
    return own ? [own.id, ...like.map(({ id }) => id)] : [];
  }

  async function play() {
    turn += 1;
    const mine = turn;
    const ids = networks();
    found.clear();
    start.textContent = "Stop";
    draw();
    await app.work("ladder.transfer", async (until) => {
      const data = await examples(count(), until);
      const nets = [];
      for (const id of ids) nets.push(await netOf(id === store.get().model ? null : id, until));
      for (const [index, net] of nets.entries()) {
        const attack = /** @type {const} */ ({ method: "pgd", steps: 20 });
        const epsilon = budget() / 255;
        const each = await net.transfer(data, nets, {
          attack: { ...attack, epsilon },
          seed: 1,
          signal: until,
        });
        if (mine !== turn) return;
        found.set(ids[index], each);
        draw();
      }
    });
    if (mine === turn && !signal.aborted) start.textContent = "Attack each, show all";
  }

  function stop() {
    turn += 1;
    app.stop("ladder.transfer");
    start.textContent = "Attack each, show all";
  }

  function draw() {
    const ids = networks();
    element.hidden = ids.length < 2;
    say.textContent = `Accuracy on ${count()} pictures; rows: the network that PGD attacks within L∞ ≤ ${of255(budget())}, columns: the one that is shown the result.`;
    const [first] = found.values();
    table.replaceChildren(
      h(
        "thead",
        {},
        h("tr", {}, ...["Attacked", ...ids].map((id) => h("th", { scope: "col" }, id))),
      ),
      h(
        "tbody",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "row" }, "none"),
          ...ids.map((_, column) => shareCell(first?.clean[column] ?? null, "clean")),
        ),
        ...ids.map((id, row) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, id),
            ...ids.map((_, column) => {
              const cell = shareCell(found.get(id)?.accuracy[column] ?? null, "");
              if (row === column) cell.classList.add("own");
              const success = found.get(id)?.success[column];
              if (success !== undefined)
                cell.title = `${percent(success)} of the pictures that it had right are lost`;
              return cell;
            }),
          ),
        ),
      ),
    );
  }

  return {
    element,
    /** @param {boolean} anew whether what was found holds no longer */
    update(anew) {
      if (anew) {
        stop();
        found.clear();
      }
      draw();
    },
    leave: stop,
  };
}
