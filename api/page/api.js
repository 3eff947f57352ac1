/**
 * The page's one road to the server. Every failure leaves here as a Problem whose message is a sentence fit to
 * show; an aborted request stays an AbortError, because that is no failure. Addresses are relative, so that the
 * page also works below a path of another server.
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

/** {pictures, codec_id, bits, engines}; a Problem with status 503 while there is no library, or it is loading. */
export const ready = () => ask("ready");

/** A few pictures spread over the library: [{id, path}]. */
export const samples = async (limit) => (await ask(`images?limit=${limit}`)).images;

/** The k nearest pictures to an uploaded file. */
export function nearestToFile(file, k, engine, signal) {
  const body = new FormData();
  body.append("file", file, file.name || "pasted.png");
  return ask(`search?${new URLSearchParams({ k, engine })}`, { method: "POST", body, signal });
}

/**
 * The k nearest pictures to a picture of the library, itself left out; exact duplicates, which have other ids, stay.
 * `query` in the answer is the picture's own row, or undefined where k duplicates with lower ids came before it.
 */
export async function nearestToPicture(id, k, engine, signal) {
  const answer = await ask(`images/${id}/similar?${new URLSearchParams({ k: k + 1, engine })}`, { signal });
  const others = answer.results.filter((result) => result.id !== id);
  return { ...answer, query: answer.results.find((result) => result.id === id), results: others.slice(0, k) };
}

export const thumbnailOf = (id) => `images/${id}/thumbnail`;
export const originalOf = (id) => `images/${id}`;

/** Why an image of the server did not load, as a short caption: an <img> does not say. */
export async function whyMissing(address) {
  try {
    const response = await fetch(address);
    if (response.ok) {
      await response.body?.cancel();
      return "this browser cannot show it";
    }
    return response.status === 410 ? "file is gone" : "no preview";
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

async function ask(address, options) {
  try {
    const response = await fetch(address, options);
    if (!response.ok) throw await problemIn(response);
    return await response.json();
  } catch (error) {
    if (error instanceof Problem || error.name === "AbortError") throw error;
    if (error instanceof SyntaxError) throw new Problem("The server's answer could not be read.", 502);
    throw new Problem("The server does not answer. Is `semblance serve` still running?", 0);
  }
}

async function problemIn(response) {
  const body = await response.json().catch(() => ({}));           // a proxy's page of HTML is no problem+json
  const sentence = typeof body.detail === "string" ? body.detail : `The server refused, with status ${response.status}.`;
  return new Problem(sentence, response.status);
}
