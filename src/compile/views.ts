import type { OnnxNode, OnnxTensor } from "../formats/onnx/types.js";
import { neededFor } from "../ir/uses.js";
import { at, firstOf } from "../tensor/at.js";
import type { Shape } from "../tensor/shape.js";
import type { LoweredGraph } from "./lower.js";

/** Constants of up to so many bytes are compared; larger ones are never equal by chance. */
const SMALL_CONSTANT = 256;

/**
 * The same lowered graph with fewer nodes and constants: equal small constants are one, equal nodes are one, a reshape of a
 * reshape reads the first operand, and a reshape to the shape that a value has is left out. Ops are lowered one by one, so
 * that each brings its own; ONNX Runtime needs time for each of them whenever it opens a file.
 *
 * @param outputs - values that keep their names
 * @param shapeOf - the shape of a value where it is known and consists of numbers
 */
export function shareViews(graph: LoweredGraph, outputs: ReadonlySet<string>, shapeOf: (value: string) => Shape | undefined): LoweredGraph {
  const { constants, names } = shareConstants(graph.constants);
  const sizes = new Map(
    constants.flatMap((constant) => (constant.dtype === "int64" ? [[constant.name, int64Values(constant)] as const] : [])),
  );
  const aliases = new Map<string, string>();
  const twins = new Map<string, string>();
  const views: Views = { sizes, roots: new Map(), shapes: new Map(), shapeOf };
  const resolve = (value: string): string => {
    const name = names.get(value) ?? value;
    return aliases.get(name) ?? name;
  };
  const nodes = graph.nodes.flatMap((given): readonly OnnxNode[] => {
    const { node, equal } = viewOf({ ...given, inputs: given.inputs.map(resolve) }, views);
    const [y, ...further] = node.outputs;
    if (y === undefined || further.length > 0) return [node];
    const key = [node.domain, node.opType, ...node.inputs, JSON.stringify(node.attributes)].join("\n");
    const twin = equal ?? twins.get(key);
    if (twin !== undefined && !outputs.has(y)) {
      aliases.set(y, twin);
      return [];
    }
    if (twin === undefined) twins.set(key, y);
    return [node];
  });
  return dropUnread({ nodes, constants }, outputs);
}

/** What is known about reshapes so far. */
interface Views {
  /** Values of constants that are lists of integers. */
  readonly sizes: ReadonlyMap<string, readonly number[]>;
  /** Of a reshaped value: what it is a view of, and its shape. */
  readonly roots: Map<string, string>;
  readonly shapes: Map<string, string>;
  readonly shapeOf: (value: string) => Shape | undefined;
}

/** A reshape as one of what its operand is a view of, and the value that it is equal to, if any; another node as it is. */
function viewOf(node: OnnxNode, { sizes, roots, shapes, shapeOf }: Views): { readonly node: OnnxNode; readonly equal?: string } {
  if (node.opType !== "Reshape") return { node };
  const [x, shapeName] = firstOf(node.inputs, 2);
  const y = at(node.outputs, 0);
  const target = sizes.get(shapeName);
  // 0 keeps a size of the operand, whatever that is.
  if (target === undefined || target.includes(0)) return { node };
  const root = roots.get(x) ?? x;
  const shape = (shapeOf(y) ?? target).join();
  roots.set(y, root);
  shapes.set(y, shape);
  const known = shapes.get(root) ?? shapeOf(root)?.join();
  const view = { ...node, inputs: [root, shapeName] };
  return known === shape ? { node: view, equal: root } : { node: view };
}

function shareConstants(given: readonly OnnxTensor[]) {
  const first = new Map<string, string>();
  const names = new Map<string, string>();
  const constants = given.filter(({ name, dtype, shape, data }) => {
    if (data.byteLength > SMALL_CONSTANT) return true;
    const key = `${dtype}[${shape.join()}]${data.join()}`;
    const twin = first.get(key);
    if (twin === undefined) first.set(key, name);
    else names.set(name, twin);
    return twin === undefined;
  });
  return { constants, names };
}

function int64Values({ data }: OnnxTensor): readonly number[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Array.from({ length: data.byteLength / 8 }, (_, index) => Number(view.getBigInt64(8 * index, true)));
}

/** Without the nodes and constants that nothing reads any more. */
function dropUnread({ nodes, constants }: LoweredGraph, outputs: ReadonlySet<string>): LoweredGraph {
  const needed = neededFor(nodes, outputs);
  return { nodes: needed.nodes, constants: constants.filter(({ name }) => needed.values.has(name)) };
}
