/**
 * What `npm run build` adds to the types that the compiler emits.
 *
 * 1. Each op's file adds its line to the interface `Ops`, and the compiler leaves out imports of which only the value is
 *    used. Without them the names of all ops would be unknown to users: `dist/ops/index.d.ts` gets them back.
 * 2. A copy in dist/commonjs counts as types of CommonJS modules. Node.js lets a CommonJS module require this package;
 *    TypeScript before 5.8, and "node16" in every version, lets it do so only where it finds such types.
 */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

const DIST = path.resolve(import.meta.dirname, "../dist");
const OPS = path.join(DIST, "ops");
const COPY = path.join(DIST, "commonjs");

const additions = readdirSync(OPS)
  .filter((file) => file.endsWith(".d.ts") && readFileSync(path.join(OPS, file), "utf8").includes('declare module "./op.js"'))
  .map((file) => `import "./${file.replace(/\.d\.ts$/, ".js")}";`);
const index = path.join(OPS, "index.d.ts");
const declared = readFileSync(index, "utf8")
  .split("\n")
  .filter((line) => !additions.includes(line));
writeFileSync(index, [...additions, ...declared].join("\n"));

rmSync(COPY, { recursive: true, force: true });
for (const file of readdirSync(DIST, { recursive: true, encoding: "utf8" })) {
  // Nothing outside of cli/ refers to it.
  if (file.endsWith(".d.ts") && !file.startsWith(`cli${path.sep}`)) cpSync(path.join(DIST, file), path.join(COPY, file));
}
writeFileSync(path.join(COPY, "package.json"), '{ "type": "commonjs" }\n');
