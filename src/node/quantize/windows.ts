import type { SegmentationConfig } from "../../data/index.js";
import { InceptionError, messageOf } from "../../errors.js";
import { cutWindow, planWindows, type WindowPlan } from "../../segment/index.js";
import { type PreparedCase, prepareCase, readCase } from "../../tasks/segment/prepare-case.js";
import { stackRows } from "../../tensor/tensor.js";
import { NODE_PLATFORM } from "../platform.js";
import type { InputBatch } from "./inputs.js";

interface WindowOptions {
  readonly recipe: SegmentationConfig;
  readonly batch: number;
  /** Told of a volume that cannot be used, which is left out. */
  readonly onSkipped: (file: string, reason: string) => void;
}

/**
 * Volumes as the network meets them when it segments: turned, resampled and normalized by its recipe, and cut into windows of
 * the recipe's patch that touch but overlap no more than they must. The windows of one volume go together in batches, of which
 * the last may be smaller.
 */
export async function* readWindows(files: readonly string[], { recipe, batch, onSkipped }: WindowOptions): AsyncGenerator<InputBatch> {
  for (const file of files) {
    const found = await prepared(file, recipe, onSkipped);
    if (found === null) continue;
    const plan = planWindows(found.grid.shape, recipe.patchSize, { overlap: 0 });
    for (let start = 0; start < plan.count; start += batch) {
      const end = Math.min(start + batch, plan.count);
      const rows = Array.from({ length: end - start }, () => file);
      yield { files: rows, finished: end === plan.count ? 1 : 0, input: joined(found, plan, recipe.normalization.length, start, end) };
    }
  }
}

async function prepared(file: string, recipe: SegmentationConfig, onSkipped: WindowOptions["onSkipped"]): Promise<PreparedCase | null> {
  try {
    const { channels } = await readCase({ platform: NODE_PLATFORM, sources: {} }, [file], recipe.normalization.length);
    return prepareCase(channels, recipe, undefined);
  } catch (thrown) {
    if (!(thrown instanceof InceptionError)) throw thrown;
    onSkipped(file, messageOf(thrown));
    return null;
  }
}

function joined({ data, padValue }: PreparedCase, plan: WindowPlan, channels: number, start: number, end: number): InputBatch["input"] {
  const [x, y, z] = plan.window;
  const windows = Array.from({ length: end - start }, (_, index) => cutWindow(plan, start + index, data, channels, padValue));
  return stackRows([channels, z, y, x], windows);
}
