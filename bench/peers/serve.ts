/** The loop of a benchmark program: one JSON command a line on stdin, one JSON reply a line on stdout (see bench/README.md). */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { messageOf } from "../../src/errors.js";
import { type ModelName, NETWORKS, networkOf } from "./networks.js";

export interface LoadCommand {
  readonly model: ModelName;
  readonly batch: number;
  /** Side of the square or cubic input. */
  readonly size: number;
  readonly threads: number;
  /** Which way to run the network: what a program calls it, null for its usual one. */
  readonly form: string | null;
}

export interface Loaded {
  /** Parameters of the network: weights, biases, gamma, beta. */
  readonly params: number;
  /** Threads really used. */
  readonly threads: number;
}

/** What a program must be able to do. All calls come one after another. */
export interface BenchProgram {
  readonly name: string;
  readonly version: string;
  /** Builds the network and its input; a network loaded before is freed. */
  readonly load: (command: LoadCommand) => Promise<Loaded>;
  /** One forward pass of the loaded input. Returns the logits, row-major `[batch, 1000]` or `[batch, classes, side, side, side]`. */
  readonly forward: () => Promise<Float32Array>;
}

/** Logits that a "check" reply carries: enough to see that two programs run the same network. */
const CHECKED_LOGITS = 32;

/** The first logits of the first image, or of a volume as many that lie evenly far apart. */
export function checkedLogits(logits: Float32Array, axes: number, batch: number): readonly number[] {
  const step = axes === 2 ? 1 : Math.floor(logits.length / batch / (CHECKED_LOGITS + 1));
  return Array.from({ length: CHECKED_LOGITS }, (_, index) => logits[index * step] ?? Number.NaN);
}

/** Serves a program that runs forward passes. */
export function serve(program: BenchProgram): Promise<void> {
  let loaded: LoadCommand | null = null;
  return serveCommands(program, async (op, command) => {
    if (op === "load") loaded = parseLoad(command);
    return answerForward(program, op, loaded);
  });
}

/** Answers commands until "quit" or the end of stdin; `answer` gives the fields of the reply, "rss" and "quit" are answered here. */
export async function serveCommands(
  { name, version }: { readonly name: string; readonly version: string },
  answer: (op: string, command: unknown) => Promise<Record<string, unknown>>,
): Promise<void> {
  reply({ ok: true, name, version });
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() === "") continue;
    try {
      const command: unknown = JSON.parse(line);
      const op = String(field(command, "op"));
      if (op === "quit") {
        reply({ ok: true });
        break;
      }
      reply({ ok: true, ...(op === "rss" ? memory() : await answer(op, command)) });
    } catch (error) {
      reply({ ok: false, error: messageOf(error) });
    }
  }
  // An open stdin would keep the process alive.
  process.stdin.destroy();
}

async function answerForward(program: BenchProgram, op: string, loading: LoadCommand | null): Promise<Record<string, unknown>> {
  if (loading === null) throw new Error(`Cannot answer op "${op}": no network is loaded, send "load" first`);
  switch (op) {
    case "load": {
      const started = performance.now();
      const loaded = await program.load(loading);
      const ready = performance.now();
      await program.forward();
      return { ms: ready - started, firstMs: performance.now() - ready, ...loaded };
    }
    case "run": {
      const started = performance.now();
      await program.forward();
      return { ms: performance.now() - started };
    }
    case "check":
      return { logits: checkedLogits(await program.forward(), NETWORKS[loading.model].axes, loading.batch) };
    default:
      throw new RangeError(`Cannot answer op "${op}": expected load, run, check, rss or quit`);
  }
}

function parseLoad(command: unknown): LoadCommand {
  const model = networkOf(NETWORKS, field(command, "model"));
  const form = field(command, "form");
  return {
    model,
    batch: positive(command, "batch", 1),
    size: positive(command, "size", NETWORKS[model].size),
    threads: positive(command, "threads", 2),
    form: typeof form === "string" ? form : null,
  };
}

/** A field that must be an integer of at least 1. */
export function positive(command: unknown, name: string, fallback: number): number {
  const value = field(command, name) ?? fallback;
  if (typeof value === "number" && Number.isInteger(value) && value > 0) return value;
  throw new RangeError(`Cannot load with ${name} ${JSON.stringify(value)}: expected a positive integer`);
}

export function field(command: unknown, name: string): unknown {
  return typeof command === "object" && command !== null ? Reflect.get(command, name) : undefined;
}

/** Megabytes (10^6 bytes) now and at the worst moment. The kernel's own figure: getrusage counts the parent's memory before exec. */
function memory(): { readonly mb: number; readonly peakMb: number } {
  const now = process.memoryUsage.rss() / 1e6;
  if (process.platform !== "linux") return { mb: now, peakMb: process.resourceUsage().maxRSS / 1e3 };
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return { mb: now, peakMb: (Number(peak ?? 0) * 1024) / 1e6 };
}

function reply(value: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
