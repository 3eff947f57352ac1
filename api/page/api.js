/**
 * The page's one road to the server, a function for each route. Every failure leaves here as a Problem whose message is
 * a sentence fit to show; an aborted request stays an AbortError, because that is no failure. Addresses are relative, so
 * that the page also works below a path of another server.
 */

export const UPLOAD_LIMIT_MB = 25;

export class Problem extends Error {
  /** @param {string} sentence  @param {number} status  the HTTP status; 0 where no answer came */
  constructor(sentence, status) {
    super(sentence);
    this.status = status;
  }

  /** Whether the same request may succeed a little later. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** {pictures, codec_id, bits, engines, …}; to who has no key {status} alone; 503 while there is no library. */
export const ready = (options) => ask("ready", { cache: "no-store", ...options });

/** A few pictures spread over the library: [{id, path}]. */
export const samples = async (limit) => (await ask(`images?limit=${limit}`)).images;

/** {folders, cameras, taken, placed}: by what the library's pictures can be narrowed. */
export const facets = () => ask("facets");

/** {id, path, size, width, height, taken, camera, …, copies} */
export const facts = (id, signal) => ask(`images/${id}/facts`, { signal });

/** The nearest to an uploaded file. @param {URLSearchParams} how  @param {{signal, onProgress}} watched */
export function nearestToFile(file, how, watched) {
  const body = new FormData();
  body.append("file", file, file.name || "pasted.png");
  return send(`search?${how}`, body, watched);
}

/** The nearest to a picture of the library, itself among them. */
export const nearestToPicture = (id, how, { signal }) => ask(`images/${id}/similar?${how}`, { signal });

/** The nearest to several. @param {{like, unlike}} pictures  lists of ids and files */
export function nearestToSeveral(pictures, how, watched) {
  const body = new FormData();
  for (const [kind, each] of Object.entries(pictures)) {
    for (const one of each) {
      if (one instanceof Blob) body.append(kind, one, one.name || "pasted.png");
      else body.append(`${kind}_id`, one);
    }
  }
  return send(`search/several?${how}`, body, watched);
}

/** The next page of an answer of any kind. */
export const nextPage = (cursor, k, signal) => ask("search/next", json({ cursor, k }, { signal }));

export const thumbnailOf = (id) => `images/${id}/thumbnail`;
export const originalOf = (id) => `images/${id}`;

/** Options of `ask` that send `value` as JSON. */
export const json = (value, options = {}) =>
  ({ method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value), ...options });

/** Why an image of the server did not load, as a short caption: an <img> does not say. */
export async function whyMissing(address) {
  try {
    const response = await fetch(address);
    if (response.ok) {
      await response.body?.cancel();
      return "this browser cannot show it";
    }
    return { 404: "no longer in the library", 410: "file is gone", 503: "the disk does not answer" }[response.status] ?? "no preview";
  } catch {
    return "server does not answer";
  }
}

/** Refuse, before anything is sent, what the server would refuse as well; a folder reads as a broken file. */
export async function checkFile(file) {
  if (file.size > UPLOAD_LIMIT_MB * 2 ** 20) {
    const megabytes = Math.ceil(file.size / 2 ** 20).toLocaleString("en");
    throw new Problem(`${file.name} is ${megabytes} MB; pictures up to ${UPLOAD_LIMIT_MB} MB can be searched with.`, 413);
  }
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    throw new Problem(`${file.name} cannot be read: it is a folder, or it was moved or changed. Choose a picture.`, 400);
  }
}

const GONE = "The server does not answer. Is `semblance serve` still running?";
const UNREADABLE = "The server's answer could not be read.";

/** One request, and its answer's JSON; undefined where it has none (204), `unless` it says what another status means. */
export async function ask(address, options, unless = {}) {
  try {
    const response = await fetch(address, options);
    if (!response.ok) throw problemIn(response.status, await response.json().catch(() => ({})));
    const value = response.status === 204 ? undefined : await response.json();
    return unless[response.status]?.(value, response) ?? value;
  } catch (error) {
    if (error instanceof Problem || error.name === "AbortError") throw error;
    if (error instanceof SyntaxError) throw new Problem(UNREADABLE, 502);
    throw new Problem(GONE, 0);
  }
}

/** POST a form and tell how much of it has gone (0 to 1), which fetch does not. `whole`: the status beside the value. */
export function send(address, body, { signal, onProgress, whole = false } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const aborted = () => reject(new DOMException("aborted", "AbortError"));
    if (signal?.aborted) return aborted();
    signal?.addEventListener("abort", () => request.abort());
    request.upload.onprogress = ({ loaded, total }) => onProgress?.(total ? loaded / total : 0);
    request.onabort = aborted;
    request.onerror = () => reject(new Problem(GONE, 0));
    request.onload = () => {
      const answer = parsed(request.responseText);
      if (request.status >= 400) reject(problemIn(request.status, answer ?? {}));
      else if (answer === undefined) reject(new Problem(UNREADABLE, 502));
      else resolve(whole ? { status: request.status, value: answer } : answer);
    };
    request.open("POST", address);
    request.send(body);
  });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A proxy's page of HTML is no problem+json: then the status has to do. */
function problemIn(status, { detail }) {
  return new Problem(typeof detail === "string" ? detail : `The server refused, with status ${status}.`, status);
}
