/**
 * What the address and the browser's history say: which query is shown, and how to search. A library picture's address
 * is ?id=17; an uploaded picture has none, so its entry in the history bears its key.
 */

import { uploadOf } from "./uploads.js";

export const settings = settingsOf(new URLSearchParams(location.search));

function settingsOf(parameters) {
  const k = Number(parameters.get("k"));
  return { k: [10, 20, 50].includes(k) ? k : 10, pixel: parameters.get("pixel") === "1" };
}

/** The address of a query with the settings of now; without a query, of the start. */
export function addressOf(query) {
  const parameters = new URLSearchParams();
  if (query?.id !== undefined) parameters.set("id", query.id);
  if (settings.k !== 10) parameters.set("k", settings.k);
  if (settings.pixel) parameters.set("pixel", "1");
  return parameters.size ? `?${parameters}` : "./";
}

/** Settings outlive Back and Forward: the entry that is shown gets the address of now. */
export const refresh = (query) => history.replaceState(history.state, "", addressOf(query));

export function remember(query) {
  history.replaceState({ ...history.state, scroll: scrollY }, "");
  history.pushState({ upload: query.upload }, "", addressOf(query));
}

/** The query that the address and the history entry stand for, or null: the start. */
export function queryHere() {
  const id = new URLSearchParams(location.search).get("id");
  if (/^\d{1,15}$/.test(id ?? "")) return { id: Number(id) };
  return uploadOf(history.state ?? {}) ? { upload: history.state.upload } : null;
}
