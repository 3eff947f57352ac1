/** Folders that the service may index are brought in by jobs: begun here, watched by server-sent events, cancelled. */

import { beginJob, cancelJob, jobs, readOnly } from "../changing.js";
import { count, pictures } from "../results/words.js";
import { element, setSentence } from "../show.js";

const SHOWN = 10;
const RUNS = ["queued", "running"];
let sources = [];                          // EventSources that are open

export function stopWatching() {
  for (const source of sources) source.close();
  sources = [];
}

/** @param {{path: string}[]|null} folders  known ones; null: nothing may be changed  @param {() => void} changed */
export function indexing(folders, changed, refused) {
  const list = element("ul", { className: "jobs", dataset: { testid: "jobs" } });
  const wrong = element("p", { className: "wrong", role: "alert", hidden: true });
  const view = { list, wrong, changed, refused, may: folders !== null };
  const title = element("h2", { className: "view-part", id: "jobs-title", textContent: folders ? "Index a folder" : "Jobs" });
  fill(view);
  return element("section", { "aria-labelledby": "jobs-title" }, title, ...(folders ? [form(folders, view)] : []), wrong, list);
}

function form(folders, view) {
  const names = element("datalist", { id: "job-folders" }, ...folders.map(({ path }) => element("option", { value: path })));
  const input = element("input", { id: "job-folder", type: "text", required: true, spellcheck: false, autocapitalize: "off", value: folders[0]?.path ?? "", dataset: { testid: "job-folder" } });
  input.setAttribute("list", "job-folders");
  return element("form", {
    className: "key-form", onsubmit: (event) => {
      event.preventDefault();
      begin(input.value.trim(), view);
    },
  }, element("label", { htmlFor: "job-folder", textContent: "Folder on the server" }), input, names, element("button", { className: "button", type: "submit", textContent: "Index" }));
}

async function begin(folder, view) {
  view.wrong.hidden = true;
  try {
    const job = await beginJob(folder);
    view.list.prepend(row(job, view));
  } catch (error) {
    if (readOnly()) return void view.refused();
    setSentence(view.wrong, error.message);
    view.wrong.hidden = false;
  }
}

async function fill(view) {
  const latest = await jobs().catch(() => []);
  view.list.replaceChildren(...latest.slice(0, SHOWN).map((job) => row(job, view)));
}

function row(job, view) {
  const words = element("p", { className: "hint" });
  const bar = element("progress", { className: "work", "aria-label": `Indexing ${job.folder}` });
  const cancel = element("button", { className: "link", type: "button", textContent: "Cancel", "aria-label": `Cancel indexing ${job.folder}` });
  const item = element("li", { dataset: { testid: "job", id: job.id } }, element("p", {}, element("bdi", { className: "path", textContent: job.folder }), cancel), words, bar);
  const show = (now) => {
    item.dataset.state = now.state;
    setSentence(words, said(now));
    const runs = RUNS.includes(now.state);
    bar.hidden = !runs;
    cancel.hidden = !runs || !view.may;
    if (now.total) [bar.max, bar.value] = [now.total, now.done];
  };
  show(job);
  if (!RUNS.includes(job.state)) return item;
  cancel.onclick = () => cancelJob(job.id).catch((error) => setSentence(words, error.message));
  follow(job, show, view);
  return item;
}

/** Follow a job to its end. A stream that breaks off is opened again by the browser, and says then how it stands. */
function follow(job, show, view) {
  const source = new EventSource(`jobs/${job.id}/events`);
  sources.push(source);
  source.addEventListener("progress", ({ data }) => {
    const { done, total } = JSON.parse(data);
    show({ ...job, state: done || total ? "running" : job.state, done, total });
  });
  source.addEventListener("end", ({ data }) => {
    source.close();
    sources = sources.filter((each) => each !== source);
    show(JSON.parse(data));
    view.changed();
  });
}

function said({ state, done, total, summary, detail }) {
  if (state === "queued") return detail ?? "Waits for its turn.";
  if (state === "running") return detail ?? (total ? `${count(done)} of ${pictures(total)}` : "Looks through the folder.");
  if (state === "done") return summed(summary ?? {});
  const kept = "What was brought in until then is kept.";
  return { cancelled: `Cancelled. ${kept}`, interrupted: `Interrupted: the service was stopped. ${kept} Index the folder again to go on.` }[state] ?? `Failed: ${detail ?? "it is not known why"}`;
}

/** What `semblance index --json` counts, as a sentence. */
function summed(summary) {
  const parts = [["added", "new"], ["updated", "changed"], ["moved", "moved"], ["unchanged", "as they were"]].filter(([name]) => summary[name] > 0).map(([name, words]) => `${count(summary[name])} ${words}`);
  const failed = summary.failed ? ` ${pictures(summary.failed)} could not be read; \`semblance index\` says which, and why.` : "";
  return `Done: ${parts.join(", ") || "nothing new"}.${failed}`;
}
