// The arithmetic of the networks, in AssemblyScript: build.js compiles it to WebAssembly, network.js and the heads call it.
//
// A map is uint8, pixel by pixel, channels last, in a frame of pixels that hold its zero point: a window at an edge reads these. A window
// of a convolution is then a few runs of neighbouring bytes, one for each of its rows, whatever its size.
//
// Two builds. The one with relaxed SIMD multiplies sixteen pairs of bytes at once. The standard leaves open whether the second byte's
// highest bit counts as its sign there, and a processor takes what is quick: `flipped` tries it, and where it is a sign all maps are kept
// with that bit flipped. The other build, for browsers without that instruction, widens bytes to 16 bits, always with their sign.
// Kernels are within -63..63 (model/network/weight_packing.py), so no sum of two products overflows 16 bits.

const SIGN: i32 = 0x80; // a byte's highest bit

/** Whether that bit is read as a sign where bytes are multiplied. */
function isSigned(): bool {
  if (!ASC_FEATURE_RELAXED_SIMD) return true;
  const product = i32x4.relaxed_dot_i8x16_i7x16_add_s(i8x16.splat(1), i8x16.splat(<i8>SIGN), i32x4.splat(0));
  return i32x4.extract_lane(product, 0) < 0;
}

const FLIP: i32 = isSigned() ? SIGN : 0;

/** What every byte of a map is combined with, by exclusive or, where it is kept. */
export function flipped(): i32 {
  return FLIP;
}

function flip(bytes: v128): v128 {
  return v128.xor(bytes, i8x16.splat(<i8>FLIP));
}

/** What a convolution reads and writes; network.js (FIELDS) fills it in. Addresses and distances are in bytes. */
@unmanaged
class Layer {
  source: usize; // the first window's first byte
  sourceRow: i32; // from a window to the one below it,
  sourceColumn: i32; // to the one right of it,
  line: i32; // and from a row of the map to the next one
  windowRows: i32;
  steps: i32; // of four bytes in each row of the window
  weights: usize; // for each eight outputs, row and step: twice 4 outputs x 4 bytes
  bias: usize; // i32 for each output
  scales: usize; // f32 for each output
  zero: f32; // the result's zero point
  target: usize;
  targetRow: i32;
  targetColumn: i32;
  rows: i32;
  columns: i32;
  outputs: i32;
  other: usize; // a map that is added to the result, or 0
  otherRow: i32;
  otherColumn: i32;
  halved: i32; // 1: the other map has half the sides, each of its pixels counts for four
  otherScale: f32; // sum = otherScale * other + ownScale * result + shift
  ownScale: f32;
  shift: f32;
}

// Weights come in steps of sixteen bytes; the build without relaxed SIMD widens them, half by half.

function firstHalf(step: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? step : i16x8.extend_low_i8x16_s(step);
}

function secondHalf(step: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? step : i16x8.extend_high_i8x16_s(step);
}

/** The sums of four outputs of a pixel, and a step more: four bytes of its window (in all lanes the same) x their weights. */
function multiply(sums: v128, inputs: v128, first: v128, second: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i32x4.relaxed_dot_i8x16_i7x16_add_s(first, inputs, sums);
  const wide = i16x8.extend_low_i8x16_s(inputs);
  const early = i32x4.dot_i16x8_s(v128.shuffle<i32>(wide, wide, 0, 0, 0, 0), first);
  const late = i32x4.dot_i16x8_s(v128.shuffle<i32>(wide, wide, 1, 1, 1, 1), second);
  return i32x4.add(sums, i32x4.add(early, late));
}

/** Rounded to integers, half to even. A float32 of 1.5 x 2^23 has no bits for fractions, so the addition rounds; |values| < 2^22. */
function whole(values: v128): v128 {
  return i32x4.sub(f32x4.add(values, f32x4.splat(12582912)), i32x4.splat(0x4b400000));
}

function clamped(values: v128): v128 {
  return f32x4.pmin(f32x4.pmax(values, f32x4.splat(0)), f32x4.splat(255));
}

/** From the sums of four outputs to a map's numbers, not yet whole. */
function scaled(sums: v128, scales: v128, zero: f32): v128 {
  return clamped(f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(sums), scales), f32x4.splat(zero)));
}

/** The sum with another map's numbers, not yet whole. The own ones are rounded first, as if they were a map too. */
function added(own: v128, other: v128, layer: Layer): v128 {
  const rounded = f32x4.convert_i32x4_s(whole(own));
  const first = f32x4.mul(f32x4.splat(layer.otherScale), f32x4.convert_i32x4_s(other));
  const second = f32x4.mul(f32x4.splat(layer.ownScale), rounded);
  return clamped(f32x4.add(f32x4.add(first, f32x4.splat(layer.shift)), second));
}

/** From the sums of a pixel's eight outputs, beginning with this one, to bytes of the target. */
function finish(layer: Layer, y: i32, x: i32, output: i32, first: v128, second: v128): void {
  const scales = layer.scales + output * 4;
  let a = scaled(first, v128.load(scales), layer.zero);
  let b = scaled(second, v128.load(scales, 16), layer.zero);
  if (layer.other) {
    const row = y >> layer.halved;
    const column = x >> layer.halved;
    const bytes = v128.load64_zero(layer.other + row * layer.otherRow + column * layer.otherColumn + output);
    const wide = i16x8.extend_low_i8x16_u(flip(bytes));
    a = added(a, i32x4.extend_low_i16x8_u(wide), layer);
    b = added(b, i32x4.extend_high_i16x8_u(wide), layer);
  }
  const short = i16x8.narrow_i32x4_s(whole(a), whole(b));
  const bytes = flip(i8x16.narrow_i16x8_u(short, short));
  v128.store64_lane(layer.target + y * layer.targetRow + x * layer.targetColumn + output, bytes, 0);
}

/**
 * A convolution, and the sum with another map. What is below a map's least number becomes that: a ReLU costs nothing.
 *
 * Four pixels and eight of their outputs are computed together: so many sums stay in the sixteen registers that a processor has, beside
 * what is multiplied. At the end of a row that is no multiple of four long the last pixel is computed several times.
 */
export function convolve(layer: Layer): void {
  const last = layer.columns - 1;
  const run = layer.steps * 4;
  const line = layer.line;
  const windowRows = layer.windowRows;
  for (let output = 0; output < layer.outputs; output += 8) {
    const biasA = v128.load(layer.bias + output * 4);
    const biasB = v128.load(layer.bias + output * 4, 16);
    for (let y = 0; y < layer.rows; y++) {
      for (let x = 0; x <= last; x += 4) {
        const x1 = min(x + 1, last);
        const x2 = min(x + 2, last);
        const x3 = min(x + 3, last);
        const to1 = (x1 - x) * layer.sourceColumn; // from the first pixel's window to the others
        const to2 = (x2 - x) * layer.sourceColumn;
        const to3 = (x3 - x) * layer.sourceColumn;
        let a0 = biasA, a1 = biasA, a2 = biasA, a3 = biasA; // prettier-ignore
        let b0 = biasB, b1 = biasB, b2 = biasB, b3 = biasB; // prettier-ignore
        let source = layer.source + y * layer.sourceRow + x * layer.sourceColumn;
        let weights = layer.weights + output * windowRows * run;
        for (let row = 0; row < windowRows; row++, source += line - run) {
          for (const end = source + run; source < end; source += 4, weights += 32) {
            const i0 = v128.load32_splat(source);
            const i1 = v128.load32_splat(source + to1);
            const i2 = v128.load32_splat(source + to2);
            const i3 = v128.load32_splat(source + to3);
            const wA = v128.load(weights);
            const firstA = firstHalf(wA);
            const secondA = secondHalf(wA);
            a0 = multiply(a0, i0, firstA, secondA);
            a1 = multiply(a1, i1, firstA, secondA);
            a2 = multiply(a2, i2, firstA, secondA);
            a3 = multiply(a3, i3, firstA, secondA);
            const wB = v128.load(weights, 16);
            const firstB = firstHalf(wB);
            const secondB = secondHalf(wB);
            b0 = multiply(b0, i0, firstB, secondB);
            b1 = multiply(b1, i1, firstB, secondB);
            b2 = multiply(b2, i2, firstB, secondB);
            b3 = multiply(b3, i3, firstB, secondB);
          }
        }
        finish(layer, y, x, output, a0, b0);
        finish(layer, y, x1, output, a1, b1);
        finish(layer, y, x2, output, a2, b2);
        finish(layer, y, x3, output, a3, b3);
      }
    }
  }
}

/** Brings a convolution's weights into the order in which this build reads them: 16-bit products are added in pairs, not in fours. */
export function arrange(weights: usize, bytes: i32): void {
  if (ASC_FEATURE_RELAXED_SIMD) return;
  for (let end = weights + bytes; weights < end; weights += 16) {
    const step = v128.load(weights);
    v128.store(weights, v128.shuffle<i16>(step, step, 0, 2, 4, 6, 1, 3, 5, 7));
  }
}

/** Rows of bytes (a multiple of 16) into a map. */
export function place(source: usize, target: usize, line: i32, rows: i32, bytes: i32): void {
  for (let row = 0; row < rows; row++, target += line) {
    for (let x = 0; x < bytes; x += 16, source += 16) v128.store(target + x, flip(v128.load(source)));
  }
}

/** What a map's numbers stand for, float32: `runs` of 4 x `fours` of them. From a run to the next it is so many bytes on both sides. */
export function dequantise(
  source: usize,
  sourceStep: i32,
  runs: i32,
  fours: i32,
  scale: f32,
  zero: f32,
  target: usize,
  targetStep: i32,
): void {
  const factor = f32x4.splat(scale);
  const nothing = f32x4.splat(zero);
  for (let run = 0; run < runs; run++, source += sourceStep, target += targetStep) {
    for (let x = 0; x < fours; x++) {
      const bytes = flip(v128.load32_zero(source + x * 4));
      const values = f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes)));
      v128.store(target + x * 16, f32x4.mul(f32x4.sub(values, nothing), factor));
    }
  }
}

/**
 * For each heat map the sums of exp(score - highest score) x feature over all cells: the expectations under its softmax, before they are
 * divided by the sum of the weights. `maps`: cells x `channels` (a multiple of 8) bytes; `features`: cells x `length` (a multiple of 8)
 * floats; `table`: exp of -255 to 0 steps of the maps; `highest`: scratch, a byte for each channel; `sums`: channels x length floats.
 */
export function expect(
  maps: usize,
  channels: i32,
  cells: i32,
  features: usize,
  length: i32,
  table: usize,
  highest: usize,
  sums: usize,
): void {
  for (let c = 0; c < channels; c += 8) {
    let most = i8x16.splat(0);
    for (let cell = 0, at = maps + c; cell < cells; cell++, at += channels) {
      most = i8x16.max_u(most, flip(v128.load64_zero(at)));
    }
    v128.store64_lane(highest + c, most, 0);
  }
  for (let c = 0; c < channels; c += 4) {
    const t0 = table + 4 * (255 - <i32>load<u8>(highest + c));
    const t1 = table + 4 * (255 - <i32>load<u8>(highest + c, 1));
    const t2 = table + 4 * (255 - <i32>load<u8>(highest + c, 2));
    const t3 = table + 4 * (255 - <i32>load<u8>(highest + c, 3));
    for (let f = 0; f < length; f += 8) {
      let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0; // prettier-ignore
      let feature = features + f * 4;
      let map = maps + c;
      for (let cell = 0; cell < cells; cell++, map += channels, feature += length * 4) {
        const a = v128.load(feature);
        const b = v128.load(feature, 16);
        const w0 = v128.load32_splat(t0 + 4 * (load<u8>(map) ^ (<u8>FLIP)));
        const w1 = v128.load32_splat(t1 + 4 * (load<u8>(map, 1) ^ (<u8>FLIP)));
        const w2 = v128.load32_splat(t2 + 4 * (load<u8>(map, 2) ^ (<u8>FLIP)));
        const w3 = v128.load32_splat(t3 + 4 * (load<u8>(map, 3) ^ (<u8>FLIP)));
        a0 = f32x4.add(a0, f32x4.mul(a, w0));
        b0 = f32x4.add(b0, f32x4.mul(b, w0));
        a1 = f32x4.add(a1, f32x4.mul(a, w1));
        b1 = f32x4.add(b1, f32x4.mul(b, w1));
        a2 = f32x4.add(a2, f32x4.mul(a, w2));
        b2 = f32x4.add(b2, f32x4.mul(b, w2));
        a3 = f32x4.add(a3, f32x4.mul(a, w3));
        b3 = f32x4.add(b3, f32x4.mul(b, w3));
      }
      const at = sums + (c * length + f) * 4;
      const next = length * 4;
      v128.store(at, a0);
      v128.store(at, b0, 16);
      v128.store(at + next, a1);
      v128.store(at + next, b1, 16);
      v128.store(at + 2 * next, a2);
      v128.store(at + 2 * next, b2, 16);
      v128.store(at + 3 * next, a3);
      v128.store(at + 3 * next, b3, 16);
    }
  }
}

/** A fully connected layer, float32: weights (outputs, length), of which length is a multiple of 4. */
export function connect(weights: usize, bias: usize, inputs: usize, length: i32, outputs: i32, target: usize): void {
  for (let output = 0; output < outputs; output++) {
    let sum = f32x4.splat(0);
    for (let x = 0; x < length; x += 4, weights += 16) {
      sum = f32x4.add(sum, f32x4.mul(v128.load(weights), v128.load(inputs + x * 4)));
    }
    const even = f32x4.extract_lane(sum, 0) + f32x4.extract_lane(sum, 2);
    const odd = f32x4.extract_lane(sum, 1) + f32x4.extract_lane(sum, 3);
    store<f32>(target + output * 4, even + odd + load<f32>(bias + output * 4));
  }
}
