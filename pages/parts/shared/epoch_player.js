// The predicted points of every epoch on fixed pictures: a slider, a play button, and movement in between.
// data: pictures [{address, kind, size, truth [[x, y]], edges [[a, b]], colours (one per point)}],
// epochs [{number, words, points: one [[x, y]] per picture}], moving: seconds from one epoch to the next.
// A picture of the kind "photo" has boxes, [[class, score, x, y, w, h]], and a colour for each class; boxes come and go, so they do not move.
const SIDE = 256; // pixels of a picture on the canvas, before the screen's pixel ratio
const players = new WeakMap(); // parent element -> its Player: Streamlit calls again whenever `data` changes

export default function ({ data, parentElement }) {
  const key = JSON.stringify(data.epochs);
  let player = players.get(parentElement);
  if (player?.key !== key) {
    player?.stop();
    players.set(parentElement, (player = new Player(parentElement, data, key)));
  }
  return () => player.stop();
}

class Player {
  constructor(parent, data, key) {
    Object.assign(this, { data, key, frame: null });
    this.button = parent.querySelector("button");
    this.slider = parent.querySelector("input");
    this.output = parent.querySelector("output");
    this.slider.max = data.epochs.length - 1;
    this.at = data.epochs.length - 1;
    this.views = data.pictures.map((picture) => this.view(picture));
    parent.querySelector(".pictures").replaceChildren(...this.views.map(({ canvas }) => canvas));
    this.slider.oninput = () => {
      this.stop();
      this.show(Number(this.slider.value));
    };
    this.button.onclick = () => (this.frame === null ? this.play() : this.stop());
    this.stop();
    this.show(this.at);
  }

  view(picture) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SIDE * Math.min(2, devicePixelRatio || 1);
    canvas.setAttribute("role", "img");
    const photo = new Image();
    photo.onload = () => this.show(this.at);
    photo.src = picture.address;
    return { canvas, photo };
  }

  play() {
    const last = this.data.epochs.length - 1;
    if (this.at >= last) this.at = 0;
    this.button.textContent = "Pause";
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    let before = null; // not the click's time: the first frame's may lie before it, as frames tell when they began
    const start = this.at;
    let passed = 0;
    const step = (now) => {
      passed += Math.min(now - (before ?? now), 250) / 1000; // a hidden tab gets no frames: go on where it was
      before = now;
      const at = Math.min(last, start + passed / this.data.moving);
      this.show(still ? Math.floor(at) : at);
      if (at < last) this.frame = requestAnimationFrame(step);
      else this.stop();
    };
    this.frame = requestAnimationFrame(step);
  }

  stop() {
    if (this.frame !== null) cancelAnimationFrame(this.frame);
    this.frame = null;
    this.button.textContent = "Play";
    this.at = Math.round(this.at);
    this.output.setAttribute("aria-live", "polite");
  }

  /** at: an epoch's index; between two whole numbers the points are on their way. */
  show(at) {
    this.at = at;
    const nearest = Math.round(at);
    const epoch = this.data.epochs[nearest];
    this.slider.value = nearest;
    this.slider.setAttribute("aria-valuetext", `Epoch ${epoch.number}. ${epoch.words}`);
    if (this.frame !== null) this.output.setAttribute("aria-live", "off"); // not every frame of the animation
    const words = `Epoch ${epoch.number} of ${this.data.epochs.at(-1).number}: ${epoch.words}`;
    if (this.output.textContent !== words) this.output.textContent = words;
    this.views.forEach((view, index) => this.draw(view, index, at));
  }

  points(index, at) {
    const low = Math.floor(at);
    const [from, to] = [low, Math.min(low + 1, this.data.epochs.length - 1)].map((e) => this.data.epochs[e].points[index]);
    const share = at - low;
    return from.map(([x, y], k) => [x + (to[k][0] - x) * share, y + (to[k][1] - y) * share]);
  }

  draw(view, index, at) {
    if (this.data.pictures[index].kind === "photo") this.drawBoxes(view, index, Math.round(at));
    else this.drawPoints(view, index, at);
  }

  drawBoxes({ canvas, photo }, index, epoch) {
    const { size, colours } = this.data.pictures[index];
    const boxes = this.data.epochs[epoch].points[index];
    const sure = boxes.filter(([, score]) => score >= 0.5);
    const [hands, faces] = [0, 1].map((kind) => sure.filter(([of]) => of === kind).length);
    canvas.setAttribute("aria-label", `A photo: boxes around hands: ${hands}, around faces: ${faces}.`);
    const context = canvas.getContext("2d");
    const scale = canvas.width / size;
    context.setTransform(scale, 0, 0, scale, scale / 2, scale / 2);
    if (photo.naturalWidth) context.drawImage(photo, -0.5, -0.5, size, size);
    context.font = "9px sans-serif";
    for (const [kind, score, x, y, w, h] of boxes) {
      context.setLineDash(score >= 0.5 ? [] : [4, 3]);
      for (const [width, colour] of [[3, "#000a"], [1.6, colours[kind]]]) {
        [context.lineWidth, context.strokeStyle] = [width, colour];
        context.strokeRect(x, y, w, h);
      }
      context.setLineDash([]);
      const words = `${Math.round(100 * score)} %`;
      [context.fillStyle, context.strokeStyle, context.lineWidth] = ["#fff", "#000", 2];
      context.strokeText(words, x + 2, Math.max(y - 3, 8));
      context.fillText(words, x + 2, Math.max(y - 3, 8));
    }
  }

  drawPoints({ canvas, photo }, index, at) {
    const { kind, size, truth, edges, colours } = this.data.pictures[index];
    const points = this.points(index, at);
    const distance = points.reduce((sum, [x, y], k) => sum + Math.hypot(x - truth[k][0], y - truth[k][1]), 0) / points.length;
    canvas.setAttribute("aria-label", `A ${kind}: the predicted points lie ${distance.toFixed(1)} pixels from the true ones on average.`);
    const context = canvas.getContext("2d");
    const scale = canvas.width / size;
    context.setTransform(scale, 0, 0, scale, scale / 2, scale / 2); // whole numbers are pixel centres
    if (photo.naturalWidth) context.drawImage(photo, -0.5, -0.5, size, size);
    context.fillStyle = "#0004";
    context.fillRect(-0.5, -0.5, size, size);
    context.lineWidth = 1.4;
    context.strokeStyle = "#fffc";
    context.beginPath();
    for (const [a, b] of edges) {
      context.moveTo(...points[a]);
      context.lineTo(...points[b]);
    }
    context.stroke();
    const radius = kind === "hand" ? 4 : 2.2;
    truth.forEach(([x, y]) => ring(context, x, y, radius + 1.2, "#fff"));
    points.forEach(([x, y], k) => disc(context, x, y, radius, colours[k]));
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.font = `${Math.round(12 * (canvas.width / SIDE))}px sans-serif`;
    context.fillStyle = "#fff";
    context.strokeStyle = "#000";
    context.lineWidth = 3;
    const text = [`${distance.toFixed(1)} px off`, canvas.width * 0.03, canvas.width * 0.96];
    context.strokeText(...text);
    context.fillText(...text);
  }
}

function ring(context, x, y, radius, colour) {
  context.lineWidth = 1;
  context.strokeStyle = colour;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.stroke();
}

function disc(context, x, y, radius, colour) {
  context.fillStyle = colour;
  context.strokeStyle = "#000a";
  context.lineWidth = 0.8;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
  context.stroke();
}
