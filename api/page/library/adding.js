/** Pictures chosen or dropped here are added to the library, one after the other, each with its own line. */

import { addressOf, askedBy, start } from "../address.js";
import { checkFile } from "../api.js";
import { addPicture, readOnly } from "../changing.js";
import { element, setSentence } from "../show.js";

const ROWS = 200;                          // lines kept; of more, the oldest that are done go
const AGAIN_MS = 2000;
const TRIES = 4;

let stopped = null;                        // gives up what is on its way
let queue = [];
let running = false;
let unlisten = () => {};

export function stopAdding() {
  unlisten();
  unlisten = () => {};
  stopped?.abort();
  stopped = null;
  queue = [];
  running = false;
}

/** @param {() => void} changed  something was added  @param {() => void} refused  nothing may be changed here */
export function adding(changed, refused) {
  const input = element("input", { type: "file", multiple: true, hidden: true, accept: document.getElementById("file").accept, "aria-label": "Pictures to add", dataset: { testid: "add-input" } });
  const button = element("button", { className: "drop", type: "button", dataset: { testid: "add" }, onclick: () => input.click() },
    element("span", { className: "drop-title", textContent: "Choose pictures" }), element("span", { className: "drop-ways", textContent: "or drop them anywhere on this page" }));
  const sum = element("p", { className: "hint", role: "status", dataset: { testid: "added" } });
  const rows = element("ul", { className: "adds" });
  const view = { sum, rows, changed, refused, tally: { new: 0, known: 0, failed: 0 } };
  input.addEventListener("change", () => {
    take([...input.files], view);
    input.value = "";
  });
  unlisten();
  listenForDrops((files) => take(files, view));
  return element("section", { "aria-labelledby": "add-title" }, element("h2", { className: "view-part", id: "add-title", textContent: "Add pictures" }), button, input, sum, rows);
}

/** As long as this view is open, what is dropped anywhere on the page is added, and asks nothing. */
function listenForDrops(onFiles) {
  const words = document.querySelector("#drop-veil p");
  const asked = words.textContent;
  words.textContent = "Let go to add to the library";
  const dropped = (event) => {
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    onFiles([...event.dataTransfer.files]);
  };
  addEventListener("drop", dropped, true);
  unlisten = () => {
    removeEventListener("drop", dropped, true);
    words.textContent = asked;
  };
}

function take(files, view) {
  for (const file of files) {
    const bar = element("progress", { className: "work", max: 1, "aria-label": `${file.name} on its way` });
    bar.value = 0;
    const words = element("span", { className: "hint", textContent: "waits" });
    const row = element("li", {}, element("bdi", { className: "name", textContent: file.name }), words, bar);
    view.rows.append(row);
    queue.push({ file, bar, words, row, view });
  }
  while (view.rows.childElementCount > ROWS && view.rows.querySelector("[data-end]")) view.rows.querySelector("[data-end]").remove();
  if (!running) run();
}

async function run() {
  running = true;
  stopped ??= new AbortController();
  const { signal } = stopped;
  let view = null;
  while (queue.length && !signal.aborted) {
    const one = queue.shift();
    view = one.view;
    await add(one, signal);
    if (readOnly()) return void end(view);
  }
  if (signal.aborted) return;
  running = false;
  if (view?.tally.new) view.changed();
}

function end(view) {
  stopAdding();
  view.refused();
}

async function add({ file, bar, words, row, view }, signal) {
  words.textContent = "";
  try {
    await checkFile(file);
    const added = await patiently(() => addPicture(file, { signal, onProgress: (part) => { bar.value = part; } }), words, signal);
    view.tally[added.known ? "known" : "new"] += 1;
    words.replaceChildren(element("a", { className: "link", href: addressOf(askedBy({ id: added.id }, start())), textContent: added.known ? "is there already" : "added" }));
    row.dataset.end = added.known ? "known" : "new";
  } catch (error) {
    if (error.name === "AbortError") return;
    view.tally.failed += 1;
    setSentence(words, error.message);
    row.dataset.end = "failed";
  }
  bar.remove();
  view.sum.textContent = told(view.tally);
}

/** What may pass is tried again after a moment: somebody else is writing, or the server is busy. */
async function patiently(work, words, signal) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!error.passing || attempt === TRIES || error.status === 507 || signal.aborted) throw error;
      words.textContent = "waits for the library";
      await new Promise((resolve) => { setTimeout(resolve, AGAIN_MS); });
    }
  }
}

const told = (tally) => [[tally.new, "added"], [tally.known, "there already"], [tally.failed, "not added"]].filter(([n]) => n).map(([n, words]) => `${n} ${words}`).join(", ");
