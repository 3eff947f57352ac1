/** What the full view says of a picture: how like what was asked it is, its file, its camera, what its code remembers. */

import { hitOf, hits } from "../results/list.js";
import { byChance, count, longDistance, nameOf } from "../results/words.js";
import { byId, element, say } from "../show.js";
import { factsOf, rememberedOf } from "./sources.js";

let asking = null;                        // AbortController of the facts on their way

/** @param {{key, name, path, size}} source  @param {object} library  @returns {Promise<object|null>} its facts, where it has any */
export async function tell(source, library, isQuery) {
  asking?.abort();
  const { signal } = (asking = new AbortController());
  const isPicture = typeof source.key === "number";
  const isKnown = isPicture && library.catalog;                    // else nobody here knows more of it
  showName(source);
  list("details-likeness", isQuery ? [["Likeness", "This is what was asked by"]] : likeness(source.key, library));
  list("details-facts", source.size === undefined ? [] : [["File", bytes(source.size)]]);
  showRemembered(source, isKnown);
  const facts = isKnown ? await factsOf(source.key, signal) : null;
  if (signal.aborted) return null;
  if (facts) {
    showName({ ...source, name: nameOf(facts.path), path: facts.path });
    list("details-facts", rows(facts));
  }
  return facts;
}

export const stopTelling = () => asking?.abort();

function showName({ name, path }) {
  byId("details-name").textContent = name;
  byId("details-path").textContent = path;
  byId("details-path").parentElement.hidden = !path;
}

function likeness(id, { bits }) {
  const [code, pixel] = [hitOf(id), hitOf(id, "pixel")];
  const folded = hits().find((hit) => hit.folded?.includes(id));
  const found = [];
  if (code) found.push(["Learned code", longDistance("code", code.distance, bits)]);
  if (code && code.expected_by_chance !== null) found.push(["By chance", byChance(code.expected_by_chance)]);
  if (code?.copy) found.push(["Copy", "The same picture as what was asked by"]);
  if (folded) found.push(["Copy", `The same picture as ${nameOf(folded.path)}`]);
  if (pixel) found.push(["Raw pixels", longDistance("pixel", pixel.distance)]);
  return found;
}

function rows({ size, width, height, taken, modified, camera, latitude, longitude, copies }) {
  const found = [["File", bytes(size)]];
  if (width) found.push(["Pixels", `${count(width)} × ${count(height)}`]);
  if (taken) found.push(["Taken", written(taken)]);
  else if (modified) found.push(["Changed", `${written(modified)} UTC`]);
  if (camera) found.push(["Camera", camera]);
  if (latitude !== null && longitude !== null) found.push(["Place", coordinates(latitude, longitude)]);
  if (copies.length) found.push(["Copies", `${count(copies.length)} more of it in the library`]);
  return found;
}

/** The camera's own clock, as it was written: a Date would turn it to this browser's zone. */
const written = (time) => time.slice(0, 16).replace("T", " ");

const coordinates = (latitude, longitude) =>
  `${Math.abs(latitude).toFixed(5)}° ${latitude < 0 ? "S" : "N"}, ${Math.abs(longitude).toFixed(5)}° ${longitude < 0 ? "W" : "E"}`;

function bytes(size) {
  if (size < 1e6) return `${count(Math.max(1, Math.round(size / 1e3)))} kB`;
  return `${(size / 1e6).toFixed(1)} MB`;
}

function list(id, pairs) {
  byId(id).replaceChildren(...pairs.map(([term, words]) =>
    element("div", {}, element("dt", { textContent: term }), element("dd", { textContent: words }))));
  byId(id).hidden = !pairs.length;
}

/** Hidden where the codec turns no code back into a picture. */
function showRemembered({ key, name }, isPicture) {
  const figure = byId("details-remembered");
  const old = figure.querySelector("img");
  figure.hidden = true;
  if (!isPicture) return;
  const image = element("img", { alt: `What the code remembers of ${name}` });
  old.replaceWith(image);
  image.onload = () => { if (image.isConnected) figure.hidden = false; };
  image.src = rememberedOf(key);
}

/** Put the path on the clipboard; where the browser has none for this page (no TLS), choose the text. */
export async function copyPath() {
  const [button, path] = [byId("details-copy"), byId("details-path")];
  try {
    await navigator.clipboard.writeText(path.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(path);
    button.textContent = "Chosen: copy it with Ctrl C";
  }
  say(button.textContent);
  setTimeout(() => { button.textContent = "Copy path"; }, 2500);
}
