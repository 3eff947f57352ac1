/**
 * A state as a question to the server. One liked picture alone is asked by its own route; as soon as there are several,
 * or one to be unlike, they go together. Copies fold into one result where the library tells copies.
 */

import { ASKING, NARROWING } from "../address.js";
import { Problem, facts, nearestToFile, nearestToPicture, nearestToSeveral, nextPage } from "../api.js";
import { nameOf } from "../results/words.js";
import { inMemory, uploadOf } from "../uploads.js";

export const MOST = 16;
const MOST_RESULTS = 1000;
const NAMES = { folder: "folder", from: "taken_from", to: "taken_to", camera: "camera", near: "near", min: "min_pixels" };

/** What a state asks by, in order: ids as text, and keys of uploads. */
export function asked(state) {
  const first = state.upload || (state.id === null ? [] : String(state.id));
  return { like: [...new Set([first, state.like].flat())], unlike: state.unlike };
}

/** The same for two states that ask the same of the server. */
export const keyOf = (state) => JSON.stringify([...ASKING, ...NARROWING, "all", "engine", "k"].map((name) => state[name]));

export const isUpload = (picture) => String(picture).startsWith("u");

/** @param {{k: number, library: object, signal: AbortSignal, onProgress?: (part: number) => void}} about */
export async function ask(state, engine, { k, library, ...watched }) {
  const { like, unlike } = asked(state);
  const named = [...like, ...unlike].filter((each) => !isUpload(each)).length; // these find themselves
  const said = how(state, engine, Math.min(MOST_RESULTS, k + named), library);
  if (like.length > 1 || unlike.length) {
    const found = { like: await Promise.all(like.map(sendable)), unlike: await Promise.all(unlike.map(sendable)) };
    const answer = await nearestToSeveral(found, said, watched).catch((error) => Promise.reject(byName(error, found)));
    return firstOf(await withoutAsked(answer, state), k);
  }
  if (isUpload(like[0])) return nearestToFile(await sendable(like[0]), said, watched);
  return firstOf(await withoutAsked(await nearestToPicture(Number(like[0]), said, watched), state), k);
}

export const hasMore = (answer) => Boolean(answer.next || answer.held?.length);

/** The next page of an answer, begun by what its page before had too many of. */
export async function more(state, answer, k) {
  const page = answer.next ? await withoutAsked(await nextPage(answer.next, k), state) : { results: [], next: null };
  return { ...page, results: [...(answer.held ?? []), ...page.results] };
}

/** So many were asked for as what asks may take up: where it was not among them, the last are held for the next page. */
function firstOf(answer, k) {
  return { ...answer, results: answer.results.slice(0, k), held: answer.results.slice(k) };
}

/** The server counts the files it was sent; a person knows them by name. */
function byName(error, pictures) {
  const names = [...pictures.like, ...pictures.unlike].filter((each) => each instanceof Blob).map(({ name }) => name || "Pasted picture");
  if (error instanceof Problem) error.message = error.message.replace(/^pictures\[(\d+)\]/, (said, n) => names[n] ?? said);
  return error;
}

async function sendable(picture) {
  if (!isUpload(picture)) return picture;
  const upload = await uploadOf(picture);
  if (!upload) throw new Problem("This browser no longer keeps the picture that was uploaded here: choose it again.", 404);
  return upload.file;
}

function how(state, engine, k, library) {
  const said = new URLSearchParams({ k, engine, cursor: "" });
  if (library.engines.includes("copies")) said.set("fold", "true");
  if (!state.all && engine !== "pixel") said.set("chance", "1");
  if (state.region) said.set("region", state.region);
  for (const name of NARROWING) if (state[name]) said.set(NAMES[name], state[name]);
  return said;
}

/**
 * What asks finds itself, and is no result; copies that are folded into it are. `query` becomes its own row, where it
 * was among the answers.
 */
async function withoutAsked(answer, state) {
  const { like, unlike } = asked(state);
  const ids = new Set([...like, ...unlike].map(Number));
  const results = [];
  let query = null;
  for (const hit of answer.results) {
    const folded = (hit.folded ?? []).filter((id) => !ids.has(id));
    if (!ids.has(hit.id)) results.push({ ...hit, folded });
    else {
      query ??= hit;
      if (folded.length) results.push({ ...hit, id: folded[0], path: (await facts(folded[0])).path, folded: folded.slice(1) });
    }
  }
  return { ...answer, query, results };
}

/** {src, name, path, id} of what is asked by, to be shown; where its name is not known yet, a number. */
export async function pictureOf(picture, path) {
  if (isUpload(picture)) {
    const upload = inMemory(picture) ?? (await uploadOf(picture));
    return { picture, id: null, path: null, src: upload?.url ?? "", name: upload?.file.name || "Pasted picture" };
  }
  return { picture, id: Number(picture), path: path ?? null, src: `images/${picture}/thumbnail`, name: path ? nameOf(path) : `Picture ${picture}` };
}
