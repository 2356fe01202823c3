/**
 * Writes docs/models/: a page for every network with its facts, its stages and its drawings. What it writes follows from
 * the descriptions alone, so that test/gallery.test.ts can tell a stale page.
 *
 * `npm run gallery` writes all of it, and takes away drawings that no page shows any more.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { summarize } from "../src/analysis/summary.js";
import { type Block, likenessOf, outermostBlocks } from "../src/diagram/blocks.js";
import { diagram, renderDiagram } from "../src/diagram/index.js";
import { unitsOf } from "../src/diagram/units.js";
import type { Graph } from "../src/ir/graph.js";
import { MODELS, type Model } from "../src/models/index.js";
import { weightSetsOf } from "../src/models/weights.js";

export const GALLERY = path.resolve(fileURLToPath(new URL("../docs/models", import.meta.url)));

/** A block that has a drawing, which may be that of an equal block of another network. */
interface DrawnBlock {
  readonly block: Block;
  /** File of the drawing. */
  readonly drawing: string;
  /** The network whose page shows it first. */
  readonly shownBy: string;
}

/** Drawings that exist so far, by what is drawn. */
type Drawn = Map<string, { readonly drawing: string; readonly shownBy: string }>;

/** Every file of the gallery: name → content. */
export async function galleryFiles(): Promise<ReadonlyMap<string, string>> {
  const files = new Map([["README.md", galleryIndex()]]);
  for (const family of GALLERY_FAMILIES) for (const [name, text] of await familyFiles(family)) files.set(name, text);
  return files;
}

export const GALLERY_FAMILIES: readonly string[] = [...new Set(MODELS.map(({ family }) => family))];

/** The pages and drawings of a family; equal blocks of its networks are drawn once. */
export async function familyFiles(family: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  const drawn: Drawn = new Map();
  for (const model of MODELS.filter((each) => each.family === family)) {
    const graph = model.describe();
    const blocks = drawnBlocks(model, graph, drawn);
    files.set(`${model.id}.svg`, await renderDiagram(diagram(graph), "svg"));
    for (const { block, drawing, shownBy } of blocks) {
      if (shownBy === model.id && !files.has(drawing))
        files.set(drawing, await renderDiagram(diagram(graph, { block: block.path }), "svg"));
    }
    files.set(`${model.id}.md`, page(model, graph, blocks));
  }
  return files;
}

/** The parts of several operations, each with the drawing of the first equal one. */
function drawnBlocks(model: Model, graph: Graph, drawn: Drawn): readonly DrawnBlock[] {
  const composed = outermostBlocks(graph).filter((block) => unitsOf(graph, block.nodes).length > 1);
  return composed.map((block): DrawnBlock => {
    const key = likenessOf(graph, { path: block.root, nodes: block.nodes });
    const known = drawn.get(key) ?? { drawing: `${model.id}.${block.path}.svg`, shownBy: model.id };
    drawn.set(key, known);
    return { block, ...known };
  });
}

function page(model: Model, graph: Graph, blocks: readonly DrawnBlock[]): string {
  return [
    `# ${model.id}`,
    "",
    "<!-- Written by npm run gallery. -->",
    "",
    ...facts(model, graph),
    "",
    `[All networks](README.md) · [options and deviations](../models.md#${model.id.replaceAll(".", "")})`,
    "",
    "## The network",
    "",
    `![${model.id}](${model.id}.svg)`,
    "",
    "## Stages",
    "",
    ...stageTable(graph),
    "",
    ...(blocks.length > 0 ? ["## Blocks", ""] : []),
    ...blocks.flatMap((drawn) => blockSection(model, drawn, blocks)),
  ].join("\n");
}

const TASKS: Readonly<Record<Model["task"], string>> = {
  classify: "classifies images",
  embed: "computes embeddings of images",
  segment: "segments volumes",
};

function facts(model: Model, graph: Graph): readonly string[] {
  const { input, params, nonTrainable, macs, convs } = summarize(graph);
  const sets = weightSetsOf(model.id);
  const outputs = graph.outputs.map(({ name, value }) => `\`${name}\` ${(graph.types.get(value)?.shape ?? []).slice(1).join("×")}`);
  const rows: readonly (readonly [string, string])[] = [
    ["source", model.source],
    ["task", TASKS[model.task]],
    ["input", `${input.slice(1).join("×")}; at least ${model.minInputSize} ${input.length === 5 ? "voxels" : "pixels"} per side`],
    ["outputs", outputs.join(", ")],
    ["parameters", count(params)],
    ["running statistics", count(nonTrainable)],
    ["MACs", count(macs)],
    ["convolutions", count(convs)],
    ["public weights", sets.length === 0 ? "none exist" : sets.map((set) => `\`${set.id}\` (${set.source})`).join(", ")],
    [
      "options",
      Object.keys(model.options)
        .map((name) => `\`${name}\``)
        .join(", "),
    ],
  ];
  return ["| | |", "|---|---|", ...rows.map(([name, text]) => `| ${name} | ${text} |`)];
}

function stageTable(graph: Graph): readonly string[] {
  const { stages, params, macs } = summarize(graph);
  return [
    "| stage ends at | output | parameters | MACs |",
    "|---|---|---:|---:|",
    ...stages.map((stage) => `| \`${stage.path}\` | ${stage.shape.join("×")} | ${count(stage.params)} | ${count(stage.macs)} |`),
    `| **total** | | **${count(params)}** | **${count(macs)}** |`,
  ];
}

function blockSection(model: Model, { block, drawing, shownBy }: DrawnBlock, all: readonly DrawnBlock[]): readonly string[] {
  const name = block.last === undefined ? block.path : `${block.path} to ${block.last}`;
  const title = `### ${name}${block.count > 1 ? ` (${block.count} equal blocks)` : ""}`;
  if (shownBy !== model.id) return [title, "", `As in [${shownBy}](${shownBy}.md).`, "", `![${name}](${drawing})`, ""];
  const first = all.find((other) => other.drawing === drawing)?.block.path;
  return first === block.path ? [title, "", `![${name}](${drawing})`, ""] : [title, "", `As \`${first}\`.`, ""];
}

/** The page that lists all pages. */
export function galleryIndex(): string {
  const rows = MODELS.map((model) => {
    const { input, params, macs } = summarize(model.describe());
    return `| [\`${model.id}\`](${model.id}.md) | ${model.source} | ${input.slice(1).join("×")} | ${count(params)} | ${count(macs)} |`;
  });
  return [
    "# Model gallery",
    "",
    "<!-- Written by npm run gallery. -->",
    "",
    "One page per network: facts, stages, and drawings of the network and its blocks. Drawings fit A4. Each box shows its parameters",
    "and MACs, each arrow the shape of its tensor. `inception diagram ID` draws them with any options; `inception diff A B --svg FILE`",
    "draws two side by side.",
    "",
    "| id | source | input | parameters | MACs |",
    "|---|---|---|---:|---:|",
    ...rows,
    "",
  ].join("\n");
}

function count(value: number): string {
  return value === 0 ? "–" : value.toLocaleString("en-US");
}

/** Write all files, and delete those that are no longer part of the gallery. */
export async function writeGallery(folder = GALLERY): Promise<void> {
  const files = await galleryFiles();
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) if (!files.has(name)) rmSync(path.join(folder, name));
  for (const [name, text] of files) writeFileSync(path.join(folder, name), text);
}
