import type { PreparedModel } from "../../tasks/prepare-model.js";
import { type QuantizationReport, type QuantizeSettings, type QuantizeSite, quantizePrepared } from "../../tasks/quantize/quantize.js";
import { imagesInPlace } from "../image-threads.js";
import { listImages } from "../list-images.js";
import { nodePlatform } from "../platform.js";
import { listVolumes } from "../segment/list-volumes.js";
import { NODE_SEGMENTATION } from "../segment/segmenter.js";
import { writeFileAtomic } from "../write-file.js";
import { labelOf, labelRule } from "./photograph-labels.js";
import { chooseSamples } from "./samples.js";

/** How a model is quantized from files. */
export interface QuantizeModelOptions extends QuantizeSettings {
  /** Directory of images such as the model will be given, or of volumes for one that segments them. */
  readonly calibrate: string;
  /** Another directory to compare the models on. Default: every fifth file of `calibrate` is held out for it. */
  readonly evaluate?: string;
}

/**
 * Quantizes a model to int8 and writes it as an ONNX file, unless it is below its thresholds; see `quantizePrepared`.
 *
 * @param file - ends in .onnx; replaced as a whole, or left as it is
 * @throws InceptionError as `quantizePrepared`; FILE_NOT_FOUND, WRITE_FAILED
 *
 * @example
 * ```ts
 * import { prepareModel, quantizeModel } from "inceptionkit/node";
 * const digits = await prepareModel("googlenet", "examples/digits/googlenet-digits.safetensors", {
 *   options: { widthMultiplier: 0.25, numClasses: 10, inputSize: 64 },
 * });
 * // So small a network gains no speed from int8, and few images say little about agreement.
 * const accept = { minSpeedup: 0, minAgreement: 0 };
 * const report = await quantizeModel(digits, "digits-int8.onnx", { calibrate: "examples/digits/images", keepFirst: true, ...accept });
 * console.log(report);
 * ```
 */
export async function quantizeModel(given: PreparedModel, file: string, options: QuantizeModelOptions): Promise<QuantizationReport> {
  const { calibrate, evaluate, ...settings } = options;
  const choose: QuantizeSite<object>["choose"] = async (kind, most, { labels }) => {
    const list = kind === "volumes" ? listVolumes : listImages;
    const samples = await chooseSamples({ name: kind, list }, { calibrate, evaluate, most });
    const rule = await labelRule(labels);
    return { ...samples, labelOf: (index) => labelOf(samples.evaluation[index] ?? "", rule) };
  };
  const clock = (): number => performance.now();
  const site = { platform: nodePlatform(imagesInPlace()), sources: {}, inThread: NODE_SEGMENTATION.inThread, clock, choose };
  const { chunks, report } = await quantizePrepared(site, given, settings);
  await writeFileAtomic(file, chunks);
  return report;
}
