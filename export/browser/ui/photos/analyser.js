// The network of a page, in its worker: asked for one picture at a time, started again when it has died.

/** @import { Request, Result } from "../../runtime/types.js" */
/** @import { RuntimeWorker } from "../../runtime/worker_client.js" */

import { startWorker } from "../../runtime/worker_client.js";

export class Analyser {
  #runtime;
  #queue = Promise.resolve(); // photos, and frames of videos, are analysed one after the other
  /** @type {Promise<RuntimeWorker> | null} */
  #starting = null;
  /** @type {(error: Error) => void} ends the wait for the worker's answer */
  #interrupt = () => {};

  /** @param {string} runtime  address of the runtime's folder */
  constructor(runtime) {
    this.#runtime = runtime;
  }

  /** Loads the network, unless it is there or being loaded. */
  load() {
    if (this.#starting) return this.#starting;
    const forget = () => (this.#starting = null); // the next picture tries again
    const starting = startWorker(this.#runtime);
    starting.then(
      ({ stopped }) =>
        stopped.then((error) => {
          forget();
          this.#interrupt(error);
        }),
      forget,
    );
    return (this.#starting = starting);
  }

  /**
   * Runs it when what came before is done.
   * @template Value
   * @param {() => Promise<Value>} work
   */
  inTurn(work) {
    const done = this.#queue.then(work);
    this.#queue = done.then(
      () => {},
      () => {},
    );
    return done;
  }

  /**
   * The hands and faces of the picture, which goes to the worker. WorkerStopped when the worker has died.
   * @param {Extract<Request, {type: "photo" | "frame"}>} request
   * @param {boolean} fresh  whether a video begins
   * @returns {Promise<Result>}
   */
  async ask(request, fresh = false) {
    const worker = await this.load();
    return new Promise((resolve, reject) => {
      this.#interrupt = reject;
      worker.listen((answer) => {
        if (answer.type === "photo" || answer.type === "result") resolve(answer.result);
        else if (answer.type === "error") worker.stop(answer.message);
      });
      if (fresh) worker.post({ type: "forget" });
      worker.post(request, [request.frame]);
    });
  }

  /** The next frame is the first of another video. */
  async forget() {
    (await this.load()).post({ type: "forget" });
  }

  /** Ends the worker; what it is asked is not answered. */
  close() {
    this.#starting?.then(
      ({ close }) => close(),
      () => {},
    );
  }
}
