/** Did a change make anything slower? The programs of this tree beside those of a commit, one pass or step each in turn (see bench/README.md). */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { InceptionError, messageOf } from "../src/errors.js";
import type { GuardBenchOptions } from "./options.js";
import { connect, nodeProgram, type ProgramConnection } from "./peer.js";
import { median, pairedRatio, range } from "./results.js";
import { LEARNING_RATE } from "./training-peer.js";

/** Fewer rounds have no interval of 95%. */
const MIN_ROUNDS = 6;
/** A median this close to 1 is not worth a look, whatever its interval says. */
const NEGLIGIBLE = 0.02;

interface Row {
  readonly title: string;
  /** The script under bench/peers/ that runs it. */
  readonly script: "inceptionkit" | "inceptionkit-training";
  readonly load: { readonly model: string; readonly batch: number; readonly size: number };
}

const ROWS: readonly Row[] = [
  forward("inception_resnet_v2", 1, 299),
  forward("inception_resnet_v2", 8, 299),
  forward("googlenet", 1, 224),
  forward("googlenet", 8, 224),
  forward("inception_resnet_3d", 1, 64),
  training("inception_resnet_v1", 8, 160),
  training("googlenet", 8, 224),
  training("inception_resnet_v2", 4, 299),
  training("inception_resnet_3d", 1, 64),
];

function forward(model: string, batch: number, size: number): Row {
  return { title: `forward ${model}, side ${size}, batch ${batch}`, script: "inceptionkit", load: { model, batch, size } };
}

function training(model: string, batch: number, size: number): Row {
  return { title: `training ${model}, side ${size}, batch ${batch}`, script: "inceptionkit-training", load: { model, batch, size } };
}

type Print = (line: string) => void;

/** Runs the whole comparison and prints it as Markdown. `root` is the folder of the package's sources. */
export async function compareTrees(root: string, options: GuardBenchOptions, machine: string, print: Print): Promise<void> {
  const { sha, folder } = await checkOut(root, options.against);
  try {
    for (const line of [
      "# Guard",
      "",
      machine,
      `Made by \`npm run bench -- guard --against ${sha.slice(0, 12)}\`; how to read it is in [README.md](README.md). Milliseconds, ${options.rounds} alternating rounds;`,
      "the ratio is the median of now / before over the rounds, with its 95% interval. Both sides use the dependencies of this tree.",
      "",
      "| work | before, median | range | now, median | range | ratio | interval | result | verdict |",
      "|---|---:|---:|---:|---:|---:|---:|---|---|",
    ]) {
      print(line);
    }
    const here = fileURLToPath(new URL("./peers", import.meta.url));
    for (const row of ROWS) print(await compareRow(row, [path.join(folder, "tmp/bench/bench/peers"), here], options));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function compareRow({ title, script, load }: Row, folders: readonly [string, string], { rounds, threads }: GuardBenchOptions) {
  const sides: ProgramConnection[] = [];
  try {
    for (const folder of folders) sides.push(await start(`${script} in ${folder}`, path.join(folder, `${script}.js`)));
    const [before, now] = sides;
    if (before === undefined || now === undefined) throw new Error("Cannot compare: a program is missing");
    for (const side of sides) await side.ask("load", { ...load, threads, learningRate: LEARNING_RATE });
    const difference = largestDifference(await checked(before), await checked(now));
    const times: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      // Who comes first changes from round to round, so that neither side always runs on a cooler or a warmer machine.
      for (const side of round % 2 === 0 ? [0, 1] : [1, 0]) times[side]?.push(await run(side === 0 ? before : now));
    }
    const [old, own] = times;
    const { ratio, low, high } = pairedRatio(own, old);
    const result = difference === 0 ? "equal" : `differs by ${difference.toExponential(1)}`;
    return `| ${title} | ${median(old).toFixed(0)} | ${range(old)} | ${median(own).toFixed(0)} | ${range(own)} | ${ratio.toFixed(3)} | ${low.toFixed(3)} – ${high.toFixed(3)} | ${result} | ${rounds < MIN_ROUNDS ? "too few rounds" : verdict(ratio, low, high)} |`;
  } finally {
    for (const side of sides) await side.close();
  }
}

/** Moved means: the whole interval lies on one side of 1, and the median is not negligibly close to it. */
function verdict(ratio: number, low: number, high: number): string {
  if (Math.abs(ratio - 1) < NEGLIGIBLE || (low <= 1 && high >= 1)) return "same";
  return ratio > 1 ? "**slower**" : "faster";
}

async function start(name: string, script: string): Promise<ProgramConnection> {
  const started = await connect(nodeProgram(name, script));
  if (started.kind === "ready") return started.peer;
  throw new InceptionError("SESSION_FAILED", `Cannot run benchmark program "${name}": ${started.reason}`);
}

async function run(side: ProgramConnection): Promise<number> {
  return side.number(await side.ask("run"), "ms");
}

/** 32 logits, and of a training step its first losses too. */
async function checked(side: ProgramConnection): Promise<readonly number[]> {
  const reply = await side.ask("check");
  return [...side.numbers(reply, "logits"), ...("losses" in reply ? side.numbers(reply, "losses") : [])];
}

function largestDifference(a: readonly number[], b: readonly number[]): number {
  return a.reduce((most, value, index) => Math.max(most, Math.abs(value - (b[index] ?? Number.NaN))), 0);
}

/** The benchmark programs of a commit, built under tmp/ with the dependencies of this tree. */
async function checkOut(root: string, commit: string): Promise<{ readonly sha: string; readonly folder: string }> {
  const execute = async (command: string, args: readonly string[], cwd: string): Promise<string> => {
    const { stdout } = await promisify(execFile)(command, [...args], { cwd, maxBuffer: 2 ** 24 });
    return stdout.trim();
  };
  // "--end-of-options" keeps a name that begins with a dash from being an option of git.
  const sha = await execute("git", ["rev-parse", "--verify", "--end-of-options", `${commit}^{commit}`], root).catch((thrown: unknown) => {
    throw new InceptionError(
      "USAGE",
      `Cannot run the benchmark: git finds no commit "${commit}" (${messageOf(thrown).split("\n").at(-1)})`,
      {
        commit,
      },
    );
  });
  const folder = path.join(root, "tmp/guard", sha.slice(0, 12));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const archive = path.join(folder, "tree.tar");
  await execute("git", ["archive", "--format=tar", "-o", archive, sha], root);
  await execute("tar", ["-xf", archive], folder);
  rmSync(archive);
  requireSameRuntime(root, folder);
  symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"), "dir");
  const tsc = path.join(root, "node_modules/typescript/bin/tsc");
  // Types of other versions of tools may complain about old sources: what counts is that the programs are there.
  const complaint = await execute(process.execPath, [tsc, "-p", "bench/tsconfig.json"], folder).then(() => "", messageOf);
  if (!existsSync(path.join(folder, "tmp/bench/bench/peers/inceptionkit-training.js"))) {
    throw new InceptionError("USAGE", `Cannot run the benchmark: the sources of commit "${commit}" do not build: ${complaint}`, { commit });
  }
  return { sha, folder };
}

/** Another version of ONNX Runtime would be what is measured. */
function requireSameRuntime(root: string, folder: string): void {
  const [ours, theirs] = [root, folder].map(
    (tree) => /"onnxruntime-node": "([\d.]+)"/.exec(readFileSync(path.join(tree, "package.json"), "utf8"))?.[1] ?? "none",
  );
  if (ours === theirs) return;
  throw new InceptionError(
    "USAGE",
    `Cannot run the benchmark: the commit uses onnxruntime-node ${theirs} and this tree ${ours}, expected one version on both sides`,
    { ours, theirs },
  );
}
