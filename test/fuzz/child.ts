/** Runs cases until it is told to stop, or until one of them ends it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { InceptionError } from "../../src/errors.js";
import { Draws } from "./draws.js";
import { TARGETS } from "./index.js";
import { type Chunk, caseKey, type Report } from "./messages.js";
import type { FuzzCase } from "./target.js";

// Of the runner, which removes it: a case that ends this process leaves nobody here to do so.
const folder = mkdtempSync(path.join(process.argv[2] ?? tmpdir(), "inception-fuzz-"));
const prepared = new Map<string, Promise<(draws: Draws) => FuzzCase>>();

process.on("disconnect", () => {
  rmSync(folder, { recursive: true, force: true });
  process.exit(0);
});
// Posted by run.ts alone, which posts nothing else.
process.on("message", (message) => void runChunk(message as Chunk));

async function runChunk(chunk: Chunk): Promise<void> {
  const makeCase = await prepare(chunk.target);
  const counts = { results: 0, typed: 0 };
  for (let index = chunk.from; index < chunk.to; index++) {
    send({ kind: "case", index, ...counts });
    const fault = await outcome(makeCase(new Draws(caseKey(chunk, index))));
    if (fault === "result") counts.results++;
    else if (fault === "typed") counts.typed++;
    else send({ kind: "untyped", index, text: fault.text, ...counts });
    // Timers and messages of the runner have their turn between cases.
    if (index % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  send({ kind: "end", ...counts });
}

function prepare(name: string): Promise<(draws: Draws) => FuzzCase> {
  const target = TARGETS.find((each) => each.name === name);
  if (target === undefined) throw new RangeError(`there is no target ${name}`);
  const made = prepared.get(name) ?? target.prepare(folder);
  prepared.set(name, made);
  return made;
}

async function outcome(fuzzCase: FuzzCase): Promise<"result" | "typed" | { readonly text: string }> {
  try {
    await fuzzCase.run();
    return "result";
  } catch (thrown) {
    if (!(thrown instanceof InceptionError)) return { text: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) };
    const clean = thrown.message.length <= MAX_MESSAGE && !/\p{Cc}/u.test(thrown.message);
    return clean
      ? "typed"
      : { text: `its message is not one line of at most ${MAX_MESSAGE} characters: ${JSON.stringify(thrown.message)}` };
  }
}

/** Fits on a screen; names out of files are cut at 200 characters. */
const MAX_MESSAGE = 2000;

function send(report: Report): void {
  process.send?.(report);
}
