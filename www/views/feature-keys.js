/**
 * Keys while one channel is enlarged: left and right go through the channels in the order shown, Escape goes back.
 * @module
 */

/**
 * @param {{
 *   root: HTMLElement,
 *   store: import("../app/store.js").Store,
 *   isOpen: () => boolean,
 *   shut: () => void,
 *   order: () => ArrayLike<number> | undefined,
 *   count: () => number,
 *   signal: AbortSignal,
 * }} options
 */
export function walkChannels({ root, store, isOpen, shut, order, count, signal }) {
  /** @param {number} step */
  function walk(step) {
    const { channel } = store.get();
    const shown = order();
    const place = (shown ? Array.prototype.indexOf.call(shown, channel) : channel) + step;
    if (place >= 0 && place < count())
      store.set({ channel: shown ? shown[place] : place }, { replace: true });
  }

  // In the capture phase, for the page's own keys walk by index.
  document.addEventListener(
    "keydown",
    (event) => {
      if (!isOpen() || event.ctrlKey || event.metaKey || event.altKey) return;
      if (document.querySelector("dialog[open], :popover-open")) return;
      const { target } = event;
      const free =
        target === document.body ||
        target === root ||
        (target instanceof HTMLButtonElement && root.contains(target));
      if (event.key === "Escape") shut();
      else if (free && event.key === "ArrowLeft") walk(-1);
      else if (free && event.key === "ArrowRight") walk(1);
      else return;
      event.preventDefault();
    },
    { signal, capture: true },
  );
}
