// What comes behind the convolutions, in float32: HandHead, FaceHead and Detector.decode of model/network/architecture.py. A head reads the
// maps of the picture that was computed last and gives the outputs by name: `presence` once the encoder is done, `outputs` at the end.

/** @import { Head, Outputs, Workspace } from "../types.js" */

const EVEN = 4; // numbers that the kernels compute together
const LEAK = 0.1; // of what is below 0 behind fully connected layers (bend)
const MOVED = 0.1; // what the last layer's numbers are multiplied with
const LOG_SIGMA = { offset: -4, least: -7, most: 0 };
const UPWARDS = 1e-12; // least square of the length of the direction that is up

/** @param {number} x */
const sigmoid = (x) => 1 / (1 + Math.exp(-x));

/** The least multiple of `step` that is not below `count`. @param {number} count @param {number} step */
const upTo = (count, step) => Math.ceil(count / step) * step;

/**
 * Points of a hand or face, from heat maps and fully connected layers.
 * @param {Workspace} workspace
 * @returns {Head}
 */
export function landmarkHead({ arena, kernels, arrays, map }) {
  const [summary, heat, local] = [map("summary"), map("maps"), map("local")];
  const cells = heat.rows * heat.columns;
  const points = heat.used;
  const isFace = "spread.weights" in arrays;

  // At every cell: the features of `local`, its place x, y as fractions of the side, and 1, for the sum of the weights.
  const x = upTo(local.used, EVEN);
  const length = upTo(x + 3, 2 * EVEN);
  const features = arena.take(cells * length * 4);
  for (let cell = 0, row = arena.floats(features, cells * length); cell < cells; cell++) {
    row[cell * length + x] = ((cell % heat.columns) + 0.5) / heat.columns;
    row[cell * length + x + 1] = (Math.floor(cell / heat.columns) + 0.5) / heat.rows;
    row[cell * length + x + 2] = 1;
  }
  const table = arena.take(256 * 4);
  arena.floats(table, 256).forEach((_, step, all) => (all[step] = Math.exp((step - 255) * heat.scale)));
  const highest = arena.take(heat.channels);
  const sums = arena.take(heat.channels * length * 4);

  /** A fully connected layer with a place for its outputs. @param {string} name */
  const layer = (name) => {
    const [weights, bias] = [arrays[`${name}.weights`], arrays[`${name}.bias`]];
    const [outputs, inputs] = weights.shape;
    const target = arena.take(outputs * 4);
    return (/** @type {number} */ source) => {
      kernels.connect(weights.address, bias.address, source, inputs, outputs, target);
      return arena.floats(target, outputs);
    };
  };
  const [summarise, judge, hide] = [layer("summary.full"), layer("judge"), layer("hidden")];
  const [move, doubt] = [layer("points"), layer("log_sigma")];
  const further = "hidden_more.weights" in arrays ? layer("hidden_more") : null; // around which the hidden layer goes
  const rest = isFace ? { spread: layer("spread"), ibug: layer("ibug") } : { side: layer("side") };

  const flat = arena.take(summary.rows * summary.columns * summary.channels * 4);
  const inputs = arrays["hidden.weights"].shape[1];
  const joined = arena.take(inputs * 4);
  const begin = arrays["summary.full.bias"].size; // the summary stands before what is read at the points
  const axis = arena.take(upTo(points, EVEN) * 4);

  /** @param {Float32Array} values */
  const bend = (values) => values.forEach((value, index) => value < 0 && (values[index] = LEAK * value));

  const presence = () => {
    const row = summary.columns * summary.channels;
    const { rows, line, scale, zero } = summary;
    kernels.dequantise(summary.address, line, rows, row / EVEN, scale, zero, flat, row * 4);
    const whole = summarise(flat);
    bend(whole);
    arena.floats(joined, inputs).set(whole);
    return { [isFace ? "face_presence" : "hand_presence"]: judge(whole.byteOffset).map(sigmoid) };
  };

  /** @returns {Outputs} */
  const outputs = () => {
    kernels.dequantise(local.address, local.channels, cells, x / EVEN, local.scale, local.zero, features, length * 4);
    kernels.expect(heat.address, heat.channels, cells, features, length, table, highest, sums);
    const means = arena.floats(sums, points * length);
    /** The mean of a feature under a point's heat map. @param {number} point @param {number} feature */
    const mean = (point, feature) => means[point * length + feature] / means[point * length + x + 2];

    const all = arena.floats(joined, inputs);
    for (let point = 0, at = begin; point < points; point++) {
      for (const each of [0, 1]) all[at++] = 2 * mean(point, x + each) - 1;
    }
    for (let point = 0, at = begin + 2 * points; point < points; point++) {
      for (let feature = 0; feature < local.used; feature++) all[at++] = mean(point, feature);
    }
    const hidden = hide(joined);
    bend(hidden);
    if (further) {
      const added = further(hidden.byteOffset);
      bend(added);
      added.forEach((value, index) => (hidden[index] += value));
    }

    const moved = move(hidden.byteOffset).map((value) => MOVED * value);
    const sigma = doubt(hidden.byteOffset).map((value) =>
      Math.exp(Math.min(Math.max(value + LOG_SIGMA.offset, LOG_SIGMA.least), LOG_SIGMA.most)),
    );
    if (rest.side) {
      const wrist = moved[2]; // depth counts from there
      const hand = moved.map((value, index) =>
        index % 3 === 2 ? value - wrist : value + mean(Math.floor(index / 3), x + (index % 3)),
      );
      return { hand, hand_sigma: sigma, handedness: rest.side(hidden.byteOffset).map(sigmoid) };
    }
    // The mesh's points begin as weighted means of those that have heat maps.
    const { spread, ibug } = rest;
    const begun = [0, 1].map((each) => {
      const places = arena.floats(axis, points);
      for (let point = 0; point < points; point++) places[point] = mean(point, x + each);
      return spread(axis).slice();
    });
    const face = moved.map((value, index) =>
      index % 3 === 2 ? value : value + begun[index % 3][Math.floor(index / 3)],
    );
    const ibug68 = ibug(hidden.byteOffset).map((value, index) => MOVED * value + mean(index >> 1, x + (index & 1)));
    return { face, face_sigma: sigma, face_ibug68: ibug68 };
  };
  return { presence, outputs };
}

/**
 * For each class and cell the score, the box's centre and size in pixels of the picture, and the direction that is up.
 * @param {Workspace} workspace
 * @returns {Head}
 */
export function detectorHead({ arena, flip, map }) {
  const FIELDS = 7; // of a class: score, distances to the left, top, right and bottom in cells, up x, y; and of its outputs
  const { scale, zero, used } = map("cells");
  const values = Float32Array.from({ length: 256 }, (_, number) => (number - zero) * scale);
  const scores = values.map(sigmoid);
  const distances = values.map((value) => Math.exp(Math.min(Math.max(value, -4), 4) + 1));

  const outputs = () => {
    const { address, rows, columns, channels, shrink } = map("cells");
    const cells = rows * columns;
    const numbers = arena.bytes(address, cells * channels);
    const detections = new Float32Array(used * cells);
    let at = 0;
    for (let first = 0; first < used; first += FIELDS) {
      for (let cell = 0; cell < cells; cell++) {
        const start = cell * channels + first;
        const number = (/** @type {number} */ field) => numbers[start + field] ^ flip;
        const left = distances[number(1)];
        const top = distances[number(2)];
        const right = distances[number(3)];
        const bottom = distances[number(4)];
        const upX = values[number(5)];
        const upY = values[number(6)];
        const up = Math.sqrt(Math.max(upX * upX + upY * upY, UPWARDS));
        detections[at++] = scores[number(0)];
        detections[at++] = ((cell % columns) + 0.5 + (right - left) / 2) * shrink - 0.5;
        detections[at++] = (Math.floor(cell / columns) + 0.5 + (bottom - top) / 2) * shrink - 0.5;
        detections[at++] = (left + right) * shrink;
        detections[at++] = (top + bottom) * shrink;
        detections[at++] = upX / up;
        detections[at++] = upY / up;
      }
    }
    return { detections };
  };
  return { outputs };
}
