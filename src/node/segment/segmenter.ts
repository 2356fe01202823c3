import type { DescribedModel } from "../../tasks/model-source.js";
import type { SegmenterOptions } from "../../tasks/segment/network.js";
import { openSegmenter as openTask, type Segmenter, type SegmentHost } from "../../tasks/segment/segmenter.js";
import { type LoadModelOptions, NODE_MODELS } from "../load-model.js";
import type { PlaceOptions } from "../platform.js";
import type { SourceOptions } from "../source-options.js";
import { inCaseThread } from "./case-thread.js";

/** How a segmentation model is loaded and run in Node. */
export type OpenSegmenterOptions = SegmenterOptions & Omit<LoadModelOptions, "outputs" | "preprocessing">;

/** What segments volumes in Node. */
export const NODE_SEGMENTATION: SegmentHost<SourceOptions, PlaceOptions> = {
  models: NODE_MODELS,
  inThread: {
    prepare: (task, voxels) => inCaseThread("prepare", task, voxels),
    finish: (task, voxels, moved) => inCaseThread("finish", task, voxels, moved),
  },
};

/**
 * Opens a model for volume segmentation; see the task for the method and its memory use.
 *
 * @param model - a run directory, a model id or a custom network with `weights`, an exported `.onnx` file, or the id of a bundled model
 * @throws InceptionError OPTION_INVALID for a model that does not segment; as `loadModel`
 *
 * @example
 * ```ts
 * import { openSegmenter, writeVolume } from "inceptionkit/node";
 * const segmenter = await openSegmenter("runs/hippocampus");
 * const { labels, header, labelStatistics } = await segmenter.segment("scan.nii.gz", { largestComponent: true });
 * await writeVolume("labels.nii.gz", labels, header);
 * console.log(labelStatistics);
 * await segmenter.close();
 * ```
 */
export async function openSegmenter(model: string | DescribedModel, options: OpenSegmenterOptions = {}): Promise<Segmenter> {
  return openTask(NODE_SEGMENTATION, model, options);
}
