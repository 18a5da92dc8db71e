// Opens the three networks with onnxruntime-web: on the graphics card where that works, else WebAssembly.

/** @import { Provider, Sessions } from "./types.js" */

/** True if WebGPU offers an adapter here. */
async function hasGraphics() {
  try {
    return Boolean(await navigator.gpu?.requestAdapter());
  } catch {
    return false;
  }
}

/**
 * The three networks, ready to run.
 * @param {string} base  address of the runtime's folder, ending in "/"
 * @param {{provider?: Provider, threads?: number}} choice  provider: no choice = the best this browser has;
 *   threads: of WebAssembly, more than one only on pages that are cross-origin isolated
 * @returns {Promise<Sessions>}
 */
export async function openSessions(base, { provider, threads = 1 } = {}) {
  provider ??= (await hasGraphics()) ? "webgpu" : "wasm";
  const graphics = provider === "webgpu";
  // int8 convolutions take half the time on a processor; a graphics card does not know them.
  const address = (/** @type {string} */ name) => `${base}${name}${graphics ? "_exact" : ""}.onnx`;
  // All at once: the first `create` fetches the WebAssembly and then its own network, the others come meanwhile.
  const [hand, face] = [fetchBytes(address("hand")), fetchBytes(address("face"))];
  // Two builds of onnxruntime-web; only the one in use is fetched.
  const ort = await (graphics ? import("onnxruntime-web/webgpu") : import("onnxruntime-web/wasm"));
  ort.env.wasm.wasmPaths = base;
  ort.env.wasm.numThreads = threads;
  // What a processor runs was optimised when it was prepared (export/graph/prepare.py).
  /** @type {import("onnxruntime-web").InferenceSession.SessionOptions} */
  const options = graphics
    ? { executionProviders: ["webgpu", "wasm"] }
    : { executionProviders: ["wasm"], graphOptimizationLevel: "disabled" };
  return {
    ort,
    detector: await ort.InferenceSession.create(address("detector"), options),
    hand: await ort.InferenceSession.create(await hand, options),
    face: await ort.InferenceSession.create(await face, options),
    engine: graphics ? "graphics card (WebGPU)" : `processor (WebAssembly, ${threads} thread${threads > 1 ? "s" : ""})`,
    provider,
  };
}

/** @param {string} address */
async function fetchBytes(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`a part of it could not be fetched: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
