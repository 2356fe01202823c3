import type { SegmentationConfig } from "../../data/index.js";
import { InceptionError, messageOf } from "../../errors.js";
import { throwIfAborted, untilAborted } from "../../runtime/abort.js";
import type { CallOptions, SourceOptions, VolumeInput } from "../../runtime/platform.js";
import { cutWindow, planWindows, type WindowPlan } from "../../segment/index.js";
import { stackRows } from "../../tensor/tensor.js";
import type { CaseThread } from "../segment/case-task.js";
import { type PreparedCase, readCase } from "../segment/prepare-case.js";
import type { VolumeReader } from "../segment/read-channels.js";
import { volumeName } from "../volume-input.js";
import type { InputBatch, OnSkipped } from "./inputs.js";

/** What reads volumes, and what performs long computations on them. */
export interface WindowReader<F extends SourceOptions> extends VolumeReader<F> {
  readonly inThread: CaseThread;
}

interface WindowOptions extends CallOptions {
  readonly recipe: SegmentationConfig;
  readonly batchSize: number;
  readonly onSkipped: OnSkipped;
}

/**
 * Volumes as the network meets them when it segments: turned, resampled and normalized by its recipe, and cut into windows of
 * the recipe's patch that touch but overlap no more than they must. The windows of one volume go together in batches, of which
 * the last may be smaller.
 */
export async function* readWindows<F extends SourceOptions>(
  reader: WindowReader<F>,
  volumes: readonly VolumeInput[],
  options: WindowOptions,
): AsyncGenerator<InputBatch> {
  const { recipe, batchSize, signal } = options;
  for (const [index, volume] of volumes.entries()) {
    throwIfAborted(signal);
    const found = await untilAborted(signal, prepared(reader, volume, options));
    if (found === null) continue;
    const name = volumeName(volume);
    const plan = planWindows(found.grid.shape, recipe.patchSize, { overlap: 0 });
    for (let start = 0; start < plan.count; start += batchSize) {
      const end = Math.min(start + batchSize, plan.count);
      const input = joined(found, plan, recipe.normalization.length, start, end);
      const rows = Array.from({ length: end - start }, () => index);
      yield { names: rows.map(() => name), indices: rows, finished: end === plan.count ? 1 : 0, input };
    }
  }
}

async function prepared<F extends SourceOptions>(
  reader: WindowReader<F>,
  volume: VolumeInput,
  { recipe, onSkipped }: WindowOptions,
): Promise<PreparedCase | null> {
  try {
    const { channels, image } = await readCase(reader, [volume], recipe.normalization.length);
    return await reader.inThread.prepare({ channels, recipe, raw: undefined }, image.data.length);
  } catch (thrown) {
    if (!(thrown instanceof InceptionError)) throw thrown;
    onSkipped(volumeName(volume), messageOf(thrown));
    return null;
  }
}

function joined({ data, padValue }: PreparedCase, plan: WindowPlan, channels: number, start: number, end: number): InputBatch["input"] {
  const [x, y, z] = plan.window;
  const windows = Array.from({ length: end - start }, (_, index) => cutWindow(plan, start + index, data, channels, padValue));
  return stackRows([channels, z, y, x], windows);
}
