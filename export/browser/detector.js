// Finds where the hands and faces of a whole photo are: model/runtime/detector.py for the browser.
//
// A candidate or detection is {kind, score, box: [left, top, right, bottom], up: [x, y], level, size}, box in photo
// pixels, size = its larger side as the network saw it. A view is {toPhoto, level, inner, width, height, fill}: fill(out,
// offset) writes its width x height RGB bytes, at most 256 x 256; inner tells whether the photo goes on beyond its left,
// top, right, bottom edge.

import constants from "./constants.js";
import { apply, compose, copy, fit, invert, letterbox, roundHalfEven } from "./geometry.js";

const CROP = constants.crop_side;
export const KINDS = ["hand", "face"]; // class 0 and 1 of the network's output
const FIELDS = 7; // score, centre x, y, width, height, up x, y
const RULE = constants.detector;
const TILES = RULE.tiles;
const WEAKEST = Math.min(...TILES.weak_score, ...Object.values(RULE.score)); // what is of any use
const MOST_CANDIDATES = 500; // per photo, before suppression

/**
 * All hands and faces of a picture, surest first: [{kind, score, box: [x, y, w, h], up}].
 * @param {(bytes: Uint8Array, count: number, height: number, width: number) => Promise<Float32Array>} run  the network's `detections`
 * @param {{closer?: boolean}} options  closer: also look at tiles of the enlarged picture (photos, not live frames)
 */
export async function find(picture, run, { closer = true } = {}) {
  let candidates = await look([wholeView(picture)], run);
  const longest = Math.max(picture.width, picture.height);
  let side = CROP;
  for (let index = 0; closer && index < TILES.longer_sides.length; index++) {
    // Enlarging beyond the photo's own pixels, or by next to nothing, would show nothing new.
    const longer = Math.min(TILES.longer_sides[index], longest);
    if (longer < 1.3 * side) break;
    side = longer;
    const views = closerViews(picture, index + 1, longer, candidates);
    if (!views.length) break;
    candidates = candidates.concat(await look(views, run));
  }
  return suppress(candidates)
    .slice(0, RULE.most)
    .map(({ kind, score, box: [left, top, right, bottom], up }) => ({
      kind,
      score,
      box: [left, top, right - left, bottom - top],
      up,
    }));
}

/** The tiles that are worth a look: all of a large photo, if nothing clear was found; else those with a small hint. */
function closerViews(picture, level, longer, seen) {
  // What gives no hint at all in the first view of a small photo is too small in the photo itself.
  const nothing = !seen.some(({ score }) => score >= TILES.enough);
  if (longer === TILES.longer_sides[0] && nothing) return tiles(picture, longer, level);
  const weak = TILES.weak_score[level - 1];
  const hints = seen
    .filter((candidate) => candidate.level === level - 1 && candidate.size < TILES.small && candidate.score >= weak)
    .map(({ box: [left, top, right, bottom] }) => [(left + right) / 2, (top + bottom) / 2]);
  if (!hints.length) return [];
  return tiles(picture, longer, level).filter(({ toPhoto }) => {
    const fromPhoto = invert(toPhoto);
    return hints.some(([x, y]) => apply(fromPhoto, x, y).every((value) => value >= -0.5 && value <= CROP - 0.5));
  });
}

/** What the network sees in some views of one shape. */
async function look(views, run) {
  const candidates = [];
  const { width, height } = views[0];
  for (let start = 0; start < views.length; start += RULE.batch) {
    const batch = views.slice(start, start + RULE.batch);
    const bytes = new Uint8Array(batch.length * width * height * 3);
    batch.forEach((view, index) => view.fill(bytes, index * width * height * 3));
    const output = await run(bytes, batch.length, height, width);
    const length = output.length / batch.length;
    batch.forEach((view, index) => candidates.push(...decode(output.subarray(index * length, (index + 1) * length), view)));
  }
  return candidates;
}

function wholeView(picture) {
  const { bytes, width, height, toPhoto } = letterbox(picture);
  return { toPhoto, level: 0, inner: [false, false, false, false], width, height, fill: (out, offset) => out.set(bytes, offset) };
}

/** Overlapping 256 x 256 tiles of the photo, resized so that its longer side has `longer` pixels. */
function tiles(photo, longer, level) {
  const { picture, toSmall } = fit(photo, longer);
  const toPhoto = invert(toSmall);
  const views = [];
  for (const top of starts(picture.height)) {
    for (const left of starts(picture.width)) {
      views.push({
        toPhoto: compose(toPhoto, [1, 0, left, 0, 1, top]),
        level,
        inner: [left > 0, top > 0, left + CROP < picture.width, top + CROP < picture.height],
        width: CROP,
        height: CROP,
        fill: (out, offset) => copy(picture, left, top, out, offset, CROP, CROP),
      });
    }
  }
  return views;
}

/** Evenly spaced first pixels of tiles that cover `length` pixels and overlap by at least the stated amount. */
function starts(length) {
  if (length <= CROP) return [0];
  const count = Math.ceil((length - CROP) / (CROP - TILES.overlap)) + 1;
  return Array.from({ length: count }, (_, index) => roundHalfEven((index * (length - CROP)) / (count - 1)));
}

/** The network's answer (2 x cells x 7) for one view -> its candidates, weak ones too, in the photo's frame. */
export function decode(output, { toPhoto, level, inner }) {
  const candidates = [];
  const cells = output.length / FIELDS / KINDS.length;
  for (let index = 0; index < KINDS.length * cells; index++) {
    const row = output.subarray(index * FIELDS, (index + 1) * FIELDS);
    const [score, cx, cy, w, h, ux, uy] = row;
    if (!(score >= WEAKEST) || !row.every(Number.isFinite) || !(w > 0 && h > 0)) continue;
    const [left, top, right, bottom] = [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2];
    // An object cut by a tile's edge is seen whole by the neighbouring tile, or by the level before.
    const inside = [left, top, CROP - 1 - right, CROP - 1 - bottom];
    if (inside.some((distance, edge) => inner[edge] && distance < TILES.border)) continue;
    const length = Math.max(Math.hypot(ux, uy), 1e-6);
    candidates.push({
      kind: KINDS[Math.floor(index / cells)],
      score,
      box: [...apply(toPhoto, left, top), ...apply(toPhoto, right, bottom)],
      up: [ux / length, uy / length],
      level,
      size: Math.max(w, h),
    });
  }
  return candidates;
}

/** The candidates that stay, surest first: non-maximum suppression by kind, across tiles and levels. */
export function suppress(candidates) {
  const chosen = candidates
    .filter(sure)
    .sort((a, b) => b.score - a.score)
    .slice(0, MOST_CANDIDATES);
  const kept = [];
  for (const candidate of chosen) {
    const overlaps = (other) => other.kind === candidate.kind && overlap(other.box, candidate.box) > RULE.nms_iou;
    if (!kept.some(overlaps)) kept.push(candidate);
  }
  // A closer look may take a part (an eye region, a fist) for a whole; the view from further off knows better.
  return kept.filter(
    ({ kind, box, level }) =>
      !kept.some(
        (other) =>
          other.kind === kind && other.level < level && shared(other.box, box) > RULE.contained * area(box),
      ),
  );
}

/** Intersection over union of two boxes [left, top, right, bottom]. */
export function overlap(one, other) {
  const common = shared(one, other);
  return common / Math.max(area(one) + area(other) - common, 1e-12);
}

function shared(one, other) {
  const width = Math.min(one[2], other[2]) - Math.max(one[0], other[0]);
  const height = Math.min(one[3], other[3]) - Math.max(one[1], other[1]);
  return Math.max(width, 0) * Math.max(height, 0);
}

function area([left, top, right, bottom]) {
  return (right - left) * (bottom - top);
}

/** Whether a candidate reaches the score of its kind. */
function sure({ score, kind }) {
  return score >= RULE.score[kind];
}
