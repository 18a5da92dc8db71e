// A photo with its landmarks that answers: a landmark pointed at, tapped or reached by the keyboard says what it is; the picture
// zooms; a slider uncovers the photo without points; a hand or face opens in three dimensions.

/** @import { Instance, Result } from "../../runtime/types.js" */
/** @import { Drawn, Layers } from "./draw.js" */
/** @import { SolidView } from "./solid_view.js" */

import { messageOf } from "../../runtime/errors.js";
import { draw, PLAIN_GROUND } from "./draw.js";
import { buildPictureView } from "./picture_view_elements.js";
import { describe, named } from "../words.js";

const REACH = { mouse: 14, touch: 28 }; // pixels of the page within which a landmark counts as pointed at
const MOST_ZOOM = 12;
const STEP = 1.5; // of one press of a zoom button
const DRAG = 4; // pixels that a pressed pointer moves before it drags

/**
 * @typedef {object} Shown
 * @property {string} address  of the photo; the picture has the result's proportions, in any size
 * @property {string} alt
 * @property {Result & {uncertain?: Drawn[]}} result
 * @property {Partial<Layers> & {photo?: boolean}} layers
 */

/** @typedef {{name: string, instance: Pick<Instance, "kind" | "landmarks" | "sigma">}} Named */
/** @typedef {{which: number, point: number}} Place  number of the hand or face, and of its landmark */

export class PictureView {
  #elements;
  /** @type {Shown | null} */
  #shown = null;
  /** @type {Named[]} */
  #named = [];
  /** @type {Place | null} */
  #place = null;
  #pinned = false; // chosen by a press or the keyboard: stays when the pointer moves on
  #section = { zoom: 1, left: 0, top: 0 }; // in pixels of the page
  /** @type {{x: number, y: number, moved: boolean} | null} */
  #pressed = null;
  /** @type {SolidView | null} */
  #solid = null;
  #resized;
  #scrolled;
  #inView = false; // the drawing takes memory only while it can be seen

  /** @param {HTMLElement | ShadowRoot} parent */
  constructor(parent) {
    this.#elements = buildPictureView(parent);
    const { stage, in: closer, out, compare, turn } = this.#elements;
    closer.onclick = () => this.#zoomBy(STEP);
    out.onclick = () => this.#zoomBy(1 / STEP);
    compare.oninput = () => this.#divide();
    turn.onclick = () => this.#toggleSolid();
    stage.onkeydown = (event) => this.#onKey(event);
    stage.onfocus = () => {
      if (stage.matches(":focus-visible") && !this.#place && this.#named.length) this.#choose({ which: 0, point: 0 });
    };
    stage.addEventListener("wheel", (event) => this.#onWheel(event), { passive: false });
    stage.onpointerdown = (event) => this.#onDown(event);
    stage.onpointermove = (event) => this.#onMove(event);
    stage.onpointerup = (event) => this.#onUp(event);
    stage.onpointercancel = () => (this.#pressed = null);
    stage.onpointerleave = () => !this.#pinned && this.#choose(null);
    this.#resized = new ResizeObserver(() => this.#paint());
    this.#resized.observe(stage);
    this.#scrolled = new IntersectionObserver(([{ isIntersecting }]) => {
      this.#inView = isIntersecting;
      this.#paint();
    });
    this.#scrolled.observe(stage);
  }

  /** @param {Shown} shown */
  show(shown) {
    const { image, stage } = this.#elements;
    const other = shown.address !== this.#shown?.address;
    this.#shown = shown;
    if (other) {
      image.src = shown.address;
      this.#section = { zoom: 1, left: 0, top: 0 };
      this.#closeSolid();
    }
    image.alt = shown.alt;
    stage.style.setProperty("--ratio", String(shown.result.width / shown.result.height));
    const { result } = shown;
    const uncertain = (result.uncertain ?? []).map((instance) => ({ name: `Uncertain ${instance.kind}`, instance }));
    this.#named = [...named(result), ...uncertain];
    stage.ariaLabel = `Landmarks of ${this.#named.length === 1 ? "one hand or face" : `${this.#named.length} hands and faces`}`;
    this.#elements.turn.disabled = !this.#named.length;
    this.#pinned = false;
    this.#choose(null);
    this.#solid?.show(this.#named);
    this.#paint();
  }

  close() {
    this.#resized.disconnect();
    this.#scrolled.disconnect();
    this.#shown = null;
    this.#closeSolid();
  }

  #paint() {
    const { canvas, image, stage, in: closer, out, compare, solid } = this.#elements;
    const turned = !solid.hidden; // the 3-D view covers the picture
    if (!this.#inView) canvas.width = canvas.height = 1;
    if (!this.#shown || !this.#inView || !stage.clientWidth) return;
    const { result, layers } = this.#shown;
    const { zoom, left, top } = this.#section;
    image.style.transform = `translate(${-left}px, ${-top}px) scale(${zoom})`;
    stage.classList.toggle("zoomed", zoom > 1);
    out.disabled = zoom === 1 || turned;
    closer.disabled = zoom === MOST_ZOOM || turned;
    compare.disabled = turned;
    const density = Math.min(devicePixelRatio || 1, 2);
    [canvas.width, canvas.height] = [stage.clientWidth, stage.clientHeight].map((side) => Math.round(side * density));
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    if (layers.photo === false) {
      context.fillStyle = PLAIN_GROUND;
      context.fillRect(0, 0, canvas.width, canvas.height);
    }
    draw(context, result, { layers, section: { zoom, left: left * density, top: top * density } });
    this.#divide();
    this.#answer();
  }

  /** Uncovers the photo left of the divider. */
  #divide() {
    const { canvas, compare, divider } = this.#elements;
    canvas.style.clipPath = `inset(0 0 0 ${compare.value}%)`;
    divider.style.left = `${compare.value}%`;
    divider.hidden = compare.value === "0";
    compare.ariaValueText = `${compare.value} % of the picture, from the left`;
  }

  /**
   * Pixels of the page, from the stage's left upper corner.
   * @param {number[]} point  in photo pixels
   */
  #onStage([x, y]) {
    const { zoom, left, top } = this.#section;
    const scale = (this.#elements.stage.clientWidth / (this.#shown?.result.width ?? 1)) * zoom;
    return { x: (x + 0.5) * scale - left, y: (y + 0.5) * scale - top };
  }

  /**
   * The nearest landmark within reach.
   * @param {PointerEvent} event
   * @returns {Place | null}
   */
  #near(event) {
    const { x, y } = this.#within(event);
    let [nearest, distance] = [
      /** @type {Place | null} */ (null),
      event.pointerType === "touch" ? REACH.touch : REACH.mouse,
    ];
    this.#named.forEach(({ instance }, which) =>
      instance.landmarks.forEach((landmark, point) => {
        const place = this.#onStage(landmark);
        const away = Math.hypot(place.x - x, place.y - y);
        if (away < distance) [nearest, distance] = [{ which, point }, away];
      }),
    );
    return nearest;
  }

  /** @param {MouseEvent} event */
  #within(event) {
    const { left, top } = this.#elements.stage.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }

  /** @param {Place | null} place */
  #choose(place) {
    this.#place = place;
    this.#answer();
  }

  /** Shows and announces the chosen landmark. */
  #answer() {
    const { ring, tip, stage } = this.#elements;
    const found = this.#place && this.#named[this.#place.which];
    ring.hidden = tip.hidden = !found;
    if (!found || !this.#place) return;
    const { x, y } = this.#onStage(found.instance.landmarks[this.#place.point]);
    [ring.style.left, ring.style.top] = [`${x}px`, `${y}px`];
    const [first, ...rest] = describe(found.name, found.instance, this.#place.point);
    tip.replaceChildren(
      Object.assign(document.createElement("b"), { textContent: first }),
      ...rest.map((text) => Object.assign(document.createElement("span"), { textContent: text })),
    );
    const beside = x + 16 + tip.offsetWidth > stage.clientWidth ? x - 16 - tip.offsetWidth : x + 16;
    tip.style.left = `${Math.min(Math.max(beside, 0), Math.max(stage.clientWidth - tip.offsetWidth, 0))}px`;
    tip.style.top = `${Math.min(Math.max(y - tip.offsetHeight / 2, 0), Math.max(stage.clientHeight - tip.offsetHeight, 0))}px`;
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.target !== this.#elements.stage || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = {
      ArrowRight: () => this.#step(1),
      ArrowLeft: () => this.#step(-1),
      ArrowDown: () => this.#step(0, 1),
      ArrowUp: () => this.#step(0, -1),
      "+": () => this.#zoomBy(STEP),
      "=": () => this.#zoomBy(STEP),
      "-": () => this.#zoomBy(1 / STEP),
      0: () => this.#zoomBy(1 / MOST_ZOOM),
      Escape: () => this.#choose(null),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  /**
   * To another landmark, or to the first one of another hand or face.
   * @param {number} points
   */
  #step(points, instances = 0) {
    if (!this.#named.length) return;
    const { which, point } = this.#place ?? { which: 0, point: points < 0 ? 0 : -points };
    const next = (which + instances + this.#named.length) % this.#named.length;
    const count = this.#named[next].instance.landmarks.length;
    this.#pinned = true;
    this.#place = { which: next, point: instances ? 0 : (point + points + count) % count };
    this.#bringIntoView(this.#named[next].instance.landmarks[this.#place.point]);
    this.#paint();
  }

  /** @param {number[]} landmark */
  #bringIntoView(landmark) {
    const { clientWidth: width, clientHeight: height } = this.#elements.stage;
    const { x, y } = this.#onStage(landmark);
    if (x < 0 || y < 0 || x > width || y > height) this.#moveBy(x - width / 2, y - height / 2);
  }

  /**
   * @param {number} factor
   * @param {{x: number, y: number}} [at]  stays where it is
   */
  #zoomBy(factor, at) {
    const { clientWidth: width, clientHeight: height } = this.#elements.stage;
    const place = this.#place && this.#named[this.#place.which]?.instance.landmarks[this.#place.point];
    const { x, y } = at ?? (place ? this.#onStage(place) : { x: width / 2, y: height / 2 });
    const { zoom, left, top } = this.#section;
    const next = Math.min(Math.max(zoom * factor, 1), MOST_ZOOM);
    this.#section = { zoom: next, left: ((left + x) * next) / zoom - x, top: ((top + y) * next) / zoom - y };
    this.#moveBy(0, 0);
  }

  /**
   * The section moves, as far as there is a picture.
   * @param {number} x
   * @param {number} y
   */
  #moveBy(x, y) {
    const { clientWidth: width, clientHeight: height } = this.#elements.stage;
    const { zoom, left, top } = this.#section;
    this.#section.left = Math.min(Math.max(left + x, 0), width * (zoom - 1));
    this.#section.top = Math.min(Math.max(top + y, 0), height * (zoom - 1));
    this.#paint();
  }

  /**
   * The wheel zooms with Ctrl (so does a touchpad's pinch) or while the picture has the focus; else the page scrolls.
   * @param {WheelEvent} event
   */
  #onWheel(event) {
    if (this.#solid || !(event.ctrlKey || this.#elements.stage.matches(":focus"))) return;
    if (event.deltaY > 0 && this.#section.zoom === 1 && !event.ctrlKey) return;
    event.preventDefault();
    this.#zoomBy(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.002)), this.#within(event));
  }

  /** @param {PointerEvent} event */
  #onDown(event) {
    if (this.#solid || event.button) return;
    this.#pressed = { x: event.clientX, y: event.clientY, moved: false };
    if (this.#section.zoom > 1) this.#elements.stage.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  #onMove(event) {
    if (this.#solid) return;
    const pressed = this.#pressed;
    if (pressed && this.#section.zoom > 1) {
      const [x, y] = [pressed.x - event.clientX, pressed.y - event.clientY];
      if (pressed.moved || Math.hypot(x, y) > DRAG) {
        this.#pressed = { x: event.clientX, y: event.clientY, moved: true };
        this.#moveBy(x, y);
      }
    } else if (!this.#pinned && event.pointerType !== "touch") {
      this.#choose(this.#near(event));
    }
  }

  /** @param {PointerEvent} event */
  #onUp(event) {
    const moved = this.#pressed?.moved ?? true;
    this.#pressed = null;
    if (moved || this.#solid) return;
    const near = this.#near(event);
    this.#pinned = near !== null;
    this.#choose(near);
  }

  async #toggleSolid() {
    if (this.#solid) return this.#closeSolid();
    const { solid, turn, root } = this.#elements;
    turn.ariaPressed = "true";
    solid.hidden = false;
    this.#paint();
    solid.textContent = "Loading the 3-D view …";
    try {
      const { SolidView } = await import("./solid_view.js"); // three.js: half a megabyte that most visits do without
      if (solid.hidden || !root.isConnected) return;
      this.#solid = new SolidView(solid);
      this.#solid.show(this.#named, this.#place?.which);
    } catch (error) {
      solid.textContent = `The 3-D view cannot be shown: ${messageOf(error)}`;
    }
  }

  #closeSolid() {
    const { solid, turn } = this.#elements;
    this.#solid?.close();
    this.#solid = null;
    solid.replaceChildren();
    solid.hidden = true;
    turn.ariaPressed = "false";
    this.#paint();
  }
}
