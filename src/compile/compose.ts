import type { Graph, Node } from "../ir/graph.js";
import { typeOf } from "../ir/graph.js";
import { rewriteGraph } from "../ir/rewrite.js";
import { consumersOf, onlyConsumer } from "../ir/uses.js";
import { GraphBuilder, type Ref } from "../ops/build.js";
import { checkGraph } from "../ops/index.js";
import { at, firstOf } from "../tensor/at.js";

/**
 * The same network with each transposed convolution and the pointwise convolution behind it as one transposed convolution.
 *
 * Both are linear: for kernels w [C, M, K…] and v [P, M, 1…], y = v·convᵀ(x, w) = convᵀ(x, v·w) with the composed kernel
 * [C, P, K…], where (v·w)[c, p, k] = Σ_m v[p, m]·w[c, m, k]; the biases compose to v·b + b'. The map of M channels is never
 * made. In the decoder of a segmentation network it is the largest one: 64 channels of every voxel, of which the classifier
 * makes 2. Only where P ≤ M, so that there is less to compute, and where nothing else reads or shows the map; cutting off
 * its ends, which may lie in between, works on each channel alike. Kernels are products of parameters, which a runtime
 * computes once when it opens the file.
 *
 * @returns the checked graph; modules and stages that end on the map are gone
 */
export function composePointwise(graph: Graph): Graph {
  const pairs = compositions(graph);
  if (pairs.length === 0) return graph;
  const composedPairs = pairs.map((pair) => ({ ...pair, piece: composed(graph, pair) }));
  const pieces = new Map(
    composedPairs.flatMap(({ transposed, between, pointwise, piece }) => [
      [pointwise.path, piece.nodes] as const,
      ...[transposed, ...between].map(({ path }) => [path, []] as const),
    ]),
  );
  return checkGraph(rewriteGraph(graph, { pieces, types: composedPairs.flatMap(({ piece }) => [...piece.types]) }));
}

interface Composition {
  readonly transposed: Node;
  /** Slices of spatial axes, in order. */
  readonly between: readonly Node[];
  readonly pointwise: Node;
}

function compositions(graph: Graph): readonly Composition[] {
  const consumers = consumersOf(graph);
  return graph.nodes.flatMap((transposed) => {
    if (transposed.op !== "convTranspose" || transposed.attributes.groups !== 1) return [];
    const between: Node[] = [];
    let next = onlyConsumer(consumers, transposed);
    while (next !== null && isCrop(next)) {
      between.push(next);
      next = onlyConsumer(consumers, next);
    }
    return next !== null && narrows(graph, next, between.at(-1) ?? transposed) ? [{ transposed, between, pointwise: next }] : [];
  });
}

function isCrop({ op, attributes: { axes } }: Node): boolean {
  return op === "slice" && Array.isArray(axes) && axes.every((axis: unknown) => Number(axis) >= 2);
}

/** Whether the node is a pointwise convolution of the map that makes no more channels than it reads. */
function narrows(graph: Graph, node: Node, map: Node): boolean {
  const { kernelShape, strides, pads, groups } = node.attributes;
  const every = (values: unknown, value: number): boolean => Array.isArray(values) && values.every((one) => one === value);
  if (node.op !== "conv" || groups !== 1 || !every(kernelShape, 1) || !every(strides, 1) || !every(pads, 0)) return false;
  const [x, kernel] = firstOf(node.inputs, 2);
  if (x !== map.outputs[0]) return false;
  const [outChannels, channels] = firstOf(typeOf(graph, kernel).shape.map(Number), 2);
  return outChannels <= channels;
}

/** The nodes that take the place of the pointwise convolution, whose output the last of them has. */
function composed(graph: Graph, { transposed, between, pointwise }: Composition): Pick<Graph, "nodes" | "types"> {
  const b = new GraphBuilder(graph.name);
  const given = new Map([...transposed.inputs, ...pointwise.inputs.slice(1)].map((value) => [value, operand(b, graph, value)] as const));
  const ref = (value: string | undefined): Ref | undefined => (value === undefined ? undefined : given.get(value));
  const [x, w, v] = [at(transposed.inputs, 0), at(transposed.inputs, 1), at(pointwise.inputs, 1)].map(ref);
  if (x === undefined || w === undefined || v === undefined) throw new RangeError(`Cannot compose "${pointwise.path}": it lacks inputs`);
  const path = (name: string): string => `${pointwise.path}.composed_${name}`;
  const matrix = b.add("reshape", path("matrix"), [v], { shape: v.type.shape.slice(0, 2).map(Number) });
  const kernel = composedKernel(b, path, matrix, w);
  const bias = composedBias(b, path, matrix, ref(transposed.inputs[2]), ref(pointwise.inputs[2]));
  const steps = [transposed, ...between];
  let value: Ref = x;
  for (const [index, step] of steps.entries()) {
    const own = index === steps.length - 1 ? pointwise.path : path(`map${index}`);
    const [next] = b.addNode(step.op, own, index === 0 ? [x, kernel, ...(bias ? [bias] : [])] : [value], step.attributes);
    if (next) value = next;
  }
  const inputs = new Set(given.keys());
  const { nodes, types } = b.draft();
  return {
    nodes: nodes.map((node) => ({ ...node, stage: pointwise.stage })),
    types: new Map([...types].filter(([name]) => !inputs.has(name))),
  };
}

function operand(b: GraphBuilder, graph: Graph, value: string): Ref {
  const { shape, dtype } = typeOf(graph, value);
  return b.input(value, shape, dtype);
}

/** v [P, M] and w [C, M, K…] → [C, P, K…]. */
function composedKernel(b: GraphBuilder, path: (name: string) => string, matrix: Ref, w: Ref): Ref {
  const shape = w.type.shape.map(Number);
  const [channels, inner] = firstOf(shape, 2);
  const columns = b.add("reshape", path("columns"), [w], { shape: [channels, inner, -1] });
  const product = b.add("matMul", path("products"), [matrix, columns], { transposeA: false, transposeB: false });
  return b.add("reshape", path("kernel"), [product], { shape: [channels, Number(matrix.type.shape[0]), ...shape.slice(2)] });
}

/** v·inner + outer, where there are such. */
function composedBias(b: GraphBuilder, path: (name: string) => string, matrix: Ref, inner?: Ref, outer?: Ref): Ref | undefined {
  if (inner === undefined) return outer;
  const column = b.add("reshape", path("column"), [inner], { shape: [-1, 1] });
  const product = b.add("matMul", path("shift"), [matrix, column], { transposeA: false, transposeB: false });
  const through = b.add("reshape", path("bias"), [product], { shape: [-1] });
  return outer === undefined ? through : b.add("add", path("biases"), [through, outer], {});
}
