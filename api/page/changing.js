/** What changes the library: each asked once, by a key of its own, so that asking again after a lost answer is safe. */

import { ask, json, send } from "./api.js";

let refused = "";                          // the sentence of the first 403: from then on nothing is offered

/** Why nothing can be changed here; "" as long as nobody has said so. */
export const readOnly = () => refused;

const once = () => ({ "Idempotency-Key": crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}` });

async function minding(change) {
  try {
    return await change;
  } catch (error) {
    if (error.status === 403 && !/folder/i.test(error.message)) refused = error.message;
    throw error;
  }
}

const changing = (address, options) => minding(ask(address, { ...options, headers: { ...once(), ...options.headers } }));

export const removePicture = (id) => changing(`images/${id}`, { method: "DELETE" });
export const keepApart = (first, second) => changing("duplicates/apart", json({ first, second }));
export const keepTogether = (first, second) => changing("duplicates/together", json({ first, second }));
export const beginJob = (folder) => changing("jobs", json({ kind: "index", folder }));
export const cancelJob = (id) => changing(`jobs/${id}`, { method: "DELETE" });
export const jobs = async () => (await ask("jobs", { cache: "no-store" })).jobs;

/** Keep a picture in the library. @returns {Promise<{id, path, known: boolean}>}  known: it was there already */
export async function addPicture(file, watched) {
  const body = new FormData();
  body.append("file", file, file.name || "pasted.png");
  const { status, value } = await minding(send("images", body, { ...watched, whole: true }));
  return { ...value, known: status === 200 };
}

/** One page of groups, waiting until they have been found. @param {(said) => void} meanwhile  hears how far that is */
export async function duplicates(cursor, signal, meanwhile) {
  const address = `duplicates?limit=50${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`;
  for (;;) {
    let pause = 0;
    const found = await ask(address, { signal, cache: "no-store" }, {
      202: (said, response) => {
        pause = Math.max(0.2, Number(response.headers.get("Retry-After")) || 1);
        return said;
      },
    });
    if (!pause) return found;
    meanwhile(found);
    await new Promise((resolve) => { setTimeout(resolve, 1000 * pause); });
    if (signal.aborted) throw new DOMException("aborted", "AbortError");
  }
}

/** Whether the library holds the only copy: then its file goes with it. By the form of names under LIBRARY/uploads. */
export const isUpload = (path) => /[\\/]uploads[\\/]\d{4}[\\/]\d\d[\\/][^\\/]*-[0-9a-f]{16}(\.\w+)?$/.test(path);
