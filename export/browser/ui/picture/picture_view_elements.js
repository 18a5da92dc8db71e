// The elements of the picture that answers, and its style. No behaviour here.

import { elementOf } from "../elements.js";

let views = 0; // built so far: each describes its own keys

const html = (/** @type {string} */ keys) => `
  <div class="stage" role="application" tabindex="0" aria-describedby="${keys}">
    <img alt="" draggable="false" />
    <canvas></canvas>
    <div class="divider" hidden></div>
    <div class="ring" hidden></div>
    <output class="tip" hidden></output>
    <div class="solid" hidden></div>
  </div>
  <p id="${keys}" class="unseen">Left and right arrow keys go from landmark to landmark, up and down to another hand or face,
    plus and minus zoom, Escape ends it.</p>
  <div class="bar">
    <button class="out" aria-label="Zoom out">−</button>
    <button class="in" aria-label="Zoom in">+</button>
    <label><span>Without points</span><input class="compare" type="range" min="0" max="100" value="0" /></label>
    <button class="turn" aria-pressed="false">3-D view</button>
  </div>
`;

const CSS = `
  .view { --most: 70vh; font-family: var(--st-font, system-ui, sans-serif); font-size: 0.875rem; color: var(--st-text-color, #222); }
  .stage { position: relative; overflow: hidden; width: min(100%, calc((var(--most) - 1px) * var(--ratio, 1.3333))); aspect-ratio: var(--ratio, 1.3333);
    border-radius: var(--st-base-radius, 0.5rem); background: #16181d; touch-action: pan-y pinch-zoom; cursor: crosshair; }
  .stage.zoomed { touch-action: none; cursor: grab; }
  .stage:focus-visible { outline: 3px solid var(--st-primary-color, #0b6e8a); outline-offset: 2px; }
  .stage img, .stage > canvas { position: absolute; inset: 0; width: 100%; height: 100%; transform-origin: 0 0; user-select: none; }
  .stage > canvas { pointer-events: none; }
  .divider { position: absolute; inset: 0 auto 0 0; width: 2px; margin-left: -1px; background: #fff; box-shadow: 0 0 0 1px #000a; pointer-events: none; }
  .ring { position: absolute; width: 18px; height: 18px; margin: -9px 0 0 -9px; box-sizing: border-box; border: 2px solid #fff; border-radius: 50%;
    box-shadow: 0 0 0 1.5px #000; pointer-events: none; }
  .tip { position: absolute; max-width: 15rem; padding: 0.4rem 0.6rem; border-radius: 0.4rem; background: #0c0e12e8; color: #fff; pointer-events: none;
    font-size: 0.8125rem; line-height: 1.45; font-variant-numeric: tabular-nums; white-space: nowrap; }
  .tip b, .tip span { display: block; }
  .solid { position: absolute; inset: 0; background: #16181d; color: #fff; }
  .bar { display: flex; align-items: center; gap: 0.4rem; margin-top: 0.4rem; min-height: 2.5rem; }
  .bar button, .solid select { font: inherit; min-height: 2.4rem; min-width: 2.4rem; padding: 0.25rem 0.7rem; cursor: pointer; color: inherit;
    background: var(--st-background-color, #fff); border: 1px solid var(--st-border-color, #ccc); border-radius: var(--st-button-radius, 0.5rem); }
  .bar button:hover, .bar button[aria-pressed="true"] { color: var(--st-primary-color, #0b6e8a); border-color: var(--st-primary-color, #0b6e8a); }
  .view :is(button, input, select):focus-visible { outline: 2px solid var(--st-primary-color, #0b6e8a); outline-offset: 2px; }
  .bar button:disabled { opacity: 0.5; cursor: default; }
  .turn { flex: none; white-space: nowrap; }
  .bar label { flex: 1; min-width: 0; max-width: 22rem; display: flex; align-items: center; gap: 0.5rem; white-space: nowrap; }
  .bar input { flex: 1; width: 0; min-width: 3rem; accent-color: var(--st-primary-color, #0b6e8a); }
  .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); margin: 0; }
  .view [hidden] { display: none !important; }
  @media (max-width: 40rem) { .view { --most: 52vh; } }
`;

/**
 * Builds the view in `parent`; returns its elements by name.
 * @param {HTMLElement | ShadowRoot} parent
 */
export function buildPictureView(parent) {
  const root = document.createElement("div");
  root.className = "view";
  root.innerHTML = `<style>${CSS}</style>${html(`keys-${++views}`)}`;
  parent.append(root);
  return {
    root,
    stage: elementOf(root, ".stage", HTMLElement),
    image: elementOf(root, "img", HTMLImageElement),
    canvas: elementOf(root, "canvas", HTMLCanvasElement),
    divider: elementOf(root, ".divider", HTMLElement),
    ring: elementOf(root, ".ring", HTMLElement),
    tip: elementOf(root, ".tip", HTMLOutputElement),
    solid: elementOf(root, ".solid", HTMLElement),
    out: elementOf(root, ".out", HTMLButtonElement),
    in: elementOf(root, ".in", HTMLButtonElement),
    compare: elementOf(root, ".compare", HTMLInputElement),
    turn: elementOf(root, ".turn", HTMLButtonElement),
  };
}
