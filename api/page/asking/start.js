/** The start: an invitation, and a few pictures of the library to begin with. */

import { samples } from "../api.js";
import { sample } from "../results/cards.js";
import { rove } from "../results/roving.js";
import { pictures } from "../results/words.js";
import { byId, face, hideError, say } from "../show.js";

const SAMPLES = 12;
let offered = "";                         // for which library the samples are there

export function showStart(library) {
  hideError();
  face("start");
  document.title = "Semblance";
  say(pictures(library.pictures), `${library.bits} bits each`);
}

export async function showSamples(library, state) {
  const stamp = `${library.generation ?? ""} ${library.pictures}`;
  if (offered === stamp) return;
  const row = await samples(SAMPLES);
  offered = stamp;
  byId("samples-grid").replaceChildren(...row.map((picture) => sample(picture, state)));
  rove(byId("samples-grid"));
}
