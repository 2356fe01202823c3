/**
 * `npm run fuzz -- --cases 100000 --seed 1`: damaged and random inputs for everything that reads what strangers wrote.
 * Cases run in child processes, so that one that crashes, hangs or takes all memory is a finding and not the end. A finding
 * is printed with what repeats it, and written to tmp/fuzz-findings. Exit code 1 where there is one.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "../shared.js";
import { Draws } from "./draws.js";
import { TARGETS } from "./index.js";
import { type Chunk, caseKey } from "./messages.js";
import { type Finding, runChunks, type Tally } from "./runner.js";
import type { FuzzTarget } from "./target.js";

const FINDINGS = path.join(ROOT, "tmp/fuzz-findings");
/** Cases that one message asks for; a child that ends loses none but the one it was at. */
const CHUNK = 250;

const USAGE = `npm run fuzz -- [--cases N] [--seed N] [--target NAME]... [--only INDEX] [--jobs N] [--json]
targets: ${TARGETS.map(({ name, share }) => `${name} (${share} %)`).join(", ")}
`;

interface Plan {
  readonly targets: readonly FuzzTarget[];
  readonly cases: number;
  readonly seed: number;
  readonly only: number | null;
  readonly jobs: number;
  readonly json: boolean;
}

function readPlan(args: readonly string[]): Plan {
  const { values } = parseArgs({
    args: [...args],
    options: {
      cases: { type: "string", default: "100000" },
      seed: { type: "string", default: "1" },
      target: { type: "string", multiple: true, default: [] },
      only: { type: "string" },
      jobs: { type: "string", default: "2" },
      json: { type: "boolean", default: false },
    },
  });
  const targets = values.target.length === 0 ? TARGETS : TARGETS.filter(({ name }) => values.target.includes(name));
  const integers = [values.cases, values.seed, values.jobs, values.only ?? "0"].map(Number);
  const [cases = 0, seed = 0, jobs = 0, only = 0] = integers;
  const unknown = values.target.filter((name) => !TARGETS.some((target) => target.name === name));
  if (unknown.length > 0 || !integers.every((each) => Number.isSafeInteger(each) && each >= 0) || jobs < 1) throw new RangeError(USAGE);
  if (values.only !== undefined && targets.length !== 1) throw new RangeError(`--only takes one --target\n${USAGE}`);
  return { targets, cases, seed, jobs, json: values.json, only: values.only === undefined ? null : only };
}

/** All cases, every target's share of them. */
function chunksOf({ targets, cases, seed, only }: Plan): readonly Chunk[] {
  const shares = targets.reduce((sum, { share }) => sum + share, 0);
  return targets.flatMap(({ name, share }) => {
    if (only !== null) return [{ target: name, seed, from: only, to: only + 1 }];
    const count = Math.round((cases * share) / shares);
    return Array.from({ length: Math.ceil(count / CHUNK) }, (_, part) => {
      return { target: name, seed, from: part * CHUNK, to: Math.min(count, (part + 1) * CHUNK) };
    });
  });
}

/** Writes the file of a finding; the case is made again, not run. */
async function writeFinding({ target, index }: Finding, seed: number): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), "inception-fuzz-"));
  try {
    const makeCase = await TARGETS.find(({ name }) => name === target)?.prepare(folder);
    const file = path.join(FINDINGS, `${target}-${seed}-${index}.bin`);
    mkdirSync(FINDINGS, { recursive: true });
    writeFileSync(file, makeCase?.(new Draws(caseKey({ target, seed }, index))).bytes ?? new Uint8Array(0));
    return file;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function table(tallies: ReadonlyMap<string, Tally>): string {
  const columns = ["cases", "results", "typed", "untyped", "crashes", "hangs", "memory"] as const;
  const sum = (column: (typeof columns)[number]): number => [...tallies.values()].reduce((all, tally) => all + tally[column], 0);
  const rows = [...tallies].map(([name, tally]) => [name, ...columns.map((column) => String(tally[column]))]);
  const all = [["target", ...columns], ...rows, ["total", ...columns.map((column) => String(sum(column)))]];
  return all.map((row) => row.map((cell, at) => (at === 0 ? cell.padEnd(16) : cell.padStart(9))).join("")).join("\n");
}

async function main(args: readonly string[]): Promise<number> {
  const plan = readPlan(args);
  const started = performance.now();
  const files: Promise<unknown>[] = [];
  const tallies = await runChunks(chunksOf(plan), plan.jobs, new URL("./child.js", import.meta.url), (finding) => {
    const repeat = `npm run fuzz -- --target ${finding.target} --seed ${plan.seed} --only ${finding.index}`;
    process.stderr.write(`${finding.kind}: ${repeat}\n  ${finding.text.replaceAll("\n", "\n  ")}\n`);
    files.push(writeFinding(finding, plan.seed).then((file) => process.stderr.write(`  ${file}\n`)));
  });
  await Promise.all(files);
  const seconds = (performance.now() - started) / 1000;
  if (plan.json) process.stdout.write(`${JSON.stringify(Object.fromEntries(tallies))}\n`);
  else process.stdout.write(`${table(tallies)}\nseed ${plan.seed}, ${plan.jobs} processes, ${seconds.toFixed(0)} s\n`);
  return files.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (thrown) {
  process.stderr.write(`${thrown instanceof RangeError ? thrown.message : String(thrown)}\n`);
  process.exitCode = 2;
}
