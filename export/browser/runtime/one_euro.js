// The One-Euro filter (Casiez, Roussel, Vogel, CHI 2012): model/tracking/one_euro.py for the browser.

/** @import { Point } from "./types.js" */

import constants from "./constants.js";

const RULE = constants.smoothing;

/** Smooths one object's points. Speeds count in object sizes per second, so that near and far behave alike. */
export class OneEuro {
  #time = 0;
  /** @type {Point[] | null} smoothed points of the frame before */
  #value = null;
  /** @type {Point[]} */
  #velocity = [];

  /**
   * Smoothed points, like `points`.
   * @param {Point[]} points
   * @param {number} seconds  when they were there
   * @param {number} size  of the object, in the points' unit
   * @param {number} strength  0 = none, 1 = as set, 2 = twice as calm at rest
   * @returns {Point[]}
   */
  smooth(points, seconds, size, strength = 1) {
    const elapsed = this.#value ? seconds - this.#time : 0;
    if (!this.#value || elapsed <= 0 || strength <= 0) {
      // First frame, a repeated or backward timestamp, or switched off: nothing to average with.
      if (!this.#value || elapsed > 0) {
        this.#time = seconds;
        this.#value = points.map((point) => [...point]);
        this.#velocity = points.map((point) => point.map(() => 0));
      }
      return points.map((point) => [...point]);
    }
    const ease = weight(RULE.derivative_cutoff, elapsed);
    this.#value = this.#value.map((past, index) => {
      const velocity = this.#velocity[index];
      past.forEach((value, axis) => {
        velocity[axis] += ease * ((points[index][axis] - value) / elapsed - velocity[axis]);
      });
      const speed = Math.hypot(velocity[0], velocity[1]) / Math.max(size, 1e-6);
      const share = weight(RULE.min_cutoff / strength + RULE.beta * speed, elapsed);
      return past.map((value, axis) => value + share * (points[index][axis] - value));
    });
    this.#time = seconds;
    return this.#value.map((point) => [...point]);
  }
}

/**
 * Weight of the new value in a first-order low-pass filter.
 * @param {number} cutoff  Hz
 * @param {number} elapsed  seconds
 */
function weight(cutoff, elapsed) {
  const turn = 2 * Math.PI * cutoff * elapsed;
  return turn / (turn + 1);
}
