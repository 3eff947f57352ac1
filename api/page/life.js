/**
 * What the library holds, as /ready says it: asked until there is one with pictures in it, then now and then, so that
 * counts are never stale; and again and again while the server is gone, until it is back.
 */

import { Problem, ready } from "./api.js";
import { byId, face, hideError, say, setSentence, showError } from "./show.js";

const WAITING_MS = 2000;
const NOW_AND_THEN_MS = 30_000;

/** {pictures, bits, engines, generation, …}: one object, whose values change. `catalog`: whether the service has one. */
export const library = { pictures: 0, bits: 0, engines: [], catalog: true };

let timer = 0;
let begun = false;
let gone = false;
let told = null;

/** @param {{begun: () => void, changed: () => void, atHome: () => boolean}} tell  atHome: no other view is open */
export function watch(tell) {
  told = tell;
  addEventListener("visibilitychange", () => document.visibilityState === "visible" && look());
  byId("key-form").addEventListener("submit", enter);
  look();
}

const stamp = () => `${library.generation ?? ""} ${library.pictures} ${library.codec_id}`;

/** Ask /ready now; and again later. */
export async function look() {
  clearTimeout(timer);
  const before = stamp();
  try {
    const said = await ready();
    if (said.pictures === undefined) return showLocked();
    Object.assign(library, said);
    if (gone) hideError();
    gone = false;
    if (!library.pictures && told.atHome()) showEmpty();
    else if (!begun) await begin();
    else if (before !== stamp()) told.changed();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (problem.status === 401) return showLocked();
    if (!begun) showWaiting(problem);
    else if (problem.passing) showGone(problem);
  }
  timer = setTimeout(look, library.pictures && !gone ? NOW_AND_THEN_MS : WAITING_MS);
}

function begin() {
  begun = true;
  return told.begun();
}

function showEmpty() {
  begun = false;
  face("empty");
  say("The library is empty.");
}

function showWaiting(problem) {
  face("waiting");
  byId("waiting-title").textContent = problem.status === 0 ? "Nobody answers" : "Not ready yet";
  setSentence(byId("waiting-detail"), problem.message);
  byId("waiting-hint").hidden = false;
  say("Waiting for the library.");
}

/** The answer stays; a line says that it is as it was, and the page looks until the server is back. */
function showGone(problem) {
  if (!gone && byId("error").hidden) showError(problem);           // a question that failed by it offers to be asked again
  gone = true;
}

/** The service asks for a key: one field, and nothing else. */
export function showLocked() {
  face("locked");
  say("This service asks for a key.");
  byId("key").focus();
}

/** With the key in its address the server puts it into a cookie, and comes back without it. One that is not known would
 *  be answered with no page at all: so it is tried first. */
async function enter(event) {
  event.preventDefault();
  const key = byId("key").value.trim();
  if (!key) return;
  const said = await ready({ headers: { Authorization: `Bearer ${key}` } }).catch(() => ({}));
  byId("key-wrong").hidden = said.pictures !== undefined;
  if (said.pictures === undefined) return byId("key").select();
  const address = new URL(location.href);
  address.searchParams.set("key", key);
  location.assign(address);
}
