/**
 * Transfer: what other networks that take the same pictures say of one that was made to fool this one.
 * @module
 */

import { button } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";
import { said } from "./robustness-sight.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../convscope.js").Net} Net
 * @typedef {import("../convscope.js").Tensor} Tensor
 */

/**
 * @param {{ app: Session, store: Store, signal: AbortSignal }} options
 */
export function createTransfer({ app, store, signal }) {
  const list = h("span", { class: "number" });
  const ask = button({
    label: "Show it to other networks",
    title: "An attack made on one network often fools another",
    onClick: () => void show(),
    signal,
  });
  ask.classList.add("small");
  const element = h("p", { class: "transfer", hidden: true }, ask, list);
  /** @type {Tensor | null} */
  let picture = null;
  /** Other networks, by id; they go with the view. @type {Map<string, Promise<Net>>} */
  const nets = new Map();
  signal.addEventListener(
    "abort",
    () => {
      for (const net of nets.values()) net.then((each) => each.dispose()).catch(() => undefined);
    },
    { once: true },
  );

  /** Networks that take the same pictures and tell as many classes apart. */
  function others() {
    const { model } = store.get();
    const own = app.scope.models.find(({ id }) => id === model);
    return app.scope.models.filter(
      ({ id, input, classes }) =>
        id !== model &&
        classes === own?.classes &&
        JSON.stringify(input) === JSON.stringify(own?.input),
    );
  }

  async function show() {
    const shown = picture;
    if (!shown) return;
    const answers = await app.work("attack.transfer", async (until) => {
      /** @type {string[]} */
      const each = [];
      for (const { id } of others()) {
        const net = nets.get(id) ?? app.scope.load(id, { signal: until });
        nets.set(id, net);
        net.catch(() => nets.delete(id));
        const { top } = await (await net).predict(shown, { top: 1, signal: until });
        each.push(`${id}: ${said(top[0])}`);
      }
      return each;
    });
    if (answers && !signal.aborted && picture === shown) list.textContent = answers.join(" · ");
  }

  return {
    element,
    /** @param {Tensor | null} next the attacked picture */
    set(next) {
      if (next === picture) return;
      picture = next;
      list.textContent = "";
      element.hidden = next === null || others().length === 0;
    },
    leave: () => app.stop("attack.transfer"),
  };
}
