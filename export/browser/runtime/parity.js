// Runs the reference pictures through this browser's network and compares with the reference answers.

import constants from "./constants.js";
import { run } from "./landmarker.js";

const CROP = constants.crop_side;
const PARTS = ["hand", "face"]; // their outputs of the same name: x, y, z as shares of the crop's side
const EACH = 2; // pictures for each of them, one part's after the other's
const MOST = { exact: 0.5, eight_bit: 2 }; // pixels of the 256-pixel crop; processors round sums of whole numbers differently, and later layers carry that on

/**
 * @returns {Promise<{difference: number | null, ok: boolean, sentence: string}>}
 *   difference: the largest distance in x or y of any point, in crop pixels; null without a reference
 */
export async function measure(sessions, base) {
  const [pictures, reference] = await Promise.all([fetch(base + "parity.bin"), fetch(base + "parity.json")]);
  if (!pictures.ok || !reference.ok) return { difference: null, ok: true, sentence: "" };
  const bytes = new Uint8Array(await pictures.arrayBuffer());
  const way = sessions.provider === "webgpu" ? "exact" : "eight_bit"; // as session.js opens them
  const expected = (await reference.json()).reference[way];
  let largest = 0;
  for (const [place, name] of PARTS.entries()) {
    const own = bytes.subarray(place * EACH * CROP * CROP * 3);
    const answers = await run(sessions.ort, sessions[name], own, EACH);
    expected[name].flat().forEach((value, index) => {
      if (index % 3 === 2) return; // depth is not a place in the picture
      const apart = Math.abs(value - answers[name][index]) * CROP;
      largest = Math.max(largest, Number.isFinite(apart) ? apart : Infinity);
    });
  }
  const digits = largest < 0.01 ? largest.toExponential(0) : largest.toFixed(2);
  return {
    difference: largest,
    ok: largest < MOST[way],
    sentence: `Checked in this browser just now: its answers differ from the reference by at most ${digits} px.`,
  };
}
