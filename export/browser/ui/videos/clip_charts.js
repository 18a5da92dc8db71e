// A video's tracks over time as SVG: when each is there, its confidence, and how fast a hand's fingertips are.
// pages/parts/videos/clip_charts.py for the browser.

/** @import { ClipRecord, Track } from "./clip_record.js" */

import { mean, titleOf } from "./clip_record.js";

const NARROWEST = 260; // pixels
const WIDEST = 960;
const LEFT = 84;
const RIGHT = 8;
const ROW = 22;
const PLOT = 130; // height of a line chart
const AXIS = 24;
const MOST_POINTS = 400; // of a line: more are not seen
/** @typedef {{record: ClipRecord, width: number}} Chart  width in pixels, so that letters keep their size on a narrow page */
// After Okabe and Ito, as the server's.
const COLOURS = ["#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#D55E00", "#0072B2", "#B8A04A", "#8A97A0"];

export const CSS = `
  .charts figure { margin: 1rem 0 0; }
  .charts figcaption { font-weight: 600; }
  .charts svg { display: block; width: 100%; height: auto; }
  .charts text { font: 12px var(--st-font, system-ui, sans-serif); fill: var(--st-text-color, #222); }
  .charts .axis { stroke: var(--st-border-color, #999); }
  .charts .now { stroke: var(--st-text-color, #222); stroke-dasharray: 3 3; }
  .charts .legend { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; list-style: none; padding: 0; margin: 0.25rem 0 0; font-size: 0.875rem; }
  .charts .legend i { display: inline-block; width: 1rem; height: 0.25rem; margin-right: 0.35rem; vertical-align: middle; }
`;

/**
 * Fills `parent` with the charts of a video in which something was found.
 * @param {HTMLElement} parent
 * @param {ClipRecord} record
 * @returns {(frame: number) => void} marks a frame in all of them
 */
export function showCharts(parent, record) {
  const tracks = [...record.tracks.values()];
  const hands = tracks.filter(({ kind }) => kind === "hand");
  parent.className = "charts";
  const chart = { record, width: Math.min(Math.max(parent.clientWidth, NARROWEST), WIDEST) };
  parent.innerHTML = presence(chart, tracks) + lines(chart, tracks, "Confidence", ({ scores }) => scores, 1);
  if (hands.some(({ speeds }) => speeds.some((speed) => speed > 0)))
    parent.innerHTML += lines(chart, hands, "Fingertips, pixels a second", ({ speeds }) => speeds);
  const marks = parent.querySelectorAll(".now");
  return (frame) => {
    const x = place(chart, record.frames[frame].seconds).toFixed(1);
    for (const mark of marks) {
      mark.setAttribute("x1", x);
      mark.setAttribute("x2", x);
    }
  };
}

/**
 * Seconds -> pixels.
 * @param {Chart} chart
 * @param {number} seconds
 */
function place({ record, width }, seconds) {
  return LEFT + ((width - LEFT - RIGHT) * seconds) / record.end;
}

/**
 * A row for each track, a bar while it is there.
 * @param {Chart} chart
 * @param {Track[]} tracks
 */
function presence(chart, tracks) {
  const { record } = chart;
  const bars = tracks.map((track, row) => {
    const own = record.spans(track).map(([from, until]) => {
      const x = place(chart, from);
      const length = Math.max(place(chart, until) - x, 1);
      return `<rect x="${x.toFixed(1)}" y="${row * ROW + 4}" width="${length.toFixed(1)}" height="${ROW - 8}" rx="3" fill="${colour(record, track)}"/>`;
    });
    return `<text x="${LEFT - 6}" y="${row * ROW + 15}" text-anchor="end">${titleOf(track)}</text>${own.join("")}`;
  });
  const words = tracks.map((track) => {
    const spans = record.spans(track).map(([from, until]) => `${from.toFixed(1)} to ${until.toFixed(1)} s`);
    return `${titleOf(track)}: ${spans.join(", ")}`;
  });
  return figure("Who is there", words, bars.join(""), chart, tracks.length * ROW);
}

/**
 * A line for each track, broken where it is not there.
 * @param {Chart} chart
 * @param {Track[]} tracks
 * @param {string} title
 * @param {(track: Track) => number[]} values
 * @param {number} [most]  the top of the axis; by default the largest value
 */
function lines(chart, tracks, title, values, most) {
  const { record, width } = chart;
  const known = (/** @type {Track} */ track) => values(track).filter((value) => !Number.isNaN(value));
  const top = most ?? Math.max(...tracks.flatMap((track) => known(track).reduce((a, b) => Math.max(a, b), 0)), 1e-6);
  const number = (/** @type {number} */ value) =>
    most === 1 ? `${Math.round(100 * value)} %` : String(Math.round(value));
  const y = (/** @type {number} */ value) => 8 + (PLOT - 8) * (1 - value / top);
  const paths = tracks.map((track) => {
    const all = values(track);
    const step = Math.ceil(all.length / MOST_POINTS);
    let path = "";
    let open = false;
    for (let start = 0; start < all.length; start += step) {
      if (start && track.frames[start] - track.frames[start - 1] > 1) open = false;
      const group = all.slice(start, start + step).filter((value) => !Number.isNaN(value));
      if (!group.length) continue;
      const x = place(chart, record.frames[track.frames[start]].seconds);
      path += `${open ? "L" : "M"}${x.toFixed(1)} ${y(Math.max(...group)).toFixed(1)}`;
      open = true;
    }
    return `<path d="${path}" fill="none" stroke="${colour(record, track)}" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/>`;
  });
  const axis = [0, 0.5, 1].map(
    (share) =>
      `<text x="${LEFT - 6}" y="${(y(share * top) + 4).toFixed(1)}" text-anchor="end">${number(share * top)}</text>
       <line class="axis" x1="${LEFT}" x2="${width - RIGHT}" y1="${y(share * top).toFixed(1)}" y2="${y(share * top).toFixed(1)}" stroke-opacity="0.5"/>`,
  );
  const named = tracks.filter((track) => known(track).length);
  const words = named.map((track) => `${titleOf(track)}: ${number(mean(known(track)))} on average`);
  const legend = tracks.map(
    (track) => `<li><i style="background: ${colour(record, track)}"></i>${titleOf(track)}</li>`,
  );
  return figure(
    title,
    words,
    axis.join("") + paths.join(""),
    chart,
    PLOT,
    `<ul class="legend">${legend.join("")}</ul>`,
  );
}

/**
 * @param {ClipRecord} record
 * @param {Track} track
 */
function colour(record, track) {
  return COLOURS[[...record.tracks.keys()].indexOf(track.number) % COLOURS.length];
}

/**
 * A chart with its axis of seconds. Titles hold kinds, sides and numbers only: no text of a visitor gets into the markup.
 * @param {string} title
 * @param {string[]} words  the same in words
 * @param {string} content
 * @param {Chart} chart
 * @param {number} height
 */
function figure(title, words, content, chart, height, legend = "") {
  const { record, width } = chart;
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const x = place(chart, share * record.end);
    const anchor = share === 1 ? "end" : share ? "middle" : "start";
    return `<text x="${x.toFixed(1)}" y="${height + 18}" text-anchor="${anchor}">${(share * record.end).toFixed(1)}${share === 1 ? " s" : ""}</text>`;
  });
  return `<figure><figcaption>${title}</figcaption>
    <svg viewBox="0 0 ${width} ${height + AXIS}" style="max-width: ${width}px" role="img" aria-label="${title}. ${words.join("; ")}.">
      ${content}<line class="axis" x1="${LEFT}" x2="${width - RIGHT}" y1="${height}" y2="${height}"/>
      <line class="now" x1="${LEFT}" x2="${LEFT}" y1="0" y2="${height}"/>${ticks.join("")}
    </svg>${legend}</figure>`;
}
