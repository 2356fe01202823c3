/**
 * The benchmark (see bench/README.md).
 *
 *   npm run bench                             inference, about 10 minutes on two cores
 *   npm run bench -- training                 training steps beside PyTorch, about 5 minutes
 *   npm run bench -- volumes                  forward passes and training steps of the network for volumes, about 3 minutes
 *   npm run bench -- int8                     networks with integers beside the same with floats, about 2 minutes
 *   npm run bench -- search                   exact and approximate search of 100,000 vectors, about 3 minutes
 *   npm run bench -- guard --against COMMIT   this tree beside the tree of a commit, about 7 minutes
 *   npm run bench -- [training|volumes] --quick   fewer rounds
 *   npm run bench -- [training|volumes] --write   also writes its part of bench/RESULTS.md
 *   npm run bench -- training --model googlenet --rounds 5 --batch 2 --size 96 --threads 1
 *   npm run bench -- training --profile       the time of each operator for all networks, not the first alone
 *   npm run bench -- training --recompute     also the memory that recomputation of activations saves
 */
import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { InceptionError } from "../src/errors.js";
import { writeFileAtomic } from "../src/node/write-file.js";
import { compareTrees } from "./guard.js";
import { compareInference } from "./inference.js";
import { compareInt8 } from "./int8.js";
import { type BenchOptions, readBenchOptions } from "./options.js";
import { machineLine, replacePart } from "./results.js";
import { compareSearch } from "./search.js";
import { compareTraining } from "./training.js";
import { compareVolumes } from "./volumes.js";

// tmp/bench/bench/run.js → the root of the package.
const ROOT = path.resolve(fileURLToPath(import.meta.url), "../../../..");

try {
  await run(readBenchOptions(process.argv.slice(2), cpus().length));
} catch (thrown) {
  if (!(thrown instanceof InceptionError)) throw thrown;
  process.stderr.write(`${thrown.message}\n`);
  process.exitCode = thrown.code === "USAGE" ? 2 : 1;
}

async function run(options: BenchOptions): Promise<void> {
  const lines: string[] = [];
  const print = (line: string): void => {
    lines.push(line);
    process.stdout.write(`${line}\n`);
  };
  const machine = machineLine({
    cores: cpus().length,
    processor: cpus()[0]?.model ?? "unknown processor",
    memoryBytes: totalmem(),
    release: release(),
    node: process.version,
    load: loadavg()[0] ?? 0,
  });
  if (options.kind === "inference") await compareInference(ROOT, options, machine, print);
  else if (options.kind === "training") await compareTraining(ROOT, options, machine, print);
  else if (options.kind === "int8") await compareInt8(options, machine, print);
  else if (options.kind === "search") await compareSearch(options, machine, print);
  else if (options.kind === "guard") await compareTrees(ROOT, options, machine, print);
  else await compareVolumes(ROOT, options, machine, print);
  if (!options.write) return;
  const file = path.join(ROOT, "bench/RESULTS.md");
  await writeFileAtomic(file, [new TextEncoder().encode(replacePart(readFileSync(file, "utf8"), lines.join("\n")))]);
}
