// Records a short clip of a live picture: the button, the elapsed time, and what came of it to save. The clip stays in the
// memory of this browser until the next one or until the visitor leaves the page.

import constants from "../../runtime/constants.js";
import { messageOf } from "../../runtime/errors.js";
import { button } from "../elements.js";
import { offer } from "../files/save.js";

/** @typedef {{label: string, name: string, make: () => Blob}} Download  a file that is made when it is wanted */
/**
 * @typedef {object} Source
 * @property {() => MediaStream} open  the picture to record, from now on
 * @property {() => Download[]} close  the recording has ended; the files beside the video
 */

const MOST_SECONDS = constants.clip.most_seconds;
const BITS_PER_SECOND = 2_500_000; // at most 19 MB a clip
const SLICE = 1000; // ms after which the encoder hands over what it has
// The first one that the browser can write. MP4 with H.264 plays everywhere, but not every browser writes it.
const TYPES = [
  "video/mp4;codecs=avc1.42E01F",
  "video/webm;codecs=vp9",
  "video/webm;codecs=vp8",
  "video/webm",
  "video/mp4",
];

export class ClipRecorder {
  #source;
  #button = button("Record a clip", () => (this.#recorder ? this.stop() : this.#start()));
  #result = Object.assign(document.createElement("div"), { className: "clip", hidden: true });
  /** @type {MediaRecorder | null} while it runs */
  #recorder = null;

  /**
   * @param {Source} source
   */
  constructor(source) {
    this.#source = source;
    this.#button.className = "record";
    this.#button.hidden = true;
    this.#result.setAttribute("role", "status");
  }

  /** The button, hidden until `allow` is called, and the place for what came of the recording. */
  get elements() {
    return { button: this.#button, result: this.#result };
  }

  get running() {
    return this.#recorder !== null;
  }

  /**
   * Whether there is a picture that can be recorded; a recording that runs ends with it.
   * @param {boolean} possible
   */
  allow(possible) {
    this.#button.hidden = !possible || typeof MediaRecorder !== "function";
    if (!possible) this.stop();
  }

  stop() {
    if (this.#recorder?.state === "recording") this.#recorder.stop();
  }

  #start() {
    /** @type {Blob[]} */
    const pieces = [];
    try {
      const stream = this.#source.open();
      const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
      const recorder = new MediaRecorder(stream, { mimeType, videoBitsPerSecond: BITS_PER_SECOND });
      const began = performance.now();
      const elapsed = () => Math.min((performance.now() - began) / 1000, MOST_SECONDS);
      const tick = () => {
        this.#button.textContent = `End clip ${clock(elapsed())}`;
        if (elapsed() >= MOST_SECONDS) this.stop();
      };
      const timer = setInterval(tick, 250);
      recorder.ondataavailable = ({ data }) => data.size && pieces.push(data);
      recorder.onstop = () => {
        clearInterval(timer);
        this.#recorder = null;
        this.#button.textContent = "Record a clip";
        this.#offer(new Blob(pieces, { type: recorder.mimeType.split(";")[0] }), elapsed(), this.#source.close());
      };
      recorder.start(SLICE);
      this.#recorder = recorder;
      this.#result.hidden = true;
      this.#result.replaceChildren(); // the clip before is freed
      tick();
    } catch (error) {
      this.#source.close();
      this.#say(`This browser could not record: ${messageOf(error)}`);
    }
  }

  /**
   * @param {Blob} video
   * @param {number} seconds
   * @param {Download[]} others
   */
  #offer(video, seconds, others) {
    if (!video.size) return this.#say("No picture came while it was recording.");
    const ending = video.type === "video/mp4" ? "mp4" : "webm";
    const files = [{ label: "Save clip", name: `pointillist.${ending}`, make: () => video }, ...others];
    this.#say(`A clip of ${clock(seconds)}:`);
    this.#result.append(...files.map(({ label, name, make }) => button(label, () => offer(make(), name))));
  }

  /** @param {string} sentence */
  #say(sentence) {
    this.#result.replaceChildren(Object.assign(document.createElement("span"), { textContent: sentence }));
    this.#result.hidden = false;
  }
}

/**
 * "0:07"
 * @param {number} seconds
 */
function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
