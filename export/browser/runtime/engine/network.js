// A network on the processor: keeps its weights and maps in one WebAssembly memory and calls the kernels (kernels.ts) layer by layer,
// picture by picture. What is computed says its plan, a file that export/graph/browser_plan.py writes.

/** @import { Kernels, PlacedMap, Plan, PlannedLayer } from "../types.js" */

import constants from "../constants.js";
import { aligned, Arena } from "./arena.js";
import { detectorHead, landmarkHead } from "./heads.js";

const SIDE = constants.crop_side; // the longest side of a picture
const BEYOND = 64; // bytes behind a map that may be read: a window's last step may end outside, where its weights are 0
const SIGN = 128; // by so much a map's byte is less where its highest bit is a sign

/** The kernels' Layer, field by field, four bytes each. */
const FIELDS = /** @type {const} */ ([
  ...["source", "sourceRow", "sourceColumn", "line", "windowRows", "steps", "weights", "bias", "scales", "zero"],
  ...["target", "targetRow", "targetColumn", "rows", "columns", "outputs"],
  ...["other", "otherRow", "otherColumn", "halved", "otherScale", "ownScale", "shift"],
]);
const FLOATS = ["zero", "otherScale", "ownScale", "shift"]; // the others are integers
export const RECORD = FIELDS.length * 4;

/** @typedef {Record<typeof FIELDS[number], number>} Fields */

/**
 * A layer for `convolve`, in RECORD bytes of memory.
 * @param {DataView} view
 * @param {number} address
 * @param {Fields} fields
 */
export function writeLayer(view, address, fields) {
  FIELDS.forEach((name, index) => {
    if (FLOATS.includes(name)) view.setFloat32(address + index * 4, fields[name], true);
    else view.setInt32(address + index * 4, fields[name], true);
  });
}

export class Network {
  #arena = new Arena();
  #plan;
  #kernels;
  #flip;
  #arrays;
  #picture; // where a picture comes in
  #records; // where the layers' fields are
  #first; // where the maps begin
  /** @type {PlacedMap[]} */
  #maps = [];
  #size = "";
  #head;
  #encoder; // how many layers presence needs: they come first

  /**
   * @param {WebAssembly.Module} kernels
   * @param {Uint8Array} file  the plan
   */
  constructor(kernels, file) {
    const length = new DataView(file.buffer, file.byteOffset).getUint32(0, true);
    const plan = /** @type {Plan} */ (JSON.parse(new TextDecoder().decode(file.subarray(4, 4 + length))));
    const arena = this.#arena;
    const { exports } = new WebAssembly.Instance(kernels, { env: { memory: arena.memory } });
    this.#plan = plan;
    this.#kernels = /** @type {Kernels} */ (/** @type {unknown} */ (exports));
    this.#flip = this.#kernels.flipped();
    const body = file.subarray(4 + length);
    this.#arrays = Object.fromEntries(
      Object.entries(plan.arrays).map(([name, each]) => [name, arena.load(each, body)]),
    );
    plan.layers.forEach((layer) => this.#adapt(layer));
    this.#picture = arena.take(SIDE * SIDE * 3);
    this.#records = arena.take(plan.layers.length * RECORD);
    this.#first = arena.end;
    arena.take(this.#place(SIDE, SIDE) - this.#first); // smaller pictures have smaller maps
    const head = "cells" in plan.ends ? detectorHead : landmarkHead;
    const map = (/** @type {string} */ name) => this.#maps[plan.ends[name]];
    this.#head = head({ arena, kernels: this.#kernels, flip: this.#flip, arrays: this.#arrays, map });
    this.#encoder = plan.layers.findIndex(({ target }) => target === plan.ends.summary) + 1;
  }

  /**
   * The outputs by name, those of all pictures one after the other.
   * @param {Uint8Array} bytes  `count` pictures of height x width RGB; sides are multiples of 32, at most 256
   * @param {number} count
   * @param {number[]} [leastPresence]  of each picture: with less presence its other outputs are not computed (0)
   */
  run(bytes, count, height = SIDE, width = SIDE, leastPresence) {
    if (this.#size !== `${height} x ${width}`) this.#resize(height, width);
    const size = height * width * 3;
    const [input] = this.#maps;
    /** @type {Record<string, Float32Array>} */
    const all = {};
    /** @param {number} index @param {Record<string, Float32Array>} outputs */
    const keep = (index, outputs) => {
      for (const [name, values] of Object.entries(outputs)) {
        all[name] ??= new Float32Array(count * values.length);
        all[name].set(values, index * values.length);
      }
    };
    for (let index = 0; index < count; index++) {
      this.#arena.bytes(this.#picture, size).set(bytes.subarray(index * size, (index + 1) * size));
      this.#kernels.place(this.#picture, input.address, input.line, height, width * 3);
      this.#convolve(0, this.#encoder);
      if (this.#head.presence) {
        const presence = this.#head.presence();
        keep(index, presence);
        if (leastPresence && Object.values(presence)[0][0] < leastPresence[index]) continue;
      }
      this.#convolve(this.#encoder, this.#plan.layers.length);
      keep(index, this.#head.outputs());
    }
    return all;
  }

  /** The layers from the first to before the last. @param {number} first @param {number} last */
  #convolve(first, last) {
    for (let order = first; order < last; order++) this.#kernels.convolve(this.#records + order * RECORD);
  }

  /**
   * A layer's weights as this build of the kernels wants them.
   * @param {PlannedLayer} layer
   */
  #adapt({ arrays }) {
    const [weights, bias, sums] = ["weights", "bias", "sums"].map((part) => this.#arrays[`${arrays}.${part}`]);
    this.#kernels.arrange(weights.address, weights.size);
    if (!this.#flip) return;
    const offsets = this.#arena.integers(bias.address, bias.size);
    this.#arena.integers(sums.address, sums.size).forEach((sum, output) => (offsets[output] += SIGN * sum));
  }

  /**
   * Finds the maps of a picture of this size their places; returns the first address behind them.
   * @param {number} height
   * @param {number} width
   */
  #place(height, width) {
    let end = this.#first;
    this.#maps = this.#plan.maps.map((planned) => {
      const { shrink, channels, border } = planned;
      const [rows, columns] = [height / shrink, width / shrink];
      const line = (columns + 2 * border) * channels;
      const start = end;
      end = aligned(start + (rows + 2 * border) * line + BEYOND);
      return { ...planned, rows, columns, line, start, end, address: start + border * (line + channels) };
    });
    return end;
  }

  /**
   * Prepares for pictures of another size: maps, their frames, and the layers' fields.
   * @param {number} height
   * @param {number} width
   */
  #resize(height, width) {
    const bytes = this.#arena.bytes(0, this.#place(height, width));
    for (const { start, end, zero } of this.#maps) bytes.fill(zero ^ this.#flip, start, end);
    const view = new DataView(this.#arena.memory.buffer);
    this.#plan.layers.forEach((layer, order) => writeLayer(view, this.#records + order * RECORD, this.#fields(layer)));
    this.#size = `${height} x ${width}`;
  }

  /**
   * A layer as the kernels read it.
   * @param {PlannedLayer} layer
   * @returns {Fields}
   */
  #fields(layer) {
    const [source, target] = [this.#maps[layer.source], this.#maps[layer.target]];
    const sum = layer.sum ?? { other: -1, halved: false, otherScale: 0, ownScale: 0, shift: 0 };
    const other = this.#maps[sum.other] ?? { address: 0, line: 0, channels: 0 };
    const [weights, bias, scales] = ["weights", "bias", "scales"].map(
      (part) => this.#arrays[`${layer.arrays}.${part}`].address,
    );
    return {
      source: source.address - layer.padding * (source.line + source.channels),
      sourceRow: layer.stride * source.line,
      sourceColumn: layer.stride * source.channels,
      line: source.line,
      windowRows: layer.rows,
      steps: Math.ceil((layer.columns * source.channels) / 4),
      weights,
      bias,
      scales,
      zero: layer.zero,
      target: target.address,
      targetRow: target.line,
      targetColumn: target.channels,
      rows: target.rows,
      columns: target.columns,
      outputs: target.channels,
      other: other.address,
      otherRow: other.line,
      otherColumn: other.channels,
      halved: Number(sum.halved),
      otherScale: sum.otherScale,
      ownScale: sum.ownScale,
      shift: sum.shift,
    };
  }
}
