/**
 * A panel that opens under a button and closes with Escape or a click elsewhere.
 * @module
 */

import { h, on, uniqueId } from "./dom.js";

/** The right edge of the stage, so that what stays open leaves the prediction in sight. */
function edgeOfStage() {
  const side = document.getElementById("side")?.getBoundingClientRect();
  return side && side.left > innerWidth / 2 ? side.left : innerWidth;
}

/**
 * @param {{ button: HTMLButtonElement, panel: HTMLElement, label: string, manual?: boolean, onOpen?: () => void, onClose?: () => void, signal: AbortSignal }} options
 *   `manual` panels stay open while one works elsewhere
 */
export function popover({ button, panel, label, manual = false, onOpen, onClose, signal }) {
  const id = uniqueId("panel");
  const element = h(
    "div",
    {
      id,
      class: "popover",
      popover: manual ? "manual" : "auto",
      role: "dialog",
      "aria-label": label,
    },
    panel,
  );
  button.after(element);
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-controls", id);
  button.popoverTargetElement = element;

  const place = () => {
    const box = button.getBoundingClientRect();
    const edge = manual ? edgeOfStage() : innerWidth;
    const left = Math.min(box.left, edge - element.offsetWidth - 8);
    element.style.left = `${Math.max(8, left)}px`;
    element.style.top = `${box.bottom + 6}px`;
  };
  element.addEventListener(
    "toggle",
    (event) => {
      const open = /** @type {ToggleEvent} */ (event).newState === "open";
      button.setAttribute("aria-expanded", String(open));
      if (open) {
        place();
        onOpen?.();
      } else onClose?.();
    },
    { signal },
  );
  window.addEventListener("resize", place, { signal });
  on(
    element,
    "keydown",
    (event) => {
      if (event.key !== "Escape" || !manual) return;
      element.hidePopover();
      button.focus();
    },
    signal,
  );
  return { element, close: () => element.hidePopover() };
}
