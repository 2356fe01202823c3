/** The network of a run directory. */
import { InceptionError, messageOf } from "../../errors.js";
import type { Graph } from "../../ir/graph.js";
import { storedModel } from "../../models/custom.js";
import type { Model } from "../../models/index.js";
import { describedModel } from "../../tasks/described-model.js";
import type { DescribedModel } from "../../tasks/model-source.js";
import { prepareModel } from "../../tasks/prepare-model.js";
import { type NetworkChoice, prepareNetwork as prepare, type TrainingNetwork } from "../../tasks/training/prepare-network.js";
import { graphHash } from "../../train/checkpoint.js";
import type { TrainingSettings } from "../../train/settings.js";
import { RUN_FILES, type Run } from "../open-run.js";
import { NODE_PLATFORM } from "../platform.js";
import { sha256Hex } from "../sha256.js";
import type { SourceOptions } from "../source-options.js";
import { sourceName } from "./source-names.js";

export interface NetworkOptions extends NetworkChoice, SourceOptions {}

/**
 * A network for a number of classes, with the weights that the settings name.
 *
 * @throws InceptionError as `prepareModel`; WEIGHTS_MISMATCH, OPTION_INVALID
 */
export async function prepareNetwork(
  network: string | DescribedModel,
  settings: TrainingSettings,
  numClasses: number,
  given: NetworkOptions = {},
): Promise<TrainingNetwork> {
  const described = describedModel(network);
  const { model } = described;
  const { weights } = settings;
  const load =
    weights === null
      ? null
      : async (options: NetworkChoice["options"]) => ({
          model: await prepareModel(NODE_PLATFORM, model, weights, {
            ...given,
            ...(options === undefined ? {} : { options }),
            needsClassifier: false,
          }),
          shown: weights,
          name: sourceName(weights),
        });
  return prepare(model, settings, numClasses, { ...given, options: { ...described.options, ...given.options } }, load);
}

/** The network of a run: a listed one, or the custom one that its directory contains. */
export function runModel({ config, network, folder }: Run): Model {
  const stored = { model: config.model, options: config.options, ...(network === null ? {} : { network }) };
  return storedModel(stored, `${RUN_FILES.network} of run "${messageOf(folder)}"`);
}

export function hashOf(graph: Graph): string {
  return graphHash(graph, sha256Hex);
}

/** @throws InceptionError CHECKPOINT_INVALID where this version describes the network of a run differently */
export function checkDescription({ config, folder }: Run, graph: Graph): void {
  if (hashOf(graph) === config.graphHash) return;
  throw new InceptionError(
    "CHECKPOINT_INVALID",
    `Cannot resume "${folder}": the network ${config.model} differs from that of the version of inceptionkit that started the run; resume it with that version`,
    { folder },
  );
}
