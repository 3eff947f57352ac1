/**
 * The answers: one question is asked at a time. It becomes what is shown, and a place in the browser's history, only
 * when its answer is there; until then the earlier answer stays, dimmed, and if the new one fails it is brought back.
 */

import { facts } from "../api.js";
import { showQuestion } from "../asking/panel.js";
import { ask, asked, isUpload, keyOf } from "../asking/question.js";
import { busy, idle } from "../progress.js";
import { byId, face, hideError, say, showError } from "../show.js";
import { result, skeletons } from "./cards.js";
import { showEnd } from "./end.js";
import { main, setShown, shown } from "./list.js";
import { rove } from "./roving.js";
import { agreement, chance, milliseconds, pictures, timings } from "./words.js";

const REMEMBERED = 12;
const answered = new Map();               // key of a question -> what was shown, the last few: Back is there at once
const paths = new Map();                  // id as text -> path, as far as answers have said
let asking = null;                        // {controller, state} of the question on its way

export const forget = () => answered.clear();
export const asks = () => asking?.state ?? null;

/** Engines that a state asks by: the baseline compares with one picture, or a region of it. */
export function engines(state, library) {
  const { like, unlike } = asked(state);
  const pixel = state.pixel && library.engines.includes("pixel") && like.length + unlike.length === 1;
  return pixel ? [main(state), "pixel"] : [main(state)];
}

/**
 * Ask what a state asks, unless its answer is there.
 * @param {{library, go, count?: number, scroll?: number, commit: () => void}} how  count: how many were shown before
 */
export async function show(state, how) {
  stop();
  const { library, count = 0, scroll = 0, commit } = how;
  const key = keyOf(state);
  const before = shown && keyOf(shown.state) === key ? shown : answered.get(key);
  const missing = engines(state, library).filter((engine) => !before?.answers[engine]);
  const isNew = before !== shown || !before;
  if (!missing.length && !isNew) return stay(state, how);
  if (!missing.length) return settle({ ...before, state }, how, isNew);
  const controller = new AbortController();
  const mine = (asking = { controller, state });
  hideError();
  face("results");
  try {
    if (isNew) showQuestion(state, paths, how.go);
    showPixelColumn(state, library);
    showBusy(missing, state);
    busy(`Searching ${pictures(library.pictures)} …`, () => cancel(mine, how));
    const k = Math.min(1000, Math.max(state.k, count));
    const onProgress = (part) => mine === asking && busy.progress(part);
    const got = await Promise.all(missing.map((engine) => ask(state, engine, { k, library, signal: controller.signal, onProgress })));
    if (mine !== asking) return;
    const answers = { ...before?.answers };
    missing.forEach((engine, n) => { answers[engine] = got[n]; });
    await settle({ state, answers, query: null }, how, isNew);
    if (answers[main(state)].library_size !== library.pictures) how.look(); // it has grown since it was asked
  } catch (error) {
    controller.abort();                                            // the other engine's answer is of no use now
    if (mine !== asking) return;
    stop();
    how.failed?.();
    bringBack(how);
    showError(error, () => how.again());
    if (error.status === 0) how.look();                            // takes the message back once the server is there
  }
}

async function settle(next, how, isNew) {
  const first = asked(next.state).like[0];
  for (const answer of Object.values(next.answers)) for (const hit of [answer.query, ...answer.results]) if (hit) paths.set(String(hit.id), hit.path);
  setShown(next);
  stop();
  how.commit();
  answered.delete(keyOf(next.state));
  answered.set(keyOf(next.state), next);
  if (answered.size > REMEMBERED) answered.delete(answered.keys().next().value);
  face("results");
  const all = await showQuestion(next.state, paths, how.go);
  if (shown !== next) return;
  next.query = all.find(({ picture }) => picture === first) ?? all[0];
  drawAnswers(how);
  learnNames(next, how);
  if (!isNew) return;
  scrollTo(0, how.scroll ?? 0);
  if (document.activeElement === document.body) byId("answer-title").focus({ preventScroll: true });
}

/** Names of what asks, where no answer has said them. */
async function learnNames(at, how) {
  const { like, unlike } = asked(at.state);
  const nameless = [...like, ...unlike].filter((each) => !isUpload(each) && !paths.has(each));
  if (!nameless.length) return;
  const found = await Promise.all(nameless.map((id) => facts(id).catch(() => null)));
  for (const each of found) if (each) paths.set(String(each.id), each.path);
  if (shown === at && found.some(Boolean)) [at.query] = await showQuestion(at.state, paths, how.go);
}

/** The same answer: its cards stay, and with them the focus and the place. */
function stay(state, how) {
  const away = byId("main").dataset.view !== "results";
  shown.state = state;
  how.commit();
  face("results");
  showPixelColumn(state, how.library);
  showCounts(how.library);
  if (away) scrollTo(0, how.scroll ?? 0);
}

/** Draw what is shown, from the start. */
export function drawAnswers({ library }) {
  const { state, answers } = shown;
  for (const engine of engines(state, library)) {
    const column = engine === "pixel" ? "pixel" : "code";
    const about = { engine, bits: library.bits, state };
    byId(`results-${column}`).replaceChildren(...answers[engine].results.map((hit) => result(hit, about)));
    rove(byId(`results-${column}`));
    byId(`${column}-cost`).textContent = milliseconds(answers[engine].timings_ms.search);
  }
  showPixelColumn(state, library);
  showCounts(library);
  showEnd(shown);
}

export function showCounts(library) {
  const { state, answers } = shown;
  const { narrowed, timings_ms, results } = answers[main(state)];
  const n = results.length;
  byId("answer-title").textContent = n ? `${n} nearest ${n === 1 ? "picture" : "pictures"}` : narrowed === 0 ? "No pictures left" : "Nothing alike";
  const of = typeof narrowed === "number" ? `${narrowed.toLocaleString("en")} of ${pictures(library.pictures)}` : pictures(library.pictures);
  say(of, ...timings(timings_ms));
  byId("chance").textContent = chance(results);
  const both = answers.pixel && engines(state, library).includes("pixel");
  byId("agreement").textContent = both ? agreement({ code: answers[main(state)], pixel: answers.pixel }) : "";
}

function showBusy(missing, state) {
  for (const engine of missing) {
    const grid = byId(engine === "pixel" ? "results-pixel" : "results-code");
    grid.setAttribute("aria-busy", "true");
    grid.classList.add("stale");
    if (!grid.querySelector("[data-id]")) grid.replaceChildren(...skeletons(state.k));
  }
}

export function stop() {
  asking?.controller.abort();
  asking = null;
  idle();
  for (const grid of [byId("results-code"), byId("results-pixel")]) {
    grid.removeAttribute("aria-busy");
    grid.classList.remove("stale");
  }
}

function cancel(mine, how) {
  if (mine !== asking) return;
  stop();
  how.failed?.();
  bringBack(how);
}

/** After a failure: what was there before it, or the start. */
function bringBack(how) {
  if (!shown) return how.toStart();
  showQuestion(shown.state, paths, how.go);
  if (!byId("results-code").querySelector("[data-id]")) return drawAnswers(how);
  showPixelColumn(shown.state, how.library);                       // its cards are still there
  showCounts(how.library);
}

function showPixelColumn(state, library) {
  const beside = engines(state, library).includes("pixel");
  byId("pixel-column").hidden = !beside;
  byId("columns").classList.toggle("beside", beside);
  if (!beside) byId("agreement").textContent = "";
}
