// Photos and videos analysed in the visitor's own browser, as a Streamlit component (v2): no picture is sent.
//
// Of a photo only its file (a reference to the disk), its result and a small JPEG stay; its pixels, four bytes each, are
// decoded one photo at a time and freed at once.

/** @import { Instance, Request, Result } from "../../runtime/types.js" */
/** @import { RuntimeWorker } from "../../runtime/worker_client.js" */
/** @import { Clip } from "../videos/clip.js" */
/** @import { Choice } from "./photo_controls.js" */
/** @import { Component } from "../types.js" */

import constants from "../../runtime/constants.js";
import { messageOf } from "../../runtime/errors.js";
import { missingFeatures, startWorker, WorkerStopped } from "../../runtime/worker_client.js";
import { isVideo } from "./archive.js";
import { BUTTONS } from "../button_style.js";
import { droppedFiles, mediaOf, unpacked } from "./chosen_files.js";
import { stemOf } from "../files/file_names.js";
import { buildControls, CSS as CONTROLS, filtered } from "./photo_controls.js";
import { allFiles, FILES } from "./photo_files.js";
import { PictureView } from "../picture/picture_view.js";
import { offer, savePng, toBlob } from "../files/save.js";
import { details, named, POINT_NAMES, summary } from "../words.js";

const PREVIEW = 1280; // longer side in pixels of the picture on the page; a saved PNG has the photo's own size
const MOST_UNCERTAIN = 20; // rejected detections kept of a photo
const ATTEMPTS = 2; // per photo: the worker may have died of something else

const CSS = `
  .photos { font-family: var(--st-font, system-ui, sans-serif); color: var(--st-text-color, #222); }
  .drop { display: block; padding: 1.5rem; text-align: center; cursor: pointer;
    border: 2px dashed var(--st-border-color, #ccc); border-radius: var(--st-base-radius, 0.5rem); }
  .drop.over { border-color: var(--st-primary-color, #ff4b4b); }
  .drop:focus-within { outline: 2px solid var(--st-primary-color, #ff4b4b); outline-offset: 2px; }
  .drop input { position: absolute; opacity: 0; width: 1px; height: 1px; }
  article { margin: 1.25rem 0; }
  h3 { font-size: 1rem; margin: 0 0 0.5rem; overflow-wrap: anywhere; }
  @media (min-width: 56rem) { .body { display: grid; grid-template-columns: 3fr 2fr; gap: 2rem; } }
  article ul { margin: 0.5rem 0; padding-left: 1.25rem; }
  ${BUTTONS}
  .row, .actions { display: flex; flex-wrap: wrap; gap: 0.5rem; margin: 0.5rem 0; }
  .row:not(:has(:not([hidden]))) { display: none; }
  @media (max-width: 40rem) { .folder { display: none; } } /* phones have no folders to choose */
  .note { margin: 0.75rem 0 0; padding: 0.75rem 1rem; border-radius: var(--st-base-radius, 0.5rem);
    background: var(--st-yellow-background-color, #fff6dd); color: var(--st-yellow-text-color, #6b4e00); }
  .table { overflow-x: auto; max-height: 24rem; }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.875rem; }
  th, td { text-align: right; padding: 0.2rem 0.7rem; border-bottom: 1px solid var(--st-border-color, #ccc); }
  th:first-child, td:first-child { text-align: left; }
  [hidden] { display: none !important; }
  input { accent-color: var(--st-primary-color, #ff4b4b); }
  ${CONTROLS}
`;

/** @typedef {{name: string, address: string}} Handed  a photo that was uploaded before, or an example */
/** @typedef {{runtime: string, most: number, handed: Handed[]}} Options  address of the runtime's folder; photos at a time */
/**
 * @typedef {object} Photo
 * @property {File} file
 * @property {HTMLElement} article
 * @property {HTMLElement} title
 * @property {string} address  of the shown picture, to be revoked
 * @property {Result} [result]  with what is uncertain
 * @property {PictureView} [view]
 * @property {HTMLElement} [findings]
 * @property {Clip} [clip]  of a video
 */

/** @type {WeakMap<Node, PhotoView>} by parent element: Streamlit calls again whenever `data` changes */
const views = new WeakMap();

/**
 * Shows the drop zone and the photos.
 * @param {Component<Options>} component
 */
export default function ({ parentElement, data }) {
  let view = views.get(parentElement);
  if (!view) views.set(parentElement, (view = new PhotoView(parentElement, data)));
  view.bring(data.handed);
  return () => {
    view.close();
    views.delete(parentElement);
  };
}

class PhotoView {
  #runtime;
  #most;
  /** @type {Set<Photo>} */
  #photos = new Set();
  #queue = Promise.resolve(); // photos, and frames of videos, are analysed one after the other
  #clips = Promise.resolve(); // and so are videos: a photo that comes later need not wait for the end of one
  /** @type {Promise<RuntimeWorker> | null} */
  #starting = null;
  #left = new AbortController(); // aborted when the visitor leaves
  /** @type {(error: Error) => void} ends the wait for the worker's answer */
  #interrupt = () => {};
  /** @type {Set<string>} addresses of the photos that were handed over */
  #handed = new Set();
  #input;
  #list;
  #note;
  #removeAll;
  #saveAll;
  #choices;
  /** @type {Choice | null} */
  #choice = null;

  /**
   * @param {HTMLElement | ShadowRoot} parent
   * @param {Options} options
   */
  constructor(parent, { runtime, most }) {
    this.#runtime = runtime;
    this.#most = most;
    const root = document.createElement("div");
    root.className = "photos";
    root.innerHTML = `<style>${CSS}</style>
      <label class="drop">Drop photos, videos, a folder or a ZIP here, or press to choose. They stay on this device.
        <input class="files" type="file" accept="image/*,video/*,.mkv,.zip" multiple></label>
      <div class="row"><button class="folder">Choose a folder</button><input class="of-folder" type="file" webkitdirectory hidden></div>
      <p class="note" role="status" hidden></p>
      <div class="choices" hidden></div>
      <div class="row"><button class="save-all" hidden>Save all points (ZIP)</button>
        <button class="remove-all" hidden>Remove all photos</button></div>
      <div class="list" aria-live="polite"></div>`;
    parent.replaceChildren(root);
    const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (root.querySelector(selector));
    const drop = find(".drop");
    this.#input = /** @type {HTMLInputElement} */ (find(".files"));
    const folder = /** @type {HTMLInputElement} */ (find(".of-folder"));
    this.#list = find(".list");
    this.#note = find(".note");
    this.#removeAll = find(".remove-all");
    this.#saveAll = find(".save-all");
    this.#choices = find(".choices");
    buildControls(this.#choices, (choice) => {
      this.#choice = choice;
      for (const photo of this.#photos) this.#show(photo);
    });
    this.#removeAll.onclick = () => this.#remove(...this.#photos);
    this.#saveAll.onclick = () => this.#saveFile(allFiles(this.#named(...this.#photos)), "pointillist.zip");
    find(".folder").onclick = () => folder.click();
    folder.onchange = () => {
      this.#take(mediaOf(folder.files ?? []));
      folder.value = "";
    };
    this.#input.onchange = () => {
      this.#take([...(this.#input.files ?? [])]);
      this.#input.value = ""; // so that a photo that was removed can be chosen again
    };
    drop.ondragover = (event) => (event.preventDefault(), drop.classList.add("over"));
    drop.ondragleave = () => drop.classList.remove("over");
    drop.ondrop = (event) => {
      event.preventDefault();
      drop.classList.remove("over");
      if (event.dataTransfer) droppedFiles(event.dataTransfer).then((files) => this.#take(files));
    };
    const missing = missingFeatures();
    if (missing) drop.textContent = `${missing} With “Process on my device” off, the server analyses the photos.`;
    else this.#loadWorker(); // while a photo is chosen
  }

  /**
   * Takes in what was not handed over before.
   * @param {Handed[]} handed
   */
  bring(handed) {
    const news = handed.filter(({ address }) => !this.#handed.has(address));
    for (const { address } of news) this.#handed.add(address);
    if (!missingFeatures()) this.#fetch(news);
  }

  #loadWorker() {
    if (this.#starting) return this.#starting;
    const forget = () => (this.#starting = null); // the next photo tries again
    const starting = startWorker(this.#runtime);
    starting.then(
      ({ stopped }) =>
        stopped.then((error) => {
          forget();
          this.#interrupt(error);
        }),
      forget,
    );
    return (this.#starting = starting);
  }

  close() {
    this.#left.abort();
    for (const photo of this.#photos) this.#free(photo);
    this.#starting?.then(
      ({ close }) => close(),
      () => {},
    );
  }

  /**
   * One after the other, so that the server sends no two at once.
   * @param {Handed[]} photos
   */
  async #fetch(photos) {
    const complaints = [];
    for (const { name, address } of photos) {
      try {
        const answer = await fetch(new URL(address, document.baseURI), { signal: this.#left.signal });
        const content = await answer.blob();
        if (!answer.ok || !content.size) throw new Error("the server no longer has it");
        if (this.#photos.size < this.#most) this.#add(new File([content], name));
      } catch (error) {
        if (this.#left.signal.aborted) return;
        complaints.push(`${name} could not be brought here: ${messageOf(error)}. Drop it once more.`);
      }
    }
    if (complaints.length) this.#say(complaints.join(" "));
  }

  /**
   * Photos, and those in ZIPs.
   * @param {File[]} files
   */
  async #take(files) {
    /** @type {string[]} */
    const complaints = [];
    this.#say("");
    for await (const file of unpacked(files, (sentence) => complaints.push(sentence))) {
      if (this.#photos.size >= this.#most) {
        complaints.push(
          `Not all photos were taken in: the limit is ${this.#most} photos. Remove some and add the rest.`,
        );
        break;
      }
      this.#add(file);
    }
    this.#say(complaints.join(" "));
  }

  /** @param {File} file */
  #add(file) {
    const article = document.createElement("article");
    const title = document.createElement("h3");
    title.textContent = `${file.name}: being analysed …`;
    /** @type {Photo} */
    const photo = { file, article, title, address: "" };
    const actions = document.createElement("div");
    actions.className = "actions";
    actions.append(button("Remove", () => this.#remove(photo), `Remove ${file.name}`));
    article.append(title, actions);
    this.#list.prepend(article);
    this.#photos.add(photo);
    if (isVideo(file)) this.#clips = this.#clips.then(() => this.#process(photo, () => this.#follow(photo)));
    else this.#inTurn(() => this.#process(photo, () => this.#analyse(photo)));
    this.#offerAll();
  }

  /** What is offered for all photos, as long as there are some. */
  #offerAll() {
    this.#removeAll.hidden = this.#choices.hidden = !this.#photos.size;
    this.#saveAll.hidden = ![...this.#photos].some(({ result }) => result);
  }

  /**
   * Runs it when what came before is done.
   * @template Value
   * @param {() => Promise<Value>} work
   */
  #inTurn(work) {
    const done = this.#queue.then(work);
    this.#queue = done.then(
      () => {},
      () => {},
    );
    return done;
  }

  /**
   * They may be waiting, or with the worker: what comes of them then is dropped.
   * @param {Photo[]} photos
   */
  #remove(...photos) {
    for (const photo of photos) {
      this.#free(photo);
      photo.article.remove();
    }
    this.#offerAll();
    this.#say("");
    this.#input.focus(); // the button that had the focus is gone
  }

  /** @param {Photo} photo */
  #free(photo) {
    this.#photos.delete(photo);
    photo.view?.close();
    photo.clip?.close();
    URL.revokeObjectURL(photo.address);
  }

  /** @param {string} sentence */
  #say(sentence) {
    this.#note.textContent = sentence;
    this.#note.hidden = !sentence;
  }

  /**
   * One that fails does not stop the rest.
   * @param {Photo} photo
   * @param {() => Promise<void>} work
   */
  async #process(photo, work) {
    const { file, title } = photo;
    for (let attempt = 1; this.#photos.has(photo); attempt++) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof WorkerStopped)) return void (title.textContent = `${file.name}: ${messageOf(error)}`);
        this.#say(`The network stopped (${error.message}) and is started again.`);
        if (attempt === ATTEMPTS) {
          title.textContent = `${file.name}: the network stopped at this photo. Try a smaller copy of it, or switch “Process on my device” off.`;
          return;
        }
      }
    }
  }

  /**
   * A video: its frames, one after the other.
   * @param {Photo} photo
   */
  async #follow(photo) {
    const { file, title } = photo;
    const { Clip } = await import("../videos/clip.js"); // with Mediabunny: more than most visits need
    if (!this.#photos.has(photo)) return;
    if (!photo.clip) {
      const place = document.createElement("div");
      title.after(place);
      photo.clip = new Clip(file, place);
    }
    this.#show(photo);
    const found = await photo.clip.run((frame, time, first) =>
      this.#inTurn(() => this.#ask({ type: "frame", frame, time }, first)),
    );
    (await this.#loadWorker()).post({ type: "forget" });
    if (found) title.textContent = `${file.name}: ${found}`;
  }

  /** @param {Photo} photo */
  async #analyse(photo) {
    const picture = await open(photo.file);
    try {
      const canvas = preview(picture);
      photo.result = await this.#ask({ type: "photo", frame: picture, uncertain: MOST_UNCERTAIN });
      const content = await toBlob(canvas, "image/jpeg", 0.9);
      if (!this.#photos.has(photo)) return;
      photo.address = URL.createObjectURL(content);
      this.#present(photo);
      this.#show(photo);
    } finally {
      picture.close();
    }
  }

  /**
   * The elements of a photo that has been analysed; `#show` fills them.
   * @param {Photo} photo
   */
  #present(photo) {
    const { file, article, title } = photo;
    const place = document.createElement("div");
    photo.findings = document.createElement("div");
    const body = document.createElement("div");
    body.className = "body";
    body.append(place, photo.findings);
    title.after(body);
    photo.view = new PictureView(place);
    const files = FILES.map(({ label, ending, make }) =>
      button(`Save ${label}`, () => this.#saveFile(make(this.#named(photo)), `${stemOf(file.name)}${ending}`)),
    );
    article.querySelector(".actions")?.prepend(
      button("Save PNG", () => this.#save(photo)),
      ...files,
    );
    this.#offerAll();
  }

  /**
   * Those of the photos that have been analysed, with what the choices let through.
   * @param {Photo[]} photos
   * @returns {import("../files/save.js").Named}
   */
  #named(...photos) {
    return photos.filter(({ result }) => result).map((photo) => [photo.file.name, this.#shown(photo)]);
  }

  /**
   * @param {Blob | Promise<Blob>} content
   * @param {string} name
   */
  async #saveFile(content, name) {
    try {
      offer(await content, name);
    } catch (error) {
      this.#say(`${name} could not be saved: ${messageOf(error)}`);
    }
  }

  /**
   * What the choices let through.
   * @param {Photo} photo
   */
  #shown({ result }) {
    if (!result || !this.#choice) throw new Error("this photo has no result");
    return filtered(result, this.#choice);
  }

  /**
   * The photo as the choices want it.
   * @param {Photo} photo
   */
  #show(photo) {
    const { file, article, title, address, view, findings, clip } = photo;
    clip?.show(this.#choice?.layers ?? {});
    if (!view || !findings || !this.#choice) return;
    const result = this.#shown(photo);
    const found = `${count(result.hands, "hand")}, ${count(result.faces, "face")}`;
    title.textContent = `${file.name}: ${found}`;
    const { layers, uncertain } = this.#choice;
    const drawn = { ...result, uncertain: uncertain ? result.uncertain : [] };
    view.show({ address, alt: `The photo with its landmarks: ${found}.`, result: drawn, layers });
    findings.replaceChildren(...inWords(result, uncertain), ...named(result).map(table));
    Object.assign(article.dataset, { hands: String(result.hands.length), faces: String(result.faces.length) });
  }

  /**
   * The hands and faces of the picture, which goes to the worker.
   * @param {Extract<Request, {type: "photo" | "frame"}>} request
   * @param {boolean} fresh  whether a video begins
   * @returns {Promise<Result>}
   */
  async #ask(request, fresh = false) {
    const worker = await this.#loadWorker();
    return new Promise((resolve, reject) => {
      this.#interrupt = reject;
      worker.listen((answer) => {
        if (answer.type === "photo" || answer.type === "result") resolve(answer.result);
        else if (answer.type === "error") worker.stop(answer.message);
      });
      if (fresh) worker.post({ type: "forget" });
      worker.post(request, [request.frame]);
    });
  }

  /**
   * The photo is decoded once more: its pixels were not kept.
   * @param {Photo} photo
   */
  async #save(photo) {
    const { file } = photo;
    try {
      const picture = await open(file);
      const result = this.#shown(photo);
      const drawn = { ...result, uncertain: this.#choice?.uncertain ? result.uncertain : [] };
      await savePng(picture, drawn, { layers: this.#choice?.layers }, stemOf(file.name)).finally(() => picture.close());
    } catch (error) {
      this.#say(`${file.name}: ${messageOf(error)}`);
    }
  }
}

/**
 * What was detected, as the server's page says it.
 * @param {Result} result
 * @param {boolean} uncertain  whether the uncertain ones are shown
 */
function inWords(result, uncertain) {
  const told = Object.assign(document.createElement("p"), { textContent: summary(result) });
  const list = document.createElement("ul");
  const lines = named(result).map(({ name, instance }) => `${name}: ${details(instance)}`);
  const rejected = result.uncertain ?? [];
  if (uncertain) lines.push(...rejected.map(({ kind, score }) => `Uncertain ${kind} ${Math.round(100 * score)} %`));
  else if (rejected.length) lines.push(`${count(rejected, "uncertain detection")} hidden`);
  list.append(...lines.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  return [told, list];
}

/**
 * The landmarks of one hand or face, built when they are opened.
 * @param {{name: string, instance: Instance}} named
 */
function table({ name, instance }) {
  const box = document.createElement("details");
  box.innerHTML = `<summary></summary><div class="table" tabindex="0" role="region"></div>`;
  const [heading, place] = /** @type {HTMLCollectionOf<HTMLElement>} */ (box.children);
  heading.textContent = place.ariaLabel = `Landmark coordinates: ${name}`;
  box.ontoggle = () => {
    const rows = instance.landmarks.map((landmark, point) => {
      const numbers = [...landmark, instance.sigma[point]].map((value) => `<td>${value.toFixed(1)}</td>`).join("");
      return `<tr><td>${POINT_NAMES[instance.kind][point]}</td>${numbers}</tr>`;
    });
    const head = `<tr><th>Point</th><th>x (px)</th><th>y (px)</th><th>z (px)</th><th>± (px)</th></tr>`;
    place.innerHTML = box.open ? `<table><thead>${head}</thead><tbody>${rows.join("")}</tbody></table>` : "";
  };
  return box;
}

/**
 * The picture, turned upright as its EXIF tag says.
 * @param {File} file
 */
async function open(file) {
  const { most_bytes: bytes, most_pixels: pixels } = constants.photo;
  if (file.size > bytes) throw new Error(`larger than ${Math.round(bytes / 1e6)} MB; make it smaller.`);
  let picture;
  try {
    picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new Error("this browser cannot open it as a picture; the server may.");
  }
  if (picture.width * picture.height > pixels) {
    picture.close();
    throw new Error(`larger than ${Math.round(pixels / 1e6)} megapixels; make it smaller.`);
  }
  return picture;
}

/**
 * A canvas with the picture as the page shows it: on white, as the network gets what is transparent.
 * @param {ImageBitmap} picture
 */
function preview(picture) {
  const scale = Math.min(1, PREVIEW / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [picture.width, picture.height].map((side) => Math.max(1, Math.round(side * scale)));
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/**
 * @param {string} text
 * @param {() => void} action
 */
function button(text, action, label = text) {
  const element = document.createElement("button");
  element.textContent = text;
  element.ariaLabel = label;
  element.onclick = action;
  return element;
}

/**
 * "1 hand", "2 hands".
 * @param {unknown[]} instances
 * @param {string} name
 */
function count(instances, name) {
  return `${instances.length} ${name}${instances.length === 1 ? "" : "s"}`;
}
