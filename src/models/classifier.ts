/** What differs between a weight file and a network where the classifier is the only difference. */
import type { Graph } from "../ir/graph.js";
import { selectOutputs } from "../ir/prune.js";
import type { WeightReport } from "../weights/apply.js";
import { type NameMap, tensorsByName } from "../weights/name-map.js";
import type { WeightFile } from "../weights/weight-file.js";

/** Outputs with a score for each class: the classifier's, and the auxiliary ones for training. */
const CLASS_SCORES = /^(logits|aux\d*)$/;

/** Whether an output has a score for each class, so that it needs a classifier. */
export function isClassScores(output: string): boolean {
  return CLASS_SCORES.test(output);
}

/** A file that has the backbone of a network and not its classifier. */
export interface ClassifierDifference {
  /** Outputs of the network that the file cannot compute. */
  readonly outputs: readonly string[];
  /** Parameters of these outputs that the file does not have, or has for another number of classes. */
  readonly missing: readonly string[];
  /** Tensors of another classifier, under the file's names. */
  readonly foreign: readonly string[];
  /** Classes of the file's classifier; 0 where it has none, or one that the network does not know. */
  readonly classes: number;
}

/**
 * Compares a file with a network where they differ in the classifier alone. Reads no values.
 *
 * The file may have no classifier, one under names that the network does not have, or one for another number of classes.
 * Tensors that the network does not have belong to another classifier if they are matrices and vectors of layers that the
 * backbone does not have. A bias beside a kernel of the backbone is not one of them: it makes another network.
 *
 * @returns null for every other file: where a parameter of the backbone or a part of a classifier is missing, where any
 *   other shape differs, where a tensor has no place in either network, and where nothing differs
 */
export function classifierDifference(graph: Graph, file: WeightFile, map: NameMap, report: WeightReport): ClassifierDifference | null {
  const { missing, mismatched, reshaped, unexpected } = report;
  if (missing.length + mismatched.length === 0 || reshaped.length > 0) return null;
  const classes = missing.length > 0 ? 0 : (mismatched[0]?.from[0] ?? 0);
  const isOtherCount = ({ from, to }: WeightReport["mismatched"][number]) =>
    missing.length === 0 && from[0] === classes && from.slice(1).join() === to.slice(1).join();
  if (!mismatched.every(isOtherCount)) return null;
  const different = new Set([...missing, ...mismatched.map(({ path }) => path)]);
  const lacking = [...classifierParameters(graph)].filter(([, paths]) => paths.some((path) => different.has(path)));
  const accounted = new Set(lacking.flatMap(([, paths]) => paths));
  if (![...different].every((path) => accounted.has(path))) return null;
  if (missing.length > 0 && accounted.size !== missing.length) return null;
  if (unexpected.length > 0 && !(missing.length > 0 && isForeignClassifier(file, map, report))) return null;
  return { outputs: lacking.map(([name]) => name), missing: [...different], foreign: unexpected, classes };
}

/** The parameters that only one output with class scores needs, by output; none for a network that has no other output. */
function classifierParameters(graph: Graph): ReadonlyMap<string, readonly string[]> {
  const isScores = ({ name }: { readonly name: string }) => isClassScores(name);
  const others = graph.outputs.filter((output) => !isScores(output)).map(({ name }) => name);
  if (others.length === 0) return new Map();
  const backbone = new Set(selectOutputs(graph, others).parameters.map(({ path }) => path));
  const own = (name: string) =>
    selectOutputs(graph, [name])
      .parameters.map(({ path }) => path)
      .filter((path) => !backbone.has(path));
  return new Map(graph.outputs.filter(isScores).map(({ name }) => [name, own(name)]));
}

function isForeignClassifier(file: WeightFile, map: NameMap, { matched, unexpected }: WeightReport): boolean {
  const layers = new Set(matched.map(({ name }) => layerOf(name)));
  const names = new Set(unexpected);
  return [...tensorsByName(file, map)].every(
    ([name, entry]) => !names.has(entry.name) || (entry.shape.length <= 2 && !layers.has(layerOf(name))),
  );
}

/** `conv2d_1` of `conv2d_1/kernel`, `fc` of `fc.weight`. */
function layerOf(name: string): string {
  return name.slice(0, Math.max(name.lastIndexOf("/"), name.lastIndexOf("."), 0));
}
