// The live view's picture for a recording: each analysed frame with the points that were found in that very frame, and these
// points as files.

/** @import { Result } from "../../runtime/types.js" */
/** @import { Download, Source } from "./clip_recorder.js" */
/** @import { Layers } from "../picture/draw.js" */

import { draw } from "../picture/draw.js";
import { toFrameCsv, toFrameDocument, VIDEO_COLUMNS } from "../files/save_frames.js";

const NAME = "pointillist";

/** @implements {Source} */
export class DrawnClip {
  #frame = document.createElement("canvas"); // the frame that is with the network
  #picture = document.createElement("canvas"); // what is recorded
  /** @type {MediaStream | null} while recording */
  #stream = null;
  /** @type {string[]} a JSON document of each frame: smaller than its objects */
  #documents = [];
  #began = 0; // time of the first frame

  open() {
    this.#documents = [];
    resized(this.#picture, { width: 0, height: 0 }); // the first frame tells its size; Firefox wants a context first
    return (this.#stream = this.#picture.captureStream());
  }

  /** @returns {Download[]} */
  close() {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
    const documents = this.#documents;
    this.#documents = [];
    if (!documents.length) return [];
    const rows = () => documents.map((document) => toFrameCsv(JSON.parse(document)));
    return [
      {
        label: "Save points (CSV)",
        name: `${NAME}.csv`,
        make: () => new Blob([`${VIDEO_COLUMNS}\n`, ...rows()], { type: "text/csv" }),
      },
      {
        label: "Save points (JSON)",
        name: `${NAME}.jsonl`,
        make: () =>
          new Blob(
            documents.map((document) => `${document}\n`),
            { type: "application/jsonl" },
          ),
      },
    ];
  }

  /**
   * A frame that goes to the network now.
   * @param {ImageBitmap} frame
   */
  take(frame) {
    if (this.#stream) resized(this.#frame, frame).drawImage(frame, 0, 0);
  }

  /**
   * What was found in the frame that was taken last.
   * @param {Result} result
   * @param {number} time  when it was taken, ms
   * @param {{mirrored: boolean, layers: Partial<Layers>}} drawing
   */
  add(result, time, drawing) {
    const { width, height } = this.#frame;
    if (!this.#stream || width !== result.width || height !== result.height) return; // a frame from before the recording
    const context = resized(this.#picture, this.#frame);
    if (drawing.mirrored) context.setTransform(-1, 0, 0, 1, width, 0);
    context.drawImage(this.#frame, 0, 0);
    context.resetTransform();
    draw(context, result, drawing);
    if (!this.#documents.length) this.#began = time;
    const document = toFrameDocument(NAME, this.#documents.length, (time - this.#began) / 1000, result);
    this.#documents.push(JSON.stringify(document));
  }
}

/**
 * The context of a canvas that has this size from now on.
 * @param {HTMLCanvasElement} canvas
 * @param {{width: number, height: number}} size
 */
function resized(canvas, { width, height }) {
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
}
