import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { findUnusedExports, packageFolders } from "../tools/check-exports.js";
import { findEmptyNames, findImportCircles, findLayerFaults, findLongFiles, findPackageFaults } from "../tools/check-layers.js";
import { ROOT } from "./shared.js";

const PACKAGES = packageFolders().map((folder) => path.join(ROOT, folder, "src"));

test("every folder imports only what its row allows", () => {
  expect(findLayerFaults()).toEqual([]);
});

test("no files import each other in a circle, types included", () => {
  expect(findImportCircles()).toEqual([]);
});

test("no file but the tables has more than 500 lines", () => {
  expect(findLongFiles()).toEqual([]);
});

test("packages have neither circles nor long files, and nothing is imported across the border of a package but by its name", () => {
  expect(PACKAGES).not.toEqual([]);
  expect(PACKAGES.flatMap((source) => [...findImportCircles(source), ...findLongFiles(source, [])])).toEqual([]);
  expect(findPackageFaults([path.join(ROOT, "src"), ...PACKAGES])).toEqual([]);
});

test("no operand that is missing becomes an empty name", () => {
  expect(findEmptyNames()).toEqual([]);
});

test("every exported name is used outside its file", () => {
  expect(findUnusedExports()).toEqual([]);
});

test("a wrong direction, a platform module in core code and an unknown folder are found", () => {
  const files = {
    "ir/graph.ts": 'import type { Op } from "../ops/op.js";\nimport fs from "node:fs";\n',
    "tensor/tensor.ts": 'export const load = () => import("../ir/graph.js");\n',
    "extras/more.ts": "export {};\n",
  };
  withSource(files, (source) => {
    expect(findLayerFaults(source).toSorted()).toEqual([
      'extras/more.ts: folder "extras" is not in the table of tools/check-layers.ts',
      'ir/graph.ts: core code may not import "node:fs"',
      'ir/graph.ts: ir may not import ops ("../ops/op.js")',
      'tensor/tensor.ts: tensor may not import ir ("../ir/graph.js")',
    ]);
  });
});

test("an import that leaves its package is found", () => {
  const files = {
    "http/app.ts": 'import { a } from "../../../../src/a.js";\nimport { b } from "../b.js";\n',
    "b.ts": "export const b = 1;\n",
  };
  withSource(files, (source) => {
    expect(findPackageFaults([source])).toEqual(['http/app.ts: imports "../../../../src/a.js", which is outside of its package']);
  });
});

test("circles are found, each once: through types, re-exports, a common file, and late imports", () => {
  const files = {
    "a.ts": 'import { b } from "./ops/b.js";\n',
    "ops/b.ts": 'import type { C } from "./c.js";\nexport { d } from "./d.js";\n',
    "ops/c.ts": 'import type { A } from "../a.js";\n',
    "ops/d.ts": 'export const a = () => import("../a.js");\n',
    "ops/e.ts": 'import { f } from "./f.js";\nimport { b } from "./b.js";\n',
    "ops/f.ts": 'export * from "./e.js";\n',
    "ops/alone.ts": 'import { e } from "./e.js";\n',
  };
  withSource(files, (source) => {
    expect(findImportCircles(source)).toEqual([
      "2 files import each other: ops/e.ts, ops/f.ts",
      "4 files import each other: a.ts, ops/b.ts, ops/c.ts, ops/d.ts",
    ]);
  });
});

test("a name that is empty by default is found where graphs are built", () => {
  const files = {
    "ops/a.ts": 'const [x = "", w] = site.inputs;\nconst y = site.outputs[0] ?? "";\nconst z = "";\n',
    "compile/b/c.ts": 'function f({ inputs: [, kernel = ""] }: Node) {}\nlet name = "";\n',
    "text.ts": 'const line = lines[0] ?? "";\n',
  };
  withSource(files, (source) => {
    expect(findEmptyNames(source)).toEqual([
      'compile/b/c.ts:1: a name is "" by default: function f({ inputs: [, kernel = ""] }: Node) {}',
      'ops/a.ts:1: a name is "" by default: const [x = "", w] = site.inputs;',
      'ops/a.ts:2: a name is "" by default: const y = site.outputs[0] ?? "";',
    ]);
  });
});

test("a file of 501 lines is too long unless it is a table", () => {
  const files = { "ir/long.ts": "//\n".repeat(501), "ir/table.ts": "//\n".repeat(501), "ir/fits.ts": "//\n".repeat(500) };
  withSource(files, (source) => {
    expect(findLongFiles(source, ["ir/table.ts"])).toEqual(["ir/long.ts: 501 lines, expected at most 500"]);
  });
});

test("an exported name that only its own file uses is found; what entry points, tests and whole modules give is used", () => {
  const files = {
    "package.json": JSON.stringify({ exports: { ".": { default: "./dist/index.js" } }, imports: { "#part": "./dist/part.js" } }),
    "src/index.ts": 'export { a } from "./a.js";\nexport type * from "./types.js";\nexport const own = 1;\n',
    "src/a.ts":
      'import { c as renamed } from "./c.js";\nexport const a = renamed;\nexport interface Alone {}\nexport const { x, y } = a;\n',
    "src/c.ts": 'export const c = () => import("./late.js");\nexport class Tested {}\nexport { c as other };\n',
    "src/late.ts": "export const run = 1;\nexport function help() {}\n",
    "src/named.ts": 'import * as all from "./all.js";\nimport { part } from "#part";\nall.one(part);\n',
    "src/all.ts": "export const one = 1;\nexport const two = 2;\n",
    "src/part.ts": "export const part = 1;\n",
    "src/types.ts": "export type T = 1;\n",
    "test/c.test.ts": 'import { Tested } from "../src/c.js";\nimport { y } from "../src/a.js";\n',
    "bin/program.js": 'const entry = new URL("../dist/main.js", import.meta.url);\nconst { main } = await import(entry);\n',
    "src/main.ts": "export function main() {}\nexport function spare() {}\n",
    "tools/none.ts": "",
    "bench/none.ts": "",
    "packages/extra/package.json": JSON.stringify({ exports: { ".": "./dist/index.js" } }),
    "packages/extra/src/index.ts": 'export { shown } from "./shown.js";\n',
    "packages/extra/src/shown.ts": "export const shown = 1;\nexport const hidden = 2;\n",
    "packages/extra/test/none.ts": "",
  };
  withSource(files, (root) => {
    expect(findUnusedExports(root)).toEqual([
      "src/a.ts: Alone",
      "src/a.ts: x",
      "src/all.ts: two",
      "src/c.ts: other",
      "src/main.ts: spare",
      "packages/extra/src/shown.ts: hidden",
    ]);
  });
});

/** Calls `check` with a folder that holds these files. */
function withSource(files: Readonly<Record<string, string>>, check: (source: string) => void): void {
  const source = mkdtempSync(path.join(tmpdir(), "layers-"));
  try {
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(source, file)), { recursive: true });
      writeFileSync(path.join(source, file), text);
    }
    check(source);
  } finally {
    rmSync(source, { recursive: true });
  }
}
