/**
 * A state as a question to the server. One liked picture alone is asked by its own route; as soon as there are several,
 * or one to be unlike, they go together. Copies fold into one result where the library tells copies.
 */

import { ASKING, NARROWING } from "../address.js";
import { Problem, facts, nearestToFile, nearestToPicture, nearestToSeveral, nextPage } from "../api.js";
import { nameOf } from "../results/words.js";
import { inMemory, uploadOf } from "../uploads.js";

export const MOST = 16;
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
  const said = how(state, engine, k + named, library);
  if (like.length > 1 || unlike.length) {
    const found = { like: await Promise.all(like.map(sendable)), unlike: await Promise.all(unlike.map(sendable)) };
    return withoutAsked(await nearestToSeveral(found, said, watched), state);
  }
  if (isUpload(like[0])) return nearestToFile(await sendable(like[0]), said, watched);
  return withoutAsked(await nearestToPicture(Number(like[0]), said, watched), state);
}

/** The next page of an answer. */
export const more = async (state, answer, k) => withoutAsked(await nextPage(answer.next, k), state);

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
