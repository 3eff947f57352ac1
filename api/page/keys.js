/** Keys, and the marks on cards that say the same: details, more like it, less like it. */

import { askedBy } from "./address.js";
import { marked } from "./asking/panel.js";
import { keysAreOn, openSheet } from "./help/sheet.js";
import { giveUp } from "./progress.js";
import { byId, hideError } from "./show.js";

const PLACES = { 1: "", 2: "map", 3: "duplicates", 4: "library" };

export function listenForMarks(go, stateNow) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".card .marks button");
    if (button) act(button.dataset.act, button.closest(".card"), go, stateNow());
  });
}

function act(what, card, go, state) {
  const id = card.querySelector("a").dataset.id;
  if (what === "details") go({ open: Number(id) });
  else if (what === "search") go(askedBy({ id: Number(id) }, state));
  else if (what === "fold") foldOf(card)?.click();
  else go(marked(state, what, id));
}

/** The button of the fold that a card is the head of, or was unfolded from. */
function foldOf(card) {
  let head = card;
  while (head?.classList.contains("of-fold")) head = head.previousElementSibling;
  return head?.querySelector(".fold:not([hidden])");
}

export function listenForKeys(go, stateNow) {
  byId("help-open").addEventListener("click", openSheet);
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") return void (giveUp() || hideError());
    if (event.target.closest?.("input:not([type=checkbox]), select, textarea, [contenteditable]")) return;
    if (pressed(event, go, stateNow())) event.preventDefault();
  });
}

/** @returns {boolean} whether the key meant something here */
function pressed({ key, target }, go, state) {
  const card = state.view === "" && target.closest?.(".results .card");
  if (card && key === " " && target.matches("a")) return done(act("details", card, go, state));
  if (!keysAreOn()) return false;
  const onCard = { s: "search", l: "like", u: "unlike", f: "fold" }[key.toLowerCase()];
  if (card && onCard) return done(act(onCard, card, go, state));
  if (key === "?") return done(openSheet());
  if (key === "/" && !byId("ask").hidden) return done(byId("file").click());
  if (key in PLACES) return done(go({ view: PLACES[key], open: null }));
  if (key.toLowerCase() === "p" && !byId("controls").hidden && !byId("pixel").disabled) return done(byId("pixel").click());
  return false;
}

const done = () => true;
