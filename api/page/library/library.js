/** What the library holds, what is brought into it, and how far that is. */

import { Problem, facets } from "../api.js";
import { readOnly } from "../changing.js";
import { look } from "../life.js";
import { notice } from "../notice.js";
import { pictures } from "../results/words.js";
import { element } from "../show.js";
import { adding, stopAdding } from "./adding.js";
import { holdings } from "./holdings.js";
import { indexing, stopWatching } from "./indexing.js";

let context = null;

/** @param {{root: HTMLElement, state: object, say: Function, library: object}} given */
export async function open(given) {
  const begun = context;
  context = given;
  if (begun) return;
  const { root, library, say } = given;
  say(pictures(library.pictures));
  root.replaceChildren(element("h1", { className: "view-title", textContent: "Library" }));
  const place = element("section", { "aria-labelledby": "holds-title", dataset: { testid: "holds" } });
  root.append(place, element("div", { className: "brings", dataset: { testid: "brings" } }));
  try {
    const offered = await facets();
    if (context !== given && context?.root !== root) return;
    place.replaceChildren(...holdings(library, offered));
    bring(offered);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    place.replaceChildren(notice("The library is not to be had", error.message));
  }
}

export function close() {
  context = null;
  stopAdding();
  stopWatching();
}

/** What changes the library; where that is refused, the sentence that says why instead. */
function bring(offered) {
  const place = context.root.querySelector(".brings");
  const refused = () => context && bring(offered);
  if (readOnly()) place.replaceChildren(element("p", { className: "told", textContent: readOnly() }), indexing(null, refresh, refused));
  else place.replaceChildren(adding(refresh, refused), indexing(offered.folders, refresh, refused));
}

/** The library has changed: what it holds is said anew; what is on its way stays as it is. */
async function refresh() {
  await look();
  const offered = await facets().catch(() => null);
  if (!context || !offered) return;
  context.root.querySelector("[data-testid=holds]").replaceChildren(...holdings(context.library, offered));
  context.say(pictures(context.library.pictures));
}
