/** One group of copies: the best first, and what each of the others is. */

import { addressOf, askedBy } from "../address.js";
import { thumbnailOf } from "../api.js";
import { nameOf } from "../results/words.js";
import { element, showImage } from "../show.js";
import { about, reason } from "./words.js";

/** @param {{apart: Function, remove: Function}|null} acts  null: nothing may be changed */
export function group(of, state, acts) {
  return element("ol", { className: "members", dataset: { testid: "group" } }, ...of.members.map((member) => card(of, member, state, acts)));
}

function card(of, member, state, acts) {
  const best = member.id === of.best;
  const name = nameOf(member.path);
  const image = element("img", { decoding: "async" });
  const gone = element("span", { className: "gone", hidden: true });
  showImage(image, gone, thumbnailOf(member.id), "");
  const link = element("a", { href: addressOf({ ...state, open: member.id }), title: member.path.slice(0, 400), dataset: { id: member.id } },
    element("span", { className: "frame" }, image, gone),
    element("span", { className: "member-name" }, element("bdi", { className: "name", textContent: name }), ...(best ? [element("strong", { className: "best", textContent: "best" })] : [])));
  const acting = acts ? buttons(of, member, best, name, acts) : [];
  return element("li", { className: "member", dataset: { testid: "member", id: member.id } }, link,
    element("p", { className: "hint about" }, ...about(member).flatMap((textContent) => [element("span", { textContent }), " "])),
    element("p", { className: "hint", textContent: best ? "" : reason(member) }),
    element("p", { className: "acts" },
      element("a", { className: "link", href: addressOf(askedBy({ id: member.id }, state)), textContent: "Search", "aria-label": `Search with ${name}` }), ...acting));
}

function buttons(of, member, best, name, { apart, remove }) {
  const button = (act, words, onclick) => element("button", { className: "link", type: "button", textContent: words, "aria-label": `${words}: ${name}`, dataset: { act }, onclick });
  return [...(best ? [] : [button("apart", "Not the same", () => apart(of, member))]), button("remove", "Remove", () => remove(of, member))];
}
