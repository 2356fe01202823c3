import type { ExplanationName } from "../../explain/index.js";
import {
  type Explainer,
  type ExplainerOptions as ExplainTaskOptions,
  encodeExplanation,
  openExplainer as openTask,
} from "../../tasks/explain.js";
import { type DescribedModel, modelName } from "../../tasks/model-source.js";
import { type LoadModelOptions, resolveModel } from "../load-model.js";
import { NODE_PLATFORM } from "../platform.js";
import { writeFileAtomic } from "../write-file.js";

/** How the model of an explainer is loaded and run. */
export type ExplainerOptions = ExplainTaskOptions & Omit<LoadModelOptions, "outputs" | "selfCheck">;

/**
 * Opens a classifier to compute attribution maps.
 *
 * @param model - a model id or a custom network with `weights`, a run directory, or an exported `.onnx` file
 * @throws InceptionError as `loadModel`; OPTION_INVALID for a network that does not classify images, and as the methods
 *
 * @example
 * ```ts
 * import { decodeImage, openExplainer } from "inceptionkit/node";
 * const explainer = await openExplainer("runs/photos", { methods: ["grad_cam"] });
 * const { targetClass, attributions } = await explainer.explain(await decodeImage("photo.jpg"));
 * console.log(targetClass.className, attributions[0]?.peak);
 * await explainer.close();
 * ```
 */
export async function openExplainer(model: string | DescribedModel, options: ExplainerOptions = {}): Promise<Explainer> {
  return openTask(NODE_PLATFORM, modelName(model), await resolveModel(model, options), options);
}

/**
 * Writes the graph of a method as a plain ONNX file: inputs "input" and "target", first output "map". Its metadata contain the
 * preprocessing and the class names, under `inceptionkit.explains`.
 *
 * @throws InceptionError as `openExplainer`; WRITE_FAILED
 */
export async function exportExplanation(
  model: string | DescribedModel,
  method: ExplanationName,
  file: string,
  options: Omit<ExplainerOptions, "device" | "methods" | "threads"> = {},
): Promise<{ readonly bytes: number; readonly outputs: readonly string[] }> {
  const { chunks, byteLength, outputs } = encodeExplanation(await resolveModel(model, options), method, options);
  await writeFileAtomic(file, chunks);
  return { bytes: byteLength, outputs };
}
