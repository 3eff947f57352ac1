/**
 * How things look: numbers as words, cards, skeletons, the details dialog. Nothing here asks the server for an
 * answer or knows what the person is searching for. Text enters through textContent alone: paths are not markup.
 */

import { originalOf, thumbnailOf, whyMissing } from "./api.js";

export const byId = (id) => document.getElementById(id);
export const nameOf = (path) => path.split(/[\\/]/).pop();
export const count = (n) => n.toLocaleString("en");
export const pictures = (n) => `${count(n)} ${n === 1 ? "picture" : "pictures"}`;

/** The caption below a card: "37 bits", or the Euclidean distance "12.3". */
export function shortDistance(engine, distance) {
  if (engine === "pixel") return distance.toFixed(1);
  return `${distance} ${distance === 1 ? "bit" : "bits"}`;
}

/** The same as a sentence, for tooltips, screen readers and the dialog. */
export function longDistance(engine, distance, bits) {
  if (engine === "pixel") return `Euclidean distance ${distance.toFixed(1)} between the pixels`;
  return distance === 0 ? `the same code, all ${bits} bits` : `${distance} of ${bits} bits differ`;
}

/** How many pictures of the library would be as near if nothing were alike, as a person reads it. */
export function byChance(expected) {
  if (expected < 1e-6) return "next to no picture of this library would be as near";
  return `${expected < 10 ? Number(expected.toPrecision(2)) : count(Math.round(expected))} pictures of this library would be as near`;
}

/** ["decode 3.1 ms", "encode 1.2 ms", "search 0.4 ms"]; a step that was not needed is left out. */
export function timings({ decode, encode, search }) {
  const steps = Object.entries({ decode, encode, search });
  return steps.filter(([, ms]) => ms > 0).map(([step, ms]) => `${step} ${milliseconds(ms)}`);
}

export const milliseconds = (ms) => `${ms < 0.1 ? ms.toFixed(2) : ms < 100 ? ms.toFixed(1) : count(Math.round(ms))} ms`;

/** How much the two ways of searching agree, as a sentence. */
export function agreement({ code, pixel }) {
  const ids = new Set(pixel.results.map(({ id }) => id));
  const both = code.results.filter(({ id }) => ids.has(id)).length;
  return both === 0 ? "No picture is in both answers." : `${both} of ${code.results.length} are in both answers.`;
}

/** Where none is nearer than chance brings some picture of such a library, a sentence; else nothing. */
export function chance(results) {
  const alike = (hit) => hit.copy || !(hit.expected_by_chance > 1); // null by pixels and among few: not known
  return results.length && !results.some(alike) ? "Nothing here is more alike than chance would have it." : "";
}

const VIEWS = {
  waiting: ["waiting"],
  empty: ["empty"],
  start: ["ask", "intro", "answer", "samples"],
  results: ["ask", "query", "controls", "answer", "results"],
};

/** Show one of the page's four faces, and hide the others' places. */
export function show(name) {
  byId("main").dataset.view = name;
  for (const place of new Set(Object.values(VIEWS).flat())) byId(place).hidden = !VIEWS[name].includes(place);
  byId("drop-title").textContent = name === "results" ? "Another picture" : "Choose a picture";
}

/** The status line, read out when it changes; a line breaks only between its parts. */
export function say(...parts) {
  const spans = parts.map((part) => element("span", part));
  byId("status").replaceChildren(...spans.flatMap((span, i) => (i ? [" · ", span] : [span])));
}

/** Put a sentence into `node`; what stands in backticks is set as code. */
export function setSentence(node, sentence) {
  node.replaceChildren(...sentence.split("`").map((part, i) => (i % 2 ? element("code", part) : part)));
}

export function showError(sentence, retry) {
  setSentence(byId("error-text"), sentence);
  byId("error-retry").hidden = !retry;
  byId("error-retry").onclick = retry;
  byId("error").hidden = false;
  byId("error").scrollIntoView({ block: "nearest" });
}

export function hideError() {
  byId("error").hidden = true;
}

/**
 * One picture of the library as a card: a link that searches with it and, in an answer, a button for its details.
 * @param {{id: number, path: string, distance?: number, similarity?: number, copy?: boolean}} picture
 * @param {{engine?: string, bits?: number, href: string, onDetails?: () => void}} about
 */
export function card(picture, { engine, bits, href, onDetails }) {
  const item = byId("card").content.cloneNode(true).firstElementChild;
  const [link, more] = item.querySelectorAll("a, button.more");
  const name = nameOf(picture.path);
  link.href = href;
  Object.assign(link.dataset, { id: picture.id, path: picture.path });
  link.dataset.testid = engine ? "result" : "sample";
  link.querySelector(".name").textContent = name;
  if (engine) {
    more.setAttribute("aria-label", `Details of ${name}`);
    more.addEventListener("click", onDetails);
    const distance = longDistance(engine, picture.distance, bits) + (picture.copy ? "; the same picture" : "");
    link.querySelector(".same").hidden = !picture.copy;
    link.dataset.distance = picture.distance;
    link.title = `${name}: ${distance}`;
    link.setAttribute("aria-label", `Search with ${name}; ${distance}`);
    link.querySelector(".distance").textContent = shortDistance(engine, picture.distance);
    link.querySelector(".fill").style.width = `${(100 * Math.max(0, picture.similarity)).toFixed(1)}%`;
  } else {
    link.title = picture.path;
    link.setAttribute("aria-label", `Search with ${name}`);
    for (const part of [more, ...link.querySelectorAll(".bar, .caption")]) part.remove();
  }
  const image = link.querySelector("img");
  image.loading = "lazy";
  showImage(image, link.querySelector(".gone"), thumbnailOf(picture.id), name);
  return item;
}

export function skeletons(n) {
  return Array.from({ length: n }, () => {
    const item = document.createElement("li");
    item.className = "card skeleton";
    item.setAttribute("aria-hidden", "true");
    return item;
  });
}

/** Load `address` into `image`; where that fails, `note` takes its place and says why. */
export function showImage(image, note, address, alt) {
  note.hidden = true;
  image.hidden = false;
  image.alt = alt;
  image.onerror = async () => {
    const reason = address.startsWith("blob:") ? "no preview of this format" : await whyMissing(address);
    if (image.getAttribute("src") !== address) return;            // the place shows another picture by now
    image.hidden = true;
    note.hidden = false;
    note.textContent = reason;
  };
  image.src = address;
}

/**
 * The whole picture with what is known about it. The thumbnail is there at once; it stays, with the reason, where
 * the original has vanished or is of a kind that the browser cannot show (TIFF, HEIC).
 * @param {{id: number, path: string}} picture
 * @param {[string, string][]} facts  pairs of a name and a value
 */
export function openDetails(picture, facts, href) {
  const name = nameOf(picture.path);
  byId("details-name").textContent = name;
  byId("details-path").textContent = picture.path;
  byId("details-facts").replaceChildren(...facts.flatMap(([term, value]) => [element("dt", term), element("dd", value)]));
  byId("details-search").href = href;
  Object.assign(byId("details-search").dataset, { id: picture.id, path: picture.path });
  byId("details-original").href = originalOf(picture.id);
  const image = byId("details-image");
  showImage(image, byId("details-unshown"), thumbnailOf(picture.id), name);
  const original = new Image();
  const still = () => byId("details-search").dataset.id === String(picture.id);
  original.onload = () => {
    if (still()) image.src = original.src;
  };
  original.onerror = async () => {
    const reason = await whyMissing(originalOf(picture.id));
    if (still()) byId("details-facts").append(element("dt", "Original"), element("dd", reason));
  };
  original.src = originalOf(picture.id);
  byId("details").showModal();
}

function element(tag, text) {
  const node = document.createElement(tag);
  node.textContent = text;
  return node;
}
