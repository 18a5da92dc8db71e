// Photos analysed in the visitor's own browser, as a Streamlit component (v2): no picture is sent.

import constants from "./constants.js";
import { draw } from "./draw.js";
import { openEngine, whatIsLacking } from "./engine.js";
import { saveJson, savePng } from "./save.js";

const CSS = `
  .photos { font-family: var(--st-font, system-ui, sans-serif); color: var(--st-text-color, #222); }
  .drop { display: block; padding: 1.5rem; text-align: center; cursor: pointer;
    border: 2px dashed var(--st-border-color, #ccc); border-radius: var(--st-base-radius, 0.5rem); }
  .drop.over { border-color: var(--st-primary-color, #ff4b4b); }
  .drop:focus-within { outline: 2px solid var(--st-primary-color, #ff4b4b); outline-offset: 2px; }
  .drop input { position: absolute; opacity: 0; width: 1px; height: 1px; }
  article { margin: 1.25rem 0; }
  h3 { font-size: 1rem; margin: 0 0 0.5rem; overflow-wrap: anywhere; }
  canvas { display: block; max-width: 100%; max-height: 80vh; border-radius: var(--st-base-radius, 0.5rem); }
  button { font: inherit; margin: 0.5rem 0.5rem 0 0; padding: 0.4rem 0.9rem; min-height: 2.6rem; cursor: pointer;
    border: 1px solid var(--st-border-color, #ccc); border-radius: var(--st-button-radius, 0.5rem);
    background: var(--st-background-color, #fff); color: inherit; }
`;

const views = new WeakMap(); // parent element -> its PhotoView: Streamlit calls again whenever `data` changes

/** @param component  {parentElement, data: {runtime}}; runtime: address of the runtime's folder */
export default function ({ parentElement, data }) {
  let view = views.get(parentElement);
  if (!view) views.set(parentElement, (view = new PhotoView(parentElement, data.runtime)));
  return () => {
    view.close();
    views.delete(parentElement);
  };
}

class PhotoView {
  #engine = null; // promise of openEngine()
  #waiting = new Map(); // id of a photo with the worker -> {resolve, reject}
  #runtime;
  #list;

  constructor(parent, runtime) {
    this.#runtime = runtime;
    const root = document.createElement("div");
    root.className = "photos";
    root.innerHTML = `<style>${CSS}</style>
      <label class="drop">Drop photos here or press to choose them. They stay on this device.
        <input type="file" accept="image/*" multiple></label>
      <div class="list" aria-live="polite"></div>`;
    parent.replaceChildren(root);
    this.#list = root.querySelector(".list");
    const [drop, input] = [root.querySelector(".drop"), root.querySelector("input")];
    input.onchange = () => this.#take(input.files);
    drop.ondragover = (event) => (event.preventDefault(), drop.classList.add("over"));
    drop.ondragleave = () => drop.classList.remove("over");
    drop.ondrop = (event) => {
      event.preventDefault();
      drop.classList.remove("over");
      this.#take(event.dataTransfer.files);
    };
    const lacking = whatIsLacking();
    if (lacking) drop.textContent = `${lacking} Switched off, the server looks at the photos.`;
  }

  close() {
    this.#engine?.then(({ worker }) => worker.terminate(), () => {});
  }

  /** One photo after the other; one that fails does not stop the rest. */
  async #take(files) {
    for (const file of files) {
      const article = document.createElement("article");
      const title = document.createElement("h3");
      title.textContent = `${file.name}: looking …`;
      article.append(title);
      this.#list.prepend(article);
      try {
        const picture = await open(file);
        const result = await this.#analyse(await createImageBitmap(picture));
        title.textContent = `${file.name}: ${count(result.hands, "hand")}, ${count(result.faces, "face")}`;
        article.append(...show(picture, result, file.name.replace(/\.[^.]*$/, "")));
        Object.assign(article.dataset, { hands: result.hands.length, faces: result.faces.length });
      } catch (error) {
        title.textContent = `${file.name}: ${error.message}`;
      }
    }
  }

  async #analyse(frame) {
    this.#engine ??= openEngine(this.#runtime);
    const { worker } = await this.#engine.catch((error) => {
      this.#engine = null;
      throw error;
    });
    worker.onmessage = ({ data }) => {
      const { resolve, reject } = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if (data.type === "photo") resolve(data.result);
      else reject(new Error(data.message));
    };
    const id = crypto.randomUUID();
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.postMessage({ type: "photo", frame, id }, [frame]);
    });
  }
}

/** The picture, turned upright as its EXIF tag says. */
async function open(file) {
  let picture;
  try {
    picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new Error("this browser cannot open it as a picture; the server may.");
  }
  const { most_pixels: most } = constants.photo;
  if (picture.width * picture.height > most) throw new Error(`larger than ${Math.round(most / 1e6)} megapixels.`);
  return picture;
}

function show(picture, result, name) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [picture.width, picture.height];
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0);
  draw(context, result);
  return [
    canvas,
    button("Save PNG", () => savePng(picture, result, {}, name)),
    button("Save JSON", () => saveJson(result, name)),
  ];
}

function button(text, action) {
  const element = document.createElement("button");
  element.textContent = text;
  element.onclick = action;
  return element;
}

function count(things, name) {
  return `${things.length} ${name}${things.length === 1 ? "" : "s"}`;
}
