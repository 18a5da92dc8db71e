// How one number of a feature map is made: the window of the crop, the kernel, their products and the sum. Hovering shows a cell,
// a click or the arrow keys choose one.
// data: pixels (base64 of the crop's RGB bytes, row by row), side, weight [map][channel][row][column], bias [map], stride, padding,
// first {map, row, column}, colours: 256 [r, g, b].
const CHANNELS = ["Red", "Green", "Blue"];
const SIDE = 320; // pixels of the crop's and the map's canvas
const shown = new WeakMap(); // parent element -> its pixels: Streamlit calls again whenever `data` changes

export default function ({ data, parentElement }) {
  if (shown.get(parentElement) === data.pixels) return;
  shown.set(parentElement, data.pixels);
  new Convolution(parentElement, data);
}

class Convolution {
  constructor(parent, data) {
    this.data = data;
    this.pixels = Uint8Array.from(atob(data.pixels), (letter) => letter.charCodeAt(0));
    this.kernel = data.weight[0][0].length;
    this.cells = data.side / data.stride;
    this.part = (name) => parent.querySelector(name);
    this.cell = { row: data.first.row, column: data.first.column };
    this.channel = 0;
    this.maps = data.weight.map((_, map) => this.compute(map));
    this.picture = picture(data.side, (at) => this.pixels.subarray(3 * at, 3 * at + 3));
    this.pictures = this.maps.map((values) => this.coloured(values));
    this.fillMaps();
    this.fillChannels();
    this.listen(this.part(".map"));
    this.choose(data.first.map);
  }

  /** The value of the crop under a kernel's weight, 0 to 1; 0 beyond its edge. */
  value({ row, column }, channel, i, j) {
    const { side, stride, padding } = this.data;
    const [y, x] = [row * stride - padding + i, column * stride - padding + j];
    return x >= 0 && y >= 0 && x < side && y < side ? this.pixels[3 * (y * side + x) + channel] / 255 : 0;
  }

  /** The sum over one channel's products. */
  sum(map, cell, channel) {
    let sum = 0;
    this.data.weight[map][channel].forEach((weights, i) => weights.forEach((weight, j) => (sum += weight * this.value(cell, channel, i, j))));
    return sum;
  }

  compute(map) {
    const values = new Float32Array(this.cells ** 2);
    for (let at = 0; at < values.length; at++) {
      const cell = { row: Math.floor(at / this.cells), column: at % this.cells };
      const sum = CHANNELS.reduce((total, _, channel) => total + this.sum(map, cell, channel), this.data.bias[map]);
      values[at] = Math.max(0, sum);
    }
    return values;
  }

  coloured(values) {
    const high = Math.max(values.toSorted()[Math.floor(0.995 * values.length)], 1e-9); // the crop's edge would outshine the rest
    return picture(this.cells, (at) => this.data.colours[Math.round(Math.min(values[at] / high, 1) * 255)]);
  }

  fillMaps() {
    const buttons = this.pictures.map((own, map) => {
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-label", `Map ${map} of the first convolution`);
      button.style.backgroundImage = `url("${own.toDataURL()}")`;
      button.onclick = () => this.choose(map);
      return button;
    });
    this.part(".maps").replaceChildren(...buttons);
  }

  fillChannels() {
    const buttons = CHANNELS.map((name, channel) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.onclick = () => {
        this.channel = channel;
        this.show(this.cell);
      };
      return button;
    });
    this.part(".channels").replaceChildren(...buttons);
  }

  listen(canvas) {
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      const place = (share) => Math.min(Math.max(Math.floor(share * this.cells), 0), this.cells - 1);
      return { row: place((event.clientY - box.top) / box.height), column: place((event.clientX - box.left) / box.width) };
    };
    canvas.onpointermove = (event) => this.show(at(event));
    canvas.onpointerdown = (event) => this.show((this.cell = at(event)));
    canvas.onpointerleave = () => this.show(this.cell);
    canvas.onkeydown = (event) => {
      const [down, right] = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key] ?? [0, 0];
      const cell = { row: this.cell.row + down, column: this.cell.column + right };
      if ((!down && !right) || cell.row < 0 || cell.column < 0 || cell.row >= this.cells || cell.column >= this.cells) return;
      event.preventDefault();
      this.show((this.cell = cell));
    };
  }

  choose(map) {
    this.map = map;
    press(this.part(".maps"), map);
    this.show(this.cell);
  }

  show(cell) {
    press(this.part(".channels"), this.channel);
    const { stride, padding, side } = this.data;
    const share = SIDE / side;
    draw(this.part(".crop"), this.picture, [cell.column * stride - padding, cell.row * stride - padding, this.kernel, this.kernel].map((v) => v * share));
    draw(this.part(".map"), this.pictures[this.map], [cell.column * stride, cell.row * stride, stride, stride].map((v) => v * share));
    this.part(".map").setAttribute("aria-label", `Map ${this.map}, column ${cell.column}, row ${cell.row}. The arrow keys choose a cell.`);
    this.fillTables(cell);
    this.tell(cell);
  }

  fillTables(cell) {
    const weights = this.data.weight[this.map][this.channel];
    const values = weights.map((row, i) => row.map((_, j) => this.value(cell, this.channel, i, j)));
    const products = weights.map((row, i) => row.map((weight, j) => weight * values[i][j]));
    const grey = (value) => [`rgb(${Array(3).fill(Math.round(255 * value))})`, value > 0.5 ? "#000" : "#fff"];
    this.part(".tables").replaceChildren(
      table("Window", values, 2, grey),
      table("× Kernel", weights, 2, tint(weights)),
      table("= Products", products, 3, tint(products)),
    );
  }

  tell(cell) {
    const sums = CHANNELS.map((_, channel) => this.sum(this.map, cell, channel));
    const bias = this.data.bias[this.map];
    const total = sums.reduce((all, sum) => all + sum, bias);
    const parts = CHANNELS.map((name, channel) => `${name.toLowerCase()} ${number(sums[channel])}`);
    this.part(".sum").textContent =
      `Column ${cell.column}, row ${cell.row}: ${parts.join(" + ")} + bias ${number(bias)} = ${number(total)}. ` +
      `ReLU: max(0, ${number(total)}) = ${number(Math.max(0, total))}.`;
  }
}

function picture(side, colour) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const image = new ImageData(side, side);
  for (let at = 0; at < side * side; at++) image.data.set([...colour(at), 255], 4 * at);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** The picture with a marked rectangle. */
function draw(canvas, content, [x, y, width, height]) {
  canvas.width = canvas.height = SIDE;
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(content, 0, 0, SIDE, SIDE);
  for (const [colour, line] of [["#000", 5], ["#fff", 2.5]]) {
    context.strokeStyle = colour;
    context.lineWidth = line;
    context.strokeRect(x, y, width, height);
  }
}

function press(group, chosen) {
  [...group.children].forEach((button, at) => button.setAttribute("aria-pressed", String(at === chosen)));
}

function table(name, rows, digits, colours) {
  const element = document.createElement("table");
  element.createCaption().textContent = name;
  const body = element.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const value of row) {
      const cell = line.insertCell();
      cell.textContent = number(value, digits);
      [cell.style.background, cell.style.color] = colours(value);
    }
  }
  return element;
}

/** Blue above 0, orange below it, fainter the nearer to 0. */
function tint(rows) {
  const most = Math.max(...rows.flat().map(Math.abs), 1e-9);
  return (value) => [`rgba(${value > 0 ? "47, 134, 201" : "230, 130, 0"}, ${(0.45 * Math.abs(value)) / most})`, "inherit"];
}

function number(value, digits = 3) {
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) ? `−${text}` : text;
}
