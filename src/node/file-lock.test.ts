import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { InceptionError } from "../errors.js";
import { heldBy, type LockOwner, lockFile } from "./file-lock.js";
import { processStart } from "./process-start.js";

let folder = "";
let file = "";
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "inception-lock-"));
  file = path.join(folder, "x.lock");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const busy = (owner: LockOwner | null) => new InceptionError("RUN_INVALID", `held by ${heldBy(owner)}`);
const lock = () => lockFile(file, busy);
const BUILT = pathToFileURL(path.resolve(import.meta.dirname, "../../dist/node/file-lock.js")).href;

/** Takes the lock, logs the beginning and the end of what it does alone, and ends as a killed process does. */
const HOLDER = `
  import { appendFileSync } from "node:fs";
  import { setTimeout as sleep } from "node:timers/promises";
  import { lockFile } from ${JSON.stringify(BUILT)};
  const [file, log] = process.argv.slice(1);
  for (;;) {
    try {
      await lockFile(file, () => new Error("busy"));
      break;
    } catch {
      await sleep(1);
    }
  }
  appendFileSync(log, "begin " + process.pid + "\\n");
  await sleep(3);
  appendFileSync(log, "end " + process.pid + "\\n");
  process.kill(process.pid, "SIGKILL");
`;

function holder(log: string): Promise<void> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", HOLDER, file, log], { stdio: "ignore" });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", () => resolve());
  });
}

describe("a lock", () => {
  test("is there whole, names its process, and leaves nothing behind", async () => {
    const release = await lock();
    expect(JSON.parse(await readFile(file, "utf8"))).toEqual({
      pid: process.pid,
      host: hostname(),
      began: Math.round(performance.timeOrigin),
      start: await processStart(process.pid),
      nonce: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
    });
    await expect(lock()).rejects.toThrow(`held by process ${process.pid} on ${hostname()}`);
    expect(await readdir(folder)).toEqual(["x.lock"]);
    await release();
    await release();
    expect(await readdir(folder)).toEqual([]);
  });

  test("of a process whose number was given to another one is taken over", async () => {
    const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"]);
    try {
      const start = await processStart(child.pid ?? 0);
      expect(start).toMatch(process.platform === "linux" ? /\/\d+$/ : /./);
      const owner = { pid: child.pid, host: hostname(), began: Date.now() };
      await writeFile(file, JSON.stringify({ ...owner, start }));
      await expect(lock()).rejects.toThrow(`held by process ${child.pid} on ${hostname()}`);
      // Without a start time, as earlier versions wrote it, the number alone decides.
      await writeFile(file, JSON.stringify(owner));
      await expect(lock()).rejects.toThrow(`held by process ${child.pid} on ${hostname()}`);
      await writeFile(file, JSON.stringify({ ...owner, start: `${start}0` }));
      await (await lock())();
      expect(await readdir(folder)).toEqual([]);
    } finally {
      child.kill();
    }
  });

  test("that an interrupted takeover left is taken over too, and its marker goes", async () => {
    const dead = { pid: 2 ** 22 + 1, host: hostname(), began: 5, start: "none/1" };
    await writeFile(file, JSON.stringify(dead));
    // As a takeover leaves the files that is killed when it has its second lock.
    const marker = path.join(folder, markerOf(JSON.stringify(dead)));
    await writeFile(marker, JSON.stringify({ ...dead, pid: dead.pid + 1 }));
    await (await lock())();
    expect(await readdir(folder)).toEqual([]);
  });

  test("is never held by two of several processes that are killed while they hold it", async () => {
    const log = path.join(folder, "log");
    await Promise.all(Array.from({ length: 8 }, () => holder(log)));
    const lines = (await readFile(log, "utf8")).trim().split("\n");
    expect(lines).toHaveLength(16);
    const pairs = Array.from({ length: 8 }, (_, index) => lines.slice(2 * index, 2 * index + 2));
    for (const [first = "", second] of pairs) expect(second).toBe(first.replace("begin", "end"));
  }, 60_000);
});

test.skipIf(process.platform === "win32")("ps tells processes apart where there is no /proc", async () => {
  const own = await processStart(process.pid, "darwin");
  expect(own).toMatch(/ \d\d:\d\d:\d\d \d{4}$/);
  expect(await processStart(2 ** 22 + 1, "darwin")).toBeNull();
});

/** The name of the second lock of a takeover, as the module derives it. */
function markerOf(stale: string): string {
  const hash = createHash("sha256").update(`x.lock\n${stale}`).digest("hex").slice(0, 12);
  return `.x.lock.${hash}.tmp`;
}
