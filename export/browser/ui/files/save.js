// Offers a frozen picture and its points as files.

/** @import { Kind, Result } from "../../runtime/types.js" */

import constants from "../../runtime/constants.js";
import { draw, PLAIN_GROUND } from "../picture/draw.js";
import { distinct } from "./file_names.js";
import { POINT_NAMES } from "../words.js";

const NAME = "pointillist";

/**
 * Has the browser save a file.
 * @param {Blob} blob
 * @param {string} name
 */
export function offer(blob, name) {
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
 * @param {{mirrored?: boolean, layers?: Partial<import("../picture/draw.js").Layers> & {photo?: boolean}}} options
 */
export async function savePng(picture, result, options, name = NAME) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [picture.width, picture.height];
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  if (options.mirrored) context.setTransform(-1, 0, 0, 1, canvas.width, 0);
  context.drawImage(picture, 0, 0);
  context.resetTransform();
  if (options.layers?.photo === false) {
    context.fillStyle = PLAIN_GROUND;
    context.fillRect(0, 0, canvas.width, canvas.height);
  }
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
export function rounded(value, digits = 2) {
  const result = Array.isArray(value) ? value.map((part) => rounded(part, digits)) : Number(value.toFixed(digits));
  return /** @type {Numbers} */ (result);
}

const FORMULA = /^[=+\-@\t\r]/; // what a spreadsheet would take for one

/** @param {string} text */
const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/**
 * A file's name as a cell of CSV, never a formula for a spreadsheet.
 * @param {string} name
 */
export function cell(name) {
  return quoted(FORMULA.test(name) ? `'${name}` : name);
}

const COLUMNS = "photo,kind,number,score,handedness,handedness_score,point,name,x,y,z,sigma";

/** @typedef {[name: string, result: Result][]} Named  photos and what was found in them */

/**
 * A row for each landmark: the columns of `pointillist detect --csv`.
 * @param {Named} results
 */
export function toCsv(results) {
  const names = distinct(results.map(([name]) => (FORMULA.test(name) ? `'${name}` : name)));
  const rows = results.flatMap(([, { hands, faces }], place) => {
    return [...hands.entries(), ...faces.entries()].flatMap(([number, instance]) => {
      const side = instance.kind === "hand" ? [instance.handedness, rounded(instance.handedness_score, 4)] : ["", ""];
      const head = [quoted(names[place]), instance.kind, number, rounded(instance.score, 4), ...side];
      return instance.landmarks.map((point, index) =>
        [...head, index, POINT_NAMES[instance.kind][index], ...rounded(point), rounded(instance.sigma[index])].join(
          ",",
        ),
      );
    });
  });
  return [COLUMNS, ...rows, ""].join("\n");
}

/**
 * A COCO keypoints data set of the photos: `to_coco` of model/output/serialize.py.
 * @param {Named} results
 */
export function toCoco(results) {
  const names = distinct(results.map(([name]) => name));
  const annotations = results.flatMap(([, result], image) => annotationsOf(result, image + 1));
  return {
    info: { description: "Hands (21 points) and faces (478 points) found by Pointillist" },
    licenses: [],
    categories: [category(1, "hand", constants.hand.edges), category(2, "face", meshEdges())],
    images: results.map(([, { width, height }], image) => ({ id: image + 1, file_name: names[image], width, height })),
    annotations: annotations.map((annotation, index) => ({ id: index + 1, ...annotation })),
  };
}

/**
 * The hands and faces of one image, not numbered yet.
 * @param {Result} result
 * @param {number} image  its number
 */
function annotationsOf({ width, height, hands, faces }, image) {
  const size = [width, height];
  return [...hands, ...faces].map((instance) => {
    const [x, y, w, h] = instance.box;
    const [low, high] = [
      [x, y],
      [x + w, y + h],
    ].map((corner) => rounded(corner.map((value, axis) => Math.min(Math.max(value, 0), size[axis]))));
    const bbox = [...low, ...rounded([high[0] - low[0], high[1] - low[1]])];
    const keypoints = instance.landmarks.flatMap((landmark) => {
      const point = rounded(landmark.slice(0, 2));
      return [...point, point.every((value, axis) => value >= 0 && value < size[axis]) ? 2 : 1];
    });
    return {
      image_id: image,
      category_id: instance.kind === "hand" ? 1 : 2,
      bbox,
      area: rounded(bbox[2] * bbox[3]),
      iscrowd: 0,
      keypoints,
      num_keypoints: instance.landmarks.length,
      score: rounded(instance.score, 4),
      ...(instance.kind === "hand" ? { handedness: instance.handedness } : {}),
    };
  });
}

/**
 * @param {number} id
 * @param {Kind} kind
 * @param {number[][]} edges
 */
function category(id, kind, edges) {
  const skeleton = edges.map(([a, b]) => [a + 1, b + 1]); // COCO counts keypoints from 1
  return { id, name: kind, supercategory: "person", keypoints: POINT_NAMES[kind], skeleton };
}

/** The edges of the face's triangles, each once, in order. */
function meshEdges() {
  const edges = new Map();
  for (const [a, b, c] of constants.face.triangles)
    for (const [from, to] of [
      [a, b],
      [b, c],
      [c, a],
    ])
      edges.set(`${Math.min(from, to)} ${Math.max(from, to)}`, [Math.min(from, to), Math.max(from, to)]);
  return [...edges.values()].sort((one, other) => one[0] - other[0] || one[1] - other[1]);
}
