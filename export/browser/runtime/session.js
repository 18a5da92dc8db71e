// Opens the three networks: on the graphics card with onnxruntime-web where that works, else on the processor with our own engine.

/** @import { Provider, RunnableNetwork, Sessions } from "./types.js" */

import constants from "./constants.js";
import { compileKernels } from "./engine/kernel_builds.js";
import { Network } from "./engine/network.js";

const SIDE = constants.crop_side;
const NAMES = /** @type {const} */ (["detector", "hand", "face"]);

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
 * @param {{provider?: Provider, relaxed?: boolean}} choice  provider: no choice = the best this browser has;
 *   relaxed: whether the processor may use relaxed SIMD
 * @returns {Promise<Sessions>}
 */
export async function openSessions(base, { provider, relaxed = true } = {}) {
  provider ??= (await hasGraphics()) ? "webgpu" : "wasm";
  const [detector, hand, face] = await (provider === "webgpu" ? onGraphics(base) : onProcessor(base, relaxed));
  const engine = provider === "webgpu" ? "graphics card (WebGPU)" : "processor (WebAssembly)";
  return { detector, hand, face, engine, provider };
}

/**
 * In eight bits.
 * @param {string} base
 * @param {boolean} relaxed
 * @returns {Promise<RunnableNetwork[]>}
 */
async function onProcessor(base, relaxed) {
  const file = (/** @type {string} */ name) => fetchBytes(`${base}${name}.plan`);
  const files = await Promise.all([compileKernels(base, relaxed), file("detector"), file("face")]);
  const [kernels, detector, face] = files;
  // A camera mostly shows a face first: the hands' network, the largest file, need not hold that up.
  const hand = new LateNetwork(file("hand").then((late) => new Network(kernels, late)));
  return [new Network(kernels, detector), hand, new Network(kernels, face)];
}

/** A network that is still being fetched; who runs it waits. */
class LateNetwork {
  ready = false;
  #network;

  /** @param {Promise<Network>} network */
  constructor(network) {
    this.#network = network;
    network.then(
      () => (this.ready = true),
      () => {}, // whoever runs it hears of it
    );
  }

  /** @type {RunnableNetwork["run"]} */
  async run(...pictures) {
    return (await this.#network).run(...pictures);
  }
}

/**
 * In single precision: a graphics card knows no int8 convolutions.
 * @param {string} base
 * @returns {Promise<RunnableNetwork[]>}
 */
async function onGraphics(base) {
  const files = NAMES.map((name) => fetchBytes(`${base}${name}_exact.onnx`)); // come while WebAssembly is fetched
  const ort = await import("onnxruntime-web/webgpu");
  ort.env.wasm.wasmPaths = base;
  ort.env.wasm.numThreads = 1;
  const networks = [];
  for (const file of files) {
    const session = await ort.InferenceSession.create(await file, { executionProviders: ["webgpu", "wasm"] });
    networks.push({
      /** @type {RunnableNetwork["run"]} */
      async run(bytes, count, height = SIDE, width = SIDE) {
        const pictures = bytes.subarray(0, count * height * width * 3);
        const outputs = await session.run({ image: new ort.Tensor("uint8", pictures, [count, height, width, 3]) });
        const arrays = Object.entries(outputs).map(([name, { data }]) => [name, /** @type {Float32Array} */ (data)]);
        return Object.fromEntries(arrays);
      },
    });
  }
  return networks;
}

/** @param {string} address */
async function fetchBytes(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`a part of it could not be fetched: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
