// A video's files to take home, the same as the server's (model/output/serialize_video.py): JSON lines, CSV, and the video with its points.

/** @import { VideoCodec } from "mediabunny" */
/** @import { Layers } from "./draw.js" */
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
import { draw, PLAIN_GROUND } from "./draw.js";
import { cell, rounded, toDocument } from "./save.js";
import { POINT_NAMES } from "./words.js";

const COLUMNS = "video,frame,time,track,kind,score,handedness,handedness_score,point,name,x,y,z,sigma";
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
  return inPortions(
    record,
    "application/jsonl",
    (frame) => `${JSON.stringify(toFrameDocument(record, video, frame))}\n`,
  );
}

/**
 * @param {ClipRecord} record
 * @param {string} video
 * @param {number} frame
 */
function toFrameDocument(record, video, frame) {
  const { seconds, packed } = record.frames[frame];
  const result = record.result(frame);
  const { photo, hands, faces, ...rest } = toDocument(result, video);
  const speedOf = (/** @type {number | undefined} */ track) =>
    packed.find((each) => each.rest.track === track)?.speed ?? NaN;
  return {
    video: photo,
    frame,
    time: rounded(seconds, 4),
    ...rest,
    hands: hands.map((hand, index) => {
      const { track } = result.hands[index];
      const speed = speedOf(track);
      return { ...hand, track, fingertip_speed: Number.isNaN(speed) ? null : rounded(speed) };
    }),
    faces: faces.map((face, index) => ({ ...face, track: result.faces[index].track })),
  };
}

/**
 * One row for each point of every hand and face of every frame: to_csv_rows.
 * @param {ClipRecord} record
 * @param {string} video
 */
export function toCsvTable(record, video) {
  const name = cell(video);
  return inPortions(
    record,
    "text/csv",
    (frame) => {
      const { hands, faces } = record.result(frame);
      const time = rounded(record.frames[frame].seconds, 4);
      const rows = [...hands, ...faces].flatMap((instance) => {
        const side = instance.kind === "hand" ? [instance.handedness, rounded(instance.handedness_score, 4)] : ["", ""];
        const head = [name, frame, time, instance.track, instance.kind, rounded(instance.score, 4), ...side];
        return instance.landmarks.map((point, index) =>
          [...head, index, POINT_NAMES[instance.kind][index], ...rounded(point), rounded(instance.sigma[index])].join(
            ",",
          ),
        );
      });
      return rows.map((row) => `${row}\n`).join("");
    },
    `${COLUMNS}\n`,
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
