#!/usr/bin/env node
import { existsSync } from "node:fs";

const entry = new URL("../dist/cli/main.js", import.meta.url);
if (existsSync(entry)) {
  const { main } = await import(entry.href);
  process.exitCode = await main(process.argv.slice(2));
} else {
  // A clone: the package itself always has dist/.
  process.stderr.write("inception: this clone is not built yet; run npm run build\n");
  process.exitCode = 2;
}
