/** Numbers as words, for captions, tooltips, screen readers. */

/** A path's last part, without marks that turn the direction of writing: `exe.jpg` is not to read as `gpj.exe`. */
export const nameOf = (path) => path.split(/[\\/]/).pop().replace(/[\u202a-\u202e\u2066-\u2069]/g, "");
export const count = (n) => n.toLocaleString("en");
export const pictures = (n) => `${count(n)} ${n === 1 ? "picture" : "pictures"}`;

/** The caption below a card: "37 bits", or the Euclidean distance "12.3". */
export function shortDistance(engine, distance) {
  if (engine === "pixel") return distance.toFixed(1);
  return `${distance} ${distance === 1 ? "bit" : "bits"}`;
}

/** The same as a sentence. */
export function longDistance(engine, distance, bits) {
  if (engine === "pixel") return `Euclidean distance ${distance.toFixed(1)} between the pixels`;
  return distance === 0 ? `the same code, all ${bits} bits` : `${distance} of ${bits} bits differ`;
}

/** How many pictures of the library would be as near if nothing were alike, as a person reads it. */
export function byChance(expected) {
  if (expected < 1e-6) return "next to no picture of this library would be as near";
  return `${expected < 10 ? Number(expected.toPrecision(2)) : count(Math.round(expected))} pictures of this library would be as near`;
}

/** ["decode 3.1 ms", "encode 1.2 ms", "search 0.4 ms"]; a step that was not needed is left out. */
export function timings({ decode, encode, search }) {
  const steps = Object.entries({ decode, encode, search });
  return steps.filter(([, ms]) => ms > 0).map(([step, ms]) => `${step} ${milliseconds(ms)}`);
}

export const milliseconds = (ms) => `${ms < 0.1 ? ms.toFixed(2) : ms < 100 ? ms.toFixed(1) : count(Math.round(ms))} ms`;

/** How much the two ways of searching agree, as a sentence. */
export function agreement({ code, pixel }) {
  const all = ({ id, folded = [] }) => [id, ...folded];           // of copies either way may show another first
  const ids = new Set(pixel.results.flatMap(all));
  const both = code.results.filter((hit) => all(hit).some((id) => ids.has(id))).length;
  return both === 0 ? "No picture is in both answers." : `${both} of ${code.results.length} are in both answers.`;
}

/** Where none is nearer than chance brings some picture of such a library, a sentence; else nothing. */
export function chance(results) {
  const alike = (hit) => hit.copy || !(hit.expected_by_chance > 1); // null by pixels and among few: not known
  return results.length && !results.some(alike) ? "Nothing here is more alike than chance would have it." : "";
}
