/**
 * Uploaded pictures have no address on the server. The last of them are kept in this browser (IndexedDB), so that a
 * reload, Back and Forward find them again: as many as fit in KEPT and BYTES. Where a browser keeps nothing (a private
 * window, a full disk) they live as long as the page.
 */

const KEPT = 24;
const BYTES = 200 * 2 ** 20;
const files = new Map();                  // key -> {file, url}: those that this page has in hand

let opening = null;

function database() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open("semblance", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("uploads", { keyPath: "key" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("blocked"));
  });
  return opening;
}

/** One step in the store of uploads; undefined where there is none. */
async function stored(mode, step) {
  try {
    const store = (await database()).transaction("uploads", mode).objectStore("uploads");
    return await new Promise((resolve, reject) => {
      const request = step(store);
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  } catch {
    return undefined;
  }
}

function inHand(key, file) {
  if (!files.has(key)) files.set(key, { file, url: URL.createObjectURL(file) });
  return files.get(key);
}

/** Keep a file. @returns {Promise<string>} its key, `u…` */
export async function keep(file) {
  const key = `u${Date.now().toString(36)}${Math.random().toString(36).slice(2, 6)}`;
  inHand(key, file);
  if (file.size <= BYTES / 8) {
    await stored("readwrite", (store) => store.put({ key, name: file.name, type: file.type, blob: file, size: file.size }));
    await prune();
  }
  return key;
}

/** {file, url}, or undefined where it is kept no more. */
export async function uploadOf(key) {
  if (files.has(key)) return files.get(key);
  const row = await stored("readonly", (store) => store.get(key));
  return row && inHand(key, new File([row.blob], row.name, { type: row.type }));
}

/** What `uploadOf` has found before. */
export const inMemory = (key) => files.get(key);

/** The oldest go first: keys begin with the time. */
async function prune() {
  const rows = (await stored("readonly", (store) => store.getAll())) ?? [];
  let bytes = 0;
  const old = rows.reverse().filter(({ size }, n) => (bytes += size) > BYTES || n >= KEPT);
  for (const { key } of old) await stored("readwrite", (store) => store.delete(key));
}
