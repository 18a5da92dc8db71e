// A video's files to take home, the same as the server's (model/output/serialize_video.py): JSON lines, CSV, and the video with its points.

/** @import { VideoCodec } from "mediabunny" */
/** @import { Layers } from "../picture/draw.js" */
/** @import { ClipReader } from "./clip_reader.js" */
/** @import { ClipRecord } from "./clip_record.js" */

import {
  BufferTarget,
  CanvasSource,
  getFirstEncodableVideoCodec,
  Mp4OutputFormat,
  Output,
  QUALITY_HIGH,
} from "mediabunny";
import { paint } from "./clip_reader.js";
import { draw, PLAIN_GROUND } from "../picture/draw.js";
import { toFrameCsv, toFrameDocument, VIDEO_COLUMNS } from "../files/save_frames.js";

const PORTION = 100; // frames of which the text is made at a time, and handed to the browser, which may put it on the disk
const LONGEST = 1280; // pixels: the longer side of the annotated video
/** @type {VideoCodec[]} */
const CODECS = ["avc", "vp9", "av1"];

/**
 * One line of JSON for each frame: to_frame_document.
 * @param {ClipRecord} record
 * @param {string} video  the file's name
 */
export function toJsonLines(record, video) {
  return inPortions(record, "application/jsonl", (frame) => `${JSON.stringify(documentOf(record, video, frame))}\n`);
}

/**
 * One row for each point of every hand and face of every frame: to_csv_rows.
 * @param {ClipRecord} record
 * @param {string} video
 */
export function toCsvTable(record, video) {
  return inPortions(record, "text/csv", (frame) => toFrameCsv(documentOf(record, video, frame)), `${VIDEO_COLUMNS}\n`);
}

/**
 * @param {ClipRecord} record
 * @param {string} video
 * @param {number} frame
 */
function documentOf(record, video, frame) {
  const { seconds, packed } = record.frames[frame];
  return toFrameDocument(
    video,
    frame,
    seconds,
    record.result(frame),
    (track) => packed.find((each) => each.rest.track === track)?.speed ?? NaN,
  );
}

/**
 * @param {ClipRecord} record
 * @param {string} type
 * @param {(frame: number) => string} textOf
 */
function inPortions({ frames }, type, textOf, head = "") {
  const parts = [new Blob([head])];
  for (let start = 0; start < frames.length; start += PORTION) {
    const numbers = Array.from({ length: Math.min(PORTION, frames.length - start) }, (_, index) => start + index);
    parts.push(new Blob([numbers.map(textOf).join("")]));
  }
  return new Blob(parts, { type });
}

/**
 * The video with its points as an MP4 without sound, in H.264 where this browser encodes it, else VP9 or AV1.
 * @param {ClipReader} reader
 * @param {ClipRecord} record
 * @param {Partial<Layers> & {photo?: boolean}} layers
 * @param {(share: number) => void} progress
 * @param {AbortSignal} signal  aborted: the promise is rejected
 * @returns {Promise<Blob>}
 */
export async function toDrawnVideo(reader, record, layers, progress, signal) {
  const scale = Math.min(1, LONGEST / Math.max(record.width, record.height));
  const [width, height] = [record.width, record.height].map((side) => Math.max(Math.round((side * scale) / 2) * 2, 16));
  const codec = "VideoEncoder" in self ? await getFirstEncodableVideoCodec(CODECS, { width, height }) : null;
  if (!codec) throw new Error("this browser cannot write videos; the server or a newer browser can.");
  const canvas = new OffscreenCanvas(width, height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const target = new BufferTarget();
  const output = new Output({ format: new Mp4OutputFormat(), target });
  const source = new CanvasSource(canvas, { codec, quality: QUALITY_HIGH });
  output.addVideoTrack(source);
  try {
    await output.start();
    for await (const { number, seconds, sample } of reader.frames()) {
      if (number === record.frames.length) break;
      signal.throwIfAborted();
      paint(context, sample);
      if (layers.photo === false) {
        context.fillStyle = PLAIN_GROUND;
        context.fillRect(0, 0, width, height);
      }
      draw(context, record.result(number), { layers });
      await source.add(seconds, (record.frames[number + 1]?.seconds ?? record.end) - seconds);
      progress((number + 1) / record.frames.length);
    }
    await output.finalize();
  } catch (error) {
    await output.cancel().catch(() => {});
    throw error;
  }
  return new Blob([/** @type {ArrayBuffer} */ (target.buffer)], { type: "video/mp4" });
}
