// Offers a frozen picture and its points as files.

/** @import { Result } from "../runtime/types.js" */

import { draw } from "./draw.js";

const NAME = "pointillist";

/**
 * Has the browser save a file.
 * @param {Blob} blob
 * @param {string} name
 */
function offer(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/**
 * The canvas as a file's content; the canvas is emptied, which frees its memory at once.
 * @param {HTMLCanvasElement} canvas
 * @param {string} type
 * @param {number} [quality]
 * @returns {Promise<Blob>}
 */
export async function toBlob(canvas, type, quality) {
  /** @type {Blob | null} */
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, type, quality));
  canvas.width = canvas.height = 0;
  if (!blob)
    throw new Error("this browser has no memory left for the picture. Remove some photos or close other tabs.");
  return blob;
}

/**
 * Saves the picture in its own resolution with the points drawn on it, as it is seen (mirrored or not).
 * @param {ImageBitmap} picture
 * @param {Result} result
 * @param {{mirrored?: boolean, layers?: Partial<import("./draw.js").Layers>}} options
 */
export async function savePng(picture, result, options, name = NAME) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [picture.width, picture.height];
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  if (options.mirrored) context.setTransform(-1, 0, 0, 1, canvas.width, 0);
  context.drawImage(picture, 0, 0);
  context.resetTransform();
  draw(context, result, options);
  offer(await toBlob(canvas, "image/png"), `${name}.png`);
}

/**
 * Saves the document of `pointillist detect --json`; points in pixels of the unmirrored picture.
 * @param {Result} result
 */
export function saveJson(result, name = NAME) {
  offer(new Blob([JSON.stringify(toDocument(result, name))], { type: "application/json" }), `${name}.json`);
}

/**
 * The document itself: a hundredth of a pixel says all there is to say.
 * @param {Result} result
 */
export function toDocument({ width, height, hands, faces }, photo = NAME) {
  return {
    photo,
    width,
    height,
    hands: hands.map(({ handedness, handedness_score, score, box, landmarks, sigma }) => ({
      handedness,
      handedness_score: rounded(handedness_score, 4),
      score: rounded(score, 4),
      box: rounded(box),
      landmarks: rounded(landmarks),
      sigma: rounded(sigma),
    })),
    faces: faces.map(({ score, box, landmarks, ibug68, sigma }) => ({
      score: rounded(score, 4),
      box: rounded(box),
      landmarks: rounded(landmarks),
      ibug68: rounded(ibug68),
      sigma: rounded(sigma),
    })),
  };
}

/**
 * Numbers in arrays of any depth, rounded.
 * @template {number | number[] | number[][]} Numbers
 * @param {Numbers} value
 * @returns {Numbers}
 */
function rounded(value, digits = 2) {
  const result = Array.isArray(value) ? value.map((part) => rounded(part, digits)) : Number(value.toFixed(digits));
  return /** @type {Numbers} */ (result);
}
