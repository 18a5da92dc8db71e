// What was found in a video, frame by frame, in few bytes: for drawing, charts and files. model/video/timeline.py for the browser.

/** @import { Face, Hand, Instance, Kind, Point, Result } from "../../runtime/types.js" */
/** @import { TrackedFrame } from "../../runtime/tracks.js" */
/** @import { FrameTime } from "./clip_reader.js" */

import constants from "../../runtime/constants.js";
import { capitalized } from "../words.js";

const EACH = { hand: constants.hand.points, face: { length: constants.face.points } };
const IBUG = 68;

/**
 * Its lists have an entry for each frame that it is in; a speed is NaN where it is unknown. lefts: frames in which it is a left hand.
 * @typedef {{number: number, kind: Kind, frames: number[], scores: number[], speeds: number[], lefts: number}} Track
 */
/** @typedef {Omit<Hand, "landmarks" | "sigma"> | Omit<Face, "landmarks" | "sigma" | "ibug68">} Rest */
/** @typedef {{rest: Rest, speed: number, numbers: Float32Array}} Packed  numbers: x, y, z and sigma of each point, then x, y of the 68 */
/** @typedef {{seconds: number, stamp: number, packed: Packed[]}} Frame */

export class ClipRecord {
  /** @type {Frame[]} */
  frames = [];
  /** @type {Map<number, Track>} */
  tracks = new Map();
  bytes = 0; // of the points

  /**
   * @param {number} width  of the upright frames, which the points are in
   * @param {number} height
   */
  constructor(width, height) {
    this.width = width;
    this.height = height;
  }

  /**
   * @param {FrameTime} time
   * @param {TrackedFrame} tracked
   */
  add({ seconds, stamp }, { result, speeds }) {
    const packed = [...result.hands, ...result.faces].map((instance) => {
      const speed = speeds.get(instance.track ?? 0) ?? NaN;
      this.#track(instance, speed);
      return pack(instance, speed);
    });
    this.bytes += packed.reduce((sum, { numbers }) => sum + numbers.byteLength, 0);
    this.frames.push({ seconds, stamp, packed });
  }

  /**
   * @param {Instance} instance
   * @param {number} speed
   */
  #track(instance, speed) {
    const number = instance.track ?? 0;
    const track = this.tracks.get(number) ?? {
      number,
      kind: instance.kind,
      frames: [],
      scores: [],
      speeds: [],
      lefts: 0,
    };
    this.tracks.set(number, track);
    track.frames.push(this.frames.length);
    track.scores.push(instance.score);
    track.speeds.push(speed);
    if (instance.kind === "hand" && instance.handedness === "left") track.lefts++;
  }

  /**
   * The result of a frame.
   * @param {number} number
   * @returns {Result}
   */
  result(number) {
    const instances = this.frames[number].packed.map(unpack);
    return {
      width: this.width,
      height: this.height,
      hands: instances.filter((instance) => instance.kind === "hand"),
      faces: instances.filter((instance) => instance.kind === "face"),
    };
  }

  /** When the last frame is over, taking it to last as long as the frames do on average. */
  get end() {
    const last = this.frames[this.frames.length - 1]?.seconds ?? 0;
    return last ? last + last / (this.frames.length - 1) : 0.1;
  }

  /**
   * Seconds [from, until] of each stretch of frames that follow each other.
   * @param {Track} track
   */
  spans({ frames }) {
    /** @type {[number, number][]} */
    const found = [];
    frames.forEach((frame, place) => {
      const until = this.frames[frame + 1]?.seconds ?? this.end;
      if (place && frames[place - 1] === frame - 1) found[found.length - 1][1] = until;
      else found.push([this.frames[frame].seconds, until]);
    });
    return found;
  }
}

/**
 * "Left hand 1", "Face 2": the side that it has in most of its frames, and the track's number.
 * @param {Track} track
 */
export function titleOf({ number, kind, frames, lefts }) {
  if (kind === "face") return `Face ${number}`;
  return capitalized(`${2 * lefts >= frames.length ? "left" : "right"} hand ${number}`);
}

/** @param {number[]} values */
export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * @param {Instance} instance
 * @param {number} speed
 * @returns {Packed}
 */
function pack(instance, speed) {
  const { landmarks, sigma } = instance;
  const points = landmarks.flatMap((point, index) => [...point, sigma[index]]);
  if (instance.kind === "hand") {
    const { kind, score, box, roi, track, handedness, handedness_score } = instance;
    return {
      rest: { kind, score, box, roi, track, handedness, handedness_score },
      speed,
      numbers: Float32Array.from(points),
    };
  }
  const { kind, score, box, roi, track, ibug68 } = instance;
  return { rest: { kind, score, box, roi, track }, speed, numbers: Float32Array.from([...points, ...ibug68.flat()]) };
}

/**
 * @param {Packed} packed
 * @returns {Instance}
 */
function unpack({ rest, numbers }) {
  const count = EACH[rest.kind].length;
  const landmarks = rows(numbers, 0, count, 4, 3);
  const sigma = Array.from({ length: count }, (_, index) => numbers[4 * index + 3]);
  if (rest.kind === "hand") return { ...rest, landmarks, sigma };
  return { ...rest, landmarks, sigma, ibug68: rows(numbers, 4 * count, IBUG, 2, 2) };
}

/**
 * @param {Float32Array} numbers
 * @param {number} start
 * @param {number} count
 * @param {number} step
 * @param {number} length
 * @returns {Point[]}
 */
function rows(numbers, start, count, step, length) {
  return Array.from({ length: count }, (_, index) => [
    ...numbers.subarray(start + step * index, start + step * index + length),
  ]);
}
