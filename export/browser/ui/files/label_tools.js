// Results as files for tools that label photos and train from labels, YOLO-pose and Label Studio: model/output/label_tools.py
// for the browser. Both count in shares of the picture, from its edge: an integer pixel's centre x is at (x + 0.5) / width.

/** @import { Box, Instance, Kind, Point, Result } from "../../runtime/types.js" */

import constants from "../../runtime/constants.js";
import { distinct, stemOf } from "./file_names.js";
import { capitalized, POINT_NAMES } from "../words.js";

/** @typedef {import("./save.js").Named} Named */

/** @type {[Kind, string][]} a YOLO-pose set has one number of keypoints, so each kind is a set of its own */
const YOLO_FOLDERS = [
  ["hand", "hands"],
  ["face", "faces"],
];
const LOCAL_FILES = "/data/local-files/?d="; // where Label Studio serves the files of a folder that it was given
const RECTANGLES = ["left hand", "right hand", "face"];
const MOST_STEM = 200; // bytes; file systems take 255 with folder and ending
const KEYPOINT_WIDTH = 0.5; // of a keypoint's mark, percent of the picture's width
const IBUG_NAMES = constants.ibug68.groups.flatMap(({ name, points }) => points.map((_, place) => `${name}_${place}`));

/**
 * The stem of each photo's label file: what would leave the folder on any system, cannot be printed or is too long is replaced or cut.
 * @param {string[]} names
 */
export function yoloNames(names) {
  return distinct(names.map((name) => `${plain(stemOf(name.slice(name.lastIndexOf("/") + 1)))}.txt`)).map(stemOf);
}

/** @param {string} stem */
function plain(stem) {
  const printable = stem.replace(/[\p{C}\p{Z}\\/:]/gu, (letter) => (letter === " " ? " " : "_"));
  const cut = new TextDecoder().decode(new TextEncoder().encode(printable).slice(0, MOST_STEM)).replace(/\ufffd+$/, "");
  return cut.replace(/^[. ]+|[. ]+$/g, "") || "photo";
}

/**
 * data.yaml of the set of one kind.
 * @param {Kind} kind
 */
function yoloData(kind) {
  const count = POINT_NAMES[kind].length;
  // Mirrored, a hand's points keep their numbers; of a face's points nobody has written down the pairs: train with fliplr=0.
  const flip = kind === "hand" ? [`flip_idx: [${POINT_NAMES.hand.map((_, index) => index).join(", ")}]`] : [];
  const lines = [
    `# ${capitalized(kind)}s found by Pointillist. Put the photos into images/, each under the name of its file in labels/.`,
    "path: .",
    "train: images",
    "val: images",
    `kpt_shape: [${count}, 3]`,
    ...flip,
    "names:",
    `  0: ${kind}`,
  ];
  return `${lines.join("\n")}\n`;
}

/**
 * A row for each hand or face: class, box, then x, y and visibility of each keypoint, all as shares of the picture.
 * @param {Kind} kind
 * @param {Result} result
 */
function yoloRows(kind, result) {
  const instances = kind === "hand" ? result.hands : result.faces;
  return instances
    .map(({ box, landmarks }) => {
      const [low, high] = cornersOf(box, result);
      const numbers = [
        ...low.map((value, axis) => (value + high[axis]) / 2),
        ...high.map((value, axis) => value - low[axis]),
      ];
      const keypoints = landmarks.map((point) => {
        const share = shareOf(point, result);
        const inside = share.every((value) => value >= 0 && value < 1);
        return inside ? `${share.map((value) => value.toFixed(6)).join(" ")} 2` : "0.000000 0.000000 0";
      });
      return `${["0", ...numbers.map((value) => value.toFixed(6)), ...keypoints].join(" ")}\n`;
    })
    .join("");
}

/**
 * The files of two YOLO-pose sets by their paths. A photo without a hand or face has an empty file: an example without objects.
 * @param {Named} results
 * @returns {Record<string, string>}
 */
export function toYolo(results) {
  const stems = yoloNames(results.map(([name]) => name));
  const labels = results.flatMap(([, result], index) =>
    YOLO_FOLDERS.map(([kind, folder]) => [`${folder}/labels/${stems[index]}.txt`, yoloRows(kind, result)]),
  );
  return Object.fromEntries([
    ...YOLO_FOLDERS.map(([kind, folder]) => [`${folder}/data.yaml`, yoloData(kind)]),
    ...labels,
  ]);
}

/**
 * One task of Label Studio: a rectangle for each hand and face and their keypoints, a hand's 21 points or a face's 68-point view.
 * @param {string} name
 * @param {Result} result
 */
function labelStudioTask(name, result) {
  const frame = {
    to_name: "image",
    original_width: result.width,
    original_height: result.height,
    image_rotation: 0,
  };
  /** @type {Instance[]} */
  const instances = [...result.hands, ...result.faces];
  const regions = instances.flatMap((instance, number) => {
    const what = instance.kind === "hand" ? `${instance.handedness} hand` : "face";
    const id = `${what.replace(" ", "_")}_${number}`;
    const [low, high] = cornersOf(instance.box, result).map((corner) => corner.map((value) => value * 100));
    const [x, y, width, height] = [...low, high[0] - low[0], high[1] - low[1]].map(rounded);
    const rectangle = {
      ...frame,
      id,
      type: "rectanglelabels",
      from_name: "box",
      score: rounded(instance.score),
      value: { x, y, width, height, rotation: 0, rectanglelabels: [what] },
    };
    const [points, names] =
      instance.kind === "hand" ? [instance.landmarks, POINT_NAMES.hand] : [instance.ibug68, IBUG_NAMES];
    const keypoints = names.flatMap((label, index) => {
      const place = shareOf(points[index], result).map((value) => value * 100);
      if (!place.every((value) => value >= 0 && value < 100)) return []; // Label Studio has no place for what lies outside
      const [x, y] = place.map(rounded);
      const value = { x, y, width: KEYPOINT_WIDTH, keypointlabels: [label] };
      return [{ ...frame, id: `${id}_${label}`, parentID: id, type: "keypointlabels", from_name: "keypoint", value }];
    });
    return [rectangle, ...keypoints];
  });
  const scores = instances.map(({ score }) => score);
  const prediction = {
    model_version: "pointillist",
    score: scores.length ? rounded(Math.min(...scores)) : 0,
    result: regions,
  };
  return { data: { image: LOCAL_FILES + quoted(name) }, predictions: [prediction] };
}

/** The labelling interface that the tasks need. */
function labelStudioConfig() {
  const labels = (/** @type {string[]} */ names) => names.map((name) => `    <Label value="${name}"/>\n`).join("");
  return (
    `<View>\n  <Image name="image" value="$image" zoom="true"/>\n` +
    `  <RectangleLabels name="box" toName="image">\n${labels(RECTANGLES)}  </RectangleLabels>\n` +
    `  <KeyPointLabels name="keypoint" toName="image">\n${labels([...POINT_NAMES.hand, ...IBUG_NAMES])}  </KeyPointLabels>\n</View>\n`
  );
}

/**
 * The tasks of all photos, and the interface they need, by their paths.
 * @param {Named} results
 * @returns {Record<string, string>}
 */
export function toLabelStudio(results) {
  const names = distinct(results.map(([name]) => name));
  const tasks = results.map(([, result], index) => labelStudioTask(names[index], result));
  return { "tasks.json": JSON.stringify(tasks), "interface.xml": labelStudioConfig() };
}

/**
 * The corners of a box in shares of the picture, within it.
 * @param {Box} box
 * @param {Result} result
 */
function cornersOf([x, y, w, h], result) {
  const corners = [shareOf([x, y], result), shareOf([x + w, y + h], result)];
  return corners.map((corner) => corner.map((value) => Math.min(Math.max(value, 0), 1)));
}

/**
 * @param {Point} point
 * @param {Result} result
 */
function shareOf([x, y], { width, height }) {
  return [(x + 0.5) / width, (y + 0.5) / height];
}

/** @param {number} value */
function rounded(value) {
  return Number(value.toFixed(4));
}

/**
 * As in an address; folders stay, halves of characters become question marks.
 * @param {string} name
 */
function quoted(name) {
  const whole = name.replace(/[\ud800-\udfff]/gu, "?");
  const code = (/** @type {string} */ letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(whole)
    .replace(/[!'()*]/g, code)
    .replaceAll("%2F", "/");
}
