/**
 * What single pixels can do to the answer.
 * @module
 */

import { h } from "../widgets/dom.js";

/**
 * @param {import("./robustness.js").Place} place
 * @returns {import("./robustness.js").Way}
 */
export function createSinglePixels({ app, heading, words }) {
  return {
    element: h("div", { class: "pixel-damage" }),
    controls: [],
    update() {
      heading.say("Which single pixel hurts ", { name: app.targetLabel }, " most?");
      words.say(
        ["Every pixel is painted black, then white, and the network is asked again each time."],
        ["A pixel that hurts alone may do nothing beside another."],
      );
    },
    leave: () => app.stop("pixels"),
  };
}
