/**
 * The views there are, in the order of the lecture. A view is one module in `../views/` with
 * `create(root, store, app) → { update(state, changed), destroy() }`; it is fetched when it is first shown.
 *
 * A view draws into `root` (a column with its heading first and its words last, see `../views/words.js`), puts its
 * controls into `app.controls` (two that matter outside, the rest in folds, see `../widgets/controls.js`), and listens
 * with one `AbortController` that `destroy` aborts. Its parameters stand below with their defaults as `view.name`, so that
 * links carry them. All slow work goes through `app.work(key, (signal) => …)`: a newer job of the same key aborts the
 * older one and gives `undefined` for it, failures become sentences, and the page counts as ready when none is left.
 *
 * ```js
 * export function create(root, store, app) {
 *   const life = new AbortController();
 *   const tiles = createTiles({ label: "Maps", onPick: (channel) => store.set({ channel }, { replace: true }), signal: life.signal });
 *   root.append(tiles.element);
 *   async function draw() {
 *     const { name } = app.layer;
 *     const painted = await app.work("maps", async (signal) => {
 *       const maps = await app.net.activations(app.input, [name], { signal });
 *       return app.scope.paint(maps[name], { map: "sequential", scale: "each" });
 *     });
 *     if (painted && !life.signal.aborted) tiles.show({ ...painted, count: app.layer.shape[0] });
 *   }
 *   return {
 *     update(state, changed) {
 *       if (["net", "input", "weights", "layer"].some((key) => changed.has(key))) void draw();
 *       tiles.choose(state.channel);
 *     },
 *     destroy: () => life.abort(),
 *   };
 * }
 * ```
 * @module
 */

import { SHARED } from "./store.js";

/**
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("./session.js").Part} Part
 * @typedef {import("./store.js").State} State
 * @typedef {import("./store.js").Store} Store
 * @typedef {(root: HTMLElement, store: Store, app: Session) => Part} Create
 * @typedef {{
 *   id: string,
 *   title: string,
 *   key: string,
 *   parameters: Record<string, import("./store.js").Value>,
 *   load: () => Promise<{ create: Create }>,
 * }} View
 */

/** @type {View[]} */
export const VIEWS = [
  {
    id: "kernels",
    title: "Kernels",
    key: "1",
    parameters: {
      "kernels.sight": "weights",
      "kernels.scale": "each",
      "kernels.slice": 0,
      "kernels.cut": "field",
      "kernels.all": false,
      "kernels.hit": 0,
      "kernels.order": "alike",
    },
    load: () => import("../views/kernels.js"),
  },
  {
    id: "maps",
    title: "Feature maps",
    key: "2",
    parameters: {
      "maps.scale": "layer",
      "maps.sort": "index",
      "maps.open": false,
      "maps.over": 55,
      "maps.y": null,
      "maps.x": null,
      "maps.change": "",
    },
    load: () => import("../views/feature-maps.js"),
  },
  {
    id: "backward",
    title: "Backward",
    key: "B",
    parameters: {
      "backward.of": "logit",
      "backward.scale": "layer",
      "backward.sort": "gradient",
      "backward.open": false,
      "backward.at": "layer",
    },
    load: () => import("../views/backward.js"),
  },
  {
    id: "embedding",
    title: "Embedding",
    key: "3",
    parameters: {
      "embedding.method": "tsne",
      "embedding.set": "fashion",
      "embedding.count": 1000,
      "embedding.of": "layer",
      "embedding.pool": "flatten",
      "embedding.perplexity": 30,
      "embedding.neighbors": 15,
      "embedding.distance": 0.1,
      "embedding.color": "label",
      "embedding.pictures": true,
      "embedding.start": "pca",
      "embedding.seed": 0,
      "embedding.only": null,
      "embedding.find": "",
      "embedding.tour": false,
    },
    load: () => import("../views/embedding.js"),
  },
  {
    id: "saliency",
    title: "Saliency",
    key: "4",
    parameters: {
      "saliency.mode": "map",
      "saliency.method": "saliency",
      "saliency.options": "",
      "saliency.layer": "",
      "saliency.target": "class",
      "saliency.rather": null,
      "saliency.y": null,
      "saliency.x": null,
      "saliency.of": "logit",
      "saliency.map": "auto",
      "saliency.clip": 99,
      "saliency.place": "over",
      "saliency.compare": false,
      "saliency.opacity": 90,
      "saliency.grid": "",
      "saliency.one": false,
    },
    load: () => import("../views/saliency.js"),
  },
  {
    id: "bias",
    title: "Bias",
    key: "5",
    parameters: {
      "bias.method": "occlusion",
      "bias.data": "",
      "bias.class": null,
      "bias.top": null,
      "bias.left": null,
      "bias.height": null,
      "bias.width": null,
    },
    load: () => import("../views/bias.js"),
  },
  {
    id: "synthesis",
    title: "Synthesis",
    key: "6",
    parameters: {
      "synthesis.of": "class",
      "synthesis.sight": "one",
      "synthesis.run": false,
      "synthesis.compare": true,
      "synthesis.preset": "",
      "synthesis.off": "",
      "synthesis.from": "",
      "synthesis.steps": 0,
      "synthesis.seed": 1,
      "synthesis.octaves": 1,
      "synthesis.blur": 0,
      "synthesis.rate": null,
      "synthesis.other": null,
      "synthesis.mix": "",
      "synthesis.y": null,
      "synthesis.x": null,
      "synthesis.stretch": true,
    },
    load: () => import("../views/synthesis.js"),
  },
  {
    id: "robustness",
    title: "Robustness",
    key: "7",
    parameters: {
      "robustness.mode": "perturb",
      "robustness.kind": "gaussian",
      "robustness.strength": null,
      "robustness.seed": 1,
      "robustness.guess": false,
      "robustness.stride": 0,
      "robustness.dot": 1,
      "robustness.dots": "",
      "robustness.attack": "pgd",
      "robustness.epsilon": 8,
      "robustness.goal": null,
      "robustness.options": "",
      "robustness.gain": 10,
      "robustness.defence": "jpeg",
      "robustness.amount": null,
      "robustness.adaptive": false,
      "robustness.count": 50,
      "robustness.rung": "",
      "robustness.moves": "",
    },
    load: () => import("../views/robustness.js"),
  },
  {
    id: "shape",
    title: "Shape & texture",
    key: "8",
    parameters: {
      "shape.sight": "stimuli",
      "shape.from": "",
      "shape.seed": 1,
      "shape.style": false,
      "shape.way": "fill",
      "shape.at": 0,
      "shape.run": false,
      "shape.set": "crossed",
      "shape.round": 0,
      "shape.votes": "",
    },
    load: () => import("../views/shape.js"),
  },
  {
    id: "style",
    title: "Style",
    key: "9",
    parameters: {
      "style.of": "",
      "style.second": "",
      "style.mix": 50,
      "style.sight": "one",
      "style.run": false,
      "style.ratio": 0,
      "style.weights": "",
      "style.content": "",
      "style.gram": "",
      "style.curve": "terms",
      "style.preset": "",
      "style.optimizer": "",
      "style.from": "content",
      "style.colours": "",
      "style.size": 0,
      "style.scales": 0,
      "style.scale": 1,
      "style.steps": 0,
      "style.tv": null,
      "style.moments": false,
      "style.texture": false,
      "style.seed": 1,
    },
    load: () => import("../views/style.js"),
  },
  {
    id: "training",
    title: "Training",
    key: "T",
    parameters: {
      "training.rate": -2.5,
      "training.batch": 64,
      "training.decay": 0,
      "training.noise": 0,
      "training.optimizer": "adam",
      "training.shortcut": false,
    },
    load: () => import("../views/training.js"),
  },
];

/**
 * The whole state when the address says nothing.
 * @returns {State}
 */
export function defaults() {
  return Object.assign({ ...SHARED }, ...VIEWS.map((view) => view.parameters));
}
