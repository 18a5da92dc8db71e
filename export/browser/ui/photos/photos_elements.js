// The elements of the photos' page on the device, and its style. No behaviour here.

import { BUTTONS } from "../button_style.js";
import { elementOf } from "../elements.js";
import { CSS as CONTROLS } from "./photo_controls.js";

const HTML = `
  <label class="drop">Drop photos, videos, a folder or a ZIP here, or press to choose. They stay on this device.
    <input class="files" type="file" accept="image/*,video/*,.mkv,.zip" multiple></label>
  <div class="row"><button class="folder">Choose a folder</button><input class="of-folder" type="file" webkitdirectory hidden></div>
  <p class="note" role="status" hidden></p>
  <div class="choices" hidden></div>
  <div class="row"><button class="save-all" hidden>Save all points (ZIP)</button>
    <button class="remove-all" hidden>Remove all photos</button></div>
  <div class="list" aria-live="polite"></div>
`;

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

/**
 * Builds the page in `parent`; returns its elements by name.
 * @param {HTMLElement | ShadowRoot} parent
 */
export function buildPhotos(parent) {
  const root = document.createElement("div");
  root.className = "photos";
  root.innerHTML = `<style>${CSS}</style>${HTML}`;
  parent.replaceChildren(root);
  return {
    drop: elementOf(root, ".drop", HTMLElement),
    input: elementOf(root, ".files", HTMLInputElement),
    folder: elementOf(root, ".folder", HTMLButtonElement),
    ofFolder: elementOf(root, ".of-folder", HTMLInputElement),
    note: elementOf(root, ".note", HTMLElement),
    choices: elementOf(root, ".choices", HTMLElement),
    saveAll: elementOf(root, ".save-all", HTMLButtonElement),
    removeAll: elementOf(root, ".remove-all", HTMLButtonElement),
    list: elementOf(root, ".list", HTMLElement),
  };
}
