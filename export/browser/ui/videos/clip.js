// One video on the device: analysed frame by frame, then shown with what was found in it. Loaded when the first video is dropped.

/** @import { Result } from "../../runtime/types.js" */
/** @import { Layers } from "../picture/draw.js" */

import constants from "../../runtime/constants.js";
import { messageOf } from "../../runtime/errors.js";
import { Tracks } from "../../runtime/tracks.js";
import { WorkerStopped } from "../../runtime/worker_client.js";
import { CSS as CHARTS, showCharts } from "./clip_charts.js";
import { toCsvTable, toDrawnVideo, toJsonLines } from "./clip_files.js";
import { ClipPlayer, CSS as PLAYER } from "./clip_player.js";
import { ClipReader, paint } from "./clip_reader.js";
import { ClipRecord, mean, titleOf } from "./clip_record.js";
import { offer } from "../files/save.js";
import { capitalized, counted, lasting } from "../words.js";

const LIMIT = constants.video;
const COMPLETE = 0.9; // of its length: a video with frames that end before that was cut off
const UPDATE = 250; // milliseconds between two updates of the progress

const CSS = `
  .work { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 1rem; }
  .work progress { flex: 1 1 12rem; accent-color: var(--st-primary-color, #ff4b4b); }
  .caption { font-size: 0.875rem; opacity: 0.85; }
  .findings { min-width: 0; }
  ${PLAYER}
  ${CHARTS}
`;

/** @typedef {(picture: ImageBitmap, milliseconds: number, first: boolean) => Promise<Result>} Follow  the tracker's answer to the next frame */
/** @typedef {Partial<Layers> & {photo?: boolean}} Drawn */

export class Clip {
  #file;
  #place;
  #stopped = false;
  #leaving = new AbortController();
  /** @type {ClipReader | null} */
  #reader = null;
  /** @type {ClipPlayer | null} */
  #player = null;
  /** @type {Drawn} */
  #layers = {};

  /**
   * @param {File} file
   * @param {HTMLElement} place  that it may fill
   */
  constructor(file, place) {
    this.#file = file;
    this.#place = place;
    place.ariaLive = "off"; // what changes with every frame is not read out
  }

  /**
   * Analyses all frames and shows what was found; returns it in short. Throws WorkerStopped, or what is wrong with the file as the end of a
   * sentence "NAME: ...".
   * @param {Follow} follow
   */
  async run(follow) {
    this.#reader?.close();
    const reader = (this.#reader = await ClipReader.open(this.#file));
    if (this.#leaving.signal.aborted) return (reader.close(), "");
    const started = performance.now();
    const record = new ClipRecord(reader.width, reader.height);
    const note = await this.#analyse(reader, record, follow);
    if (this.#leaving.signal.aborted) return "";
    if (!record.frames.length)
      throw new Error(
        this.#stopped ? "you stopped before the first frame was analysed." : "it holds no picture that can be read.",
      );
    return this.#present(reader, record, note, (performance.now() - started) / 1000);
  }

  /**
   * Fills the record. Returns a sentence if it does not go to the video's end, else "".
   * @param {ClipReader} reader
   * @param {ClipRecord} record
   * @param {Follow} follow
   */
  async #analyse(reader, record, follow) {
    const tracks = new Tracks();
    const canvas = new OffscreenCanvas(reader.width, reader.height);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const progressed = this.#progress(reader);
    const last = () => record.frames[record.frames.length - 1]?.seconds ?? 0;
    const damaged = () =>
      `The file is damaged or incomplete: ${record.frames.length} frame${record.frames.length === 1 ? "" : "s"} of it could be read.`;
    try {
      for await (const { sample, ...time } of reader.frames()) {
        if (this.#stopped) return record.frames.length ? `You stopped after ${lasting(last())}.` : "";
        if (record.bytes > LIMIT.page_bytes)
          return `Only the first ${lasting(last())} were analysed: there are too many hands and faces to keep all.`;
        if (time.seconds > LIMIT.page_seconds + 1 || time.number >= LIMIT.most_frames)
          return `Only the first ${lasting(last())} were analysed: a video may not be longer.`;
        paint(context, sample);
        const found = await follow(canvas.transferToImageBitmap(), 1000 * time.seconds, time.number === 0);
        if (this.#leaving.signal.aborted) return "";
        record.add(time, tracks.update(found, time.seconds));
        progressed(time.number + 1, time.seconds);
      }
    } catch (error) {
      if (error instanceof WorkerStopped || !record.frames.length) throw error;
      return this.#leaving.signal.aborted ? "" : damaged();
    } finally {
      canvas.width = canvas.height = 0;
      this.#place.replaceChildren();
    }
    return record.end < COMPLETE * reader.seconds ? damaged() : "";
  }

  /**
   * A bar, the time left and a button that stops; returns what updates them.
   * @param {ClipReader} reader
   */
  #progress(reader) {
    this.#place.innerHTML = `<style>${CSS}</style><div class="work actions">
      <progress max="1" value="0" aria-label="Looking at the video"></progress><span></span><button>Stop</button></div>`;
    const bar = /** @type {HTMLProgressElement} */ (this.#place.querySelector("progress"));
    const words = /** @type {HTMLElement} */ (this.#place.querySelector("span"));
    const stop = /** @type {HTMLButtonElement} */ (this.#place.querySelector("button"));
    stop.title = "What is found so far is kept.";
    stop.onclick = () => (this.#stopped = true);
    const started = performance.now();
    let updated = 0;
    return (/** @type {number} */ frames, /** @type {number} */ seconds) => {
      const now = performance.now();
      if (now - updated < UPDATE) return;
      updated = now;
      const share = Math.min(seconds / Math.max(reader.seconds, 1e-6), 1);
      const passed = (now - started) / 1000;
      const left = share && passed > 1 ? `, about ${lasting(passed / share - passed)} left` : "";
      bar.value = share;
      words.textContent = `${frames} frames${left}`;
    };
  }

  /**
   * The video to play, what was found in it, the charts and the files.
   * @param {ClipReader} reader
   * @param {ClipRecord} record
   * @param {string} note
   * @param {number} took  seconds
   */
  #present(reader, record, note, took) {
    const tracks = [...record.tracks.values()];
    const frames = record.frames.length;
    const length = lasting(record.frames[frames - 1].seconds);
    this.#place.innerHTML = `<style>${CSS}</style><div class="body"><div></div><div class="findings">
        <p><strong>${summary(record)}</strong></p>
        <ul>${tracks.map((track) => `<li><strong>${titleOf(track)}</strong>: ${inShort(record, track)}</li>`).join("")}</ul>
        <p class="note" ${note ? "" : "hidden"}>${note}</p>
        <p class="caption">${record.width} × ${record.height} pixels, ${frames} frames, ${length}; analysed in ${lasting(took)}</p>
        <div class="actions"><button>Save video</button><button>Save CSV</button><button>Save JSON</button></div>
        <p class="caption" role="status"></p>
        <p><strong>In this frame</strong></p><ul class="now-there"></ul>
      </div></div><div></div>`;
    const [, body, charts] = /** @type {HTMLCollectionOf<HTMLElement>} */ (this.#place.children);
    const mark = tracks.length ? showCharts(charts, record) : () => {};
    const there = /** @type {HTMLElement} */ (body.querySelector(".now-there"));
    this.#player = new ClipPlayer(/** @type {HTMLElement} */ (body.firstElementChild), reader, record, (frame) => {
      mark(frame);
      there.replaceChildren(
        ...inFrame(record, frame).map((text) => Object.assign(document.createElement("li"), { textContent: text })),
      );
    });
    this.#player.show(this.#layers);
    const [video, table, json] = /** @type {NodeListOf<HTMLButtonElement>} */ (
      body.querySelectorAll(".findings .actions button")
    );
    const stem = `${this.#file.name.replace(/\.[^.]*$/, "")}_landmarks`;
    table.onclick = () => offer(toCsvTable(record, this.#file.name), `${stem}.csv`);
    json.onclick = () => offer(toJsonLines(record, this.#file.name), `${stem}.jsonl`);
    video.onclick = () =>
      this.#saveVideo(record, video, /** @type {HTMLElement} */ (body.querySelector("[role=status]")), `${stem}.mp4`);
    return summary(record);
  }

  /**
   * Decodes and encodes the whole video: with a reader of its own, so that the player goes on.
   * @param {ClipRecord} record
   * @param {HTMLButtonElement} button
   * @param {HTMLElement} status
   * @param {string} name
   */
  async #saveVideo(record, button, status, name) {
    button.disabled = true;
    status.textContent = "The video is written …";
    const reader = await ClipReader.open(this.#file);
    try {
      const progress = (/** @type {number} */ share) =>
        (button.textContent = `Save video: ${Math.round(100 * share)} %`);
      offer(await toDrawnVideo(reader, record, this.#layers, progress, this.#leaving.signal), name);
      status.textContent = "";
    } catch (error) {
      status.textContent = `The video was not saved: ${messageOf(error)}`;
    } finally {
      reader.close();
      button.textContent = "Save video";
      button.disabled = false;
    }
  }

  /**
   * What is drawn, from now on.
   * @param {Drawn} layers
   */
  show(layers) {
    this.#layers = layers;
    this.#player?.show(layers);
  }

  close() {
    this.#leaving.abort();
    this.#player?.close();
    this.#reader?.close();
  }
}

/**
 * One sentence: how many hands and faces there are over the whole video.
 * @param {ClipRecord} record
 */
function summary({ tracks }) {
  const kinds = [...tracks.values()].map(({ kind }) => kind);
  const [hands, faces] = ["hand", "face"].map((kind) => kinds.filter((each) => each === kind).length);
  if (!hands && !faces) return "No hands or faces found.";
  return capitalized(`${counted(hands, "hand")} and ${counted(faces, "face")}.`);
}

/**
 * @param {ClipRecord} record
 * @param {import("./clip_record.js").Track} track
 */
function inShort({ frames }, track) {
  const [first, last] = [track.frames[0], track.frames[track.frames.length - 1]].map((frame) =>
    frames[frame].seconds.toFixed(1),
  );
  return `${first} to ${last} s, ${track.frames.length} frames, confidence ${percent(mean(track.scores))}`;
}

/**
 * What each hand and face of a frame is, in words.
 * @param {ClipRecord} record
 * @param {number} frame
 */
function inFrame({ frames, tracks }, frame) {
  const lines = frames[frame].packed.map(({ rest, speed }) => {
    const track = tracks.get(rest.track ?? 0);
    const fingers = Number.isNaN(speed) ? "" : `, fingertips ${Math.round(speed)} px/s`;
    return `${track ? titleOf(track) : rest.kind}: confidence ${percent(rest.score)}${fingers}`;
  });
  return lines.length ? lines : ["No hand, no face."];
}

const percent = (/** @type {number} */ share) => `${Math.round(100 * share)} %`;
