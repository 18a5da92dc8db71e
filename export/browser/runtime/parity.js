// Runs the reference pictures through this browser's network and compares with the reference answers.

/** @import { Kind, Parity, Sessions } from "./types.js" */

import constants from "./constants.js";

const CROP = constants.crop_side;
/** @typedef {Record<"exact" | "eight_bit", Record<Kind, number[][]>>} Reference  by precision and output, a row for each picture */

/** @type {Kind[]} networks, and their outputs of the same name: x, y, z as shares of the crop's side */
const NETWORKS = ["hand", "face"];
const EACH = 2; // pictures for each of them, one network's after the other's
// Pixels of the 256-pixel crop. Processors round sums of int8 products differently, and later layers carry that on.
const TOLERANCE = { exact: 0.5, eight_bit: 2 };

/**
 * The pictures (RGB crops) and the certificate of the runtime at `base`, which ends in "/"; null if it has none.
 * @param {string} base
 * @returns {Promise<{pictures: Uint8Array, certificate: {reference: Reference}} | null>}
 */
export async function fetchReference(base) {
  const [pictures, certificate] = await Promise.all([fetch(base + "parity.bin"), fetch(base + "parity.json")]);
  if (!pictures.ok || !certificate.ok) return null;
  return { pictures: new Uint8Array(await pictures.arrayBuffer()), certificate: await certificate.json() };
}

/**
 * Compares these sessions with the reference.
 * @param {Sessions} sessions
 * @param {Awaited<ReturnType<typeof fetchReference>>} reference
 * @returns {Promise<Parity>}
 */
export async function measure(sessions, reference) {
  if (!reference) return { difference: null, ok: true, sentence: "" };
  const precision = sessions.provider === "webgpu" ? "exact" : "eight_bit"; // as session.js opens them
  const expected = reference.certificate.reference[precision];
  let largest = 0;
  for (const [order, name] of NETWORKS.entries()) {
    const own = reference.pictures.subarray(order * EACH * CROP * CROP * 3);
    const answers = await sessions[name].run(own, EACH);
    expected[name].flat().forEach((value, index) => {
      if (index % 3 === 2) return; // depth is no position in the picture
      const distance = Math.abs(value - answers[name][index]) * CROP;
      largest = Math.max(largest, Number.isFinite(distance) ? distance : Infinity);
    });
  }
  const digits = largest < 0.01 ? largest.toExponential(0) : largest.toFixed(2);
  return {
    difference: largest,
    ok: largest < TOLERANCE[precision],
    sentence: `Checked in this browser just now: its answers differ from the reference by at most ${digits} px.`,
  };
}
