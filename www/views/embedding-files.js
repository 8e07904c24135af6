/**
 * Files and folders that were dropped on the page.
 * @module
 */

/**
 * All files that were dropped, those in folders with their path.
 * @param {DataTransferItem[]} items
 * @returns {Promise<File[]>}
 */
export async function filesOf(items) {
  const entries = items.map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const lists = await Promise.all(entries.map(filesIn));
  return lists.flat();
}

/**
 * @param {FileSystemEntry} entry
 * @returns {Promise<File[]>}
 */
async function filesIn(entry) {
  if (entry.isFile) {
    /** @type {File} */
    const file = await new Promise((resolve, reject) =>
      /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject),
    );
    return [Object.assign(file, { path: entry.fullPath })];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  const found = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) break;
    found.push(...(await Promise.all(some.map(filesIn))).flat());
  }
  return found;
}
