/** Keys and marks. */

import { marked } from "./asking/panel.js";

/** Marks on cards: details, more like it, less like it. */
export function listenForMarks(go, stateNow) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".marks button");
    if (!button) return;
    const id = button.closest(".card").querySelector("a").dataset.id;
    if (button.dataset.act === "details") go({ open: Number(id) });
    else go(marked(stateNow(), button.dataset.act, id));
  });
}

export function listenForKeys() {}
