/** The full view of one picture, over the results. */

import { byId, element, showImage } from "../show.js";
import { hitOf } from "../results/list.js";
import { byChance, longDistance, nameOf } from "../results/words.js";
import { addressOf, askedBy } from "../address.js";
import { originalOf, thumbnailOf, whyMissing } from "../api.js";

let context = null;

/** @param {{root: HTMLDialogElement, state: object, go: Function, library: object}} given */
export async function open(given) {
  context = given;
  const { root, state, library } = given;
  const id = state.open;
  const hit = hitOf(id) ?? hitOf(id, "pixel") ?? { id, path: `Picture ${id}` };
  const facts = [];
  const [code, pixel] = [hitOf(id), hitOf(id, "pixel")];
  if (code) facts.push(["Learned code", longDistance("code", code.distance, library.bits)]);
  if (code && code.expected_by_chance !== null) facts.push(["By chance", byChance(code.expected_by_chance)]);
  if (code?.copy) facts.push(["Copy", "the same picture"]);
  if (pixel) facts.push(["Raw pixels", longDistance("pixel", pixel.distance)]);
  byId("details-name").textContent = nameOf(hit.path);
  byId("details-path").textContent = hit.path;
  byId("details-facts").replaceChildren(...facts.flatMap(([term, value]) => [element("dt", { textContent: term }), element("dd", { textContent: value })]));
  byId("details-search").href = addressOf(askedBy({ id }, state));
  byId("details-original").href = originalOf(id);
  const image = byId("details-image");
  showImage(image, byId("details-unshown"), thumbnailOf(id), nameOf(hit.path));
  const original = new Image();
  const still = () => context?.state.open === id;
  original.onload = () => { if (still()) image.src = original.src; };
  original.onerror = async () => {
    const reason = await whyMissing(originalOf(id));
    if (still()) byId("details-facts").append(element("dt", { textContent: "Original" }), element("dd", { textContent: reason }));
  };
  original.src = originalOf(id);
  root.onclose = () => context?.go({ open: null, mode: "" });
  root.onclick = (event) => { if (event.target === root) root.close(); };
  if (!root.open) root.showModal();
}

export function close() {
  const root = context?.root;
  context = null;
  root?.close();
}
