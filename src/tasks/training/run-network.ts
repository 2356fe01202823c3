/** The network of a run, and its parameters in a checkpoint. */
import type { Graph } from "../../ir/graph.js";
import type { ClassifierDifference } from "../../models/classifier.js";
import type { OptionValue } from "../../options.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Checkpoint } from "../../train/checkpoint.js";

/** The weights that a run was started from. */
export interface StartingWeights {
  readonly name: string;
  /** Hexadecimal; null where it is not known. */
  readonly sha256: string | null;
  readonly licence: string;
}

/** A network that is about to be trained. */
export interface RunNetwork {
  /** Model id. */
  readonly model: string;
  /** Options that describe the network again. */
  readonly options: Readonly<Record<string, OptionValue>>;
  readonly graph: Graph;
  /** Of a custom network: its graph, as `encodeGraph` writes it. */
  readonly network?: string;
  /** Initial values of all parameters. */
  readonly parameters: ReadonlyMap<string, Tensor>;
  /** Parameters that are randomly initialized although weights were given: the new classifier. */
  readonly begun: readonly string[];
  /** Where the initial values come from; null where they are random. */
  readonly startingWeights: StartingWeights | null;
  /** Of weights without this network's classifier: its parameters, and tensors of another one, which are not used. */
  readonly classifier?: Pick<ClassifierDifference, "missing" | "foreign">;
}

/** Values of all parameters. */
export function parameterCount({ parameters }: Pick<RunNetwork, "parameters">): number {
  return [...parameters.values()].reduce((sum, { data }) => sum + data.length, 0);
}

/** The parameters of a network as training left them; a checkpoint has them flat. */
export function resumedParameters(graph: Graph, { state }: Pick<Checkpoint, "state">): ReadonlyMap<string, Tensor> {
  return new Map(
    graph.parameters.flatMap(({ path, type }) => {
      const value = state.get(path);
      return value ? [[path, { ...value, shape: type.shape.map(Number) }] as const] : [];
    }),
  );
}
