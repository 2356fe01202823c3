import { InceptionError } from "../errors.js";
import { type Graph, isTrainable, type Parameter } from "../ir/graph.js";
import { selectOutputs } from "../ir/prune.js";

/**
 * Returns which parameters of a network are trained.
 *
 * - "none": all of them.
 * - "backbone": those that the output "features" does not need: the classifier, and in facenet's variant the embedding before it.
 * - "except-last:K": the classifier and the last K stages with parameters that lead to "features" (`stages` of the graph).
 * - "except-last:P%": the same with a percentage of the stages, rounded up, so that one text fits every network. A network without
 *   "features" has no border before its classifier: there all stages that lead to "logits" count.
 * - anything else: a list of paths to freeze, separated by commas, in which `*` matches any characters, e.g.
 *   "conv1.*,inception3*". Each must match a parameter.
 *
 * Batch normalization with frozen scale and shift uses its stored running statistics.
 *
 * @throws InceptionError OPTION_INVALID naming what is wrong and what is accepted; also where nothing would be trained
 */
export function trainedParameters(graph: Graph, freeze: string): (parameter: Parameter) => boolean {
  const trainable = graph.parameters.filter(isTrainable);
  const trained = new Set(chooseTrained(graph, trainable, freeze).map(({ path }) => path));
  if (trained.size === 0) throw invalid(graph, freeze, "it leaves no parameter to train, expected at least one");
  return (parameter) => trained.has(parameter.path);
}

const EXCEPT_LAST = "except-last:";

function chooseTrained(graph: Graph, trainable: readonly Parameter[], freeze: string): readonly Parameter[] {
  if (freeze === "none") return trainable;
  if (freeze === "backbone") return trainable.filter(isHead(graph, freeze));
  if (freeze.startsWith(EXCEPT_LAST)) return lastStages(graph, trainable, freeze);
  const patterns = freeze.split(",").map((text) => ({ text, matches: globPattern(text.trim()) }));
  const idle = patterns.filter(({ matches }) => !trainable.some(({ path }) => matches.test(path)));
  if (idle.length > 0) {
    const names = idle.map(({ text }) => `"${text}"`).join(", ");
    const message = `Cannot freeze ${names} of "${graph.name}": no parameter matches; expected none, backbone, except-last:K or path patterns`;
    throw new InceptionError("OPTION_INVALID", message, { model: graph.name, freeze });
  }
  return trainable.filter(({ path }) => !patterns.some(({ matches }) => matches.test(path)));
}

function hasFeatures(graph: Graph): boolean {
  return graph.outputs.some(({ name }) => name === "features");
}

function isHead(graph: Graph, freeze: string): (parameter: Parameter) => boolean {
  if (!hasFeatures(graph)) throw invalid(graph, freeze, 'it has no output "features", before which a head would end');
  const body = new Set(selectOutputs(graph, ["features"]).parameters.map(({ path }) => path));
  // Auxiliary classifiers are neither body nor head: with a fixed body they would train to no purpose.
  const main = new Set(selectOutputs(graph, ["logits"]).parameters.map(({ path }) => path));
  return ({ path }) => main.has(path) && !body.has(path);
}

function lastStages(graph: Graph, trainable: readonly Parameter[], freeze: string): readonly Parameter[] {
  const percentage = /^except-last:(100|[1-9]?\d)%$/.exec(freeze)?.[1];
  if (percentage !== undefined && !hasFeatures(graph)) {
    const { stages } = stagesBefore(graph, "logits");
    const frozen = new Set(stages.slice(0, stages.length - shareOf(stages.length, percentage)));
    return trainable.filter(({ stage }) => !frozen.has(stage));
  }
  const head = isHead(graph, freeze);
  const { body, stages } = stagesBefore(graph, "features");
  const count = percentage === undefined ? Number(freeze.slice(EXCEPT_LAST.length)) : shareOf(stages.length, percentage);
  if (!Number.isInteger(count) || count < 0 || count > stages.length || freeze === EXCEPT_LAST) {
    const range = `expected except-last:K with an integer K from 0 to ${stages.length}, the number of its stages, or a percentage of them`;
    throw invalid(graph, freeze, range);
  }
  const kept = new Set(stages.slice(stages.length - count));
  return trainable.filter((parameter) => head(parameter) || (body.has(parameter.path) && kept.has(parameter.stage)));
}

function shareOf(stages: number, percentage: string): number {
  return Math.ceil((Number(percentage) * stages) / 100);
}

/** The parameters that lead to an output, and the stages of those that can be trained, first to last. */
function stagesBefore(graph: Graph, output: string): { readonly body: ReadonlySet<string>; readonly stages: readonly string[] } {
  const parameters = selectOutputs(graph, [output]).parameters;
  const trainable = new Set(parameters.filter(isTrainable).map(({ stage }) => stage));
  return {
    body: new Set(parameters.map(({ path }) => path)),
    stages: graph.stages.map(({ path }) => path).filter((path) => trainable.has(path)),
  };
}

/** Stages that can be frozen one by one: K of "except-last:K" is at most this. 0 for a network without the output "features". */
export function stageCount(graph: Graph): number {
  return hasFeatures(graph) ? stagesBefore(graph, "features").stages.length : 0;
}

/**
 * Factors on the learning rate that fall with the distance from the classifier (layer-wise learning-rate decay): 1 for the
 * classifiers, `decay` for the last stage with parameters that leads to "features", `decay`² for the stage before it, and so on.
 * A network without "features" has its classifier in its last stage, which keeps the full rate.
 *
 * Source: timm's `layer_decay`, with a stage as a group of layers.
 *
 * @param decay - in (0, 1]; 1 gives 1 everywhere
 */
export function layerDecayFactors(graph: Graph, decay: number): (parameter: Parameter) => number {
  if (decay === 1) return () => 1;
  const [output, nearest] = hasFeatures(graph) ? (["features", 1] as const) : (["logits", 0] as const);
  const { body, stages } = stagesBefore(graph, output);
  // Products, which every platform rounds alike, and not a power.
  const factors = new Map(stages.toReversed().map((path, distance) => [path, new Array<number>(distance + nearest).fill(decay)] as const));
  return ({ path, stage }) => (body.has(path) ? (factors.get(stage) ?? []).reduce((product, factor) => product * factor, 1) : 1);
}

/**
 * Factors on the learning rate from text like "fc.*=10,inception5*=2": the last pattern that matches a path decides.
 *
 * @throws InceptionError OPTION_INVALID for an entry without a pattern or a factor of at least 0
 */
export function learningRateFactors(text: string): (parameter: Parameter) => number {
  const entries = text
    .split(",")
    .filter((entry) => entry.trim() !== "")
    .map((entry) => {
      const at = entry.lastIndexOf("=");
      const factor = Number(entry.slice(at + 1));
      if (at < 1 || entry.slice(at + 1).trim() === "" || !Number.isFinite(factor) || factor < 0) {
        throw new InceptionError(
          "OPTION_INVALID",
          `Cannot use learning-rate multiplier "${entry}": expected a path pattern, "=" and a number of at least 0, as in fc.*=10`,
          { entry },
        );
      }
      return { matches: globPattern(entry.slice(0, at).trim()), factor };
    });
  return ({ path }) => entries.findLast(({ matches }) => matches.test(path))?.factor ?? 1;
}

/** A pattern in which `*` stands for any characters, as a regular expression that matches whole paths. */
function globPattern(pattern: string): RegExp {
  const parts = pattern.split(/\*+/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`);
}

function invalid(graph: Graph, freeze: string, fact: string): InceptionError {
  return new InceptionError("OPTION_INVALID", `Cannot freeze "${freeze}" of "${graph.name}": ${fact}`, { model: graph.name, freeze });
}
