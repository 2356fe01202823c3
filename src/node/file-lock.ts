/**
 * Locks between processes: a file that names the process that holds it.
 *
 * - The file is written elsewhere and linked to its name, so it is there whole or not at all.
 * - A lock whose process has ended is taken over. The process number alone does not tell: systems reuse it, so the lock also
 *   records when the process started.
 * - Each lock has a random part, so no two have equal text. A process that takes over a stale lock first takes a second lock
 *   whose name follows from the stale text, and then looks again: of several that find the same stale lock, one replaces it.
 */
import { createHash, randomBytes } from "node:crypto";
import { link, open, readFile, rename, rm } from "node:fs/promises";
import { hostname } from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { InceptionError, messageOf } from "../errors.js";
import { processStart } from "./process-start.js";
import { factOf, systemErrorCode } from "./system-error.js";
import { orWriteFailed, temporaryFile } from "./write-file.js";

/** Who holds a lock. */
export interface LockOwner {
  readonly pid: number;
  readonly host: string;
  /** Milliseconds since 1970 at which the process began, by its own clock. */
  readonly began: number;
  /** When the process started, as the system reports it; null where it reports nothing, and in locks of earlier versions. */
  readonly start: string | null;
}

/** A takeover of a takeover happens where a process was killed in one; more in a row do not happen by accident. */
const MAX_TAKEOVERS = 8;

/** How long an unfinished lock may stay unchanged: only file systems without links show one at all, and for microseconds. */
const UNFINISHED_MS = 2000;
const POLL_MS = 100;

/**
 * Takes a lock file for this process.
 *
 * @param file - in a directory that exists
 * @param busy - makes the error for a lock that is held; `owner` is null where the file does not name its process
 * @returns releases the lock; calling it again does nothing
 * @throws InceptionError what `busy` makes; WRITE_FAILED where the file cannot be written, RUN_INVALID where it cannot be read
 */
export async function lockFile(file: string, busy: (owner: LockOwner | null) => InceptionError, depth = 0): Promise<() => Promise<void>> {
  const text = JSON.stringify({ ...(await currentOwner()), nonce: randomBytes(8).toString("hex") });
  for (let attempt = 0; attempt < MAX_TAKEOVERS; attempt++) {
    if (await createLock(file, text)) return releaser(file, text);
    const found = await readLock(file);
    if (found === null) continue;
    const owner = parseOwner(found);
    if (owner === "unknown") throw busy(null);
    if (owner === "unfinished" && !(await staysUnchanged(file, found))) continue;
    if (owner !== "unfinished" && (await isRunning(owner))) throw busy(owner);
    if (depth === MAX_TAKEOVERS) break;
    if (await takeOver(file, found, text, busy, depth)) return releaser(file, text);
  }
  throw busy(null);
}

/** Replaces the stale lock `found` by `text`; false where another process did so first. */
async function takeOver(
  file: string,
  found: string,
  text: string,
  busy: (owner: LockOwner | null) => InceptionError,
  depth: number,
): Promise<boolean> {
  const name = createHash("sha256")
    .update(`${path.basename(file)}\n${found}`)
    .digest("hex")
    .slice(0, 12);
  const release = await lockFile(temporaryFile(file, name), busy, depth + 1);
  try {
    if ((await readLock(file)) !== found) return false;
    const temporary = await writeTemporary(file, text);
    await orWriteFailed(file, () => rename(temporary, file));
    return true;
  } finally {
    await release();
  }
}

async function currentOwner(): Promise<LockOwner> {
  const began = Math.round(performance.timeOrigin);
  return { pid: process.pid, host: hostname(), began, start: await processStart(process.pid) };
}

/** False where there is one already. */
async function createLock(file: string, text: string): Promise<boolean> {
  const temporary = await writeTemporary(file, text);
  try {
    return await orWriteFailed(file, () => linkNew(temporary, file, text));
  } finally {
    await rm(temporary, { force: true });
  }
}

async function linkNew(temporary: string, file: string, text: string): Promise<boolean> {
  try {
    await link(temporary, file);
    return true;
  } catch (thrown) {
    const code = systemErrorCode(thrown) ?? "";
    // ENOENT: whoever holds the lock tidied up the temporary file.
    if (code === "EEXIST" || code === "ENOENT") return false;
    if (NO_LINKS.has(code)) return await createWithoutLink(file, text);
    throw thrown;
  }
}

/** What systems report of a file system that has no links. */
const NO_LINKS: ReadonlySet<string> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EINVAL"]);

async function createWithoutLink(file: string, text: string): Promise<boolean> {
  try {
    await writeNew(file, text);
    return true;
  } catch (thrown) {
    if (systemErrorCode(thrown) === "EEXIST") return false;
    throw thrown;
  }
}

async function writeTemporary(file: string, text: string): Promise<string> {
  const temporary = temporaryFile(file);
  await orWriteFailed(file, () => writeNew(temporary, text));
  return temporary;
}

/** Nothing stays of a file that cannot be written whole. */
async function writeNew(file: string, text: string): Promise<void> {
  const handle = await open(file, "wx");
  try {
    await handle.writeFile(text).finally(() => handle.close());
  } catch (thrown) {
    await rm(file, { force: true });
    throw thrown;
  }
}

async function readLock(file: string): Promise<string | null> {
  try {
    return await readFile(file, "utf8");
  } catch (thrown) {
    if (systemErrorCode(thrown) === "ENOENT") return null;
    throw new InceptionError("RUN_INVALID", `Cannot read lock "${messageOf(file)}": ${factOf(thrown)}`, { file }, { cause: thrown });
  }
}

/** "unfinished": what a full disk or a kill leaves of a lock. "unknown": whole, but not one of these locks. */
function parseOwner(text: string): LockOwner | "unfinished" | "unknown" {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "unfinished";
  }
  if (typeof value !== "object" || value === null || !("pid" in value) || !("host" in value) || !("began" in value)) return "unknown";
  const { pid, host, began } = value;
  // Process numbers are positive; kill() gives zero and negative ones other meanings.
  if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid < 1) return "unknown";
  if (typeof host !== "string" || typeof began !== "number") return "unknown";
  return { pid, host, began, start: "start" in value && typeof value.start === "string" ? value.start : null };
}

async function staysUnchanged(file: string, text: string): Promise<boolean> {
  for (let waited = 0; waited < UNFINISHED_MS; waited += POLL_MS) {
    await sleep(POLL_MS);
    if ((await readLock(file)) !== text) return false;
  }
  return true;
}

/** A process of another machine cannot be judged and counts as running. */
async function isRunning(owner: LockOwner): Promise<boolean> {
  const own = await currentOwner();
  if (owner.host !== own.host) return true;
  if (owner.pid === own.pid) return owner.start === null || own.start === null ? owner.began === own.began : owner.start === own.start;
  try {
    process.kill(owner.pid, 0);
  } catch (thrown) {
    // EPERM: there is such a process, of another user.
    if (systemErrorCode(thrown) === "ESRCH") return false;
  }
  const start = await processStart(owner.pid);
  return owner.start === null || start === null || owner.start === start;
}

/** For messages: `process 12 on desk`. */
export function heldBy(owner: LockOwner | null): string {
  return owner === null ? "an unknown process" : `process ${owner.pid} on ${messageOf(owner.host)}`;
}

/** Why what a lock guards cannot be written, for the message of `busy`. */
export function busyFact(owner: LockOwner | null, file: string): string {
  return `${heldBy(owner)} is writing to it; if that process has ended, delete "${messageOf(file)}"`;
}

function releaser(file: string, text: string): () => Promise<void> {
  let released = false;
  return async () => {
    if (released) return;
    released = true;
    // Somebody may have deleted the lock by hand and another process may have taken it.
    if ((await readLock(file)) === text) await rm(file, { force: true });
  };
}
