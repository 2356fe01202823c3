/**
 * Copies the emitted types to dist/commonjs, where they count as those of CommonJS modules.
 *
 * Node.js lets a CommonJS module require this package. TypeScript before 5.8, and "node16" in every version, lets it do so
 * only where the types that it finds are those of a CommonJS module. The values are the same.
 */
import { cpSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

const DIST = path.resolve(import.meta.dirname, "../dist");
const COPY = path.join(DIST, "commonjs");

rmSync(COPY, { recursive: true, force: true });
for (const file of readdirSync(DIST, { recursive: true, encoding: "utf8" })) {
  // Nothing outside of cli/ refers to it.
  if (file.endsWith(".d.ts") && !file.startsWith(`cli${path.sep}`)) cpSync(path.join(DIST, file), path.join(COPY, file));
}
writeFileSync(path.join(COPY, "package.json"), '{ "type": "commonjs" }\n');
