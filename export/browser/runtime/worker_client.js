// Starts the worker with the network in it, and notices when it is gone.

/** @import { Answer, Parity, Provider, Request } from "./types.js" */

// A WebAssembly module that is valid only where 128-bit vectors are known: a function that returns one (i8x16.splat).
const WITH_VECTORS = Uint8Array.of(
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // magic, version
  ...[1, 5, 1, 0x60, 0, 1, 0x7b], // type: () -> v128
  ...[3, 2, 1, 0], // one function of that type
  ...[10, 8, 1, 6, 0, 0x41, 0, 0xfd, 0x0f, 0x0b], // i32.const 0, i8x16.splat, end
);

/** @type {Record<string, () => boolean>} what the runtime uses -> whether this browser has it */
const NEEDS = {
  "WebAssembly with SIMD": () => typeof WebAssembly === "object" && WebAssembly.validate(WITH_VECTORS),
  "module workers": hasModuleWorkers,
  OffscreenCanvas: () => typeof OffscreenCanvas === "function",
  "video frame callbacks": () => "requestVideoFrameCallback" in HTMLVideoElement.prototype,
};

/** A sentence if this browser cannot run the network, else "". */
export function missingFeatures() {
  const lacking = Object.keys(NEEDS).filter((name) => !NEEDS[name]());
  if (!lacking.length) return "";
  return `This browser is too old to run the network on this device (it lacks ${lacking.join(", ")}); a newer one can.`;
}

/** Browsers that know workers made of modules ask for their type; older ones ignore the option and would fail silently. */
function hasModuleWorkers() {
  let asked = false;
  const options = {
    get type() {
      asked = true;
      return /** @type {const} */ ("module");
    },
  };
  try {
    new Worker("data:text/javascript,", options).terminate();
  } catch {
    return false;
  }
  return asked;
}

/** The worker is gone, or the network in it can no longer be trusted to answer. Its message ends a sentence "the network stopped: ...". */
export class WorkerStopped extends Error {}

/**
 * @typedef {object} RuntimeWorker
 * @property {string} engine  what the network runs on, in words
 * @property {Provider} provider
 * @property {Promise<Parity>} parity  how far its answers are from the reference; some time after the start, or never where the worker ends before
 * @property {(request: Request, transfer?: Transferable[]) => void} post
 * @property {(listener: (answer: Answer) => void) => void} listen  its answers from now on, told in worker.js
 * @property {Promise<WorkerStopped>} stopped  resolves if the worker dies, whatever ended it; not after `close`
 * @property {(why: string) => void} stop  to be called when the worker answers with an error: WebAssembly that was out of
 *   memory once is of no more use
 * @property {() => void} close
 */

/**
 * A worker with the network in it, once it is loaded.
 * @param {string} runtime  path of the runtime's folder on this server
 * @returns {Promise<RuntimeWorker>}
 */
export function startWorker(runtime) {
  const base = new URL(runtime + "/", document.baseURI).href;
  const worker = new Worker(base + "worker.js", { type: "module" });
  /** @type {"opening" | "ready" | "over"} */
  let state = "opening";
  /** @type {(error: WorkerStopped) => void} */
  let died;
  /** @type {Promise<WorkerStopped>} */
  const stopped = new Promise((resolve) => (died = resolve));
  /** @type {(parity: Parity) => void} */
  let compared;
  /** @type {Promise<Parity>} */
  const parity = new Promise((resolve) => (compared = resolve));
  const close = () => {
    state = "over";
    worker.terminate();
  };
  /** @type {RuntimeWorker["post"]} */
  const post = (request, transfer = []) => worker.postMessage(request, transfer);
  /** @type {RuntimeWorker["listen"]} */
  const listen = (listener) => {
    worker.onmessage = (/** @type {MessageEvent<Answer>} */ { data }) =>
      data.type === "parity" ? compared(data.parity) : listener(data);
  };
  return new Promise((resolve, reject) => {
    const stop = (/** @type {string} */ why) => {
      const before = state;
      if (before === "over") return;
      close();
      if (before === "opening")
        reject(new Error(`the network could not be loaded (${why}); reload the page and try again`));
      else died(new WorkerStopped(why));
    };
    worker.onerror = (event) => stop(event.message || "its program did not start");
    worker.onmessageerror = () => stop("a message was lost");
    listen((answer) => {
      if (answer.type === "alive") {
        // Granted when the worker is gone: a worker that the browser ends, for example to get its memory, tells nobody.
        navigator.locks.request(answer.lock, () => stop("the browser ended it"));
      } else if (answer.type === "ready") {
        state = "ready";
        const { engine, provider } = answer;
        resolve({ engine, provider, parity, post, listen, stopped, stop, close });
      } else stop("message" in answer ? answer.message : "it answered what nobody asked");
    });
    post({ type: "open", base });
  });
}
