// Corrects the points of hands and faces on a photo, by pointer and by keyboard.
// data: picture (address), width, height (of the photo), instances [{number, kind, name, handedness, points [[x, y]]}], names {kind: [...]},
// edges {kind: [[a, b]]}, colours {hand: [...], face: [...]}, canUndo, canRedo, applied (number of the last edit that the server has), said.
// An edit is shown at once and sent with all others that the server has not confirmed; each has a number, so that none is applied twice.
const PICK = 22; // screen pixels between the pointer and the point that it takes
const WAIT = 350; // milliseconds after the last key before a nudge is sent
const SVG = "http://www.w3.org/2000/svg";
const editors = new WeakMap(); // parent element -> its Editor: Streamlit calls again whenever `data` changes

export default function ({ data, parentElement, setStateValue }) {
  let editor = editors.get(parentElement);
  if (!editor) editors.set(parentElement, (editor = new Editor(parentElement)));
  editor.setStateValue = setStateValue;
  editor.receive(data);
  return () => editor.flush();
}

class Editor {
  constructor(parent) {
    const one = (selector) => parent.querySelector(selector);
    Object.assign(this, { pending: [], draft: null, drag: null, adding: null, last: 0, shown: 0, point: 8 });
    this.svg = one("svg");
    this.status = one("[role=status]");
    this.instanceList = one(".instance");
    this.pointList = one(".point");
    this.enlarge = one(".enlarge");
    this.reach = one(".reach");
    this.reachValue = one(".reach-value");
    this.buttons = Object.fromEntries([...parent.querySelectorAll("button")].map((button) => [button.name, button]));

    this.instanceList.onchange = () => this.select(Number(this.instanceList.value), this.point);
    this.pointList.onchange = () => this.select(this.shown, Number(this.pointList.value));
    this.enlarge.onchange = () => this.draw();
    this.reach.oninput = () => this.draw();
    this.buttons.undo.onclick = () => this.send({ do: "undo" });
    this.buttons.redo.onclick = () => this.send({ do: "redo" });
    this.buttons.side.onclick = () => this.switchSide();
    this.buttons.remove.onclick = () => this.remove();
    this.buttons.hand.onclick = () => this.startAdding("hand");
    this.buttons.face.onclick = () => this.startAdding("face");
    this.svg.addEventListener("pointerdown", (event) => this.down(event));
    this.svg.addEventListener("pointermove", (event) => this.move(event));
    this.svg.addEventListener("pointerup", () => this.up());
    this.svg.addEventListener("pointercancel", () => this.up());
    this.svg.addEventListener("keydown", (event) => this.key(event));
    this.svg.addEventListener("blur", () => this.flush());
    // A finger on a point drags it; elsewhere it scrolls the page.
    this.svg.addEventListener("touchstart", (event) => this.takesTouch(event) && event.preventDefault(), {
      passive: false,
    });
    new ResizeObserver(() => this.data && this.draw()).observe(this.svg);
  }

  /** What the server has now, and on top of it the edits that it has not seen yet. */
  receive(data) {
    const first = !this.data;
    this.data = data;
    this.pending = this.pending.filter((edit) => edit.n > data.applied);
    this.last = Math.max(this.last, data.applied);
    this.instances = data.instances.map((instance) => ({
      ...instance,
      points: instance.points.map((point) => [...point]),
    }));
    this.pending.forEach((edit) => this.apply(edit));
    if (this.draft) this.apply(this.draft);
    if (this.drag?.rows) this.apply({ do: "move", number: this.shown, points: this.drag.rows });
    const numbers = this.instances.map(({ number }) => number);
    if (!numbers.includes(this.shown) || (data.chosen !== null && data.chosen !== this.chosen))
      this.shown = data.chosen ?? numbers[0] ?? 0;
    this.chosen = data.chosen;
    if (first) {
      const image = element("image", {
        href: new URL(data.picture, document.baseURI).href,
        preserveAspectRatio: "none",
      });
      Object.entries({ x: -0.5, y: -0.5, width: data.width, height: data.height }).forEach(([name, value]) =>
        image.setAttribute(name, value),
      );
      this.layer = element("g", {});
      this.svg.replaceChildren(image, this.layer);
      const instance = this.instance();
      this.enlarge.checked = Boolean(instance) && (this.size(instance) / data.width) * this.svg.clientWidth < 160;
    }
    if (data.said && data.said !== this.said) this.say(data.said);
    this.said = data.said;
    this.lists();
    this.draw();
  }

  instance() {
    return this.instances.find(({ number }) => number === this.shown);
  }

  size({ points }) {
    const [xs, ys] = [0, 1].map((axis) => points.map((point) => point[axis]));
    return Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys), 1);
  }

  /** On the copy here, as the server does it on its own. */
  apply(edit) {
    const instance = this.instances.find(({ number }) => number === edit.number);
    if (!instance) return;
    if (edit.do === "move") edit.points.forEach(([index, x, y]) => (instance.points[index] = [x, y]));
    if (edit.do === "side") instance.handedness = edit.handedness;
    if (edit.do === "remove") this.instances = this.instances.filter((each) => each !== instance);
  }

  send(edit) {
    this.flush();
    this.pending.push({ ...edit, n: ++this.last });
    this.apply(edit);
    this.setStateValue("edits", [...this.pending]);
    this.lists();
    this.draw();
  }

  /** Nudges by key are sent together. */
  flush() {
    clearTimeout(this.timer);
    if (!this.draft) return;
    const edit = this.draft;
    this.draft = null;
    this.pending.push({ ...edit, n: ++this.last });
    this.setStateValue("edits", [...this.pending]);
  }

  say(words) {
    this.status.textContent = words;
  }

  // ---- choosing

  lists() {
    const option = (value, text) => Object.assign(document.createElement("option"), { value, textContent: text });
    this.instanceList.replaceChildren(...this.instances.map(({ number, name }) => option(number, name)));
    this.instanceList.value = this.shown;
    const instance = this.instance();
    const names = instance ? this.data.names[instance.kind] : [];
    this.point = Math.min(this.point, Math.max(names.length - 1, 0));
    if (this.pointList.options.length !== names.length) {
      this.pointList.replaceChildren(...names.map((name, index) => option(index, `${index} ${name}`)));
    }
    this.pointList.value = this.point;
    this.buttons.undo.disabled = !(this.data.canUndo || this.pending.length);
    this.buttons.redo.disabled = !this.data.canRedo;
    this.buttons.remove.disabled = !instance;
    this.buttons.side.disabled = instance?.kind !== "hand";
    this.buttons.side.textContent = instance?.handedness === "left" ? "It is a right hand" : "It is a left hand";
    this.reach.parentElement.hidden = instance?.kind !== "face";
  }

  select(number, point) {
    this.flush();
    this.shown = number;
    this.point = point;
    this.lists();
    this.draw();
    const instance = this.instance();
    if (instance) this.say(`${instance.name}, ${this.where(instance)}`);
  }

  where({ kind, points }) {
    const [x, y] = points[this.point];
    return `${this.data.names[kind][this.point]}: ${x.toFixed(1)}, ${y.toFixed(1)}`;
  }

  // ---- moving

  /** The point at `point` of the instance, and in a face its neighbours in the mesh less and less, as rows [index, x, y]. */
  displaced(points, kind, point, to) {
    const [dx, dy] = [to[0] - points[point][0], to[1] - points[point][1]];
    const radius = kind === "face" ? (Number(this.reach.value) / 100) * this.size({ points }) : 0;
    const rows = [];
    points.forEach(([x, y], index) => {
      const distance = Math.hypot(x - points[point][0], y - points[point][1]);
      const share = index === point ? 1 : distance < radius ? (1 - (distance / radius) ** 2) ** 2 : 0;
      if (share > 0.001) rows.push([index, round(x + dx * share), round(y + dy * share)]);
    });
    return rows;
  }

  place(event) {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
    return [at.x, at.y];
  }

  /** The nearest point on the screen: {number, index}, or null. The chosen hand or face comes first. */
  near(event) {
    const [x, y] = this.place(event);
    let best = null;
    for (const instance of this.instances) {
      const favour = instance.number === this.shown ? 1 : 1.6;
      instance.points.forEach((point, index) => {
        const distance = (Math.hypot(point[0] - x, point[1] - y) / this.unit) * favour;
        if (distance < PICK && (!best || distance < best.distance)) best = { number: instance.number, index, distance };
      });
    }
    return best;
  }

  takesTouch(event) {
    return this.adding || (event.touches.length === 1 && this.near(event.touches[0]));
  }

  down(event) {
    if (event.button !== 0) return;
    this.svg.focus({ preventScroll: true });
    if (this.adding) {
      this.drag = { from: this.place(event) };
      this.svg.setPointerCapture(event.pointerId);
      return;
    }
    const near = this.near(event);
    if (!near) return;
    this.select(near.number, near.index);
    const instance = this.instance();
    const at = this.place(event);
    const start = instance.points.map((point) => [...point]);
    this.drag = { start, offset: [start[near.index][0] - at[0], start[near.index][1] - at[1]], moved: false };
    this.svg.setPointerCapture(event.pointerId);
    event.preventDefault();
  }

  move(event) {
    if (!this.drag) return;
    const [x, y] = this.place(event);
    if (this.adding) {
      const [left, top] = this.drag.from;
      this.adding.box = [Math.min(left, x), Math.min(top, y), Math.abs(x - left), Math.abs(y - top)];
      this.drag.moved = true;
    } else {
      const instance = this.instance();
      const { start, offset } = this.drag;
      this.drag.rows = this.displaced(start, instance.kind, this.point, [x + offset[0], y + offset[1]]);
      instance.points = start.map((point) => [...point]);
      this.apply({ do: "move", number: this.shown, points: this.drag.rows });
      this.drag.moved = true;
    }
    this.draw();
  }

  up() {
    const { drag } = this;
    this.drag = null;
    if (!drag?.moved) return;
    if (this.adding) return this.finishAdding();
    this.send({ do: "move", number: this.shown, points: drag.rows });
    this.say(this.where(this.instance()));
  }

  key(event) {
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const command = event.ctrlKey || event.metaKey;
    if (command && event.key.toLowerCase() === "z") this.send({ do: event.shiftKey ? "redo" : "undo" });
    else if (command && event.key.toLowerCase() === "y") this.send({ do: "redo" });
    else if (command || event.altKey) return;
    else if (this.adding && event.key === "Escape") this.stopAdding("Nothing was added.");
    else if (this.adding && event.key === "Enter") this.finishAdding();
    else if (this.adding && arrows[event.key]) this.changeBox(arrows[event.key], event.shiftKey);
    else if (arrows[event.key] && this.instance()) this.nudge(arrows[event.key], event.shiftKey ? 10 : 1);
    else if (["PageDown", "n", "PageUp", "p"].includes(event.key) && this.instance()) {
      const count = this.instance().points.length;
      const step = ["PageDown", "n"].includes(event.key) ? 1 : count - 1;
      this.select(this.shown, (this.point + step) % count);
    } else return;
    event.preventDefault();
  }

  nudge([dx, dy], times) {
    const instance = this.instance();
    const step = Math.max(this.size(instance) / 250, 0.25) * times; // photo pixels: as fine on a small hand as on a large one
    const [x, y] = instance.points[this.point];
    const rows = this.displaced(instance.points, instance.kind, this.point, [x + dx * step, y + dy * step]);
    this.apply({ do: "move", number: this.shown, points: rows });
    const before = this.draft?.points ?? [];
    const fresh = new Set(rows.map(([index]) => index));
    this.draft = {
      do: "move",
      number: this.shown,
      points: [...before.filter(([index]) => !fresh.has(index)), ...rows],
    };
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), WAIT);
    this.say(this.where(instance));
    this.draw();
  }

  // ---- sides, false and missed detections

  switchSide() {
    const instance = this.instance();
    this.send({ do: "side", number: this.shown, handedness: instance.handedness === "left" ? "right" : "left" });
    this.say(`${instance.name}: now a ${this.instance().handedness} hand.`);
  }

  remove() {
    const { name } = this.instance();
    this.send({ do: "remove", number: this.shown });
    this.shown = this.instances[0]?.number ?? 0;
    this.lists();
    this.draw();
    this.say(`${name} removed. Undo brings it back.`);
  }

  startAdding(kind) {
    this.flush();
    this.enlarge.checked = false; // what was missed may be anywhere
    const [left, top, width, height] = this.view();
    this.adding = { kind, box: [left + width * 0.375, top + height * 0.375, width * 0.25, height * 0.25] };
    this.svg.focus();
    this.say(
      `Draw a box around the ${kind}. Or move the dashed box by the arrow keys, size it with Shift, and press Enter. Escape ends it.`,
    );
    this.draw();
  }

  changeBox([dx, dy], sizing) {
    const [x, y, width, height] = this.adding.box;
    const step = Math.max(this.data.width, this.data.height) / 60;
    this.adding.box = sizing
      ? [x, y, Math.max(width + dx * step, step), Math.max(height + dy * step, step)]
      : [x + dx * step, y + dy * step, width, height];
    this.draw();
  }

  finishAdding() {
    const { kind, box } = this.adding;
    if (Math.min(box[2], box[3]) < 2) return this.stopAdding("The box was too small.");
    this.adding = null;
    this.send({ do: "add", number: -1, kind, box: box.map(round) });
    this.say(`The network places the ${kind}'s points …`);
  }

  stopAdding(words) {
    this.adding = null;
    this.say(words);
    this.draw();
  }

  // ---- drawing

  /** left, top, width, height of what is shown, photo pixels: all of it, or around the chosen hand or face. */
  view() {
    const { width, height } = this.data;
    const instance = this.instance();
    if (!this.enlarge.checked || !instance) return [-0.5, -0.5, width, height];
    if (this.drag && this.framed) return this.framed; // what is dragged must not move the frame
    const [xs, ys] = [0, 1].map((axis) => instance.points.map((point) => point[axis]));
    const side = Math.max(this.size(instance) * 1.5, 16);
    const across = Math.max(side, (side * width) / height);
    const down = (across * height) / width;
    const middle = [xs, ys].map((values) => (Math.min(...values) + Math.max(...values)) / 2);
    return (this.framed = [middle[0] - across / 2, middle[1] - down / 2, across, down]);
  }

  draw() {
    const { width, height, colours, edges } = this.data;
    const view = this.view();
    this.svg.setAttribute("viewBox", view.join(" "));
    this.svg.style.aspectRatio = `${width} / ${height}`;
    this.svg.style.maxWidth = `${(75 * width) / height}vh`;
    this.unit = view[2] / Math.max(this.svg.clientWidth, 1); // photo pixels of a screen pixel
    this.reachValue.textContent = `${this.reach.value} % of the face`;
    const parts = this.instances.flatMap((instance) =>
      this.drawn(instance, colours[instance.kind], edges[instance.kind]),
    );
    if (this.adding) {
      const [x, y, w, h] = this.adding.box;
      for (const style of ["halo", "box"]) parts.push(element("rect", { x, y, width: w, height: h, class: style }));
    }
    this.layer.replaceChildren(...parts);
    const instance = this.instance();
    const what = instance ? `${instance.name}, ${this.where(instance)}` : "no hand or face";
    this.svg.setAttribute("aria-label", `Photo with the points to correct. Chosen: ${what}`);
  }

  drawn({ number, kind, points }, colours, edges) {
    const chosen = number === this.shown;
    const line = edges.map(([a, b]) => `M${points[a].join(" ")}L${points[b].join(" ")}`).join("");
    const parts = [
      element("path", { d: line, class: "halo" }),
      element("path", { d: line, class: chosen ? "line" : "line faint" }),
    ];
    if (kind === "hand" || chosen) {
      const radius = (kind === "hand" ? (chosen ? 4.5 : 3) : 1.8) * this.unit;
      points.forEach(([cx, cy], k) =>
        parts.push(
          element("circle", { cx, cy, r: radius, style: `fill: ${colours[k] ?? colours[0]}`, class: "point" }),
        ),
      );
    }
    if (chosen) {
      const [cx, cy] = points[this.point];
      for (const style of ["halo", "ring"]) parts.push(element("circle", { cx, cy, r: 9 * this.unit, class: style }));
    }
    return parts;
  }
}

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function round(value) {
  return Math.round(value * 100) / 100;
}
