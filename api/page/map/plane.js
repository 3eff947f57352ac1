/**
 * The map's geometry: where pictures lie on the plane, which of them a window shows, which is nearest to a point.
 * Plane coordinates are 0 to 1 in both directions; a window is a canvas of `width` × `height` CSS pixels that shows the
 * plane around (x, y), `zoom` times as large as the whole would be. The plane is stretched to the window: its two axes
 * mean nothing by themselves.
 */

const LAST = 65535;
const MARGIN = 0.05;                       // of the window, kept free around the whole plane
const PER_CELL = 8;                        // pictures that a cell of the index holds, about

export class Plane {
  /** @param {{ids: number[], x: number[], y: number[]}} map  as /map says it */
  constructor({ ids, x, y }) {
    this.ids = ids;
    this.x = Float32Array.from(x, (value) => value / LAST);
    this.y = Float32Array.from(y, (value) => value / LAST);
    this.side = Math.max(1, Math.min(1024, Math.round(Math.sqrt(ids.length / PER_CELL))));
    this.sort();
  }

  /** Put the pictures in order of cells, by counting: a million in a tenth of a second. */
  sort() {
    const cells = Uint32Array.from(this.ids, (_, i) => this.cell(this.y[i]) * this.side + this.cell(this.x[i]));
    this.starts = new Uint32Array(this.side ** 2 + 1);
    for (const cell of cells) this.starts[cell + 1] += 1;
    for (let cell = 0; cell < this.side ** 2; cell += 1) this.starts[cell + 1] += this.starts[cell];
    const next = this.starts.slice();
    this.order = new Uint32Array(cells.length);
    cells.forEach((cell, i) => { this.order[next[cell]] = i; next[cell] += 1; });
  }

  cell(value) {
    return Math.max(0, Math.min(this.side - 1, Math.floor(value * this.side)));
  }

  /** Call `visit` with the place of each picture in a rectangle of the plane, row of cells by row. */
  within(left, top, right, bottom, visit) {
    for (let row = this.cell(top); row <= this.cell(bottom); row += 1) {
      const from = this.starts[row * this.side + this.cell(left)];
      const to = this.starts[row * this.side + this.cell(right) + 1];
      for (let k = from; k < to; k += 1) {
        const i = this.order[k];
        if (this.x[i] >= left && this.x[i] <= right && this.y[i] >= top && this.y[i] <= bottom) visit(i);
      }
    }
  }

  /** The places of the `n` pictures nearest to a point of the window, in CSS pixels, none further than `reach`. */
  nearest(view, px, py, n, reach = Infinity) {
    for (let radius = 24; ; radius *= 2) {
      const r = Math.min(radius, reach);
      const found = [];
      const [left, top] = view.plane(px - r, py - r);
      const [right, bottom] = view.plane(px + r, py + r);
      this.within(left, top, right, bottom, (i) => {
        const distance = Math.hypot(...view.offset(i, this, px, py));
        if (distance <= r) found.push([distance, i]);
      });
      if (found.length >= n || r >= reach || (left < 0 && top < 0 && right > 1 && bottom > 1)) {
        return found.sort(([a, i], [b, j]) => a - b || i - j).slice(0, n).map(([, i]) => i);
      }
    }
  }
}

export class View {
  x = 0.5;
  y = 0.5;
  zoom = 1;
  width = 1;
  height = 1;

  /** @param {number} count  of pictures: how far one may go in */
  constructor(count) {
    this.count = count;
  }

  get most() {
    return Math.max(8, 600 / Math.sqrt((this.width * this.height) / Math.max(1, this.count)));
  }

  get wide() {
    return this.width * (1 - 2 * MARGIN) * this.zoom;
  }

  get high() {
    return this.height * (1 - 2 * MARGIN) * this.zoom;
  }

  /** Where a point of the plane is in the window. */
  window(x, y) {
    return [(x - this.x) * this.wide + this.width / 2, (y - this.y) * this.high + this.height / 2];
  }

  /** Where a point of the window is on the plane. */
  plane(px, py) {
    return [(px - this.width / 2) / this.wide + this.x, (py - this.height / 2) / this.high + this.y];
  }

  offset(i, plane, px, py) {
    const [x, y] = this.window(plane.x[i], plane.y[i]);
    return [x - px, y - py];
  }

  pan(dx, dy) {
    this.x -= dx / this.wide;
    this.y -= dy / this.high;
    return this.keep();
  }

  /** Zoom so that what is under a point of the window stays under it. @returns {boolean} whether anything changed */
  magnify(factor, px = this.width / 2, py = this.height / 2) {
    const [x, y] = this.plane(px, py);
    const before = this.zoom;
    this.zoom = Math.max(1, Math.min(this.most, this.zoom * factor));
    this.x = x - (px - this.width / 2) / this.wide;
    this.y = y - (py - this.height / 2) / this.high;
    this.keep();
    return this.zoom !== before;
  }

  keep() {
    const slack = 0.5 / this.zoom;          // at the edge of the plane half a window of nothing, seen whole none
    const bound = (value) => (this.zoom <= 1 ? 0.5 : Math.max(Math.min(slack, 0.5) * 0.5, Math.min(1 - Math.min(slack, 0.5) * 0.5, value)));
    [this.x, this.y] = [bound(this.x), bound(this.y)];
  }

  whole() {
    [this.x, this.y, this.zoom] = [0.5, 0.5, 1];
  }

  /** "x,y,zoom", for the address; "" of the whole. */
  get said() {
    return this.zoom <= 1.001 ? "" : [this.x.toFixed(4), this.y.toFixed(4), this.zoom.toFixed(2)].join(",");
  }

  set said(text) {
    const [x, y, zoom] = text.split(",").map(Number);
    this.whole();
    if (!(zoom >= 1)) return;
    this.zoom = Math.min(this.most, zoom);
    [this.x, this.y] = [x, y];
    this.keep();
  }
}
