/**
 * Compares two training recipes at equal time: each of three seeds on two datasets with two sets of pretrained weights, as a table
 * of Markdown for docs/results.md. Runs one after the other on an otherwise idle machine.
 *
 *   npm run build && node tools/recipe-table.mjs DATA OUT [--only TEXT] [--seeds 1,2,3] [--scale 1] [--table]
 *
 * DATA has flowers5/, cifar10/, googlenet_bvlc/ and tfjs_inception_v3/. Each run gets a directory in OUT; those that are done are
 * not repeated. --only runs the cells whose name contains TEXT, --scale multiplies all numbers of epochs, --table only prints.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { trainModel } from "../dist/node/index.js";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string", default: "" },
    seeds: { type: "string", default: "1,2,3" },
    scale: { type: "string", default: "1" },
    table: { type: "boolean", default: false },
  },
});
const [data, out] = positionals;
if (out === undefined) {
  process.stderr.write("usage: node tools/recipe-table.mjs DATA OUT [--only TEXT] [--seeds 1,2,3] [--scale 1] [--table]\n");
  process.exit(2);
}

const GOOGLENET = { model: "googlenet.paper", weights: path.join(data, "googlenet_bvlc/bvlc_googlenet.safetensors") };
const INCEPTION_V3 = { model: "inception_v3", weights: path.join(data, "tfjs_inception_v3") };
/** Epochs of each recipe, chosen so that both take about the same time: a frozen half has no backward pass. */
const CELLS = [
  { name: "flowers5-googlenet", ...GOOGLENET, data: "flowers5", inputSize: 128, epochs: { finetune: 10, finetune_adamw: 16 } },
  { name: "flowers5-inception_v3", ...INCEPTION_V3, data: "flowers5", inputSize: 128, epochs: { finetune: 5, finetune_adamw: 8 } },
  { name: "cifar10-googlenet", ...GOOGLENET, data: "cifar10", inputSize: 64, epochs: { finetune: 4, finetune_adamw: 5 } },
  { name: "cifar10-inception_v3", ...INCEPTION_V3, data: "cifar10", inputSize: 75, epochs: { finetune: 2, finetune_adamw: 2 } },
];
const RECIPES = ["finetune", "finetune_adamw"];
const seeds = flags.seeds.split(",").map(Number);

for (const cell of CELLS.filter(({ name }) => name.includes(flags.only))) {
  const rows = [];
  for (const recipe of RECIPES) {
    const results = [];
    for (const seed of seeds) {
      const found = flags.table ? await storedResult(cell, recipe, seed) : await resultOf(cell, recipe, seed);
      if (found !== null) results.push(found);
    }
    if (results.length > 0) rows.push([recipe, results]);
  }
  process.stdout.write(tableOf(cell, rows));
}

function folderOf({ name }, recipe, seed) {
  return path.join(out, `${name}-${recipe}-${seed}`);
}

async function storedResult(cell, recipe, seed) {
  const file = `${folderOf(cell, recipe, seed)}.json`;
  return existsSync(file) ? JSON.parse(await readFile(file, "utf8")) : null;
}

async function resultOf(cell, recipe, seed) {
  const stored = await storedResult(cell, recipe, seed);
  if (stored !== null) return stored;
  const folder = folderOf(cell, recipe, seed);
  await mkdir(out, { recursive: true });
  // What an interrupted call left has no time of its own.
  await rm(folder, { recursive: true, force: true });
  const epochs = Math.max(1, Math.round(cell.epochs[recipe] * Number(flags.scale)));
  const settings = { data: path.join(data, cell.data), weights: cell.weights, recipe, epochs, seed };
  const began = performance.now();
  const cpuBefore = process.cpuUsage();
  const { best, final } = await trainModel(cell.model, settings, { out: folder, options: { inputSize: cell.inputSize } });
  const seconds = (performance.now() - began) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  const cpuSeconds = (cpu.user + cpu.system) / 1e6;
  const result = { epochs, seconds, cpuSeconds, best: best.top1, final: final.top1, loss: final.loss };
  await writeFile(`${folder}.json`, `${JSON.stringify(result)}\n`);
  process.stderr.write(`${path.basename(folder)}: ${(100 * final.top1).toFixed(1)}% in ${seconds.toFixed(0)} s (${cpuSeconds.toFixed(0)} s of CPU)\n`);
  return result;
}

function tableOf({ name, inputSize }, rows) {
  const header = "| recipe | epochs | CPU time per run | top-1 of the last epoch | top-1 of the best epoch | loss of the last epoch |";
  const lines = rows.map(([recipe, results]) => {
    const of = (field, scale, digits) => spread(results.map((result) => result[field] * scale), digits);
    return `| \`${recipe}\` | ${results[0].epochs} | ${of("cpuSeconds", 1, 0)} s | ${of("final", 100, 1)}% | ${of("best", 100, 1)}% | ${of("loss", 1, 3)} |`;
  });
  const title = `${name}, ${inputSize}×${inputSize} pixels, ${seeds.length} seeds, mean ± standard deviation`;
  return [`\n${title}\n`, header, "|---|---:|---:|---:|---:|---:|", ...lines, ""].join("\n");
}

/** Mean and sample standard deviation. */
function spread(values, digits) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return values.length < 2 ? mean.toFixed(digits) : `${mean.toFixed(digits)} ± ${Math.sqrt(squares / (values.length - 1)).toFixed(digits)}`;
}
