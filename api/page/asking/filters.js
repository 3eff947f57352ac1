/**
 * Narrowing: by folder, dates, camera, place and size. What the library offers comes from /facets, once the panel is
 * opened; what is chosen stands above the answer, as chips that take it back.
 */

import { facets } from "../api.js";
import { NARROWING } from "../address.js";
import { library } from "../life.js";
import { byId, element, showError } from "../show.js";
import { count, nameOf } from "../results/words.js";
import { textChip } from "./panel.js";

const UNKNOWN = { folders: [], cameras: [], taken: { first: "", last: "" }, placed: 0 };  // where a service has no catalog to count in
const SIZES = [["0", "Any"], ["1000000", "1 megapixel or more"], ["4000000", "4 megapixels or more"], ["12000000", "12 megapixels or more"]];
let go = null;
let now = () => null;
let offered = null;                       // what /facets said

export function listenForFilters(change, stateNow) {
  [go, now] = [change, stateNow];
  byId("narrow").addEventListener("toggle", () => byId("narrow").open && offer());
}

/** Show what narrows `state`, as chips. */
export function showFilters(state) {
  const chips = NARROWING.filter((name) => state[name]).map((name) =>
    textChip(words(name, state[name]), "take this filter back", () => go({ [name]: name === "min" ? 0 : "" })));
  byId("narrowed").replaceChildren(...chips);
  if (offered && byId("narrow").open) fill(state);
}

/** Other pictures are in the library: what it offers is asked anew. */
export function forgetFacets() {
  offered = null;
  if (byId("narrow").open) offer();
}

function words(name, value) {
  if (name === "folder") return `In ${nameOf(value) || value}`;
  if (name === "from") return `From ${value}`;
  if (name === "to") return `Until ${value}`;
  if (name === "camera") return value;
  if (name === "near") return `Near ${value}`;
  return `${value / 1e6} megapixels or more`;
}

async function offer() {
  try {
    offered ??= library.catalog ? await facets() : UNKNOWN;
    fill(now());
  } catch (error) {
    byId("narrow").open = false;
    showError(error);
  }
}

function fill(state) {
  const { folders, cameras, taken, placed } = offered;
  const named = () => select("folder", "Folder", [["", "All"], ...folders.map(({ path, pictures }) => [path, `${nameOf(path)} (${count(pictures)})`, path])], state);
  const fields = [library.catalog ? named() : input("folder", "Folder", state, { type: "text", placeholder: "/photos/2024", title: "the whole path of a folder" })];
  if (cameras.length) fields.push(select("camera", "Camera", [["", "Any"], ...cameras.map(({ name, pictures }) => [name, `${name} (${count(pictures)})`])], state));
  if (taken) for (const [name, label] of [["from", "Taken from"], ["to", "Until"]]) fields.push(input(name, label, state, { type: "date", min: taken.first, max: taken.last }));
  if (placed) fields.push(input("near", "Near", state, { type: "text", placeholder: "48.86,2.35,10", title: "latitude, longitude, kilometres", inputMode: "decimal" }));
  if (library.catalog) fields.push(select("min", "Size", SIZES, state));
  byId("fields").replaceChildren(...fields);
}

function field(name, label, control, taken = (value) => value) {
  control.id = `by-${name}`;
  control.dataset.testid = `by-${name}`;
  control.addEventListener("change", () => go({ [name]: taken(control.value) }));
  return element("label", { className: "field", htmlFor: control.id }, element("span", { textContent: label }), control);
}

function select(name, label, options, state) {
  const known = options.some(([value]) => value === String(state[name])) ? options : [...options, [String(state[name]), words(name, state[name])]];
  const control = element("select", {}, ...known.map(([value, text, title = ""]) => element("option", { value, textContent: text, title })));
  control.value = String(state[name]);
  return field(name, label, control, name === "min" ? Number : String);
}

function input(name, label, state, about) {
  const control = element("input", about);
  control.value = state[name];
  return field(name, label, control, (value) => (name === "folder" ? value.trim() : value.replaceAll(" ", "")));
}
