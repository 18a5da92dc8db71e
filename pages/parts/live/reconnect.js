// Brings a broken camera stream back. streamlit-webrtc's element ends a stream for good as soon as the browser has heard
// nothing of the server for some seconds, though a busy server answers again, or a restarted one. The element lives in a
// frame of this very origin, so its buttons can be watched and pressed.
//
// data: `frame`, what the frame's title contains; `start` and `stop`, the texts of its buttons; `again` and `lost`, sentences.

const EVERY = 500; // ms between two checks
const STILL = 10_000; // ms without a new picture after which a running stream is broken too
const PAUSES = [1, 2, 4, 8, 15, 15, 15]; // seconds before each start; then it is for the visitor to try

export default function ({ data, parentElement }) {
  const message = parentElement.querySelector("[role=status]");
  let watched; // the frame's document
  let stopped = false; // by the visitor, or given up; a start may have been pressed before this was listening
  let pictures = 0; // shown by the stream so far, at the last check
  let since = 0; // when the last new one was there, or a button was pressed
  let starts = 0; // in vain so far
  let broken = false; // it had run

  const frame = () => document.querySelector(`iframe[title*="${data.frame}"]`)?.contentDocument;
  const button = (text) => [...(frame()?.querySelectorAll("button") ?? [])].find((one) => one.textContent.trim() === text);

  function onClick(event) {
    const text = event.target.closest?.("button")?.textContent.trim();
    if (!event.isTrusted || (text !== data.start && text !== data.stop)) return; // not trusted: pressed below
    [stopped, broken, pictures] = [text === data.stop, false, 0];
    message.textContent = "";
  }

  function check() {
    if (frame() !== watched) {
      watched = frame();
      watched?.addEventListener("click", onClick, true);
      [stopped, broken, pictures] = [false, false, 0];
    }
    const shown = frame()?.querySelector("video")?.getVideoPlaybackQuality().totalVideoFrames ?? 0;
    if (shown && shown !== pictures) {
      [pictures, since, broken] = [shown, performance.now(), false];
      message.textContent = "";
    } else if (pictures && !stopped) {
      repair();
    }
  }

  function repair() {
    const [start, stop] = [button(data.start), button(data.stop)];
    const still = performance.now() - since;
    if (stop && document.hidden) since = performance.now(); // a hidden page shows no pictures
    if (!broken && (start || still > STILL)) {
      [broken, starts] = [true, 0];
      message.textContent = data.again;
    }
    if (!broken) return;
    if (start && starts === PAUSES.length) {
      stopped = true;
      message.textContent = data.lost;
    } else if (start && !start.disabled && still > 1000 * PAUSES[starts]) {
      // disabled: the page itself has lost the server and is trying to reach it
      [starts, since] = [starts + 1, performance.now()];
      start.click();
    } else if (stop && !stop.disabled && still > STILL) {
      since = performance.now();
      stop.click();
    }
  }

  const timer = setInterval(check, EVERY);
  return () => {
    clearInterval(timer);
    watched?.removeEventListener("click", onClick, true);
  };
}
