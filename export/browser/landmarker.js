// The landmarks of every hand and face in a picture: model/runtime/landmarker.py for the browser.
//
// A hand or face is {kind, landmarks: [[x, y, z], ...], score, box: [x, y, w, h], sigma: [...], roi}, in photo pixels;
// a hand has handedness and handedness_score too, a face ibug68: [[x, y], ...]. See model/runtime/result.py.

import constants from "./constants.js";
import { find, KINDS } from "./detector.js";
import { apply, cut, roiFromBox, roiFromPoints, toPhoto } from "./geometry.js";

const CROP = constants.crop_side;
const BYTES = CROP * CROP * 3;
const RULE = constants.landmarks;

/**
 * Runs one part of the network.
 * @param {Uint8Array} bytes  `count` pictures of height x width RGB, one after the other
 * @returns {Promise<Object<string, Float32Array>>} the outputs by name
 */
export async function run(ort, session, bytes, count, height = CROP, width = CROP) {
  const image = new ort.Tensor("uint8", bytes.subarray(0, count * height * width * 3), [count, height, width, 3]);
  const outputs = await session.run({ image });
  return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensor.data]));
}

export class Landmarker {
  #sessions;

  /** @param sessions  from openSessions() */
  constructor(sessions) {
    this.#sessions = sessions;
  }

  /** All hands and faces of a photo (ImageData): {width, height, hands, faces}. */
  async detect(picture) {
    const detections = (await this.find(picture)).filter((seen) => hopeful(seen, picture));
    const places = detections.map(({ kind, box, up }) => ({ kind, roi: roiFromBox(kind, box, up) }));
    const found = await this.look(picture, places);
    const again = found.map((_, index) => index).filter((index) => wantsSecondLook(found[index], places[index].roi));
    const second = await this.look(picture, again.map((index) => nextPlace(found[index])));
    again.forEach((index, place) => (found[index] = better(found[index], second[place])));
    found.forEach((thing, index) => (thing.score = confidence(detections[index], thing.score, uncertaintyOf(thing), picture)));
    return asResult(picture, found, RULE.confidence.least);
  }

  /** The detector alone; see detector.js. */
  find(picture, options) {
    const { ort, detector } = this.#sessions;
    return find(picture, async (...pictures) => (await run(ort, detector, ...pictures)).detections, options);
  }

  /** What lies at the places [{kind, roi}], in their order; whether it is anything is told by the scores. */
  async look(picture, places) {
    const found = new Array(places.length);
    for (const batch of batches(places)) {
      const crops = new Uint8Array(batch.length * BYTES);
      batch.forEach((place, index) => cut(picture, places[place].roi, crops, index * BYTES));
      const outputs = await run(this.#sessions.ort, this.#sessions[places[batch[0]].kind], crops, batch.length);
      batch.forEach((place, index) => (found[place] = postprocess(outputs, index, batch.length, places[place])));
    }
    return found;
  }
}

/** Indices of places that are looked at together: one kind each, since each kind has a network of its own. */
function batches(places) {
  const found = [];
  for (const wanted of KINDS) {
    const own = [...places.keys()].filter((index) => places[index].kind === wanted);
    for (let start = 0; start < own.length; start += RULE.batch) found.push(own.slice(start, start + RULE.batch));
  }
  return found;
}

/** The index-th of `count` answers -> a hand or face in photo pixels. */
function postprocess(outputs, index, count, { kind, roi }) {
  const own = (name) => {
    const length = outputs[name].length / count;
    return outputs[name].subarray(index * length, (index + 1) * length);
  };
  const landmarks = pointsInPhoto(own(kind), 3, roi);
  const thing = {
    kind,
    landmarks,
    score: own(`${kind}_presence`)[0],
    box: boxAround(landmarks, constants.roi[kind].box_margin),
    sigma: Array.from(own(`${kind}_sigma`), (sigma) => sigma * roi.side),
    roi,
  };
  if (kind === "face") return { ...thing, ibug68: pointsInPhoto(own("face_ibug68"), 2, roi) };
  return { ...thing, ...sideOf(own("handedness")[0]) };
}

/** The network's normalised points, flat, `axes` numbers each, -> [[x, y(, z)], ...] in photo pixels. */
function pointsInPhoto(flat, axes, roi) {
  const matrix = toPhoto(roi);
  return Array.from({ length: flat.length / axes }, (_, index) => {
    const [x, y, z] = flat.subarray(index * axes, (index + 1) * axes);
    const point = apply(matrix, x * CROP - 0.5, y * CROP - 0.5);
    return axes === 3 ? [...point, z * roi.side] : point;
  });
}

function extent(points) {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of points) {
    [left, top] = [Math.min(left, x), Math.min(top, y)];
    [right, bottom] = [Math.max(right, x), Math.max(bottom, y)];
  }
  return { left, top, width: right - left, height: bottom - top };
}

/** [x, y, w, h] around the points, larger by `margin` of its larger side on each side. */
function boxAround(points, margin) {
  const { left, top, width, height } = extent(points);
  const more = margin * Math.max(width, height);
  return [left - more, top - more, width + 2 * more, height + 2 * more];
}

/** The larger side of the points' box, photo pixels. */
export function sizeOf({ landmarks }) {
  const { width, height } = extent(landmarks);
  return Math.max(width, height);
}

/** Handedness fields from the probability that it is a right hand. */
export function sideOf(right) {
  return right >= 0.5
    ? { handedness: "right", handedness_score: right }
    : { handedness: "left", handedness_score: 1 - right };
}

/** The mean expected error of the points as a share of the object's size. */
export function uncertaintyOf(thing) {
  return thing.sigma.reduce((sum, each) => sum + each, 0) / thing.sigma.length / Math.max(sizeOf(thing), 1e-6);
}

/** Probability that there is what the detector saw and the landmark network looked at: both have a say, its size and how sure its points are. */
export function confidence({ kind, score, box }, presence, uncertainty, { width, height }) {
  const rule = RULE.confidence;
  const share = Math.max(box[2], box[3], 1) / Math.max(width, height);
  const sure = Math.min(presence, rule.sure_presence[kind]); // more of it tells little
  const [least, most] = rule.uncertainty_range[kind];
  const sum =
    rule.detection[kind] * logit(score) +
    rule.presence[kind] * logit(sure) +
    rule.size[kind] * Math.log(share) +
    rule.uncertainty[kind] * Math.log(Math.min(Math.max(uncertainty, least), most));
  return 1 / (1 + Math.exp(-(sum + rule.offset[kind])));
}

/** Whether some presence and points could still make it count; if none could, the landmark network need not look. */
export function hopeful(detection, picture) {
  return confidence(detection, 1, 0, picture) >= RULE.confidence.least[detection.kind];
}

function logit(probability) {
  const p = Math.min(Math.max(probability, 1e-4), 1 - 1e-4); // the odds of 0 and 1 would be infinite
  return Math.log(p / (1 - p));
}

/** Where to look for the same object again: around its points. */
export function nextPlace({ kind, landmarks }) {
  return { kind, roi: roiFromPoints(kind, landmarks) };
}

/** Whether the crop was so badly centred, sized or turned that the points deserve a better one. */
function wantsSecondLook(thing, roi) {
  const rule = RULE.second_look;
  if (!(thing.score >= rule.least_presence)) return false;
  const ideal = nextPlace(thing).roi;
  const full = 2 * Math.PI;
  const turn = ideal.angle - roi.angle - full * Math.round((ideal.angle - roi.angle) / full);
  const ratio = ideal.side / roi.side;
  return (
    thing.score < rule.presence ||
    Math.hypot(ideal.cx - roi.cx, ideal.cy - roi.cy) > rule.shift * roi.side ||
    Math.max(ratio, 1 / ratio) > rule.scale ||
    Math.abs(turn) > (rule.degrees * Math.PI) / 180
  );
}

/** The second look had the better crop, so it counts - unless it lost an object that the first one saw. */
function better(first, second) {
  return second.score >= Math.min(first.score, RULE.second_look.presence) ? second : first;
}

/** Surest first; of two objects of one kind whose points lie on each other only the surer one stays. */
export function withoutDuplicates(found) {
  const kept = [];
  for (const thing of [...found].sort((a, b) => b.score - a.score)) {
    if (!kept.some((other) => sameObject(thing, other))) kept.push(thing);
  }
  return kept;
}

export function sameObject(one, other) {
  if (one.kind !== other.kind) return false;
  const apart = one.landmarks.map(([x, y], index) => Math.hypot(x - other.landmarks[index][0], y - other.landmarks[index][1]));
  const mean = apart.reduce((sum, distance) => sum + distance, 0) / apart.length;
  return mean < RULE.duplicate * Math.min(sizeOf(one), sizeOf(other));
}

/** The result for a picture: what reaches its kind's `least` score, each object once. */
export function asResult({ width, height }, found, least) {
  const kept = withoutDuplicates(found.filter(({ kind, score }) => score >= least[kind]));
  return {
    width,
    height,
    hands: kept.filter(({ kind }) => kind === "hand"),
    faces: kept.filter(({ kind }) => kind === "face"),
  };
}
