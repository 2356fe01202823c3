/**
 * docs/models.md shows the stages of every network between two markers; they must be what the networks are.
 * To write them anew: UPDATE_DOCS=1 npx vitest run test/docs.test.ts
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { summarize } from "../src/analysis/summary.js";
import { MODELS, type Model } from "../src/models/index.js";
import { WEIGHT_SETS } from "../src/models/weights.js";

const PAGE = path.resolve(import.meta.dirname, "../docs/models.md");

describe("docs/models.md", () => {
  test.each(MODELS.map((model) => ({ id: model.id, model })))("shows the stages of $id", ({ id, model }) => {
    const page = readFileSync(PAGE, "utf8");
    const [begin, end] = [`<!-- begin summary ${id} -->\n`, `<!-- end summary ${id} -->`];
    const [from, to] = [page.indexOf(begin) + begin.length, page.indexOf(end)];
    expect(from).toBeGreaterThan(begin.length);
    expect(to).toBeGreaterThanOrEqual(from);
    const table = stageTable(model);
    if (process.env.UPDATE_DOCS) writeFileSync(PAGE, page.slice(0, from) + table + page.slice(to));
    else expect(page.slice(from, to)).toBe(table);
  });

  test.each(MODELS.map(({ id }) => ({ id })))("names the publishers of weights for $id", ({ id }) => {
    const page = readFileSync(PAGE, "utf8");
    const row = page.split("\n").find((line) => line.startsWith(`| [\`${id}\`]`)) ?? "";
    const column = row.split("|").at(-2)?.trim() ?? "";
    const publishers = WEIGHT_SETS.filter(({ model }) => model === id).map((set) => set.id.split("_")[0]?.toLowerCase() ?? "");
    const [, section = ""] = new RegExp(`\n## ${id}\n([\\s\\S]*?)\n## `).exec(`${page}\n## `) ?? [];
    for (const publisher of publishers) {
      expect(column.toLowerCase()).toContain(publisher);
      expect(section.slice(section.indexOf("**Weights.**")).toLowerCase()).toContain(publisher);
    }
    if (publishers.length === 0) expect(column).toBe("none exist");
    else expect(new Set(publishers).size).toBe(column.split(", ").length);
  });

  test("the table of the README has every network's counts", () => {
    const readme = readFileSync(path.resolve(import.meta.dirname, "../README.md"), "utf8");
    for (const model of MODELS) {
      const { params, macs, input } = summarize(model.describe());
      const row = readme.split("\n").find((line) => line.startsWith(`| \`${model.id}\``));
      expect(row).toMatch(new RegExp(`\\| ${input[2]} \\| ${params.toLocaleString("en-US")} \\| ${(macs / 1e9).toFixed(2)} G \\|$`));
    }
  });
});

function stageTable(model: Model): string {
  const { stages, params, macs } = summarize(model.describe());
  const rows = stages.map((stage) => `| \`${stage.path}\` | ${stage.shape.join("×")} | ${count(stage.params)} | ${count(stage.macs)} |`);
  return [
    "| stage ends at | output | parameters | multiply-adds |",
    "|---|---|---:|---:|",
    ...rows,
    `| **total** | | **${count(params)}** | **${count(macs)}** |`,
    "",
  ].join("\n");
}

function count(value: number): string {
  return value === 0 ? "–" : value.toLocaleString("en-US");
}
