// What was found in the frames of a video as JSON documents and rows of CSV: model/output/serialize_video.py for the browser.

/** @import { Kind, Result } from "../../runtime/types.js" */

import { cell, rounded, toDocument } from "./save.js";
import { POINT_NAMES } from "../words.js";

export const VIDEO_COLUMNS = "video,frame,time,track,kind,score,handedness,handedness_score,point,name,x,y,z,sigma";

/**
 * The document of one frame: that of a photo, with the frame's number from 0, its time and the track of each hand and face.
 * @param {string} video  its name
 * @param {number} frame
 * @param {number} seconds  since the first frame
 * @param {Result} result
 * @param {(track: number | undefined) => number} [speedOf]  the fingertips' speed of a hand's track, NaN where it is not known
 */
export function toFrameDocument(video, frame, seconds, result, speedOf) {
  const { width, height, hands, faces } = toDocument(result);
  const speed = (/** @type {number | undefined} */ track) => {
    const value = speedOf?.(track) ?? NaN;
    return Number.isNaN(value) ? null : rounded(value);
  };
  return {
    video,
    frame,
    time: rounded(seconds, 4),
    width,
    height,
    hands: hands.map((hand, index) => {
      const { track } = result.hands[index];
      return { ...hand, track, ...(speedOf && { fingertip_speed: speed(track) }) };
    }),
    faces: faces.map((face, index) => ({ ...face, track: result.faces[index].track })),
  };
}

/**
 * A row for each landmark of a frame's document, without the names of the columns.
 * @param {ReturnType<typeof toFrameDocument>} document
 */
export function toFrameCsv({ video, frame, time, hands, faces }) {
  /** @type {[Kind, (typeof hands[number] | typeof faces[number])[]][]} */
  const kinds = [
    ["hand", hands],
    ["face", faces],
  ];
  const rows = kinds.flatMap(([kind, instances]) =>
    instances.flatMap((instance) => {
      const side = "handedness" in instance ? [instance.handedness, instance.handedness_score] : ["", ""];
      const head = [cell(video), frame, time, instance.track, kind, instance.score, ...side];
      return instance.landmarks.map((point, index) =>
        [...head, index, POINT_NAMES[kind][index], ...point, instance.sigma[index]].join(","),
      );
    }),
  );
  return rows.map((row) => `${row}\n`).join("");
}
