/** Checking labeled images, as the task layer does it. */

import type { ImageCheck } from "../../check/image-check.js";
import type { OpenedDataset } from "../../data/assemble.js";
import { InceptionError } from "../../errors.js";
import { openUntilAborted } from "../../runtime/abort.js";
import type { SourceOptions } from "../../runtime/platform.js";
import type { SessionOptions } from "../../runtime/session.js";
import { openEmbedder } from "../classifier.js";
import type { LabeledImages } from "../labeled-images.js";
import type { ModelHost, OpenModelOptions } from "../model-host.js";
import type { ModelSource } from "../model-source.js";
import type { OpenOptions } from "../open-options.js";
import { downloadProgress, type OnProgress } from "../progress.js";
import { type CheckHost, checkDataset } from "./check-dataset.js";

/** Options of `checkImages`; those of loading a model need `model`. */
export interface CheckImagesOptions extends Omit<OpenOptions, "onProgress"> {
  /** Computes the features by which labels are checked. Default: labels are not checked. */
  readonly model?: ModelSource;
  /** Fraction of each class held out where the images are not split: leaks are searched across the split of training. Default: 0.2. */
  readonly valFraction?: number;
  /** Decides which images are held out, as that of training does, and the folds of the cross-validation. Default: 1, as in training. */
  readonly seed?: number;
  /** Folds of the cross-validation, from 2 to 20. Default: 5. */
  readonly folds?: number;
  /** Called during downloads, after each image, and while duplicates and labels are checked. */
  readonly onProgress?: OnProgress<"images" | "duplicates" | "labels">;
}

export interface CheckImagesHost<F extends SourceOptions, P extends SessionOptions> extends Omit<CheckHost, "platform"> {
  readonly models: ModelHost<F, P>;
}

/**
 * Checks labeled images; see `checkImages` of the package.
 *
 * @param open - how the model is found
 * @throws InceptionError as `openEmbedder`; OPTION_INVALID, DATASET_INVALID
 */
export async function checkLabeledImages<F extends SourceOptions, P extends SessionOptions>(
  host: CheckImagesHost<F, P>,
  data: LabeledImages,
  open: OpenModelOptions & F & P,
  options: CheckImagesOptions,
): Promise<ImageCheck> {
  const { valFraction = 0.2, seed = 1 } = options;
  return checkOpened(host, await data.open({ valFraction, seed }), open, options);
}

/** The same for data that is open. */
export async function checkOpened<F extends SourceOptions, P extends SessionOptions>(
  { models, ...host }: CheckImagesHost<F, P>,
  data: OpenedDataset,
  open: OpenModelOptions & F & P,
  { model, folds = 5, seed = 1, signal, onProgress }: CheckImagesOptions,
): Promise<ImageCheck> {
  if (!Number.isSafeInteger(folds) || folds < 2 || folds > 20) {
    throw new InceptionError("OPTION_INVALID", `Cannot check images with folds ${folds}: expected an integer from 2 to 20`, { folds });
  }
  const sources = { ...open, ...downloadProgress(onProgress) };
  const embedder = model === undefined ? null : await openUntilAborted(signal, () => openEmbedder(models, model, sources));
  const call = { ...(signal === undefined ? {} : { signal }), ...(onProgress === undefined ? {} : { onProgress }) };
  try {
    return await checkDataset({ ...host, platform: models.platform }, data, { embedder, folds, seed, ...call });
  } finally {
    await embedder?.close();
  }
}
