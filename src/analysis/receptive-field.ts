import { type Graph, typeOf } from "../ir/graph.js";
import { opDef } from "../ops/index.js";
import { at } from "../tensor/at.js";

/** Input pixels that one element depends on, along each spatial axis; "all" behind a layer that reads the whole map. */
export type ReceptiveField = readonly number[] | "all";

interface Reach {
  readonly size: readonly number[];
  /** Input pixels between two neighboring elements. */
  readonly step: readonly number[];
}

/**
 * Receptive fields of all nodes by path: a window of extent e adds (e − 1)·step of its input, and multiplies the step by
 * its stride; where branches meet the largest counts. This is the theoretical field: it does not stop at the border.
 */
export function receptiveFields(graph: Graph): ReadonlyMap<string, ReceptiveField> {
  const reaches = new Map<string, Reach | "all">();
  for (const input of graph.inputs) {
    const ones = input.type.shape.slice(2).map(() => 1);
    reaches.set(input.name, { size: ones, step: ones });
  }
  const fields = new Map<string, ReceptiveField>();
  for (const node of graph.nodes) {
    const window = opDef(node.op).window(node.attributes);
    const inputs = node.inputs.map((input) => reaches.get(input)).filter((reach) => reach !== undefined);
    const reach = window === "all" || inputs.includes("all") ? "all" : slide(merge(inputs.filter((r) => r !== "all")), window);
    for (const output of node.outputs) reaches.set(output, reach);
    fields.set(node.path, reach === "all" || typeOf(graph, at(node.outputs, 0)).shape.length < 3 ? "all" : reach.size);
  }
  return fields;
}

function merge(reaches: readonly Reach[]): Reach {
  const [first, ...rest] = reaches;
  if (first === undefined) return { size: [], step: [] };
  return rest.reduce(
    (a, b) => ({
      size: a.size.map((size, axis) => Math.max(size, b.size[axis] ?? 0)),
      step: a.step.map((step, axis) => Math.max(step, b.step[axis] ?? 0)),
    }),
    first,
  );
}

function slide(
  reach: Reach,
  window: { kernelShape: readonly number[]; strides: readonly number[]; dilations: readonly number[] } | null,
): Reach {
  if (window === null) return reach;
  return {
    size: reach.size.map(
      (size, axis) => size + (window.dilations[axis] ?? 1) * ((window.kernelShape[axis] ?? 1) - 1) * (reach.step[axis] ?? 1),
    ),
    step: reach.step.map((step, axis) => step * (window.strides[axis] ?? 1)),
  };
}
