// The landmarks of every hand and face in a picture: model/runtime/landmarker.py for the browser.

/** @import { Corners, Detection, Instance, Kind, Picture, Point, Result, Roi, RoiRequest, Sessions } from "./types.js" */

import constants from "./constants.js";
import { detect, KINDS, repeats } from "./detector.js";
import { apply, crop, roiFromBox, toPhoto } from "./geometry.js";
import { boxAround, handednessOf, sizeOf, uncertaintyOf } from "./instance.js";
import { averaged, averagingRequest, better, needsAveraging, needsRefinement, requestAround } from "./refinement.js";

const CROP = constants.crop_side;
const BYTES = CROP * CROP * 3;
const RULE = constants.landmarks;
const CAUTION = 1 - 1e-5; // a bound is taken a little lower, so that rounding rejects nothing

/** The whole pipeline: detector, region of interest, landmarks, confidence. */
export class Landmarker {
  #sessions;

  /** @param {Sessions} sessions  from openSessions() */
  constructor(sessions) {
    this.#sessions = sessions;
  }

  /**
   * All hands and faces of a photo, and the most confident ones of those that the minimum confidence rejects.
   * @param {Picture} picture
   * @param {number} [mostUncertain]  with some, the landmark network runs on more detections
   */
  async detect(picture, mostUncertain = 0) {
    const { minimum, uncertain_from: from, early_exit: exit } = RULE.confidence;
    const lowest = mostUncertain ? { hand: from, face: from } : minimum;
    // A further crop may lift the confidence, so the networks stop only well below the minimum.
    const least = { hand: Math.min(lowest.hand, exit), face: Math.min(lowest.face, exit) };
    const seen = (await this.detectBoxes(picture)).filter((each) => passesPrefilter(each, picture, lowest));
    const answers = await this.predictPresent(
      picture,
      seen.map((each) => requestFor(each, picture, least)),
    );
    const present = [...answers.keys()].filter((index) => answers[index]);
    const detections = present.map((index) => seen[index]);
    const instances = present.map((index) => /** @type {Instance} */ (answers[index]));
    /** Whether further crops are worth their time. @param {number} index @param {number} least */
    const reaches = (index, least) => confidenceOf(detections[index], instances[index], picture) >= least;
    const again = [...instances.keys()].filter(
      (index) => reaches(index, RULE.refinement.confidence) && needsRefinement(instances[index], instances[index].roi),
    );
    const refined = await this.predict(
      picture,
      again.map((index) => requestAround(instances[index])),
    );
    again.forEach((index, order) => (instances[index] = better(instances[index], refined[order])));

    const hands = [...instances.keys()].filter(
      (index) => instances[index].kind === "hand" && reaches(index, RULE.averaging.confidence),
    );
    const views = hands.map((index) => [instances[index]]);
    for (let number = 0; number < RULE.averaging.uncertainty.length; number++) {
      const uncertain = views.filter((own) => needsAveraging(averaged(own), number));
      const further = await this.predict(
        picture,
        uncertain.map((own) => averagingRequest(averaged(own), number)),
      );
      uncertain.forEach((own, order) => own.push(further[order]));
    }
    hands.forEach((index, order) => (instances[index] = averaged(views[order])));
    instances.forEach((instance, index) => {
      instance.score = confidenceOf(detections[index], instance, picture);
    });
    return asResult(picture, instances, minimum, mostUncertain);
  }

  /**
   * The detector alone; see detector.js.
   * @param {Picture} picture
   * @param {{tiled?: boolean, ready?: boolean}} [options]  ready: only kinds with a landmark network that is there
   */
  async detectBoxes(picture, { ready = false, ...options } = {}) {
    const detections = await detect(
      picture,
      async (...pictures) => (await this.#sessions.detector.run(...pictures)).detections,
      options,
    );
    return ready ? detections.filter(({ kind }) => this.#sessions[kind].ready !== false) : detections;
  }

  /**
   * The landmark networks' answers to requests without a least presence, in their order; an instance's score is its presence, which tells
   * whether anything is there.
   * @param {Picture} picture
   * @param {RoiRequest[]} requests
   */
  async predict(picture, requests) {
    return /** @type {Instance[]} */ (await this.predictPresent(picture, requests));
  }

  /**
   * As `predict`, null where presence is below the request's least: the network stops behind its encoder there.
   * @param {Picture} picture
   * @param {RoiRequest[]} requests
   */
  async predictPresent(picture, requests) {
    /** @type {(Instance | null)[]} */
    const instances = new Array(requests.length);
    for (const batch of batchesByKind(requests)) {
      const crops = new Uint8Array(batch.length * BYTES);
      batch.forEach((request, index) => crop(picture, requests[request].roi, crops, index * BYTES));
      const { kind } = requests[batch[0]];
      const least = batch.map((request) => requests[request].leastPresence ?? 0);
      const outputs = await this.#sessions[kind].run(crops, batch.length, CROP, CROP, least);
      const presence = outputs[`${kind}_presence`];
      batch.forEach((request, index) => {
        const absent = presence[index] < least[index];
        instances[request] = absent ? null : postprocess(outputs, index, batch.length, requests[request]);
      });
    }
    return instances;
  }
}

/**
 * Indices of requests that go into one run: of one kind each, since each kind has a network of its own.
 * @param {RoiRequest[]} requests
 */
function batchesByKind(requests) {
  const batches = [];
  for (const wanted of KINDS) {
    const own = [...requests.keys()].filter((index) => requests[index].kind === wanted);
    for (let start = 0; start < own.length; start += RULE.batch) batches.push(own.slice(start, start + RULE.batch));
  }
  return batches;
}

/**
 * The index-th of `count` answers -> a hand or face in photo pixels.
 * @param {Record<string, Float32Array>} outputs
 * @param {number} index
 * @param {number} count
 * @param {RoiRequest} request
 * @returns {Instance}
 */
function postprocess(outputs, index, count, { kind, roi }) {
  const own = (/** @type {string} */ name) => {
    const length = outputs[name].length / count;
    return outputs[name].subarray(index * length, (index + 1) * length);
  };
  const landmarks = pointsInPhoto(own(kind), 3, roi);
  const common = {
    landmarks,
    score: own(`${kind}_presence`)[0],
    box: boxAround(landmarks, constants.roi[kind].box_margin),
    sigma: Array.from(own(`${kind}_sigma`), (sigma) => sigma * roi.side),
    roi,
  };
  if (kind === "face") return { kind, ...common, ibug68: pointsInPhoto(own("face_ibug68"), 2, roi) };
  const right = own("handedness")[0]; // in the crop; its mirror image shows the other hand
  return { kind, ...common, ...handednessOf(roi.mirrored ? 1 - right : right) };
}

/**
 * The network's normalised points, flat, `axes` numbers each, -> [[x, y(, z)], ...] in photo pixels.
 * @param {Float32Array} flat
 * @param {2 | 3} axes
 * @param {Roi} roi
 * @returns {Point[]}
 */
function pointsInPhoto(flat, axes, roi) {
  const matrix = toPhoto(roi);
  return Array.from({ length: flat.length / axes }, (_, index) => {
    const [x, y, z] = flat.subarray(index * axes, (index + 1) * axes);
    const point = apply(matrix, x * CROP - 0.5, y * CROP - 0.5);
    return axes === 3 ? [...point, z * roi.side] : point;
  });
}

/**
 * The confidence of an instance whose `score` is still its presence.
 * @param {Detection} detection
 * @param {Instance} instance
 * @param {Pick<Picture, "width" | "height">} picture
 */
function confidenceOf(detection, instance, picture) {
  return confidence(detection, instance.score, uncertaintyOf(instance), picture);
}

/**
 * Probability that a detection is a hand or face, from the detector's score, its size, the landmark network's presence
 * and the points' uncertainty (uncertaintyOf).
 * @param {Detection} detection
 * @param {number} presence
 * @param {number} uncertainty
 * @param {Pick<Picture, "width" | "height">} picture
 */
export function confidence(detection, presence, uncertainty, picture) {
  return sigmoid(logOdds(detection, presence, uncertainty, picture));
}

/**
 * @param {Detection} detection
 * @param {number} presence
 * @param {number} uncertainty
 * @param {Pick<Picture, "width" | "height">} picture
 */
function logOdds({ kind, score, box }, presence, uncertainty, { width, height }) {
  const rule = RULE.confidence;
  const share = Math.max(box[2], box[3], 1) / Math.max(width, height);
  const capped = Math.min(presence, rule.presence_cap[kind]); // more of it tells little
  const [lowest, highest] = rule.uncertainty_range[kind];
  const sum =
    rule.detection[kind] * logit(score) +
    rule.presence[kind] * logit(capped) +
    rule.size[kind] * Math.log(share) +
    rule.uncertainty[kind] * Math.log(Math.min(Math.max(uncertainty, lowest), highest));
  return sum + rule.offset[kind];
}

/**
 * Whether some presence and points could still lift a detection to the minimum confidence; else no landmark network runs.
 * @param {Detection} detection
 * @param {Pick<Picture, "width" | "height">} picture
 * @param {Record<Kind, number>} [minimum]
 */
export function passesPrefilter(detection, picture, minimum = RULE.confidence.minimum) {
  return confidence(detection, 1, 0, picture) >= minimum[detection.kind];
}

/**
 * What is asked of the landmark network about a detection. Its least presence: no landmarks would lift it to the minimum confidence with less.
 * @param {Detection} detection
 * @param {Pick<Picture, "width" | "height">} picture
 * @param {Record<Kind, number>} [minimum]
 * @returns {RoiRequest}
 */
export function requestFor(detection, picture, minimum = RULE.confidence.minimum) {
  const { kind, box, up } = detection;
  return { kind, roi: roiFromBox(kind, box, up), leastPresence: leastPresence(detection, picture, minimum[kind]) };
}

/**
 * @param {Detection} detection
 * @param {Pick<Picture, "width" | "height">} picture
 * @param {number} minimum
 */
function leastPresence(detection, picture, minimum) {
  if (confidence(detection, 0, 0, picture) >= minimum) return 0;
  const missing = Math.log(minimum / (1 - minimum)) - logOdds(detection, 0.5, 0, picture);
  return CAUTION * sigmoid(missing / RULE.confidence.presence[detection.kind]);
}

/** @param {number} x */
const sigmoid = (x) => 1 / (1 + Math.exp(-x));

/** @param {number} probability */
function logit(probability) {
  const p = Math.min(Math.max(probability, 1e-4), 1 - 1e-4); // the odds of 0 and 1 would be infinite
  return Math.log(p / (1 - p));
}

/**
 * By falling score; of two objects of one kind whose points lie on each other only the one with the higher score stays.
 * @param {Instance[]} instances
 */
function withoutDuplicates(instances) {
  /** @type {Instance[]} */
  const kept = [];
  for (const instance of [...instances].sort((a, b) => b.score - a.score)) {
    if (!kept.some((other) => sameObject(instance, other))) kept.push(instance);
  }
  return kept;
}

/**
 * Whether two instances are one object: of one kind, their points on average closer than a share of their size, which is
 * larger for two left or two right hands.
 * @param {Instance} one
 * @param {Instance} other
 */
export function sameObject(one, other) {
  if (one.kind !== other.kind) return false;
  const distances = one.landmarks.map(([x, y], index) =>
    Math.hypot(x - other.landmarks[index][0], y - other.landmarks[index][1]),
  );
  const mean = distances.reduce((sum, distance) => sum + distance, 0) / distances.length;
  const sameSide = one.kind === "hand" && other.kind === "hand" && one.handedness === other.handedness;
  const { distance, same_side: farther } = RULE.duplicate;
  return mean < (sameSide ? farther : distance) * Math.min(sizeOf(one), sizeOf(other));
}

/**
 * The result for a picture: what reaches its kind's minimum confidence, each object once; and the best of the rest.
 * @param {Picture} picture
 * @param {Instance[]} instances
 * @param {Record<Kind, number>} minimum
 * @param {number} mostUncertain
 * @returns {Result}
 */
function asResult(picture, instances, minimum, mostUncertain) {
  const confident = withoutDuplicates(instances.filter(({ kind, score }) => score >= minimum[kind]));
  if (!mostUncertain) return byKind(picture, confident);
  const from = RULE.confidence.uncertain_from;
  const rejected = instances.filter(({ kind, score }) => score >= from && score < minimum[kind]);
  return { ...byKind(picture, confident), uncertain: uncertainOnly(rejected, confident).slice(0, mostUncertain) };
}

/**
 * The rejected, by falling score, whose boxes repeat neither a confident instance nor one another. Boxes are compared because the
 * landmarks of a rejected one may be anywhere.
 * @param {Instance[]} rejected
 * @param {Instance[]} confident
 */
function uncertainOnly(rejected, confident) {
  const corners = (/** @type {Instance} */ { box: [x, y, w, h] }) => /** @type {Corners} */ ([x, y, x + w, y + h]);
  /** @type {Instance[]} */
  const kept = [];
  for (const instance of [...rejected].sort((a, b) => b.score - a.score)) {
    const others = [...confident, ...kept].filter(({ kind }) => kind === instance.kind);
    if (!others.some((other) => repeats(corners(instance), corners(other)))) kept.push(instance);
  }
  return kept;
}

/**
 * Instances of a picture as its result, in their order.
 * @param {Pick<Picture, "width" | "height">} picture
 * @param {Instance[]} instances
 * @returns {Result}
 */
export function byKind({ width, height }, instances) {
  return {
    width,
    height,
    hands: instances.filter((instance) => instance.kind === "hand"),
    faces: instances.filter((instance) => instance.kind === "face"),
  };
}
