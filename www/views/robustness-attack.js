/**
 * An attack on the chosen picture: what it was, what was added, what it became.
 * @module
 */

import { h } from "../widgets/dom.js";

/**
 * @param {import("./robustness.js").Place} place
 * @returns {import("./robustness.js").Way}
 */
export function createAttack({ app, heading, words }) {
  return {
    element: h("div", { class: "attack" }),
    controls: [],
    update() {
      heading.say("What small change makes ", { name: app.targetLabel }, " something else?");
      words.say(
        ["An attack changes the picture so little that nobody would notice, and the network errs."],
        ["That one attack fails proves nothing: another may succeed."],
      );
    },
    leave: () => app.stop("attack"),
  };
}
