// The thread that the network runs in, so that the page stays smooth.
//
// in:  {type: "open", base}              load the network; answers "alive" {lock} (a Web Lock that is held as long as this
//                                        worker lives; not where pages have none), then "ready" {engine, provider}
//                                        or "failed" {message}; some time later "parity" {parity}
//      {type: "configure", smoothing}
//      {type: "frame", frame, time, early}  an ImageBitmap; answers "result" {result, time}; early: without waiting for a
//                                        network that is still being fetched
//      {type: "still"}                   answers "still" {picture: ImageBitmap, result} of the last frame
//      {type: "photo", frame}            one photo on its own; answers "photo" {result}
//      {type: "forget"}                  the camera was stopped, or another video begins or ends: forget the tracks
// When any of them fails the answer is "error" {message}.

/** @import { Answer, Parity, Request, Result, Sessions } from "./types.js" */

import { messageOf } from "./errors.js";
import { Landmarker } from "./landmarker.js";
import { fetchReference, measure } from "./parity.js";
import { openSessions } from "./session.js";
import { Tracker } from "./tracker.js";

/** @type {Sessions} */
let sessions;
/** @type {Landmarker} */
let landmarker;
/** @type {Tracker} */
let tracker;
let smoothing = 1;
/** @type {{picture: ImageData, result: Result} | null} the newest frame */
let last = null;
let queue = Promise.resolve(); // messages are answered one after the other
const PARITY_DELAY = 3000; // milliseconds: WebAssembly computes the same everywhere, so the first result need not wait for the proof

const canvas = new OffscreenCanvas(1, 1);
const context = /** @type {OffscreenCanvasRenderingContext2D} */ (
  canvas.getContext("2d", { willReadFrequently: true })
);

/** The worker's own postMessage; TypeScript knows that of pages. */
const answer = /** @type {(message: Answer, transfer?: Transferable[]) => void} */ (self.postMessage.bind(self));

/**
 * The pixels of an ImageBitmap, which is closed. What is transparent becomes white, as in model/photo/image_file.py.
 * @param {ImageBitmap} frame
 */
function pixels(frame) {
  const { width, height } = frame;
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(frame, 0, 0);
  frame.close();
  return context.getImageData(0, 0, width, height);
}

/** Takes a lock and keeps it; whoever asks for it too hears when this worker is gone. */
async function holdLock() {
  if (!navigator.locks) return; // pages without HTTPS
  const lock = crypto.randomUUID();
  await new Promise((resolve) => {
    navigator.locks.request(lock, () => {
      resolve(undefined);
      return new Promise(() => {}); // held for good
    });
  });
  answer({ type: "alive", lock });
}

/** @param {Sessions} opened */
function use(opened) {
  sessions = opened;
  landmarker = new Landmarker(sessions);
  tracker = new Tracker(landmarker);
}

/**
 * Compares these sessions with the reference and answers with what came out.
 * @param {string} base
 */
async function checkParity(base) {
  const reference = await fetchReference(base);
  let parity = await measure(sessions, reference);
  // Some browsers' first versions of relaxed SIMD compute what no processor does.
  if (!parity.ok) {
    use(await openSessions(base, { provider: "wasm", relaxed: false }));
    parity = await measure(sessions, reference);
  }
  answer({ type: "parity", parity });
}

/** @type {{[Type in Request["type"]]: (message: Extract<Request, { type: Type }>) => void | Promise<void>}} */
const handlers = {
  async open({ base, provider }) {
    await holdLock();
    try {
      let opened = await openSessions(base, { provider });
      /** @type {Parity | undefined} */
      let parity;
      if (opened.provider === "webgpu") {
        parity = await measure(opened, await fetchReference(base));
        // A graphics driver that computes something else is not used.
        if (!parity.ok) opened = await openSessions(base, { provider: "wasm" });
      }
      use(opened);
      answer({ type: "ready", engine: sessions.engine, provider: sessions.provider });
      if (parity?.ok) answer({ type: "parity", parity });
      else setTimeout(() => enqueue(() => checkParity(base)), PARITY_DELAY);
    } catch (error) {
      answer({ type: "failed", message: messageOf(error) });
    }
  },

  configure(message) {
    smoothing = message.smoothing;
  },

  async frame({ frame, time, early }) {
    const picture = pixels(frame);
    tracker.smoothing = smoothing;
    const result = await tracker.update(picture, time / 1000, early);
    last = { picture, result };
    answer({ type: "result", result, time });
  },

  async still() {
    if (!last) return;
    const picture = await createImageBitmap(last.picture);
    answer({ type: "still", picture, result: last.result }, [picture]);
  },

  async photo({ frame, uncertain }) {
    const picture = pixels(frame);
    canvas.width = canvas.height = 1; // a photo's pixels are not kept a second time
    answer({ type: "photo", result: await landmarker.detect(picture, uncertain) });
  },

  forget() {
    last = null;
    canvas.width = canvas.height = 1;
    tracker?.reset();
  },
};

onmessage = (/** @type {MessageEvent<Request>} */ { data }) => {
  const handle = /** @type {(message: Request) => void | Promise<void>} */ (handlers[data.type]);
  enqueue(() => handle(data));
};

/**
 * Runs it when all that came before is done.
 * @param {() => void | Promise<void>} work
 */
function enqueue(work) {
  queue = queue.then(work).catch((error) => answer({ type: "error", message: messageOf(error) }));
}
