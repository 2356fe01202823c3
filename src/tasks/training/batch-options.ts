import { parseAugmentation } from "../../data/augment/augmentation.js";
import type { BatchSourceOptions } from "../../data/batches/plan.js";
import type { TrainingSettings } from "../../train/settings.js";
import type { TrainingNetwork } from "./prepare-network.js";

/** How a run reads images: at random for training, as inference does for measuring. */
export function batchOptions(
  settings: TrainingSettings,
  { preprocessing, inputSize }: Pick<TrainingNetwork, "preprocessing" | "inputSize">,
  workers: number,
): { readonly training: BatchSourceOptions; readonly measuring: BatchSourceOptions } {
  const { batchSize, seed, mixup, cutmix } = settings;
  const common = { batchSize, seed, preprocessing, inputSize, workers };
  return {
    training: {
      ...common,
      augmentation: parseAugmentation(settings.augmentation, "the settings"),
      mixup,
      cutmix,
      shuffle: true,
      dropLast: true,
    },
    measuring: { ...common, augmentation: null, shuffle: false, dropLast: false },
  };
}
