#!/usr/bin/env node
import { existsSync } from "node:fs";
import { getSystemErrorMap } from "node:util";

const entry = new URL("../dist/cli/process.js", import.meta.url);
if (existsSync(entry)) {
  const { runProcess } = await import(entry.href).catch(refused);
  process.exitCode = await runProcess(process.argv.slice(2));
} else {
  // A clone: the package itself always has dist/.
  fail("this clone is not built yet; run npm run build");
}

/** The program's own files cannot be read, so none of them can say why. */
function refused(thrown) {
  const known = getSystemErrorMap().get(thrown.errno)?.[1];
  if (known === undefined && thrown.code !== "ERR_MODULE_NOT_FOUND") throw thrown;
  fail(`Cannot start: ${known ?? "run npm ci, or allow more open files (ulimit -n)"} (${thrown.message})`);
  return { runProcess: () => process.exitCode };
}

function fail(message) {
  process.stderr.write(`inception: ${message}\n`);
  process.exitCode = 2;
}
