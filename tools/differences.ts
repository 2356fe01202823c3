/**
 * The generated parts of docs/differences.md: what `inception diff` finds between two forms of a family, as tables between
 * two markers. `npm run gallery` writes them; test/gallery.test.ts tells stale ones.
 */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { compareGraphs, type Difference, layerGroups, type Row, totalRows } from "../src/diff/index.js";
import { findModel } from "../src/models/index.js";

export const DIFFERENCES = path.resolve(fileURLToPath(new URL("../docs/differences.md", import.meta.url)));

/** Forms that people take for each other. */
export const PAIRS: readonly (readonly [string, string])[] = [
  ["googlenet.paper", "googlenet.public"],
  ["inception_v2.slim", "inception_v2.caffe"],
  ["inception_v3.table", "inception_v3.public"],
  ["inception_v3.public", "inception_v3.fid"],
  ["inception_resnet_v1.spec", "inception_resnet_v1.paper"],
  ["inception_resnet_v1.paper", "inception_resnet_v1.public"],
  ["inception_resnet_v2.spec", "inception_resnet_v2.paper"],
  ["inception_resnet_v2.paper", "inception_resnet_v2.public"],
  ["inception_resnet_3d.table", "inception_resnet_3d.code"],
];

// Follow from the others, or are as many as there are layers.
const FOLLOWING = new Set(["inputs", "macs", "name", "parameters", "shape", "weights"]);
const MAX_PATHS = 3;

/** The table of two networks: totals, parts and layers in which they differ. */
export function differencesTable(a: string, b: string): string {
  const comparison = compareGraphs(findModel(a).describe(), findModel(b).describe());
  const ofBlocks = comparison.blocks.flatMap(({ own }) => own.filter(({ kind }) => kind === "block" || kind === "repeats").map(blockRow));
  const layers = comparison.blocks.flatMap((block) => block.layers.filter(({ kind }) => !FOLLOWING.has(kind)));
  const ofLayers = layerGroups(layers).flatMap(({ rows, paths }) =>
    rows.map(([what, ofA, ofB], index) => [index === 0 ? places(paths) : "", what, ofA, ofB]),
  );
  const totals = totalRows(comparison).filter(([, ofA, ofB]) => ofA !== ofB);
  const rows = [...totals.map((row: Row) => ["the network", ...row]), ...ofBlocks, ...ofLayers];
  return [
    `| where | what | \`${a}\` | \`${b}\` |`,
    "|---|---|---|---|",
    ...rows.map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`),
    "",
  ].join("\n");
}

function blockRow({ path: at, pathB, kind, a, b }: Difference): readonly string[] {
  const where = pathB === undefined ? `\`${at}\`` : `\`${at}\`, \`${pathB}\``;
  const cell = (value: Difference["a"]): string => (value === null ? "–" : String(value));
  return [where, kind === "block" ? "part" : "blocks in a row", cell(a), cell(b)];
}

function places(paths: readonly string[]): string {
  const named = paths
    .slice(0, MAX_PATHS)
    .map((at) => `\`${at}\``)
    .join(", ");
  return paths.length > MAX_PATHS ? `${named} and ${paths.length - MAX_PATHS} more` : named;
}

/** The page with every table made anew. Throws RangeError where a pair has no place in it. */
export function differencesPage(text: string): string {
  return PAIRS.reduce((page, [a, b]) => {
    const [begin, end] = [`<!-- begin differences ${a} ${b} -->\n`, `<!-- end differences ${a} ${b} -->`];
    const [from, to] = [page.indexOf(begin), page.indexOf(end)];
    if (from < 0 || to < from) throw new RangeError(`Cannot find the place of ${a} and ${b} in docs/differences.md`);
    return page.slice(0, from + begin.length) + differencesTable(a, b) + page.slice(to);
  }, text);
}
