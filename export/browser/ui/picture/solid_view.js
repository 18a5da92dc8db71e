// One hand or face in three dimensions, to turn by mouse, touch or keyboard: bones or mesh, coloured by depth.

/** @import { Named } from "./picture_view.js" */

import {
  AmbientLight,
  BufferAttribute,
  BufferGeometry,
  Color,
  CylinderGeometry,
  DirectionalLight,
  DoubleSide,
  Group,
  LineBasicMaterial,
  LineSegments,
  Mesh,
  MeshLambertMaterial,
  PerspectiveCamera,
  Scene,
  SphereGeometry,
  Vector3,
  WebGLRenderer,
} from "three";

import constants from "../../runtime/constants.js";

const NEAR = new Color("#FFD166");
const FAR = new Color("#2F5FD0");
const BONE = 0.018; // radius as a share of the object's larger side
const TURN = 0.01; // radians a pixel
const KEY = 0.12; // radians a key
const DISTANCE = { least: 1.2, most: 5, first: 2.4 };

const HTML = `
  <style>
    .solid .choice { position: absolute; z-index: 1; left: 0.5rem; top: 0.5rem; display: flex; gap: 0.5rem; align-items: center; flex-wrap: wrap; }
    .solid select { color: #fff; background: #16181d; }
    .solid .depth { display: inline-block; width: 4rem; height: 0.6rem; margin: 0 0.3rem; border-radius: 0.3rem;
      background: linear-gradient(90deg, #ffd166, #2f5fd0); }
    .solid .space { position: absolute; inset: 0; touch-action: none; cursor: move; }
    .solid .space canvas { display: block; }
    .solid .space:focus-visible { outline: 3px solid #7ad7ea; outline-offset: -3px; }
    .solid .hint { position: absolute; left: 0.6rem; bottom: 0.4rem; margin: 0; pointer-events: none; opacity: 0.85; }
  </style>
  <div class="choice"><select aria-label="Hand or face"></select><span>near<span class="depth"></span>far</span></div>
  <div class="space" role="application" tabindex="0"></div>
  <p class="hint">Drag or press the arrow keys to turn; wheel, + and − change the size; 0 turns it back.</p>
`;

export class SolidView {
  #renderer = new WebGLRenderer({ antialias: true, alpha: true });
  #scene = new Scene();
  #camera = new PerspectiveCamera(35, 1, 0.1, 20);
  #object = new Group();
  #space;
  #select;
  /** @type {Named[]} */
  #named = [];
  #resized;

  /**
   * @param {HTMLElement} parent
   * @throws where the browser has no WebGL
   */
  constructor(parent) {
    parent.innerHTML = HTML;
    this.#space = /** @type {HTMLElement} */ (parent.querySelector(".space"));
    this.#select = /** @type {HTMLSelectElement} */ (parent.querySelector("select"));
    this.#space.append(this.#renderer.domElement);
    const light = new DirectionalLight("#ffffff", 1.8);
    light.position.set(0.5, 1, 2);
    this.#scene.add(new AmbientLight("#ffffff", 1.6), light, this.#object);
    this.#camera.position.z = DISTANCE.first;
    this.#select.onchange = () => this.#build();
    this.#space.onpointerdown = (event) => this.#space.setPointerCapture(event.pointerId);
    this.#space.onpointermove = (event) => {
      if (event.buttons) this.#turn(event.movementX * TURN, event.movementY * TURN);
    };
    this.#space.onkeydown = (event) => this.#onKey(event);
    this.#space.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        this.#approach(Math.exp(event.deltaY * 0.001));
      },
      { passive: false },
    );
    this.#resized = new ResizeObserver(() => this.#fit());
    this.#resized.observe(this.#space);
    this.#space.focus({ preventScroll: true });
  }

  /** @param {Named[]} named */
  show(named, which = Number(this.#select.value) || 0) {
    this.#named = named;
    this.#select.replaceChildren(...named.map(({ name }, index) => new Option(name, String(index))));
    this.#select.value = String(Math.min(which, named.length - 1));
    this.#build();
  }

  close() {
    this.#resized.disconnect();
    this.#empty();
    this.#renderer.dispose();
    this.#renderer.forceContextLoss();
  }

  #empty() {
    this.#object.traverse((part) => {
      if (part instanceof Mesh || part instanceof LineSegments) {
        part.geometry.dispose();
        part.material.dispose();
      }
    });
    this.#object.clear();
  }

  #build() {
    const chosen = this.#named[Number(this.#select.value)];
    this.#empty();
    if (chosen) {
      const { kind, landmarks } = chosen.instance;
      const { points, colours } = normalized(landmarks);
      if (kind === "hand") this.#object.add(...bones(points, colours));
      else this.#object.add(...mesh(points, colours));
      this.#space.ariaLabel = `${chosen.name} in three dimensions. Arrow keys turn it, plus and minus change its size, 0 turns it back.`;
    }
    this.#front();
  }

  #front() {
    this.#object.rotation.set(0, 0, 0);
    this.#camera.position.z = DISTANCE.first;
    this.#render();
  }

  /**
   * Radians around the upright and the level axis.
   * @param {number} around
   * @param {number} over
   */
  #turn(around, over) {
    const { rotation } = this.#object;
    rotation.y += around;
    rotation.x = Math.min(Math.max(rotation.x + over, -Math.PI / 2), Math.PI / 2);
    this.#render();
  }

  /** @param {number} factor */
  #approach(factor) {
    const { position } = this.#camera;
    position.z = Math.min(Math.max(position.z * factor, DISTANCE.least), DISTANCE.most);
    this.#render();
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = {
      ArrowLeft: () => this.#turn(-KEY, 0),
      ArrowRight: () => this.#turn(KEY, 0),
      ArrowUp: () => this.#turn(0, -KEY),
      ArrowDown: () => this.#turn(0, KEY),
      "+": () => this.#approach(0.9),
      "=": () => this.#approach(0.9),
      "-": () => this.#approach(1.1),
      0: () => this.#front(),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  #fit() {
    const { clientWidth: width, clientHeight: height } = this.#space;
    if (!width || !height) return;
    this.#renderer.setPixelRatio(Math.min(devicePixelRatio || 1, 2));
    this.#renderer.setSize(width, height);
    this.#camera.aspect = width / height;
    this.#camera.updateProjectionMatrix();
    this.#render();
  }

  #render() {
    this.#renderer.render(this.#scene, this.#camera);
    const { x, y } = this.#object.rotation; // readable from outside: for tests and for the curious
    Object.assign(this.#space.dataset, {
      around: y.toFixed(2),
      over: x.toFixed(2),
      distance: this.#camera.position.z.toFixed(2),
    });
  }
}

/**
 * The landmarks around the origin, their larger side 1, y up and z towards the viewer; and a colour each, by depth.
 * @param {number[][]} landmarks
 */
function normalized(landmarks) {
  const axes = [0, 1, 2].map((axis) => landmarks.map((point) => point[axis]));
  const [low, high] = [axes.map((values) => Math.min(...values)), axes.map((values) => Math.max(...values))];
  const size = Math.max(...high.map((value, axis) => value - low[axis]), 1e-6);
  const middle = high.map((value, axis) => (value + low[axis]) / 2);
  const points = landmarks.map(
    ([x, y, z]) => new Vector3((x - middle[0]) / size, (middle[1] - y) / size, (middle[2] - z) / size),
  );
  const depth = Math.max(high[2] - low[2], 1e-6);
  const colours = landmarks.map((point) => NEAR.clone().lerp(FAR, (point[2] - low[2]) / depth));
  return { points, colours };
}

/**
 * @param {Vector3[]} points
 * @param {Color[]} colours
 */
function bones(points, colours) {
  const joints = points.map((point, index) => {
    const joint = new Mesh(new SphereGeometry(BONE * 1.5, 16, 12), new MeshLambertMaterial({ color: colours[index] }));
    joint.position.copy(point);
    return joint;
  });
  const up = new Vector3(0, 1, 0);
  const rods = constants.hand.edges.map(([a, b]) => {
    const along = points[b].clone().sub(points[a]);
    const geometry = new CylinderGeometry(BONE, BONE, Math.max(along.length(), 1e-6), 12);
    const places = geometry.getAttribute("position");
    const ends = Array.from({ length: places.count }, (_, index) => (places.getY(index) > 0 ? colours[b] : colours[a]));
    geometry.setAttribute("color", coloured(ends));
    const rod = new Mesh(geometry, new MeshLambertMaterial({ vertexColors: true }));
    rod.position.copy(points[a]).addScaledVector(along, 0.5);
    rod.quaternion.setFromUnitVectors(up, along.normalize());
    return rod;
  });
  return [...joints, ...rods];
}

/**
 * @param {Vector3[]} points
 * @param {Color[]} colours
 */
function mesh(points, colours) {
  const places = new BufferAttribute(new Float32Array(points.flatMap(({ x, y, z }) => [x, y, z])), 3);
  const surface = new BufferGeometry();
  surface.setAttribute("position", places);
  surface.setAttribute("color", coloured(colours));
  surface.setIndex(constants.face.triangles.flat());
  surface.computeVertexNormals();
  const lines = new BufferGeometry();
  lines.setAttribute("position", places);
  lines.setIndex(
    constants.face.contours.flatMap(({ points: path, closed }) =>
      path.flatMap((point, index) =>
        index + 1 < path.length || closed ? [point, path[(index + 1) % path.length]] : [],
      ),
    ),
  );
  const material = new MeshLambertMaterial({
    vertexColors: true,
    side: DoubleSide,
    polygonOffset: true,
    polygonOffsetFactor: 1,
  });
  return [new Mesh(surface, material), new LineSegments(lines, new LineBasicMaterial({ color: "#ffffff" }))];
}

/** @param {Color[]} colours */
function coloured(colours) {
  return new BufferAttribute(new Float32Array(colours.flatMap(({ r, g, b }) => [r, g, b])), 3);
}
