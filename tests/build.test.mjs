// build.sh as a person meets it: what it says when something is missing, and that nothing is done twice.
// It runs after a build, on the dist/ that this made.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  accessSync,
  chmodSync,
  constants,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("../build.sh", import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), "build-"));
after(() => rmSync(folder, { recursive: true }));

/**
 * Runs build.sh with that PATH.
 * @param {string[]} words
 * @param {{PATH?: string, CONVSCOPE_PROFILE?: string}} [env]
 */
function build(words, env = {}) {
  const { status, stdout, stderr } = spawnSync("bash", [SCRIPT, ...words], {
    env: { ...process.env, ...env },
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

/** @param {string} program */
function which(program) {
  const found = (process.env.PATH ?? "").split(":").find((place) => {
    try {
      accessSync(path.join(place, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  assert.ok(found, `${program} is on the PATH`);
  return path.join(found, program);
}

/**
 * A folder that holds only these programs, and programs of one's own as shell scripts.
 * @param {string[]} programs
 * @param {Record<string, string>} [scripts]
 */
function pathOf(programs, scripts = {}) {
  const place = mkdtempSync(path.join(folder, "bin-"));
  for (const program of programs) symlinkSync(which(program), path.join(place, program));
  for (const [name, body] of Object.entries(scripts)) {
    writeFileSync(path.join(place, name), `#!/bin/sh\n${body}\n`);
    chmodSync(path.join(place, name), 0o755);
  }
  return place;
}

test("an unknown command is named and the known ones are listed", () => {
  const { status, stderr } = build(["biuld"]);
  assert.equal(status, 1);
  assert.match(stderr, /there is no command 'biuld'/);
  assert.match(stderr, /build\.sh test/);
});

for (const [missing, advice] of [
  ["cargo", /rustup/],
  ["cc", /build-essential/],
  ["node", /Node\.js 20/],
  ["python3", /Python 3/],
]) {
  test(`without ${missing} the build says what to install`, () => {
    const programs = ["bash", "dirname", "cargo", "cc", "node", "npm", "python3"];
    const PATH = pathOf(programs.filter((program) => program !== missing));
    const { status, stderr } = build(["build"], { PATH });
    assert.equal(status, 1);
    assert.match(stderr, new RegExp(`^build.sh: ${missing} is missing: `, "m"));
    assert.match(stderr, /** @type {RegExp} */ (advice));
  });
}

test("an old Node.js is refused with its version", () => {
  const old = pathOf([], { node: 'case "$1" in -p) echo 18 ;; *) echo v18.0.0 ;; esac' });
  const { status, stderr } = build(["build"], { PATH: `${old}:${process.env.PATH}` });
  assert.equal(status, 1);
  assert.match(stderr, /Node\.js v18\.0\.0 is too old/);
});

const noCargo = pathOf([], { cargo: "echo cargo was called >&2; exit 1" });

test("a build on unchanged sources compiles nothing", () => {
  const { status, stderr } = build(["build"], { PATH: `${noCargo}:${process.env.PATH}` });
  assert.equal(status, 0, stderr);
  assert.doesNotMatch(stderr, /cargo was called/);
});

test("a profile that was not built yet is compiled", () => {
  const { status, stderr } = build(["build"], {
    PATH: `${noCargo}:${process.env.PATH}`,
    CONVSCOPE_PROFILE: "never-built",
  });
  assert.equal(status, 1);
  assert.match(stderr, /cargo was called/);
});
