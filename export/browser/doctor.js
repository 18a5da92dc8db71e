// Server mode's camera help as a Streamlit component (v2): says in a sentence what to do when the camera fails.
//
// streamlit-webrtc's own element shows the browser's error by its name only. It lives in a frame of this very
// origin, so its alert can be read and explained.

import { SENTENCES } from "./camera.js";

const EVERY = 500; // ms

export default function ({ parentElement, data }) {
  const message = document.createElement("p");
  message.setAttribute("role", "alert");
  message.hidden = true;
  message.style.cssText =
    "margin: 0; padding: 0.75rem 1rem; border-radius: 0.5rem; font-family: var(--st-font, sans-serif);" +
    "background: var(--st-red-background-color, #ffe9e9); color: var(--st-red-text-color, #8a1f1f);";
  parentElement.replaceChildren(message);

  const look = () => {
    const name = navigator.mediaDevices ? alertedError(data.frame) : "InsecureOrigin";
    message.textContent = SENTENCES[name] ?? "";
    message.hidden = !message.textContent;
  };
  look();
  const timer = setInterval(look, EVERY);
  return () => clearInterval(timer);
}

/** Name of the camera error that a frame whose title contains `title` shows as an alert, or undefined. */
function alertedError(title) {
  for (const frame of document.querySelectorAll(`iframe[title*="${title}"]`)) {
    const text = frame.contentDocument?.querySelector("[role=alert]")?.textContent ?? "";
    const name = Object.keys(SENTENCES).find((name) => text.includes(name));
    if (name) return name;
  }
}
