/** What is asked, as the page shows it: the picture, the chips of a question by several, the settings. */

import { byId, element, showImage } from "../show.js";
import { asked, pictureOf } from "./question.js";

/** Show what `state` asks by; a picture's name and its image change together. */
export async function showQuestion(state, paths, go) {
  const { like, unlike } = asked(state);
  const pictures = await Promise.all([...like, ...unlike].map((each) => pictureOf(each, paths.get(String(each)))));
  const several = pictures.length > 1;
  showFirst(pictures[0], several);
  const chips = several ? pictures.map((picture, n) => chip(picture, n < like.length ? "like" : "unlike", state, go)) : [];
  if (state.region) chips.push(textChip("Part of the picture", "Ask by the whole picture", () => go({ region: "" })));
  byId("chips").replaceChildren(...chips);
  document.title = `${several ? `${like.length} liked${unlike.length ? `, ${unlike.length} not` : ""}` : pictures[0].name} · Semblance`;
  return pictures;
}

/** A new image each time: the old one would stay under the new name until the new one has come. */
function showFirst({ picture, src, name, path }, several) {
  const old = byId("query-image");
  if (old.getAttribute("src") !== src) {
    const image = element("img", { id: "query-image", dataset: { testid: "query-image" } });
    old.replaceWith(image);
    showImage(image, byId("query-unshown"), src, `Query: ${name}`);
  }
  byId("query-image").alt = `Query: ${name}`;
  byId("query-name").textContent = several ? "Several pictures" : name;
  byId("query-name").title = (path ?? name).slice(0, 400);
  byId("query-details").hidden = several;
  byId("query-details").dataset.id = picture;
}

function chip({ picture, src, name }, kind, state, go) {
  const words = kind === "like" ? "like" : "not like";
  const image = element("img", { src, alt: "", width: 40, height: 40 });
  const remove = () => go(without(state, String(picture)));
  const button = element("button", { type: "button", className: `chip picture ${kind}`, onclick: remove, title: `${words} ${name.slice(0, 200)}` },
    image, element("span", { className: "sign", textContent: kind === "like" ? "+" : "−", "aria-hidden": "true" }),
    element("span", { className: "spoken", textContent: `Remove: ${words} ${name}` }));
  return element("li", {}, button);
}

/** A chip that says one thing and takes it back. */
export function textChip(words, title, onclick) {
  return element("li", {}, element("button", { type: "button", className: "chip", onclick, title },
    element("span", { className: "words", textContent: words }), element("span", { className: "cross", textContent: "×", "aria-hidden": "true" }),
    element("span", { className: "spoken", textContent: `, ${title}` })));
}

/** The change of a state by which a picture no longer asks. */
export function without(state, picture) {
  const change = { like: state.like.filter((each) => each !== picture), unlike: state.unlike.filter((each) => each !== picture) };
  if (String(state.id) === picture) change.id = null;
  if (state.upload === picture) change.upload = "";
  const left = { ...state, ...change };
  const first = left.id !== null || left.upload ? null : change.like.shift();
  if (first) Object.assign(change, first.startsWith("u") ? { upload: first } : { id: Number(first) });
  return first === undefined ? { ...change, unlike: [] } : change;
}

/** The change by which a picture becomes liked, unliked, or neither where it was that already. */
export function marked(state, kind, picture) {
  const other = kind === "like" ? "unlike" : "like";
  if (state[kind].includes(picture)) return without(state, picture);
  return { [kind]: [...state[kind], picture], [other]: state[other].filter((each) => each !== picture), region: "" };
}
