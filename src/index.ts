/** The task layer in Node: what most programs need. `browser.ts` exports the same names with the same types in pages. */
import type { Triple } from "./data/volumes/volume.js";
import { imageThreads } from "./node/image-threads.js";
import { NODE_MODELS } from "./node/load-model.js";
import { nodePlatform } from "./node/platform.js";
import { NODE_SEGMENTATION } from "./node/segment/segmenter.js";
import { type Classifier, openClassifier as classifier, type Embedder, openEmbedder as embedder } from "./tasks/classifier.js";
import { closingBoth } from "./tasks/closing.js";
import type { ExportOnnxOptions } from "./tasks/export.js";
import type { ModelSource } from "./tasks/model-source.js";
import { type OpenOptions, taskOptions } from "./tasks/open-options.js";
import { type Segmenter, openSegmenter as segmenter } from "./tasks/segment/segmenter.js";
import { toOnnx as onnx } from "./tasks/to-onnx.js";

export { InceptionError } from "./errors.js";
export type * from "./tasks/api-types.js";
export { cosineSimilarity } from "./tasks/cosine-similarity.js";
export { describe } from "./tasks/network.js";

/**
 * Loads an image classifier from a model id and weights, an exported `.onnx` file or a run directory. Call `close()`, or declare it
 * with `await using`, to release its memory.
 *
 * @param source - a model id with `weights`, an exported `.onnx` file (path, URL, bytes or Blob), a run directory, a bundled model,
 *   or a network of `describe` with `weights`
 * @throws InceptionError MODEL_UNKNOWN, OPTION_INVALID, SOURCE_INVALID, FILE_…, WEIGHTS_MISMATCH, NOT_FINITE, SESSION_FAILED,
 *   DEVICE_UNAVAILABLE, SELF_CHECK_FAILED
 *
 * @example
 * ```ts
 * import { openClassifier } from "inceptionkit";
 * await using classifier = await openClassifier("examples/digits/digits.onnx");
 * const [best] = await classifier.classify("examples/digits/images/7-a.png");
 * console.log(best?.className, best?.probability); // seven 0.95…
 * ```
 */
export async function openClassifier(source: ModelSource, options: OpenOptions = {}): Promise<Classifier> {
  return withImages(options, (models) => classifier(models, source, nodeOptions(options)));
}

/**
 * Loads a model that computes feature vectors. The weights may lack the classifier. Call `close()`, or declare it with
 * `await using`, to release its memory.
 *
 * @throws InceptionError as `openClassifier`
 *
 * @example
 * ```ts
 * import { cosineSimilarity, openEmbedder } from "inceptionkit";
 * await using embedder = await openEmbedder("examples/digits/digits.onnx");
 * const [a, b] = await embedder.embed(["examples/digits/images/7-a.png", "examples/digits/images/7-b.png"]);
 * console.log(cosineSimilarity(a ?? [], b ?? []));
 * ```
 */
export async function openEmbedder(source: ModelSource, options: OpenOptions = {}): Promise<Embedder> {
  return withImages(options, (models) => embedder(models, source, nodeOptions(options)));
}

/**
 * Loads a segmentation model. `segment` accepts a NIfTI file (path, URL, bytes or Blob), voxels, or in Node a directory of DICOM
 * slices; an array of them is one case with several channels.
 *
 * @param options - `patchSize`: window size in voxels along x, y and z. Default: the patch size of training
 * @throws InceptionError as `openClassifier`; OPTION_INVALID for a model that does not segment
 *
 * @example
 * ```ts
 * import { openSegmenter } from "inceptionkit";
 * await using segmenter = await openSegmenter("hippocampus");
 * const { labels, measured } = await segmenter.segment("examples/segment/hippocampus_001.nii.gz");
 * console.log(labels.shape, measured);
 * ```
 */
export async function openSegmenter(source: ModelSource, options: OpenOptions & { readonly patchSize?: Triple } = {}): Promise<Segmenter> {
  const { patchSize, ...rest } = options;
  const given = { ...nodeOptions(rest), ...(patchSize === undefined ? {} : { patchSize }) };
  return segmenter(NODE_SEGMENTATION, source, given);
}

/**
 * Exports a model as one self-contained ONNX file with dynamic batch size. The file contains class names, preprocessing, origin and
 * license of the weights, and a self-check: outputs computed here that `openClassifier` and the others compare when they load it.
 *
 * @throws InceptionError as `openClassifier`; OPTION_INVALID for `dynamicSize` of a network with layers of fixed size
 *
 * @example
 * ```ts
 * import { toOnnx } from "inceptionkit";
 * const bytes = await toOnnx("hippocampus");
 * console.log(bytes.byteLength);
 * ```
 */
export async function toOnnx(source: ModelSource, options: OpenOptions & ExportOnnxOptions = {}): Promise<Uint8Array> {
  return onnx(NODE_MODELS, source, nodeOptions(options), options);
}

/** Opens something that has threads of its own for large images, which end with it. */
function withImages<T extends { readonly close: () => Promise<void> }>(
  { signal }: OpenOptions,
  open: (models: typeof NODE_MODELS) => Promise<T>,
) {
  const images = imageThreads();
  return closingBoth(images, signal, () => open({ ...NODE_MODELS, platform: nodePlatform(images) }));
}

function nodeOptions(options: OpenOptions): ReturnType<typeof taskOptions> {
  return taskOptions(options, ["cache"], "Node", "a browser");
}
