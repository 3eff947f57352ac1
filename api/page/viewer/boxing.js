/**
 * A box on a picture asks by that part alone. It is drawn with a pointer, or set by four numbers: a drag is not for
 * everybody.
 */

import { byId } from "../show.js";
import { boxOf, boxed, regionOf } from "./place.js";

const FIRST = { left: 25, top: 25, width: 50, height: 50 };
const SMALLEST = 2;                       // per cent: less is a click, no box

let on = false;
let pane = null;                          // on whose picture the box is
let box = null;
let from = null;
let search = () => {};

const fields = () => byId("details-boxing").elements;

/** @param {(pane: Pane, region: string) => void} asked  a part of a picture is to ask */
export function listenForBoxes(asked) {
  search = asked;
  const form = byId("details-boxing");
  form.addEventListener("input", typed);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    search(pane, regionOf(box));
  });
}

export const isOn = () => on;

/** Begin on `of`'s picture, with the part that asked already, or the middle. */
export function turnOn(of, region) {
  on = true;
  byId("details-boxing").hidden = false;
  put(of, boxOf(region) ?? FIRST);
}

export function turnOff() {
  on = false;
  byId("details-boxing").hidden = true;
  pane?.drawBox(null);
  [pane, from] = [null, null];
}

function put(of, next) {
  if (pane && pane !== of) pane.drawBox(null);
  [pane, box] = [of, next];
  pane.drawBox(box);
  for (const [name, part] of Object.entries(box)) if (fields()[name] !== document.activeElement) fields()[name].value = part;
}

/** A number was typed; a box does not leave its picture. */
function typed() {
  const said = (name, least, most) => Math.min(most, Math.max(least, Math.round(Number(fields()[name].value)) || least));
  const [left, top] = [said("left", 0, 99), said("top", 0, 99)];
  put(pane, { left, top, width: said("width", 1, 100 - left), height: said("height", 1, 100 - top) });
}

export function begin(of, event) {
  from = { at: of.partAt(event), before: pane === of ? box : FIRST };
  pane?.drawBox(null);
  pane = of;
}

export function move(event) {
  if (from) put(pane, boxed(from.at, pane.partAt(event)));
}

export function end() {
  if (from && (!box || box.width < SMALLEST || box.height < SMALLEST)) put(pane, from.before);
  else if (from) put(pane, box);
  from = null;
}
