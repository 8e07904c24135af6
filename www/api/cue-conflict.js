/**
 * Names of cue-conflict pictures, as in the published set (github.com/rgeirhos/texture-vs-shape): `cat7-elephant2.png` has
 * the shape of a cat and the texture of an elephant.
 * @module
 */

const NAME = /(?:^|[^a-z])([a-z]+)\d*-([a-z]+)\d*\.\w+$/i;

/**
 * What a picture shows by its file's name, `null` where the name does not say.
 * @param {string} name with or without folders
 * @returns {{ shape: string, texture: string } | null}
 */
export function cueOf(name) {
  const [, shape, texture] = NAME.exec(name) ?? [];
  return shape ? { shape: shape.toLowerCase(), texture: texture.toLowerCase() } : null;
}
