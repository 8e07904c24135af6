// A page with nothing in it but the library.
import { baseUrl, withPage } from "./harness.mjs";

/**
 * Runs `code` in a blank page that has imported the library, which it opens itself.
 * @param {any} code
 * @param {unknown} [arg]
 * @param {object} [options]
 * @param {"webgpu" | "cpu"} [options.backend] the browser's
 * @param {RegExp[]} [options.expectedErrors]
 * @param {(page: import("playwright-core").Page, base: string) => Promise<unknown>} [options.prepare]
 */
export function inPage(code, arg, options = {}) {
  const { backend = "cpu", expectedErrors = [], prepare = async () => undefined } = options;
  return withPage({ backend, expectedErrors }, async (page) => {
    const base = await baseUrl();
    await page.route(`${base}blank.html`, (route) =>
      route.fulfill({ contentType: "text/html", body: "<!doctype html><title>blank</title>" }),
    );
    await prepare(page, base);
    await page.goto(`${base}blank.html`);
    const library = await page.evaluateHandle((url) => import(url), `${base}convscope.js`);
    return page.evaluate(code, { library, arg });
  });
}
