/** Pictures of the library and uploads as the full view shows them, and why one cannot be shown. */

import { facts, originalOf, thumbnailOf } from "../api.js";
import { nameOf } from "../results/words.js";
import { uploadOf } from "../uploads.js";

const SIDES = [1024, 2048, 4096];

/** The side that a picture is asked for, to be shown with its longer side `css` CSS pixels long. */
export const sideFor = (css) => SIDES.find((side) => side >= css * devicePixelRatio) ?? SIDES.at(-1);

export const viewOf = (id, side) => `images/${id}/view?side=${side}`;
export const rememberedOf = (id) => `images/${id}/remembered`;

/** @param {number|string} key  an id, or an upload's key  @param {string=} path  where it is known */
export async function sourceOf(key, path) {
  if (typeof key === "number") {
    const name = path ? nameOf(path) : `Picture ${key}`;
    return { key, name, path: path ?? "", thumbnail: thumbnailOf(key), original: originalOf(key), whole: (side) => viewOf(key, side) };
  }
  const upload = await uploadOf(key);
  const url = upload?.url ?? "";
  return { key, name: upload?.file.name || "Pasted picture", path: "", size: upload?.file.size, thumbnail: url, original: url, whole: () => url };
}

/** What is known of a picture of the library, or null. */
export const factsOf = (id, signal) => facts(id, signal).catch(() => null);

/** Why an address gives no picture: {sentence, passing: whether it may a little later}. */
export async function why(address) {
  if (!address || address.startsWith("blob:")) return { sentence: "This browser has no preview of this format.", passing: false };
  const response = await fetch(address).catch(() => null);
  if (!response) return { sentence: "The server does not answer. Is `semblance serve` still running?", passing: true };
  if (response.ok) return { sentence: "This browser cannot show the picture.", passing: false };
  const { detail } = await response.json().catch(() => ({}));
  return { sentence: detail ?? `The server has no picture here: status ${response.status}.`, passing: response.status === 429 || response.status >= 500 };
}
