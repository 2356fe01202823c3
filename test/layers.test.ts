import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { findLayerFaults } from "../tools/check-layers.js";

test("every folder imports only what its row allows", () => {
  expect(findLayerFaults()).toEqual([]);
});

test("a wrong direction, a platform module in core code and an unknown folder are found", () => {
  const source = mkdtempSync(path.join(tmpdir(), "layers-"));
  try {
    for (const folder of ["ir", "tensor", "extras"]) mkdirSync(path.join(source, folder));
    writeFileSync(path.join(source, "ir", "graph.ts"), 'import type { Op } from "../ops/op.js";\nimport fs from "node:fs";\n');
    writeFileSync(path.join(source, "tensor", "tensor.ts"), 'export const load = () => import("../ir/graph.js");\n');
    writeFileSync(path.join(source, "extras", "more.ts"), "export {};\n");
    expect(findLayerFaults(source).toSorted()).toEqual([
      'extras/more.ts: folder "extras" is not in the table of tools/check-layers.ts',
      'ir/graph.ts: core code may not import "node:fs"',
      'ir/graph.ts: ir may not import ops ("../ops/op.js")',
      'tensor/tensor.ts: tensor may not import ir ("../ir/graph.js")',
    ]);
  } finally {
    rmSync(source, { recursive: true });
  }
});
