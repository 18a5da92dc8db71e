// Better landmarks from further crops: model/runtime/refinement.py for the browser.

/** @import { Hand, Instance, Point, Roi, RoiRequest } from "./types.js" */

import constants from "./constants.js";
import { roiFromPoints } from "./geometry.js";
import { boxAround, handednessOf, rightProbability, uncertaintyOf } from "./instance.js";

const RULE = constants.landmarks;

/**
 * The region around an instance's points: for the next frame, and for refinement.
 * @param {Pick<Instance, "kind" | "landmarks">} instance
 * @returns {RoiRequest}
 */
export function requestAround({ kind, landmarks }) {
  return { kind, roi: roiFromPoints(kind, landmarks) };
}

/**
 * Whether the crop was so badly centred, sized or turned that the points deserve a better one.
 * @param {Instance} instance
 * @param {Roi} roi  that its crop came from
 */
export function needsRefinement(instance, roi) {
  const rule = RULE.refinement;
  const ideal = requestAround(instance).roi;
  const full = 2 * Math.PI;
  const turn = ideal.angle - roi.angle - full * Math.round((ideal.angle - roi.angle) / full);
  const ratio = ideal.side / roi.side;
  return (
    instance.score < rule.presence ||
    Math.hypot(ideal.cx - roi.cx, ideal.cy - roi.cy) > rule.shift * roi.side ||
    Math.max(ratio, 1 / ratio) > rule.scale ||
    Math.abs(turn) > (rule.degrees * Math.PI) / 180
  );
}

/**
 * The refined one had the better crop, so it counts - unless it lost an object that was there before.
 * @param {Instance} first
 * @param {Instance} refined
 */
export function better(first, refined) {
  return refined.score >= Math.min(first.score, RULE.refinement.presence) ? refined : first;
}

/**
 * Whether it is a hand with landmarks so uncertain that the `number`-th further crop (0, 1) is worth its time.
 * @param {Instance} instance
 * @param {number} number
 */
export function needsAveraging(instance, number) {
  return instance.kind === "hand" && uncertaintyOf(instance) > RULE.averaging.uncertainty[number];
}

/**
 * The `number`-th further crop: a little tighter, and the first one mirrored.
 * @param {Instance} instance
 * @param {number} number
 * @returns {RoiRequest}
 */
export function averagingRequest(instance, number) {
  const { kind, roi } = requestAround(instance);
  return { kind, roi: { ...roi, side: roi.side * RULE.averaging.scale, mirrored: number === 0 } };
}

/**
 * One hand from its predictions in several crops: the first one with the mean landmarks and handedness of all.
 * @param {Instance[]} views
 * @returns {Instance}
 */
export function averaged(views) {
  const hands = /** @type {Hand[]} */ (views.filter((view) => better(views[0], view) === view));
  if (hands.length === 1) {
    return hands[0];
  }
  const weights = hands.map(({ sigma }) => sigma.map((each) => 1 / Math.max(each, 1e-6) ** 2)); // by view and point
  const landmarks = hands[0].landmarks.map((_, point) =>
    mean(
      hands.map((hand) => hand.landmarks[point]),
      weights,
      point,
    ),
  );
  const sigma = landmarks.map(([x, y], point) => {
    const total = weights.reduce((sum, own) => sum + own[point], 0);
    const disagreement = hands.reduce((sum, hand, view) => {
      const [ownX, ownY] = hand.landmarks[point];
      return sum + weights[view][point] * ((ownX - x) ** 2 + (ownY - y) ** 2);
    }, 0);
    return Math.sqrt((hands.length + disagreement) / total);
  });
  const right = hands.map(rightProbability);
  return {
    ...hands[0],
    landmarks,
    box: boxAround(landmarks, constants.roi.hand.box_margin),
    sigma,
    ...handednessOf(right.reduce((sum, each) => sum + each, 0) / right.length),
  };
}

/**
 * The mean of the views of one landmark.
 * @param {Point[]} views
 * @param {number[][]} weights  by view and landmark
 * @param {number} landmark
 * @returns {Point}
 */
function mean(views, weights, landmark) {
  const total = weights.reduce((sum, own) => sum + own[landmark], 0);
  return views[0].map(
    (_, axis) => views.reduce((sum, at, view) => sum + weights[view][landmark] * at[axis], 0) / total,
  );
}
