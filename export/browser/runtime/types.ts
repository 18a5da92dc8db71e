// The data and the messages of the browser code: for TypeScript's checks and for readers. No code is in here.
//
// Frames: photo and crop pixels, x right, y down, an integer is a pixel's centre.

export type Kind = "hand" | "face";

/** [x, y] or [x, y, z]. */
export type Point = number[];

/** [left, top, width, height]. */
export type Box = [number, number, number, number];

/** [left, top, right, bottom]. */
export type Corners = [number, number, number, number];

/** The upper two rows of a 3 x 3 matrix, [a, b, c, d, e, f]: x' = a x + b y + c, y' = d x + e y + f. */
export type Transform = [number, number, number, number, number, number];

/** RGBA bytes, row by row; an ImageData is one. */
export interface Picture {
  width: number;
  height: number;
  data: Uint8Array | Uint8ClampedArray;
}

/** A picture, or a window of a larger one: its first pixel there, and how many pixels a row of that has. */
export interface Window extends Picture {
  left?: number;
  top?: number;
  stride?: number;
}

/** A square region of interest: centre and side in photo pixels, angle in radians, clockwise from the picture's up. */
export interface Roi {
  cx: number;
  cy: number;
  side: number;
  angle: number;
  /** Whether the crop shows the photo's left on its right. */
  mirrored?: boolean;
}

/** What a landmark network is asked for: the object of this kind in this region. */
export interface RoiRequest {
  kind: Kind;
  roi: Roi;
  /** With less presence there is no answer. */
  leastPresence?: number;
}

/** An object that the detector reports; `up` is a unit vector, all in photo pixels. */
export interface Detection {
  kind: Kind;
  score: number;
  box: Box;
  up: [number, number];
}

/** One cell's answer before suppression, in photo pixels. */
export interface Proposal {
  kind: Kind;
  score: number;
  box: Corners;
  up: [number, number];
  /** Pyramid level of the detector input that it comes from. */
  level: number;
  /** Its larger side in pixels of that input. */
  size: number;
}

/** What decoding needs to know of a detector input: the whole photo (pyramid level 0), or a tile of an enlarged one. */
export interface InputFrame {
  /** Pixel of the input -> photo pixel. */
  toPhoto: Transform;
  level: number;
  /** Whether the photo goes on beyond the input's left, top, right, bottom edge. */
  inner: boolean[];
}

/** A picture for the detector; sides in pixels, multiples of 32, at most 256. */
export interface DetectorInput extends InputFrame {
  width: number;
  height: number;
  /** Writes width * height RGB bytes. */
  fill(out: Uint8Array, offset: number): void;
}

/** Runs the detector network on `count` RGB pictures; gives `detections`, count x 2 x cells x 7. */
export type RunDetector = (bytes: Uint8Array, count: number, height: number, width: number) => Promise<Float32Array>;

interface Common {
  /** [[x, y, z], ...] in photo pixels. */
  landmarks: Point[];
  /** Confidence 0..1; the network's presence until the pipeline has combined it with the detector's score. */
  score: number;
  box: Box;
  /** Expected error per point, photo pixels. */
  sigma: number[];
  roi: Roi;
  /** Number of its track in a live picture. */
  track?: number;
}

/** The person's real hand in an unmirrored picture. */
export interface Handedness {
  handedness: "left" | "right";
  handedness_score: number;
}

export interface Hand extends Common, Handedness {
  kind: "hand";
}

export interface Face extends Common {
  kind: "face";
  /** [[x, y], ...] x 68. */
  ibug68: Point[];
}

export type Instance = Hand | Face;

/** All hands and faces of a picture, in its pixels. */
export interface Result {
  width: number;
  height: number;
  hands: Hand[];
  faces: Face[];
  /** What the minimum confidence rejected, if it was asked for. */
  uncertain?: Instance[];
}

export type Provider = "wasm" | "webgpu";

export type Outputs = Record<string, Float32Array>;

export interface RunnableNetwork {
  /** false while it is still being fetched; `run` waits for it. */
  ready?: boolean;
  /** The outputs by name, for `count` pictures of height x width RGB, one after the other; sides are 256 unless given. With less presence than
   * `leastPresence` a picture's other outputs need not be computed. */
  run(
    bytes: Uint8Array,
    count: number,
    height?: number,
    width?: number,
    leastPresence?: number[],
  ): Outputs | Promise<Outputs>;
}

export interface Sessions {
  detector: RunnableNetwork;
  hand: RunnableNetwork;
  face: RunnableNetwork;
  /** What they run on, in words. */
  engine: string;
  provider: Provider;
}

export interface Parity {
  /** Largest distance in x or y of any point from the reference, crop pixels; null without a reference. */
  difference: number | null;
  ok: boolean;
  sentence: string;
}

/** What the page asks the worker; the answers are told in worker.js. */
export type Request =
  | { type: "open"; base: string; provider?: Provider }
  | { type: "configure"; smoothing: number }
  | { type: "frame"; frame: ImageBitmap; time: number; early?: boolean }
  | { type: "still" }
  | { type: "photo"; frame: ImageBitmap; uncertain: number }
  | { type: "forget" };

export type Answer =
  | { type: "alive"; lock: string }
  | { type: "ready"; engine: string; provider: Provider }
  | { type: "parity"; parity: Parity }
  | { type: "failed"; message: string }
  | { type: "result"; result: Result; time: number }
  | { type: "still"; picture: ImageBitmap; result: Result }
  | { type: "photo"; result: Result }
  | { type: "error"; message: string };

// Of the engine for processors: what a plan says (export/graph/browser_plan.py), and what becomes of it in memory. Addresses count bytes.

/** A map of uint8, see _Map in browser_plan.py. */
export interface PlannedMap {
  shrink: number;
  used: number;
  channels: number;
  scale: number;
  zero: number;
  border: number;
}

/** A convolution from one map to another, by their numbers, and the sum with a third one, which may have half the sides. */
export interface PlannedLayer {
  source: number;
  target: number;
  rows: number;
  columns: number;
  stride: number;
  padding: number;
  zero: number;
  /** What the names of its arrays begin with. */
  arrays: string;
  sum?: { other: number; halved: boolean; otherScale: number; ownScale: number; shift: number };
}

export interface PlannedArray {
  type: "int8" | "int32" | "float16" | "float32";
  shape: number[];
  /** Bytes behind the header. */
  offset: number;
}

export interface Plan {
  maps: PlannedMap[];
  layers: PlannedLayer[];
  /** What a head reads -> number of the map. */
  ends: Record<string, number>;
  arrays: Record<string, PlannedArray>;
}

export interface PlacedArray {
  address: number;
  shape: number[];
  size: number;
}

export interface PlacedMap extends PlannedMap {
  rows: number;
  columns: number;
  /** Bytes from a row to the next one. */
  line: number;
  /** Of the first pixel, inside the frame. */
  address: number;
  /** Of the frame's first byte, and of the first one behind all. */
  start: number;
  end: number;
}

/** What comes behind the convolutions. */
export interface Head {
  /** The only output that needs no more than the encoder. */
  presence?(): Outputs;
  /** The others. */
  outputs(): Outputs;
}

/** What a head works with. */
export interface Workspace {
  arena: import("./engine/arena.js").Arena;
  kernels: Kernels;
  flip: number;
  arrays: Record<string, PlacedArray>;
  map(name: string): PlacedMap;
}

/** What kernels.ts exports. */
export interface Kernels {
  flipped(): number;
  arrange(weights: number, bytes: number): void;
  place(source: number, target: number, line: number, rows: number, bytes: number): void;
  convolve(layer: number): void;
  dequantise(
    source: number,
    sourceStep: number,
    runs: number,
    fours: number,
    scale: number,
    zero: number,
    target: number,
    targetStep: number,
  ): void;
  expect(
    maps: number,
    channels: number,
    cells: number,
    features: number,
    length: number,
    table: number,
    highest: number,
    sums: number,
  ): void;
  connect(weights: number, bias: number, inputs: number, length: number, outputs: number, target: number): void;
}
