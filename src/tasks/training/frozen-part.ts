import { compileInference } from "../../compile/compile.js";
import type { SplitNetwork } from "../../compile/training/frozen.js";
import type { Batch } from "../../data/batch.js";
import { concatChunks } from "../../formats/concat-chunks.js";
import { throwIfAborted } from "../../runtime/abort.js";
import type { CancelSignal, RunOptions, Session, SessionOptions } from "../../runtime/session.js";
import { float32Tensor, type Tensor } from "../../tensor/tensor.js";
import type { FeatureTable } from "../../train/feature-source.js";
import type { BatchLoader, TrainingBatch } from "../../train/task.js";
import type { TrainingPlatform } from "./open-trainer.js";

/** What turns a batch into the inputs of the trained part. */
export interface FrozenPart {
  inputs(batch: TrainingBatch): Promise<Readonly<Record<string, Tensor>>>;
  close(): Promise<void>;
}

/** The part of a network that training does not change, as an inference session; without one, the samples themselves. */
export async function openFrozenPart(
  platform: Pick<TrainingPlatform, "createSession">,
  split: SplitNetwork,
  parameters: ReadonlyMap<string, Tensor>,
  options: SessionOptions,
): Promise<FrozenPart> {
  const [input] = split.trained.inputs;
  if (split.frozen === null)
    return { inputs: async (batch) => ({ [input?.name ?? ""]: imageTensor(batch, split) }), close: async () => {} };
  const { frozen } = split;
  const model = concatChunks(compileInference(frozen, parameters).chunks);
  const session = await platform.createSession(model, { ...options, name: `the frozen part of ${frozen.name}`, transfer: true });
  return { inputs: (batch) => runFrozen(session, batch, split), close: () => session.close() };
}

async function runFrozen(session: Session, batch: TrainingBatch, split: SplitNetwork): Promise<Readonly<Record<string, Tensor>>> {
  const images = imageTensor(batch, split);
  const [input] = session.inputs;
  const kept: RunOptions = { fetches: split.cut.filter((name) => name !== input?.name) };
  const outputs = await session.run({ [input?.name ?? ""]: images }, kept);
  return input && split.cut.includes(input.name) ? { ...outputs, [input.name]: images } : outputs;
}

/** A batch whose "images" are features of the frozen part already. */
export async function featureInputs({ cut, trained }: SplitNetwork, { images, count }: Batch): Promise<Readonly<Record<string, Tensor>>> {
  const shape = (trained.inputs[0]?.type.shape.slice(1) ?? []).map(Number);
  return { [cut[0] ?? ""]: float32Tensor([count, ...shape], images) };
}

function imageTensor({ images, count }: TrainingBatch, split: SplitNetwork): Tensor {
  const type = (split.frozen ?? split.trained).inputs[0]?.type;
  return float32Tensor([count, ...(type?.shape.slice(1) ?? []).map(Number)], images);
}

/** More than this is not kept: 250,000 images of a 1024-wide network. */
const MAX_TABLE_BYTES = 2 ** 30;

/**
 * The features of every image of a source, computed once. null where they would take more than a gigabyte, or where
 * several maps of values leave the frozen part.
 *
 * @param source - in order, without augmentation
 * @throws what `signal` was aborted with, at the latest after the batch under way
 */
export async function featureTable(
  frozen: FrozenPart,
  split: SplitNetwork,
  source: BatchLoader<Batch>,
  report: (done: number, total: number) => void,
  signal?: CancelSignal,
): Promise<FeatureTable | null> {
  const [cut, ...more] = split.cut;
  const width = (split.trained.inputs[0]?.type.shape ?? []).slice(1).reduce<number>((product, dim) => product * Number(dim), 1);
  if (split.frozen === null || cut === undefined || more.length > 0) return null;
  if (source.dataset.size * width * Float32Array.BYTES_PER_ELEMENT > MAX_TABLE_BYTES) return null;
  const values = new Float32Array(source.dataset.size * width);
  const indices: number[] = [];
  for await (const batch of source.epoch(0)) {
    throwIfAborted(signal);
    const features = (await frozen.inputs(batch))[cut];
    if (!(features?.data instanceof Float32Array)) throw new RangeError(`Cannot read features "${cut}"`);
    values.set(features.data.subarray(0, batch.count * width), indices.length * width);
    indices.push(...batch.indices);
    report(indices.length, source.dataset.size);
  }
  throwIfAborted(signal);
  return { values, width, indices };
}
