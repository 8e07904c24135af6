import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { serve } from "../../www/tools/serve.mjs";

/**
 * A GET whose path reaches the server as written, which fetch() would normalise.
 * @param {string} base
 * @param {string} rawPath
 * @param {{method?: string, headers?: Record<string, string>}} [options]
 * @returns {Promise<{status: number | undefined, headers: import("node:http").IncomingHttpHeaders, body: Buffer}>}
 */
function ask(base, rawPath, options = {}) {
  const { hostname, port } = new URL(base);
  return new Promise((done, fail) => {
    request({ hostname, port, path: rawPath, ...options }, async (response) => {
      const chunks = await response.toArray();
      done({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) });
    })
      .on("error", fail)
      .end();
  });
}

describe("the static server", () => {
  /** @type {string} */
  let folder;
  /** @type {Awaited<ReturnType<typeof serve>>} */
  let server;
  const wasm = Buffer.alloc(4096, 7);

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "serve-"));
    await writeFile(path.join(folder, "index.html"), "<title>home</title>");
    await writeFile(path.join(folder, "engine.wasm"), wasm);
    await writeFile(path.join(folder, "net.safetensors"), wasm);
    await writeFile(`${folder}-beside`, "secret");
    server = await serve({ root: folder, mount: "/notes/" });
  });
  after(async () => {
    await server.close();
    await rm(folder, { recursive: true });
    await rm(`${folder}-beside`);
  });

  const types = {
    "/notes/": "text/html; charset=utf-8",
    "/notes/?x=1": "text/html; charset=utf-8",
    "/notes/engine.wasm": "application/wasm",
    "/notes/net.safetensors": "application/octet-stream",
  };
  for (const [address, type] of Object.entries(types)) {
    test(`${address} is ${type} and is not cached`, async () => {
      const { status, headers } = await ask(server.url, address);
      assert.equal(status, 200);
      assert.equal(headers["content-type"], type);
      assert.equal(headers["cache-control"], "no-store");
    });
  }

  test("wasm is compressed for a client that takes gzip, and only for one", async () => {
    const zip = await ask(server.url, "/notes/engine.wasm", {
      headers: { "accept-encoding": "gzip" },
    });
    assert.equal(zip.headers["content-encoding"], "gzip");
    assert.ok(zip.body.length < wasm.length);
    const plain = await ask(server.url, "/notes/engine.wasm");
    assert.equal(plain.headers["content-encoding"], undefined);
    assert.deepEqual(plain.body, wasm);
  });

  const refused = [
    "/",
    "/index.html",
    "/notes/missing.js",
    "/notes/../etc/passwd",
    "/notes/%2e%2e/%2e%2e/etc/passwd",
    "/notes/..%2f..%2fetc%2fpasswd",
    "/notes//etc/passwd",
    "/notes/%00",
    "/notes/%zz",
  ];
  for (const address of refused) {
    test(`${address} is not there`, async () => {
      assert.equal((await ask(server.url, address)).status, 404);
    });
  }

  test("a folder whose name begins like the served one stays outside", async () => {
    const address = `/notes/../${path.basename(folder)}-beside`;
    assert.equal((await ask(server.url, address)).status, 404);
  });

  test("only GET and HEAD are answered", async () => {
    assert.equal((await ask(server.url, "/notes/", { method: "POST" })).status, 405);
    const head = await ask(server.url, "/notes/", { method: "HEAD" });
    assert.equal(head.status, 200);
    assert.equal(head.body.length, 0);
  });
});
