// A video with its points, to play, to scrub and to step through. Every picture is decoded for the frame of which the points are drawn on it.

/** @import { Layers } from "../picture/draw.js" */
/** @import { ClipReader } from "./clip_reader.js" */
/** @import { ClipRecord } from "./clip_record.js" */

import { messageOf } from "../../runtime/errors.js";
import { paint } from "./clip_reader.js";
import { titleOf } from "./clip_record.js";
import { draw, PLAIN_GROUND } from "../picture/draw.js";

const LONGEST = 1280; // pixels: the longer side of the shown picture

export const CSS = `
  .player canvas { display: block; width: 100%; max-height: 70vh; object-fit: contain; background: #16181D; border-radius: var(--st-base-radius, 0.5rem); }
  .player .transport { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem; margin-top: 0.5rem; }
  .player .transport button { margin: 0; }
  .player .transport label { flex: 1 1 12rem; display: flex; align-items: center; gap: 0.5rem; }
  .player input { flex: 1; min-width: 0; min-height: 2rem; accent-color: var(--st-primary-color, #ff4b4b); }
  .player output { font-variant-numeric: tabular-nums; }
`;

export class ClipPlayer {
  #reader;
  #record;
  #moved;
  #context;
  #slider;
  #play;
  #position;
  #frame = 0;
  #drawing = false;
  #waiting = false; // another frame was chosen while one is drawn
  #playing = 0; // grows with each start and stop: an older run ends by itself
  /** @type {Partial<Layers> & {photo?: boolean}} */
  #layers = {};

  /**
   * @param {HTMLElement} parent
   * @param {ClipReader} reader
   * @param {ClipRecord} record
   * @param {(frame: number) => void} moved  called with the frame that is shown
   */
  constructor(parent, reader, record, moved) {
    this.#reader = reader;
    this.#record = record;
    this.#moved = moved;
    const last = record.frames.length - 1;
    parent.className = "player";
    parent.innerHTML = `<canvas role="img"></canvas>
      <div class="transport actions"><button class="play">Play</button>
        <label>Frame <input type="range" min="0" max="${last}" value="0"></label><output></output>
        <button class="back">Previous</button><button class="on">Next</button></div>`;
    const scale = Math.min(1, LONGEST / Math.max(record.width, record.height));
    const canvas = /** @type {HTMLCanvasElement} */ (parent.querySelector("canvas"));
    [canvas.width, canvas.height] = [record.width, record.height].map((side) => Math.max(1, Math.round(side * scale)));
    this.#context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    this.#slider = /** @type {HTMLInputElement} */ (parent.querySelector("input"));
    this.#position = /** @type {HTMLOutputElement} */ (parent.querySelector("output"));
    this.#play = /** @type {HTMLButtonElement} */ (parent.querySelector(".play"));
    this.#slider.oninput = () => this.seek(Number(this.#slider.value));
    this.#play.onclick = () => (this.#play.textContent === "Play" ? this.#start() : this.#stop());
    const step = (/** @type {string} */ name, /** @type {number} */ by) => {
      /** @type {HTMLButtonElement} */ (parent.querySelector(name)).onclick = () =>
        this.seek(Math.min(Math.max(this.#frame + by, 0), last));
    };
    step(".back", -1);
    step(".on", 1);
  }

  /** @param {Partial<Layers> & {photo?: boolean}} layers */
  show(layers) {
    this.#layers = layers;
    if (this.#play.textContent === "Play") this.seek(this.#frame); // while it plays the next frame has them
  }

  /**
   * Shows a frame and stands still there.
   * @param {number} frame
   */
  async seek(frame) {
    this.#stop();
    this.#frame = frame;
    this.#waiting = true;
    if (this.#drawing) return;
    this.#drawing = true;
    try {
      while (this.#waiting) {
        this.#waiting = false;
        await this.#reader.drawAt(this.#context, this.#record.frames[this.#frame].stamp);
        this.#finish();
      }
    } catch (error) {
      this.#position.textContent = `This frame cannot be shown: ${messageOf(error)}`;
    } finally {
      this.#drawing = false;
    }
  }

  async #start() {
    const run = ++this.#playing;
    this.#play.textContent = "Pause";
    const { frames } = this.#record;
    const first = this.#frame === frames.length - 1 ? 0 : this.#frame;
    const began = performance.now() - 1000 * frames[first].seconds;
    try {
      let number = first;
      for await (const { sample } of this.#reader.frames(frames[first].stamp)) {
        if (number === frames.length) break;
        const early = 1000 * frames[number].seconds - (performance.now() - began);
        if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
        if (run !== this.#playing) return;
        const next = frames[number + 1]; // a slow device leaves pictures out, none of what was found
        if (!next || 1000 * next.seconds > performance.now() - began) {
          this.#frame = number;
          paint(this.#context, sample);
          this.#finish();
        }
        number++;
      }
    } catch (error) {
      this.#position.textContent = `The video cannot be played: ${messageOf(error)}`;
    }
    if (run === this.#playing) this.#stop();
  }

  #stop() {
    this.#playing++;
    this.#play.textContent = "Play";
  }

  /** The points over the picture, and what is said of the frame. */
  #finish() {
    const { frames, tracks } = this.#record;
    const canvas = this.#context.canvas;
    if (this.#layers.photo === false) {
      this.#context.fillStyle = PLAIN_GROUND;
      this.#context.fillRect(0, 0, canvas.width, canvas.height);
    }
    draw(this.#context, this.#record.result(this.#frame), { layers: this.#layers });
    const time = `${frames[this.#frame].seconds.toFixed(2)} s`;
    this.#slider.value = String(this.#frame);
    this.#slider.ariaValueText = `${this.#frame}, ${time}`;
    this.#position.textContent = `${this.#frame} of ${frames.length - 1}, ${time}`;
    const there = [...tracks.values()].filter(({ number }) =>
      frames[this.#frame].packed.some(({ rest }) => rest.track === number),
    );
    canvas.ariaLabel = `Frame ${this.#frame} with its landmarks: ${there.map(titleOf).join(", ") || "no hand, no face"}.`;
    this.#moved(this.#frame);
  }

  close() {
    this.#stop();
    this.#context.canvas.width = this.#context.canvas.height = 0;
  }
}
