// Detects the hands and faces of a whole photo: model/runtime/detector.py for the browser.

/** @import { Corners, Detection, DetectorInput, InputFrame, Kind, Picture, Proposal, RunDetector } from "./types.js" */

import constants from "./constants.js";
import { apply, compose, copyWindow, invert, letterbox, resize, roundHalfEven } from "./geometry.js";
import { quarterTurns, turned, turnedBack } from "./orientation.js";

const CROP = constants.crop_side;
/** @type {Kind[]} class 0 and 1 of the network's output */
export const KINDS = ["hand", "face"];
const FIELDS = 7; // score, centre x, y, width, height, up x, y
const RULE = constants.detector;
const TILES = RULE.tiles;
const MIN_SCORE = Math.min(...TILES.weak_score, ...Object.values(RULE.score)); // what is of any use
const MAX_PROPOSALS = 500; // per photo, before suppression

/**
 * All hands and faces of a picture, by falling score; where its faces are not upright, those of the picture turned until they are.
 * @param {Picture} picture
 * @param {RunDetector} run
 * @param {{tiled?: boolean}} options  tiled: also tiles of the enlarged picture (photos, not live frames)
 * @returns {Promise<Detection[]>}
 */
export async function detect(picture, run, { tiled = true } = {}) {
  const detections = await detectAsIs(picture, run, tiled);
  const turns = quarterTurns(detections);
  if (!turns) return detections;
  const upright = turned(picture, turns);
  return (await detectAsIs(upright, run, tiled)).map((detection) => turnedBack(detection, turns, upright));
}

/**
 * As `detect`, in the orientation that the picture has.
 * @param {Picture} picture
 * @param {RunDetector} run
 * @param {boolean} tiled
 * @returns {Promise<Detection[]>}
 */
async function detectAsIs(picture, run, tiled) {
  let proposals = await predict([wholeInput(picture)], run);
  const longest = Math.max(picture.width, picture.height);
  let side = CROP;
  for (let index = 0; tiled && index < TILES.longer_sides.length; index++) {
    // Enlarging beyond the photo's own pixels, or by next to nothing, would show nothing new.
    const longer = Math.min(TILES.longer_sides[index], longest);
    if (longer < 1.3 * side) break;
    side = longer;
    const inputs = chosenTiles(picture, index + 1, longer, proposals);
    if (!inputs.length) break;
    proposals = proposals.concat(await predict(inputs, run));
  }
  return suppress(proposals)
    .slice(0, RULE.most)
    .map(({ kind, score, box: [left, top, right, bottom], up }) => ({
      kind,
      score,
      box: [left, top, right - left, bottom - top],
      up,
    }));
}

/**
 * The tiles of a pyramid level that are worth running: all of a large photo without a confident proposal so far; else
 * one around each small, weak one.
 * @param {Picture} picture
 * @param {number} level
 * @param {number} longer  longer side of the picture at that level, pixels
 * @param {Proposal[]} proposals  of the levels before
 */
function chosenTiles(picture, level, longer, proposals) {
  // What gives no hint at all in the first input of a small photo is too small in the photo itself.
  const nothing = !proposals.some(({ score }) => score >= TILES.enough);
  if (longer === TILES.longer_sides[0] && nothing) return tiles(picture, longer, level);
  const weak = TILES.weak_score[level - 1];
  const hints = proposals
    .filter((proposal) => proposal.level === level - 1 && proposal.size < TILES.small && proposal.score >= weak)
    .map(({ box: [left, top, right, bottom] }) => [(left + right) / 2, (top + bottom) / 2]);
  return hints.length ? tiles(picture, longer, level, hints) : [];
}

/**
 * The network's proposals for some inputs of one size.
 * @param {DetectorInput[]} inputs
 * @param {RunDetector} run
 */
async function predict(inputs, run) {
  /** @type {Proposal[]} */
  const proposals = [];
  const { width, height } = inputs[0];
  for (let start = 0; start < inputs.length; start += RULE.batch) {
    const batch = inputs.slice(start, start + RULE.batch);
    const bytes = new Uint8Array(batch.length * width * height * 3);
    batch.forEach((input, index) => input.fill(bytes, index * width * height * 3));
    const output = await run(bytes, batch.length, height, width);
    const length = output.length / batch.length;
    batch.forEach((input, index) =>
      proposals.push(...decode(output.subarray(index * length, (index + 1) * length), input)),
    );
  }
  return proposals;
}

/**
 * The whole picture, letterboxed: pyramid level 0.
 * @param {Picture} picture
 * @returns {DetectorInput}
 */
function wholeInput(picture) {
  const { bytes, width, height, toPhoto } = letterbox(picture);
  const inner = [false, false, false, false];
  return { toPhoto, level: 0, inner, width, height, fill: (out, offset) => out.set(bytes, offset) };
}

/**
 * Overlapping 256 x 256 tiles of the photo, resized so that its longer side has `longer` pixels.
 * @param {Picture} photo
 * @param {number} longer
 * @param {number} level
 * @param {number[][]} [points]  only the tile of each of these points of the photo in which it is nearest to the middle
 */
function tiles(photo, longer, level, points) {
  const { picture, toSmall } = resize(photo, longer);
  const toPhoto = invert(toSmall);
  const [tops, lefts] = [starts(picture.height), starts(picture.width)];
  const places = points?.map(([x, y]) => apply(toSmall, x, y));
  const chosen = places && new Set(places.map(([x, y]) => `${startAround(tops, y)} ${startAround(lefts, x)}`));
  /** @type {DetectorInput[]} */
  const inputs = [];
  for (const top of tops) {
    for (const left of lefts) {
      if (chosen && !chosen.has(`${top} ${left}`)) continue;
      inputs.push({
        toPhoto: compose(toPhoto, [1, 0, left, 0, 1, top]),
        level,
        inner: [left > 0, top > 0, left + CROP < picture.width, top + CROP < picture.height],
        width: CROP,
        height: CROP,
        fill: (out, offset) => copyWindow(picture, left, top, out, offset, CROP, CROP),
      });
    }
  }
  return inputs;
}

/**
 * The first pixel of the tile whose middle is nearest to `pixel`.
 * @param {number[]} tileStarts
 * @param {number} pixel
 */
function startAround(tileStarts, pixel) {
  /** @param {number} start */
  const apart = (start) => Math.abs(start + (CROP - 1) / 2 - pixel);
  return tileStarts.reduce((best, start) => (apart(start) < apart(best) ? start : best));
}

/**
 * Evenly spaced first pixels of tiles that cover `length` pixels and overlap by at least the stated amount.
 * @param {number} length
 */
function starts(length) {
  if (length <= CROP) return [0];
  const count = Math.ceil((length - CROP) / (CROP - TILES.overlap)) + 1;
  return Array.from({ length: count }, (_, index) => roundHalfEven((index * (length - CROP)) / (count - 1)));
}

/**
 * The network's answer for one input -> its proposals, weak ones too, in the photo's frame.
 * @param {Float32Array} output  2 x cells x 7
 * @param {InputFrame} input
 */
export function decode(output, { toPhoto, level, inner }) {
  /** @type {Proposal[]} */
  const proposals = [];
  const cells = output.length / FIELDS / KINDS.length;
  for (let index = 0; index < KINDS.length * cells; index++) {
    const row = output.subarray(index * FIELDS, (index + 1) * FIELDS);
    const [score, cx, cy, w, h, ux, uy] = row;
    if (!(score >= MIN_SCORE) || !row.every(Number.isFinite) || !(w > 0 && h > 0)) continue;
    const [left, top, right, bottom] = [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2];
    // An object at a tile's inner edge lies whole in the neighbouring tile, or in the level before.
    const inside = [left, top, CROP - 1 - right, CROP - 1 - bottom];
    if (inside.some((distance, edge) => inner[edge] && distance < TILES.border)) continue;
    const length = Math.max(Math.hypot(ux, uy), 1e-6);
    proposals.push({
      kind: KINDS[Math.floor(index / cells)],
      score,
      box: [...apply(toPhoto, left, top), ...apply(toPhoto, right, bottom)],
      up: [ux / length, uy / length],
      level,
      size: Math.max(w, h),
    });
  }
  return proposals;
}

/**
 * The proposals that stay, by falling score: non-maximum suppression by kind, across tiles and levels.
 * @param {Proposal[]} proposals
 */
export function suppress(proposals) {
  const confident = proposals
    .filter(({ score, kind }) => score >= RULE.score[kind])
    .sort((a, b) => b.score - a.score)
    .slice(0, MAX_PROPOSALS);
  /** @type {Proposal[]} */
  const kept = [];
  for (const proposal of confident) {
    const overlaps = (/** @type {Proposal} */ other) =>
      other.kind === proposal.kind && iou(other.box, proposal.box) > RULE.nms_iou;
    if (!kept.some(overlaps)) kept.push(proposal);
  }
  // A tile may take a part (an eye region, a fist) for a whole; the level before knows better.
  return kept.filter(
    ({ kind, box, level }) =>
      !kept.some(
        (other) =>
          other.kind === kind && other.level < level && intersection(other.box, box) > RULE.contained * area(box),
      ),
  );
}

/**
 * Whether two boxes overlap as those of one object do, or one lies in the other.
 * @param {Corners} one
 * @param {Corners} other
 */
export function repeats(one, other) {
  const common = intersection(one, other);
  return iou(one, other) > RULE.nms_iou || common > RULE.contained * Math.min(area(one), area(other));
}

/**
 * Intersection over union of two boxes.
 * @param {Corners} one
 * @param {Corners} other
 */
export function iou(one, other) {
  const common = intersection(one, other);
  return common / Math.max(area(one) + area(other) - common, 1e-12);
}

/**
 * @param {Corners} one
 * @param {Corners} other
 */
function intersection(one, other) {
  const width = Math.min(one[2], other[2]) - Math.max(one[0], other[0]);
  const height = Math.min(one[3], other[3]) - Math.max(one[1], other[1]);
  return Math.max(width, 0) * Math.max(height, 0);
}

/** @param {Corners} box */
function area([left, top, right, bottom]) {
  return (right - left) * (bottom - top);
}
