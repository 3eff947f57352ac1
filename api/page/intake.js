/**
 * The roads by which pictures come in: chosen, dropped anywhere on the page, pasted. What is no file is answered with a
 * sentence; whether a file is a picture is for the server to say, which reads more formats than browsers do.
 */

import { Problem, checkFile } from "./api.js";
import { MOST } from "./asking/question.js";
import { keep } from "./uploads.js";

/**
 * @param {{drop: HTMLButtonElement, input: HTMLInputElement, veil: HTMLElement,
 *          onPictures: (files: File[]) => void, onNothing: (sentence: string) => void}} places
 */
export function listenForPictures({ drop, input, veil, onPictures, onNothing }) {
  const take = (transfer, otherwise) => {
    const files = [...(transfer?.files ?? [])];
    return files.length ? onPictures(files) : onNothing(otherwise);
  };

  drop.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    if (input.files.length) take(input, "");
    input.value = "";                                              // the same file may be chosen twice in a row
  });

  addEventListener("paste", (event) => {
    if (event.target.closest?.("input, textarea")) return;
    event.preventDefault();
    take(event.clipboardData, "The clipboard holds no picture. Copy a picture itself, not its name or its address.");
  });

  let own = false;                                                 // a picture dragged out of this page is no query
  let depth = 0;                                                   // dragenter and dragleave come for every element
  const lower = () => { depth = 0; veil.hidden = true; };
  addEventListener("dragstart", () => { own = true; });
  addEventListener("dragend", () => { own = false; lower(); });
  addEventListener("dragenter", () => { if (!own && depth++ === 0) veil.hidden = false; });
  addEventListener("dragleave", () => { if (!own && --depth <= 0) lower(); });
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    const taken = event.defaultPrevented;                          // the view that is open has taken it
    event.preventDefault();
    lower();
    if (own || taken) return;
    take(event.dataTransfer, "What was dropped is a link or a text, not a picture. Save the picture first, or copy and paste it.");
  });

  const apple = /Mac|iPhone|iPad/.test(navigator.platform);
  if (apple) drop.querySelector("kbd").textContent = "⌘";
}

/** Keep files that are to ask, several of them together. @returns {Promise<Partial<State>>} what then asks */
export async function takeIn(files) {
  if (files.length > MOST) {
    throw new Problem(`${files.length} pictures at once: at most ${MOST} make one question. Choose fewer.`, 400);
  }
  for (const file of files) await checkFile(file);
  const keys = [];
  for (const file of files) keys.push(await keep(file));
  const [first, ...others] = keys;
  return { upload: first, like: others };
}
