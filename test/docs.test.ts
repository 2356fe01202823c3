/**
 * docs/models.md shows the stages of every network between two markers, docs/training.md the recipes; they must be what they are.
 * To write them anew: UPDATE_DOCS=1 npx vitest run test/docs.test.ts
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { summarize } from "../src/analysis/summary.js";
import { MODELS, type Model } from "../src/models/index.js";
import { WEIGHT_SETS } from "../src/models/weights.js";
import { RECIPES, type Recipe } from "../src/train/recipes.js";
import { ROOT } from "./shared.js";

const PAGE = path.resolve(import.meta.dirname, "../docs/models.md");

describe("links", () => {
  test.each(linkedPages())("of %s lead to files and sections", (page) => {
    const text = readFileSync(path.join(ROOT, page), "utf8").replaceAll(/```[\s\S]*?```/g, "");
    const broken = [...text.matchAll(/\]\((?!https?:)([^)\s#]*)(?:#([^)\s]*))?\)/g)].flatMap(([link, file = "", section]) => {
      const target = file === "" ? page : path.posix.join(path.posix.dirname(page), file);
      if (!existsSync(path.join(ROOT, target))) return [link];
      return section === undefined || sectionsOf(target).has(section) ? [] : [link];
    });
    expect(broken).toEqual([]);
  });
});

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
    const publishers = WEIGHT_SETS.filter(({ model }) => model === id).map((set) => /^[a-z]+/.exec(set.id)?.[0] ?? "");
    const [, section = ""] = new RegExp(`\n## ${id}\n([\\s\\S]*?)\n## `).exec(`${page}\n## `) ?? [];
    for (const publisher of publishers) {
      expect(column.toLowerCase()).toContain(publisher);
      expect(section.slice(section.indexOf("**Weights.**")).toLowerCase()).toContain(publisher);
    }
    if (publishers.length === 0) expect(column).toBe("none exist");
    else expect(new Set(publishers).size).toBe(column.split(", ").length);
  });

  test("the table of the README has every network's counts and publishers of weights", () => {
    const readme = readFileSync(path.resolve(import.meta.dirname, "../README.md"), "utf8");
    const page = readFileSync(PAGE, "utf8");
    for (const model of MODELS) {
      const { params, macs, input } = summarize(model.describe());
      const row = readme.split("\n").find((line) => line.startsWith(`| \`${model.id}\``));
      expect(row).toMatch(new RegExp(`\\| ${input[2]} \\| ${params.toLocaleString("en-US")} \\| ${(macs / 1e9).toFixed(2)} G \\|$`));
      const listed = page.split("\n").find((line) => line.startsWith(`| [\`${model.id}\``));
      const published = listed
        ?.split("|")
        .at(-2)
        ?.trim()
        .replace(/^none exist$/, "none");
      const bundled = "[hippocampus](assets/hippocampus.md) (bundled, half width)";
      expect(row?.split("|")[3]?.trim()).toBe(model.id === "inception_resnet_3d.table" ? bundled : published);
    }
  });
});

describe("docs/training.md", () => {
  test("the table of recipes is what the recipes are", () => {
    const file = path.resolve(import.meta.dirname, "../docs/training.md");
    const page = readFileSync(file, "utf8");
    const [begin, end] = ["<!-- begin recipes -->\n", "<!-- end recipes -->"];
    const [from, to] = [page.indexOf(begin) + begin.length, page.indexOf(end)];
    expect(from).toBeGreaterThan(begin.length);
    expect(to).toBeGreaterThanOrEqual(from);
    if (process.env.UPDATE_DOCS) writeFileSync(file, page.slice(0, from) + recipeTable() + page.slice(to));
    else expect(page.slice(from, to)).toBe(recipeTable());
  });
});

function linkedPages(): readonly string[] {
  const folders = ["docs", "docs/decisions", "docs/experiments", "docs/models", "assets", "bench", "examples/digits", "examples/segment"];
  const pages = folders.flatMap((folder) => readdirSync(path.join(ROOT, folder)).map((file) => `${folder}/${file}`));
  const root = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];
  return [...root, ...pages.filter((file) => file.endsWith(".md"))];
}

/** Anchors of a page's headings, as GitHub forms them, and those it sets itself. */
function sectionsOf(page: string): ReadonlySet<string> {
  const text = readFileSync(path.join(ROOT, page), "utf8").replaceAll(/```[\s\S]*?```/g, "");
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_\- ]/gu, "")
      .replaceAll(" ", "-"),
  );
  return new Set([...headings, ...[...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = ""]) => id)]);
}

/** One row for each setting of a recipe, one column for each recipe, and below it where each comes from. */
function recipeTable(): string {
  const recipes = Object.entries<Recipe>(RECIPES).map(([name, recipe]) => ({ name, ...recipe }));
  const shown = (value: Recipe[keyof Recipe]): string => {
    if (value === null) return "none";
    if (typeof value !== "object") return String(value);
    return Object.entries(value)
      .map(([key, item]) => (key === "name" ? String(item) : `${key}=${String(item)}`))
      .join(", ");
  };
  const { source, name: title, ...settings } = recipes[0] ?? { name: "", ...RECIPES.scratch };
  const keys = Object.keys(settings) as (keyof typeof settings)[];
  return [
    `| | ${recipes.map(({ name }) => `\`${name}\``).join(" | ")} |`,
    `|---|${recipes.map(() => "---|").join("")}`,
    ...keys.map((key) => `| \`${key}\` | ${recipes.map((recipe) => shown(recipe[key])).join(" | ")} |`),
    "",
    ...recipes.map(({ name, source: text }) => `- \`${name}\`: ${text}`),
    "",
  ].join("\n");
}

function stageTable(model: Model): string {
  const { stages, params, macs } = summarize(model.describe());
  const rows = stages.map((stage) => `| \`${stage.path}\` | ${stage.shape.join("×")} | ${count(stage.params)} | ${count(stage.macs)} |`);
  return [
    "| stage ends at | output | parameters | MACs |",
    "|---|---|---:|---:|",
    ...rows,
    `| **total** | | **${count(params)}** | **${count(macs)}** |`,
    "",
  ].join("\n");
}

function count(value: number): string {
  return value === 0 ? "–" : value.toLocaleString("en-US");
}
