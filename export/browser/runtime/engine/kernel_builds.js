// Which build of the kernels (kernels.ts) this browser can run.

// A WebAssembly module that is valid only where relaxed SIMD is known: a function that multiplies vectors of bytes.
const ZEROS = [0x41, 0, 0xfd, 0x0f]; // i32.const 0, i8x16.splat
const WITH_RELAXED = Uint8Array.of(
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // magic, version
  ...[1, 5, 1, 0x60, 0, 1, 0x7b], // type: () -> v128
  ...[3, 2, 1, 0], // one function of that type
  ...[10, 19, 1, 17, 0, ...ZEROS, ...ZEROS, ...ZEROS, 0xfd, 0x93, 2, 0x0b], // i32x4.relaxed_dot_i8x16_i7x16_add_s, end
);

/**
 * The kernels, compiled.
 * @param {string} base  address of the runtime's folder, ending in "/"
 * @param {boolean} relaxed  with relaxed SIMD where this browser knows it
 */
export async function compileKernels(base, relaxed) {
  const build = relaxed && WebAssembly.validate(WITH_RELAXED) ? "kernels_relaxed" : "kernels";
  const response = await fetch(`${base}${build}.wasm`);
  if (!response.ok) throw new Error(`a part of it could not be fetched: ${response.status}`);
  return WebAssembly.compile(await response.arrayBuffer());
}
