// Every view can be used without a mouse: Tab reaches each control that can be seen, shows where it is, and each has a name.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openApp, withPage } from "./harness.mjs";
import { settled } from "./sights.mjs";

const VIEWS = [
  "view=kernels",
  "view=maps",
  "view=backward",
  "view=embedding&embedding.method=pca&embedding.count=200",
  "view=saliency",
  "view=saliency&saliency.mode=grid",
  "view=bias",
  "view=synthesis",
  "view=robustness",
  "view=robustness&robustness.mode=attack",
  "view=robustness&robustness.mode=defend",
  "view=shape",
  "view=shape&shape.sight=dial",
  "view=shape&shape.sight=vote",
  "view=style",
  "view=training",
];

/** More presses of Tab than any view has controls. */
const MOST = 120;

/**
 * Numbers what can be seen and used, and tells of each what it is and what it is called. Of a group that arrow keys walk,
 * Tab reaches one.
 */
function controls() {
  const selector = "a[href], button, input, select, textarea, summary, [tabindex]";
  const all = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(selector)]);
  const shown = all.filter(
    (each) =>
      each.tabIndex >= 0 &&
      !each.matches(":disabled, [type=radio]") &&
      each.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true }),
  );
  return shown.map((each, index) => {
    each.dataset.walk = String(index);
    const labels = /** @type {any} */ (each).labels?.[0]?.textContent;
    const name =
      each.getAttribute("aria-label") ??
      labels ??
      each.getAttribute("title") ??
      each.textContent ??
      "";
    return { what: `${each.tagName.toLowerCase()}.${each.className}`, name: name.trim() };
  });
}

test("Tab reaches every control of every view, shows where it is, and each has a name", async () => {
  await withPage({ backend: "cpu" }, async (page) => {
    await openApp(page, "#model=fashion&view=kernels");
    for (const hash of VIEWS) {
      await page.evaluate((next) => {
        location.hash = `#model=fashion&${next}`;
      }, hash);
      await settled(page);
      const found = await page.evaluate(controls);
      /** @type {Set<number>} */
      const reached = new Set();
      await page.evaluate(() => /** @type {any} */ (document.activeElement)?.blur());
      for (let press = 0; press < MOST && reached.size < found.length; press += 1) {
        await page.keyboard.press("Tab");
        const at = await page.evaluate(() => {
          const each = /** @type {HTMLElement | null} */ (document.activeElement);
          if (each?.dataset.walk === undefined) return null;
          const { outlineStyle, boxShadow } = getComputedStyle(each);
          return {
            index: Number(each.dataset.walk),
            isShown: outlineStyle !== "none" || boxShadow !== "none",
          };
        });
        if (!at) continue;
        reached.add(at.index);
        const { what, name } = found[at.index];
        assert.ok(at.isShown, `${hash}: nothing shows the focus on ${what} "${name}"`);
      }
      const missed = found.filter((_, index) => !reached.has(index));
      assert.deepEqual(missed, [], `${hash}: Tab does not reach these`);
      const nameless = found.filter(({ name }) => name === "");
      assert.deepEqual(nameless, [], `${hash}: these have no name`);
    }
  });
});
