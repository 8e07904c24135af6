// The published declarations name what there is, and nothing else.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { withScope } from "./harness.mjs";
import { tiny } from "./nets.mjs";

const declarations = readFileSync(new URL("../../www/convscope.d.ts", import.meta.url), "utf8");

/**
 * The members of an interface in the declarations, each once.
 * @param {string} name
 */
function declared(name) {
  const body = new RegExp(`^export interface ${name} \\{\\n(.*?)^\\}`, "ms").exec(declarations);
  assert.ok(body, `there is no interface ${name}`);
  const members = body[1].matchAll(/^ {2}(?:readonly )?(\w+)[(:<]/gm);
  return [...new Set(Array.from(members, ([, member]) => member))].sort();
}

test("a scope, a network and the module have the members that are declared", async () => {
  const seen = await withScope(
    { backend: "cpu" },
    async ({ scope, arg }) => {
      const members = (/** @type {object} */ object) => [
        ...Object.keys(object),
        ...Object.getOwnPropertyNames(Object.getPrototypeOf(object)),
      ];
      const library = await import(new URL("convscope.js", document.baseURI).href);
      return {
        Scope: members(scope),
        Net: members(await scope.load(arg)),
        module: Object.keys(library),
      };
    },
    tiny(),
  );
  const without = (/** @type {string[]} */ names) =>
    names.filter((name) => name !== "constructor").sort();
  assert.deepEqual(without(seen.Scope), declared("Scope"));
  assert.deepEqual(without(seen.Net), declared("Net"));
  const functions = declarations.matchAll(/^export (?:declare )?(?:function|const|class) (\w+)/gm);
  assert.deepEqual(
    seen.module.sort(),
    [...new Set(Array.from(functions, ([, name]) => name))].sort(),
  );
});
