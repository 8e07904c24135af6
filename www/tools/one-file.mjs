// Writes a put-together folder as one HTML file that opens from a disk, without a server: one-file.mjs DIST OUT.
// Scripts become one classic script for the page and one for workers; everything else is carried as text that
// api/files.js unpacks.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const [dist, out] = process.argv.slice(2);

/** Files that the page fetches, by extension; scripts and styles are put into the page itself. @type {Record<string, string>} */
const CARRIED = {
  ".gz": "application/gzip",
  ".jpg": "image/jpeg",
  ".json": "application/json",
  ".png": "image/png",
  ".safetensors": "application/octet-stream",
  ".wasm": "application/wasm",
};

/** What compression takes at least off a file that is carried compressed. */
const WORTH_ZIPPING = 0.05;

/**
 * A script with all that it imports, in which no "</script" is left.
 * @param {string} entry
 */
async function bundled(entry) {
  const { outputFiles } = await build({
    entryPoints: [join(dist, entry)],
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: "es2023",
    legalComments: "none",
    logLevel: "warning",
    // A base for the names of files; api/files.js and the engine's glue lie in folders of one level.
    define: { "import.meta.url": JSON.stringify("page:/api/files.js") },
  });
  return outputFiles[0].text;
}

/**
 * A file as an element of the page.
 * @param {string} name
 * @param {Uint8Array} bytes
 * @param {string} type
 */
function element(name, bytes, type) {
  const zipped = gzipSync(bytes, { level: 9 });
  const isZipped = zipped.length < (1 - WORTH_ZIPPING) * bytes.length;
  const text = Buffer.from(isZipped ? zipped : bytes).toString("base64");
  const zip = isZipped ? " data-zip" : "";
  return `<script type="text/plain" data-file="${name}" data-type="${type}"${zip}>${text}</script>`;
}

/** The files to be carried, by their paths from the folder. */
function carriedFiles() {
  return readdirSync(dist, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== "package.json")
    .map((entry) => relative(dist, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .filter((name) => extname(name) in CARRIED)
    .sort();
}

/**
 * The page with its styles and scripts in it.
 * @param {string} html
 * @param {string} script
 * @param {string[]} elements
 */
function inlined(html, script, elements) {
  const styled = html.replaceAll(/<link rel="stylesheet" href="([^"]+)">/g, (_, href) => {
    return `<style>${readFileSync(join(dist, href), "utf8")}</style>`;
  });
  return styled
    .replace(/ *<script>.*?<\/script>\n/s, "")
    .replace(/ *<script type="module" src="app\/main\.js"><\/script>\n/, "")
    .replace("</body>", () => [...elements, `<script>${script}</script>`, "</body>"].join("\n"));
}

const [page, worker] = await Promise.all([bundled("app/main.js"), bundled("worker.js")]);
const elements = carriedFiles().map((name) =>
  element(name, readFileSync(join(dist, name)), CARRIED[extname(name)]),
);
elements.push(element("worker.js", Buffer.from(worker), "text/javascript"));
writeFileSync(out, inlined(readFileSync(join(dist, "index.html"), "utf8"), page, elements));
