/**
 * Shows what has changed in graphs, ONNX files and training programs since a commit, as texts:
 *
 *   npm run graph-diff            since the last commit
 *   npm run graph-diff -- main    since another
 *
 * What differs from test/goldens/graph-digests.json is written by the working tree and by a checkout of the commit, into
 * tmp/graph-diff/after and tmp/graph-diff/before.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = path.resolve(fileURLToPath(new URL("..", import.meta.url)));
const TEST = "test/conformance/graph-digests.test.ts";
const commit = process.argv[2] ?? "HEAD";
const folder = path.join(ROOT, "tmp/graph-diff");
const checkout = path.join(folder, "checkout");

const git = (...words) => execFileSync("git", ["-C", ROOT, ...words], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });

/** Runs the test of digests, which fails here: it writes the texts. */
function writeTexts(tree, into, names) {
  const environment = { ...process.env, GRAPH_TEXTS: path.join(folder, into), ...(names ? { GRAPH_NAMES: names.join("\n") } : {}) };
  const vitest = path.join(ROOT, "node_modules/vitest/vitest.mjs");
  spawnSync(process.execPath, [vitest, "run", TEST, "--reporter=dot"], { cwd: tree, env: environment, stdio: "ignore" });
}

function filesOf(name) {
  const full = path.join(folder, name);
  return existsSync(full) ? readdirSync(full) : [];
}

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
writeTexts(ROOT, "after");
const names = filesOf("after");
if (names.length === 0) {
  process.stdout.write("Nothing differs from test/goldens/graph-digests.json.\n");
  process.exit(0);
}
git("worktree", "prune");
git("worktree", "add", "--detach", checkout, commit);
try {
  symlinkSync(path.join(ROOT, "node_modules"), path.join(checkout, "node_modules"));
  writeTexts(checkout, "before", names);
} finally {
  git("worktree", "remove", "--force", checkout);
}
const missing = names.filter((name) => !filesOf("before").includes(name));
if (missing.length > 0) process.stdout.write(`Not in ${commit}: ${missing.join(", ")}\n`);
spawnSync("git", ["-C", folder, "diff", "--no-index", "--stat=140", "before", "after"], { stdio: "inherit" });
process.stdout.write(`See: git diff --no-index ${path.relative(process.cwd(), folder)}/before ${path.relative(process.cwd(), folder)}/after\n`);
