// Opens the three parts of the network with onnxruntime-web: on the graphics card where that works, else WebAssembly.

const MOST_THREADS = 4; // more cost more in waiting for each other than they bring at 100 to 200 MMAC

/** True if WebGPU offers an adapter here. */
async function hasGraphics() {
  try {
    return Boolean(await navigator.gpu?.requestAdapter());
  } catch {
    return false;
  }
}

/**
 * @param {string} base  address of the runtime's folder, ending in "/"
 * @param {{provider?: "wasm" | "webgpu"}} choice  provider: no choice = the best this browser has
 * @returns {Promise<{ort, detector, hand, face, engine: string, provider: string}>}
 */
export async function openSessions(base, { provider } = {}) {
  provider ??= (await hasGraphics()) ? "webgpu" : "wasm";
  // Two builds of onnxruntime-web; only the one in use is fetched.
  const ort = provider === "webgpu" ? await import("onnxruntime-web/webgpu") : await import("onnxruntime-web/wasm");
  const cores = navigator.hardwareConcurrency || 1;
  const threads = self.crossOriginIsolated ? Math.max(1, Math.min(MOST_THREADS, cores)) : 1;
  ort.env.wasm.wasmPaths = base;
  ort.env.wasm.numThreads = threads;
  // Convolutions of whole numbers take half the time on a processor; a graphics card does not know them.
  const exact = provider === "webgpu" ? "_exact" : "";
  const open = (name) =>
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
