// Starts the worker with the network in it.

/** A sentence if this browser cannot run the network, else "". */
export function whatIsLacking() {
  if (typeof WebAssembly !== "object" || typeof Worker !== "function") return "This browser cannot run WebAssembly.";
  if (typeof OffscreenCanvas !== "function" || !("requestVideoFrameCallback" in HTMLVideoElement.prototype)) {
    return "This browser is too old to run the network on this device.";
  }
  return "";
}

/**
 * @param {string} runtime  path of the runtime's folder on this server
 * @returns {Promise<{worker: Worker, engine: string, parity: {difference, sentence}}>}
 *   engine: what the network runs on, in words. Its messages are told in worker.js.
 */
export function openEngine(runtime, smoothing = 1) {
  const base = new URL(runtime + "/", document.baseURI).href;
  const worker = new Worker(base + "worker.js", { type: "module" });
  return new Promise((resolve, reject) => {
    const fail = (message) => {
      worker.terminate();
      reject(new Error(message));
    };
    worker.onerror = (event) => fail(event.message || "the network could not be loaded");
    worker.onmessage = ({ data }) => {
      if (data.type === "ready") resolve({ worker, engine: data.engine, parity: data.parity });
      else fail(data.message);
    };
    worker.postMessage({ type: "open", base, smoothing });
  });
}
