import type { Attributes, Graph, GraphOutput, Module, Node, Parameter, ParameterRole, Stage } from "../ir/graph.js";
import type { DType } from "../tensor/dtype.js";
import type { Shape, TensorType } from "../tensor/shape.js";
import { type AttributesOf, checkGraph, type InputsOf, inferNode, type OpName, type OutputsOf, opDef } from "./index.js";
import type { Ref } from "./op.js";

export type { Ref } from "./op.js";

/** Its stage is "" until one ends behind it. */
type Draft<T> = Omit<T, "stage"> & { stage: string };

/**
 * Builds a graph node by node. Each op's shape rule runs as its node is added, so an unshaped graph cannot exist and an
 * error names the layer that caused it.
 *
 * A class because it has identity: it collects what `finish` returns.
 */
export class GraphBuilder {
  readonly #name: string;
  readonly #inputs: { name: string; type: TensorType }[] = [];
  readonly #parameters: Draft<Parameter>[] = [];
  readonly #nodes: Draft<Node>[] = [];
  readonly #outputs: GraphOutput[] = [];
  readonly #modules: Module[] = [];
  readonly #stages: Stage[] = [];
  readonly #types = new Map<string, TensorType>();

  constructor(name: string) {
    this.#name = name;
  }

  /** A graph input, for example `input("input", ["N", 3, 299, 299])`. Default float32. */
  input(name: string, shape: Shape, dtype: DType = "float32"): Ref {
    const type: TensorType = { dtype, shape };
    this.#inputs.push({ name, type });
    return this.#define(name, type);
  }

  /** A float32 parameter or running statistic under its checkpoint key. */
  parameter(path: string, shape: readonly number[], role: ParameterRole): Ref {
    const type: TensorType = { dtype: "float32", shape };
    this.#parameters.push({ path, type, role, stage: "" });
    return this.#define(path, type);
  }

  /**
   * A node; returns its first output, which has the node's path as its name.
   *
   * @param sizeDependent - whether the attributes hold for this size of the input alone. Default false
   */
  add<K extends OpName>(op: K, path: string, inputs: InputsOf<K>, attributes: AttributesOf<K>, sizeDependent = false): Ref {
    const [first] = this.addNode(op, path, inputs, attributes, sizeDependent);
    if (first === undefined) throw new RangeError(`Cannot add ${op} "${path}": it has no output`);
    return first;
  }

  /** A node; returns all its outputs: `path`, then `path:<name>` for each further one. */
  addAll<K extends OpName>(op: K, path: string, inputs: InputsOf<K>, attributes: AttributesOf<K>): OutputsOf<K> {
    // One value for each type that the op's shape rule gives, which are what `O` of its definition says.
    return this.addNode(op, path, inputs, attributes) as unknown as OutputsOf<K>;
  }

  /** `addAll` for a node of another graph, whose attributes were checked when that was built. */
  addNode(op: string, path: string, inputs: readonly Ref[], attributes: Attributes, sizeDependent = false): readonly Ref[] {
    const { furtherOutputs } = opDef(op);
    const types = inferNode(
      { op, path, attributes },
      inputs.map((input) => input.type),
    );
    // Ops with as many outputs as they are told to have (split) number them.
    const outputs = types.map((_, index) => (index === 0 ? path : `${path}:${furtherOutputs?.[index - 1] ?? index}`));
    const mark = sizeDependent ? { sizeDependent } : {};
    this.#nodes.push({ op, path, inputs: inputs.map((input) => input.id), outputs, attributes, stage: "", ...mark });
    return types.map((type, index) => this.#define(outputs[index] ?? path, type));
  }

  /** The nodes so far, in order: what the generic walks read. */
  nodes(): readonly Node[] {
    return this.#nodes.map((node) => ({ ...node }));
  }

  /** The value with this name. */
  ref(id: string): Ref {
    const type = this.#types.get(id);
    if (type === undefined) throw new RangeError(`Cannot find value "${id}" in graph "${this.#name}"`);
    return { id, type };
  }

  /** Name the value that leaves a part of the network. */
  module(path: string, output: Ref): Ref {
    this.#modules.push({ path, output: output.id });
    return output;
  }

  /** End a stage: all that was added since the previous stage belongs to it. The path must be the module that ends it. */
  stage(path: string, output: Ref): Ref {
    for (const draft of [...this.#parameters, ...this.#nodes]) if (draft.stage === "") draft.stage = path;
    this.#stages.push({ path, output: output.id });
    return output;
  }

  output(name: string, value: Ref): void {
    this.#outputs.push({ name, value: value.id });
  }

  /** The finished, checked graph. */
  finish(): Graph {
    return checkGraph(this.draft());
  }

  /** The graph as it is, unchecked: what nothing reads may still be in it. */
  draft(): Graph {
    return {
      name: this.#name,
      inputs: this.#inputs,
      parameters: this.#parameters.map((parameter) => ({ ...parameter })),
      nodes: this.#nodes.map((node) => ({ ...node })),
      outputs: this.#outputs,
      modules: this.#modules,
      stages: this.#stages,
      types: this.#types,
    };
  }

  #define(id: string, type: TensorType): Ref {
    this.#types.set(id, type);
    return { id, type };
  }
}
