// The live view as a Streamlit component (v2): camera in, points drawn over it, nothing sent to the server.

import { CameraError, closeCamera, isMirrored, listCameras, openCamera } from "./camera.js";
import { draw } from "./draw.js";
import { openEngine, whatIsLacking } from "../runtime/worker_client.js";
import { saveJson, savePng } from "./save.js";
import { buildView } from "./live_view_elements.js";

const MOST_LOST = 30; // pictures of the camera in a row that may fail: some browsers have none for the first moments

const views = new WeakMap(); // parent element -> its LiveView: Streamlit calls again whenever `data` changes

/**
 * @param component  {parentElement, data: {runtime, smoothing, mesh}}
 *   runtime: address of the runtime's folder; smoothing: strength, 1 = as in constants.json, 0 = none;
 *   mesh: draw the face's mesh too
 */
export default function ({ parentElement, data, setStateValue }) {
  const lacking = whatIsLacking();
  if (lacking) {
    setStateValue("unable", lacking); // the page offers the server instead
    return () => {};
  }
  let view = views.get(parentElement);
  if (!view) views.set(parentElement, (view = new LiveView(parentElement, data.runtime)));
  view.configure(data);
  return () => {
    view.close();
    views.delete(parentElement);
  };
}

class LiveView {
  #elements;
  #worker = null;
  #engine = null; // promise of openEngine()
  #answered = false; // the worker has given a result since it was started
  #lost = 0; // pictures of the camera in a row that could not be read
  #stream = null;
  #options = {};
  #busy = false; // a frame is with the worker; frames that come meanwhile are dropped
  #finished = []; // times of the last results, for frames per second
  #latencies = [];
  #still = null; // {picture: ImageBitmap, result} while frozen
  #closed = false;
  #runtime;

  constructor(parent, runtime) {
    this.#runtime = runtime;
    this.#elements = buildView(parent);
    const { start, still, cameras, png, json } = this.#elements;
    start.onclick = () => (this.#stream ? this.stop() : this.start());
    still.onclick = () => (this.#still ? this.#resume() : this.#worker?.postMessage({ type: "still" }));
    cameras.onchange = () => this.start({ deviceId: cameras.value });
    png.onclick = () =>
      savePng(this.#still.picture, this.#still.result, this.#drawing()).catch((error) =>
        this.#say(`The picture could not be saved: ${error.message}`),
      );
    json.onclick = () => saveJson(this.#still.result);
    // Leaving the tab for another page of the app unmounts the component; closing the tab ends here.
    addEventListener("pagehide", this.#leave);
  }

  #leave = () => this.stop();

  configure(options) {
    this.#options = options;
    this.#worker?.postMessage({ type: "configure", smoothing: options.smoothing });
  }

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
      video.classList.toggle("mirrored", isMirrored(stream));
      await video.play();
      await this.#startWorker();
      if (this.#stream !== stream) return; // stopped meanwhile
      await this.#offerCameras();
      hint.hidden = true;
      this.#elements.still.hidden = false;
      start.textContent = "Stop camera";
      this.#nextFrame();
    } catch (error) {
      this.#fail(error instanceof CameraError ? error.message : `The live view could not start: ${error.message}`);
    } finally {
      start.disabled = false;
    }
  }

  /** Releases the camera; the worker keeps the loaded network for the next start. */
  stop() {
    const { start, still, cameras, hint, video, canvas, png, json } = this.#elements;
    closeCamera(this.#stream);
    this.#stream = null;
    this.#thaw();
    this.#busy = false;
    this.#lost = 0;
    video.srcObject = null;
    canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
    for (const element of [still, cameras, png, json]) element.hidden = true;
    still.textContent = "Freeze";
    hint.hidden = false;
    hint.textContent = "The camera is off. Pictures stay on this device.";
    start.textContent = "Start camera";
    this.#worker?.postMessage({ type: "forget" });
    this.#finished = [];
    this.#latencies = [];
  }

  close() {
    this.#closed = true;
    removeEventListener("pagehide", this.#leave);
    this.stop();
    this.#engine?.then(
      ({ close }) => close(),
      () => {},
    );
  }

  #fail(sentence) {
    this.stop();
    this.#say(sentence);
  }

  #say(sentence) {
    this.#elements.message.textContent = sentence;
    this.#elements.message.hidden = !sentence;
  }

  async #startWorker() {
    this.#engine ??= openEngine(this.#runtime, {
      smoothing: this.#options.smoothing,
      onStopped: (error) => this.#restart(error),
    });
    try {
      const { worker, engine, parity, stop } = await this.#engine;
      this.#worker = worker;
      worker.onmessage = ({ data }) => this.#receive(data, stop);
      this.#elements.engine.textContent = engine;
      this.#elements.parity.textContent = parity.sentence;
      this.#elements.root.dataset.parity = parity.difference;
    } catch (error) {
      this.#engine = null;
      throw error;
    }
  }

  /** The worker has died: once more from the start, unless the last start brought nothing. Without a camera the next start does it. */
  async #restart(error) {
    this.#engine = this.#worker = null;
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
      this.#fail(`The live view stopped: ${failure.message}.`);
    }
  }

  #receive(data, stop) {
    if (data.type === "error") {
      stop(data.message);
    } else if (data.type === "result" && this.#stream) {
      this.#busy = false;
      this.#answered = true;
      if (!this.#still) this.#show(data);
    } else if (data.type === "still") {
      if (this.#stream) this.#freeze(data);
      else data.picture.close();
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
      if (++this.#lost >= MOST_LOST)
        this.#fail("The camera's pictures cannot be read. Start the camera again or use another browser.");
      return;
    }
    if (this.#stream !== stream || !this.#worker) return frame.close();
    this.#lost = 0;
    this.#worker.postMessage({ type: "frame", frame, time }, [frame]);
  };

  #drawing() {
    return { mirrored: this.#elements.video.classList.contains("mirrored"), mesh: this.#options.mesh };
  }

  #show({ result, time }) {
    const { canvas, stage, fps, latency, root } = this.#elements;
    stage.style.aspectRatio = `${result.width} / ${result.height}`;
    this.#paint(canvas, result);
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
    latency.textContent = `${middle.toFixed(0)} ms`;
    // For tests and for the curious: the newest figures, readable from outside.
    Object.assign(root.dataset, {
      fps: rate.toFixed(1),
      latency: middle.toFixed(1),
      hands: result.hands.length,
      faces: result.faces.length,
    });
  }

  #paint(canvas, result) {
    const density = Math.min(devicePixelRatio || 1, 2);
    const [width, height] = [Math.round(canvas.clientWidth * density), Math.round(canvas.clientHeight * density)];
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    draw(context, result, this.#drawing());
  }

  #freeze({ picture, result }) {
    const { canvas, video, still, png, json } = this.#elements;
    this.#thaw();
    this.#still = { picture, result };
    this.#paint(canvas, result);
    const context = canvas.getContext("2d");
    context.globalCompositeOperation = "destination-over"; // the frozen picture goes under the points
    if (this.#drawing().mirrored) context.setTransform(-1, 0, 0, 1, canvas.width, 0);
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    context.resetTransform();
    context.globalCompositeOperation = "source-over";
    video.pause();
    still.textContent = "Resume";
    png.hidden = json.hidden = false;
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
    still.textContent = "Freeze";
    png.hidden = json.hidden = true;
  }

  async #offerCameras() {
    const { cameras } = this.#elements;
    const found = await listCameras();
    const current = this.#stream.getVideoTracks()[0].getSettings().deviceId;
    cameras.replaceChildren(
      ...found.map(({ deviceId, label }) => new Option(label, deviceId, false, deviceId === current)),
    );
    cameras.hidden = found.length < 2;
  }
}
