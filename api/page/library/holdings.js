/** What the library holds: how many pictures, from where, by which cameras and when; by which codes they are found. */

import { count, pictures } from "../results/words.js";
import { element } from "../show.js";

const FEW = 12;                            // rows shown at once; the others unfold
const ENGINES = { code: "learned codes", copies: "codes of copies", pixel: "raw pixels" };

/** @returns {Node[]} of a section  @param {object} library  as /ready says it  @param {object} offered  as /facets does */
export function holdings(library, { folders, cameras, taken, placed }) {
  const rows = [
    ["Pictures", count(library.pictures)],
    ["Codes", `${library.bits} bits each`, `Codec ${library.codec_id}`],
    ["Searched by", library.engines.map((engine) => ENGINES[engine] ?? engine).join(", ")],
    ["Taken", taken ? (taken.first === taken.last ? taken.first : `${taken.first} to ${taken.last}`) : "no picture says when"],
    ["With a place", placed ? count(placed) : "none"],
    ...covered(library.coverage),
  ];
  return [
    element("h2", { className: "view-part spoken", id: "holds-title", textContent: "What it holds" }),
    element("dl", { className: "facts-row" }, ...rows.map(([term, value, title = ""]) => element("div", { title }, element("dt", { textContent: term }), element("dd", { textContent: value })))),
    ...table("Folders", folders.map(({ path, pictures: n }) => [n, element("bdi", { className: "path", textContent: path })])),
    ...(cameras.length ? table("Cameras", cameras.map(({ name, pictures: n }) => [n, element("span", { textContent: name })])) : []),
  ];
}

/** Which share of the pictures each way of searching knows, where that is not all of them. */
function covered(coverage = {}) {
  const part = Object.entries(coverage).filter(([, share]) => share < 1);
  return part.map(([engine, share]) => [`Known by ${ENGINES[engine] ?? engine}`, `${(Math.floor(1000 * share) / 10).toFixed(1)} %`]);
}

function table(title, rows) {
  const list = (some) => element("ul", { className: "counts" }, ...some.map(([n, node]) => element("li", {}, node, element("span", { textContent: pictures(n) }))));
  const parts = [element("h2", { className: "view-part", textContent: title }), list(rows.slice(0, FEW))];
  const rest = rows.slice(FEW);
  if (rest.length) parts.push(element("details", {}, element("summary", { textContent: `${count(rest.length)} more` }), list(rest)));
  return parts;
}
