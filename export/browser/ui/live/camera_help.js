// Server mode's help as a Streamlit component (v2): says in a sentence what to do when the camera or WebRTC fails.
//
// streamlit-webrtc's own element shows the browser's error by its name only. It lives in a frame of this very
// origin, so its alert can be read and explained.

/** @import { Component } from "../types.js" */

import { SENTENCES } from "./camera.js";

const INTERVAL = 500; // ms

/**
 * Shows a sentence while something is wrong.
 * @param {Component<{frame: string}>} component  frame: part of the title of the frames to watch
 */
export default function ({ parentElement, data }) {
  const message = document.createElement("p");
  message.setAttribute("role", "alert");
  message.hidden = true;
  message.style.cssText =
    "margin: 0; padding: 0.75rem 1rem; border-radius: 0.5rem; font-family: var(--st-font, sans-serif);" +
    "background: var(--st-red-background-color, #ffe9e9); color: var(--st-red-text-color, #8a1f1f);";
  parentElement.replaceChildren(message);

  const update = () => {
    message.textContent = complaint(data.frame);
    message.hidden = !message.textContent;
  };
  update();
  const timer = setInterval(update, INTERVAL);
  return () => clearInterval(timer);
}

const NO_WEBRTC =
  "This browser cannot send the camera's picture: WebRTC is missing or switched off. " +
  "Switch it on, use another browser, or choose “On this device”, which needs no connection.";

/**
 * What is wrong, in a sentence for the visitor, or "".
 * @param {string} frame
 */
function complaint(frame) {
  if (!navigator.mediaDevices) return SENTENCES.InsecureOrigin;
  if (typeof RTCPeerConnection !== "function") return NO_WEBRTC;
  return SENTENCES[alertedError(frame)] ?? "";
}

/**
 * Name of the camera error that a frame with `title` in its title shows as an alert, or "".
 * @param {string} title
 */
function alertedError(title) {
  /** @type {NodeListOf<HTMLIFrameElement>} */
  const frames = document.querySelectorAll(`iframe[title*="${title}"]`);
  for (const frame of frames) {
    const text = frame.contentDocument?.querySelector("[role=alert]")?.textContent ?? "";
    const name = Object.keys(SENTENCES).find((name) => text.includes(name));
    if (name) return name;
  }
  return "";
}
