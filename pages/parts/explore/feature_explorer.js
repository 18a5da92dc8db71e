// All feature maps as buttons, and the chosen one enlarged over the crop. Hovering, tapping or the arrow keys choose.
// data: crop and sheet (picture addresses; the sheet holds the maps as grey tiles in rows of `columns`, 0 = low, 255 =
// high), maps: [{part, low, high}], first (the map to begin with), colours: 256 [r, g, b], points: [[name, x, y]] in
// fractions of the crop, kind: "hand" or "face".
const SIDE = 384; // pixels of the enlarged map
const NEAR = 0.08; // of the crop's side: what counts as near a point
const shown = new WeakMap(); // parent element -> its sheet: Streamlit calls again whenever `data` changes

export default async function ({ data, parentElement }) {
  if (shown.get(parentElement) === data.sheet) return;
  shown.set(parentElement, data.sheet);
  const [crop, sheet] = await Promise.all([data.crop, data.sheet].map(load));
  if (shown.get(parentElement) !== data.sheet) return; // another picture was chosen meanwhile
  new Explorer(parentElement, data, crop, sheet).pin(data.first);
}

async function load(address) {
  const picture = new Image();
  picture.src = address;
  await picture.decode();
  return picture;
}

class Explorer {
  constructor(parent, data, crop, sheet) {
    this.data = data;
    this.crop = crop;
    this.grid = parent.querySelector(".maps");
    this.title = parent.querySelector(".title");
    this.value = parent.querySelector(".value");
    this.canvas = parent.querySelector("canvas");
    this.canvas.width = this.canvas.height = SIDE;
    this.cell = sheet.naturalWidth / data.columns;
    this.colour(sheet);
    this.fillGrid();
    this.canvas.onpointermove = this.canvas.onpointerdown = (event) => {
      const box = this.canvas.getBoundingClientRect();
      this.read((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    };
    this.canvas.onpointerleave = () => (this.value.textContent = "");
  }

  /** Keeps the sheet's levels and makes it colourful. */
  colour(sheet) {
    this.sheet = document.createElement("canvas");
    [this.sheet.width, this.sheet.height] = [sheet.naturalWidth, sheet.naturalHeight];
    const context = this.sheet.getContext("2d", { willReadFrequently: true });
    context.drawImage(sheet, 0, 0);
    const pixels = context.getImageData(0, 0, this.sheet.width, this.sheet.height);
    this.levels = new Uint8Array(pixels.data.length / 4);
    for (let i = 0; i < this.levels.length; i++) {
      this.levels[i] = pixels.data[4 * i];
      pixels.data.set(this.data.colours[this.levels[i]], 4 * i);
    }
    context.putImageData(pixels, 0, 0);
  }

  /** Column and row of a map's tile in the sheet. */
  tile(index) {
    return [index % this.data.columns, Math.floor(index / this.data.columns)];
  }

  fillGrid() {
    const { maps, columns } = this.data;
    const rows = Math.ceil(maps.length / columns);
    const address = `url("${this.sheet.toDataURL()}")`;
    const buttons = maps.map((map, index) => {
      const button = document.createElement("button");
      const [column, row] = this.tile(index);
      button.type = "button";
      button.setAttribute("aria-label", `Feature map ${index}, ${this.sentence(index)}`);
      button.style.backgroundImage = address;
      button.style.backgroundSize = `${columns * 100}% ${rows * 100}%`;
      button.style.backgroundPosition = `${(column / Math.max(columns - 1, 1)) * 100}% ${(row / Math.max(rows - 1, 1)) * 100}%`;
      button.onpointerenter = (event) => event.pointerType === "mouse" && this.show(index);
      button.onclick = () => this.pin(index);
      return button;
    });
    this.grid.replaceChildren(...buttons);
    this.grid.onpointerleave = () => this.show(this.pinned);
    this.grid.onkeydown = (event) => {
      const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
      const next = { Home: 0, End: maps.length - 1 }[event.key] ?? this.pinned + steps[event.key];
      if (!(next >= 0 && next < maps.length)) return;
      event.preventDefault();
      this.pin(next);
      buttons[next].focus();
    };
  }

  sentence(index) {
    const { part } = this.data.maps[index];
    return part ? `responds most to the ${part}` : "responds to no part in particular";
  }

  pin(index) {
    this.pinned = index;
    [...this.grid.children].forEach((button, place) => {
      button.setAttribute("aria-pressed", String(place === index));
      button.tabIndex = place === index ? 0 : -1; // one tab stop, arrow keys inside
    });
    this.show(index);
  }

  show(index) {
    this.chosen = index;
    this.title.textContent = `Map ${index}: ${this.sentence(index)}.`;
    this.canvas.setAttribute("aria-label", `Feature map ${index} laid over the crop, ${this.sentence(index)}.`);
    this.value.textContent = "";
    const [column, row] = this.tile(index);
    const context = this.canvas.getContext("2d");
    context.globalCompositeOperation = "source-over";
    context.drawImage(this.crop, 0, 0, SIDE, SIDE);
    context.fillStyle = "#0009";
    context.fillRect(0, 0, SIDE, SIDE);
    context.globalCompositeOperation = "lighter";
    context.drawImage(this.sheet, column * this.cell, row * this.cell, this.cell, this.cell, 0, 0, SIDE, SIDE);
  }

  /** Tells the value at a place of the enlarged map, and what is there. */
  read(x, y) {
    if (!(x >= 0 && y >= 0 && x < 1 && y < 1)) return;
    const [column, row] = this.tile(this.chosen);
    const [i, j] = [Math.floor(x * this.cell), Math.floor(y * this.cell)];
    const { low, high } = this.data.maps[this.chosen];
    const level = this.levels[(row * this.cell + j) * this.sheet.width + column * this.cell + i] / 255;
    const distance = ([, px, py]) => Math.hypot(px - x, py - y);
    const nearest = this.data.points.reduce((best, point) => (distance(point) < distance(best) ? point : best));
    const place = distance(nearest) < NEAR ? `at the ${nearest[0]}` : `beside the ${this.data.kind}`;
    this.value.textContent = `Column ${i}, row ${j}: ${(low + level * (high - low)).toFixed(2)}, ${place}`;
  }
}
