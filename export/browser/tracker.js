// Follows hands and faces from frame to frame of a camera picture: model/runtime/tracker.py for the browser.

import constants from "./constants.js";
import { overlap } from "./detector.js";
import { roiFromBox } from "./geometry.js";
import { confidence, hopeful, nextPlace, sameObject, sizeOf, uncertaintyOf } from "./landmarker.js";
import { OneEuro } from "./smoothing.js";

const RULE = constants.tracker;
const LEAST = constants.landmarks.confidence.least;

/** One object over time: `last` as the network saw it in the last frame, unsmoothed. */
class Track {
  #filter = new OneEuro();
  #right = null; // probability that it is a right hand, averaged over the frames
  #namedRight = false; // the side that is shown

  constructor(number, thing) {
    this.number = number;
    this.last = thing;
  }

  /** `last` with smoothed points and steady handedness. */
  shown(seconds, strength) {
    const thing = this.last;
    const count = thing.landmarks.length;
    const points = thing.kind === "face" ? [...thing.landmarks, ...thing.ibug68.map(([x, y]) => [x, y, 0])] : thing.landmarks;
    const smooth = this.#filter.smooth(points, seconds, sizeOf(thing), strength);
    const changes = { landmarks: smooth.slice(0, count), track: this.number };
    if (thing.kind === "face") changes.ibug68 = smooth.slice(count).map(([x, y]) => [x, y]);
    else Object.assign(changes, this.#steadySide(thing));
    return { ...thing, ...changes };
  }

  /** Handedness fields from the average over the frames. The named side changes only if that is clearly on the other one: a hand seen
   *  from its edge would else flicker. */
  #steadySide({ handedness, handedness_score: score }) {
    const now = handedness === "right" ? score : 1 - score;
    const { handedness_memory: memory, handedness_margin: margin } = RULE;
    const first = this.#right === null;
    this.#right = first ? now : memory * this.#right + (1 - memory) * now;
    if (first || Math.abs(this.#right - 0.5) > margin) this.#namedRight = this.#right >= 0.5;
    return {
      handedness: this.#namedRight ? "right" : "left",
      handedness_score: this.#namedRight ? this.#right : 1 - this.#right,
    };
  }
}

export class Tracker {
  smoothing = 1; // strength of the One-Euro filter: 0 = none, 1 = as in constants.json, more = calmer
  #landmarker;
  #made = 0;
  #tracks = [];
  #searched = null; // when, in the frames' seconds; null: search in the next frame
  #size = "";

  constructor(landmarker) {
    this.#landmarker = landmarker;
  }

  /** Forget everything; the next frame is looked at afresh. */
  reset() {
    this.#tracks = [];
    this.#searched = null;
  }

  /** The hands and faces of the next frame (ImageData, unmirrored), taken at `seconds`; longest tracked first. */
  async update(picture, seconds) {
    const size = `${picture.width} x ${picture.height}`;
    if (size !== this.#size) this.reset();
    this.#size = size;

    let newcomers = [];
    if (this.#searchIsDue(seconds)) {
      const seen = await this.#landmarker.find(picture, { closer: false });
      newcomers = seen.filter((detection) => hopeful(detection, picture) && !this.#known(detection));
      newcomers = newcomers.sort((a, b) => b.score - a.score).slice(0, RULE.most - this.#tracks.length);
    }
    const places = [
      ...this.#tracks.map(({ last }) => nextPlace(last)),
      ...newcomers.map(({ kind, box, up }) => ({ kind, roi: roiFromBox(kind, box, up) })),
    ];
    const found = await this.#landmarker.look(picture, places);
    const held = this.#tracks.length;
    const fresh = found.slice(held).map((thing, index) => ({ thing, sure: confidence(newcomers[index], thing.score, uncertaintyOf(thing), picture) }));
    this.#follow(found.slice(0, held), fresh);

    const shown = this.#tracks.map((track) => track.shown(seconds, this.smoothing));
    return {
      width: picture.width,
      height: picture.height,
      hands: shown.filter(({ kind }) => kind === "hand"),
      faces: shown.filter(({ kind }) => kind === "face"),
    };
  }

  /** Whether the detector runs: in the first frame, while nothing is tracked, and from time to time for what is new. */
  #searchIsDue(seconds) {
    const waited = this.#searched === null || Math.abs(seconds - this.#searched) >= RULE.detect_every_seconds;
    const due = (waited || !this.#tracks.length) && this.#tracks.length < RULE.most;
    if (due) this.#searched = seconds;
    return due;
  }

  #known({ kind, box }) {
    return this.#tracks.some(({ last }) => last.kind === kind && overlap(corners(last.box), corners(box)) > RULE.known_iou);
  }

  #follow(seenAgain, newcomers) {
    const held = [];
    const followed = (thing) => held.some(({ last }) => sameObject(thing, last));
    this.#tracks.forEach((track, index) => {
      const thing = seenAgain[index];
      // Two tracks that slid onto one object: the older one keeps it.
      if (thing.score >= RULE.presence[thing.kind] && !followed(thing)) {
        track.last = thing;
        held.push(track);
      }
    });
    if (held.length < this.#tracks.length) this.#searched = null; // it may be found again where it went
    for (const { thing, sure } of newcomers.sort((a, b) => b.sure - a.sure)) {
      if (sure >= LEAST[thing.kind] && !followed(thing)) held.push(new Track(++this.#made, thing));
    }
    this.#tracks = held;
  }
}

function corners([x, y, w, h]) {
  return [x, y, x + w, y + h];
}
