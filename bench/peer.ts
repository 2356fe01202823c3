/** Starts the programs that the benchmark compares and talks to them: one JSON command a line, one JSON reply a line. */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { InceptionError, messageOf } from "../src/errors.js";
import type { ModelName } from "./peers/networks.js";

/** How a program is started: by the first of `commands` with which `probe` succeeds. If none does, it is skipped for `missing`. */
export interface PeerProgram {
  readonly name: string;
  readonly commands: readonly string[];
  readonly args: readonly string[];
  readonly probe: { readonly args: readonly string[]; readonly missing: string };
}

export interface LoadRequest {
  readonly model: ModelName;
  readonly batch: number;
  /** Side of the square or cubic input. */
  readonly size: number;
  readonly threads: number;
  /** How PyTorch runs the network, default "eager"; or "plain", ours without its rewrites. TensorFlow.js ignores it. */
  readonly form?: "eager" | "channels_last" | "frozen" | "plain";
}

export interface LoadReply {
  /** Milliseconds to build the network, its weights and its input. */
  readonly ms: number;
  /** Milliseconds of the first forward pass. */
  readonly firstMs: number;
  readonly params: number;
  /** Threads really used, which may be fewer than asked for. */
  readonly threads: number;
}

/** A running program. Calls must not overlap: each waits for the reply of the one before. */
export interface Peer {
  readonly name: string;
  readonly version: string;
  readonly load: (request: LoadRequest) => Promise<LoadReply>;
  /** Milliseconds of one forward pass. */
  readonly run: () => Promise<number>;
  /** 32 logits of the first image or volume. */
  readonly check: () => Promise<readonly number[]>;
  /** Memory of the process in megabytes (10^6 bytes), now and at its highest. */
  readonly memory: () => Promise<{ readonly mb: number; readonly peakMb: number }>;
  /** Ends the program; it is killed if it does not end by itself within 5 s. */
  readonly close: () => Promise<void>;
}

export type Started<T> =
  | { readonly kind: "ready"; readonly peer: T }
  | { readonly kind: "skipped"; readonly name: string; readonly reason: string };

/** A running program that answers any command. Calls must not overlap. */
export interface ProgramConnection {
  readonly name: string;
  readonly version: string;
  readonly ask: (op: string, fields?: object) => Promise<object>;
  /** A field of a reply that must be a finite number. */
  readonly number: (reply: object, key: string) => number;
  /** A field of a reply that must be a list of finite numbers. */
  readonly numbers: (reply: object, key: string) => readonly number[];
  /** See `Peer.memory`. */
  readonly memory: Peer["memory"];
  readonly close: () => Promise<void>;
}

/** A program that this Node runs, by its script. */
export function nodeProgram(name: string, script: string): PeerProgram {
  return { name, commands: [process.execPath], args: [script], probe: { args: ["-e", "0"], missing: "Node does not start" } };
}

// Generous: a shared machine may be ten times slower than an idle one. They only have to end a program that hangs.
const START_TIMEOUT_MS = 60_000;
const COMMAND_TIMEOUT_MS = 300_000;
const CLOSE_TIMEOUT_MS = 5_000;
/** The end of what a program wrote to stderr, kept for the error message. */
const KEPT_STDERR_CHARACTERS = 2_000;

// A user's own Python often stands before the system's, for which distributions package torch.
const PYTHONS = ["python3", "/usr/bin/python3"] as const;

/**
 * The two programs that ours is compared with.
 * @param root the folder of the package's sources, where `bench/peers/pytorch.py` is
 * @param pythons commands to try for PyTorch, in this order; default `python3`, `/usr/bin/python3`
 */
export function peerPrograms(root: string, pythons: readonly string[] = PYTHONS): readonly PeerProgram[] {
  return [
    {
      name: "pytorch",
      commands: pythons,
      args: [join(root, "bench/peers/pytorch.py")],
      probe: { args: ["-c", "import torch, numpy"], missing: `no torch in ${pythons.join(", ")} (Debian: apt-get install python3-torch)` },
    },
    {
      name: "tfjs-wasm",
      commands: [process.execPath],
      args: [fileURLToPath(new URL("./peers/tfjs-wasm.js", import.meta.url))],
      probe: {
        args: ["-e", 'require.resolve("@tensorflow/tfjs"); require.resolve("@tensorflow/tfjs-backend-wasm")'],
        missing: "@tensorflow/tfjs and @tensorflow/tfjs-backend-wasm are not installed",
      },
    },
  ];
}

/** Starts a program of forward passes and waits until it is ready; see `connect`. */
export async function startPeer(program: PeerProgram): Promise<Started<Peer>> {
  const start = await connect(program);
  return start.kind === "ready" ? { kind: "ready", peer: createPeer(start.peer) } : start;
}

/** Starts a program and waits until it is ready. What is not installed is skipped with its reason; what is installed and fails throws. */
export async function connect(program: PeerProgram): Promise<Started<ProgramConnection>> {
  const command = await findCommand(program);
  if (command === undefined) return { kind: "skipped", name: program.name, reason: program.probe.missing };
  const channel = openChannel(program, command);
  const hello = await channel.next("start", START_TIMEOUT_MS);
  return { kind: "ready", peer: createConnection(program.name, textOf(hello, "version"), channel) };
}

async function findCommand({ commands, probe }: PeerProgram): Promise<string | undefined> {
  for (const command of commands) {
    const works = await promisify(execFile)(command, [...probe.args], { timeout: START_TIMEOUT_MS }).then(
      () => true,
      () => false,
    );
    if (works) return command;
  }
  return undefined;
}

function createConnection(name: string, version: string, channel: Channel): ProgramConnection {
  const ask = (op: string, fields: object = {}) => {
    channel.send({ op, ...fields });
    return channel.next(op, COMMAND_TIMEOUT_MS);
  };
  const number = (reply: object, key: string) => numberOf(name, key, Reflect.get(reply, key));
  return {
    name,
    version,
    ask,
    number,
    numbers(reply, key) {
      const values: unknown = Reflect.get(reply, key);
      if (!Array.isArray(values)) throw failure(name, key, `the reply has no list ${key}`);
      return values.map((value) => numberOf(name, key, value));
    },
    async memory() {
      const reply = await ask("rss");
      return { mb: number(reply, "mb"), peakMb: number(reply, "peakMb") };
    },
    close: channel.close,
  };
}

function createPeer({ name, version, ask, number, numbers, memory, close }: ProgramConnection): Peer {
  return {
    name,
    version,
    async load(request) {
      const reply = await ask("load", request);
      return {
        ms: number(reply, "ms"),
        firstMs: number(reply, "firstMs"),
        params: number(reply, "params"),
        threads: number(reply, "threads"),
      };
    },
    async run() {
      return number(await ask("run"), "ms");
    },
    async check() {
      return numbers(await ask("check"), "logits");
    },
    memory,
    close,
  };
}

// --- one process, line by line ---------------------------------------------------------------------------------------

interface Channel {
  readonly send: (command: object) => void;
  /** The next reply; kills the program and throws if none comes in time, if it says that it failed, or if the program ended. */
  readonly next: (op: string, timeoutMs: number) => Promise<object>;
  readonly close: () => Promise<void>;
}

function openChannel(program: PeerProgram, command: string): Channel {
  const child = spawn(command, [...program.args], { stdio: ["pipe", "pipe", "pipe"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const errors = collectErrors(child);
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(messageOf(error)));
    child.once("close", (code, signal) => resolve(`the program ended with ${signal ?? `code ${code}`}`));
  });
  // A write to a program that has ended is reported by "close", not here.
  child.stdin.on("error", () => {});

  /** Libraries may print lines of their own: only objects are replies. */
  async function nextObject(): Promise<object | string> {
    for (;;) {
      const line = await lines.next();
      if (line.done === true) return ended;
      const reply = parseObject(line.value);
      if (reply !== undefined) return reply;
    }
  }

  return {
    send: (command) => void child.stdin.write(`${JSON.stringify(command)}\n`),
    async next(op, timeoutMs) {
      const late = timer(timeoutMs);
      const reply = await Promise.race([nextObject(), late.fired]);
      late.cancel();
      if (reply === undefined) {
        child.kill("SIGKILL");
        throw failure(program.name, op, `no reply within ${timeoutMs / 1000} s`);
      }
      if (typeof reply === "string") throw failure(program.name, op, [reply, errors()].filter(Boolean).join(": "));
      if (Reflect.get(reply, "ok") !== true) throw failure(program.name, op, textOf(reply, "error"));
      return reply;
    },
    async close() {
      child.stdin.end('{"op":"quit"}\n');
      const late = timer(CLOSE_TIMEOUT_MS);
      if ((await Promise.race([ended, late.fired])) === undefined) child.kill("SIGKILL");
      late.cancel();
      await ended;
    },
  };
}

/** Returns a function that gives the last line written to stderr so far. */
function collectErrors(child: ChildProcessWithoutNullStreams): () => string {
  let kept = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    kept = (kept + text).slice(-KEPT_STDERR_CHARACTERS);
  });
  return () => kept.trim().split("\n").at(-1) ?? "";
}

function timer(ms: number): { readonly fired: Promise<undefined>; readonly cancel: () => void } {
  let handle: NodeJS.Timeout | undefined;
  const fired = new Promise<undefined>((resolve) => {
    handle = setTimeout(() => resolve(undefined), ms);
  });
  return { fired, cancel: () => clearTimeout(handle) };
}

function parseObject(line: string): object | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function numberOf(name: string, key: string, value: unknown): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw failure(name, key, `the reply has ${key} ${JSON.stringify(value)}, expected a finite number`);
}

function textOf(reply: object, key: string): string {
  const value: unknown = Reflect.get(reply, key);
  return typeof value === "string" ? value : "";
}

function failure(name: string, op: string, fact: string): InceptionError {
  return new InceptionError("SESSION_FAILED", `Cannot run benchmark program "${name}" (${op}): ${fact}`, { program: name, op });
}
