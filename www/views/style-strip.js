/**
 * The pictures whose style can be taken, as a row of thumbs.
 * @module
 */

import { button } from "../widgets/controls.js";
import { h, on } from "../widgets/dom.js";

/** @typedef {import("../app/session.js").Picture} Picture */

/** Thumbs at most: one's own, the paintings, some photographs. */
const MOST = 14;

/**
 * @param {{ onPick: (id: string) => void, onFile: (file: File) => void, onSwap: () => void, signal: AbortSignal }} options
 */
export function createStrip({ onPick, onFile, onSwap, signal }) {
  const thumbs = h("div", { class: "style-thumbs", role: "group", "aria-label": "Style" });
  const file = h("input", { type: "file", accept: "image/*", hidden: true });
  on(
    file,
    "change",
    () => {
      const [chosen] = file.files ?? [];
      file.value = "";
      if (chosen) onFile(chosen);
    },
    signal,
  );
  const open = button({ label: "File", onClick: () => file.click(), signal });
  const swap = button({
    label: "Swap",
    title: "The style becomes the content, the content the style",
    onClick: onSwap,
    signal,
  });
  const element = h("div", { class: "style-strip" }, thumbs, open, swap, file);
  let listed = "";

  return {
    element,
    /**
     * @param {Picture[]} pictures
     * @param {string} chosen
     */
    show(pictures, chosen) {
      const few = pictures.slice(0, MOST);
      const known = few.map((each) => each.id).join(" ");
      if (known !== listed) {
        listed = known;
        thumbs.replaceChildren(
          ...few.map((picture) => {
            const thumb = h(
              "button",
              { type: "button", title: picture.title, "aria-label": picture.title },
              h("img", { src: picture.url, alt: "", loading: "lazy" }),
            );
            thumb.dataset.id = picture.id;
            on(thumb, "click", () => onPick(picture.id), signal);
            return thumb;
          }),
        );
      }
      for (const thumb of thumbs.querySelectorAll("button"))
        thumb.setAttribute("aria-pressed", String(thumb.dataset.id === chosen));
    },
  };
}
