// What was detected in a photo: in words, and as tables of its landmarks.

/** @import { Instance, Result } from "../../runtime/types.js" */

import { details, named, POINT_NAMES, summary } from "../words.js";

/**
 * The elements that say it.
 * @param {Result} result  with what is uncertain
 * @param {boolean} uncertain  whether the uncertain ones are shown
 */
export function findings(result, uncertain) {
  return [...inWords(result, uncertain), ...named(result).map(table)];
}

/**
 * "2 hands, 1 face".
 * @param {Result} result
 */
export function counted(result) {
  return `${count(result.hands, "hand")}, ${count(result.faces, "face")}`;
}

/**
 * What was detected, as the server's page says it.
 * @param {Result} result
 * @param {boolean} uncertain  whether the uncertain ones are shown
 */
function inWords(result, uncertain) {
  const words = Object.assign(document.createElement("p"), { textContent: summary(result) });
  const list = document.createElement("ul");
  const lines = named(result).map(({ name, instance }) => `${name}: ${details(instance)}`);
  const rejected = result.uncertain ?? [];
  if (uncertain) lines.push(...rejected.map(({ kind, score }) => `Uncertain ${kind} ${Math.round(100 * score)} %`));
  else if (rejected.length) lines.push(`${count(rejected, "uncertain detection")} hidden`);
  list.append(...lines.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  return [words, list];
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
 * "1 hand", "2 hands".
 * @param {unknown[]} instances
 * @param {string} name
 */
function count(instances, name) {
  return `${instances.length} ${name}${instances.length === 1 ? "" : "s"}`;
}
