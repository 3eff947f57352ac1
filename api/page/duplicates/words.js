/** What is said of copies, and before one is removed. */

import { isUpload } from "../changing.js";
import { nameOf } from "../results/words.js";
import { element } from "../show.js";

/** "12.3 MB": units of a thousand, as disks and file managers have them. */
export function bytes(n) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const step = Math.max(0, Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, n)) / 3)));
  const value = n / 1000 ** step;
  return `${value.toLocaleString("en", { maximumFractionDigits: step && value < 100 ? 1 : 0 })} ${units[step]}`;
}

/** Its measures, in parts; the date is the text's own day, whatever zone this browser is in. */
export const about = ({ width, height, format, bytes: size, date }) =>
  [width && `${width} × ${height}`, format, bytes(size), date?.slice(0, 10)].filter(Boolean);

const REASONS = { exact: "the same file", crop: "a part of the best", best: "" };

export function reason({ why, distance }) {
  if (why in REASONS) return REASONS[why];
  const near = distance === null ? "" : `, ${distance} ${distance === 1 ? "bit" : "bits"} from the best`;
  return `${why === "near" ? "nearly the same" : why}${near}`;
}

/** Ask whether a picture is to be removed, and say what becomes of its file. @returns {Promise<boolean>} */
export function removing(member) {
  const stays = isUpload(member.path)
    ? "It was uploaded: its file is in the library alone, and is deleted with it. This cannot be undone."
    : "Its file stays where it is, and comes back into the library when its folder is indexed next.";
  const dialog = element("dialog", { className: "help asks", "aria-labelledby": "asks-title", "aria-describedby": "asks-words" },
    element("h2", { id: "asks-title", textContent: `Remove ${nameOf(member.path)} from the library?` }),
    element("p", { id: "asks-words", textContent: stays }), element("p", { className: "path", textContent: member.path }),
    element("form", { method: "dialog", className: "actions-row" },
      element("button", { className: "quiet", value: "", textContent: "Keep it", autofocus: true }),
      element("button", { className: "button", value: "remove", textContent: "Remove it" })));
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.onclose = () => {
      dialog.remove();
      resolve(dialog.returnValue === "remove");
    };
    dialog.showModal();
  });
}
