/**
 * The full view: one picture as large as the window lets it be, alone, beside or over what was asked; arrows go through
 * the answer. It lies over whatever view is open, as a modal dialog, and its state is the address's.
 */

import { addressOf, askedBy } from "../address.js";
import { marked } from "../asking/panel.js";
import { keysAreOn, openSheet } from "../help/sheet.js";
import { hits, hitOf, neighbour, queryImage, shown } from "../results/list.js";
import { byId } from "../show.js";
import * as boxing from "./boxing.js";
import { lay, listenForMoves, zoomBy } from "./moving.js";
import { Pane } from "./pane.js";
import { WHOLE } from "./place.js";
import { sourceOf, viewOf } from "./sources.js";
import { copyPath, stopTelling, tell } from "./telling.js";

let context = null;
let panes = null;                         // {query, match}
let at = null;                            // the picture that is open: an id, or an upload's key

/** @param {{root: HTMLDialogElement, state: object, go: Function, library: object}} given */
export async function open(given) {
  const { root, state } = (context = given);
  if (!panes) listen(root);
  const isOther = at !== state.open;
  at = state.open;
  if (!root.open) show(root);
  if (isOther) boxing.turnOff();
  showMode();
  const source = await sourceOf(at, pathOf(at));
  if (context !== given) return;
  panes.match.show(source, source.name);
  if (isOther) lay(WHOLE);
  showActions(source);
  showSteps();
  await showQuery();
  const facts = await tell(source, given.library, at === asker());
  if (context?.state.open !== source.key || !facts) return;
  if (facts.width) panes.match.knowPixels(facts);
  panes.match.image.alt = byId("details-name").textContent;
}

/** The dialog itself has the focus, not its first button: keys work, and nothing is pressed by a space. */
function show(root) {
  root.showModal();
  root.focus();
}

export function close() {
  const [root, left] = [context?.root, at];
  context = at = null;
  stopTelling();
  boxing.turnOff();
  const before = root?.open;
  root?.close();
  const card = [...document.querySelectorAll(".card a[data-id]")].find(({ dataset }) => dataset.id === String(left));
  const held = document.activeElement?.closest?.(".card")?.querySelector("a")?.dataset.id;
  if (root && card && (before || held !== String(left)) && held !== String(left)) card.focus();
}

/** The answer's row of a picture; of a copy that is folded away, of what it is folded into. */
const rowOf = (id) => hitOf(id) ?? hits().find((hit) => hit.folded?.includes(id));
const pathOf = (id) => (hitOf(id) ?? hitOf(id, "pixel"))?.path ?? (queryImage()?.id === id ? queryImage().path : undefined);
const asker = () => { const query = !context.state.view && queryImage(); return query ? query.id ?? query.picture : null; };
const mode = () => (asker() === null || asker() === at ? "" : context.state.mode);

function listen(root) {
  panes = { query: new Pane(byId("pane-query")), match: new Pane(byId("pane-match")) };
  listenForMoves(byId("details-stage"), Object.values(panes), boxing, { swiped: step, zoomed: (scale) => { byId("details-scale").textContent = `${Math.round(100 * scale)} %`; } });
  boxing.listenForBoxes((pane, region) => context.go({ ...askedBy(typeof pane.source.key === "number" ? { id: pane.source.key } : { upload: pane.source.key }, context.state), region }));
  root.addEventListener("close", () => context?.go({ open: null, mode: "" }));
  root.addEventListener("keydown", keyed);
  root.addEventListener("click", clicked);
  byId("details-wipe").addEventListener("input", wipe);
  byId("details-copy").addEventListener("click", copyPath);
  wipe();
}

const wipe = () => byId("details-stage").style.setProperty("--wipe", byId("details-wipe").value / 100);

function clicked({ target }) {
  const button = target.closest("button");
  if (!button) return;
  const { step: by, mode: chosen, zoom, mark } = button.dataset;
  if (by) step(Number(by));
  else if (chosen !== undefined) choose(chosen);
  else if (zoom) zoomBy(zoom);
  else if (mark) context.go({ ...marked(context.state, mark, String(at)), open: null, mode: "" });
  else if (button.id === "details-box") toggleBox();
}

const choose = (chosen) => context.go({ mode: chosen }, { replace: true });

function toggleBox() {
  if (boxing.isOn()) boxing.turnOff();
  else boxing.turnOn(panes.match, at === asker() ? context.state.region : "");
  showBoxing();
  lay(WHOLE);
}

function showBoxing() {
  byId("details-box").setAttribute("aria-pressed", boxing.isOn());
  byId("details-stage").classList.toggle("boxes", boxing.isOn());
}

function showMode() {
  const chosen = mode();
  if (chosen === "over" && boxing.isOn()) boxing.turnOff();
  byId("details-stage").dataset.mode = chosen;
  byId("details-modes").hidden = asker() === null || asker() === at;
  byId("details-box").hidden = chosen === "over";
  for (const button of byId("details-modes").children) button.setAttribute("aria-pressed", button.dataset.mode === chosen);
  showBoxing();
}

async function showQuery() {
  if (!mode()) return;
  const source = await sourceOf(asker(), queryImage().path ?? undefined);
  panes.query.show({ ...source, name: queryImage().name }, `Asked by: ${queryImage().name}`);
  byId("pane-query").querySelector("figcaption").textContent = "Asked by";
  byId("pane-match").querySelector("figcaption").textContent = "Found";
}

function showActions({ key, original }) {
  const { state } = context;
  const isPicture = typeof key === "number";
  byId("details-search").href = addressOf(askedBy(isPicture ? { id: key } : { upload: key }, state));
  byId("details-search").hidden = key === asker() && !state.region;
  byId("details-original").href = original;
  for (const button of context.root.querySelectorAll("[data-mark]")) {
    button.parentElement.hidden = asker() === null || asker() === key || !isPicture;
    button.setAttribute("aria-pressed", state[button.dataset.mark].includes(String(key)));
  }
}

/** Where in the answer the picture is; beyond it there are no steps. */
function showSteps() {
  const row = !context.state.view && shown && rowOf(at);
  byId("details-steps").hidden = !row;
  if (!row) return;
  const place = hits().indexOf(row);
  const isLast = place === hits().length - 1;
  byId("details-place").textContent = `${place + 1} of ${hits().length}`;
  byId("details-steps").querySelector("[data-step='-1']").ariaDisabled = String(place === 0);
  byId("details-steps").querySelector("[data-step='1']").ariaDisabled = String(isLast && !Object.values(shown.answers)[0].next);
}

async function step(by) {
  const row = context && !context.state.view && rowOf(at);
  const next = row ? await neighbour(row.id, by) : null;
  if (!context || next === null) return;
  await context.go({ open: next }, { replace: true });
  const after = await neighbour(next, by);                         // it is there when it is wanted
  if (context && after !== null && panes.match.side) new Image().src = viewOf(after, panes.match.side);
}

const LETTERS = { b: () => choose(mode() === "beside" ? "" : "beside"), o: () => choose(mode() === "over" ? "" : "over"), x: toggleBox, "?": openSheet,
  "+": () => zoomBy("in"), "=": () => zoomBy("in"), "-": () => zoomBy("out"), 0: () => zoomBy("fit"),
  l: () => press("[data-mark=like]"), u: () => press("[data-mark=unlike]"), s: () => press("#details-search") };

function press(selector) {
  const node = context.root.querySelector(selector);
  if (node.checkVisibility()) node.click();
}

function keyed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input")) return;
  const arrow = /^Arrow(Left|Right|Up|Down)$/.exec(event.key)?.[1].toLowerCase();
  const act = keysAreOn() && LETTERS[event.key.toLowerCase()];
  if (arrow && event.shiftKey) zoomBy(arrow);
  else if (arrow === "left" || arrow === "right") step(arrow === "left" ? -1 : 1);
  else if (act && !(event.key.toLowerCase() === "x" && byId("details-box").hidden)) act();
  else return;
  event.preventDefault();
}
