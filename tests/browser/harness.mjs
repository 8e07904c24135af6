// What a browser test imports: the pages of pages.mjs, ended when the file's tests are over.
import { after } from "node:test";
import { closeAll } from "./pages.mjs";

export {
  BACKENDS,
  baseUrl,
  browser,
  DIST,
  openApp,
  openBlank,
  withPage,
  withScope,
} from "./pages.mjs";

after(closeAll);
