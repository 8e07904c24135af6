/**
 * The network as a list: its layers in order with their shapes and their three strongest feature maps on the picture;
 * branches that skip layers are drawn as lines at the left. Long networks are grouped by block, and blocks unfold.
 * @module
 */

import { h, on, pixelRatio, reveal, svg } from "../widgets/dom.js";
import { count, shape } from "../widgets/format.js";

/**
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("./session.js").Layer} Layer
 * @typedef {import("./session.js").Tensor} Tensor
 * @typedef {import("./session.js").Part} Part
 * @typedef {import("./store.js").Store} Store
 * @typedef {{ name: string, layers: Layer[], shown: Layer }} Group `shown` is the layer that stands for the group: its last
 * @typedef {{ layer: Layer, group: Group | null, inner: boolean, element: HTMLElement, canvas: HTMLCanvasElement }} Row
 */

/** Networks with more layers than this are grouped by block. */
const LONG = 24;
const THUMBS = 3;
const SIDE = 24;

/**
 * Whether a layer belongs to the block: named after it, or in it or in a part of it.
 * @param {Layer} layer
 * @param {string} block
 */
function isIn(layer, block) {
  return layer.name === block || layer.block === block || layer.block.startsWith(`${block}.`);
}

/**
 * Consecutive layers of one block as groups; a layer without a block is its own.
 * @param {readonly Layer[]} layers
 * @returns {Group[]}
 */
export function groups(layers) {
  /** @type {Group[]} */
  const found = [];
  for (const layer of layers) {
    const last = found.at(-1);
    if (last && isIn(layer, last.name)) {
      last.layers.push(layer);
      last.shown = layer;
    } else found.push({ name: layer.block, layers: [layer], shown: layer });
  }
  return found;
}

/**
 * The branches of a network: for each layer, inputs that are not the layer just before it.
 * @param {readonly Layer[]} layers
 * @returns {{ from: string, to: string }[]}
 */
export function branches(layers) {
  return layers.flatMap((layer, index) =>
    layer.inputs
      .filter(
        (input) =>
          index > 0 &&
          input !== layers[index - 1].name &&
          layers.some((each) => each.name === input),
      )
      .map((from) => ({ from, to: layer.name })),
  );
}

/**
 * The planes with the largest mean absolute value, strongest first.
 * @param {Tensor} tensor `[1, C, H, W]`
 * @param {number} most how many
 * @returns {number[]}
 */
export function strongest({ data, shape: [, channels, height, width] }, most) {
  const size = height * width;
  const strength = Array.from({ length: channels }, (_, channel) => {
    let sum = 0;
    for (let index = channel * size; index < (channel + 1) * size; index += 1)
      sum += Math.abs(data[index]);
    return { channel, sum };
  });
  strength.sort((a, b) => b.sum - a.sum || a.channel - b.channel);
  return strength.slice(0, most).map((each) => each.channel);
}

/**
 * @param {HTMLElement} root
 * @param {Store} store
 * @param {Session} app
 * @param {AbortSignal} signal
 * @returns {Part}
 */
export function createList(root, store, app, signal) {
  const title = h("h2", {});
  const lines = svg("svg", { class: "branches", "aria-hidden": true });
  const list = h("div", { class: "layers" });
  const body = h("div", { class: "rows" }, lines, list);
  root.replaceChildren(title, body);
  /** @type {Row[]} */
  let rows = [];
  /** @type {Set<string>} */
  let open = new Set();

  function build() {
    const { net } = app;
    title.replaceChildren(
      "Network ",
      h(
        "span",
        { class: "total" },
        `${count(net.layers.reduce((sum, layer) => sum + layer.params, 0))} weights`,
      ),
    );
    const long = net.layers.length > LONG;
    list.setAttribute("role", long ? "tree" : "listbox");
    list.setAttribute("aria-label", `Layers of ${net.name}`);
    rows = [];
    if (!long) for (const layer of net.layers) rows.push(row(layer, null, false));
    else {
      for (const group of groups(net.layers)) {
        const single = group.layers.length === 1;
        rows.push(row(group.shown, single ? null : group, false));
        if (!single && open.has(group.name))
          for (const layer of group.layers) rows.push(row(layer, group, true));
      }
    }
    list.replaceChildren(...rows.map((each) => each.element));
    mark();
    drawBranches();
  }

  /**
   * @param {Layer} layer
   * @param {Group | null} group
   * @param {boolean} inner
   * @returns {Row}
   */
  function row(layer, group, inner) {
    const heading = group !== null && !inner;
    const canvas = h("canvas", { "aria-hidden": true });
    const name = heading ? group.name : layer.name;
    const short =
      inner && group
        ? layer.name.replace(`${group.name}.`, "").replace(`${group.name}/`, "")
        : name;
    const long = list.getAttribute("role") === "tree";
    const element = h(
      "div",
      {
        class: `layer${inner ? " inner" : ""}${heading ? " heading" : ""}`,
        role: long ? "treeitem" : "option",
        tabindex: -1,
        "aria-level": long ? (inner ? 2 : 1) : undefined,
        "aria-expanded": heading ? String(open.has(group.name)) : undefined,
        title: heading ? `${group.layers.length} layers` : layer.op.replaceAll("_", " "),
      },
      h("span", { class: "name" }, heading ? h("span", { class: "twist" }) : null, short),
      h("span", { class: "shape" }, shape(layer.shape)),
      canvas,
    );
    return { layer, group: heading ? group : null, inner, element, canvas };
  }

  /** The row that shows the chosen layer: itself, or its folded block. */
  function chosenRow() {
    const name = store.get().layer;
    return (
      rows.find(
        (each) =>
          each.layer.name === name && (each.inner || !each.group || !open.has(each.group.name)),
      ) ??
      rows.find((each) => each.group?.layers.some((layer) => layer.name === name)) ??
      rows[0]
    );
  }

  function mark() {
    const chosen = chosenRow();
    for (const each of rows) {
      each.element.setAttribute("aria-selected", String(each === chosen));
      each.element.tabIndex = each === chosen ? 0 : -1;
    }
    if (chosen) reveal(body, chosen.element);
  }

  /** @param {string} name */
  function rowOf(name) {
    return (
      rows.find(
        (each) =>
          each.layer.name === name && (each.inner || !each.group || !open.has(each.group.name)),
      ) ?? rows.find((each) => each.group?.layers.some((layer) => layer.name === name))
    );
  }

  function drawBranches() {
    lines.replaceChildren();
    if (rows.length === 0) return;
    lines.setAttribute("height", String(list.offsetHeight));
    for (const { from, to } of branches(app.net.layers)) {
      const start = rowOf(from);
      const end = rowOf(to);
      if (!start || !end || start === end) continue;
      const top = start.element.offsetTop + start.element.offsetHeight / 2;
      const bottom = end.element.offsetTop + end.element.offsetHeight / 2;
      const bend = Math.min(6, (bottom - top) / 2);
      lines.append(
        svg("path", {
          d: `M12 ${top} H${bend + 2} Q2 ${top} 2 ${top + bend} V${bottom - bend} Q2 ${bottom} ${bend + 2} ${bottom} H9`,
        }),
        svg("path", { class: "tip", d: `M8 ${bottom - 3} L13 ${bottom} L8 ${bottom + 3} Z` }),
      );
    }
  }

  async function paint() {
    await app.work("thumbnails", async (until) => {
      const { net } = app;
      const maps = await net.activations(
        app.input,
        [...new Set(rows.map((each) => each.layer.name))],
        { signal: until },
      );
      for (const each of rows) {
        if (until.aborted) return;
        const tensor = maps[each.layer.name];
        if (tensor) await thumbnail(each.canvas, tensor, each.inner ? 1 : THUMBS);
      }
    });
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Tensor} tensor
   * @param {number} most how many maps
   */
  async function thumbnail(canvas, tensor, most) {
    const [, channels, height, width] = [1, 1, 1, 1, ...tensor.shape].slice(-4);
    const size = height * width;
    const vector = size === 1;
    const planes = vector
      ? []
      : strongest({ data: tensor.data, shape: [1, channels, height, width] }, most);
    const data = vector ? tensor.data : new Float32Array(planes.length * size);
    for (const [place, plane] of planes.entries())
      data.set(tensor.data.subarray(plane * size, (plane + 1) * size), place * size);
    const painted = await app.scope.paint(
      { data, shape: vector ? [1, 1, 1, channels] : [1, planes.length, height, width] },
      { map: "sequential", scale: "each", columns: Math.max(1, planes.length) },
    );
    const ratio = pixelRatio();
    canvas.width = Math.round((most * SIDE + (most - 1) * 2) * ratio);
    canvas.height = Math.round(SIDE * ratio);
    const context = canvas.getContext("2d");
    if (!context) return;
    if (vector) {
      context.imageSmoothingEnabled = channels > canvas.width;
      context.drawImage(painted.bitmap, 0, 0, canvas.width, canvas.height);
      return;
    }
    const side = SIDE * ratio;
    context.imageSmoothingEnabled = width > side;
    context.imageSmoothingQuality = "high";
    for (const place of planes.keys()) {
      context.drawImage(
        painted.bitmap,
        place * width,
        0,
        width,
        height,
        Math.round(place * (SIDE + 2) * ratio),
        0,
        side,
        side,
      );
    }
  }

  /** @param {Row} target */
  function choose(target) {
    store.set({ layer: target.layer.name });
  }

  /**
   * @param {Row} target
   * @param {boolean} [unfold]
   */
  function fold(target, unfold) {
    if (!target.group) return;
    const { name } = target.group;
    if (unfold ?? !open.has(name)) open.add(name);
    else open.delete(name);
    build();
    rows.find((each) => each.group?.name === name)?.element.focus();
    void paint();
  }

  on(
    list,
    "click",
    (event) => {
      const target = rows.find(
        (each) => event.target instanceof Node && each.element.contains(event.target),
      );
      if (!target) return;
      if (event.target instanceof Element && event.target.closest(".twist")) fold(target);
      else {
        choose(target);
        target.element.focus();
      }
    },
    signal,
  );
  on(
    list,
    "dblclick",
    (event) => {
      const target = rows.find(
        (each) => event.target instanceof Node && each.element.contains(event.target),
      );
      if (target) fold(target);
    },
    signal,
  );
  on(
    list,
    "keydown",
    (event) => {
      const index = rows.findIndex((each) => each.element === document.activeElement);
      if (index < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
      const at = rows[index];
      if (event.key === "ArrowRight" && at.group && !open.has(at.group.name)) fold(at, true);
      else if (event.key === "ArrowLeft" && at.group && open.has(at.group.name)) fold(at, false);
      else {
        const places = /** @type {Record<string, number>} */ ({
          ArrowUp: index - 1,
          ArrowDown: index + 1,
          Home: 0,
          End: rows.length - 1,
          Enter: index,
          " ": index,
        });
        const place = places[event.key];
        const next = rows[place];
        if (place === undefined || !next) return;
        choose(next);
        next.element.focus();
      }
      event.preventDefault();
      event.stopPropagation();
    },
    signal,
  );
  const sizes = new ResizeObserver(drawBranches);
  sizes.observe(list);
  signal.addEventListener("abort", () => sizes.disconnect());

  return {
    update(_, changed) {
      if (changed.has("net")) {
        open = new Set();
        build();
      }
      if (changed.has("net") || changed.has("input") || changed.has("weights")) void paint();
      if (changed.has("layer")) mark();
    },
    destroy() {
      root.replaceChildren();
    },
  };
}
