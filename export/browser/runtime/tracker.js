// Follows hands and faces from frame to frame of a camera picture: model/runtime/tracker.py for the browser.

/** @import { Landmarker } from "./landmarker.js" */
/** @import { Box, Corners, Detection, Hand, Handedness, Instance, Picture } from "./types.js" */

import constants from "./constants.js";
import { iou } from "./detector.js";
import { roiFromBox } from "./geometry.js";
import { byKind, confidence, passesPrefilter, requestAround, sameObject, sizeOf, uncertaintyOf } from "./landmarker.js";
import { OneEuro } from "./one_euro.js";

const RULE = constants.tracker;
const MIN_CONFIDENCE = constants.landmarks.confidence.least;

/** One object over time: `last` as the network predicted it in the last frame, unsmoothed. */
class Track {
  #filter = new OneEuro();
  /** @type {number | null} probability that it is a right hand, averaged over the frames */
  #right = null;
  #namedRight = false; // the side that is reported

  /**
   * @param {number} number
   * @param {Instance} instance
   */
  constructor(number, instance) {
    this.number = number;
    this.last = instance;
  }

  /**
   * `last` with smoothed points and steady handedness.
   * @param {number} seconds
   * @param {number} strength
   * @returns {Instance}
   */
  smoothed(seconds, strength) {
    const instance = this.last;
    const smooth = (/** @type {number[][]} */ points) =>
      this.#filter.smooth(points, seconds, sizeOf(instance), strength);
    if (instance.kind === "hand") {
      return {
        ...instance,
        landmarks: smooth(instance.landmarks),
        track: this.number,
        ...this.#steadyHandedness(instance),
      };
    }
    const count = instance.landmarks.length;
    const points = smooth([...instance.landmarks, ...instance.ibug68.map(([x, y]) => [x, y, 0])]);
    return {
      ...instance,
      landmarks: points.slice(0, count),
      track: this.number,
      ibug68: points.slice(count).map(([x, y]) => [x, y]),
    };
  }

  /**
   * The average over the frames. The named side changes only if that is clearly on the other one: a hand seen from its
   * edge would else flicker.
   * @param {Hand} hand
   * @returns {Handedness}
   */
  #steadyHandedness({ handedness, handedness_score: score }) {
    const now = handedness === "right" ? score : 1 - score;
    const { handedness_memory: memory, handedness_margin: margin } = RULE;
    const first = this.#right === null;
    const right = this.#right === null ? now : memory * this.#right + (1 - memory) * now;
    this.#right = right;
    if (first || Math.abs(right - 0.5) > margin) this.#namedRight = right >= 0.5;
    return {
      handedness: this.#namedRight ? "right" : "left",
      handedness_score: this.#namedRight ? right : 1 - right,
    };
  }
}

/** One camera's tracks. Frames go in one after the other: the next when the last one's result is there. */
export class Tracker {
  smoothing = 1; // strength of the One-Euro filter: 0 = none, 1 = as in constants.json, more = calmer
  #landmarker;
  #made = 0;
  /** @type {Track[]} */
  #tracks = [];
  /** @type {number | null} when the detector ran last, in the frames' seconds; null: it runs in the next frame */
  #detected = null;
  #size = "";

  /** @param {Pick<Landmarker, "detectBoxes" | "predict">} landmarker */
  constructor(landmarker) {
    this.#landmarker = landmarker;
  }

  /** Forget everything; the next frame is the first. */
  reset() {
    this.#tracks = [];
    this.#detected = null;
  }

  /**
   * The hands and faces of the next frame, longest tracked first.
   * @param {Picture} picture  unmirrored
   * @param {number} seconds  when it was taken, from any start
   */
  async update(picture, seconds) {
    const size = `${picture.width} x ${picture.height}`;
    if (size !== this.#size) this.reset();
    this.#size = size;

    /** @type {Detection[]} */
    let added = []; // of what is not tracked yet
    if (this.#detectorIsDue(seconds)) {
      const detections = await this.#landmarker.detectBoxes(picture, { tiled: false });
      added = detections.filter((detection) => passesPrefilter(detection, picture) && !this.#isTracked(detection));
      added = added.sort((a, b) => b.score - a.score).slice(0, RULE.most - this.#tracks.length);
    }
    const instances = await this.#landmarker.predict(picture, [
      ...this.#tracks.map(({ last }) => requestAround(last)),
      ...added.map(({ kind, box, up }) => ({ kind, roi: roiFromBox(kind, box, up) })),
    ]);
    const count = this.#tracks.length;
    const candidates = instances.slice(count).map((instance, index) => ({
      instance,
      score: confidence(added[index], instance.score, uncertaintyOf(instance), picture),
    }));
    this.#keep(instances.slice(0, count), candidates);
    return byKind(
      picture,
      this.#tracks.map((track) => track.smoothed(seconds, this.smoothing)),
    );
  }

  /**
   * Whether the detector runs: in the first frame, while nothing is tracked, and from time to time for what is new.
   * @param {number} seconds
   */
  #detectorIsDue(seconds) {
    const waited = this.#detected === null || Math.abs(seconds - this.#detected) >= RULE.detect_every_seconds;
    const due = (waited || !this.#tracks.length) && this.#tracks.length < RULE.most;
    if (due) this.#detected = seconds;
    return due;
  }

  /** @param {Detection} detection */
  #isTracked({ kind, box }) {
    return this.#tracks.some(({ last }) => last.kind === kind && iou(corners(last.box), corners(box)) > RULE.known_iou);
  }

  /**
   * Keeps the tracks whose object is still there, and begins new ones.
   * @param {Instance[]} followed  one for each track
   * @param {{instance: Instance, score: number}[]} candidates
   */
  #keep(followed, candidates) {
    /** @type {Track[]} */
    const kept = [];
    const isKept = (/** @type {Instance} */ instance) => kept.some(({ last }) => sameObject(instance, last));
    this.#tracks.forEach((track, index) => {
      const instance = followed[index];
      // Two tracks that slid onto one object: the older one keeps it.
      if (instance.score >= RULE.presence[instance.kind] && !isKept(instance)) {
        track.last = instance;
        kept.push(track);
      }
    });
    if (kept.length < this.#tracks.length) this.#detected = null; // it may be found again where it went
    for (const { instance, score } of candidates.sort((a, b) => b.score - a.score)) {
      if (score >= MIN_CONFIDENCE[instance.kind] && !isKept(instance)) kept.push(new Track(++this.#made, instance));
    }
    this.#tracks = kept;
  }
}

/**
 * @param {Box} box
 * @returns {Corners}
 */
function corners([x, y, w, h]) {
  return [x, y, x + w, y + h];
}
