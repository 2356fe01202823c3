/** The loop of a benchmark program: one JSON command a line on stdin, one JSON reply a line on stdout (see bench/README.md). */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { messageOf } from "../../src/errors.js";

export type ModelName = "inception_resnet_v2" | "googlenet";

export interface LoadCommand {
  readonly model: ModelName;
  readonly batch: number;
  /** Side of the square input in pixels. */
  readonly size: number;
  readonly threads: number;
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
  /** One forward pass of the loaded input. Returns the logits, row-major `[batch, 1000]`. */
  readonly forward: () => Promise<Float32Array>;
}

/** Logits that a "check" reply carries: enough to see that two programs run the same network. */
export const CHECKED_LOGITS = 32;

/** Serves a program that runs forward passes. */
export function serve(program: BenchProgram): Promise<void> {
  return serveCommands(program, (op, command) => answerForward(program, op, command));
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

async function answerForward(program: BenchProgram, op: string, command: unknown): Promise<Record<string, unknown>> {
  switch (op) {
    case "load": {
      const started = performance.now();
      const loaded = await program.load(parseLoad(command));
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
      return { logits: Array.from((await program.forward()).subarray(0, CHECKED_LOGITS)) };
    default:
      throw new RangeError(`Cannot answer op "${op}": expected load, run, check, rss or quit`);
  }
}

function parseLoad(command: unknown): LoadCommand {
  const model = field(command, "model");
  if (model !== "inception_resnet_v2" && model !== "googlenet") {
    throw new RangeError(`Cannot load model "${String(model)}": expected inception_resnet_v2 or googlenet`);
  }
  return {
    model,
    batch: positive(command, "batch", 1),
    size: positive(command, "size", model === "googlenet" ? 224 : 299),
    threads: positive(command, "threads", 2),
  };
}

/** A field that must be a whole number of at least 1. */
export function positive(command: unknown, name: string, fallback: number): number {
  const value = field(command, name) ?? fallback;
  if (typeof value === "number" && Number.isInteger(value) && value > 0) return value;
  throw new RangeError(`Cannot load with ${name} ${JSON.stringify(value)}: expected a positive whole number`);
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
