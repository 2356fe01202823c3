import { homedir } from "node:os";
import path from "node:path";

/** Where this package keeps files of one kind between runs: `$XDG_CACHE_HOME/inceptionkit/KIND` (`~/.cache/...`). */
export function cacheFolder(kind: "graphs" | "https" | "weights", env: Readonly<Record<string, string | undefined>> = process.env): string {
  return path.join(env.XDG_CACHE_HOME || path.join(homedir(), ".cache"), "inceptionkit", kind);
}
