import { describe, expect, test } from "vitest";
import { float32, floats, int, int64, ints, model, node, text } from "../onnx-graphs.cases.js";
import { INFERENCE_OPS } from "../schemas.js";
import type { OnnxGraph } from "../types.js";
import { RULES } from "./index.js";
import { graphForm, inferGraph } from "./infer.js";
import { computed, type Site, type Value } from "./value.js";

type Nodes = Pick<OnnxGraph, "nodes"> & Partial<OnnxGraph>;

const SITE: Site = { action: 'load "m.onnx"', code: "FILE_CORRUPT" };

function infer(graph: Nodes, shape: readonly number[] = [1, 3, 8, 8], opset = 17): ReadonlyMap<string, Value | null> {
  const form = graphForm(model(graph, opset), "m.onnx");
  const values = new Map<string, Value | null>();
  for (const { node, inferred } of inferGraph(form, new Map([["x", computed("float32", shape)]]), SITE)) {
    for (const [index, name] of node.outputs.entries()) values.set(name, inferred?.outputs[index] ?? null);
  }
  return values;
}

test("every operator for inference has a rule, and no other", () => {
  expect(Object.keys(RULES)).toEqual([...INFERENCE_OPS]);
});

describe("shapes that a graph computes from its input", () => {
  test("as PyTorch writes x.view(x.size(0), -1)", () => {
    const nodes = [
      node("Shape", "x", "shape"),
      node("Constant", "", "zero", [int("value_int", 0)]),
      node("Gather", "shape zero", "batch", [int("axis", 0)]),
      node("Constant", "", "rest", [ints("value_ints", -1)]),
      node("Unsqueeze", "batch axes", "row"),
      node("Concat", "row rest", "sizes", [int("axis", 0)]),
      node("Reshape", "x sizes", "y"),
    ];
    const values = infer({ nodes, initializers: [int64("axes", 0)] }, [5, 3, 8, 8]);
    expect(values.get("sizes")).toEqual({ dtype: "int64", shape: [2], numbers: [5, -1] });
    expect(values.get("y")).toEqual(computed("float32", [5, 192]));
  });

  test("as PyTorch writes interpolate to twice the size, through floats", () => {
    const nodes = [
      node("Shape", "x", "shape"),
      node("Slice", "shape two four first", "size"),
      node("Cast", "size", "sizeF", [int("to", 1)]),
      node("Mul", "sizeF factor", "larger"),
      node("Floor", "larger", "floor"),
      node("Cast", "floor", "sizes", [int("to", 7)]),
      node("Slice", "shape first two first", "head"),
      node("Concat", "head sizes", "all", [int("axis", 0)]),
      node("Resize", "x _ _ all", "y", [text("mode", "linear")]),
    ];
    const initializers = [int64("two", 2), int64("four", 2n ** 63n - 1n), int64("first", 0), float32("factor", [], 2.5)];
    expect(infer({ nodes, initializers }, [2, 3, 7, 9]).get("y")).toEqual(computed("float32", [2, 3, 17, 22]));
  });

  test("as tf2onnx writes padding that makes a size even", () => {
    const nodes = [
      node("Shape", "x", "shape", [int("start", 2), int("end", 3)]),
      node("Add", "shape one", "sum"),
      node("Div", "sum two", "half"),
      node("Mul", "half two", "even"),
      node("Sub", "even shape", "missing"),
      node("Concat", "zero missing", "pads", [int("axis", 0)]),
      node("Pad", "x pads _ axis", "y"),
    ];
    const initializers = [int64("one", 1), int64("two", 2), int64("zero", 0), int64("axis", 2)];
    expect(infer({ nodes, initializers }, [1, 3, 7, 9], 18).get("y")).toEqual(computed("float32", [1, 3, 8, 9]));
    expect(infer({ nodes, initializers }, [1, 3, 8, 9], 18).get("y")).toEqual(computed("float32", [1, 3, 8, 9]));
  });

  test("as our exporter pads a volume to a multiple of 8", () => {
    const nodes = [
      node("Shape", "x", "shape", [int("start", 2)]),
      node("Mod", "shape eight", "over"),
      node("Sub", "over eight", "less"),
      node("Mod", "less minus", "missing"),
      node("Neg", "missing", "pads"),
      node("Concat", "none pads", "all", [int("axis", 0)]),
      node("Pad", "x all", "y"),
    ];
    const initializers = [int64("eight", 8), int64("minus", -8), int64("none", 0, 0, 0, 0, 0, 0)];
    expect(infer({ nodes, initializers }, [1, 3, 13, 16]).get("missing")).toEqual({ dtype: "int64", shape: [2], numbers: [-3, -0] });
    expect(infer({ nodes, initializers }, [1, 3, 13, 16]).get("y")).toEqual(computed("float32", [1, 3, 16, 16]));
  });

  test("integers that a number does not hold exactly are not guessed", () => {
    const nodes = [node("Add", "large one", "sum"), node("Sub", "sum large", "size"), node("Expand", "x size", "y")];
    expect(() => infer({ nodes, initializers: [int64("large", 2n ** 60n), int64("one", 100)] })).toThrow(
      expect.objectContaining({
        code: "FILE_UNSUPPORTED",
        message:
          'Cannot load "m.onnx": graph.node[2] (Expand) computes sizes from input 1 int64[1], which depends on data; its memory cannot be bounded before it runs',
      }),
    );
  });
});

describe("what a runtime need not find out by itself", () => {
  const w = (name: string, ...shape: readonly number[]) => float32(name, shape);
  const cases: readonly [what: string, graph: Nodes, fact: string][] = [
    [
      "sizes from data",
      {
        nodes: [
          node("Cast", "x", "size", [int("to", 7)]),
          node("Flatten", "size", "flat", [int("axis", 0)]),
          node("Squeeze", "flat _", "list"),
          node("Expand", "x list", "y"),
        ],
      },
      "graph.node[3] (Expand) computes sizes from input 1 int64[192], which depends on data; its memory cannot be bounded before it runs",
    ],
    ["a value from nowhere", { nodes: [node("Add", "x z", "y")] }, 'graph.node[0] (Add) reads value "z", which no earlier node computes'],
    [
      "a value twice",
      { nodes: [node("Exp", "x", "y"), node("Log", "x", "y")] },
      'graph.node[1] (Log) computes value "y", which already exists',
    ],
    [
      "a weight for other channels",
      { nodes: [node("Conv", "x w", "y")], initializers: [w("w", 4, 2, 3, 3)] },
      "graph.node[0] (Conv) has input float32[1, 3, 8, 8] and weight float32[4, 2, 3, 3] with group 1, which do not fit",
    ],
    [
      "a kernel that is larger than the map",
      { nodes: [node("Conv", "x w", "y")], initializers: [w("w", 4, 3, 3, 9)] },
      "graph.node[0] (Conv) has a window of 9, which does not fit size 8 padded by 0",
    ],
    [
      "too few strides",
      { nodes: [node("MaxPool", "x", "y", [ints("kernel_shape", 2, 2), ints("strides", 2)])] },
      "graph.node[0] (MaxPool) has strides [2], expected 2 numbers",
    ],
    [
      "windows of padding alone",
      { nodes: [node("AveragePool", "x", "y", [ints("kernel_shape", 2, 2), ints("pads", 2, 0, 0, 0)])] },
      "graph.node[0] (AveragePool) has pads [2, 0, 0, 0], expected less than the window of 2",
    ],
    [
      "statistics of other channels",
      { nodes: [node("BatchNormalization", "x s s s m", "y")], initializers: [w("s", 3), w("m", 2)] },
      "graph.node[0] (BatchNormalization) has input 4 float32[2] for float32[1, 3, 8, 8], expected [3]",
    ],
    [
      "shapes that do not broadcast",
      { nodes: [node("Add", "x w", "y")], initializers: [w("w", 3, 1, 5)] },
      "graph.node[0] (Add) cannot broadcast float32[1, 3, 8, 8], float32[3, 1, 5]",
    ],
    [
      "two types",
      { nodes: [node("Add", "x w", "y")], initializers: [int64("w", 1)] },
      "graph.node[0] (Add) has inputs float32[1, 3, 8, 8] and int64[1], expected one type",
    ],
    [
      "a division of integers by -1, which ends the process for the smallest one",
      {
        nodes: [node("Cast", "x", "i", [int("to", 7)]), node("Div", "i w", "y")],
        initializers: [int64("w", -1)],
      },
      "graph.node[1] (Div) divides integers by 0 or -1",
    ],
    [
      "a remainder by values that may be -1",
      { nodes: [node("Cast", "x", "i", [int("to", 6)]), node("Mod", "i i", "y")] },
      "graph.node[1] (Mod) divides integers by values that depend on data, of which -1 can end the process",
    ],
    [
      "a product of other sizes",
      { nodes: [node("MatMul", "x w", "y")], initializers: [w("w", 7, 2)] },
      "graph.node[0] (MatMul) cannot multiply float32[1, 3, 8, 8] by float32[7, 2]",
    ],
    [
      "a reshape to another count",
      { nodes: [node("Reshape", "x s", "y")], initializers: [int64("s", 5, -1)] },
      "graph.node[0] (Reshape) cannot reshape float32[1, 3, 8, 8] to [5, -1]",
    ],
    [
      "an axis that is not there",
      { nodes: [node("Softmax", "x", "y", [int("axis", 4)])] },
      "graph.node[0] (Softmax) has axis 4, expected one from -4 to 3",
    ],
    [
      "an axis twice",
      { nodes: [node("Transpose", "x", "y", [ints("perm", 0, 1, 1, 2)])] },
      "graph.node[0] (Transpose) names an axis twice in [0, 1, 1, 2]",
    ],
    [
      "a reflection wider than the map",
      { nodes: [node("Pad", "x p", "y", [text("mode", "reflect")])], initializers: [int64("p", 0, 0, 8, 0, 0, 0, 0, 0)] },
      "graph.node[0] (Pad) cannot pad axis 2 of float32[1, 3, 8, 8] by 8 and 0 (reflect)",
    ],
    [
      "a crop of more than all",
      { nodes: [node("Pad", "x p", "y")], initializers: [int64("p", 0, 0, -(2 ** 31), 0, 0, 0, 0, 0)] },
      "graph.node[0] (Pad) cannot pad axis 2 of float32[1, 3, 8, 8] by -2147483648 and 0 (constant)",
    ],
    [
      "nothing at all",
      { nodes: [node("Slice", "x a b", "y")], initializers: [int64("a", 1), int64("b", 1)] },
      "graph.node[0] (Slice) computes a value of shape [0, 3, 8, 8], expected sizes from 1",
    ],
    [
      "a place outside of a table",
      { nodes: [node("Gather", "x i", "y")], initializers: [int64("i", 1)] },
      "graph.node[0] (Gather) takes place 1 of axis 0 of float32[1, 3, 8, 8]",
    ],
    [
      "more than all as the largest",
      { nodes: [node("TopK", "x k", "y z")], initializers: [int64("k", 9)] },
      "graph.node[0] (TopK) takes the 9 largest of axis 3 of float32[1, 3, 8, 8]",
    ],
    [
      "parts that are not the whole",
      { nodes: [node("Split", "x s", "y z", [int("axis", 1)])], initializers: [int64("s", 1, 1)] },
      "graph.node[0] (Split) cannot split axis 1 of float32[1, 3, 8, 8] into [1, 1] for 2 outputs",
    ],
    [
      "a scale of zero",
      { nodes: [node("Resize", "x _ s", "y")], initializers: [float32("s", [4], 1, 1, 0, 1)] },
      "graph.node[0] (Resize) resizes float32[1, 3, 8, 8] by or to [1, 1, 0, 1]",
    ],
    ["strings", { nodes: [node("Cast", "x", "y", [int("to", 8)])] }, "graph.node[0] (Cast) casts to type 8, expected numbers or bool"],
    [
      "dropout as in training",
      {
        nodes: [node("Dropout", "x r t", "y")],
        initializers: [float32("r", [], 0.5), { name: "t", dtype: "bool", shape: [], data: Uint8Array.of(1) }],
      },
      "graph.node[0] (Dropout) drops values as in training, expected training_mode to be constant and false",
    ],
  ];
  test.each(cases)("%s", (_what, graph, fact) => {
    expect(() => infer(graph)).toThrow(expect.objectContaining({ message: `Cannot load "m.onnx": ${fact}` }));
  });
});

test("names of values may be those of object properties", () => {
  const graph = model({
    nodes: [node("Exp", "__proto__", "constructor"), node("Log", "constructor", "y")],
    inputs: [floats("__proto__", 2)],
  });
  const form = graphForm(graph, "m.onnx");
  const last = [...inferGraph(form, new Map([["__proto__", computed("float32", [2])]]), SITE)].at(-1);
  expect(last?.inferred?.outputs).toEqual([computed("float32", [2])]);
});

describe("long lists take no more time and memory than the file", () => {
  const many = 300_000;
  const large = int64("large", ...Array<number>(1000).fill(1));
  const names = Array<string>(many).fill("large").join(" ");

  test("hundreds of thousands of inputs", () => {
    const joined = infer({ nodes: [node("Concat", names, "c", [int("axis", 0)]), node("Max", names, "m")], initializers: [large] });
    expect(joined.get("c")).toEqual(computed("int64", [many * 1000]));
    expect(joined.get("m")).toEqual(computed("int64", [1000]));
  });

  test("hundreds of thousands of outputs", () => {
    const outputs = Array.from({ length: many }, (_, index) => `part${index}`).join(" ");
    const start = performance.now();
    const parts = infer({ nodes: [node("Split", "x", outputs, [int("axis", 0)])] }, [many]);
    expect(parts.get("part0")).toEqual(computed("float32", [1]));
    expect(performance.now() - start).toBeLessThan(10_000);
    const twice = { nodes: [node("Split", "x", `${outputs} part7`, [int("axis", 0)])] };
    expect(() => infer(twice, [many])).toThrow('Cannot load "m.onnx": graph.node[0] (Split) computes value "part7", which already exists');
  });

  test("hundreds of thousands of axes", () => {
    const axes = { name: "axes", type: "ints", value: Array.from({ length: many }, (_, axis) => axis % 60) } as const;
    const unsqueeze = { nodes: [node("Unsqueeze", "x", "y", [axes])] };
    expect(() => infer(unsqueeze, [1], 11)).toThrow(
      'Cannot load "m.onnx": graph.node[0] (Unsqueeze) gives 300001 axes, expected at most 64',
    );
    const squeeze = { nodes: [node("Squeeze", "x", "y", [axes])] };
    expect(() => infer(squeeze, [1], 11)).toThrow('Cannot load "m.onnx": graph.node[0] (Squeeze) names 300000 axes of 1');
    const sizes = { nodes: [node("Reshape", "x large", "y")], initializers: [large] };
    expect(() => infer(sizes, [1])).toThrow(
      'Cannot load "m.onnx": graph.node[0] (Reshape) computes a value of 1000 axes, expected at most 64',
    );
  });
});
