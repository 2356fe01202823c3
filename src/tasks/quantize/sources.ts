import { InceptionError } from "../../errors.js";
import { selectOutputs } from "../../ir/prune.js";
import { checkGraph } from "../../ops/index.js";
import type { CallOptions, ImageInput, SourceOptions, VolumeInput } from "../../runtime/platform.js";
import { isFileInput } from "../image-input.js";
import type { PreparedModel } from "../prepare-model.js";
import type { ImageReader } from "../read-images.js";
import { describedAt } from "../segment/network.js";
import { isVolume } from "../volume-input.js";
import { type InputBatch, type OnSkipped, readBatches } from "./inputs.js";
import { readWindows, type WindowReader } from "./windows.js";

/** An image, or a volume for a network that segments. */
export type SampleInput = ImageInput | VolumeInput;

/** What a network is calibrated and compared on. */
export interface SampleSource {
  readonly name: "images" | "volumes";
  /** The network that is quantized: at the size that it is fed. */
  readonly prepared: PreparedModel;
  /** Inputs of the network, so many rows together. */
  readonly read: (samples: readonly SampleInput[], batchSize: number) => AsyncGenerator<InputBatch>;
  /** Samples to calibrate with, and rows that run together, where nothing is said. */
  readonly defaults: { readonly images: number; readonly batch: number };
}

/** What reads images and volumes. */
type SampleReader<F extends SourceOptions> = ImageReader<F> & WindowReader<F>;

interface SourceSettings extends CallOptions {
  readonly onSkipped: OnSkipped;
}

/**
 * Images for a network that classifies or embeds them, volumes for one that segments them.
 *
 * @throws InceptionError OPTION_INVALID for a network that does not say how files become its input, and from `read` for images in
 *   place of volumes or the reverse
 */
export function sampleSource<F extends SourceOptions>(
  reader: SampleReader<F>,
  prepared: PreparedModel,
  settings: SourceSettings,
): SampleSource {
  const rank = prepared.graph.inputs[0]?.type.shape.length ?? 0;
  return rank === 5 ? volumeSource(reader, prepared, settings) : imageSource(reader, prepared, settings);
}

function imageSource<F extends SourceOptions>(reader: ImageReader<F>, prepared: PreparedModel, settings: SourceSettings): SampleSource {
  const { graph, metadata } = prepared;
  const { preprocessing } = metadata;
  if (preprocessing === null)
    throw refused(metadata.model, "its weights do not say how images become inputs", "`preprocessing` with a name");
  const shape = (graph.inputs[0]?.type.shape ?? []).slice(1).map(Number);
  const imageOf = (sample: SampleInput): ImageInput => {
    if (!isVolume(sample)) return sample;
    throw refused(metadata.model, "a volume was given", "images");
  };
  return {
    name: "images",
    prepared,
    read: (samples, batchSize) => readBatches(reader, samples.map(imageOf), { preprocessing, shape, batchSize, ...settings }),
    defaults: { images: 128, batch: 8 },
  };
}

/** Only the logits are kept: the outputs that help training are no use here. */
function volumeSource<F extends SourceOptions>(reader: WindowReader<F>, prepared: PreparedModel, settings: SourceSettings): SampleSource {
  const { segmentation: recipe, model } = prepared.metadata;
  if (recipe === undefined) {
    throw refused(model, "its weights do not say how volumes become its input", "a run of `trainSegmentation`, or hippocampus");
  }
  const volumeOf = (sample: SampleInput): VolumeInput => {
    if (isVolume(sample) || isFileInput(sample)) return sample;
    throw refused(model, "pixels were given", "volumes");
  };
  const sized = describedAt(prepared, recipe.patchSize);
  return {
    name: "volumes",
    prepared: { ...sized, graph: checkGraph(selectOutputs(sized.graph, ["logits"])) },
    read: (samples, batchSize) => readWindows(reader, samples.map(volumeOf), { recipe, batchSize, ...settings }),
    defaults: { images: 32, batch: 1 },
  };
}

function refused(model: string, fact: string, law: string): InceptionError {
  return new InceptionError("OPTION_INVALID", `Cannot quantize "${model}": ${fact}, expected ${law}`, { model });
}
