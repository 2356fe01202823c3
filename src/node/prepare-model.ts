import { findModel } from "../models/index.js";
import { type PreparedModel, prepareModel as prepare, type PrepareOptions as TaskOptions } from "../tasks/prepare-model.js";
import { NODE_PLATFORM } from "./platform.js";
import type { SourceOptions } from "./source-options.js";

/** How a network and its weights are prepared in Node. */
export type PrepareOptions = TaskOptions & SourceOptions;

/**
 * Describes a network and read its weights: find the file, recognize its format and whose names it uses, read the values.
 *
 * @param id - model id or family name
 * @param weights - `pretrained`, `pretrained:<name>` (src/models/*.weights.ts lists them), `hf:owner/name[@revision]`, a
 *   path, a `file:` URL, or with `allowHttps` an `https:` URL
 * @throws InceptionError MODEL_UNKNOWN, OPTION_INVALID, SOURCE_INVALID, FILE_…, WEIGHTS_MISMATCH
 */
export async function prepareModel(id: string, weights: string, options: PrepareOptions = {}): Promise<PreparedModel> {
  return prepare(NODE_PLATFORM, findModel(id), weights, options);
}
