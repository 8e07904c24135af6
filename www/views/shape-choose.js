/**
 * The choice of the picture that gives the texture; the one that gives the shape is chosen in the bar.
 * @module
 */

import { button } from "../widgets/controls.js";
import { h } from "../widgets/dom.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../app/store.js").Store} Store
 * @typedef {import("./shape-material.js").Material} Material
 */

/**
 * @param {{ app: Session, store: Store, material: Material, signal: AbortSignal }} options
 */
export function chooseTexture({ app, store, material, signal }) {
  const strip = h("div", {
    class: "sources-of-texture",
    role: "radiogroup",
    "aria-label": "Texture from",
  });
  const line = h("p", { class: "muted small" });
  let filled = "";

  /** Both change places. */
  const swap = button({
    label: "Swap",
    title: "Shape and texture change places",
    kind: "quiet",
    onClick: () => {
      const from = material.other().id;
      store.set({ image: from, "shape.from": app.picture.id, target: null });
    },
    signal,
  });

  function fill() {
    const list = material.choices();
    const now = `${store.get().model} ${list.map(({ id }) => id)}`;
    if (now === filled) return;
    filled = now;
    strip.replaceChildren(
      ...list.map((picture) => {
        const image = picture.url
          ? h("img", { src: picture.url, alt: "", loading: "lazy" })
          : h("span", { "aria-hidden": true }, picture.title.slice(0, 2));
        const one = h(
          "button",
          {
            type: "button",
            role: "radio",
            "data-id": picture.id,
            "aria-label": picture.title,
            title: picture.title,
            class: picture.kind,
          },
          image,
        );
        one.addEventListener("click", () => store.set({ "shape.from": picture.id }), { signal });
        return one;
      }),
    );
  }

  return {
    element: h("div", { class: "choose" }, h("div", { class: "row" }, line, swap), strip),
    /** The two pictures in the name of a file. */
    name: () => `${app.picture.id}-with-${material.other().id}`,
    update() {
      fill();
      const chosen = material.other().id;
      line.textContent = `Shape: ${app.picture.title} · texture from:`;
      for (const one of /** @type {NodeListOf<HTMLElement>} */ (
        strip.querySelectorAll("[data-id]")
      ))
        one.setAttribute("aria-checked", String(one.dataset.id === chosen));
    },
  };
}
