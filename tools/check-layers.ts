/**
 * Checks who imports whom: a lower row never imports a higher one, rows 0 to 8 know neither Node nor a platform library,
 * and no files import each other in a circle. Type imports count, since they hide a wrong direction just as well.
 * It also checks that no file outgrows a reader, and that no name of a value is empty by default where graphs are built.
 *
 * test/layers.test.ts runs it; `npm run ok` does so too.
 */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/** What each folder of src may import, besides itself. Files directly in src/ are listed by name. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "text.ts": [],
  "errors.ts": ["text.ts"],
  "options.ts": ["errors.ts", "text.ts"],
  client: [],
  tensor: ["errors.ts", "text.ts"],
  formats: ["errors.ts", "text.ts", "tensor"],
  ir: ["errors.ts", "text.ts", "tensor"],
  ops: ["errors.ts", "text.ts", "tensor", "ir"],
  layers: ["errors.ts", "text.ts", "tensor", "ir", "ops"],
  analysis: ["errors.ts", "text.ts", "tensor", "ir", "ops"],
  autodiff: ["errors.ts", "text.ts", "tensor", "ir", "ops"],
  losses: ["errors.ts", "text.ts", "tensor", "ir", "ops", "layers"],
  optim: ["errors.ts", "text.ts", "options.ts", "tensor", "ir", "ops"],
  weights: ["errors.ts", "text.ts", "tensor", "formats", "ir"],
  models: ["errors.ts", "options.ts", "text.ts", "tensor", "formats", "ir", "ops", "layers", "weights"],
  compile: ["errors.ts", "text.ts", "tensor", "formats", "ir", "ops", "layers", "autodiff", "losses", "optim"],
  data: ["errors.ts", "text.ts", "tensor", "formats"],
  explain: ["errors.ts", "text.ts", "tensor", "ir", "ops", "layers", "autodiff", "compile"],
  runtime: ["errors.ts", "text.ts", "tensor", "formats", "weights", "data"],
  segment: ["errors.ts", "text.ts", "tensor", "data"],
  frechet: ["errors.ts", "text.ts", "tensor", "formats", "data"],
  search: ["errors.ts", "text.ts", "tensor", "formats", "data"],
  check: ["errors.ts", "text.ts", "tensor", "data"],
  confidence: ["errors.ts", "text.ts", "tensor", "data", "frechet"],
  train: [
    "errors.ts",
    "text.ts",
    "options.ts",
    "tensor",
    "formats",
    "ir",
    "ops",
    "losses",
    "optim",
    "weights",
    "compile",
    "data",
    "runtime",
    "diagram",
  ],
  diagram: ["errors.ts", "text.ts", "tensor", "ir", "ops", "analysis"],
  predict: [
    "errors.ts",
    "text.ts",
    "tensor",
    "formats",
    "ir",
    "ops",
    "layers",
    "optim",
    "models",
    "weights",
    "compile",
    "data",
    "runtime",
    "confidence",
  ],
  diff: ["errors.ts", "text.ts", "tensor", "formats", "ir", "ops", "analysis", "compile", "diagram"],
  report: [
    "errors.ts",
    "text.ts",
    "tensor",
    "formats",
    "data",
    "explain",
    "search",
    "segment",
    "check",
    "train",
    "diagram",
    "predict",
    "confidence",
  ],
  tasks: [
    "errors.ts",
    "text.ts",
    "options.ts",
    "tensor",
    "formats",
    "ir",
    "ops",
    "layers",
    "optim",
    "models",
    "weights",
    "compile",
    "data",
    "runtime",
    "explain",
    "segment",
    "confidence",
    "frechet",
    "search",
    "check",
    "train",
    "predict",
    "diagram",
    "analysis",
    "diff",
    "report",
  ],
  "core.ts": [
    "errors.ts",
    "text.ts",
    "tensor",
    "formats",
    "ir",
    "ops",
    "layers",
    "analysis",
    "autodiff",
    "losses",
    "optim",
    "compile",
    "diagram",
    "diff",
    "runtime",
  ],
  "index.ts": ["errors.ts", "check", "data", "models", "tasks", "node"],
  "browser.ts": ["errors.ts", "check", "data", "models", "tasks", "web"],
  node: [
    "errors.ts",
    "options.ts",
    "text.ts",
    "tensor",
    "formats",
    "ir",
    "ops",
    "layers",
    "optim",
    "models",
    "weights",
    "compile",
    "data",
    "runtime",
    "explain",
    "segment",
    "confidence",
    "frechet",
    "search",
    "check",
    "train",
    "predict",
    "diagram",
    "diff",
    "report",
    "tasks",
  ],
  web: ["errors.ts", "text.ts", "tensor", "formats", "data", "weights", "predict", "frechet", "runtime", "tasks"],
  experiments: [
    "errors.ts",
    "text.ts",
    "options.ts",
    "tensor",
    "formats",
    "ir",
    "ops",
    "layers",
    "optim",
    "models",
    "weights",
    "compile",
    "data",
    "runtime",
    "train",
    "report",
    "node",
  ],
  cli: [
    "errors.ts",
    "options.ts",
    "text.ts",
    "tensor",
    "formats",
    "ir",
    "analysis",
    "optim",
    "models",
    "weights",
    "data",
    "runtime",
    "explain",
    "segment",
    "confidence",
    "frechet",
    "search",
    "check",
    "train",
    "predict",
    "diagram",
    "diff",
    "report",
    "tasks",
    "node",
    "experiments",
  ],
};

/** Packages that core code (everything outside PLATFORM_FOLDERS) may use: pure JavaScript, no platform. */
const CORE_PACKAGES = ["@bufbuild/protobuf", "@dagrejs/dagre", "dicom-parser", "fflate", "hyparquet", "hyparquet-writer"];
const PLATFORM_FOLDERS = new Set(["node", "web", "experiments", "cli"]);

const SOURCE = path.resolve(import.meta.dirname, "../src");
const IMPORT = /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+"([^"]+)"|import\("([^"]+)"\)/g;

/** More lines than this are hard to keep in mind. */
const MAX_LINES = 500;
/** Files with more lines, which are tables and nothing else. */
const TABLES = ["cli/commands.ts", "data/imagenet.ts"];

/** Every wrong import below `src`, as lines for people; empty when all is well. */
export function findLayerFaults(source = SOURCE): readonly string[] {
  return sourceFiles(source).flatMap((file) => fileFaults(source, file));
}

/**
 * Every import by which a file of a package leaves its package: what it uses of the root package it takes from the entries, as
 * anyone does. The same for a file of the root package that reaches into a package.
 */
export function findPackageFaults(sources: readonly string[]): readonly string[] {
  return sources.flatMap((source) =>
    sourceFiles(source).flatMap((file) =>
      importTargets(source, file)
        .filter((target) => target.startsWith(".") && path.join(path.dirname(file), target).startsWith(".."))
        .map((target) => `${file}: imports "${target}", which is outside of its package`),
    ),
  );
}

/** Every file of `src` that is longer than 500 lines and no table. */
export function findLongFiles(source = SOURCE, tables: readonly string[] = TABLES): readonly string[] {
  return sourceFiles(source).flatMap((file) => {
    const lines = readFileSync(path.join(source, file), "utf8").trimEnd().split("\n").length;
    return lines <= MAX_LINES || tables.includes(file) ? [] : [`${file}: ${lines} lines, expected at most ${MAX_LINES}`];
  });
}

/** An empty string in place of a name that is not there: `?? ""`, or the default of a destructured one. */
const EMPTY_BY_DEFAULT = /\?\? ""|[\w\]] = ""(?: as const)?\s*[,\]}]/;
/** Where names are those of values: to ONNX, "" is an operand left out, so a default hides a missing one in the file. */
const OF_VALUES = ["ops", "layers", "losses", "optim", "analysis", "autodiff", "compile", "explain"];

/** Every line of the folders that build and read graphs where a name is "" by default; `at` of tensor/at.ts throws instead. */
export function findEmptyNames(source = SOURCE): readonly string[] {
  const files = sourceFiles(source).filter((file) => OF_VALUES.includes(layerOf(file)));
  return files.flatMap((file) =>
    readFileSync(path.join(source, file), "utf8")
      .split("\n")
      .flatMap((line, index) => (EMPTY_BY_DEFAULT.test(line) ? [`${file}:${index + 1}: a name is "" by default: ${line.trim()}`] : [])),
  );
}

/** Every set of files below `src` that import each other in circles, each as one line. */
export function findImportCircles(source = SOURCE): readonly string[] {
  const files = sourceFiles(source);
  const imports = new Map(files.map((file) => [file, importsOf(source, file)] as const));
  return stronglyConnected(imports)
    .filter((members) => members.length > 1)
    .map((members) => `${members.length} files import each other: ${members.toSorted().join(", ")}`)
    .toSorted();
}

function sourceFiles(source: string): readonly string[] {
  return readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !/\.(test|cases)\.ts$/.test(file))
    .toSorted();
}

/** What a file imports from this package, as paths below `source`. */
function importsOf(source: string, file: string): readonly string[] {
  return importTargets(source, file)
    .filter((target) => target.startsWith("."))
    .map((target) => path.join(path.dirname(file), target).replace(/\.js$/, ".ts"));
}

function importTargets(source: string, file: string): readonly string[] {
  return [...readFileSync(path.join(source, file), "utf8").matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? "");
}

/** The strongly connected components of a graph, by Tarjan's algorithm: each is a largest set in which all reach all. */
function stronglyConnected(edges: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const order = new Map<string, number>();
  const stack: string[] = [];
  const components: (readonly string[])[] = [];
  /** The smallest number on the stack that is reached from here. */
  const visit = (node: string): number => {
    const known = order.get(node);
    if (known !== undefined) return stack.includes(node) ? known : Number.POSITIVE_INFINITY;
    const own = order.size;
    order.set(node, own);
    stack.push(node);
    const reached = (edges.get(node) ?? []).filter((target) => edges.has(target)).map(visit);
    const lowest = Math.min(own, ...reached);
    if (lowest === own) components.push(stack.splice(stack.indexOf(node)));
    return lowest;
  };
  for (const node of edges.keys()) visit(node);
  return components;
}

function fileFaults(source: string, file: string): readonly string[] {
  const folder = layerOf(file);
  const allowed = MAY_IMPORT[folder];
  if (allowed === undefined) return [`${file}: folder "${folder}" is not in the table of tools/check-layers.ts`];
  return importTargets(source, file).flatMap((target) => {
    if (!target.startsWith(".")) return packageFault(file, folder, target);
    const layer = layerOf(path.relative(source, path.resolve(source, path.dirname(file), target)));
    return layer === folder || allowed.includes(layer) ? [] : [`${file}: ${folder} may not import ${layer} ("${target}")`];
  });
}

function packageFault(file: string, folder: string, target: string): readonly string[] {
  if (PLATFORM_FOLDERS.has(folder)) return [];
  return CORE_PACKAGES.some((name) => target === name || target.startsWith(`${name}/`))
    ? []
    : [`${file}: core code may not import "${target}"`];
}

/** The folder of src that a file is in, or the file itself where it lies directly in src. Import targets end in .js. */
function layerOf(file: string): string {
  const [first = "", ...rest] = file.split(path.sep);
  return rest.length === 0 ? first.replace(/\.js$/, ".ts") : first;
}
