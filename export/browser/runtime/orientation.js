// The photo's orientation by its faces: model/runtime/orientation.py for the browser. Quarter turns count counterclockwise.

/** @import { Detection, Picture } from "./types.js" */

import constants from "./constants.js";

const RULE = constants.detector.orientation;
const QUARTER = Math.PI / 2;

/**
 * How many quarter turns (0 to 3) of the photo make its faces upright; 0 if there is no face, or if they do not agree.
 * @param {Detection[]} detections
 */
export function quarterTurns(detections) {
  const votes = [0, 0, 0, 0];
  for (const { kind, score, up } of detections) {
    if (kind !== "face" || score < RULE.score) continue;
    const clockwise = Math.atan2(up[0], -up[1]);
    const turns = Math.round(clockwise / QUARTER);
    if (Math.abs(clockwise - turns * QUARTER) <= (RULE.degrees * Math.PI) / 180) votes[(turns + 4) % 4] += score;
  }
  const most = Math.max(...votes);
  return most > RULE.majority * votes.reduce((sum, vote) => sum + vote, 0) ? votes.indexOf(most) : 0;
}

/**
 * The picture after some quarter turns.
 * @param {Picture} picture
 * @param {number} turns
 * @returns {Picture}
 */
export function turned({ width, height, data }, turns) {
  const from = new Uint32Array(data.buffer, data.byteOffset, width * height); // a pixel each
  const to = new Uint32Array(width * height);
  const [across, down] = turns % 2 ? [height, width] : [width, height];
  for (let y = 0; y < down; y++) {
    for (let x = 0; x < across; x++) {
      const [left, top] = [
        [x, y],
        [width - 1 - y, x],
        [width - 1 - x, height - 1 - y],
        [y, height - 1 - x],
      ][turns];
      to[y * across + x] = from[top * width + left];
    }
  }
  return { width: across, height: down, data: new Uint8ClampedArray(to.buffer) };
}

/**
 * A detection in the turned picture -> the same one in the picture itself.
 * @param {Detection} detection
 * @param {number} turns  of the picture
 * @param {Pick<Picture, "width" | "height">} size  of the turned picture
 * @returns {Detection}
 */
export function turnedBack({ box, up, ...rest }, turns, { width, height }) {
  let [x, y, w, h] = box;
  let [upX, upY] = up;
  for (let turn = 0; turn < turns; turn++) {
    [x, y, w, h] = [height - 1 - (y + h), x, h, w];
    [upX, upY] = [-upY, upX];
    [width, height] = [height, width];
  }
  return { ...rest, box: [x, y, w, h], up: [upX, upY] };
}
