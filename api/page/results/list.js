/**
 * What the page shows as an answer, and what other views may ask about it: the full view goes through it by
 * `neighbour`, which loads more where the list ends.
 */

/** @type {{state: object, query: {src: string, name: string, id: number|null, path: string|null},
 *          answers: Object<string, {results: object[], next: string|null, timings_ms: object}>}|null} */
export let shown = null;
let loadMore = async () => false;

export const setShown = (value) => { shown = value; };
export const setLoader = (load) => { loadMore = load; };

/** Which engine stands in the first column. */
export const main = (state) => state?.engine || "code";
export const hits = () => shown?.answers[main(shown.state)]?.results ?? [];
export const shownIds = () => hits().map(({ id }) => id);
export const hitOf = (id, engine = main(shown?.state)) => shown?.answers[engine]?.results.find((hit) => hit.id === id);

/** The id `step` places after `id` (before it, where negative), or null where the list ends. */
export async function neighbour(id, step) {
  let place = shownIds().indexOf(id);
  if (place < 0) return null;
  while (place + step >= shownIds().length && (await loadMore())) place = shownIds().indexOf(id);
  return shownIds()[place + step] ?? null;
}

/** What was asked by: {src, name, id|null}; null at the start. Of a question by several it is the first. */
export const queryImage = () => shown?.query ?? null;
