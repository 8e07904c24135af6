/**
 * A text field that finds one of many by any part of its name: the classes of a network.
 * @module
 */

import { h, on, uniqueId } from "./dom.js";

/** At most so many matches are listed. */
const MOST = 60;

/**
 * The indices of the names that hold every word of the query, those that start with it first.
 * @param {readonly string[]} names
 * @param {string} query
 */
export function matches(names, query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const found = [];
  for (const [index, name] of names.entries()) {
    const lower = name.toLowerCase();
    if (words.every((word) => lower.includes(word)))
      found.push({ index, early: words.length > 0 && lower.startsWith(words[0]) ? 0 : 1 });
  }
  found.sort((a, b) => a.early - b.early || a.index - b.index);
  return found.map((each) => each.index);
}

/**
 * @param {{ label: string, onChoose: (index: number | null) => void, signal: AbortSignal }} options `null` is chosen with the
 *   first entry, `automatic`
 */
export function createCombobox({ label, onChoose, signal }) {
  const id = uniqueId("find");
  const input = h("input", {
    id,
    type: "text",
    role: "combobox",
    autocomplete: "off",
    spellcheck: "false",
    "aria-expanded": "false",
    "aria-controls": `${id}-list`,
    "aria-autocomplete": "list",
  });
  const list = h("ul", {
    id: `${id}-list`,
    role: "listbox",
    "aria-label": label,
    // What scrolls takes a stop of Tab in some browsers, and would be lost as it closes.
    tabindex: -1,
    hidden: true,
  });
  const element = h(
    "div",
    { class: "combobox" },
    h("label", { for: id }, label),
    h("div", { class: "field" }, input, list),
  );
  /** @type {readonly string[]} */
  let names = [];
  let automatic = "";
  let current = "";
  /** @type {(number | null)[]} */
  let entries = [];
  let active = -1;

  /** @param {string} query */
  function open(query) {
    const found = matches(names, query).slice(0, MOST);
    entries = query === "" && automatic ? [null, ...found] : found;
    list.replaceChildren(
      ...entries.map((entry, place) =>
        h(
          "li",
          { id: `${id}-${place}`, role: "option", "aria-selected": "false" },
          entry === null ? automatic : names[entry],
        ),
      ),
      ...(entries.length === 0 ? [h("li", { class: "none" }, "No class has that name")] : []),
    );
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    point(query === "" ? -1 : 0);
  }

  function close() {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    input.value = current;
  }

  /** @param {number} place */
  function point(place) {
    active = Math.min(Math.max(place, -1), entries.length - 1);
    for (const [index, item] of [...list.children].entries())
      item.setAttribute("aria-selected", String(index === active));
    if (active < 0) return;
    input.setAttribute("aria-activedescendant", `${id}-${active}`);
    list.children[active]?.scrollIntoView({ block: "nearest" });
  }

  /** @param {number} place */
  function choose(place) {
    if (place < 0 || place >= entries.length) return;
    const entry = entries[place];
    close();
    onChoose(entry);
  }

  on(
    input,
    "focus",
    () => {
      input.select();
      open("");
    },
    signal,
  );
  on(input, "click", () => list.hidden && open(""), signal);
  on(input, "input", () => open(input.value), signal);
  on(input, "blur", close, signal);
  on(
    input,
    "keydown",
    (event) => {
      if (event.key === "ArrowDown") list.hidden ? open("") : point(active + 1);
      else if (event.key === "ArrowUp") point(active - 1);
      else if (event.key === "Enter") choose(Math.max(active, 0));
      else if (event.key === "Escape" && !list.hidden) close();
      else return;
      event.preventDefault();
      event.stopPropagation();
    },
    signal,
  );
  on(
    list,
    "pointerdown",
    (event) => {
      event.preventDefault();
      choose([...list.children].indexOf(/** @type {Element} */ (event.target)));
      input.blur();
    },
    signal,
  );

  return {
    element,
    /**
     * @param {{ names: readonly string[], value: string, automatic?: string }} next
     */
    show(next) {
      names = next.names;
      automatic = next.automatic ?? "";
      current = next.value;
      if (list.hidden) input.value = current;
    },
  };
}
