#!/usr/bin/env node
import { existsSync } from "node:fs";

const entry = new URL("../dist/cli/process.js", import.meta.url);
if (existsSync(entry)) {
  const { runProcess } = await import(entry.href);
  process.exitCode = await runProcess(process.argv.slice(2));
} else {
  // A clone: the package itself always has dist/.
  process.stderr.write("inception: this clone is not built yet; run npm run build\n");
  process.exitCode = 2;
}
