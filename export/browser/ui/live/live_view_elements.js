// The elements of the live view, and its style. No behaviour here.

import { BUTTONS } from "../button_style.js";
import { elementOf } from "../elements.js";

const HTML = `
  <div class="stage">
    <video playsinline muted></video>
    <canvas></canvas>
    <p class="hint" role="status">The camera is off. Pictures stay on this device.</p>
    <p class="message" role="alert" hidden></p>
  </div>
  <div class="bar">
    <button class="start primary">Start camera</button>
    <button class="still" hidden>Freeze</button>
    <button class="png" hidden>Save PNG</button>
    <button class="json" hidden>Save JSON</button>
    <select class="cameras" aria-label="Camera" hidden></select>
  </div>
  <p class="figures" hidden><b class="fps">–</b> frames per second · <b><span class="latency">–</span> ms</b> latency ·
    <span class="engine"></span>, in this browser</p>
  <p class="parity"></p>
`;

const CSS = `
  :host, .live { display: block; font-family: var(--st-font, system-ui, sans-serif); color: var(--st-text-color, #222); }
  .stage { position: relative; overflow: hidden; background: #101418; border-radius: var(--st-base-radius, 0.5rem);
    width: min(100%, max(18rem, calc((100vh - 17.5rem) * var(--ratio, 1.3333)))); aspect-ratio: var(--ratio, 1.3333); }
  video, canvas { position: absolute; inset: 0; width: 100%; height: 100%; }
  video.mirrored { transform: scaleX(-1); }
  .hint { position: absolute; inset: 0; display: grid; place-items: center; margin: 0; padding: 1rem;
    background: #101418b0; color: #fff; text-align: center; }
  .bar { display: flex; flex-wrap: wrap; gap: 0.5rem; margin: 0.6rem 0 0.5rem; }
  select { font: inherit; font-size: 0.875rem; padding: 0.35rem 1rem; min-height: 2.5rem; cursor: pointer; max-width: 100%;
    border: 1px solid var(--st-border-color, #ccc); border-radius: var(--st-button-radius, 0.5rem);
    background: var(--st-background-color, #fff); color: inherit; }
  select:focus-visible { outline: 2px solid var(--st-primary-color, #ff4b4b); outline-offset: 2px; }
  ${BUTTONS}
  .clip { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem; margin: 0 0 0.5rem; }
  .message { position: absolute; inset: auto 0 0 0; margin: 0; padding: 0.75rem 1rem; background: #7a1414; color: #fff; }
  .figures { margin: 0; font-variant-numeric: tabular-nums; }
  .parity { margin: 0.25rem 0 0; font-size: 0.85rem; opacity: 0.8; }
  [hidden] { display: none !important; }
`;

/**
 * Builds the view in `parent`; returns its elements by name (`elements.start`, `elements.fps`, ...).
 * @param {HTMLElement | ShadowRoot} parent
 */
export function buildView(parent) {
  const root = document.createElement("div");
  root.className = "live";
  root.innerHTML = `<style>${CSS}</style>${HTML}`;
  parent.replaceChildren(root);
  return {
    root,
    bar: elementOf(root, ".bar", HTMLElement),
    start: elementOf(root, ".start", HTMLButtonElement),
    still: elementOf(root, ".still", HTMLButtonElement),
    cameras: elementOf(root, ".cameras", HTMLSelectElement),
    png: elementOf(root, ".png", HTMLButtonElement),
    json: elementOf(root, ".json", HTMLButtonElement),
    message: elementOf(root, ".message", HTMLElement),
    stage: elementOf(root, ".stage", HTMLElement),
    video: elementOf(root, "video", HTMLVideoElement),
    canvas: elementOf(root, "canvas", HTMLCanvasElement),
    hint: elementOf(root, ".hint", HTMLElement),
    figures: elementOf(root, ".figures", HTMLElement),
    fps: elementOf(root, ".fps", HTMLElement),
    latency: elementOf(root, ".latency", HTMLElement),
    engine: elementOf(root, ".engine", HTMLElement),
    parity: elementOf(root, ".parity", HTMLElement),
  };
}
