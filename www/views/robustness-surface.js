/**
 * The loss around a picture: along the gradient's signs and along random ones, with the borders between classes drawn in.
 * @module
 */

import { h, pixelRatio } from "../widgets/dom.js";
import { number } from "../widgets/format.js";
import { createLegend } from "../widgets/legend.js";
import { createPixels } from "../widgets/pixels.js";
import { of255 } from "./robustness-sight.js";
import { figure } from "./words.js";

/**
 * @typedef {import("../app/session.js").Session} Session
 * @typedef {import("../convscope.js").LossSurface} LossSurface
 */

/** Points along each direction, and where they cost much. */
const SIZE = 25;
const FEW = 13;

/**
 * @param {{ app: Session, say: (text: string | null) => void, signal: AbortSignal }} options `say` is told what is under the
 *   pointer
 */
export function createSurface({ app, say, signal }) {
  const pixels = createPixels({ label: "The loss around the picture", onHover: hover, signal });
  const sight = figure(pixels.element, "Loss around it");
  const legend = createLegend(app.scope);
  const axes = h(
    "p",
    { class: "small muted" },
    "→ along the gradient’s signs, ↓ along random ones",
  );
  sight.element.append(legend.element, axes);
  /** @type {{ surface: LossSurface, epsilon: number } | null} */
  let shown = null;

  /** @param {{ x: number, y: number } | null} cell */
  function hover(cell) {
    if (!cell || !shown) {
      say(null);
      return;
    }
    const { surface, epsilon } = shown;
    const [side] = surface.loss.shape;
    const place = cell.y * side + cell.x;
    const along = (/** @type {number} */ at) => of255(255 * epsilon * ((2 * at) / (side - 1) - 1));
    say(
      `${along(cell.x)} along the gradient’s signs, ${along(cell.y)} along random ones: loss ${number(surface.loss.data[place])}, ${app.label(surface.classes[place])}`,
    );
  }

  /**
   * Lines between points of different classes, and a cross at the picture.
   * @param {LossSurface} surface
   * @returns {(context: CanvasRenderingContext2D, scale: number) => void}
   */
  function borders({ classes, loss }) {
    const [side] = loss.shape;
    return (context, scale) => {
      const ratio = pixelRatio();
      context.strokeStyle = "white";
      context.lineWidth = 2 * ratio;
      context.beginPath();
      for (let y = 0; y < side; y += 1)
        for (let x = 0; x < side; x += 1) {
          const own = classes[y * side + x];
          if (x + 1 < side && classes[y * side + x + 1] !== own) {
            context.moveTo((x + 1) * scale, y * scale);
            context.lineTo((x + 1) * scale, (y + 1) * scale);
          }
          if (y + 1 < side && classes[(y + 1) * side + x] !== own) {
            context.moveTo(x * scale, (y + 1) * scale);
            context.lineTo((x + 1) * scale, (y + 1) * scale);
          }
        }
      const middle = (side / 2) * scale;
      const arm = 5 * ratio;
      context.moveTo(middle - arm, middle);
      context.lineTo(middle + arm, middle);
      context.moveTo(middle, middle - arm);
      context.lineTo(middle, middle + arm);
      context.stroke();
    };
  }

  return {
    element: sight.element,
    /**
     * @param {{ epsilon: number, label: number, target: number | null, seed: number }} about
     * @param {boolean} little whether it may be fine
     */
    async show({ epsilon, label, target, seed }, little) {
      const found = await app.work("attack.surface", async (until) => {
        const surface = await app.net.lossSurface(app.input, {
          epsilon,
          size: little ? SIZE : FEW,
          label,
          ...(target === null ? {} : { target }),
          units: "pixels",
          seed,
          signal: until,
        });
        const [rows, columns] = surface.loss.shape;
        const plane = { data: surface.loss.data, shape: [1, 1, rows, columns] };
        return { surface, ...(await app.scope.paint(plane, { map: "sequential", scale: "each" })) };
      });
      if (!found || signal.aborted) return;
      const { surface, bitmap, ranges } = found;
      shown = { surface, epsilon };
      const [side] = surface.loss.shape;
      pixels.show({ width: side, height: side, layers: [{ bitmap }] });
      pixels.overlay(borders(surface));
      legend.show({ map: "sequential", low: ranges[0], high: ranges[1], label: "Loss" });
      sight.caption(`Loss within ±${of255(255 * epsilon)}`);
      sight.element.title = "White lines part the classes; the cross is the picture";
    },
    leave: () => app.stop("attack.surface"),
  };
}
