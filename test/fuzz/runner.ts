import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Chunk, Counts, Report } from "./messages.js";

export interface Tally {
  readonly cases: number;
  readonly results: number;
  readonly typed: number;
  readonly untyped: number;
  readonly crashes: number;
  readonly hangs: number;
  readonly memory: number;
}

export interface Finding {
  readonly kind: "untyped" | "crashes" | "hangs" | "memory";
  readonly target: string;
  readonly index: number;
  readonly text: string;
}

/** What a case, and a process with it, may take. */
export interface Limits {
  readonly seconds: number;
  /** Of resident memory. */
  readonly bytes: number;
}

/** What a hostile file may take, as for those in ../shared/data/hostile; a busy machine is no excuse for more. */
const MAX_SECONDS = 20;
const MAX_BYTES = 1.5 * 2 ** 30;
/** Milliseconds between looks at the memory of a child. */
const MEMORY_INTERVAL = 100;
/** Chunks after which a child is replaced, so that what libraries keep does not add up to a finding. */
const CHUNKS_PER_CHILD = 20;

const NOTHING: Tally = { cases: 0, results: 0, typed: 0, untyped: 0, crashes: 0, hangs: 0, memory: 0 };

/**
 * Run all chunks in `jobs` child processes.
 *
 * @param file - of the children
 * @param limits - default 20 s and 1.5 GiB
 * @returns how the cases of each target ended
 */
export async function runChunks(
  chunks: readonly Chunk[],
  jobs: number,
  file: URL,
  onFinding: (finding: Finding) => void,
  { seconds = MAX_SECONDS, bytes = MAX_BYTES }: Partial<Limits> = {},
): Promise<ReadonlyMap<string, Tally>> {
  const folder = mkdtempSync(path.join(tmpdir(), "inception-fuzz-"));
  const left = [...chunks];
  const tallies = new Map<string, Tally>();
  const add = (target: string, more: Partial<Tally>): void => {
    const tally = tallies.get(target) ?? NOTHING;
    const sums = Object.entries(tally).map(([column, count]) => [column, Number(count) + (more[column as keyof Tally] ?? 0)] as const);
    tallies.set(target, { ...tally, ...Object.fromEntries(sums) });
  };
  const work = async (): Promise<void> => {
    for (let done = 0, child = startChild(file, folder); ; done++) {
      const chunk = left.shift();
      if (chunk === undefined) return stop(child);
      if (done > 0 && done % CHUNKS_PER_CHILD === 0) {
        stop(child);
        child = startChild(file, folder);
      }
      const end = await runChunk(child, chunk, { seconds, bytes });
      for (const finding of end.findings) onFinding(finding);
      for (const { kind } of end.findings) add(chunk.target, { [kind]: 1 });
      add(chunk.target, { cases: end.next - chunk.from, results: end.counts.results, typed: end.counts.typed });
      if (!end.alive) child = startChild(file, folder);
      if (end.next < chunk.to) left.unshift({ ...chunk, from: end.next });
    }
  };
  try {
    await Promise.all(Array.from({ length: jobs }, work));
    return tallies;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function startChild(file: URL, folder: string): ChildProcess {
  return fork(file, [folder], { execArgv: [], stdio: ["ignore", "ignore", "pipe", "ipc"] });
}

function stop(child: ChildProcess): void {
  if (child.connected) child.disconnect();
}

interface ChunkEnd {
  /** The first case that was not run. */
  readonly next: number;
  readonly counts: Counts;
  readonly findings: readonly Finding[];
  readonly alive: boolean;
}

/** Run a chunk until its end or until the child's. */
function runChunk(child: ChildProcess, chunk: Chunk, { seconds, bytes }: Limits): Promise<ChunkEnd> {
  return new Promise((resolve) => {
    const findings: Finding[] = [];
    let [index, counts, output] = [chunk.from, { results: 0, typed: 0 } as Counts, ""];
    let killed: "hangs" | "memory" | null = null;
    const kill = (why: "hangs" | "memory", text: string): void => {
      killed ??= why;
      output = text;
      child.kill("SIGKILL");
    };
    const hung = (): void => kill("hangs", `it took longer than ${seconds} s`);
    let timer = setTimeout(hung, seconds * 1000);
    const memory = setInterval(() => {
      const resident = residentBytes(child.pid);
      if (resident > bytes) kill("memory", `it took ${(resident / 2 ** 30).toFixed(2)} GiB`);
    }, MEMORY_INTERVAL);
    const finish = (end: Pick<ChunkEnd, "next" | "alive">): void => {
      clearTimeout(timer);
      clearInterval(memory);
      child.off("message", onMessage).off("close", onClose);
      child.stderr?.off("data", onOutput);
      resolve({ ...end, counts, findings });
    };
    const onMessage = (message: unknown): void => {
      // The other side is child.ts, which posts nothing else.
      const report = message as Report;
      counts = { results: report.results, typed: report.typed };
      if (report.kind === "end") finish({ next: chunk.to, alive: true });
      else if (report.kind === "untyped") findings.push({ kind: "untyped", target: chunk.target, index: report.index, text: report.text });
      else {
        index = report.index;
        clearTimeout(timer);
        timer = setTimeout(hung, seconds * 1000);
      }
    };
    // After the last message, unlike "exit".
    const onClose = (code: number | null, signal: string | null): void => {
      const text = killed === null ? `the process ended with ${signal ?? `exit code ${code}`} ${output}`.trim() : output;
      findings.push({ kind: killed ?? "crashes", target: chunk.target, index, text });
      finish({ next: index + 1, alive: false });
    };
    const onOutput = (text: Buffer): void => {
      output = (output + text.toString()).slice(-1000);
    };
    child.on("message", onMessage).on("close", onClose);
    child.stderr?.on("data", onOutput);
    child.send(chunk);
  });
}

/** 0 where the system does not say it in Linux's way. */
function residentBytes(pid: number | undefined): number {
  try {
    return 4096 * Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]);
  } catch {
    return 0;
  }
}
