// The tracks of a video's hands and faces: each keeps one number as long as it is the same one, also over a moment unseen.
// model/video/tracks.py for the browser; its rules are in constants.json.

/** @import { Hand, Instance, Result } from "./types.js" */
/** @typedef {Instance & {track: number}} Tracked */
/** @typedef {{result: Result, speeds: Map<number, number>}} TrackedFrame  result with our numbers; speeds: by a hand's number, of the fingertips, pixels a second */

import constants from "./constants.js";
import { sizeOf } from "./instance.js";

const RULE = constants.video;
const CLEAR = constants.landmarks.min_handedness;
const FINGERTIPS = constants.hand.fingers.map(({ points }) => points[points.length - 1]);

/** One video's; the tracker (tracker.js) gives what it has lost for a single frame a new number. */
export class Tracks {
  /** @type {Map<number, number>} the tracker's number -> ours */
  #numbers = new Map();
  /** @type {Map<number, {instance: Tracked, seconds: number}>} by our number, of those seen within RULE.memory */
  #last = new Map();
  #made = 0;

  /**
   * The next frame's result with numbers that last.
   * @param {Result} found  as the tracker gives it
   * @param {number} seconds
   * @returns {TrackedFrame}
   */
  update(found, seconds) {
    for (const [number, last] of this.#last) if (seconds - last.seconds > RULE.memory) this.#last.delete(number);
    const instances = [...found.hands, ...found.faces];
    const known = new Set(instances.map(numberOf));
    for (const theirs of this.#numbers.keys()) if (!known.has(theirs)) this.#numbers.delete(theirs);
    for (const instance of instances) {
      if (!this.#numbers.has(numberOf(instance)))
        this.#numbers.set(numberOf(instance), this.#lost(instance) ?? ++this.#made);
    }
    /** @type {<Kind extends Instance>(instance: Kind) => Kind & {track: number}} */
    const numbered = (instance) => ({ ...instance, track: this.#numbers.get(numberOf(instance)) ?? 0 });
    const result = { ...found, hands: found.hands.map(numbered), faces: found.faces.map(numbered) };
    const speeds = new Map();
    for (const hand of result.hands) {
      const speed = this.#speed(hand, seconds);
      if (speed !== null) speeds.set(hand.track, speed);
    }
    for (const instance of [...result.hands, ...result.faces]) this.#last.set(instance.track, { instance, seconds });
    return { result, speeds };
  }

  /**
   * The number of the lost track that this instance continues: the nearest possible one.
   * @param {Instance} instance
   */
  #lost(instance) {
    const taken = new Set(this.#numbers.values());
    const near = [...this.#last]
      .filter(([number, last]) => !taken.has(number) && alike(instance, last.instance))
      .map(([number, last]) => ({ number, distance: distance(instance, last.instance) }))
      .sort((one, other) => one.distance - other.distance || one.number - other.number);
    return near.length && near[0].distance <= RULE.reach ? near[0].number : null;
  }

  /**
   * @param {Hand & {track: number}} hand
   * @param {number} seconds
   */
  #speed({ track, landmarks }, seconds) {
    const last = this.#last.get(track);
    const passed = last ? seconds - last.seconds : 0;
    if (!last || passed <= 0 || passed > RULE.most_pause) return null;
    const before = last.instance.landmarks;
    const ways = FINGERTIPS.map((tip) =>
      Math.hypot(landmarks[tip][0] - before[tip][0], landmarks[tip][1] - before[tip][1]),
    );
    return ways.reduce((sum, way) => sum + way, 0) / ways.length / passed;
  }
}

/** @param {Instance} instance */
function numberOf({ track }) {
  if (track === undefined) throw new Error("this hand or face belongs to no track");
  return track;
}

/**
 * Between the middles, in sizes of the larger one.
 * @param {Instance} one
 * @param {Instance} other
 */
function distance(one, other) {
  const [a, b] = [one, other].map(({ landmarks }) =>
    [0, 1].map((axis) => landmarks.reduce((sum, point) => sum + point[axis], 0) / landmarks.length),
  );
  return Math.hypot(a[0] - b[0], a[1] - b[1]) / Math.max(sizeOf(one), sizeOf(other), 1e-6);
}

/**
 * @param {Instance} one
 * @param {Instance} other
 */
function alike(one, other) {
  const [small, large] = [one, other].map((each) => Math.max(sizeOf(each), 1e-6)).sort((a, b) => a - b);
  if (one.kind !== other.kind || large > RULE.growth * small) return false;
  if (one.kind !== "hand" || other.kind !== "hand") return true;
  if (one.handedness_score < CLEAR || other.handedness_score < CLEAR) return true;
  return one.handedness === other.handedness;
}
