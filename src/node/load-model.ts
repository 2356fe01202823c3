import type { LoadedModel, ModelHost, OpenModelOptions } from "../tasks/model-host.js";
import type { DescribedModel } from "../tasks/model-source.js";
import { resolveModel as prepareAnySource } from "../tasks/open-described.js";
import { openModel } from "../tasks/open-model.js";
import type { PreparedModel } from "../tasks/prepare-model.js";
import { BUNDLED_MODELS, type BundledModel, findBundledModel, prepareBundledModel } from "./bundled-models.js";
import type { SampleSources } from "./datasets/sample-reader.js";
import type { ImageThreads } from "./image-threads.js";
import { NODE_PLATFORM, nodePlatform, type PlaceOptions } from "./platform.js";
import type { PrepareOptions } from "./prepare-model.js";
import type { SourceOptions } from "./source-options.js";
import { isRunFolder, prepareRun } from "./training/run-weights.js";

/** How a model is found, prepared and run in Node. */
export type LoadModelOptions = OpenModelOptions & SourceOptions & PlaceOptions;

/** Node, and what models are known there by name: those of the package, and the runs on this machine. */
export const NODE_MODELS: ModelHost<SourceOptions, PlaceOptions> = {
  platform: NODE_PLATFORM,
  kinds: [
    {
      kind: "bundled model",
      ids: BUNDLED_MODELS.map(({ id }) => id),
      knows: async (text) => findBundledModel(text) !== null,
      prepare: (text, options) => prepareBundledModel(shippedModel(text), options),
    },
    { kind: "run", ids: [], knows: isRunFolder, prepare: prepareRun },
  ],
};

/** `NODE_MODELS` with threads for large images. @param samples - whether images may be at `https:` URLs */
export function nodeModels(images: ImageThreads, samples: SampleSources): ModelHost<SourceOptions, PlaceOptions> {
  return { ...NODE_MODELS, platform: nodePlatform(images, samples) };
}

function shippedModel(id: string): BundledModel {
  const found = findBundledModel(id);
  if (found === null) throw new RangeError(`Cannot load "${id}": it is not a bundled model`);
  return found;
}

/**
 * Loads a model for inference from a model id or custom network and weights, an exported `.onnx` file or a run directory. See
 * `openModel` for the checks of a file.
 *
 * @throws InceptionError as `openModel`
 *
 * @example
 * ```ts
 * import { decodeImage, loadModel } from "inceptionkit/node";
 * const model = await loadModel("examples/digits/digits.onnx");
 * console.log(model.metadata.model, model.metadata.labels);
 * await model.close();
 * ```
 */
export async function loadModel(model: string | DescribedModel, options: LoadModelOptions = {}): Promise<LoadedModel> {
  return openModel(NODE_MODELS, model, options);
}

/**
 * Returns a bundled model, the network of a run, a network with weights, or the network of an exported file.
 *
 * @param model - the id of a bundled model, a model id, a custom network, a run directory, or an exported `.onnx` file
 * @throws InceptionError as `openModel`; OPTION_INVALID for a model without weights, and for an option that this kind of model cannot have
 */
export async function resolveModel(
  model: string | DescribedModel,
  options: PrepareOptions & Pick<LoadModelOptions, "weights" | "checkpoint">,
): Promise<PreparedModel> {
  return prepareAnySource(NODE_MODELS, model, options);
}
