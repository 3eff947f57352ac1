/** A view that has nothing to show says why, and what to do. */

import { element, setSentence } from "./show.js";

/** @param {string} title  @param {string} sentence  what stands in backticks is set as code; a line may follow */
export function notice(title, sentence, ...more) {
  const words = element("p");
  setSentence(words, sentence);
  return element("div", { className: "notice within" }, element("h1", { textContent: title }), words, ...more);
}
