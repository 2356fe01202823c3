/**
 * Checks who imports whom: a lower row never imports a higher one, and rows 0 to 7 know neither Node nor a platform
 * library. Type imports count, since they hide a wrong direction just as well.
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
  tensor: ["errors.ts"],
  formats: ["errors.ts", "tensor"],
  ir: ["errors.ts", "tensor"],
  ops: ["errors.ts", "tensor", "ir"],
  layers: ["errors.ts", "tensor", "ir", "ops"],
  analysis: ["errors.ts", "tensor", "ir", "ops"],
  autodiff: ["errors.ts", "tensor", "ir", "ops"],
  losses: ["errors.ts", "tensor", "ir", "ops", "layers"],
  optim: ["errors.ts", "options.ts", "tensor", "ir", "ops"],
  weights: ["errors.ts", "tensor", "formats", "ir"],
  models: ["errors.ts", "options.ts", "text.ts", "tensor", "ir", "ops", "layers", "weights"],
  compile: ["errors.ts", "tensor", "formats", "ir", "ops", "layers", "autodiff", "losses", "optim"],
  data: ["errors.ts", "tensor", "formats"],
  explain: ["errors.ts", "tensor", "ir", "ops", "layers", "autodiff", "compile"],
  runtime: ["errors.ts", "tensor"],
  segment: ["errors.ts", "tensor", "data"],
  frechet: ["errors.ts", "tensor", "formats", "data"],
  train: [
    "errors.ts",
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
  diagram: ["errors.ts", "tensor", "ir", "ops", "analysis"],
  predict: ["errors.ts", "tensor", "formats", "ir", "ops", "layers", "optim", "models", "weights", "compile", "data", "runtime"],
  diff: ["errors.ts", "tensor", "formats", "ir", "ops", "analysis", "compile", "diagram"],
  report: ["errors.ts", "tensor", "formats", "data", "explain", "segment", "train", "diagram", "predict"],
  "index.ts": [
    "errors.ts",
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
    "frechet",
    "train",
    "predict",
    "diagram",
    "diff",
    "report",
  ],
  web: ["errors.ts", "tensor", "runtime"],
  experiments: [
    "errors.ts",
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
    "frechet",
    "train",
    "predict",
    "diagram",
    "diff",
    "report",
    "node",
    "experiments",
  ],
};

/** Packages that core code (everything outside PLATFORM_FOLDERS) may use: pure JavaScript, no platform. */
const CORE_PACKAGES = ["@bufbuild/protobuf", "@dagrejs/dagre", "fflate"];
const PLATFORM_FOLDERS = new Set(["node", "web", "experiments", "cli"]);

const SOURCE = path.resolve(import.meta.dirname, "../src");
const IMPORT = /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+"([^"]+)"|import\("([^"]+)"\)/g;

/** Every wrong import below `src`, as lines for people; empty when all is well. */
export function findLayerFaults(source = SOURCE): readonly string[] {
  return readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !/\.(test|cases)\.ts$/.test(file))
    .flatMap((file) => fileFaults(source, file));
}

function fileFaults(source: string, file: string): readonly string[] {
  const folder = layerOf(file);
  const allowed = MAY_IMPORT[folder];
  if (allowed === undefined) return [`${file}: folder "${folder}" is not in the table of tools/check-layers.ts`];
  const text = readFileSync(path.join(source, file), "utf8");
  return [...text.matchAll(IMPORT)].flatMap((match) => {
    const target = match[1] ?? match[2] ?? "";
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
