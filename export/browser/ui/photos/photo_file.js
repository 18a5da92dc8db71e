// A photo's file as pixels, which whoever asks for them frees again.

import constants from "../../runtime/constants.js";

const PREVIEW = 1280; // longer side in pixels of the picture on the page; a saved PNG has the photo's own size

/**
 * The picture, turned upright as its EXIF tag says.
 * @param {File} file
 */
export async function openPhoto(file) {
  const { most_bytes: bytes, most_pixels: pixels } = constants.photo;
  if (file.size > bytes) throw new Error(`larger than ${Math.round(bytes / 1e6)} MB; make it smaller.`);
  let picture;
  try {
    picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new Error("this browser cannot open it as a picture; the server may.");
  }
  if (picture.width * picture.height > pixels) {
    picture.close();
    throw new Error(`larger than ${Math.round(pixels / 1e6)} megapixels; make it smaller.`);
  }
  return picture;
}

/**
 * A canvas with the picture as the page shows it: on white, as the network gets what is transparent.
 * @param {ImageBitmap} picture
 */
export function preview(picture) {
  const scale = Math.min(1, PREVIEW / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [picture.width, picture.height].map((side) => Math.max(1, Math.round(side * scale)));
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas;
}
