// Opens the three parts of the network with onnxruntime-web: on the graphics card where that works, else WebAssembly.

/** @import { Provider, Sessions } from "./types.js" */

const MAX_THREADS = 4; // more cost more in waiting for each other than they bring at 100 to 200 MMAC

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
 * @param {{provider?: Provider}} choice  provider: no choice = the best this browser has
 * @returns {Promise<Sessions>}
 */
export async function openSessions(base, { provider } = {}) {
  provider ??= (await hasGraphics()) ? "webgpu" : "wasm";
  // Two builds of onnxruntime-web; only the one in use is fetched.
  const ort = provider === "webgpu" ? await import("onnxruntime-web/webgpu") : await import("onnxruntime-web/wasm");
  const cores = navigator.hardwareConcurrency || 1;
  const threads = self.crossOriginIsolated ? Math.max(1, Math.min(MAX_THREADS, cores)) : 1;
  ort.env.wasm.wasmPaths = base;
  ort.env.wasm.numThreads = threads;
  // int8 convolutions take half the time on a processor; a graphics card does not know them.
  const exact = provider === "webgpu" ? "_exact" : "";
  const open = (/** @type {string} */ name) =>
    ort.InferenceSession.create(`${base}${name}${exact}.onnx`, {
      executionProviders: provider === "webgpu" ? ["webgpu", "wasm"] : ["wasm"],
    });
  const detector = await open("detector");
  const hand = await open("hand");
  const face = await open("face");
  const engine =
    provider === "webgpu"
      ? "graphics card (WebGPU)"
      : `processor (WebAssembly, ${threads} thread${threads > 1 ? "s" : ""})`;
  return { ort, detector, hand, face, engine, provider };
}
