// What the points of a hand or face tell about it: its box, size and expected error; and its side.

/** @import { Box, Handedness, Instance, Point } from "./types.js" */

/** @param {Point[]} points */
export function extent(points) {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of points) {
    [left, top] = [Math.min(left, x), Math.min(top, y)];
    [right, bottom] = [Math.max(right, x), Math.max(bottom, y)];
  }
  return { left, top, width: right - left, height: bottom - top };
}

/**
 * The points' box, larger by `margin` of its larger side on each side.
 * @param {Point[]} points
 * @param {number} margin
 * @returns {Box}
 */
export function boxAround(points, margin) {
  const { left, top, width, height } = extent(points);
  const more = margin * Math.max(width, height);
  return [left - more, top - more, width + 2 * more, height + 2 * more];
}

/**
 * The larger side of the points' box, photo pixels.
 * @param {Pick<Instance, "landmarks">} instance
 */
export function sizeOf({ landmarks }) {
  const { width, height } = extent(landmarks);
  return Math.max(width, height);
}

/**
 * Handedness from the probability that it is a right hand.
 * @param {number} right
 * @returns {Handedness}
 */
export function handednessOf(right) {
  return right >= 0.5
    ? { handedness: "right", handedness_score: right }
    : { handedness: "left", handedness_score: 1 - right };
}

/**
 * The probability that it is a right hand.
 * @param {Handedness} hand
 */
export function rightProbability({ handedness, handedness_score: score }) {
  return handedness === "right" ? score : 1 - score;
}

/**
 * The mean expected error of the points as a share of the object's size.
 * @param {Instance} instance
 */
export function uncertaintyOf(instance) {
  const mean = instance.sigma.reduce((sum, each) => sum + each, 0) / instance.sigma.length;
  return mean / Math.max(sizeOf(instance), 1e-6);
}
