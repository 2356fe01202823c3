import { open, readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { InceptionError, messageOf } from "../errors.js";
import { systemErrorCode } from "./file-source.js";

/** Who holds a lock. */
interface Owner {
  readonly pid: number;
  readonly host: string;
  /** Milliseconds since 1970 at which the process began: tells apart processes that were given the same number, as in containers. */
  readonly began: number;
}

const LOCK_NAME = ".lock";
const GUARD_NAME = ".lock.takeover";

/** The names of files that belong to locking. */
export const LOCK_FILES: readonly string[] = [LOCK_NAME, GUARD_NAME];

/**
 * Take a folder for this process alone. A lock whose process is no longer there (killed, or the machine was restarted) is
 * taken over; one of another machine cannot be judged and is respected.
 *
 * @returns lets go of the folder; calling it again does nothing
 * @throws InceptionError RUN_INVALID where another process, or this one already, holds it; WRITE_FAILED
 */
export async function lockRunFolder(folder: string): Promise<() => Promise<void>> {
  const file = path.join(folder, LOCK_NAME);
  const text = JSON.stringify(currentOwner());
  // The second attempt follows the removal of a stale lock, the third that of a lock which was let go just then.
  for (let attempt = 0; attempt < 3; attempt++) {
    if (await createLock(file, text)) return releaser(file, text);
    const found = await readLock(file);
    if (found === null) continue;
    const owner = parseOwner(found);
    if (owner === null || isRunning(owner)) throw locked(folder, file, owner);
    await removeStale(folder, file, found);
  }
  throw locked(folder, file, null);
}

function currentOwner(): Owner {
  return { pid: process.pid, host: hostname(), began: Math.round(performance.timeOrigin) };
}

async function createLock(file: string, text: string): Promise<boolean> {
  try {
    const handle = await open(file, "wx");
    await handle.writeFile(text).finally(() => handle.close());
    return true;
  } catch (thrown) {
    if (systemErrorCode(thrown) === "EEXIST") return false;
    throw new InceptionError("WRITE_FAILED", `Cannot write "${messageOf(file)}": ${messageOf(thrown)}`, { file }, { cause: thrown });
  }
}

async function readLock(file: string): Promise<string | null> {
  try {
    return await readFile(file, "utf8");
  } catch (thrown) {
    if (systemErrorCode(thrown) === "ENOENT") return null;
    throw new InceptionError("RUN_INVALID", `Cannot read lock "${messageOf(file)}": ${messageOf(thrown)}`, { file }, { cause: thrown });
  }
}

function parseOwner(text: string): Owner | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("pid" in value) || !("host" in value) || !("began" in value)) return null;
    const { pid, host, began } = value;
    // Numbers of processes are positive; kill() gives zero and negative ones other meanings.
    if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid < 1) return null;
    return typeof host === "string" && typeof began === "number" ? { pid, host, began } : null;
  } catch {
    return null;
  }
}

function isRunning(owner: Owner): boolean {
  const own = currentOwner();
  if (owner.host !== own.host) return true;
  if (owner.pid === own.pid) return owner.began === own.began;
  try {
    process.kill(owner.pid, 0);
    return true;
  } catch (thrown) {
    // EPERM: there is such a process, of another user.
    return systemErrorCode(thrown) !== "ESRCH";
  }
}

/**
 * Delete a lock whose process is gone. Only who holds the guard may, so that nobody deletes the lock that another process
 * has put in the stale one's place.
 */
async function removeStale(folder: string, file: string, found: string): Promise<void> {
  const guard = path.join(folder, GUARD_NAME);
  if (!(await createLock(guard, JSON.stringify(currentOwner())))) {
    throw locked(folder, guard, parseOwner((await readLock(guard)) ?? ""));
  }
  try {
    if ((await readLock(file)) === found) await rm(file, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
}

function releaser(file: string, text: string): () => Promise<void> {
  let released = false;
  return async () => {
    if (released) return;
    released = true;
    // Somebody may have deleted the lock by hand and another run may have taken the folder.
    if ((await readLock(file)) === text) await rm(file, { force: true });
  };
}

function locked(folder: string, file: string, owner: Owner | null): InceptionError {
  const who = owner === null ? "an unknown process" : `process ${owner.pid} on ${owner.host}`;
  return new InceptionError(
    "RUN_INVALID",
    `Cannot write to run "${messageOf(folder)}": ${messageOf(who)} is writing to it; if that is no longer so, delete "${messageOf(file)}"`,
    { folder, ...owner },
  );
}
