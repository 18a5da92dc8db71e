// A result in words: pages/parts/shared/result_text.py and the points' names of model/runtime/topology.py for the browser.

/** @import { Face, Hand, Instance, Kind, Result } from "../runtime/types.js" */

import constants from "../runtime/constants.js";
import { label, opacity } from "./picture/draw.js";

const NUMBERS = "no one two three four five six seven eight nine ten eleven twelve".split(" ");
const UNCLEAR = "unclear side";
const SIDES = ["left", "right", UNCLEAR];
const FAINT = 0.7; // points drawn weaker than this are counted as uncertain

/** @type {Record<Kind, string[]>} */
export const POINT_NAMES = { hand: constants.hand.points, face: faceNames() };

/** The name of each of the 478 points: its contour and its place there, or its number in the mesh. */
function faceNames() {
  const names = Array.from({ length: constants.face.points }, (_, index) => `mesh_${index}`);
  for (const { name, points } of constants.face.contours)
    points.forEach((point, place) => (names[point] = `${name}_${place}`));
  for (const [side, point] of Object.entries(constants.face.iris_centres)) names[point] = `${side}_iris_centre`;
  return names;
}

/** @type {(hand: Hand) => string} */
const sideOf = (hand) => (hand.handedness_score >= constants.landmarks.min_handedness ? hand.handedness : UNCLEAR);

/** @param {string} text */
export const capitalized = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/**
 * "one hand", "two hands".
 * @param {number} count
 * @param {string} one
 */
export function counted(count, one) {
  return `${NUMBERS[count] ?? count} ${one}${count === 1 ? "" : "s"}`;
}

/**
 * "2 h 5 min", "3 min 20 s", "12 s", "0.4 s": in_words of model/video/video_limits.py.
 * @param {number} seconds
 */
export function lasting(seconds) {
  if (seconds < 9.95) return `${Math.max(seconds, 0).toFixed(1)} s`;
  const whole = Math.round(seconds);
  const hours = Math.floor(whole / 3600);
  /** @type {[number, string][]} */
  const parts = [
    [hours, "h"],
    [Math.floor((whole % 3600) / 60), "min"],
    [hours ? 0 : whole % 60, "s"],
  ];
  return parts
    .filter(([number]) => number)
    .map(([number, unit]) => `${number} ${unit}`)
    .join(" ");
}

/**
 * One sentence: what was detected.
 * @param {Result} result
 */
export function summary({ hands, faces }) {
  if (!hands.length && !faces.length) return "No hands or faces found.";
  const sides = hands.map(sideOf);
  const parts = SIDES.filter((side) => sides.includes(side)).map((side) => {
    const count = sides.filter((other) => other === side).length;
    return `${NUMBERS[count] ?? count} ${side}`;
  });
  const which = sides.length ? ` (${sides.length > 1 ? parts.join(" and ") : sides[0]})` : "";
  return capitalized(`${counted(hands.length, "hand")}${which} and ${counted(faces.length, "face")}.`);
}

/**
 * A name for each hand and face: "Right hand", "Face 2", ...
 * @param {{hands: Hand[], faces: Face[]}} result
 * @returns {{name: string, instance: Instance}[]}
 */
export function named({ hands, faces }) {
  const place = (/** @type {number} */ index, /** @type {unknown[]} */ among) =>
    among.length > 1 ? ` ${index + 1}` : "";
  const sides = SIDES.flatMap((side) => {
    const own = hands.filter((hand) => sideOf(hand) === side);
    const name = side === UNCLEAR ? `Hand of ${side}` : `${capitalized(side)} hand`;
    return own.map((instance, index) => ({ name: `${name}${place(index, own)}`, instance }));
  });
  return [...sides, ...faces.map((instance, index) => ({ name: `Face${place(index, faces)}`, instance }))];
}

/**
 * "Hand 86 % · left 98 % · points ± 4 px": its confidence, that of its side, the mean expected error of its points, and how many
 * of them are drawn faint.
 * @param {Instance} instance
 */
export function details(instance) {
  const [xs, ys] = [0, 1].map((axis) => instance.landmarks.map((point) => point[axis]));
  const size = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys));
  const unsure = instance.sigma.filter((sigma) => opacity(sigma, size) < FAINT).length;
  const error = instance.sigma.reduce((sum, sigma) => sum + sigma, 0) / instance.sigma.length;
  const words = [label(instance), `points ± ${error.toFixed(error >= 1 ? 0 : 1)} px`];
  if (unsure) words.push(`${unsure} of ${instance.sigma.length} points uncertain (drawn faint)`);
  return words.join(" · ");
}

/**
 * What a landmark is and where, in lines: name; number and instance; position; expected error. Lengths in photo pixels.
 * @param {string} name  of its hand or face
 * @param {Pick<Instance, "kind" | "landmarks" | "sigma">} instance
 * @param {number} point
 */
export function describe(name, { kind, landmarks, sigma }, point) {
  const [x, y, z] = landmarks[point].map((value) => value.toFixed(1).replace("-", "−"));
  return [
    capitalized(POINT_NAMES[kind][point].replaceAll("_", " ")),
    `Point ${point} · ${name}`,
    `x ${x} · y ${y} · z ${z} px`,
    `Expected error ± ${sigma[point].toFixed(1)} px`,
  ];
}
