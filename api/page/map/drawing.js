/**
 * The map as it is drawn: a dot for each picture, and thumbnails of as many as have room, chosen by rasters
 * that are fixed to the plane, so that moving changes few of them. Zooming in makes these finer, until each has room.
 * Colours are the style sheet's, read from the canvas: `color` of dots, `text-decoration-color` of the one that is
 * meant, `background-color` behind.
 */

import { thumbnailOf } from "../api.js";

const ROOM = 84;                           // CSS pixels a thumbnail's cell is wide at least; up to twice that
const PART = 0.68;                         // of it that the thumbnail takes
const KEPT = 400;                          // thumbnails in memory
const AT_ONCE = 12;                        // that are on their way

export class Drawing {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas, plane, view) {
    Object.assign(this, { canvas, plane, view, meant: -1, images: new Map(), wanted: [], chosen: [], frame: 0, loading: 0 });
    this.pen = canvas.getContext("2d");
  }

  /** Draw at the next frame. */
  soon() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  /** The window has another size, or the screen another density. */
  resize(width, height) {
    const ratio = Math.min(2, devicePixelRatio || 1);
    Object.assign(this.view, { width, height });
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.view.keep();
    this.soon();
  }

  draw() {
    const { pen, view, canvas } = this;
    const style = getComputedStyle(canvas);
    pen.clearRect(0, 0, view.width, view.height);
    const chosen = this.choose();
    this.chosen = chosen;
    this.want(chosen);
    pen.fillStyle = style.color;
    this.dots();
    for (const i of chosen) this.thumbnail(i, style);
    if (this.meant >= 0) this.mark(this.meant, style, chosen.includes(this.meant));
  }

  /** A dot for each that has none in the same place: what is drawn is bounded by the window, not the library. */
  dots() {
    const { view, plane, pen } = this;
    const size = view.zoom > 3 ? 5 : 3.5;
    const across = Math.ceil(view.width / 2) + 1;
    const taken = new Uint8Array(across * (Math.ceil(view.height / 2) + 1));
    this.seen(0, (i) => {
      const [x, y] = view.window(plane.x[i], plane.y[i]);
      const place = (y >> 1) * across + (x >> 1);
      if (taken[place]) return;
      taken[place] = 1;
      pen.fillRect(x - size / 2, y - size / 2, size, size);
    });
  }

  seen(around, visit) {
    const { view } = this;
    const [left, top] = view.plane(-around, -around);
    const [right, bottom] = view.plane(view.width + around, view.height + around);
    this.plane.within(left, top, right, bottom, visit);
  }

  /** How wide a thumbnail's cell is now, in CSS pixels: rasters come in steps of twice. */
  get room() {
    const step = 2 ** Math.floor(Math.log2(this.view.zoom));
    return (ROOM * this.view.zoom) / step;
  }

  /** The places of the pictures that have a thumbnail: the first of each cell, then of ever smaller ones, as far as
   *  none covers another. */
  choose() {
    const { view, plane, room } = this;
    const side = room * PART + 3;
    const placed = [];
    for (const cell of [room, room / 2, room / 4]) {
      for (const i of this.firsts(view.wide / cell, view.high / cell)) {
        const [x, y] = view.window(plane.x[i], plane.y[i]);
        if (placed.every(([, px, py]) => Math.abs(px - x) >= side || Math.abs(py - y) >= side)) placed.push([i, x, y]);
      }
    }
    return placed.map(([i]) => i);
  }

  /** The first by id of each cell that is seen, of a raster of so many columns and rows. */
  firsts(columns, rows) {
    const first = new Map();
    this.seen(this.room, (i) => {
      const cell = Math.floor(this.plane.y[i] * rows) * 65536 + Math.floor(this.plane.x[i] * columns);
      if (!first.has(cell) || first.get(cell) > i) first.set(cell, i);
    });
    return [...first].sort(([a], [b]) => a - b).map(([, i]) => i);
  }

  thumbnail(i, style) {
    const { pen, view, plane, room } = this;
    const image = this.images.get(i);
    if (!image?.naturalWidth || !image.complete) return;
    const side = room * PART;
    const [x, y] = view.window(plane.x[i], plane.y[i]);
    const cut = Math.min(image.naturalWidth, image.naturalHeight);
    pen.fillStyle = style.backgroundColor;
    pen.fillRect(x - side / 2 - 1.5, y - side / 2 - 1.5, side + 3, side + 3);
    pen.drawImage(image, (image.naturalWidth - cut) / 2, (image.naturalHeight - cut) / 2, cut, cut, x - side / 2, y - side / 2, side, side);
  }

  mark(i, style, large) {
    const { pen, view, plane } = this;
    const side = large && this.images.get(i)?.naturalWidth ? this.room * PART + 3 : 12;
    const [x, y] = view.window(plane.x[i], plane.y[i]);
    pen.strokeStyle = style.textDecorationColor;
    pen.lineWidth = 3;
    pen.strokeRect(x - side / 2, y - side / 2, side, side);
  }

  /** Load what is seen and not there; what is on its way and no longer seen is given up. */
  want(chosen) {
    const now = new Set(chosen);
    for (const [i, image] of this.images) {
      if (now.has(i)) continue;
      if (!image.complete || this.images.size > KEPT) this.drop(i, image);
    }
    for (const i of chosen) if (this.images.get(i)?.naturalWidth) this.images.set(i, this.again(i));
    this.wanted = chosen.filter((i) => !this.images.has(i));
    this.load();
  }

  /** The same image, as the one used last: a Map keeps the order in which it was filled. */
  again(i) {
    const image = this.images.get(i);
    this.images.delete(i);
    return image;
  }

  drop(i, image) {
    if (!image.complete) this.loading -= 1;
    image.onload = image.onerror = null;
    image.src = "";
    this.images.delete(i);
  }

  load() {
    while (this.loading < AT_ONCE && this.wanted.length) {
      const i = this.wanted.shift();
      const image = new Image();
      this.loading += 1;
      image.onload = image.onerror = () => {
        this.loading -= 1;
        this.load();
        this.soon();
      };
      image.src = thumbnailOf(this.plane.ids[i]);
      this.images.set(i, image);
    }
  }

  /** The place of the picture whose thumbnail or dot is under a point; -1 where there is none. */
  under(px, py) {
    const half = (this.room * PART) / 2;
    const { view, plane } = this;
    for (const i of this.chosen) {
      const [dx, dy] = view.offset(i, plane, px, py);
      if (this.images.get(i)?.naturalWidth && Math.abs(dx) <= half && Math.abs(dy) <= half) return i;
    }
    return this.plane.nearest(view, px, py, 1, 14)[0] ?? -1;
  }

  stop() {
    cancelAnimationFrame(this.frame);
    for (const [i, image] of this.images) this.drop(i, image);
    this.wanted = [];
  }
}
