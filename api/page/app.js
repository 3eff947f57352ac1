/**
 * Where everything comes together: the state (which is the address), the view that shows it, the links that change it.
 * `go` is the one way to change it. A question takes its place in the history only when its answer is there.
 */

import { addressOf, askedBy, isAsking, read, start } from "./address.js";
import * as api from "./api.js";
import { keyOf } from "./asking/question.js";
import { forgetFacets, listenForFilters, showFilters } from "./asking/filters.js";
import { showSamples, showStart } from "./asking/start.js";
import { listenForPictures, takeIn } from "./intake.js";
import { library, look, watch } from "./life.js";
import { giveUp, idle } from "./progress.js";
import { listenForMore } from "./results/end.js";
import { setShown, shown } from "./results/list.js";
import { listenForArrows, rove } from "./results/roving.js";
import * as results from "./results/view.js";
import { listenForKeys, listenForMarks } from "./keys.js";
import { byId, element, face, hideError, say, setSentence, showError } from "./show.js";

const OTHERS = {
  map: () => import("./map/map.js"),
  duplicates: () => import("./duplicates/duplicates.js"),
  library: () => import("./library/library.js"),
};
const OVER = () => import("./viewer/viewer.js");

let state = read(location.search);        // what the address says
let other = null;                         // the module of the view that is open beside asking
let over = null;                          // that of the full view

/**
 * Change the state, and show it. Left out of `change`, all stays as it is.
 * @param {Partial<State>} change  @param {{replace?: boolean}} how  replace: no new place in the history
 */
export function go(change, { replace = false } = {}) {
  const next = { ...(results.asks() ?? state), ...change };
  if (closes(change) && history.state?.over) return history.back();
  return show(next, { commit: () => commit(next, replace || (next.open !== null && state.open !== null)) });
}

const closes = (change) => change.open === null && state.open !== null && !Object.keys(change).some((name) => !["open", "mode"].includes(name));
export const stateNow = () => results.asks() ?? state;

function commit(next, replace) {
  const before = state;
  state = next;
  if (addressOf(next) === addressOf(before) && !replace) return;
  if (replace) return history.replaceState(history.state, "", addressOf(next));
  history.replaceState({ ...history.state, ...placeNow() }, "");
  history.pushState({ over: next.open !== null && before.open === null }, "", addressOf(next));
}

/** For a reload: what is written as the page goes away does not outlive it. */
const notePlace = () => shown && history.replaceState({ ...history.state, ...placeNow() }, "");
const placeNow = () => ({ scroll: scrollY, count: shown ? byId("results-code").querySelectorAll("[data-testid=result]").length : 0 });

/** @param {{commit?: () => void, scroll?: number, count?: number}} how */
async function show(next, { commit: done = () => { state = next; }, scroll = 0, count = 0 } = {}) {
  if (next.open === null) closeOver();
  if (next.view) {
    results.stop();
    done();
    await showOther(next);
    if (next.open !== null) await showOver(next);
    return undefined;
  }
  closeOther();
  if (!isAsking(next)) {
    results.stop();
    done();
    beginning();
  } else {
    const again = () => show(next, { commit: done, scroll, count });
    await results.show(next, { library, go, look, scroll, count, commit: done, again, failed, toStart: beginning });
    if (state !== next && keyOf(state) !== keyOf(next)) return;
    showFilters(state);
    byId("k").value = String(state.k);
    byId("pixel").checked = state.pixel;
  }
  if (next.open !== null) await showOver(next);
}

function failed() {
  if (state.open !== null) go({ open: null, mode: "" }, { replace: true });
}

function beginning() {
  if (!library.pictures) return look();
  setShown(null);
  showStart(library);
  showSamples(library, state).catch((error) => showError(error, beginning));
}

async function showOther(next) {
  if (byId("main").dataset.view !== "other") hideError();
  face("other");
  if (!library.catalog) return showNoView();
  const module = await OTHERS[next.view]();
  if (state !== next) return;
  if (other !== module) closeOther();
  other = module;
  document.title = `${next.view[0].toUpperCase()}${next.view.slice(1)} · Semblance`;
  markPlace();
  module.open(given(byId("other"), next));
}

/** An address, or a key, leads to a view that a service without a catalog has not. */
function showNoView() {
  closeOther();
  say("Not in this service.");
  const sentence = "This service answers from Milvus alone: the map, duplicates and the library itself are shown by a service that has the library's catalog.";
  const home = element("a", { className: "link", href: "./", textContent: "Search here" });
  byId("other").append(element("div", { className: "notice" }, element("h1", { textContent: "Not in this service" }), element("p", { textContent: sentence }), element("p", {}, home)));
}

function closeOther() {
  other?.close();
  other = null;
  byId("other").replaceChildren();
  markPlace();
}

async function showOver(next) {
  over = await OVER();
  if (state.open === next.open) over.open(given(byId("details"), state));
}

function closeOver() {
  over?.close();
  over = null;
}

const given = (root, of) => ({ root, state: of, api, go, say, library });

function markPlace() {
  for (const link of document.querySelectorAll("[data-go]")) {
    if (link.dataset.go === state.view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/** A plain click on a link of the page's own moves it; with a modifier it stays a link, and opens its own tab. */
function followLink(event) {
  const link = event.target.closest("a[href]");
  if (!link || event.defaultPrevented || !library.bits || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (link.target || link.hasAttribute("download") || link.origin !== location.origin || link.pathname !== location.pathname) return;
  event.preventDefault();
  const next = read(link.search);
  show(next, { commit: () => commit(next, false) });
}

const restore = () => show(read(location.search), { scroll: history.state?.scroll ?? 0, count: history.state?.count ?? 0 });

/** The library has pictures: show what the address asks for. */
function begun() {
  const hasPixels = library.engines.includes("pixel");
  byId("pixel").disabled = !hasPixels;
  if (!hasPixels) setSentence(byId("pixel-note"), library.catalog ? "This library holds no pixel vectors. `semblance index … --pixels` adds them." : "Pixels are compared by a service that has the library's catalog, which this one has not.");
  for (const link of document.querySelectorAll("[data-go]")) link.hidden = !library.catalog;
  return restore();
}

/** Other pictures are in the library than before. */
function changed() {
  results.forget();
  forgetFacets();
  if (shown) results.showCounts(library);
  else if (byId("main").dataset.view === "start") beginning();
}

history.scrollRestoration = "manual";
addEventListener("popstate", () => library.bits && restore());
document.addEventListener("click", followLink);
byId("error-close").addEventListener("click", hideError);
byId("cancel").addEventListener("click", giveUp);
byId("k").addEventListener("change", ({ target }) => go({ k: Number(target.value) }, { replace: true }));
byId("pixel").addEventListener("change", ({ target }) => go({ pixel: target.checked }, { replace: true }));
byId("query-details").addEventListener("click", ({ target }) => go({ open: read(`?open=${target.dataset.id}`).open }));
listenForMore({ library, go, grown: () => results.showCounts(library), appended: rove });
listenForArrows([byId("results-code"), byId("results-pixel"), byId("samples-grid")]);
listenForMarks(go, stateNow);
listenForKeys(go, stateNow);
listenForFilters(go, stateNow);
listenForPictures({
  drop: byId("drop-zone"), input: byId("file"), veil: byId("drop-veil"),
  onPictures: (files) => library.pictures && takeIn(files).then((asked) => go({ ...askedBy(asked, stateNow()) })).catch((error) => showError(error)),
  onNothing: (sentence) => library.pictures && showError(new api.Problem(sentence, 400)),
});
let resting = 0;
addEventListener("scroll", () => { clearTimeout(resting); resting = setTimeout(notePlace, 150); }, { passive: true });
idle();
watch({ begun, changed, atHome: () => state.view === "" });
