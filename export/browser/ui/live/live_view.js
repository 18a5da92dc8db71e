// The live view as a Streamlit component (v2): camera in, points drawn over it, nothing sent to the server.

/** @import { Answer, Result } from "../../runtime/types.js" */
/** @import { RuntimeWorker, WorkerStopped } from "../../runtime/worker_client.js" */
/** @import { Layers } from "../picture/draw.js" */
/** @import { Component } from "../types.js" */

import { messageOf } from "../../runtime/errors.js";
import { missingFeatures, startWorker } from "../../runtime/worker_client.js";
import { CameraError, closeCamera, isMirrored, listCameras, openCamera } from "./camera.js";
import { ClipRecorder } from "./clip_recorder.js";
import { draw } from "../picture/draw.js";
import { DrawnClip } from "./drawn_clip.js";
import { saveJson, savePng } from "../files/save.js";
import { buildView } from "./live_view_elements.js";

const MAX_LOST = 30; // pictures of the camera in a row that may fail: some browsers have none for the first moments

/**
 * @typedef {object} Options
 * @property {string} runtime  address of the runtime's folder
 * @property {number} smoothing  strength, 1 = as in constants.json, 0 = none
 * @property {number} min_confidence  what is tracked with less is not drawn
 * @property {boolean} mirrored  as in a mirror, if the camera does not point away from the visitor
 * @property {Partial<Layers>} layers  what is drawn
 */

/** @type {WeakMap<Node, LiveView>} by parent element: Streamlit calls again whenever `data` changes */
const views = new WeakMap();

/**
 * Shows the live view, or tells the page that this browser is `unable`.
 * @param {Component<Options>} component
 */
export default function ({ parentElement, data, setStateValue }) {
  const missing = missingFeatures();
  if (missing) {
    setStateValue("unable", missing); // the page offers the server instead
    return () => {};
  }
  let view = views.get(parentElement);
  if (!view) views.set(parentElement, (view = new LiveView(parentElement, data)));
  view.configure(data);
  return () => {
    view.close();
    views.delete(parentElement);
  };
}

class LiveView {
  #elements;
  /** @type {RuntimeWorker | null} */
  #worker = null;
  /** @type {Promise<RuntimeWorker> | null} */
  #starting = null;
  #answered = false; // the worker has given a result since it was started
  #lost = 0; // pictures of the camera in a row that could not be read
  /** @type {MediaStream | null} */
  #stream = null;
  #busy = false; // a frame is with the worker; frames that come meanwhile are dropped
  /** @type {number[]} times of the last results, for frames per second */
  #finished = [];
  /** @type {number[]} milliseconds */
  #latencies = [];
  /** @type {{picture: ImageBitmap, result: Result} | null} while frozen */
  #still = null;
  #clip = new DrawnClip();
  #recorder = new ClipRecorder(this.#clip);
  #closed = false;
  #options;

  /**
   * @param {HTMLElement | ShadowRoot} parent
   * @param {Options} options
   */
  constructor(parent, options) {
    this.#options = options;
    this.#elements = buildView(parent);
    this.#loadWorker(); // while the page is read
    const { start, still, cameras, png, json, bar } = this.#elements;
    still.after(this.#recorder.elements.button);
    bar.after(this.#recorder.elements.result);
    start.onclick = () => (this.#stream ? this.stop() : this.start());
    still.onclick = () => (this.#still ? this.#resume() : this.#worker?.post({ type: "still" }));
    cameras.onchange = () => this.start({ deviceId: cameras.value });
    png.onclick = () => this.#savePng();
    json.onclick = () => this.#still && saveJson(this.#confident(this.#still.result));
    // Leaving the tab for another page of the app unmounts the component; closing the tab ends here.
    addEventListener("pagehide", this.#leave);
  }

  #leave = () => this.stop();

  /** @param {Options} options */
  configure(options) {
    this.#options = options;
    this.#worker?.post({ type: "configure", smoothing: options.smoothing });
    this.#mirror();
    if (this.#still) this.#paintStill();
  }

  #mirror() {
    const { video } = this.#elements;
    const facing = this.#stream !== null && isMirrored(this.#stream);
    video.classList.toggle("mirrored", facing && this.#options.mirrored);
  }

  #loadWorker() {
    if (this.#starting) return this.#starting;
    const starting = startWorker(this.#options.runtime);
    const forget = () => {
      if (this.#starting === starting) this.#starting = null; // the next start tries again
    };
    starting.then(({ stopped }) => stopped.then(forget), forget);
    return (this.#starting = starting);
  }

  /** @param {Parameters<typeof openCamera>[0]} [wish] */
  async start(wish) {
    const { start, hint, video } = this.#elements;
    this.stop();
    this.#say("");
    start.disabled = true;
    try {
      hint.textContent = "Waiting for the camera …";
      const stream = await openCamera(wish);
      if (this.#closed) return closeCamera(stream); // the visitor left while the browser was asking
      hint.textContent = "Loading the network …";
      this.#stream = stream;
      stream.getVideoTracks()[0].onended = () => this.#fail("The camera was disconnected. Connect it and start again.");
      video.srcObject = stream;
      this.#mirror();
      await video.play();
      await this.#startWorker();
      if (this.#stream !== stream) return; // stopped meanwhile
      await this.#offerCameras(stream);
      hint.hidden = true;
      this.#elements.still.hidden = false;
      this.#recorder.allow(true);
      start.textContent = "Stop camera";
      this.#nextFrame();
    } catch (error) {
      this.#fail(error instanceof CameraError ? error.message : `The live view could not start: ${messageOf(error)}`);
    } finally {
      start.disabled = false;
    }
  }

  /** Releases the camera; the worker keeps the loaded network for the next start. */
  stop() {
    const { start, still, cameras, hint, video, canvas, png, json } = this.#elements;
    closeCamera(this.#stream);
    this.#stream = null;
    this.#recorder.allow(false);
    this.#thaw();
    this.#busy = false;
    this.#lost = 0;
    video.srcObject = null;
    contextOf(canvas).clearRect(0, 0, canvas.width, canvas.height);
    for (const element of [still, cameras, png, json]) element.hidden = true;
    still.textContent = "Freeze";
    hint.hidden = false;
    hint.textContent = "The camera is off. Pictures stay on this device.";
    start.textContent = "Start camera";
    this.#worker?.post({ type: "forget" });
    this.#finished = [];
    this.#latencies = [];
  }

  close() {
    this.#closed = true;
    removeEventListener("pagehide", this.#leave);
    this.stop();
    this.#starting?.then(
      ({ close }) => close(),
      () => {},
    );
  }

  /** @param {string} sentence */
  #fail(sentence) {
    this.stop();
    this.#say(sentence);
  }

  /** @param {string} sentence */
  #say(sentence) {
    this.#elements.message.textContent = sentence;
    this.#elements.message.hidden = !sentence;
  }

  async #startWorker() {
    const worker = await this.#loadWorker();
    if (this.#worker !== worker) worker.stopped.then((error) => this.#restart(error));
    this.#worker = worker;
    worker.listen((answer) => this.#receive(answer, worker));
    worker.post({ type: "configure", smoothing: this.#options.smoothing });
    this.#elements.engine.textContent = worker.engine;
    this.#elements.figures.hidden = false;
    worker.parity.then(({ sentence, difference }) => {
      this.#elements.parity.textContent = sentence;
      this.#elements.root.dataset.parity = String(difference);
    });
  }

  /**
   * The worker has died: once more from the start, unless the last start brought nothing. Without a camera the next start
   * does it.
   * @param {WorkerStopped} error
   */
  async #restart(error) {
    this.#worker = null;
    const stream = this.#stream;
    if (!stream) return;
    if (!this.#answered)
      return this.#fail(`The live view stopped: ${error.message}. Close other tabs, then start the camera again.`);
    this.#answered = false;
    this.#busy = true; // until there is a worker again
    this.#say(`The network stopped (${error.message}) and is started again …`);
    try {
      await this.#startWorker();
      if (this.#stream !== stream) return; // stopped meanwhile
      this.#busy = false;
      this.#say("");
    } catch (failure) {
      this.#fail(`The live view stopped: ${messageOf(failure)}.`);
    }
  }

  /**
   * @param {Answer} answer
   * @param {RuntimeWorker} worker
   */
  #receive(answer, worker) {
    if (answer.type === "error") {
      worker.stop(answer.message);
    } else if (answer.type === "result" && this.#stream) {
      this.#busy = false;
      this.#answered = true;
      if (!this.#still) this.#show(answer);
    } else if (answer.type === "still") {
      if (this.#stream) this.#freeze(answer);
      else answer.picture.close();
    }
  }

  /** Hands the newest frame to the worker as soon as it is free. */
  #nextFrame = async () => {
    const { video } = this.#elements;
    const stream = this.#stream;
    if (!stream) return;
    video.requestVideoFrameCallback(this.#nextFrame);
    if (this.#busy || this.#still || !this.#worker || !video.videoWidth) return;
    this.#busy = true;
    const time = performance.now();
    let frame;
    try {
      frame = await createImageBitmap(video);
    } catch {
      if (this.#stream !== stream) return;
      this.#busy = false; // the next picture may be better
      if (++this.#lost >= MAX_LOST)
        this.#fail("The camera's pictures cannot be read. Start the camera again or use another browser.");
      return;
    }
    if (this.#stream !== stream || !this.#worker) return frame.close();
    this.#lost = 0;
    this.#clip.take(frame);
    this.#worker.post({ type: "frame", frame, time, early: true }, [frame]);
  };

  #drawing() {
    const mirrored = this.#elements.video.classList.contains("mirrored");
    return { mirrored, layers: { ...this.#options.layers, facePoints: false } };
  }

  /** @param {{result: Result, time: number}} answer */
  #show({ result, time }) {
    const { canvas, stage, fps, latency, root } = this.#elements;
    stage.style.setProperty("--ratio", String(result.width / result.height));
    const shown = this.#confident(result);
    this.#paint(canvas, shown);
    this.#clip.add(shown, time, this.#drawing());
    const now = performance.now();
    // Two seconds, or the last few results where those took longer.
    this.#finished = [
      ...this.#finished.filter((past, index, all) => past > now - 2000 || index >= all.length - 3),
      now,
    ];
    this.#latencies = [...this.#latencies.slice(-29), now - time];
    const span = (now - this.#finished[0]) / 1000;
    const rate = span > 0.5 ? (this.#finished.length - 1) / span : 0;
    const middle = [...this.#latencies].sort((a, b) => a - b)[this.#latencies.length >> 1];
    fps.textContent = rate ? rate.toFixed(rate < 10 ? 1 : 0) : "–";
    latency.textContent = middle.toFixed(0);
    // For tests and for the curious: the newest figures, readable from outside.
    Object.assign(root.dataset, {
      fps: rate.toFixed(1),
      latency: middle.toFixed(1),
      hands: String(result.hands.length),
      faces: String(result.faces.length),
    });
  }

  /**
   * What reaches the minimum confidence.
   * @param {Result} result
   * @returns {Result}
   */
  #confident(result) {
    const least = this.#options.min_confidence;
    const enough = (/** @type {{score: number}} */ { score }) => score >= least;
    return { ...result, hands: result.hands.filter(enough), faces: result.faces.filter(enough) };
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Result} result
   */
  #paint(canvas, result) {
    const density = Math.min(devicePixelRatio || 1, 2);
    const [width, height] = [Math.round(canvas.clientWidth * density), Math.round(canvas.clientHeight * density)];
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const context = contextOf(canvas);
    context.clearRect(0, 0, width, height);
    draw(context, result, this.#drawing());
  }

  /** @param {{picture: ImageBitmap, result: Result}} still */
  #freeze({ picture, result }) {
    const { video, still, png, json } = this.#elements;
    this.#thaw();
    this.#still = { picture, result };
    this.#paintStill();
    video.pause();
    this.#recorder.allow(false); // a still picture is no clip
    still.textContent = "Resume";
    png.hidden = json.hidden = false;
  }

  #paintStill() {
    if (!this.#still) return;
    const { canvas } = this.#elements;
    const { picture, result } = this.#still;
    this.#paint(canvas, this.#confident(result));
    const context = contextOf(canvas);
    context.globalCompositeOperation = "destination-over"; // the frozen picture goes under the points
    if (this.#drawing().mirrored) context.setTransform(-1, 0, 0, 1, canvas.width, 0);
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    context.resetTransform();
    context.globalCompositeOperation = "source-over";
  }

  #thaw() {
    this.#still?.picture.close();
    this.#still = null;
  }

  #resume() {
    const { video, still, png, json } = this.#elements;
    this.#thaw();
    this.#busy = false;
    video.play();
    this.#recorder.allow(true);
    still.textContent = "Freeze";
    png.hidden = json.hidden = true;
  }

  async #savePng() {
    if (!this.#still) return;
    try {
      await savePng(this.#still.picture, this.#confident(this.#still.result), this.#drawing());
    } catch (error) {
      this.#say(`The picture could not be saved: ${messageOf(error)}`);
    }
  }

  /** @param {MediaStream} stream */
  async #offerCameras(stream) {
    const { cameras } = this.#elements;
    const found = await listCameras();
    const current = stream.getVideoTracks()[0].getSettings().deviceId;
    cameras.replaceChildren(
      ...found.map(({ deviceId, label }) => new Option(label, deviceId, false, deviceId === current)),
    );
    cameras.hidden = found.length < 2;
  }
}

/** @param {HTMLCanvasElement} canvas */
function contextOf(canvas) {
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
}
