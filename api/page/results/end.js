/**
 * Where the list ends: more is fetched as one scrolls on, or by a button, until nothing is more alike than chance would
 * have it. What the person has not scrolled is left as it is: a list that grows by itself has no end to reach.
 */

import { hasMore, more } from "../asking/question.js";
import { byId, setSentence } from "../show.js";
import { result } from "./cards.js";
import { main, setLoader, shown } from "./list.js";

const NEAR_PX = 900;
const PAGE = 30;
let loading = null;
let stalled = false;                      // fetching failed: no more by scrolling until it is asked for
let context = null;

/** @param {{library: object, go: Function, grown: () => void, appended: (grid: HTMLElement) => void}} given */
export function listenForMore(given) {
  context = given;
  setLoader(loadMore);
  byId("more-results").addEventListener("click", () => loadMore({ focus: true }));
  byId("beyond").addEventListener("click", () => given.go({ all: true }));
  const near = () => byId("end").getBoundingClientRect().top < innerHeight + NEAR_PX;
  const scrolled = () => shown && !stalled && !byId("results").hidden && near() && loadMore();
  for (const kind of ["scroll", "wheel", "touchmove"]) addEventListener(kind, scrolled, { passive: true });
}

/** Say what comes after the last result: more, chance, or nothing. */
export function showEnd({ state, answers }) {
  const answer = answers[main(state)];
  const left = (answer.narrowed ?? answer.library_size) - answer.results.length;
  const cut = !hasMore(answer) && !state.all && left > 1;
  stalled = false;
  byId("more-results").hidden = !hasMore(answer);
  byId("more-results").textContent = "Show more";
  byId("beyond").hidden = !cut;
  byId("beyond").textContent = answer.results.length ? "Show what comes after" : "Show the nearest all the same";
  byId("end-note").textContent = hasMore(answer) ? "" : words(answer, cut);
}

function words({ results, narrowed }, cut) {
  if (!results.length && narrowed !== null && !cut) return "The filters leave no other picture: take one of them back.";
  if (!cut) return "That is all there is.";
  if (!results.length) return "No picture here is more alike than chance would bring.";
  return "Nothing more is alike: what comes next is no nearer than chance would bring.";
}

/** @returns {Promise<boolean>} whether there are more now */
export function loadMore({ focus = false } = {}) {
  loading ??= fetchMore(focus).finally(() => { loading = null; });
  return loading;
}

async function fetchMore(focus) {
  const at = shown;
  const wanted = at ? Object.entries(at.answers).filter(([, answer]) => hasMore(answer)) : [];
  if (!wanted.length || !hasMore(at.answers[main(at.state)])) return false;
  const grid = byId("results-code");
  grid.setAttribute("aria-busy", "true");
  byId("more-results").disabled = true;
  try {
    const got = await Promise.all(wanted.map(([, answer]) => more(at.state, answer, Math.max(at.state.k, PAGE))));
    if (at !== shown) return false;
    const last = grid.lastElementChild;
    wanted.forEach(([engine, answer], n) => append(engine, answer, got[n], at.state));
    context.grown();
    showEnd(shown);
    if (focus && byId("more-results").hidden) last?.nextElementSibling?.querySelector("a").focus();
    return true;
  } catch (error) {
    if (at === shown) sayStalled(error);
    return false;
  } finally {
    if (at === shown) grid.removeAttribute("aria-busy");
    byId("more-results").disabled = false;
  }
}

/** What went wrong is said where the person is, not above the answer. */
function sayStalled(error) {
  stalled = true;
  setSentence(byId("end-note"), error.message);
  byId("more-results").textContent = "Try again";
}

/** Results that are shown already are not shown again: the server's pages are stable, a merge of copies may not be. */
function append(engine, answer, page, state) {
  const known = new Set(answer.results.map(({ id }) => id));
  const fresh = page.results.filter(({ id }) => !known.has(id));
  answer.results = [...answer.results, ...fresh];
  answer.next = page.next;
  answer.held = [];
  const about = { engine, bits: context.library.bits, state };
  byId(engine === "pixel" ? "results-pixel" : "results-code").append(...fresh.map((hit) => result(hit, about)));
  context.appended(byId(engine === "pixel" ? "results-pixel" : "results-code"));
}
