// Photos and videos analysed in the visitor's own browser, as a Streamlit component (v2): no picture is sent.
//
// Of a photo only its file (a reference to the disk), its result and a small JPEG stay; its pixels, four bytes each, are
// decoded one photo at a time and freed at once.

/** @import { Result } from "../../runtime/types.js" */
/** @import { Clip } from "../videos/clip.js" */
/** @import { Choice } from "./photo_controls.js" */
/** @import { Component } from "../types.js" */

import { messageOf } from "../../runtime/errors.js";
import { missingFeatures, WorkerStopped } from "../../runtime/worker_client.js";
import { button } from "../elements.js";
import { stemOf } from "../files/file_names.js";
import { offer, savePng, toBlob } from "../files/save.js";
import { PictureView } from "../picture/picture_view.js";
import { Analyser } from "./analyser.js";
import { isVideo } from "./archive.js";
import { droppedFiles, mediaOf, unpacked } from "./chosen_files.js";
import { buildControls, filtered } from "./photo_controls.js";
import { openPhoto, preview } from "./photo_file.js";
import { allFiles, FILES } from "./photo_files.js";
import { counted, findings } from "./photo_findings.js";
import { buildPhotos } from "./photos_elements.js";

const MOST_UNCERTAIN = 20; // rejected detections kept of a photo
const ATTEMPTS = 2; // per photo: the worker may have died of something else

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
 * @property {HTMLElement} [place]  of the findings
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
  #most;
  #page;
  #analyser;
  /** @type {Set<Photo>} */
  #photos = new Set();
  #clips = Promise.resolve(); // videos are followed one after the other; a photo that comes later need not wait for the end of one
  #left = new AbortController(); // aborted when the visitor leaves
  /** @type {Set<string>} addresses of the photos that were handed over */
  #handed = new Set();
  /** @type {Choice | null} */
  #choice = null;

  /**
   * @param {HTMLElement | ShadowRoot} parent
   * @param {Options} options
   */
  constructor(parent, { runtime, most }) {
    this.#most = most;
    this.#analyser = new Analyser(runtime);
    this.#page = buildPhotos(parent);
    const { choices, drop, folder, input, ofFolder, removeAll, saveAll } = this.#page;
    buildControls(choices, (choice) => {
      this.#choice = choice;
      for (const photo of this.#photos) this.#show(photo);
    });
    removeAll.onclick = () => this.#remove(...this.#photos);
    saveAll.onclick = () => this.#saveFile(allFiles(this.#named(...this.#photos)), "pointillist.zip");
    folder.onclick = () => ofFolder.click();
    ofFolder.onchange = () => {
      this.#take(mediaOf(ofFolder.files ?? []));
      ofFolder.value = "";
    };
    input.onchange = () => {
      this.#take([...(input.files ?? [])]);
      input.value = ""; // so that a photo that was removed can be chosen again
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
    else this.#analyser.load(); // while a photo is chosen
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

  close() {
    this.#left.abort();
    for (const photo of this.#photos) this.#free(photo);
    this.#analyser.close();
  }

  get #full() {
    return this.#photos.size >= this.#most;
  }

  get #limit() {
    return `Not all photos were taken in: the limit is ${this.#most} photos. Remove some and add the rest.`;
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
        if (this.#full) {
          complaints.push(this.#limit);
          break;
        }
        this.#add(new File([content], name));
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
      if (this.#full) {
        complaints.push(this.#limit);
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
    this.#page.list.prepend(article);
    this.#photos.add(photo);
    if (isVideo(file)) this.#clips = this.#clips.then(() => this.#process(photo, () => this.#follow(photo)));
    else this.#analyser.inTurn(() => this.#process(photo, () => this.#analyse(photo)));
    this.#offerAll();
  }

  /** What is offered for all photos, as long as there are some. */
  #offerAll() {
    const { choices, removeAll, saveAll } = this.#page;
    removeAll.hidden = choices.hidden = !this.#photos.size;
    saveAll.hidden = ![...this.#photos].some(({ result }) => result);
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
    this.#page.input.focus(); // the button that had the focus is gone
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
    const { note } = this.#page;
    note.textContent = sentence;
    note.hidden = !sentence;
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
      this.#analyser.inTurn(() => this.#analyser.ask({ type: "frame", frame, time }, first)),
    );
    await this.#analyser.forget();
    if (found) title.textContent = `${file.name}: ${found}`;
  }

  /** @param {Photo} photo */
  async #analyse(photo) {
    const picture = await openPhoto(photo.file);
    try {
      const canvas = preview(picture);
      photo.result = await this.#analyser.ask({ type: "photo", frame: picture, uncertain: MOST_UNCERTAIN });
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
    const picture = document.createElement("div");
    photo.place = document.createElement("div");
    const body = document.createElement("div");
    body.className = "body";
    body.append(picture, photo.place);
    title.after(body);
    photo.view = new PictureView(picture);
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
    const { file, article, title, address, view, place, clip } = photo;
    clip?.show(this.#choice?.layers ?? {});
    if (!view || !place || !this.#choice) return;
    const result = this.#shown(photo);
    const found = counted(result);
    title.textContent = `${file.name}: ${found}`;
    const { layers, uncertain } = this.#choice;
    const drawn = { ...result, uncertain: uncertain ? result.uncertain : [] };
    view.show({ address, alt: `The photo with its landmarks: ${found}.`, result: drawn, layers });
    place.replaceChildren(...findings(result, uncertain));
    Object.assign(article.dataset, { hands: String(result.hands.length), faces: String(result.faces.length) });
  }

  /**
   * The photo is decoded once more: its pixels were not kept.
   * @param {Photo} photo
   */
  async #save(photo) {
    const { file } = photo;
    try {
      const picture = await openPhoto(file);
      const result = this.#shown(photo);
      const drawn = { ...result, uncertain: this.#choice?.uncertain ? result.uncertain : [] };
      await savePng(picture, drawn, { layers: this.#choice?.layers }, stemOf(file.name)).finally(() => picture.close());
    } catch (error) {
      this.#say(`${file.name}: ${messageOf(error)}`);
    }
  }
}
