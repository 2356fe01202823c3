/** What the targets promise about the operators in a graph, on the cases of all ops and of all gradients. */
import { describe, expect, test } from "vitest";
import { lowerGraph } from "../../src/compile/lower.js";
import type { Target } from "../../src/compile/targets/index.js";
import type { Graph } from "../../src/ir/graph.js";
import { isOpName, OPS, type OpName, opDef } from "../../src/ops/index.js";
import { differentiated } from "../gradient-graph.js";
import { casesOf } from "../op-cases/index.js";
import { type AnyOpCase, caseValues, opGraph } from "../op-graph.js";

const OP_NAMES = Object.keys(OPS).filter(isOpName);

/** What ONNX Runtime's WebGPU provider has no kernel for (onnxruntime-web 1.30). */
function lacksWebGpuKernel(graph: Graph): readonly string[] {
  return lowered(graph, "webgpu").flatMap(({ opType, inputs, outputs, attributes }) => {
    const kernel = attributes.find(({ name }) => name === "kernel_shape");
    const rank = kernel?.type === "ints" ? kernel.value.length : 0;
    const isTraining = attributes.some(({ name, value }) => name === "training_mode" && value === 1);
    const missing =
      (opType === "ConvTranspose" && rank === 3) ||
      (opType === "BatchNormalization" && isTraining) ||
      (opType === "MaxPool" && outputs.length > 1) ||
      opType === "LRN" ||
      // A shader has at least 8 buffers; what Split reads sizes from is none.
      inputs.length + outputs.length - (opType === "Split" ? 1 : 0) > 8;
    return missing ? [opType] : [];
  });
}

function lowered(graph: Graph, target: Target) {
  return (["nchw", "chwn"] as const).flatMap((layout) => lowerGraph(graph, { target, layout }).nodes);
}

function graphsOf(op: OpName, opCase: AnyOpCase): readonly Graph[] {
  const graph = opGraph(op, opCase.inputs, opCase.attributes);
  if (opDef(op).grad === null) return [graph];
  const values = Object.fromEntries(caseValues(op, opCase, 2).map((value, index) => [String(index), value]));
  const floats = Object.keys(values).filter((name) => values[name]?.data instanceof Float32Array);
  return [graph, differentiated(graph, values, floats, ["y"]).graph];
}

describe.each(OP_NAMES)("%s", (op) => {
  test("only ort-cpu uses operators of ONNX Runtime's own; webgpu those that have a kernel there", () => {
    for (const opCase of casesOf(op)) {
      for (const graph of graphsOf(op, opCase)) {
        for (const target of ["standard", "webgpu"] as const) {
          expect(lowered(graph, target).filter(({ domain }) => domain !== "")).toEqual([]);
        }
        expect(lacksWebGpuKernel(graph)).toEqual([]);
      }
    }
  });
});
