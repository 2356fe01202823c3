/** The types of all values of a graph, node by node, before a runtime gets it. */
import { InceptionError } from "../../../errors.js";
import { quoted } from "../../quoted.js";
import { opsetOf, qualifiedOp } from "../check-ops.js";
import { MAX_RANK } from "../decode-tensor.js";
import { isInferenceOp } from "../schemas.js";
import type { OnnxDim, OnnxDType, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor } from "../types.js";
import { RULES, UNKNOWN_RULES } from "./index.js";
import { constantOf, type TypedTensor, valueOfTensor } from "./layout.js";
import { type Inferred, NodeView, type Site, type Value } from "./value.js";

/** What inference reads of a model. It holds no weights and no view of the file. */
export interface GraphForm {
  /** How messages name the model. */
  readonly name: string;
  readonly opset: number;
  /** Without the nodes that only give a constant. */
  readonly nodes: readonly { readonly node: OnnxNode; readonly place: string }[];
  readonly constants: ReadonlyMap<string, Value>;
  /** Inputs that must be fed. */
  readonly inputs: readonly { readonly name: string; readonly dtype: OnnxDType | null; readonly shape: readonly OnnxDim[] | null }[];
  readonly outputs: readonly string[];
}

/** A model, of which initializers may be without values. */
interface FormSource extends Pick<OnnxModel, "opsets"> {
  readonly graph: Pick<OnnxGraph, "nodes" | "inputs" | "outputs"> & {
    readonly initializers: readonly (TypedTensor & Pick<OnnxTensor, "name">)[];
  };
}

/** What a node computes; null where its inputs are not known. */
export interface InferredNode {
  readonly node: OnnxNode;
  readonly place: string;
  readonly inferred: Inferred | null;
}

/**
 * Takes from a model what inference needs.
 *
 * @param name - how messages name the file
 * @throws InceptionError FILE_UNSUPPORTED for an operator set that is not supported
 */
export function graphForm(model: FormSource, name: string): GraphForm {
  const opset = opsetOf(model, name);
  const { graph } = model;
  const constants = new Map(graph.initializers.map((tensor) => [tensor.name, valueOfTensor(tensor)]));
  const site: Site = { action: `load ${quoted(name)}`, code: "FILE_CORRUPT" };
  const nodes: GraphForm["nodes"][number][] = [];
  for (const [index, node] of graph.nodes.entries()) {
    const place = `graph.node[${index}] (${qualifiedOp(node)})`;
    const [output] = node.outputs;
    if (qualifiedOp(node) !== "Constant" || output === undefined) nodes.push({ node, place });
    else {
      const view = new NodeView("Constant", opset, { inputs: [], outputs: 1, attributes: node.attributes }, site, place);
      for (const value of constantOf(view).outputs) constants.set(output, value);
    }
  }
  const inputs = graph.inputs.filter((input) => !constants.has(input.name)).map(({ name, dtype, shape }) => ({ name, dtype, shape }));
  return { name, opset, nodes, constants, inputs, outputs: graph.outputs.map((output) => output.name) };
}

/**
 * Infers the types of the values of a graph, in the order of its nodes.
 *
 * @param feeds - the types of the inputs, null where one is not known
 * @throws InceptionError with the site's code for a node that contradicts its inputs; FILE_UNSUPPORTED for sizes that
 *   depend on data
 */
export function* inferGraph(form: GraphForm, feeds: ReadonlyMap<string, Value | null>, site: Site): Generator<InferredNode> {
  const values = new Map<string, Value | null>([...feeds, ...form.constants]);
  for (const { node, place } of form.nodes) {
    const fault = namesFault(node, values);
    if (fault !== null) throw new InceptionError(site.code, `Cannot ${site.action}: ${place} ${fault}`, { place });
    const inferred = inferNode(node, values, form.opset, site, place);
    for (const [index, name] of node.outputs.entries()) if (name !== "") values.set(name, inferred?.outputs[index] ?? null);
    yield { node, place, inferred };
  }
}

/** Whether names are what the format wants: each value computed once, and before it is read. */
function namesFault(node: OnnxNode, values: ReadonlyMap<string, unknown>): string | null {
  const unknown = node.inputs.find((name) => name !== "" && !values.has(name));
  if (unknown !== undefined) return `reads value ${quoted(unknown)}, which no earlier node computes`;
  const own = new Set<string>();
  for (const name of node.outputs) {
    if (name !== "" && (values.has(name) || own.has(name))) return `computes value ${quoted(name)}, which already exists`;
    own.add(name);
  }
  return null;
}

function inferNode(node: OnnxNode, values: ReadonlyMap<string, Value | null>, opset: number, site: Site, place: string): Inferred | null {
  const op = qualifiedOp(node);
  const inputs = node.inputs.map((name) => (name === "" ? null : (values.get(name) ?? null)));
  const unknown = inputs.some((input, index) => input === null && node.inputs[index] !== "");
  if (!isInferenceOp(op)) return null;
  const view = new NodeView(op, opset, { inputs, outputs: node.outputs.length, attributes: node.attributes }, site, place);
  if (unknown) {
    UNKNOWN_RULES[op]?.(view);
    return null;
  }
  const inferred = RULES[op](view);
  checkOutputs(view, inferred);
  return inferred;
}

/** Nothing to compute is what runtimes are least tested with, and no network has it; lists of axes and the like may be empty. */
function checkOutputs(view: NodeView, { outputs }: Inferred): void {
  for (const { shape, numbers, dtype } of outputs) {
    if (dtype === "string") view.fail("computes strings, expected numbers");
    if (shape.length > MAX_RANK) view.fail(`computes a value of ${shape.length} axes, expected at most ${MAX_RANK}`);
    if (shape.includes(0) && numbers === null) view.fail(`computes a value of shape [${shape.join(", ")}], expected sizes from 1`);
  }
}
