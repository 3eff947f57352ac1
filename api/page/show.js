/** What every view shows with: elements, the status line, errors, pictures that may be missing. Text enters through
 *  textContent alone: paths are not markup. */

import { Problem, whyMissing } from "./api.js";

export const byId = (id) => document.getElementById(id);

/** @param {object} about  properties; `dataset` and what begins with aria- are set as such */
export function element(tag, about = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(about)) {
    if (name === "dataset") Object.assign(node.dataset, value);
    else if (name.includes("-")) node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children);
  return node;
}

const FACES = {
  waiting: ["waiting"],
  locked: ["locked"],
  empty: ["empty"],
  start: ["ask", "intro", "answer", "samples"],
  results: ["ask", "query", "chips", "controls", "narrow", "answer", "results"],
  other: ["other", "answer"],
};

/** Show one of the page's faces, and hide the others' places. */
export function face(name) {
  byId("main").dataset.view = name;
  byId("drop-title").textContent = name === "results" ? "Another picture" : "Choose a picture";
  for (const place of new Set(Object.values(FACES).flat())) byId(place).hidden = !FACES[name].includes(place);
}

/** The status line, read out when it changes; a line breaks only between its parts. */
export function say(...parts) {
  byId("status").replaceChildren(...parts.flatMap((part) => [element("span", { textContent: part }), " "]));
}

/** Put a sentence into `node`; what stands in backticks is set as code. */
export function setSentence(node, sentence) {
  node.replaceChildren(...sentence.split("`").map((part, i) => (i % 2 ? element("code", { textContent: part }) : part)));
}

/** @param {(() => void)=} retry  offered where the same may succeed a little later */
export function showError(error, retry) {
  if (!(error instanceof Problem)) console.error(error);
  setSentence(byId("error-text"), error instanceof Problem ? error.message : `This page failed: ${error.message}.`);
  byId("error-retry").hidden = !(retry && error.passing);
  byId("error-retry").onclick = retry ?? null;
  byId("error").dataset.status = error.status ?? "";
  byId("error").hidden = false;
  byId("error").scrollIntoView({ block: "nearest" });
}

export function hideError() {
  byId("error").hidden = true;
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
