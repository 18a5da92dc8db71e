// Draws a result on a 2-D canvas of any size: model/output/draw.py for the browser, the same colours and proportions.

/** @import { Hand, Handedness, Instance, Kind, Point, Result } from "../../runtime/types.js" */

/** @typedef {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} Context */
/** @typedef {Pick<Instance, "kind" | "landmarks" | "sigma" | "score">} Drawn */
/** @typedef {{points: Point[], size: number, strength: number[]}} Prepared  canvas pixels; strength: 0..1 per point */
/** @typedef {{zoom: number, left: number, top: number}} Section  what is seen of the picture: enlarged, from this canvas pixel of the enlarged one */
/** @typedef {typeof LAYERS} Layers */

import constants from "../../runtime/constants.js";

const { hand: HAND, face: FACE, drawing: STYLE } = constants;

/** What can be drawn, and what is drawn unless another choice is made: `Layers` of model/output/draw.py. */
export const LAYERS = {
  skeleton: true,
  contours: true,
  mesh: false,
  points: true,
  facePoints: true, // with points; live pictures do without
  labels: true,
  boxes: false,
  numbers: false,
};
export const WHOLE = { zoom: 1, left: 0, top: 0 };
export const PLAIN_GROUND = "#16181D"; // instead of the photo
const FACE_POINT_COLOUR = "#FFFFFF";
const MOST_DASHES = 200; // a path

const fingerOf = (/** @type {number} */ point) => HAND.fingers.find(({ points }) => points.includes(point));
export const POINT_COLOURS = HAND.points.map((_, point) => fingerOf(point)?.colour ?? HAND.palm_colour);
export const BONE_COLOURS = HAND.edges.map(([a, b]) =>
  HAND.palm.includes(a) && HAND.palm.includes(b) ? HAND.palm_colour : POINT_COLOURS[b],
);
export const CONTOUR_COLOURS = FACE.contours.map(
  ({ name }) => Object.entries(STYLE.face_colours).find(([part]) => name.includes(part))?.[1] ?? STYLE.halo,
);

/**
 * How strongly a point is drawn, faintest..1, from its expected error and the object's size (same unit).
 * @param {number} sigma
 * @param {number} size
 */
export function opacity(sigma, size) {
  const { sure, lost, faintest } = STYLE.opacity;
  const doubt = (sigma / Math.max(size, 1e-6) - sure) / (lost - sure);
  return 1 - (1 - faintest) * Math.min(Math.max(doubt, 0), 1);
}

/**
 * What is written beside a hand or face: "Hand 86 % · left 98 %" (its confidence and that of its side), or "Face 99 %".
 * @param {{kind: "face", score: number} | Pick<Hand, "kind" | "score" | keyof Handedness>} instance
 */
export function label(instance) {
  if (instance.kind === "face") return `Face ${percent(instance.score)}`;
  const { score, handedness, handedness_score: side } = instance;
  return `Hand ${percent(score)} · ${side >= constants.landmarks.min_handedness ? `${handedness} ${percent(side)}` : "left or right?"}`;
}

/**
 * Draws a result on a canvas that covers the whole picture.
 * @param {Context} context
 * @param {Result & {uncertain?: Drawn[]}} result  in pixels of the picture; the uncertain are drawn dashed
 * @param {{mirrored?: boolean, layers?: Partial<Layers>, section?: Section}} options  mirrored: the picture is shown as in a mirror
 */
export function draw(context, result, { mirrored = false, layers = {}, section = WHOLE } = {}) {
  const chosen = { ...LAYERS, ...layers };
  const scale = (context.canvas.width / result.width) * section.zoom;
  // Mirrored here and not by CSS, so that labels stay readable.
  const onCanvas = (/** @type {Point} */ [x, y]) => [
    ((mirrored ? result.width - 1 - x : x) + 0.5) * scale - section.left,
    (y + 0.5) * scale - section.top,
  ];
  // Lines keep their width when the picture is enlarged: points that are close stay distinct then.
  const prepared = (/** @type {Drawn} */ instance) => prepare(instance, onCanvas, section.zoom);
  context.save();
  context.lineCap = context.lineJoin = "round";
  /** @type {[string, Point[]][]} */
  const labels = [];
  for (const instance of result.uncertain ?? []) {
    const own = prepared(instance);
    drawUncertain(context, instance.kind, own);
    labels.push([`Uncertain ${instance.kind} ${percent(instance.score)}`, own.points]);
  }
  for (const face of result.faces) {
    const own = prepared(face);
    drawFace(context, own, chosen);
    labels.unshift([label(face), own.points]);
  }
  for (const hand of result.hands) {
    const own = prepared(hand);
    drawHand(context, own, chosen);
    labels.unshift([label(hand), own.points]);
  }
  if (chosen.boxes) for (const { box } of [...result.faces, ...result.hands]) drawBox(context, box, onCanvas, section);
  if (chosen.labels) drawLabels(context, labels);
  context.restore();
}

const percent = (/** @type {number} */ share) => `${Math.round(share * 100)} %`;

/**
 * Points in canvas pixels, the object's larger side there, and how strongly each point is drawn.
 * @param {Drawn} instance
 * @param {(point: Point) => Point} onCanvas
 * @param {number} zoom
 * @returns {Prepared}
 */
function prepare({ landmarks, sigma }, onCanvas, zoom) {
  const size = largerSide(landmarks);
  const points = landmarks.map(onCanvas);
  return { points, size: largerSide(points) / zoom, strength: sigma.map((value) => opacity(value, size)) };
}

/**
 * The larger side of the points' box.
 * @param {Point[]} points
 */
function largerSide(points) {
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const [x, y] of points) {
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  return Math.max(right - left, bottom - top);
}

/**
 * @param {Context} context
 * @param {Prepared} hand
 * @param {Layers} layers
 */
function drawHand(context, { points, size, strength }, layers) {
  const { bone, hand_point: point } = STYLE;
  const width = Math.max(bone.width * size, bone.least);
  const bones = HAND.edges.map(([a, b], index) => ({
    path: [points[a], points[b]],
    colour: BONE_COLOURS[index],
    alpha: Math.min(strength[a], strength[b]),
  }));
  if (layers.skeleton) {
    for (const { path, alpha } of bones) line(context, path, width * bone.halo, STYLE.halo, alpha * bone.halo_ink);
    for (const { path, alpha, colour } of bones) line(context, path, width, colour, alpha);
  }
  if (layers.points) {
    const radius = Math.max(width * point.radius, point.least);
    points.forEach((at, index) => dot(context, at, radius * point.halo, STYLE.halo, strength[index] * point.halo_ink));
    points.forEach((at, index) => dot(context, at, radius, POINT_COLOURS[index], strength[index]));
  }
  if (layers.numbers) {
    const height = Math.max(size * 0.045, 9);
    points.forEach(([x, y], index) => plate(context, String(index), x + width * 1.6, y - height / 2, height, 1));
  }
}

/**
 * @param {Context} context
 * @param {Prepared} face
 * @param {Layers} layers
 */
function drawFace(context, { points, size, strength }, layers) {
  const { contour, mesh, face_point: point } = STYLE;
  const width = Math.max(contour.width * size, contour.least);
  if (layers.mesh) {
    const mean = strength.reduce((sum, each) => sum + each, 0) / strength.length; // one stroke for all: a thousand take too long
    context.beginPath();
    for (const [a, b, c] of FACE.triangles) {
      context.moveTo(points[a][0], points[a][1]);
      context.lineTo(points[b][0], points[b][1]);
      context.lineTo(points[c][0], points[c][1]);
    }
    stroke(context, width * mesh.width, STYLE.mesh_colour, mean * mesh.ink);
  }
  if (layers.contours) drawContours(context, { points, size, strength }, width);
  if (layers.points && layers.facePoints) {
    const radius = Math.max(width * point.radius, point.least);
    points.forEach((at, index) => dot(context, at, radius, FACE_POINT_COLOUR, strength[index] * point.ink));
  }
}

/**
 * @param {Context} context
 * @param {Prepared} face
 * @param {number} width
 */
function drawContours(context, { points, strength }, width) {
  const contours = FACE.contours.map(({ points: indices, closed }, index) => ({
    path: (closed ? [...indices, indices[0]] : indices).map((point) => points[point]),
    alpha: indices.reduce((sum, point) => sum + strength[point], 0) / indices.length,
    colour: CONTOUR_COLOURS[index],
  }));
  for (const { path, alpha } of contours)
    line(context, path, width * STYLE.contour.halo, STYLE.halo, alpha * STYLE.contour.halo_ink);
  for (const { path, alpha, colour } of contours) line(context, path, width, colour, alpha);
}

/**
 * In one colour: at a glance something else than what is confident.
 * @param {Context} context
 * @param {Kind} kind
 * @param {Prepared} instance
 */
function drawUncertain(context, kind, { points, size }) {
  const { uncertain } = STYLE;
  const width = Math.max((kind === "hand" ? STYLE.bone : STYLE.contour).width * size, uncertain.least);
  const paths =
    kind === "hand" ? HAND.edges : FACE.contours.map(({ points: own, closed }) => (closed ? [...own, own[0]] : own));
  const dash = Math.max(uncertain.dash * size, uncertain.least_dash);
  context.lineCap = "butt"; // round ends would fill the gaps
  const dashed = (/** @type {number} */ width, /** @type {string} */ colour, /** @type {number} */ alpha) => {
    for (const path of paths) {
      const own = path.map((point) => points[point]);
      context.setLineDash([fittingDash(own, dash)]);
      line(context, own, width, colour, alpha);
    }
  };
  dashed(width * uncertain.halo, STYLE.halo, uncertain.halo_ink);
  dashed(width, uncertain.colour, 1);
  context.setLineDash([]);
  context.lineCap = "round";
}

/**
 * A dash of about this length, with which the path begins and ends with a dash.
 * @param {Point[]} path
 * @param {number} length
 */
function fittingDash(path, length) {
  const whole = path
    .slice(1)
    .reduce((sum, [x, y], index) => sum + Math.hypot(x - path[index][0], y - path[index][1]), 0);
  const count = Math.min(Math.max(Math.round((whole / length + 1) / 2), 1), MOST_DASHES);
  return whole / (2 * count - 1);
}

/**
 * @param {Context} context
 * @param {import("../../runtime/types.js").Box} box
 * @param {(point: Point) => Point} onCanvas
 * @param {Section} section
 */
function drawBox(context, [x, y, w, h], onCanvas, { zoom }) {
  const { box } = STYLE;
  const corners = [onCanvas([x, y]), onCanvas([x + w, y]), onCanvas([x + w, y + h]), onCanvas([x, y + h])];
  const width = Math.max((box.width * largerSide(corners)) / zoom, box.least);
  const path = [...corners, corners[0]];
  line(context, path, width * box.halo, STYLE.halo, box.halo_ink);
  line(context, path, width, "#FFFFFF", 1);
}

/**
 * @param {Context} context
 * @param {Point[]} points
 * @param {number} width
 * @param {string} colour
 * @param {number} alpha
 */
function line(context, points, width, colour, alpha) {
  context.beginPath();
  points.forEach(([x, y], index) => (index ? context.lineTo(x, y) : context.moveTo(x, y)));
  stroke(context, width, colour, alpha);
}

/**
 * @param {Context} context
 * @param {number} width
 * @param {string} colour
 * @param {number} alpha
 */
function stroke(context, width, colour, alpha) {
  context.globalAlpha = alpha;
  context.lineWidth = width;
  context.strokeStyle = colour;
  context.stroke();
}

/**
 * @param {Context} context
 * @param {Point} centre
 * @param {number} radius
 * @param {string} colour
 * @param {number} alpha
 */
function dot(context, [x, y], radius, colour, alpha) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.globalAlpha = alpha;
  context.fillStyle = colour;
  context.fill();
}

/**
 * Labels above the objects, moved down where they would cover each other or leave the canvas.
 * @param {Context} context
 * @param {[string, Point[]][]} labels  text, and the points it belongs to
 */
function drawLabels(context, labels) {
  const { width, height } = context.canvas;
  const size = Math.max(0.021 * Math.max(width, height), 11);
  const padding = size / 4;
  const h = size * 1.25 + 2 * padding;
  context.font = `${size}px system-ui, sans-serif`;
  /** @type {{x: number, y: number, w: number}[]} */
  const taken = [];
  for (const [text, points] of labels) {
    if (!points.some(([x, y]) => x >= 0 && y >= 0 && x < width && y < height)) continue; // beside the section that is seen
    const w = context.measureText(text).width + 2 * padding;
    const mean = points.reduce((sum, [x]) => sum + x, 0) / points.length;
    const highest = Math.min(...points.map(([, y]) => y));
    const x = Math.min(Math.max(mean - w / 2, 0), Math.max(width - w, 0));
    let y = Math.min(Math.max(highest - h * 1.4, 0), Math.max(height - h, 0));
    const covers = (/** @type {{x: number, y: number, w: number}} */ other) =>
      Math.abs(x - other.x) < (w + other.w) / 2 && Math.abs(y - other.y) < h;
    while (y + 2 * h < height && taken.some(covers)) y += h / 2;
    taken.push({ x, y, w });
    plate(context, text, x, y, size, padding);
  }
}

/**
 * White text on a dark, see-through plate.
 * @param {Context} context
 * @param {string} text
 * @param {number} x  of its left upper corner
 * @param {number} y
 * @param {number} size  of the letters
 * @param {number} padding
 */
function plate(context, text, x, y, size, padding) {
  context.font = `${size}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.globalAlpha = 1;
  const w = context.measureText(text).width + 2 * padding;
  const h = size * 1.25 + 2 * padding;
  context.fillStyle = "rgba(12, 14, 18, 0.75)";
  context.beginPath();
  context.roundRect(x, y, w, h, h / 4);
  context.fill();
  context.fillStyle = "#FFFFFF";
  context.fillText(text, x + w / 2, y + h / 2);
}
