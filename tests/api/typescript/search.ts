// Uses a client that was generated of a service's OpenAPI document: search, a picture's bytes, an error; see run.sh.
import { readFile } from "node:fs/promises";

import { client } from "./made/client.gen";
import { encodeUpload, getPicture, searchByCodes, searchByUpload } from "./made/sdk.gen";
import type { Answer, Problem } from "./made/types.gen";

const [url, path] = process.argv.slice(2) as [string, string];
client.setConfig({ baseUrl: url });

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`${what} is wrong`);
}

const file = new Blob([new Uint8Array(await readFile(path))]);
const found = await searchByUpload({ body: { file }, query: { k: 3, engine: "code" }, throwOnError: true });
const answer: Answer = found.data;
const best = answer.results[0]!;
check(answer.results.length === 3 && best.path === path && best.distance === 0, "the answer to an upload");

const whole = await getPicture({ path: { id: best.id }, parseAs: "blob", throwOnError: true });
check((whole.data as Blob).size === file.size, "the picture's file");

const encoded = await encodeUpload({ body: { file }, throwOnError: true });
const batch = await searchByCodes({ body: { codes: [encoded.data.code], k: 1 }, throwOnError: true });
check(batch.data.answers[0]!.results[0]!.id === best.id, "the answer to a code");

const none = await getPicture({ path: { id: 1_000_000_000 } });
const problem: Problem | undefined = none.error;
check(problem?.status === 404 && problem.detail.includes("1000000000"), "the error");
const wrong = await searchByUpload({ body: { file: new Blob(["no picture"]) } });
check(wrong.error?.status === 415, "the error of no picture");
console.log("search, upload, bytes and errors work");
