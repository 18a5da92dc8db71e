// The single photos in what a visitor has chosen or dropped: files, folders and ZIPs.

import { Archive, isArchive, isMedia } from "./archive.js";

/**
 * Every file itself; instead of a ZIP its photos and videos.
 * @param {File[]} files
 * @param {(sentence: string) => void} complain  hears what of a ZIP was not taken in
 * @returns {AsyncGenerator<File>}
 */
export async function* unpacked(files, complain) {
  for (const file of files) {
    if (!(await isArchive(file).catch(() => false))) {
      yield file; // one that cannot be read says so when it is opened
      continue;
    }
    const archive = new Archive(file);
    yield* archive.photos();
    if (archive.complaint()) complain(archive.complaint());
  }
}

/**
 * The photos and videos of a folder that was chosen; nothing else of it is of use here.
 * @param {Iterable<File>} files
 */
export function mediaOf(files) {
  return [...files].filter(({ name }) => isMedia(name));
}

/**
 * The files that were dropped, and the photos and videos of folders among them, at any depth.
 * @param {DataTransfer} dropped
 * @returns {Promise<File[]>}
 */
export async function droppedFiles(dropped) {
  // All entries are asked for at once: after the first wait the browser forgets what was dropped.
  const entries = [...dropped.items].map((item) => ({ file: item.getAsFile(), entry: item.webkitGetAsEntry?.() }));
  const files = entries.map(async ({ file, entry }) =>
    entry?.isDirectory
      ? mediaOf(await filesIn(/** @type {FileSystemDirectoryEntry} */ (entry)).catch(() => []))
      : file
        ? [file]
        : [],
  );
  return (await Promise.all(files)).flat();
}

/**
 * @param {FileSystemDirectoryEntry} folder
 * @returns {Promise<File[]>}
 */
async function filesIn(folder) {
  const reader = folder.createReader();
  const files = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // a hundred at a time
    if (!entries.length) return files;
    for (const entry of entries) {
      if (entry.isDirectory) files.push(...(await filesIn(/** @type {FileSystemDirectoryEntry} */ (entry))));
      else files.push(await fileOf(/** @type {FileSystemFileEntry} */ (entry)));
    }
  }
}

/**
 * @param {FileSystemFileEntry} entry
 * @returns {Promise<File>}
 */
function fileOf(entry) {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}
