// Follows hands and faces from frame to frame of a camera picture: model/tracking/tracker.py for the browser.

/** @import { Landmarker } from "./landmarker.js" */
/** @import { Box, Corners, Detection, Hand, Handedness, Instance, Picture } from "./types.js" */

import constants from "./constants.js";
import { iou } from "./detector.js";
import { rightProbability, sizeOf, uncertaintyOf } from "./instance.js";
import { byKind, confidence, passesPrefilter, requestFor, sameObject } from "./landmarker.js";
import { OneEuro } from "./one_euro.js";
import { requestAround } from "./refinement.js";

const RULE = constants.tracker;
const MIN_CONFIDENCE = constants.landmarks.confidence.minimum;

/** One object over time: `last` as predicted in the last frame, unsmoothed, its score the presence; `detection`: the last one of it. */
class Track {
  #filter = new OneEuro();
  /** @type {number | null} probability that it is a right hand, averaged over the frames */
  #right = null;
  #namedRight = false; // the side that is reported

  /**
   * @param {number} number
   * @param {Instance} instance
   * @param {Detection} detection
   */
  constructor(number, instance, detection) {
    this.number = number;
    this.last = instance;
    this.detection = detection;
  }

  /**
   * The confidence of a prediction for this track, as in photos.
   * @param {Instance} instance
   * @param {Pick<Picture, "width" | "height">} picture
   */
  confidenceOf(instance, picture) {
    return confidence(this.detection, instance.score, uncertaintyOf(instance), picture);
  }

  /**
   * `last` with smoothed points, steady handedness and, as in photos, the confidence as its score.
   * @param {number} seconds
   * @param {number} strength
   * @param {Pick<Picture, "width" | "height">} picture
   * @returns {Instance}
   */
  smoothed(seconds, strength, picture) {
    const instance = this.last;
    const score = this.confidenceOf(instance, picture);
    const smooth = (/** @type {number[][]} */ points) =>
      this.#filter.smooth(points, seconds, sizeOf(instance), strength);
    if (instance.kind === "hand") {
      return {
        ...instance,
        score,
        landmarks: smooth(instance.landmarks),
        track: this.number,
        ...this.#steadyHandedness(instance),
      };
    }
    const count = instance.landmarks.length;
    const points = smooth([...instance.landmarks, ...instance.ibug68.map(([x, y]) => [x, y, 0])]);
    return {
      ...instance,
      score,
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
  #steadyHandedness(hand) {
    const now = rightProbability(hand);
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

  /** @param {Pick<Landmarker, "detectBoxes" | "predictPresent">} landmarker */
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
   * @param {boolean} early  without kinds that have no landmark network yet, rather than waiting for it
   */
  async update(picture, seconds, early = false) {
    const size = `${picture.width} x ${picture.height}`;
    if (size !== this.#size) this.reset();
    this.#size = size;

    /** @type {Detection[]} */
    let added = []; // of what is not tracked yet
    if (this.#detectorIsDue(seconds)) {
      const detections = await this.#landmarker.detectBoxes(picture, { tiled: false, ready: early });
      added = detections.filter((detection) => passesPrefilter(detection, picture) && !this.#seenAgain(detection));
      added = added.sort((a, b) => b.score - a.score).slice(0, RULE.most - this.#tracks.length);
    }
    const instances = await this.#landmarker.predictPresent(picture, [
      ...this.#tracks.map(({ last }) => ({ ...requestAround(last), leastPresence: RULE.presence[last.kind] })),
      ...added.map((detection) => requestFor(detection, picture)),
    ]);
    const count = this.#tracks.length;
    const candidates = instances.slice(count).flatMap((instance, index) => {
      if (!instance) return [];
      const detection = added[index];
      return [{ instance, detection, score: confidence(detection, instance.score, uncertaintyOf(instance), picture) }];
    });
    this.#keep(picture, instances.slice(0, count), candidates);
    return byKind(
      picture,
      this.#tracks.map((track) => track.smoothed(seconds, this.smoothing, picture)),
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

  /**
   * Whether the detection is of an object that is tracked; its track then keeps the detection.
   * @param {Detection} detection
   */
  #seenAgain(detection) {
    const own = this.#tracks.filter(({ last }) => last.kind === detection.kind);
    const overlaps = own.map(({ last }) => iou(corners(last.box), corners(detection.box)));
    const most = Math.max(...overlaps, 0);
    if (most <= RULE.known_iou) return false;
    own[overlaps.indexOf(most)].detection = detection;
    return true;
  }

  /**
   * Keeps the tracks whose object is still there, and begins new ones.
   * @param {Picture} picture
   * @param {(Instance | null)[]} followed  one for each track; null where presence is too low
   * @param {{instance: Instance, detection: Detection, score: number}[]} candidates
   */
  #keep(picture, followed, candidates) {
    /** @type {Track[]} */
    const kept = [];
    const isKept = (/** @type {Instance} */ instance) => kept.some(({ last }) => sameObject(instance, last));
    this.#tracks.forEach((track, index) => {
      const instance = followed[index];
      if (!instance || track.confidenceOf(instance, picture) < RULE.confidence) return;
      // Two tracks that slid onto one object: the older one keeps it.
      if (!isKept(instance)) {
        track.last = instance;
        kept.push(track);
      }
    });
    if (kept.length < this.#tracks.length) this.#detected = null; // it may be found again where it went
    for (const { instance, detection, score } of candidates.sort((a, b) => b.score - a.score)) {
      if (score < MIN_CONFIDENCE[instance.kind] || isKept(instance)) continue;
      kept.push(new Track(++this.#made, instance, detection));
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
