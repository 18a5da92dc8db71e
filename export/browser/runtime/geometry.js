// Where a crop lies in a photo, and the one transform between the two: model/runtime/geometry.py for the browser.
//
// Frames: photo and crop pixels, x right, y down, an integer is a pixel's centre.

/** @import { Box, Kind, Picture, Point, Roi, Transform, Window } from "./types.js" */

import constants from "./constants.js";

const CROP = constants.crop_side;
const STRIDE = constants.detector.step;
const MIN_SIDE = 2; // photo pixels; keeps the transform invertible whatever the network says

/**
 * Clockwise angle in radians of the direction (ux, uy) from the picture's up; 0 if it has no length.
 * @param {number} ux
 * @param {number} uy
 */
export function angleOf(ux, uy) {
  return ux || uy ? Math.atan2(ux, -uy) : 0;
}

/**
 * The region of interest of a detected object, from its box and its `up` [ux, uy] in photo pixels.
 * @param {Kind} kind
 * @param {Box} box
 * @param {[number, number]} up
 * @returns {Roi}
 */
export function roiFromBox(kind, [x, y, w, h], [ux, uy]) {
  const rule = constants.roi[kind];
  const [side, angle] = [rule.scale_box * Math.max(w, h, MIN_SIDE), angleOf(ux, uy)];
  const down = rule.box_down * side;
  return { cx: x + w / 2 - down * Math.sin(angle), cy: y + h / 2 + down * Math.cos(angle), side, angle };
}

/**
 * The region of interest around known points in photo pixels, turned so that the object is upright.
 * @param {Kind} kind
 * @param {Point[]} points
 * @returns {Roi}
 */
export function roiFromPoints(kind, points) {
  const rule = constants.roi[kind];
  const [from, to] = [points[rule.up_from], points[rule.up_to]];
  const angle = angleOf(to[0] - from[0], to[1] - from[1]);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity]; // in the object's own axes
  for (const [x, y] of points) {
    const across = x * cos + y * sin;
    const down = y * cos - x * sin;
    left = Math.min(left, across);
    right = Math.max(right, across);
    top = Math.min(top, down);
    bottom = Math.max(bottom, down);
  }
  const [across, down] = [(left + right) / 2, (top + bottom) / 2];
  return {
    cx: across * cos - down * sin,
    cy: across * sin + down * cos,
    side: rule.scale_points * Math.max(right - left, bottom - top, MIN_SIDE),
    angle,
  };
}

/**
 * Transform: pixel of the size x size crop -> photo pixel.
 * @param {Roi} roi
 * @returns {Transform}
 */
export function toPhoto({ cx, cy, side, angle, mirrored }, size = CROP) {
  const [cos, sin] = [(Math.cos(angle) * side) / size, (Math.sin(angle) * side) / size];
  const middle = (size - 1) / 2;
  const flip = mirrored ? -1 : 1;
  return [cos * flip, -sin, cx - (cos * flip - sin) * middle, sin * flip, cos, cy - (sin * flip + cos) * middle];
}

/**
 * The point (x, y) transformed.
 * @param {Transform} transform
 * @param {number} x
 * @param {number} y
 * @returns {[number, number]}
 */
export function apply([a, b, c, d, e, f], x, y) {
  return [a * x + b * y + c, d * x + e * y + f];
}

/**
 * The transform that applies `first`, then `second`.
 * @param {Transform} second
 * @param {Transform} first
 * @returns {Transform}
 */
export function compose(second, first) {
  const [a, b, c, d, e, f] = second;
  const [g, h, i, j, k, l] = first;
  return [a * g + b * j, a * h + b * k, a * i + b * l + c, d * g + e * j, d * h + e * k, d * i + e * l + f];
}

/**
 * The transform back.
 * @param {Transform} transform
 * @returns {Transform}
 */
export function invert([a, b, c, d, e, f]) {
  const s = 1 / (a * e - b * d);
  return [e * s, -b * s, (b * f - e * c) * s, -d * s, a * s, (d * c - a * f) * s];
}

/**
 * Crops a region of interest out of a picture; black where it reaches beyond.
 * @param {Picture} picture
 * @param {Roi} roi
 * @param {Uint8Array} out  receives size * size * 3 RGB bytes, from `offset` on
 */
export function crop(picture, roi, out, offset = 0, size = CROP) {
  let matrix = toPhoto(roi, size);
  let source = picture;
  if (size / roi.side <= 0.5) {
    const region = windowAround(picture, matrix, size);
    if (!region) return void out.fill(0, offset, offset + size * size * 3);
    const { picture: small, factor } = pyramidLevel(region, size / roi.side);
    if (factor > 1) {
      matrix = compose(scaling(1 / factor, 1 / factor), compose([1, 0, -region.left, 0, 1, -region.top], matrix));
      source = small;
    }
  }
  warp(source, matrix, out, offset, size);
}

/**
 * The window of the picture that a crop can touch, or null.
 * @param {Picture} picture
 * @param {Transform} matrix  crop -> photo
 * @param {number} size
 */
function windowAround(picture, matrix, size) {
  const [low, high] = [-0.5, size - 0.5];
  const corners = [
    [low, low],
    [high, low],
    [high, high],
    [low, high],
  ].map(([x, y]) => apply(matrix, x, y));
  const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
  const left = Math.max(Math.floor(Math.min(...xs)) - 2, 0);
  const top = Math.max(Math.floor(Math.min(...ys)) - 2, 0);
  const right = Math.min(Math.ceil(Math.max(...xs)) + 3, picture.width);
  const bottom = Math.min(Math.ceil(Math.max(...ys)) + 3, picture.height);
  if (left >= right || top >= bottom) return null;
  return { data: picture.data, width: right - left, height: bottom - top, left, top, stride: picture.width };
}

/**
 * Bilinear warp of an RGBA picture into RGB bytes.
 * @param {Picture} picture
 * @param {Transform} matrix  output pixel -> picture pixel
 * @param {Uint8Array} out  receives size * size * 3 bytes, from `offset` on
 * @param {number} offset
 * @param {number} size
 */
function warp({ data, width, height }, [a, b, c, d, e, f], out, offset, size) {
  let to = offset;
  for (let row = 0; row < size; row++) {
    let x = b * row + c;
    let y = e * row + f;
    for (let column = 0; column < size; column++, x += a, y += d, to += 3) {
      const left = Math.floor(x);
      const top = Math.floor(y);
      if (left < -1 || top < -1 || left >= width || top >= height) {
        out[to] = out[to + 1] = out[to + 2] = 0;
        continue;
      }
      const fx = x - left;
      const fy = y - top;
      // Weights of the four neighbours; one beyond the edge counts as black.
      const w00 = left >= 0 && top >= 0 ? (1 - fx) * (1 - fy) : 0;
      const w01 = left + 1 < width && top >= 0 ? fx * (1 - fy) : 0;
      const w10 = left >= 0 && top + 1 < height ? (1 - fx) * fy : 0;
      const w11 = left + 1 < width && top + 1 < height ? fx * fy : 0;
      const i = (top * width + left) * 4;
      const p00 = w00 ? i : 0;
      const p01 = w01 ? i + 4 : 0;
      const p10 = w10 ? i + width * 4 : 0;
      const p11 = w11 ? i + width * 4 + 4 : 0;
      for (let k = 0; k < 3; k++) {
        out[to + k] = data[p00 + k] * w00 + data[p01 + k] * w01 + data[p10 + k] * w10 + data[p11 + k] * w11 + 0.5;
      }
    }
  }
}

/**
 * The whole picture, its longer side resized to `size`, centred in RGB bytes whose width and height are multiples of
 * STRIDE, black around. toPhoto: transform, pixel of the letterboxed picture -> photo pixel.
 * @param {Picture} picture
 * @returns {{bytes: Uint8Array, width: number, height: number, toPhoto: Transform}}
 */
export function letterbox(picture, size = CROP) {
  const { picture: small, toSmall } = resize(picture, size);
  const [width, height] = [small.width, small.height].map((side) => Math.ceil(side / STRIDE) * STRIDE);
  const left = Math.floor((width - small.width) / 2);
  const top = Math.floor((height - small.height) / 2);
  const bytes = new Uint8Array(width * height * 3);
  copyWindow(small, 0, 0, bytes, 0, width, height, left, top);
  return { bytes, width, height, toPhoto: compose(invert(toSmall), [1, 0, -left, 0, 1, -top]) };
}

/**
 * Copies the RGBA pixels of `small` from (fromX, fromY) on to (toX, toY) of a black fullWidth x fullHeight RGB picture.
 * @param {Picture} small
 * @param {number} fromX
 * @param {number} fromY
 * @param {Uint8Array} out  receives fullWidth * fullHeight * 3 bytes, from `offset` on
 * @param {number} offset
 * @param {number} fullWidth
 * @param {number} fullHeight
 */
export function copyWindow(small, fromX, fromY, out, offset, fullWidth, fullHeight, toX = 0, toY = 0) {
  out.fill(0, offset, offset + fullWidth * fullHeight * 3);
  const width = Math.min(small.width - fromX, fullWidth - toX);
  const height = Math.min(small.height - fromY, fullHeight - toY);
  for (let row = 0; row < height; row++) {
    let from = ((fromY + row) * small.width + fromX) * 4;
    let to = offset + ((toY + row) * fullWidth + toX) * 3;
    for (let column = 0; column < width; column++, from += 4, to += 3) {
      out[to] = small.data[from];
      out[to + 1] = small.data[from + 1];
      out[to + 2] = small.data[from + 2];
    }
  }
}

/**
 * The whole picture with its longer side resized to `longer` pixels; toSmall: old -> new pixel.
 * @param {Picture} original
 * @param {number} longer
 * @returns {{picture: Picture, toSmall: Transform}}
 */
export function resize(original, longer) {
  const scale = longer / Math.max(original.width, original.height);
  const width = Math.max(1, roundHalfEven(original.width * scale));
  const height = Math.max(1, roundHalfEven(original.height * scale));
  const { picture, factor } = pyramidLevel(original, scale);
  const toSmall = scaling(width / (picture.width * factor), height / (picture.height * factor));
  return { picture: bilinear(picture, width, height), toSmall };
}

/**
 * The level of the picture's pyramid (each half the size of the one before) from which a bilinear step to `scale` shrinks
 * by less than two, and its `factor`, 1, 2, 4, ...: a bilinear step touches every pixel up to there, and would skip some
 * and alias beyond.
 * @param {Window} picture
 * @param {number} scale
 */
function pyramidLevel(picture, scale) {
  let factor = 1;
  for (; scale * factor <= 0.5 && Math.min(picture.width, picture.height) >= 2; factor *= 2) picture = halve(picture);
  return { picture, factor };
}

/**
 * Transform: old -> new pixel of a resized picture; pixels are counted at their centres.
 * @param {number} sx
 * @param {number} sy
 * @returns {Transform}
 */
function scaling(sx, sy) {
  return [sx, 0, (sx - 1) / 2, 0, sy, (sy - 1) / 2];
}

/**
 * The picture resized.
 * @param {Picture} picture
 * @param {number} width
 * @param {number} height
 * @returns {Picture}
 */
function bilinear(picture, width, height) {
  if (picture.width === width && picture.height === height) return picture;
  const columns = neighbours(picture.width, width);
  const rows = neighbours(picture.height, height);
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0, to = 0; y < height; y++) {
    const above = rows.first[y] * picture.width;
    const below = rows.second[y] * picture.width;
    const v = rows.weight[y];
    for (let x = 0; x < width; x++, to += 4) {
      const left = columns.first[x];
      const right = columns.second[x];
      const u = columns.weight[x];
      const [p00, p01, p10, p11] = [(above + left) * 4, (above + right) * 4, (below + left) * 4, (below + right) * 4];
      for (let k = 0; k < 3; k++) {
        const top = picture.data[p00 + k] * (1 - u) + picture.data[p01 + k] * u;
        const bottom = picture.data[p10 + k] * (1 - u) + picture.data[p11 + k] * u;
        data[to + k] = top * (1 - v) + bottom * v; // Uint8ClampedArray rounds
      }
      data[to + 3] = 255;
    }
  }
  return { data, width, height };
}

/**
 * Of each new pixel the two old ones around it, and the second one's weight.
 * @param {number} oldSize
 * @param {number} newSize
 */
function neighbours(oldSize, newSize) {
  const [first, second, weight] = [new Int32Array(newSize), new Int32Array(newSize), new Float64Array(newSize)];
  for (let i = 0; i < newSize; i++) {
    const at = Math.min(Math.max(((i + 0.5) * oldSize) / newSize - 0.5, 0), oldSize - 1);
    first[i] = Math.floor(at);
    second[i] = Math.min(first[i] + 1, oldSize - 1);
    weight[i] = at - first[i];
  }
  return { first, second, weight };
}

/**
 * The next level of the pyramid: the mean of every 2 x 2 pixels.
 * @param {Window} picture
 * @returns {Picture}
 */
function halve({ data, width, height, left = 0, top = 0, stride = width }) {
  const [newWidth, newHeight] = [width >> 1, height >> 1];
  const out = new Uint8ClampedArray(newWidth * newHeight * 4);
  for (let y = 0, to = 0; y < newHeight; y++) {
    let from = ((top + 2 * y) * stride + left) * 4;
    const below = stride * 4;
    for (let x = 0; x < newWidth; x++, from += 8, to += 4) {
      for (let k = 0; k < 3; k++) {
        out[to + k] =
          (data[from + k] + data[from + 4 + k] + data[from + below + k] + data[from + below + 4 + k] + 2) >> 2;
      }
    }
  }
  return { data: out, width: newWidth, height: newHeight };
}

/**
 * As numpy rounds: halves go to the even neighbour.
 * @param {number} value
 */
export function roundHalfEven(value) {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 ? floor + 1 : floor;
}
