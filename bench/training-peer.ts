/** The two programs of the training benchmark: what they are asked, and what they answer. */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { connect, nodeProgram, type PeerProgram, type ProgramConnection, peerPrograms, type Started } from "./peer.js";
import type { TrainedModel } from "./peers/networks.js";

export interface TrainingRequest {
  readonly model: TrainedModel;
  readonly batch: number;
  /** Side of the square or cubic input. */
  readonly size: number;
  readonly threads: number;
  readonly learningRate: number;
  /** Compute inner values of the forward pass again instead of keeping them; PyTorch ignores it. Default false. */
  readonly recompute?: boolean;
  /** Measure every operator; PyTorch ignores it. Default false. */
  readonly profile?: boolean;
}

export interface TrainingLoaded {
  /** Milliseconds to build the network, its weights, its input and what runs it. */
  readonly ms: number;
  /** Milliseconds of the first step. */
  readonly firstMs: number;
  readonly params: number;
  /** Threads really used, which may be fewer than asked for. */
  readonly threads: number;
  /** Of our side alone: milliseconds to compile and to open the session, nodes of the emitted graph. */
  readonly graph: { readonly compileMs: number; readonly sessionMs: number; readonly nodes: number } | null;
}

/** Time in all operators of one kind, over all measured steps. */
export interface OpRow {
  readonly op: string;
  readonly calls: number;
  readonly milliseconds: number;
  /** Of the time in all operators, 0 to 1. */
  readonly share: number;
}

export interface TrainingProfile {
  /** Steps that were measured. */
  readonly steps: number;
  /** The one that took longest first. */
  readonly ops: readonly OpRow[];
}

/** A running program that trains. Calls must not overlap. */
export interface TrainingPeer extends Pick<ProgramConnection, "name" | "version" | "memory" | "close"> {
  readonly load: (request: TrainingRequest) => Promise<TrainingLoaded>;
  /** Milliseconds of one training step. */
  readonly run: () => Promise<number>;
  /** The losses of the first steps since loading, eight at most. */
  readonly losses: () => Promise<readonly number[]>;
  /** What the operators took since a load with `profile`; unloads the network. Of our program alone. */
  readonly profile: () => Promise<TrainingProfile>;
}

export const OUR_TRAINING = nodeProgram("inceptionkit", fileURLToPath(new URL("./peers/inceptionkit-training.js", import.meta.url)));

/** Weights from the formula have gradients of a norm in the hundreds: this keeps the losses of a dozen steps finite. */
export const LEARNING_RATE = 1e-6;

/** PyTorch's program, found as the one that runs forward passes. */
export function pytorchTraining(root: string): PeerProgram {
  const forward = peerPrograms(root).find(({ name }) => name === "pytorch");
  if (forward === undefined) throw new Error('Cannot find the benchmark program "pytorch"');
  return { ...forward, args: [path.join(root, "bench/peers/pytorch-training.py")] };
}

/** Starts a program that trains and waits until it is ready; see `connect`. */
export async function startTrainingPeer(program: PeerProgram): Promise<Started<TrainingPeer>> {
  const start = await connect(program);
  return start.kind === "ready" ? { kind: "ready", peer: createTrainingPeer(start.peer) } : start;
}

function createTrainingPeer(connection: ProgramConnection): TrainingPeer {
  const { name, version, ask, number, numbers, memory, close } = connection;
  return {
    name,
    version,
    async load(request) {
      const reply = await ask("load", request);
      const own = (key: string) => number(reply, key);
      return {
        ms: own("ms"),
        firstMs: own("firstMs"),
        params: own("params"),
        threads: own("threads"),
        graph: "nodes" in reply ? { compileMs: own("compileMs"), sessionMs: own("sessionMs"), nodes: own("nodes") } : null,
      };
    },
    async run() {
      return number(await ask("run"), "ms");
    },
    async losses() {
      return numbers(await ask("check"), "losses");
    },
    async profile() {
      const reply = await ask("profile");
      return { steps: number(reply, "steps"), ops: opRows(connection, Reflect.get(reply, "ops")) };
    },
    memory,
    close,
  };
}

function opRows({ name, number }: ProgramConnection, rows: unknown): readonly OpRow[] {
  if (!Array.isArray(rows)) throw new Error(`Cannot read the profile of benchmark program "${name}": the reply has no list ops`);
  return rows.map((row: unknown) => {
    if (typeof row !== "object" || row === null)
      throw new Error(`Cannot read the profile of benchmark program "${name}": a row is no record`);
    return {
      op: String(Reflect.get(row, "op")),
      calls: number(row, "calls"),
      milliseconds: number(row, "milliseconds"),
      share: number(row, "share"),
    };
  });
}
