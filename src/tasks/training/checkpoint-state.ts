import { InceptionError } from "../../errors.js";
import type { Graph } from "../../ir/graph.js";
import type { Trainer } from "../../runtime/trainer.js";
import { checkFinite } from "../../tensor/finite.js";
import { elementCount, float32Tensor, type Tensor } from "../../tensor/tensor.js";
import type { Checkpoint } from "../../train/checkpoint.js";
import type { JsonRecord } from "../../train/json.js";
import { INITIAL_PROGRESS, type PartialEpoch, type Progress } from "../../train/loop.js";
import type { MetricsLine } from "../../train/metrics-log.js";
import type { RunNetwork } from "./run-network.js";

/** Steps since the last line of the log, whose mean loss the next line has. */
export interface UnloggedSteps {
  /** Sum of their losses. */
  readonly loss: number;
  readonly steps: number;
}

/** What a run logged before it was resumed. */
export interface EarlierLog {
  readonly lines: readonly MetricsLine[];
  readonly unlogged: UnloggedSteps;
}

export const NO_EARLIER_LOG: EarlierLog = { lines: [], unlogged: { loss: 0, steps: 0 } };

/** A checkpoint of a run as it is: the trainer's state and the parameters that the trainer does not have because they are fixed. */
export async function checkpointOf(parts: {
  readonly trainer: Trainer;
  readonly fixed: ReadonlyMap<string, Tensor>;
  readonly network: Pick<RunNetwork, "model" | "options">;
  /** Of the network's description; see `graphHash`. */
  readonly graphHash: string;
  readonly seed: number;
  /** The settings as files that leave this machine have them. */
  readonly config: JsonRecord;
  readonly progress: Progress;
  readonly unlogged: UnloggedSteps;
}): Promise<Checkpoint> {
  const { trainer, fixed, network, graphHash, seed, config, progress, unlogged } = parts;
  return {
    state: await wholeState(trainer, fixed),
    meta: {
      model: network.model,
      options: network.options,
      graphHash,
      config,
      position: progress.position,
      seed,
      history: progress.history,
      partial: { ...progress.partial, ...(unlogged.steps === 0 ? {} : { unloggedLoss: unlogged.loss, unloggedSteps: unlogged.steps }) },
    },
  };
}

/** The trainer's state and the parameters that it does not have, all flat. */
export async function wholeState(trainer: Trainer, fixed: ReadonlyMap<string, Tensor>): Promise<ReadonlyMap<string, Tensor>> {
  const flat = [...fixed].map(([path, tensor]) => [path, { ...tensor, shape: [elementCount(tensor.shape)] }] as const);
  return new Map([...(await trainer.readState()), ...flat]);
}

const AVERAGE = ":average";

/**
 * The part of a whole state that a trainer has. A parameter that was frozen when the state was kept has no average in it: its own
 * value is its average.
 */
export function stateOf(state: ReadonlyMap<string, Tensor>, names: ReadonlySet<string>): ReadonlyMap<string, Tensor> {
  return new Map(
    [...names].flatMap((name) => {
      const value = state.get(name) ?? (name.endsWith(AVERAGE) ? state.get(name.slice(0, -AVERAGE.length)) : undefined);
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}

/** The sums of the epoch under way, out of a checkpoint. */
function partialOf({ lossSum = 0, steps = 0, correct = 0, images = 0 }: Readonly<Record<string, number>>): PartialEpoch {
  return { lossSum, steps, correct, images };
}

/** The steps since the last line of the log, out of a checkpoint. */
function unloggedOf({ unloggedLoss = 0, unloggedSteps = 0 }: Readonly<Record<string, number>>): UnloggedSteps {
  return { loss: unloggedLoss, steps: unloggedSteps };
}

/** Where a run begins or is resumed. */
interface RunStart {
  readonly start: Progress;
  /** The trainer's state, of a checkpoint; null to begin. */
  readonly state: ReadonlyMap<string, Tensor> | null;
  readonly earlier: EarlierLog;
}

export const FROM_BEGINNING: RunStart = { start: INITIAL_PROGRESS, state: null, earlier: NO_EARLIER_LOG };

/** @param lines - what was logged up to the checkpoint */
export function startFrom(checkpoint: Checkpoint | null, lines: readonly MetricsLine[]): RunStart {
  if (checkpoint === null) return FROM_BEGINNING;
  const { state, meta } = checkpoint;
  return { start: { ...meta, partial: partialOf(meta.partial) }, state, earlier: { lines, unlogged: unloggedOf(meta.partial) } };
}

/** The network's parameters in a checkpoint: the averages where the run keeps them. */
export function checkpointParameters(graph: Graph, { state }: Pick<Checkpoint, "state">): ReadonlyMap<string, Tensor> {
  return new Map(
    graph.parameters.map(({ path, type }) => {
      const value = state.get(`${path}:average`) ?? state.get(path);
      const shape = type.shape.map(Number);
      if (!(value?.data instanceof Float32Array) || value.data.length !== elementCount(shape)) {
        throw new InceptionError(
          "CHECKPOINT_INVALID",
          `Cannot use the checkpoint: it has no value of shape [${shape.join(", ")}] for "${path}"`,
          { path },
        );
      }
      checkFinite(value.data, "use the checkpoint", `parameter "${path}"`);
      return [path, float32Tensor(shape, value.data)];
    }),
  );
}
