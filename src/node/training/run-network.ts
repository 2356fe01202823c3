/** The network of a run directory. */
import { InceptionError } from "../../errors.js";
import type { Graph } from "../../ir/graph.js";
import { findModel } from "../../models/index.js";
import { type NetworkChoice, prepareNetwork as prepare, type TrainingNetwork } from "../../tasks/training/prepare-network.js";
import { graphHash } from "../../train/checkpoint.js";
import type { TrainingSettings } from "../../train/settings.js";
import type { Run } from "../open-run.js";
import { prepareModel } from "../prepare-model.js";
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
  id: string,
  settings: TrainingSettings,
  numClasses: number,
  given: NetworkOptions = {},
): Promise<TrainingNetwork> {
  const { weights } = settings;
  const load =
    weights === null
      ? null
      : async (options: NetworkChoice["options"]) => ({
          model: await prepareModel(id, weights, { ...given, ...(options === undefined ? {} : { options }), needsClassifier: false }),
          shown: weights,
          name: sourceName(weights),
        });
  return prepare(findModel(id), settings, numClasses, given, load);
}

export function hashOf(graph: Graph): string {
  return graphHash(graph, sha256Hex);
}

/** @throws InceptionError CHECKPOINT_INVALID where this version describes the network of a run differently */
export function checkDescription({ config, folder }: Run, graph: Graph): void {
  if (hashOf(graph) === config.graphHash) return;
  throw new InceptionError(
    "CHECKPOINT_INVALID",
    `Cannot resume "${folder}": this version describes ${config.model} differently from the one that began the run, expected the same description`,
    { folder },
  );
}
