/**
 * Looking closer: wheel, pinch, double click and keys zoom; dragging moves; a swipe goes on. Pictures that stand beside
 * or over each other move together.
 */

import { dragOut } from "../results/cards.js";
import { WHOLE, zoomed } from "./place.js";

const STEP = 1.5;
const SWIPE_PX = 60;
const MOVE_PX = 80;

let stage = null;
let panes = [];
let spot = WHOLE;
let boxing = null;                        // {begin, move, end, isOn}: while it is on, a drag draws
let told = { swiped: () => {}, zoomed: () => {} };
const pointers = new Map();               // pointerId -> where it is
let begun = null;                         // {x, y, alone}: where a touch began, and whether it stayed the only one

/** @param {HTMLElement} on  @param {Pane[]} all  @param {{swiped: (step) => void, zoomed: (scale) => void}} about */
export function listenForMoves(on, all, box, about) {
  [stage, panes, boxing, told] = [on, all, box, about];
  stage.addEventListener("wheel", wheeled, { passive: false });
  stage.addEventListener("pointerdown", pressed);
  stage.addEventListener("pointermove", moved);
  for (const kind of ["pointerup", "pointercancel"]) stage.addEventListener(kind, released);
  stage.addEventListener("dblclick", (event) => onPicture(event) && !boxing.isOn() && (spot.scale > 1 ? lay(WHOLE) : zoomAt(event, 2.5)));
  stage.addEventListener("dragstart", taken);
}

const onPicture = ({ target }) => target.closest(".pane") && !target.closest("button");
const paneOf = ({ target }) => panes.find(({ root }) => root.contains(target)) ?? panes.at(-1);

/** Lay all pictures at the same spot, as `lead` allows it. */
export function lay(next, lead = panes.at(-1)) {
  spot = lead.put(next);
  for (const pane of panes) if (pane !== lead) pane.put(spot);
  stage.classList.toggle("near", spot.scale > 1);
  for (const { image } of panes) image.draggable = spot.scale === 1 && !boxing.isOn();
  told.zoomed(spot.scale);
}

/** A key or a button: "in", "out", "fit", or where to move. @returns {boolean} whether it meant something */
export function zoomBy(what) {
  const moves = { left: [MOVE_PX, 0], right: [-MOVE_PX, 0], up: [0, MOVE_PX], down: [0, -MOVE_PX] };
  if (what === "fit") lay(WHOLE);
  else if (what in moves) lay({ ...spot, x: spot.x + moves[what][0], y: spot.y + moves[what][1] });
  else lay(zoomed(spot, what === "in" ? STEP : 1 / STEP));
  return true;
}

function zoomAt(event, factor, pane = paneOf(event)) {
  lay(zoomed(spot, factor, fromCentre(event, pane)), pane);
}

function fromCentre({ clientX, clientY }, pane) {
  const at = pane.root.getBoundingClientRect();
  return { x: clientX - at.left - at.width / 2, y: clientY - at.top - at.height / 2 };
}

function wheeled(event) {
  event.preventDefault();
  const pixels = event.deltaY * [1, 16, 400][event.deltaMode];
  zoomAt(event, Math.exp(-pixels * (event.ctrlKey ? 0.01 : 0.002)));
}

function pressed(event) {
  if (!onPicture(event) || event.button) return;
  const pane = paneOf(event);
  if (boxing.isOn()) boxing.begin(pane, event);
  else if (spot.scale === 1 && event.pointerType === "mouse") return;  // that drag takes the picture out of the page
  pane.root.setPointerCapture(event.pointerId);                    // not the stage: a double click would be its, too
  pointers.set(event.pointerId, { clientX: event.clientX, clientY: event.clientY, pane });
  begun = { x: event.clientX, y: event.clientY, alone: pointers.size === 1 };
}

function moved(event) {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const now = { clientX: event.clientX, clientY: event.clientY, pane: before.pane };
  pointers.set(event.pointerId, now);
  if (boxing.isOn()) return void boxing.move(event);
  const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
  if (other) pinched(before, now, other);
  else if (spot.scale > 1) lay({ ...spot, x: spot.x + now.clientX - before.clientX, y: spot.y + now.clientY - before.clientY }, before.pane);
}

/** Two fingers: what lies between them stays between them. */
function pinched(before, now, other) {
  const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1;
  const middle = { clientX: (now.clientX + other.clientX) / 2, clientY: (now.clientY + other.clientY) / 2 };
  const by = { x: (now.clientX - before.clientX) / 2, y: (now.clientY - before.clientY) / 2 };
  const next = zoomed(spot, apart(now) / apart(before), fromCentre(middle, now.pane));
  lay({ ...next, x: next.x + by.x, y: next.y + by.y }, now.pane);
}

function released(event) {
  if (!pointers.delete(event.pointerId)) return;
  if (boxing.isOn()) return void boxing.end();
  const [right, down] = [event.clientX - begun.x, event.clientY - begun.y];
  if (event.type === "pointercancel" || !begun.alone || spot.scale > 1 || pointers.size) return;
  if (Math.abs(right) > SWIPE_PX && Math.abs(right) > 2 * Math.abs(down)) told.swiped(right < 0 ? 1 : -1);
}

/** Dragging a picture out gives its file. */
function taken(event) {
  const { source } = paneOf(event);
  if (typeof source?.key === "number") dragOut(event, source.key, source.name);
}
