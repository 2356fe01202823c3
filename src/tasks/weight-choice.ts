import { InceptionError } from "../errors.js";
import type { Graph } from "../ir/graph.js";
import { type Model, type OptionInput, readOptionInput } from "../models/index.js";
import type { PublishedWeights, WeightSet } from "../models/weight-set.js";
import { OWN_NAMES, weightSetsOf } from "../models/weights.js";
import type { FileInput, PublishedFile } from "../runtime/platform.js";
import { baseName } from "../text.js";
import { compareWeights, misfit } from "../weights/apply.js";
import type { NameMap } from "../weights/name-map.js";
import type { WeightFile } from "../weights/weight-file.js";

/** A published file and the set that it belongs to. */
export interface Published {
  readonly set: WeightSet;
  readonly file: PublishedWeights;
}

const PRETRAINED = "pretrained";

/** Whether weights are asked for by `pretrained` or `pretrained:<name>`. */
export function isPretrained(weights: FileInput): boolean {
  return typeof weights === "string" && (weights === PRETRAINED || weights.startsWith(`${PRETRAINED}:`));
}

/**
 * The published file that a source of weights is: by name for `pretrained:<name>`, the first on the hub for `pretrained`,
 * by address or by file name for any other source. Files of one publisher can have equal names inside and want
 * different pixels, so where a file came from decides more than what is in it.
 *
 * @throws InceptionError OPTION_INVALID for `pretrained` where there is none, listing those that there are
 */
export function publishedWeights(model: Model, weights: FileInput): Published | null {
  if (typeof weights !== "string") return null;
  const all = weightSetsOf(model.id).flatMap((set) => set.files.map((file): Published => ({ set, file })));
  if (!isPretrained(weights)) return all.find(({ file }) => isSameSource(file.source, weights)) ?? null;
  const chosen =
    weights === PRETRAINED
      ? (all.find(({ file }) => file.source.startsWith("hf:")) ?? all[0])
      : all.find(({ file }) => `${PRETRAINED}:${file.name}` === weights);
  if (chosen) return chosen;
  const known = all.map(({ file }) => `${PRETRAINED}:${file.name}`).join(", ");
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot use ${JSON.stringify(weights)} as weights of ${model.id}: ${known === "" ? "no published file is known" : `expected ${known}`}`,
    { model: model.id, weights },
  );
}

/** Whether a source is a published one, whatever the revision and the file inside a repository of the hub. */
function isSameSource(published: string, weights: string): boolean {
  if (published.startsWith("hf:"))
    return weights === published || weights.startsWith(`${published}@`) || weights.startsWith(`${published}:`);
  return baseName(published) === baseName(weights.replace(/#.*$/, ""));
}

/**
 * Refuse a downloaded file that is not the published one.
 *
 * @throws InceptionError HASH_MISMATCH
 */
export function checkPublishedHash(published: { readonly file: PublishedFile } | null, sha256: string): void {
  const expected = published?.file.sha256;
  if (published === null || expected === undefined || sha256.startsWith(expected)) return;
  throw new InceptionError(
    "HASH_MISMATCH",
    `Cannot load weights from ${published.file.source}: their SHA-256 is ${sha256}, expected one that starts with ${expected}`,
    { source: published.file.source, sha256, expected },
  );
}

/** Options as a file of ours holds them and as the caller asks for them. */
interface Wanted {
  readonly saved: OptionInput;
  readonly asked: OptionInput;
}

/** A set of weights, whose names the file uses, and the network as these weights want it; no set where the names are ours alone. */
export interface ChosenWeights {
  readonly set: WeightSet | null;
  readonly map: NameMap;
  readonly graph: Graph;
  readonly given: OptionInput;
}

/**
 * The set of weights whose names fit the file best, and the network with the numeric options that the set was trained
 * with. Of sets that fit equally the published one comes first, then the order of the list.
 *
 * @param sets - default: all of the model's
 * @throws InceptionError OPTION_INVALID for an option that contradicts the weights
 */
export function chooseWeightSet(
  model: Model,
  file: WeightFile,
  wanted: Wanted,
  published: Published | null,
  sets: readonly WeightSet[] = weightSetsOf(model.id),
): ChosenWeights {
  // Most sets of a model want the same network, and describing a large one takes as long as comparing its names.
  const graphs = new Map<string, Graph>();
  const described = (given: OptionInput): Graph => {
    const key = JSON.stringify(given);
    const graph = graphs.get(key) ?? model.describe(given);
    graphs.set(key, graph);
    return graph;
  };
  const ordered = [...sets].sort((a, b) => Number(b === published?.set) - Number(a === published?.set));
  const candidates = [...ordered.map((set) => ({ set, map: set.map })), { set: null, map: OWN_NAMES }].map(({ set, map }) => {
    const options = { ...wanted.saved, ...(set?.options ?? {}), ...wanted.asked };
    const given = readOptionInput(model.id, model.options, options);
    const graph = described(given);
    return { set, map, graph, given, score: misfit(compareWeights(graph, file, map)) };
  });
  const best = candidates.reduce((first, candidate) => (candidate.score < first.score ? candidate : first));
  if (best.set !== null) checkContradictions(model, best.set, wanted.asked);
  return best;
}

/** Names of ours are taken for the set's whose names they are, so only what was asked for can contradict it. */
function checkContradictions(model: Model, set: WeightSet, asked: OptionInput): void {
  const read = readOptionInput(model.id, model.options, asked);
  for (const [name, trained] of Object.entries(set.options ?? {})) {
    const value = read[name];
    if (value === undefined || JSON.stringify(value) === JSON.stringify(trained)) continue;
    throw new InceptionError(
      "OPTION_INVALID",
      `Cannot use option ${name} ${JSON.stringify(value)} of ${model.id} with weights in ${set.map.source} naming: they were trained with ${JSON.stringify(trained)}`,
      { model: model.id, set: set.id, name, value, trained },
    );
  }
}
