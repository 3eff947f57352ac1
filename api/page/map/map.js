/**
 * The library as a map: what is alike lies together. Drawn on a canvas, which says nothing to a screen reader: the
 * pictures nearest to its middle stand below it, as links.
 */

import { addressOf } from "../address.js";
import { Problem, ask, facts, thumbnailOf } from "../api.js";
import { notice } from "../notice.js";
import { nameOf, pictures } from "../results/words.js";
import { element, showImage } from "../show.js";
import { Drawing } from "./drawing.js";
import { listen } from "./moving.js";
import { Plane, View } from "./plane.js";

const LISTED = 12;
const SETTLED_MS = 350;
const BY_POINTER = "Drag to move, scroll to zoom, click a picture to see it whole. Or: arrow keys, + and −, Enter.";
const BY_FINGERS = "Drag to move, pinch to zoom, tap a picture to see it whole.";
const NAMES = 500;
const LOOKS = ["(prefers-color-scheme: dark)", "(forced-colors: active)"].map((query) => matchMedia(query));

let context = null;
let shown = null;                         // {plane, view, drawing, parts, sizes, said, settling, fetched}
const names = new Map();                  // id -> path, of those asked for last

/** @param {{root: HTMLElement, state: object, go: Function, say: Function, library: object}} given */
export async function open(given) {
  const begun = context;
  context = given;
  if (begun) return shown && follow();
  const { root } = given;
  root.replaceChildren(element("p", { className: "hint", textContent: "Fetching the map …" }));
  try {
    const map = await ask("map");
    if (context?.root !== root) return undefined;
    build(map);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (context) root.replaceChildren(notice(error.status === 404 ? "No map yet" : "The map is not to be had", error.message));
    given.say(error.status === 404 ? "There is no map yet." : "The map is not to be had.");
  }
  return undefined;
}

export function close() {
  clearTimeout(shown?.settling);
  shown?.drawing.stop();
  shown?.sizes.disconnect();
  for (const look of LOOKS) look.removeEventListener("change", redraw);
  context = shown = null;
}

const redraw = () => shown?.drawing.soon();

function build(map) {
  const { root, state, say } = context;
  const parts = markup(map.ids.length);
  const plane = new Plane(map);
  const view = new View(map.ids.length);
  const drawing = new Drawing(parts.canvas, plane, view);
  const sizes = new ResizeObserver(() => drawing.resize(parts.window.clientWidth, parts.window.clientHeight));
  shown = { plane, view, drawing, parts, sizes, settling: 0, round: 0 };
  root.replaceChildren(parts.title, parts.words, parts.around, parts.list);
  drawing.resize(parts.window.clientWidth, parts.window.clientHeight);
  view.said = state.at;
  sizes.observe(parts.window);
  for (const look of LOOKS) look.addEventListener("change", redraw);
  listen(parts.window, view, { moved, at, left: () => mean(-1), clicked, entered });
  parts.window.addEventListener("focus", () => parts.window.matches(":focus-visible") && middle());
  parts.window.addEventListener("blur", () => mean(-1));
  say(`${pictures(map.ids.length)} on the map`);
  list();
}

function markup(count) {
  const canvas = element("canvas", { "aria-hidden": "true" });
  const name = element("p", { className: "map-name", hidden: true, "aria-live": "polite" });
  const button = (label, text, act) => element("button", { className: "icon", type: "button", title: label, "aria-label": label, textContent: text, onclick: () => { act(shown.view); moved(); } });
  const buttons = element("div", { className: "map-buttons" },
    button("Zoom in", "+", (view) => view.magnify(2)), button("Zoom out", "−", (view) => view.magnify(0.5)), button("Show the whole map", "⤢", (view) => view.whole()));
  const frame = element("div", {
    className: "map-window", tabIndex: 0, role: "application", "aria-roledescription": "map", "aria-label": `Map of ${pictures(count)}`, "aria-describedby": "map-words", dataset: { testid: "map" },
  }, canvas, name);
  const around = element("div", { className: "map-around" }, frame, buttons);
  return {
    canvas, name, window: frame,
    title: element("h1", { className: "view-title", textContent: "Map" }),
    words: element("p", { className: "view-words", id: "map-words", textContent: `What is alike lies together. ${matchMedia("(pointer: coarse)").matches ? BY_FINGERS : BY_POINTER}` }),
    around, ...listed(),
  };
}

function listed() {
  const links = element("ol", { className: "map-list", dataset: { testid: "map-list" } });
  return { links, list: element("section", { "aria-labelledby": "map-list-title" }, element("h2", { id: "map-list-title", className: "view-part", textContent: "Nearest to the middle" }), links) };
}

/** The map was moved: draw it, and once it rests put it into the address and list what is in its middle. */
function moved(byKeys = false) {
  shown.drawing.soon();
  if (byKeys) middle();
  else mean(-1);
  clearTimeout(shown.settling);
  shown.settling = setTimeout(() => {
    context.go({ at: shown.view.said }, { replace: true });
    list();
  }, SETTLED_MS);
}

/** The address says another place: back was pressed, or a link followed. */
function follow() {
  if (context.state.at === shown.view.said) return;
  shown.view.said = context.state.at;
  shown.drawing.soon();
  list();
}

const at = (x, y) => mean(shown.drawing.under(x, y));

function middle() {
  const { plane, view } = shown;
  mean(plane.nearest(view, view.width / 2, view.height / 2, 1)[0] ?? -1);
}

function clicked(x, y) {
  const i = shown.drawing.under(x, y);
  if (i >= 0) context.go({ open: shown.plane.ids[i] });
}

function entered() {
  const { plane, view } = shown;
  const [i] = plane.nearest(view, view.width / 2, view.height / 2, 1);
  if (i !== undefined) context.go({ open: plane.ids[i] });
}

/** Mark a picture, and name it. */
async function mean(i) {
  const { drawing, parts, plane, view } = shown;
  if (drawing.meant === i) return;
  drawing.meant = i;
  drawing.soon();
  parts.window.classList.toggle("over", i >= 0);
  parts.name.hidden = true;
  if (i < 0) return;
  const path = await named(plane.ids[i], 120, () => shown?.drawing.meant === i);
  if (path === null) return;
  const [x, y] = view.window(plane.x[i], plane.y[i]);
  parts.name.textContent = nameOf(path);
  parts.name.hidden = false;
  const half = parts.name.offsetWidth / 2 + 4;
  parts.name.style.left = `${Math.max(half, Math.min(view.width - half, x))}px`;
  parts.name.style.top = `${Math.max(0, Math.min(view.height - 36, y + (drawing.images.get(i)?.naturalWidth ? drawing.room * 0.36 : 10)))}px`;
}

/** The path of a picture; null if it is `still` wanted no more after so many milliseconds. */
async function named(id, ms, still) {
  if (!names.has(id)) {
    await new Promise((resolve) => { setTimeout(resolve, ms); });
    if (!still()) return null;
    const path = await facts(id).then((said) => said.path, (error) => error.message);
    names.set(id, path);
    if (names.size > NAMES) names.delete(names.keys().next().value);
  }
  return still() ? names.get(id) : null;
}

/** The pictures nearest to the middle, as links to their full view. */
async function list() {
  const { plane, view, parts } = shown;
  shown.round += 1;
  const { round } = shown;
  const ids = plane.nearest(view, view.width / 2, view.height / 2, LISTED).map((i) => plane.ids[i]);
  const still = () => shown?.round === round;
  const paths = await Promise.all(ids.map((id) => named(id, 0, still)));
  if (still()) parts.links.replaceChildren(...ids.map((id, i) => link(id, paths[i])));
}

function link(id, path) {
  const image = element("img", { width: 96, height: 96, decoding: "async" });
  const gone = element("span", { className: "gone", hidden: true });
  showImage(image, gone, thumbnailOf(id), "");
  return element("li", {}, element("a", { href: addressOf({ ...context.state, at: shown.view.said, open: id }), title: path.slice(0, 400), dataset: { id } },
    element("span", { className: "frame" }, image, gone), element("bdi", { className: "name", textContent: nameOf(path) })));
}
