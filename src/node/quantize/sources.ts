import { InceptionError } from "../../errors.js";
import { selectOutputs } from "../../ir/prune.js";
import { checkGraph } from "../../ops/index.js";
import type { PreparedModel } from "../../tasks/prepare-model.js";
import { describedAt } from "../../tasks/segment/network.js";
import { listImages } from "../list-images.js";
import { listVolumes } from "../segment/list-volumes.js";
import { type InputBatch, readBatches } from "./inputs.js";
import type { SampleKind } from "./samples.js";
import { readWindows } from "./windows.js";

/** What a network is calibrated and measured on. */
export interface SampleSource extends SampleKind {
  /** The network that becomes integers: at the size that it is fed. */
  readonly prepared: PreparedModel;
  /** Inputs from files, so many rows together. */
  readonly read: (files: readonly string[], batch: number) => AsyncGenerator<InputBatch>;
  /** Files to calibrate with, and rows that run together, where nothing is said. */
  readonly defaults: { readonly images: number; readonly batch: number };
}

type OnSkipped = (file: string, reason: string) => void;

/**
 * Photographs for a network that reads images, volumes for one that segments them.
 *
 * @throws InceptionError OPTION_INVALID for a network that does not say how files become its input
 */
export function sampleSource(prepared: PreparedModel, onSkipped: OnSkipped): SampleSource {
  const rank = prepared.graph.inputs[0]?.type.shape.length ?? 0;
  return rank === 5 ? volumeSource(prepared, onSkipped) : imageSource(prepared, onSkipped);
}

function imageSource(prepared: PreparedModel, onSkipped: OnSkipped): SampleSource {
  const { graph, metadata } = prepared;
  const { preprocessing } = metadata;
  if (preprocessing === null)
    throw refused(metadata.model, "its weights do not say how images become inputs", "`preprocessing` with a name");
  const shape = (graph.inputs[0]?.type.shape ?? []).slice(1).map(Number);
  return {
    name: "images",
    list: listImages,
    prepared,
    read: (files, batch) => readBatches(files, { preprocessing, shape, batch, onSkipped }),
    defaults: { images: 128, batch: 8 },
  };
}

/** Only the logits are kept: what helps training beside them is no use here. */
function volumeSource(prepared: PreparedModel, onSkipped: OnSkipped): SampleSource {
  const { segmentation: recipe, model } = prepared.metadata;
  if (recipe === undefined) {
    throw refused(model, "its weights do not say how volumes become its input", "a run of `trainSegmentation`, or hippocampus");
  }
  const sized = describedAt(prepared, recipe.patchSize);
  return {
    name: "volumes",
    list: listVolumes,
    prepared: { ...sized, graph: checkGraph(selectOutputs(sized.graph, ["logits"])) },
    read: (files, batch) => readWindows(files, { recipe, batch, onSkipped }),
    defaults: { images: 32, batch: 1 },
  };
}

function refused(model: string, fact: string, law: string): InceptionError {
  return new InceptionError("OPTION_INVALID", `Cannot quantize "${model}": ${fact}, expected ${law}`, { model });
}
