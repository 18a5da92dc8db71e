// The frames of a video file, decoded on this device: each once, in order, with the time that the file states.
//
// A <video> element has neither: seeking needs the frames' times, which it does not give, and while it plays it leaves frames out. WebCodecs decodes
// every frame but reads no files; Mediabunny reads MP4, MOV, WebM and Matroska piece by piece and hands the pieces to it.

/** @import { InputVideoTrack, VideoSample } from "mediabunny" */

import { BlobSource, Input, MATROSKA, MP4, QTFF, VideoSampleSink, WEBM } from "mediabunny";
import constants from "../../runtime/constants.js";
import { lasting } from "../words.js";

const LIMIT = constants.video;
const LEAST_STEP = 0.001; // seconds between two frames with time stamps that do not grow

/** @typedef {{number: number, seconds: number, stamp: number}} FrameTime  from 0; since the first frame; as the file counts */

/** A video file that this browser can decode. `width`, `height`: of the upright frames; `seconds`: as the file states its length. */
export class ClipReader {
  #input;
  #sink;

  /**
   * Throws what is wrong with the file, as the end of a sentence "NAME: ...".
   * @param {File} file
   */
  static async open(file) {
    if (!("VideoDecoder" in self))
      throw new Error("this browser decodes no videos for pages (WebCodecs, which needs HTTPS); the server may.");
    if (file.size > LIMIT.most_bytes)
      throw new Error(`larger than ${LIMIT.most_bytes / 1e6} MB; make it shorter or smaller.`);
    const input = new Input({ formats: [MP4, QTFF, WEBM, MATROSKA], source: new BlobSource(file) });
    try {
      return await ClipReader.#checked(input);
    } catch (error) {
      input.dispose();
      throw error;
    }
  }

  /** @param {Input} input */
  static async #checked(input) {
    const track = await videoTrack(input);
    const codec = await track.getCodec();
    if (!(await track.canDecode().catch(() => false)))
      throw new Error(`this browser cannot decode its pictures (${codec ?? "unknown codec"}); the server may.`);
    const [width, height] = [await track.getDisplayWidth(), await track.getDisplayHeight()];
    if (width * height > LIMIT.most_pixels || Math.max(width, height) > LIMIT.most_side)
      throw new Error(
        `its frames are too large (${width} × ${height} pixels); the limit is ${LIMIT.most_pixels / 1e6} megapixels (4K).`,
      );
    const seconds = (await track.computeDuration()) - Math.max(await track.getFirstTimestamp(), 0);
    if (seconds > LIMIT.page_seconds + 1)
      throw new Error(`too long: ${lasting(seconds)}, the limit is ${lasting(LIMIT.page_seconds)}.`);
    return new ClipReader(input, track, width, height, seconds);
  }

  /**
   * @param {Input} input
   * @param {InputVideoTrack} track
   * @param {number} width
   * @param {number} height
   * @param {number} seconds
   */
  constructor(input, track, width, height, seconds) {
    this.#input = input;
    this.#sink = new VideoSampleSink(track);
    this.width = width;
    this.height = height;
    this.seconds = seconds;
  }

  /**
   * All frames, or those from the time stamp `from` on. Each is closed when the next one is asked for.
   * @returns {AsyncGenerator<FrameTime & {sample: VideoSample}>}
   */
  async *frames(from = 0) {
    let [begin, last, number] = [NaN, -Infinity, 0];
    for await (const sample of this.#sink.samples(from)) {
      try {
        const stamp = sample.timestamp;
        if (number === 0) begin = stamp;
        const seconds = Math.max(stamp - begin, last + LEAST_STEP);
        yield { number, seconds, stamp, sample };
        [number, last] = [number + 1, seconds];
      } finally {
        sample.close();
      }
    }
  }

  /**
   * Draws the frame of this time stamp over the whole canvas.
   * @param {CanvasRenderingContext2D} context
   * @param {number} stamp
   */
  async drawAt(context, stamp) {
    const sample = await this.#sink.getSample(stamp + LEAST_STEP / 2); // in the file's own, coarser, counting it may be a little later
    if (!sample) return;
    paint(context, sample);
    sample.close();
  }

  close() {
    this.#input.dispose();
  }
}

/** @param {Input} input */
async function videoTrack(input) {
  const track = await input.getPrimaryVideoTrack().catch(() => {
    throw new Error("this browser cannot open it as a video (MP4, MOV, WebM and MKV it can); the server may.");
  });
  if (!track) throw new Error("this file holds no video.");
  return track;
}

/**
 * The upright frame over the whole canvas, what is transparent on white.
 * @param {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} context
 * @param {VideoSample} sample
 */
export function paint(context, sample) {
  const { width, height } = context.canvas;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  sample.draw(context, 0, 0, width, height);
}
