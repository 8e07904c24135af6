/**
 * A network beside its twin that was trained on attacked pictures: the same picture, the same attack, and what the two look
 * at. Shown where such a twin ships.
 * @module
 */

import { button } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";
import { percent } from "../widgets/format.js";
import { createPixels } from "../widgets/pixels.js";
import { figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("../convscope.js").Net} Net
 */

/** Which network has which twin. @type {Record<string, string>} */
const TWINS = { fashion: "fashion-robust", "fashion-robust": "fashion" };

/** Steps of the attack. */
const STEPS = 20;

const SIGHTS = /** @type {const} */ (["Kernels", "Gradient", "Attacked"]);

/**
 * @param {{ app: Session, store: Store, signal: AbortSignal }} options
 */
export function createTwins({ app, store, signal }) {
  const title = h("h3", {}, "Plain beside adversarially trained");
  const rows = h("div", { class: "twins" });
  const show = button({ label: "Compare", onClick: () => void compare(), signal });
  const about = h("p", { class: "muted" });
  const element = h(
    "section",
    { class: "twin-part", hidden: true },
    title,
    h("div", { class: "row" }, about, show),
    rows,
  );
  /** @type {Promise<Net> | null} */
  let other = null;
  let otherId = "";
  /** Of the sights that are shown. */
  let owners = new AbortController();
  signal.addEventListener(
    "abort",
    () => {
      owners.abort();
      drop();
    },
    { once: true },
  );

  function drop() {
    other?.then((net) => net.dispose()).catch(() => undefined);
    other = null;
  }

  function twinOf() {
    const id = TWINS[store.get().model];
    return app.scope.models.some((model) => model.id === id) ? id : null;
  }

  async function compare() {
    const id = twinOf();
    if (!id) return;
    const found = await app.work("twins", async (until) => {
      if (otherId !== id) {
        drop();
        otherId = id;
      }
      other ??= app.scope.load(id, { signal: until });
      const net = await other;
      const own = store.get().model;
      return Promise.all([lookAt(own, app.net, until), lookAt(id, net, until)]);
    });
    if (!found || signal.aborted) return;
    owners.abort();
    owners = new AbortController();
    rows.replaceChildren(...found.map(rowOf));
  }

  /**
   * @param {string} id
   * @param {Net} net
   * @param {AbortSignal} until
   */
  async function lookAt(id, net, until) {
    const { input, target } = app;
    const first = net.layers.find((layer) => layer.op === "conv2d")?.weight ?? "";
    const kernels = await net.weights(first);
    const gradient = await net.gradient(input, { logit: target }, { signal: until });
    const epsilon = Number(store.get()["robustness.epsilon"]) / 255;
    const outcome = await net.attack(input, {
      method: "pgd",
      epsilon,
      steps: STEPS,
      stepSize: (2.5 * epsilon) / STEPS || undefined,
      label: target,
      units: "pixels",
      signal: until,
    });
    const painted = await Promise.all([
      app.scope.paint(kernels, { map: "gray", scale: "each" }),
      app.scope.paint(gradient, { map: "diverging", scale: "signed", percentile: 99 }),
    ]);
    const attacked = await createImageBitmap(await net.toPixels(outcome.image));
    const clean = outcome.before.probabilities.data[target];
    const now = outcome.after.probabilities.data[target];
    return { id, bitmaps: [painted[0].bitmap, painted[1].bitmap, attacked], clean, now };
  }

  /** @param {Awaited<ReturnType<typeof lookAt>>} seen */
  function rowOf({ id, bitmaps, clean, now }) {
    const sights = bitmaps.map((bitmap, index) => {
      const pixels = createPixels({ label: `${SIGHTS[index]} of ${id}`, signal: owners.signal });
      const { width, height } = bitmap;
      pixels.show({ width, height, layers: [{ bitmap }], label: `${SIGHTS[index]} of ${id}` });
      return figure(pixels.element, SIGHTS[index]).element;
    });
    const go = (
      /** @type {string} */ label,
      /** @type {string} */ view,
      /** @type {object} */ patch,
    ) =>
      button({
        label,
        kind: "quiet",
        onClick: () => app.goTo(view, { model: id, ...patch }),
        signal: owners.signal,
      });
    return h(
      "div",
      { class: "twin" },
      h(
        "div",
        {},
        h("strong", {}, id),
        h("p", { class: "number" }, `${app.targetLabel} ${percent(clean)} → ${percent(now)}`),
        go("Its kernels", "kernels", {}),
        go("Its saliency", "saliency", {}),
        go("What it wants to see", "synthesis", {
          target: app.target,
          "synthesis.of": "class",
          "synthesis.run": true,
        }),
      ),
      ...sights,
    );
  }

  return {
    element,
    /** @param {boolean} again @param {Set<string>} changed */
    update(again, changed) {
      const twin = twinOf();
      element.hidden = twin === null;
      about.textContent = `The same picture under the same attack, on ${store.get().model} and on ${twin}.`;
      const stale = again || changed.has("robustness.epsilon");
      if (stale && rows.children.length > 0) void compare();
    },
    leave: () => app.stop("twins"),
  };
}
