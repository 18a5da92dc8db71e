// The server's mode of the live page: records the stream that comes back with its points drawn, as a Streamlit component (v2).
//
// streamlit-webrtc's element shows it in a frame of this very origin, so its stream can be read; the clip stays in this browser.
// The page hears by the state `recording` when to keep the points.

/** @import { Component } from "../types.js" */

import { BUTTONS } from "../button_style.js";
import { ClipRecorder } from "./clip_recorder.js";

const EVERY = 500; // ms between two readings of the frame
const CSS = `
  .recorder { font-family: var(--st-font, system-ui, sans-serif); color: var(--st-text-color, #222); }
  .recorder, .clip { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem; }
  [hidden] { display: none !important; }
  ${BUTTONS}
`;

/**
 * Shows the button as long as the stream runs, and what was recorded.
 * @param {Component<{frame: string}>} component  frame: part of the title of the frame that has the video
 */
export default function ({ parentElement, data, setStateValue }) {
  const stream = () => {
    /** @type {HTMLIFrameElement | null} */
    const frame = document.querySelector(`iframe[title*="${data.frame}"]`);
    const source = frame?.contentDocument?.querySelector("video")?.srcObject;
    return source && "active" in source && source.active ? source : null;
  };
  const recorder = new ClipRecorder({
    open: () => {
      const found = stream();
      if (!found) throw new Error("the camera is off.");
      setStateValue("recording", true);
      return found;
    },
    close: () => {
      setStateValue("recording", false);
      return [];
    },
  });
  const root = Object.assign(document.createElement("div"), { className: "recorder" });
  const style = Object.assign(document.createElement("style"), { textContent: CSS });
  root.append(style, recorder.elements.button, recorder.elements.result);
  parentElement.replaceChildren(root);
  setStateValue("recording", false); // whoever left the page while recording comes back to it
  const timer = setInterval(() => recorder.allow(stream() !== null), EVERY);
  return () => {
    clearInterval(timer);
    recorder.stop();
  };
}
