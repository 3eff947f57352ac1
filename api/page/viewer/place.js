/**
 * Where a picture lies in its pane, as numbers alone: {scale, x, y}. Scale 1 is the whole picture in the pane; x and y
 * are how far its centre lies from the pane's, in CSS pixels.
 */

const LARGEST_OF_SMALL = 4;               // a tile of 64 pixels is shown as 256, not as wide as the window
const LARGEST = 16;

export const WHOLE = { scale: 1, x: 0, y: 0 };

/** The size at which a picture of `pixels` is whole in a pane: {width, height}. */
export function fitted(pane, pixels) {
  const by = Math.min(pane.width / pixels.width, pane.height / pixels.height, LARGEST_OF_SMALL);
  return { width: pixels.width * by, height: pixels.height * by };
}

/** Larger or smaller by `factor`; what lies at `at` (from the pane's centre) stays there. */
export function zoomed({ scale, x, y }, factor, at = { x: 0, y: 0 }) {
  const next = Math.min(LARGEST, Math.max(1, scale * factor));
  const by = next / scale;
  return { scale: next, x: at.x - (at.x - x) * by, y: at.y - (at.y - y) * by };
}

/** The same, moved back where the picture would leave an edge of its pane empty. */
export function within({ scale, x, y }, pane, size) {
  const [right, down] = [Math.max(0, (size.width * scale - pane.width) / 2), Math.max(0, (size.height * scale - pane.height) / 2)];
  return { scale, x: Math.min(right, Math.max(-right, x)), y: Math.min(down, Math.max(-down, y)) };
}

/** A box between two points of a picture, each {x, y} in fractions of it: {left, top, width, height} in whole per cents. */
export function boxed(from, to) {
  const [a, b] = [from, to].map(({ x, y }) => ({ x: percent(x), y: percent(y) }));
  const [left, top] = [Math.min(a.x, b.x, 99), Math.min(a.y, b.y, 99)];
  return { left, top, width: Math.max(1, Math.abs(a.x - b.x)), height: Math.max(1, Math.abs(a.y - b.y)) };
}

const percent = (part) => Math.round(100 * Math.min(1, Math.max(0, part)));

/** A box as the address says it, x,y,w,h in fractions; and the box that such a text says, null where it says none. */
export const regionOf = ({ left, top, width, height }) =>
  [left, top, Math.min(width, 100 - left), Math.min(height, 100 - top)].map((part) => String(part / 100)).join(",");

export function boxOf(region) {
  if (!region) return null;
  const [left, top, width, height] = region.split(",").map((part) => Math.round(Number(part) * 100));
  return { left, top, width, height };
}
