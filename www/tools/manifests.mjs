// Writes what ships into models/models.json and pictures/pictures.json of a put-together folder: manifests.mjs DIST.
// A network or picture whose files are missing there is left out.

import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [dist] = process.argv.slice(2);

/** @param {string} path */
const read = (path) => JSON.parse(readFileSync(path, "utf8"));

/**
 * @param {string} path
 * @param {unknown} value
 */
const write = (path, value) => writeFileSync(path, `${JSON.stringify(value)}\n`);

const models = join(dist, "models");
const shipped = readdirSync(models)
  .map((id) => join(models, id, "model.json"))
  .filter((path) => existsSync(path))
  .map(read)
  .map((model) => ({
    ...model,
    files: [model.graph, model.weights].map((file) => join(models, file)),
  }))
  .filter(({ files }) => files.every((/** @type {string} */ file) => existsSync(file)))
  .map(({ files, ...model }) => ({
    ...model,
    bytes: files.reduce(
      (/** @type {number} */ sum, /** @type {string} */ file) => sum + statSync(file).size,
      0,
    ),
  }))
  // The lightest first: it is what a page opens with.
  .sort((a, b) => a.bytes - b.bytes);
write(join(models, "models.json"), shipped);

const pictures = join(dist, "pictures");
const listed = ["photos.json", "styles.json", "fashion.json"]
  .map((name) => join(pictures, name))
  .filter((path) => existsSync(path))
  .flatMap(read)
  .filter(({ url }) => existsSync(join(dist, url)));
write(join(pictures, "pictures.json"), listed);
