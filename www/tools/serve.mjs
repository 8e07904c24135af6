// A static server for development and tests: `node serve.mjs [folder] [--port N] [--mount /path/]`.
import { readFile, stat } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

/** @type {Record<string, string>} */
const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".jpg": "image/jpeg",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".map": "application/json; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webp": "image/webp",
};
const COMPRESSED = /^(text\/|application\/(json|wasm)|image\/svg)/;
const WORTH_COMPRESSING = 1024;

/** @type {Map<string, {stamp: string, body: Buffer}>} */
const zipped = new Map();

/**
 * The file's bytes compressed, made once for each state of the file.
 * @param {string} file
 * @param {string} stamp
 */
async function gzipped(file, stamp) {
  const known = zipped.get(file);
  if (known?.stamp === stamp) return known.body;
  const body = gzipSync(await readFile(file));
  zipped.set(file, { stamp, body });
  return body;
}

/**
 * The file under `root` that a request's path names, or null when it names none or leaves the folder.
 * @param {string} root
 * @param {string} mount
 * @param {string} requestPath
 */
export function resolve(root, mount, requestPath) {
  let decoded;
  try {
    decoded = decodeURIComponent(requestPath.split(/[?#]/, 1)[0]);
  } catch {
    return null;
  }
  if (!decoded.startsWith(mount) || decoded.includes("\0")) return null;
  const relative = decoded.slice(mount.length) || "index.html";
  const file = path.resolve(root, relative.endsWith("/") ? `${relative}index.html` : relative);
  return file.startsWith(path.resolve(root) + path.sep) ? file : null;
}

/**
 * Serves a folder on 127.0.0.1; the promise resolves once it listens.
 * @param {{root: string, port?: number, mount?: string}} options `port` 0 takes any free one, `mount` is the folder in the address.
 * @returns {Promise<{url: string, close: () => Promise<void>}>}
 */
export function serve({ root, port = 0, mount = "/" }) {
  const server = createServer(async (request, response) => {
    const headers = { "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, headers).end("Only GET and HEAD are answered here.\n");
      return;
    }
    const file = resolve(root, mount, request.url ?? "/");
    const info = file === null ? null : await stat(file).catch(() => null);
    if (file === null || !info?.isFile()) {
      response.writeHead(404, headers).end("There is no such file.\n");
      return;
    }
    const type = TYPES[path.extname(file)] ?? "application/octet-stream";
    const zip = COMPRESSED.test(type) && info.size >= WORTH_COMPRESSING;
    const wanted = zip && String(request.headers["accept-encoding"]).includes("gzip");
    const body = wanted
      ? await gzipped(file, `${info.size} ${info.mtimeMs}`)
      : await readFile(file);
    response.writeHead(200, {
      ...headers,
      "Content-Type": type,
      "Content-Length": body.length,
      ...(wanted && { "Content-Encoding": "gzip" }),
      ...(zip && { Vary: "Accept-Encoding" }),
    });
    response.end(request.method === "HEAD" ? undefined : body);
  });
  return new Promise((done, fail) => {
    server.once("error", fail);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") return fail(new Error("no TCP address"));
      const close = () =>
        new Promise((/** @type {(value: void) => void} */ closed) => {
          server.close(() => closed());
          server.closeAllConnections();
        });
      done({ url: `http://127.0.0.1:${address.port}${mount}`, close });
    });
  });
}

/** @param {string[]} words the command line */
async function main(words) {
  const option = (/** @type {string} */ name) =>
    words.includes(name) ? words[words.indexOf(name) + 1] : undefined;
  const root = words[0]?.startsWith("--") ? "." : (words[0] ?? ".");
  const mount = option("--mount") ?? "/";
  const asked = option("--port");
  const preferred = asked === undefined ? 8080 : Number(asked);
  const { url } = await serve({ root, mount, port: preferred }).catch((error) => {
    if (asked !== undefined || error.code !== "EADDRINUSE") throw error;
    return serve({ root, mount });
  });
  process.stdout.write(`${url}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  await main(process.argv.slice(2));
