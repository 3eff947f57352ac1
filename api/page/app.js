/**
 * The page's state, and what moves it. One query is asked at a time; it becomes `shown`, with a place in the
 * browser's history, only when its answer is there. Until then the earlier answer stays, dimmed; if the new one
 * fails, the earlier one is brought back.
 */

import { Problem, checkFile, nearestToFile, nearestToPicture, ready, samples, thumbnailOf } from "./api.js";
import * as view from "./view.js";
import { addressOf, queryHere, refresh, remember, settings } from "./address.js";
import { listenForPictures } from "./intake.js";
import { isUpload, keep, same, uploadOf } from "./uploads.js";

const POLL_MS = 2000;
const SAMPLES = 12;
const { byId } = view;

let library = null;                       // what /ready said
let shown = null;                         // {query, answers: {code, pixel?}}: what the page shows
let asking = null;                        // {query, how, controller} of the request on its way

// ---------------------------------------------------------------- searching

/**
 * @param {Query} query
 * @param {{keepHistory?: boolean, scroll?: number, engines?: string[]}} how
 */
async function search(query, how = {}) {
  const { keepHistory = false, scroll = 0, engines = wantedEngines() } = how;
  stopAsking();
  const controller = new AbortController();
  const mine = (asking = { query, how, controller });
  view.hideError();
  showQuery(query);
  showBusy(engines);
  try {
    if (isUpload(query)) await checkFile(uploadOf(query).file);
    if (mine !== asking) return;
    const answered = await Promise.all(engines.map((engine) => nearest(query, engine, controller.signal)));
    if (mine !== asking) return;
    const isNew = !same(query, shown?.query);
    const answers = isNew ? {} : { ...shown.answers };
    for (const answer of answered) answers[answer.engine] = answer;
    shown = { query: named(query, answered[0]), answers };
    if (isNew && !keepHistory) remember(shown.query);
    showQuery(shown.query);
    showAnswers(engines);
    if (!isNew) return;
    scrollTo(0, scroll);
    if (document.activeElement === document.body) byId("answer-title").focus({ preventScroll: true });
  } catch (error) {
    controller.abort();                                            // the other engine's answer is of no use now
    if (mine !== asking) return;
    goBackTo(shown);
    showError(error, () => search(query, how));
  } finally {
    if (mine === asking) stopAsking();
  }
}

function stopAsking() {
  asking?.controller.abort();
  asking = null;
  showIdle();
}

function nearest(query, engine, signal) {
  const { k } = settings;
  if (isUpload(query)) return nearestToFile(uploadOf(query).file, k, engine, signal);
  return nearestToPicture(query.id, k, engine, signal);
}

const named = (query, answer) => (isUpload(query) ? query : { id: query.id, path: answer.query?.path ?? query.path });
const hasPixels = () => library.engines.includes("pixel");
const wantedEngines = () => (settings.pixel && hasPixels() ? ["code", "pixel"] : ["code"]);

function searchWithFile(file) {
  byId("details").close();
  return search(keep(file));
}

// ---------------------------------------------------------------- history and address

function restore() {
  const query = queryHere();
  if (!query) return showStart();
  refresh(query);
  return search(query, { keepHistory: true, scroll: history.state?.scroll ?? 0 });
}

/** @param {string[]} engines  those whose answer the change makes necessary */
function changeSettings(change, engines) {
  Object.assign(settings, change);
  refresh(shown?.query);
  showPixelColumn();
  if (asking) search(asking.query, { ...asking.how, engines: undefined });
  else if (shown && engines.length) search(shown.query, { keepHistory: true, engines });
}

// ---------------------------------------------------------------- showing

function showStart() {
  stopAsking();
  shown = null;
  view.hideError();
  view.show("start");
  document.title = "Semblance";
  view.say(view.pictures(library.pictures), `${library.bits} bits each`);
}

function showQuery(query) {
  view.show("results");
  const upload = isUpload(query) ? uploadOf(query) : null;
  const name = upload ? upload.file.name || "Pasted picture" : query.path ? view.nameOf(query.path) : `Picture ${query.id}`;
  const address = upload ? upload.url : thumbnailOf(query.id);
  if (byId("query-image").getAttribute("src") !== address) {
    view.showImage(byId("query-image"), byId("query-unshown"), address, `Query: ${name}`);
  }
  byId("query-name").textContent = name;
  byId("query-name").title = query.path ?? name;
  byId("query-details").hidden = !query.path;
  byId("query-details").onclick = () => details(query);
  document.title = `${name} · Semblance`;
}

function showBusy(engines) {
  byId("progress").classList.add("busy");
  showPixelColumn();
  for (const engine of engines) {
    const grid = byId(`results-${engine}`);
    grid.setAttribute("aria-busy", "true");
    if (!grid.querySelector("[data-id]")) grid.replaceChildren(...view.skeletons(settings.k));
  }
  view.say(`Searching ${view.pictures(library.pictures)} …`);
}

function showIdle() {
  byId("progress").classList.remove("busy");
  for (const grid of [byId("results-code"), byId("results-pixel")]) grid.removeAttribute("aria-busy");
}

function showAnswers(engines) {
  const { query, answers } = shown;
  for (const engine of engines) {
    const { results, timings_ms } = answers[engine];
    const cards = results.map((result) => view.card(result, {
      engine, bits: library.bits, href: addressOf(result), onDetails: () => details(result) }));
    byId(`results-${engine}`).replaceChildren(...cards);
    byId(`${engine}-cost`).textContent = view.milliseconds(timings_ms.search);
  }
  showPixelColumn();
  const { library_size, timings_ms, results } = answers.code;
  library.pictures = library_size;
  byId("answer-title").textContent = `${results.length} nearest ${results.length === 1 ? "picture" : "pictures"}`;
  view.say(view.pictures(library_size), ...view.timings(timings_ms));
  byId("chance").textContent = view.chance(results);
  byId("agreement").textContent = settings.pixel && answers.pixel ? view.agreement(answers) : "";
  byId("query-name").title = query.path ?? byId("query-name").textContent;
}

function showPixelColumn() {
  const beside = wantedEngines().includes("pixel");
  byId("pixel-column").hidden = !beside;
  byId("columns").classList.toggle("beside", beside);
  if (!beside) byId("agreement").textContent = "";
}

/** After a failure: what was there before it, or the start. */
function goBackTo(earlier) {
  if (!earlier) return showStart();
  showQuery(earlier.query);
  showAnswers(Object.keys(earlier.answers));
}

function details(picture) {
  const facts = [];
  const [code, pixel] = ["code", "pixel"].map((engine) => shown?.answers[engine]?.results.find(({ id }) => id === picture.id));
  if (code) facts.push(["Learned code", view.longDistance("code", code.distance, library.bits)]);
  if (code && code.expected_by_chance !== null) facts.push(["By chance", view.byChance(code.expected_by_chance)]);
  if (code?.copy) facts.push(["Copy", "the same picture"]);
  if (pixel) facts.push(["Raw pixels", view.longDistance("pixel", pixel.distance)]);
  view.openDetails(picture, facts, addressOf(picture));
}

function showError(error, retry) {
  if (!(error instanceof Problem)) console.error(error);
  const sentence = error instanceof Problem ? error.message : `This page failed: ${error.message}.`;
  view.showError(sentence, error.passing ? retry : null);
}

// ---------------------------------------------------------------- beginning

/** Wait for a library with pictures in it, looking every two seconds; then show what the address asks for. */
async function open() {
  try {
    library = await ready();
    if (library.pictures > 0) return begun();
    view.show("empty");
    view.say("The library is empty.");
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    view.show("waiting");
    byId("waiting-title").textContent = problem.status === 0 ? "Nobody answers" : "Not ready yet";
    view.setSentence(byId("waiting-detail"), problem.message);
    byId("waiting-hint").hidden = false;
    view.say("Waiting for the library.");
  }
  setTimeout(open, POLL_MS);
}

async function begun() {
  byId("k").value = String(settings.k);
  byId("pixel").disabled = !hasPixels();
  byId("pixel").checked = settings.pixel && hasPixels();
  if (!hasPixels()) {
    view.setSentence(byId("pixel-note"), "This library holds no pixel vectors. `semblance index … --pixels` adds them.");
  }
  await restore();
  try {
    const row = await samples(SAMPLES);
    byId("samples-grid").replaceChildren(...row.map((picture) => view.card(picture, { href: addressOf(picture) })));
  } catch (error) {
    showError(error, begun);
  }
}

/** A plain click on a link to ?id=… searches here; with a modifier it stays a link, and opens its own tab. */
function followLink(event) {
  const link = event.target.closest("a[data-id], #home");
  if (!link || !library || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  byId("details").close();
  if (link.id !== "home") return search({ id: Number(link.dataset.id), path: link.dataset.path });
  if (shown) remember({});
  showStart();
}

history.scrollRestoration = "manual";
addEventListener("popstate", () => library && restore());
document.addEventListener("click", followLink);
byId("details").addEventListener("click", (event) => event.target === byId("details") && byId("details").close());
byId("error-close").addEventListener("click", view.hideError);
byId("k").addEventListener("change", (event) => changeSettings({ k: Number(event.target.value) }, wantedEngines()));
byId("pixel").addEventListener("change", ({ target }) => changeSettings({ pixel: target.checked }, target.checked ? ["pixel"] : []));
listenForPictures({
  drop: byId("drop-zone"), input: byId("file"), veil: byId("drop-veil"),
  onPicture: (file) => library?.pictures && searchWithFile(file),
  onNothing: (sentence) => library?.pictures && showError(new Problem(sentence, 400)),
});
open();
