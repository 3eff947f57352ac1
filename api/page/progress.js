/** That something is on its way: a bar that shows how much of an upload has gone, and a button that gives it up. */

import { byId, say } from "./show.js";

let onCancel = null;

/** @param {string} words  for the status line  @param {() => void} cancel */
export function busy(words, cancel) {
  onCancel = cancel;
  say(words);
  byId("progress").classList.add("busy");
  byId("progress").removeAttribute("value");
  byId("cancel").hidden = false;
}

/** How much has been sent, 0 to 1; all of it: the server is at work, for a time that nobody knows. */
busy.progress = (part) => {
  if (part < 1) byId("progress").value = part;
  else byId("progress").removeAttribute("value");
};

export function idle() {
  onCancel = null;
  byId("progress").classList.remove("busy");
  byId("cancel").hidden = true;
}

/** Give up what is on its way. @returns {boolean} whether there was something */
export function giveUp() {
  const cancel = onCancel;
  cancel?.();
  return Boolean(cancel);
}
