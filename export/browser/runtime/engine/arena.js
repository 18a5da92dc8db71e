// A WebAssembly memory that is handed out from its beginning to its end, and the arrays in it.

/** @import { PlacedArray, PlannedArray } from "../types.js" */

const FIRST = 64; // the kernels keep nothing in memory; an address of 0 stands for none
const ALIGNED = 16; // bytes
const PAGE = 65536;
// A float16's exponent and fraction, moved to their places in a float32, are a number that is smaller by this factor.
const HALF = 2 ** 112;

export class Arena {
  memory = new WebAssembly.Memory({ initial: 1 });
  end = FIRST;

  /**
   * The address of so many bytes more. They are 0 as long as nobody has written there.
   * @param {number} bytes
   */
  take(bytes) {
    const address = this.end;
    this.end = aligned(address + bytes);
    const missing = this.end - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE));
    return address;
  }

  // Views are good until the next `take`: memory that has grown is a new buffer.

  /** @param {number} address @param {number} size */
  bytes(address, size) {
    return new Uint8Array(this.memory.buffer, address, size);
  }

  /** @param {number} address @param {number} size */
  integers(address, size) {
    return new Int32Array(this.memory.buffer, address, size);
  }

  /** @param {number} address @param {number} size */
  floats(address, size) {
    return new Float32Array(this.memory.buffer, address, size);
  }

  /**
   * Takes in an array of a plan; float16 becomes float32.
   * @param {PlannedArray} planned
   * @param {Uint8Array} body  what the plan's offsets count in
   * @returns {PlacedArray}
   */
  load({ type, shape, offset }, body) {
    const size = shape.reduce((product, side) => product * side, 1);
    const width = { int8: 1, float16: 2, int32: 4, float32: 4 }[type];
    const source = body.subarray(offset, offset + size * width);
    const address = this.take(type === "float16" ? 2 * source.length : source.length);
    if (type === "float16") {
      const halves = new DataView(source.buffer, source.byteOffset, source.length);
      const [target, values] = [this.integers(address, size), this.floats(address, size)];
      for (let index = 0; index < size; index++) {
        const half = halves.getInt16(2 * index, true);
        target[index] = (half & 0x80000000) | ((half & 0x7fff) << 13);
        values[index] *= HALF;
      }
    } else this.bytes(address, source.length).set(source);
    return { address, shape, size };
  }
}

/** @param {number} address */
export function aligned(address) {
  return Math.ceil(address / ALIGNED) * ALIGNED;
}
