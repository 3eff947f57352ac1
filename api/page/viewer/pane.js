/**
 * One picture in the full view. Its thumbnail is there at once and has the place and size of the whole picture, which
 * takes its place when it has come; larger ones follow as one looks closer. What cannot be shown says so in its place.
 */

import { element, setSentence } from "../show.js";
import { WHOLE, fitted, within } from "./place.js";
import { sideFor, why } from "./sources.js";

export class Pane {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    [this.sheet, this.image, this.box, this.said, this.caption] = [".sheet-of-picture", "img", ".box", ".said", "figcaption"].map((each) => root.querySelector(each));
    this.source = null;
    this.spot = WHOLE;
    this.image.onload = () => this.measured();
    new ResizeObserver(() => this.put(this.spot)).observe(root);
  }

  /** @param {{key, name, thumbnail: string, whole: (side: number) => string}} source  @param {string} alt */
  show(source, alt) {
    this.image.alt = alt;
    if (this.source?.key === source.key) return this.put(this.spot);
    this.source = source;
    [this.side, this.pixels] = [0, null];
    this.said.hidden = true;
    this.sheet.hidden = true;                                      // the one before is not to be seen under this one's name
    this.image.onerror = () => this.sharpen();                     // no thumbnail: the whole picture, or why not
    this.image.src = source.thumbnail;
    return this.put(WHOLE);
  }

  measured() {
    this.sheet.hidden = false;
    this.pixels ??= { width: this.image.naturalWidth, height: this.image.naturalHeight };
    this.put(this.spot);
  }

  /** A thumbnail may be smaller than a pane has room for: `true` pixels are the picture's own. */
  knowPixels(pixels) {
    const turned = this.pixels && pixels.width > pixels.height !== this.pixels.width > this.pixels.height;
    this.pixels = turned ? { width: pixels.height, height: pixels.width } : pixels;
    this.put(this.spot);
  }

  get area() {
    return { width: this.root.clientWidth, height: this.root.clientHeight };
  }

  /** Lay the picture at `spot`. @returns {{scale, x, y}} where it lies, held within its pane */
  put(spot) {
    if (!this.pixels || !this.area.width) return (this.spot = spot);
    const size = fitted(this.area, this.pixels);
    this.spot = within(spot, this.area, size);
    Object.assign(this.sheet.style, {
      width: `${size.width}px`, height: `${size.height}px`,
      transform: `translate(${this.spot.x}px, ${this.spot.y}px) scale(${this.spot.scale})`,
    });
    this.sheet.style.setProperty("--scale", this.spot.scale);
    clearTimeout(this.later);
    this.later = setTimeout(() => this.sharpen(), this.side ? 200 : 0);
    return this.spot;
  }

  /** Fetch the picture as large as it is looked at. */
  async sharpen() {
    const { source, pixels } = this;
    const size = pixels ? fitted(this.area, pixels) : this.area;
    const side = sideFor(Math.max(size.width, size.height) * this.spot.scale);
    if (!source || side <= this.side) return;
    this.side = side;
    const address = source.whole(side);
    const next = new Image();
    next.src = address;
    try {
      await next.decode();
      if (this.source !== source || this.side !== side) return;
      this.image.src = address;
      this.said.hidden = true;
      this.pixels ??= { width: next.naturalWidth, height: next.naturalHeight };
    } catch {
      if (this.source === source) await this.explain(source, address);
    }
  }

  async explain(source, address) {
    const { sentence, passing } = await why(address);
    if (this.source !== source) return;
    const again = element("button", { type: "button", className: "quiet", textContent: "Try again", onclick: () => { this.side = 0; this.sharpen(); } });
    const words = element("p");
    setSentence(words, sentence);
    this.said.replaceChildren(words, ...(passing ? [again] : []));
    this.said.hidden = false;
  }

  /** Where a pointer's place in the window lies in the picture, in fractions of it. */
  partAt({ clientX, clientY }) {
    const at = this.sheet.getBoundingClientRect();
    return { x: (clientX - at.left) / at.width, y: (clientY - at.top) / at.height };
  }

  /** @param {{left, top, width, height}|null} box  in per cents */
  drawBox(box) {
    this.box.hidden = !box;
    for (const [name, part] of Object.entries(box ?? {})) this.box.style[name] = `${part}%`;
  }
}
