/**
 * Cards by keys: of a grid one card alone is in the order of Tab, and arrows move from card to card, through the rows
 * as they stand. At the end of the answer an arrow fetches more.
 */

import { loadMore } from "./end.js";

const FOCUSABLE = "a, button";
const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: "up", ArrowDown: "down", Home: "first", End: "last" };

/** Put one card of `grid` into the order of Tab: the one that has the focus, or had it, or the first. */
export function rove(grid, chosen) {
  const cards = [...grid.querySelectorAll(":scope > .card:not(.skeleton)")];
  const active = chosen ?? cards.find((card) => card.hasAttribute("data-active")) ?? cards[0];
  for (const card of cards) {
    card.toggleAttribute("data-active", card === active);
    for (const node of card.querySelectorAll(FOCUSABLE)) node.tabIndex = card === active ? 0 : -1;
  }
}

/** @param {HTMLElement[]} grids */
export function listenForArrows(grids) {
  for (const grid of grids) {
    grid.addEventListener("focusin", ({ target }) => rove(grid, target.closest(".card")));
    grid.addEventListener("unfolded", ({ target }) => rove(grid, target));
    grid.addEventListener("keydown", (event) => move(grid, event));
  }
}

async function move(grid, event) {
  const step = STEPS[event.key];
  const card = event.target.closest(".card");
  if (step === undefined || !card || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  let next = there(grid, card, step);
  if (!next && [1, "down"].includes(step) && grid.dataset.testid !== "samples" && (await loadMore())) next = there(grid, card, step);
  next?.querySelector("a").focus();
}

function there(grid, card, step) {
  const cards = [...grid.querySelectorAll(":scope > .card:not(.skeleton)")];
  const place = cards.indexOf(card);
  const top = cards[0].offsetTop;
  const below = cards.findIndex((each) => each.offsetTop > top);
  const columns = below < 0 ? cards.length : below;
  const places = { up: place - columns, down: place + columns, first: 0, last: cards.length - 1 };
  return cards[typeof step === "number" ? (document.dir === "rtl" ? place - step : place + step) : places[step]];
}
