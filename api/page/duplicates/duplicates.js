/** What is in the library more than once: group by group, with keys, and with what can be done about each picture. */

import { Problem } from "../api.js";
import { duplicates, keepApart, keepTogether, readOnly, removePicture } from "../changing.js";
import { keysAreOn } from "../help/sheet.js";
import { notice } from "../notice.js";
import { count, nameOf, pictures } from "../results/words.js";
import { element, hideError, showError } from "../show.js";
import { look } from "../life.js";
import { group } from "./group.js";
import { bytes, removing } from "./words.js";

let context = null;
let found = null;                         // {groups, next, total, bytes, pictures}: what is shown; groups lose what is taken out
let waiting = null;

/** @param {{root: HTMLElement, state: object, go: Function, say: Function, library: object}} given */
export async function open(given) {
  const begun = context;
  context = given;
  if (begun) return found && show();
  addEventListener("keydown", pressed);
  await fetchAll();
  return undefined;
}

export function close() {
  removeEventListener("keydown", pressed);
  waiting?.abort();
  context = found = waiting = null;
}

async function fetchAll() {
  const { root, say } = context;
  const { signal } = (waiting = new AbortController());
  const progress = element("progress", { className: "work", "aria-label": "Looking for duplicates" });
  const words = element("p", { textContent: "This is done once, and again when the library changes." });
  root.replaceChildren(element("div", { className: "notice within" }, element("h1", { textContent: "Looking for duplicates" }), words, progress));
  say("Looking for duplicates.");
  try {
    found = await duplicates("", signal, (said) => meanwhile(said, progress));
  } catch (error) {
    if (error.name === "AbortError" || !context) return;
    if (!(error instanceof Problem)) throw error;
    root.replaceChildren(notice("The duplicates are not to be had", error.message, again("Look again")));
    say("The duplicates are not to be had.");
    return;
  }
  if (context) await show();
}

const again = (words) => element("p", { className: "actions-row" }, element("button", { className: "quiet", type: "button", textContent: words, onclick: fetchAll }));

function meanwhile({ done, total }, progress) {
  if (total) [progress.max, progress.value] = [total, done];
}

/** Which group the address means. */
const place = () => Math.max(0, Math.min(found.groups.length - 1, (Number(context.state.at) || 1) - 1));

async function show() {
  const { root, say } = context;
  const focused = root.contains(document.activeElement) ? document.activeElement.dataset.testid ?? "title" : "";
  await reach((Number(context.state.at) || 1) - 1);
  if (!context) return;
  if (!found.groups.length) return void empty();
  const [at, total] = [place(), left()];
  say(`group ${count(at + 1)} of ${count(total)}`);
  const title = element("h1", { className: "view-title", id: "group-title", tabIndex: -1, textContent: `Group ${count(at + 1)} of ${count(total)}` });
  root.replaceChildren(
    element("div", { className: "group-top" },
      element("div", {}, title, element("p", { className: "view-words", textContent: summary(at) })),
      element("div", { className: "steps" }, step("Previous", at - 1, total), step("Next", at + 1, total))),
    ...(readOnly() ? [element("p", { className: "hint", textContent: readOnly() })] : []),
    group(found.groups[at], context.state, readOnly() ? null : { apart, remove }));
  if (!focused) return;
  const same = root.querySelector(`[data-testid="${focused}"]:not(:disabled, li)`);   // Next stays under who presses it
  (same ?? title).focus({ preventScroll: true });
}

const left = () => found.total - found.done;

function summary(at) {
  const { members, bytes: more } = found.groups[at];
  const all = `All groups: ${bytes(found.bytes)} among ${pictures(found.pictures)}.`;
  return `${pictures(members.length)}, ${bytes(more)} beside the best. ${all}`;
}

function empty() {
  const sentence = found.done ? "All groups have been gone through." : `None of ${pictures(found.pictures)} is there twice.`;
  context.root.replaceChildren(notice("No duplicates", sentence, again("Look again")));
  context.say("No duplicates.");
}

function step(words, to, total) {
  const button = element("button", { className: "quiet", type: "button", textContent: words, disabled: to < 0 || to >= total, onclick: () => turn(to) });
  button.dataset.testid = words.toLowerCase();
  return button;
}

function turn(to) {
  if (to < 0 || to >= left()) return;
  context.go({ at: to ? String(to + 1) : "" });
}

/** Fetch pages until a group is there. */
async function reach(at) {
  found.done ??= 0;
  while (found.next && found.groups.length <= at) {
    try {
      const more = await duplicates(found.next, waiting.signal, () => {});
      if (!context) return;
      found.groups.push(...more.groups);
      found.next = more.next;
    } catch (error) {
      if (error.name === "AbortError") return;
      if (error.status === 409) return void (await anew());        // looked for anew since
      found.next = null;
      showError(error, () => show());
    }
  }
}

async function anew() {
  found = await duplicates("", waiting.signal, () => {});
  found.done = 0;
}

async function change(work) {
  hideError();
  try {
    await work();
  } catch (error) {
    showError(error, () => change(work));
    if (context && readOnly()) await show();
  }
}

/** This one is not the same picture as the best of its group. */
const apart = (of, member) => change(async () => {
  await keepApart(of.best, member.id);
  const before = take(of, member);
  if (!context) return;
  await show();
  told(`${nameOf(member.path)} is kept apart.`, "Undo", () => change(async () => {
    await keepTogether(of.best, member.id);
    before();
    await show();
  }));
});

async function remove(of, member) {
  if (!(await removing(member))) return;
  await change(async () => {
    await removePicture(member.id);
    look();
    take(of, member);
    if (!context) return;
    await show();
    told(`${nameOf(member.path)} was removed from the library.`);
  });
}

/** Take a picture out of its group; of one that is left alone there is no group. @returns {() => void} puts it back */
function take(of, member) {
  const [groups, members, at] = [[...found.groups], [...of.members], { best: of.best, bytes: of.bytes, done: found.done, all: found.bytes }];
  of.members = of.members.filter(({ id }) => id !== member.id);
  of.best = of.members[0].id;
  const less = member.id === at.best ? of.members[0].bytes : member.bytes;
  of.bytes -= less;
  found.bytes -= less;
  if (of.members.length < 2) {
    found.groups = found.groups.filter((each) => each !== of);
    found.done += 1;
  }
  return () => {
    [found.groups, of.members, of.best, of.bytes, found.done, found.bytes] = [groups, members, at.best, at.bytes, at.done, at.all];
  };
}

function told(words, act, onAct) {
  const line = element("p", { className: "told", role: "status" }, element("span", { textContent: words }));
  if (act) line.append(element("button", { className: "link", type: "button", textContent: act, onclick: onAct }));
  context.root.prepend(line);
  (line.querySelector("button") ?? document.querySelector("#group-title"))?.focus({ preventScroll: true });
}

function pressed(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !found?.groups.length || document.querySelector("dialog[open]")) return;
  const card = event.target.closest?.(".member");
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (by) turn(place() + by);
  else if (card && event.key === "Delete") card.querySelector("[data-act=remove]")?.click();
  else if (card && keysAreOn() && event.key.toLowerCase() === "a") card.querySelector("[data-act=apart]")?.click();
  else return;
  event.preventDefault();
}
