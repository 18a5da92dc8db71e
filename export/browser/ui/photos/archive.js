// The photos and videos in a ZIP that a visitor has chosen, within the limits of pages/parts/inputs/archive.py; and ZIPs to save.
// Of an archive only the list of its members and one member at a time are read.

/** @import { FileEntry } from "@zip.js/zip.js" */

import constants from "../../runtime/constants.js";

const { most_directory: MOST_DIRECTORY, most_unpacked: MOST_UNPACKED } = constants.archive;
const SUFFIXES = new Set([...constants.photo.suffixes, ...constants.video.suffixes]);
const METHODS = [0, 8]; // stored, deflated
const END = 0x06054b50; // of the record that ends a ZIP, and its shortest and longest length
const [SHORTEST_END, LONGEST_END] = [22, 22 + 65_535];

const NO_PHOTO = "no photo or video";
const DAMAGED = "damaged";

const library = () => import("@zip.js/zip.js/lib/zip-core-custom.js"); // fetched when there is a ZIP

/** @param {Blob} file */
export async function isArchive(file) {
  const mark = new DataView(await file.slice(0, 4).arrayBuffer());
  return mark.byteLength === 4 && [0x04034b50, END].includes(mark.getUint32(0, true));
}

/**
 * Whether a file's name is that of a photo or video.
 * @param {string} path
 */
export function isMedia(path) {
  const name = nameOf(path);
  return !name.startsWith(".") && SUFFIXES.has(suffixOf(name));
}

/**
 * Some systems give a video's file no type.
 * @param {File} file
 */
export function isVideo({ type, name }) {
  return type.startsWith("video/") || constants.video.suffixes.includes(suffixOf(name));
}

/** @param {string} name */
const suffixOf = (name) => name.slice(name.lastIndexOf(".")).toLowerCase();

/** One ZIP. What is skipped is counted by its reason. */
export class Archive {
  #file;
  /** @type {Map<string, number>} */
  #skipped = new Map();
  #sentence = ""; // instead of what is skipped: why the archive, or its rest, cannot be used

  /** @param {Blob} file */
  constructor(file) {
    this.#file = file;
  }

  /**
   * Each photo and video, in the archive's order.
   * @returns {AsyncGenerator<File>}
   */
  async *photos() {
    if ((await directorySize(this.#file)) > MOST_DIRECTORY) {
      this.#sentence = "The ZIP holds too many files, or says so: nothing of it was taken in.";
      return;
    }
    const { BlobReader, ZipReader } = await library();
    const reader = new ZipReader(new BlobReader(this.#file), { useWebWorkers: false, checkSignature: true });
    let unpacked = 0;
    try {
      for await (const entry of reader.getEntriesGenerator()) {
        if (entry.directory || isForSystems(entry.filename)) continue;
        const reason = unusable(entry);
        if (reason) {
          this.#skip(reason);
          continue;
        }
        unpacked += entry.uncompressedSize;
        if (unpacked > MOST_UNPACKED) {
          const megabytes = MOST_UNPACKED / 1e6;
          this.#sentence = `The ZIP is too large when unpacked: of its photos only the first ${megabytes} MB were read.`;
          return;
        }
        const photo = await content(entry).catch(() => null);
        if (photo) yield photo;
        else this.#skip(DAMAGED);
      }
    } catch {
      this.#sentence = "The ZIP is damaged: nothing of it could be taken in.";
    }
  }

  /** @param {string} reason */
  #skip(reason) {
    this.#skipped.set(reason, (this.#skipped.get(reason) ?? 0) + 1);
  }

  /** One sentence about what was not taken in, "" if there is nothing to say. */
  complaint() {
    if (this.#sentence || !this.#skipped.size) return this.#sentence;
    const count = [...this.#skipped.values()].reduce((sum, number) => sum + number);
    const reasons = [...this.#skipped]
      .sort(([, one], [, other]) => other - one)
      .map(([reason, number]) => `${number} ${number === 1 ? "is" : "are"} ${reason}`);
    return `Of the ZIP ${count} file${count === 1 ? " was" : "s were"} skipped: ${reasons.join(", ")}.`;
  }
}

/**
 * A ZIP of these texts.
 * @param {Record<string, string>} files  path -> content
 */
export async function toZip(files) {
  const { BlobWriter, TextReader, ZipWriter } = await library();
  const writer = new ZipWriter(new BlobWriter("application/zip"), { useWebWorkers: false });
  for (const [path, text] of Object.entries(files)) await writer.add(path, new TextReader(text));
  return writer.close();
}

/**
 * The member, unpacked; it may not be longer than it says.
 * @param {FileEntry} entry
 */
async function content(entry) {
  /** @type {Uint8Array<ArrayBuffer>[]} */
  const pieces = [];
  let left = entry.uncompressedSize;
  const bounded = new WritableStream({
    write(piece) {
      left -= piece.length;
      if (left < 0) throw new Error("longer than it says");
      pieces.push(piece);
    },
  });
  await entry.getData(bounded);
  return new File(pieces, nameOf(entry.filename));
}

/** @param {FileEntry} entry */
function unusable({ filename, uncompressedSize, encrypted, compressionMethod }) {
  if (!isMedia(filename)) return NO_PHOTO;
  if (uncompressedSize > constants.photo.most_bytes) return "too large";
  if (encrypted) return "encrypted";
  return METHODS.includes(compressionMethod) ? "" : "packed in an unusual way";
}

/**
 * Whether systems keep it for themselves.
 * @param {string} path
 */
function isForSystems(path) {
  return path.split("/").includes("__MACOSX") || nameOf(path).startsWith(".");
}

/** @param {string} path */
function nameOf(path) {
  return path.slice(path.lastIndexOf("/") + 1);
}

/**
 * Bytes of the list of members as the ZIP's end states them. 0 without an end: not a ZIP.
 * @param {Blob} file
 */
async function directorySize(file) {
  const end = new DataView(await file.slice(-LONGEST_END).arrayBuffer());
  for (let place = end.byteLength - SHORTEST_END; place >= 0; place--)
    if (end.getUint32(place, true) === END) return end.getUint32(place + 12, true);
  return 0;
}
