/**
 * Pictures of the library as cards: a link that searches with the picture and, in an answer, its marks: details, more
 * like it, less like it, and how many copies are folded into it.
 */

import { addressOf, askedBy } from "../address.js";
import { facts, originalOf, thumbnailOf } from "../api.js";
import { byId, element, showImage } from "../show.js";
import { longDistance, nameOf, shortDistance } from "./words.js";

const COPIES_SHOWN = 60;
const TYPES = { jpg: "jpeg", jpe: "jpeg", jfif: "jpeg", tif: "tiff", hif: "heif" };

/** @param {{id: number, path: string}} picture  @param {State} state  in which a click searches */
export function sample(picture, state) {
  const item = bare(picture, state);
  const link = item.querySelector("a");
  link.dataset.testid = "sample";
  link.title = picture.path;
  for (const part of item.querySelectorAll(".bar, .marks, .fold, .same, .distance")) part.remove();
  link.querySelector(".caption").className = "spoken";
  return item;
}

/** One result. @param {{engine: string, bits: number, state: State}} about */
export function result(hit, { engine, bits, state }) {
  const item = bare(hit, state);
  const link = item.querySelector("a");
  const name = nameOf(hit.path);
  const distance = longDistance(engine, hit.distance, bits) + (hit.copy ? "; the same picture" : "");
  Object.assign(link.dataset, { testid: "result", distance: hit.distance });
  link.title = `${name.slice(0, 200)}: ${distance}`;
  link.querySelector(".same").hidden = !hit.copy;
  link.querySelector(".distance").textContent = shortDistance(engine, hit.distance);
  link.querySelector(".spoken").textContent = `; ${longDistance(engine, hit.distance, bits)}`;
  link.querySelector(".fill").style.width = `${(100 * Math.max(0, hit.similarity)).toFixed(1)}%`;
  marks(item, hit.id, name, state);
  if (hit.folded?.length) fold(item, hit, name, state);
  return item;
}

function bare({ id, path }, state) {
  const item = byId("card").content.cloneNode(true).firstElementChild;
  const link = item.querySelector("a");
  link.href = addressOf(askedBy({ id }, state));
  Object.assign(link.dataset, { id, path });
  link.querySelector(".name").textContent = nameOf(path);
  link.addEventListener("dragstart", (event) => dragOut(event, id, nameOf(path)));
  const image = link.querySelector("img");
  image.loading = "lazy";
  showImage(image, link.querySelector(".gone"), thumbnailOf(id), "");
  return item;
}

function marks(item, id, name, state) {
  const liked = { like: state.like.includes(String(id)), unlike: state.unlike.includes(String(id)) };
  const words = { details: `Details of ${name}`, like: `More like ${name}`, unlike: `Less like ${name}` };
  for (const button of item.querySelectorAll(".marks button")) {
    button.setAttribute("aria-label", words[button.dataset.act]);
    button.title = words[button.dataset.act].slice(0, 200);
    if (button.dataset.act in liked) button.setAttribute("aria-pressed", liked[button.dataset.act]);
  }
}

function fold(item, hit, name, state) {
  const button = item.querySelector(".fold");
  const n = hit.folded.length;
  button.hidden = false;
  button.textContent = `+${n} ${n === 1 ? "copy" : "copies"}`;
  button.setAttribute("aria-expanded", "false");
  button.title = `Copies of ${name.slice(0, 200)}`;
  const opened = [];
  button.addEventListener("click", async () => {
    const isOpen = () => button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", !isOpen());
    item.classList.toggle("unfolded", isOpen());
    for (const each of opened.splice(0)) each.remove();
    if (!isOpen()) return;
    const copies = await Promise.all(hit.folded.slice(0, COPIES_SHOWN).map((id) => copy(id, state)));
    if (!isOpen() || opened.length) return;                        // it was closed again while they were fetched
    opened.push(...copies);
    item.after(...opened);
    item.dispatchEvent(new CustomEvent("unfolded", { bubbles: true }));
  });
}

async function copy(id, state) {
  const about = await facts(id).catch((error) => ({ path: error.message }));
  const item = bare({ id, path: about.path }, state);
  item.classList.add("of-fold");
  item.querySelector(".fold").remove();
  const link = item.querySelector("a");
  link.dataset.testid = "copy";
  link.title = about.path.slice(0, 400);
  link.querySelector(".same").hidden = false;
  link.querySelector(".distance").textContent = "copy";
  marks(item, id, nameOf(about.path), state);
  return item;
}

/** What a card gives when it is dragged away: the original, as a file where the browser can, else its address. */
export function dragOut(event, id, name) {
  const address = new URL(originalOf(id), document.baseURI).href;
  const suffix = name.split(".").pop().toLowerCase();
  event.dataTransfer.effectAllowed = "copyLink";
  event.dataTransfer.setData("DownloadURL", `image/${TYPES[suffix] ?? suffix}:${name.replaceAll(":", "_")}:${address}`);
  event.dataTransfer.setData("text/uri-list", address);
  event.dataTransfer.setData("text/plain", address);
}

export function skeletons(n) {
  return Array.from({ length: n }, () => element("li", { className: "card skeleton", "aria-hidden": "true" }));
}
