/** The sheet that names the keys. */

import { byId, element } from "../show.js";

export const SHEET = [
  ["Anywhere", [
    ["?", "This sheet"], ["/", "Choose a picture"], ["Ctrl V", "Search with the picture on the clipboard"],
    ["1 2 3 4", "Search, map, duplicates, library"], ["P", "The pixel baseline beside the answer"], ["Esc", "Cancel, close"],
  ]],
  ["On a result", [
    ["← ↑ → ↓", "From picture to picture; at the end, fetch more"], ["Enter S", "Search with it, as a click does"], ["Space", "See it whole"],
    ["L", "More like it"], ["U", "Less like it"], ["F", "Unfold its copies"],
  ]],
  ["On the map", [
    ["← ↑ → ↓", "Move"], ["+ −", "Nearer, further"], ["0", "The whole map"], ["Enter", "See whole what is in the middle"],
  ]],
  ["Among duplicates", [
    ["← →", "The group before, the next"], ["A", "Not the same: keep this one apart"], ["Del", "Remove this one from the library"], ["Enter", "See it whole"],
  ]],
  ["In the full view", [
    ["← →", "The picture before, the next"], ["+ - 0", "Closer, further away, whole"], ["⇧ ←", "With an arrow: move a picture that is close"],
    ["B", "Beside what was asked"], ["O", "Over what was asked"], ["X", "Box: ask by a part of it"],
    ["S", "Search with it"], ["L", "More like it"], ["U", "Less like it"], ["Esc", "Back to the results"],
  ]],
];

const OFF = "semblance-keys-off";

/** Whether keys without Ctrl or Alt do anything: who dictates, or types with a switch, may want none. */
export const keysAreOn = () => read(OFF) !== "1";

export function openSheet() {
  const dialog = byId("help");
  if (!dialog.childElementCount) build(dialog);
  dialog.showModal();
}

function build(dialog) {
  const groups = SHEET.map(([title, rows]) => element("section", {},
    element("h3", { textContent: title }),
    element("dl", {}, ...rows.map(([keys, words]) => element("div", {},
      element("dt", {}, ...keys.split(" ").map((key) => element("kbd", { textContent: key }))),
      element("dd", { textContent: words }))))));
  const box = element("input", { type: "checkbox", id: "keys-on", checked: keysAreOn(), onchange: ({ target }) => write(OFF, target.checked ? "" : "1") });
  box.setAttribute("role", "switch");
  dialog.append(
    element("h2", { id: "help-title", textContent: "Keys" }), element("div", { className: "sheet" }, ...groups),
    element("label", { className: "control", htmlFor: "keys-on" }, element("span", { textContent: "Single keys do something" }), box),
    element("form", { method: "dialog" }, element("button", { className: "quiet", textContent: "Close", autofocus: true })));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}

function read(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;                                                   // this browser keeps nothing
  }
}

function write(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch { /* then it holds as long as the sheet is open */ }
}
