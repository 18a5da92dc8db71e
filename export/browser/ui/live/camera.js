// Opens the visitor's camera, and says in one sentence what to do when that fails.

/** @type {Record<string, string>} name of a camera error -> what to do */
export const SENTENCES = {
  NotAllowedError:
    "The camera was not allowed. Allow it for this page (the camera sign in the address bar), then start again.",
  NotFoundError: "No camera was found. Connect one and start again, or use a photo on the upload page.",
  NotReadableError: "The camera is in use by another program. Close that program, then start again.",
  AbortError: "The camera could not be started. Close other programs that use it or connect it anew, then start again.",
  InsecureOrigin:
    "Browsers give the camera only to pages opened over HTTPS (or on localhost). Open this page with https://.",
};

/** An error with a message that is a sentence for the visitor. */
export class CameraError extends Error {}

/** @param {unknown} error */
function explain(error) {
  if (!(error instanceof Error)) return new CameraError(SENTENCES.AbortError);
  return new CameraError(SENTENCES[error.name] ?? `${SENTENCES.AbortError} (${error.message || error.name})`);
}

/**
 * Asks the visitor for a camera.
 * @param {{deviceId?: string, facing?: "user" | "environment"}} wish
 * @returns {Promise<MediaStream>} video only, near 640 x 480
 * @throws {CameraError}
 */
export async function openCamera({ deviceId, facing = "user" } = {}) {
  if (!navigator.mediaDevices?.getUserMedia) throw new CameraError(SENTENCES.InsecureOrigin);
  const size = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };
  try {
    const which = deviceId ? { deviceId: { exact: deviceId } } : { facingMode: facing };
    return await navigator.mediaDevices.getUserMedia({ audio: false, video: { ...size, ...which } });
  } catch (error) {
    if (!(error instanceof Error && error.name === "OverconstrainedError")) throw explain(error);
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: false, video: true }); // any camera will do
  } catch (error) {
    throw explain(error);
  }
}

/** The cameras of this device: [{deviceId, label}]; labels are known only after one was allowed. */
export async function listCameras() {
  const devices = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  return devices
    .filter((device) => device.kind === "videoinput" && device.deviceId)
    .map(({ deviceId, label }, index) => ({ deviceId, label: label || `Camera ${index + 1}` }));
}

/**
 * True where the picture should be shown as in a mirror: every camera that does not point away from the visitor.
 * @param {MediaStream} stream
 */
export function isMirrored(stream) {
  return stream.getVideoTracks()[0]?.getSettings().facingMode !== "environment";
}

/**
 * Releases the camera.
 * @param {MediaStream | null} stream
 */
export function closeCamera(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
