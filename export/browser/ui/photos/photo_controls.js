// What is drawn and which detections are shown of all photos: the controls of the photos page for the device's mode.

/** @import { Hand, Face, Result } from "../../runtime/types.js" */
/** @import { Layers } from "../picture/draw.js" */

import constants from "../../runtime/constants.js";
import { LAYERS } from "../picture/draw.js";

/** @type {[keyof Layers | "photo", string][]} names as in pages/parts/photos/draw_options.py */
const SWITCHES = [
  ["skeleton", "Hand bones"],
  ["contours", "Face contours"],
  ["mesh", "Face mesh"],
  ["points", "Points"],
  ["labels", "Labels"],
  ["boxes", "Boxes"],
  ["numbers", "Point numbers"],
  ["photo", "Photo"],
];
const MOST = 51; // this many on the slider means: all

export const CSS = `
  .controls { border: 1px solid var(--st-border-color, #ccc); border-radius: var(--st-base-radius, 0.5rem); padding: 0.6rem 0.9rem; margin: 0.75rem 0; }
  .controls { display: flex; flex-wrap: wrap; gap: 0 1.5rem; font-size: 0.875rem; }
  .controls details[open] { flex: 1 0 100%; }
  .controls fieldset { border: 0; padding: 0; margin: 0; display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; }
  .controls label { flex: none; max-width: none; display: inline-flex; align-items: center; gap: 0.35rem; min-height: 2rem; white-space: nowrap; }
  .controls .sliders { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: 0.25rem 1.5rem; margin-top: 0.4rem; }
  .controls .sliders label { display: grid; grid-template-columns: 1fr auto; white-space: normal; }
  .controls .sliders input { grid-column: 1 / 3; width: 100%; }
  summary { cursor: pointer; min-height: 2rem; line-height: 2rem; }
`;

/** @typedef {{hand: number, face: number}} PerKind */
/** @typedef {{layers: Partial<Layers> & {photo?: boolean}, uncertain: boolean, minimum: PerKind, most: PerKind}} Choice */

/**
 * Builds the controls; `change` gets every new choice, and the first one at once.
 * @param {HTMLElement} parent
 * @param {(choice: Choice) => void} change
 */
export function buildControls(parent, change) {
  const released = constants.landmarks.confidence.minimum;
  const drawn = { ...LAYERS, photo: true };
  const root = document.createElement("div");
  root.className = "controls";
  const checkbox = (/** @type {string} */ name, /** @type {string} */ text, /** @type {boolean} */ checked) =>
    `<label><input type="checkbox" name="${name}" ${checked ? "checked" : ""}> ${text}</label>`;
  const slider = (
    /** @type {string} */ name,
    /** @type {string} */ text,
    /** @type {number} */ max,
    /** @type {number} */ value,
  ) =>
    `<label>${text} <output></output><input type="range" name="${name}" min="0" max="${max}" value="${value}"></label>`;
  root.innerHTML = `
    <fieldset aria-label="Draw">${SWITCHES.map(([field, text]) => checkbox(field, text, drawn[field])).join("")}</fieldset>
    ${checkbox("uncertain", "Show uncertain detections", false)}
    <details><summary>Confidence and number</summary><div class="sliders">
      ${slider("minimum_hand", "Minimum confidence of hands", 100, Math.round(100 * released.hand))}
      ${slider("minimum_face", "Minimum confidence of faces", 100, Math.round(100 * released.face))}
      ${slider("most_hand", "Maximum number of hands", MOST, MOST)}
      ${slider("most_face", "Maximum number of faces", MOST, MOST)}
    </div></details>`;
  parent.append(root);
  const input = (/** @type {string} */ name) =>
    /** @type {HTMLInputElement} */ (root.querySelector(`[name="${name}"]`));
  const update = () => {
    for (const range of /** @type {NodeListOf<HTMLInputElement>} */ (root.querySelectorAll("[type=range]"))) {
      const text = range.name.startsWith("minimum")
        ? `${range.value} %`
        : Number(range.value) === MOST
          ? "all"
          : range.value;
      const output = /** @type {HTMLOutputElement} */ (range.parentElement?.querySelector("output"));
      range.ariaValueText = output.textContent = text;
    }
    // The released minimum has fractions of a percent: left where it is, the slider changes nothing.
    const minimum = (/** @type {"hand" | "face"} */ kind) => {
      const percent = Number(input(`minimum_${kind}`).value);
      return percent === Math.round(100 * released[kind]) ? released[kind] : percent / 100;
    };
    const most = (/** @type {"hand" | "face"} */ kind) => {
      const number = Number(input(`most_${kind}`).value);
      return number === MOST ? Infinity : number;
    };
    change({
      layers: Object.fromEntries(SWITCHES.map(([field]) => [field, input(field).checked])),
      uncertain: input("uncertain").checked,
      minimum: { hand: minimum("hand"), face: minimum("face") },
      most: { hand: most("hand"), face: most("face") },
    });
  };
  root.oninput = update;
  update();
}

/**
 * What a choice lets through of a result; nothing is computed anew: Result.filtered of model/runtime/result.py.
 * @param {Result} result
 * @param {Pick<Choice, "minimum" | "most">} choice
 * @returns {Result & {uncertain: (Hand | Face)[]}}
 */
export function filtered(result, { minimum, most }) {
  const known = [...result.hands, ...result.faces, ...(result.uncertain ?? [])].sort((a, b) => b.score - a.score);
  const hands = known.filter((each) => each.kind === "hand").filter(({ score }) => score >= minimum.hand);
  const faces = known.filter((each) => each.kind === "face").filter(({ score }) => score >= minimum.face);
  const uncertain = known.filter(({ kind, score }) => score < minimum[kind]);
  return { ...result, hands: hands.slice(0, most.hand), faces: faces.slice(0, most.face), uncertain };
}
