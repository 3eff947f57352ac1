/**
 * The page's state is its address: one object, read from the query string and written back to it. What is as usual
 * is left out, so that the address of a picture is ?id=17. An upload is named by the key under which this browser keeps
 * it (uploads.js); in lists of pictures `u…` is such a key, and a number is a picture of the library.
 *
 * @typedef {{view: ""|"map"|"duplicates"|"library", id: number|null, upload: string, like: string[], unlike: string[],
 *            region: string, k: number, engine: string, pixel: boolean, folder: string, from: string, to: string,
 *            camera: string, near: string, min: number, all: boolean, open: number|string|null, mode: ""|"beside"|"over",
 *            at: string}} State  at: where one is in a view, in the view's own terms
 */

const WHOLE = /^\d{1,15}$/;
const UPLOAD = /^u\w{1,40}$/;
const VIEWS = ["", "map", "duplicates", "library"];

const text = { usual: "", read: (said) => said.slice(0, 4096), write: String };
const oneOf = (...values) => ({ usual: "", read: (said) => (values.includes(said) ? said : ""), write: String });
const flag = { usual: false, read: (said) => said === "1", write: () => "1" };
const id = { usual: null, read: (said) => (WHOLE.test(said) ? Number(said) : null), write: String };
const list = {
  usual: [],
  read: (said) => [...new Set(said.split(","))].filter((each) => WHOLE.test(each) || UPLOAD.test(each)).slice(0, 16),
  write: (all) => all.join(","),
};

const FIELDS = {
  view: oneOf(...VIEWS), id, upload: { ...text, read: (said) => (UPLOAD.test(said) ? said : "") }, like: list, unlike: list,
  region: { ...text, read: (said) => (/^[\d.]+(,[\d.]+){3}$/.test(said) ? said : "") },
  k: { usual: 10, read: (said) => ([10, 20, 50].includes(Number(said)) ? Number(said) : 10), write: String },
  engine: oneOf("code", "copies"), pixel: flag,
  folder: text, from: text, to: text, camera: text, near: text,
  min: { usual: 0, read: (said) => (WHOLE.test(said) ? Number(said) : 0), write: String },
  all: flag, open: { ...id, read: (said) => id.read(said) ?? (UPLOAD.test(said) ? said : null) }, mode: oneOf("beside", "over"),
  at: { ...text, read: (said) => (/^[\d.,]{1,40}$/.test(said) ? said : "") },
};

/** What asks: a change of these is another question; `all` and the filters are among them, `pixel` is not. */
export const ASKING = ["id", "upload", "like", "unlike", "region"];
export const NARROWING = ["folder", "from", "to", "camera", "near", "min"];

/** @returns {State} all as usual: the start */
export const start = () => Object.fromEntries(Object.entries(FIELDS).map(([name, { usual }]) => [name, usual]));

/** @returns {State} what an address's query string says; what it says wrongly is as usual */
export function read(search) {
  const said = new URLSearchParams(search);
  return Object.fromEntries(Object.entries(FIELDS).map(([name, { usual, read: of }]) => [name, said.has(name) ? of(said.get(name)) : usual]));
}

/** The relative address of a state; of the start it is the page's own. */
export function addressOf(state) {
  const said = new URLSearchParams();
  for (const [name, { usual, write }] of Object.entries(FIELDS)) {
    const value = state[name];
    if (value !== undefined && value !== null && String(value) !== String(usual ?? "")) said.set(name, write(value));
  }
  return said.size ? `?${String(said).replaceAll("%2C", ",").replaceAll("%2F", "/")}` : "./";
}

/** A state that asks by one picture, with the settings and filters of another, but nothing else of its question. */
export function askedBy(picture, state) {
  const kept = Object.fromEntries(["k", "pixel", "engine", ...NARROWING].map((name) => [name, state[name]]));
  return { ...start(), ...kept, ...picture };
}

export const isAsking = (state) => state.id !== null || Boolean(state.upload) || state.like.length > 0;
