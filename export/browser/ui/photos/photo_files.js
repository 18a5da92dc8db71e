// The files that are made of photos' points, beside the pictures: of one photo, or of all of them together.

/** @import { Named } from "../files/save.js" */

import { toZip } from "./archive.js";
import { toLabelStudio, toYolo } from "../files/label_tools.js";
import { toCoco, toCsv, toDocument } from "../files/save.js";

/** @type {{label: string, ending: string, make: (results: Named) => Blob | Promise<Blob>}[]} of one photo, in their order on the page */
export const FILES = [
  { label: "JSON", ending: ".json", make: ([[name, result]]) => json(toDocument(result, name)) },
  { label: "CSV", ending: ".csv", make: (results) => new Blob([toCsv(results)], { type: "text/csv" }) },
  { label: "COCO", ending: "_coco.json", make: (results) => json(toCoco(results)) },
  { label: "YOLO-pose", ending: "_yolo.zip", make: (results) => toZip(toYolo(results)) },
  { label: "Label Studio", ending: "_label_studio.zip", make: (results) => toZip(toLabelStudio(results)) },
];

/**
 * A ZIP with the points of all photos in every format: what the server's page offers, without the pictures.
 * @param {Named} results
 */
export function allFiles(results) {
  const within = (/** @type {string} */ folder, /** @type {Record<string, string>} */ files) =>
    Object.fromEntries(Object.entries(files).map(([path, text]) => [`${folder}/${path}`, text]));
  return toZip({
    "landmarks.jsonl": results.map(([name, result]) => `${JSON.stringify(toDocument(result, name))}\n`).join(""),
    "landmarks.csv": toCsv(results),
    "coco.json": JSON.stringify(toCoco(results)),
    ...within("yolo", toYolo(results)),
    ...within("label_studio", toLabelStudio(results)),
  });
}

/** @param {unknown} document */
function json(document) {
  return new Blob([JSON.stringify(document)], { type: "application/json" });
}
