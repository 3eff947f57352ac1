/**
 * Uploaded pictures: they have no address, so the last of them live here, for as long as the page does.
 * A query is either of one of these or of a picture of the library.
 * @typedef {{id: number, path?: string} | {upload: number}} Query
 */

const KEPT = 20;
const uploads = new Map();                // key -> {file, url}

/** @returns {Query} */
export function keep(file) {
  const key = Date.now();
  uploads.set(key, { file, url: URL.createObjectURL(file) });
  for (const [oldest, { url }] of uploads) {
    if (uploads.size <= KEPT) break;
    URL.revokeObjectURL(url);
    uploads.delete(oldest);
  }
  return { upload: key };
}

export const isUpload = (query) => "upload" in query;
/** {file, url}, or undefined where it is kept no more. */
export const uploadOf = (query) => uploads.get(query.upload);
export const same = (one, other) => Boolean(other) && one.id === other.id && one.upload === other.upload;
