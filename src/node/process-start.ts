import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

/**
 * Identifies one process among all that ever had its number: when it started, as the system reports it. Equal texts mean the
 * same process.
 *
 * Linux: the ID of the boot and the start time in clock ticks since it, from /proc, which no change of the clock affects.
 * Other Unix systems: the start time that `ps` prints. Windows, and wherever neither can be read: null.
 *
 * @param platform - whose way is used; default the one that this runs on
 */
export async function processStart(pid: number, platform: NodeJS.Platform = process.platform): Promise<string | null> {
  try {
    if (platform === "win32") return null;
    return platform === "linux" ? await startFromProc(pid) : await startFromPs(pid);
  } catch {
    // There is no such process, or another user's processes are hidden.
    return null;
  }
}

async function startFromProc(pid: number): Promise<string | null> {
  const [boot, stat] = await Promise.all([
    readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => ""),
    readFile(`/proc/${pid}/stat`, "utf8"),
  ]);
  // Field 22. The second field, the name in parentheses, may hold spaces and parentheses itself.
  const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return ticks === undefined ? null : `${boot.trim()}/${ticks}`;
}

async function startFromPs(pid: number): Promise<string | null> {
  // The C locale, so that two users with different languages get the same text.
  const env = { ...process.env, LC_ALL: "C", TZ: "UTC" };
  const { stdout } = await promisify(execFile)("ps", ["-o", "lstart=", "-p", String(pid)], { env, timeout: PS_TIMEOUT_MS });
  return stdout.trim() || null;
}

/** `ps` answers in milliseconds; a system on which it hangs must not hang a run. */
const PS_TIMEOUT_MS = 5000;
