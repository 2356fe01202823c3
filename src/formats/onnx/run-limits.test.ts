import { describe, expect, test } from "vitest";
import { float32, floats, int, int64, ints, model, node, text } from "./onnx-graphs.cases.js";
import { checkRun, completeLimits, DEFAULT_RUN_LIMITS, declaredFeeds, type RunLimits } from "./run-limits.js";
import { graphForm } from "./shapes/infer.js";
import type { Site } from "./shapes/value.js";
import type { OnnxGraph, OnnxModel } from "./types.js";

const SITE: Site = { action: 'load "m.onnx"', code: "FILE_CORRUPT" };

function check(one: OnnxModel, limits: Partial<RunLimits> = {}) {
  const form = graphForm(one, "m.onnx");
  return checkRun(form, declaredFeeds(form), { ...DEFAULT_RUN_LIMITS, ...limits }, SITE);
}

/** A refusal, with its whole message. */
function refused(code: string, fact: string): unknown {
  return expect.objectContaining({ code, message: `Cannot load "m.onnx": ${fact}` });
}

test("a crop is refused where the size of the value is not known when the model is loaded", () => {
  const inputs = [{ name: "x", dtype: "float32" as const, shape: ["N", 3, "H", 4] }];
  const crop = model({ nodes: [node("Pad", "x p", "y")], initializers: [int64("p", 0, 0, 0, -5, 0, 0, 0, 0)], inputs });
  expect(() => check(crop)).toThrow(
    refused("FILE_CORRUPT", "graph.node[0] (Pad) crops by 5 a value whose size is not known before it runs, expected pads from 0"),
  );
});

describe("a small file that asks for much is refused by arithmetic", () => {
  const doubling = Array.from({ length: 200 }, (_, i) => node("Concat", `c${i} c${i}`, `c${i + 1}`, [int("axis", 2)]));
  const products = Array.from({ length: 2000 }, (_, i) => node("MatMul", `m${i} m0`, `m${i + 1}`));
  const copies = Array.from({ length: 2000 }, (_, i) => node("Exp", `m${i}`, `m${i + 1}`));
  const square = [node("ReduceSum", "x", "sum", [int("keepdims", 0)]), node("Expand", "sum size", "m0")];
  const cases: readonly [what: string, graph: Pick<OnnxGraph, "nodes"> & Partial<OnnxGraph>, fact: string][] = [
    [
      "a value by Expand",
      { nodes: [node("Expand", "x size", "y")], initializers: [int64("size", 1024, 3, 1024, 1024)], inputs: [floats("x", 1, 3, 1, 1)] },
      "graph.node[0] (Expand) takes float32[1024, 3, 1024, 1024], 12,884,901,888 bytes, the limit is 2,147,483,648 (option limits.valueBytes)",
    ],
    [
      "a value of constants alone",
      { nodes: [node("Expand", "one size", "y")], initializers: [float32("one", [1]), int64("size", 1024, 1024, 1024)] },
      "graph.node[0] (Expand) takes float32[1024, 1024, 1024], 4,294,967,296 bytes, the limit is 2,147,483,648 (option limits.valueBytes)",
    ],
    [
      "a value by Resize",
      { nodes: [node("Resize", "x _ _ size", "y", [text("mode", "nearest")])], initializers: [int64("size", 1, 3, 20_000, 20_000)] },
      "graph.node[0] (Resize) takes float32[1, 3, 20000, 20000], 4,800,000,000 bytes, the limit is 2,147,483,648 (option limits.valueBytes)",
    ],
    [
      "doubling",
      { nodes: doubling, inputs: [floats("c0", 1, 3, 8, 8)] },
      "graph.node[21] (Concat) takes float32[1, 3, 33554432, 8], 3,221,225,472 bytes, the limit is 2,147,483,648 (option limits.valueBytes)",
    ],
    [
      "an input",
      { nodes: [node("GlobalAveragePool", "x", "y")], inputs: [floats("x", 1, 3, 2 ** 31 - 1, 2 ** 31 - 1)] },
      'input "x" takes float32[1, 3, 2147483647, 2147483647], 55,340,232,169,589,050,000 bytes, the limit is 2,147,483,648 (option limits.valueBytes)',
    ],
    [
      "padding beyond 64 bits",
      { nodes: [node("Pad", "x pads", "y")], initializers: [int64("pads", 0, 0, 2 ** 62, 0, 0, 0, 2 ** 62, 0)] },
      "graph.node[0] (Pad) takes float32[1, 3, 9223372036854776000, 8], 885,443,715,538,058,500,000 bytes, the limit is 2,147,483,648 (option limits.valueBytes)",
    ],
    [
      "products",
      { nodes: [...square, ...products], initializers: [int64("size", 2048, 2048)] },
      "graph.node[467] (MatMul) raises a run to 4,002,909,520,064 multiply-adds, the limit is 4,000,000,000,000 (option limits.macs)",
    ],
    [
      "many passes over large values",
      { nodes: [...square, ...copies], initializers: [int64("size", 8192, 8192)] },
      "graph.node[1024] (Exp) raises what a run writes to 274,877,908,484 bytes, the limit is 274,877,906,944 (option limits.trafficBytes)",
    ],
    [
      "classes",
      {
        nodes: [node("ReduceSum", "x", "s", [int("keepdims", 0)]), node("Expand", "s size", "y")],
        initializers: [int64("size", 1, 100_000_000)],
      },
      "graph.node[1] (Expand) raises the outputs to 400,000,000 bytes, the limit is 268,435,456 (option limits.outputBytes)",
    ],
    [
      "columns of a transposed convolution",
      {
        nodes: [node("ConvTranspose", "x w", "y", [ints("pads", 511, 511, 511, 511)])],
        initializers: [{ ...float32("w", [0]), shape: [3, 1, 1023, 1023] }],
        inputs: [floats("x", 1, 3, 64, 64)],
      },
      "graph.node[0] (ConvTranspose) raises the memory of a run to 17,146,396,672 bytes, the limit is 4,294,967,296 (option limits.memoryBytes)",
    ],
  ];
  test.each(cases)("%s", (_what, graph, fact) => {
    expect(() => check(model(graph))).toThrow(refused("FILE_LIMIT", fact));
  });

  test("each limit is an option", () => {
    const one = model({ nodes: [node("Relu", "x", "y")] });
    expect(check(one)).toEqual({
      valueBytes: 768,
      memoryBytes: 1536,
      outputBytes: 768,
      macs: 0,
      trafficBytes: 1536,
      constantBytes: 0,
      constantMacs: 0,
    });
    expect(() => check(one, { memoryBytes: 1535 })).toThrow(
      refused(
        "FILE_LIMIT",
        "graph.node[0] (Relu) raises the memory of a run to 1,536 bytes, the limit is 1,535 (option limits.memoryBytes)",
      ),
    );
    expect(completeLimits({ macs: 5, valueBytes: Number.POSITIVE_INFINITY })).toEqual({
      ...DEFAULT_RUN_LIMITS,
      macs: 5,
      valueBytes: Number.POSITIVE_INFINITY,
    });
    expect(() => completeLimits({ macs: Number.NaN })).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID", message: "Cannot set limits.macs to NaN: expected a number above 0" }),
    );
  });
});

test("memory is what is needed at one time, not the sum", () => {
  // x stays with the caller; of a chain two values live at a time, and the first is kept where it is read again.
  const chain = [node("Exp", "x", "a"), node("Exp", "a", "b"), node("Exp", "b", "c"), node("Exp", "c", "y")];
  expect(check(model({ nodes: chain })).memoryBytes).toBe(3 * 768);
  const again = [...chain.slice(0, 3), node("Add", "a c", "y")];
  expect(check(model({ nodes: again })).memoryBytes).toBe(4 * 768);
});

test("what needs no inputs is counted apart: a runtime may compute it as it opens the model", () => {
  const nodes = [node("MatMul", "w w", "v"), node("MatMul", "x v", "y")];
  const cost = check(model({ nodes, initializers: [float32("w", [8, 8])] }));
  expect([cost.constantBytes, cost.constantMacs, cost.macs]).toEqual([256, 512, 512 + 3 * 512]);
});

test("a model of free size is checked where its inputs are known, and what is constant at once", () => {
  const inputs = [floats("x", "N", 3, "height", "width")];
  const free = model({ nodes: [node("GlobalAveragePool", "x", "y")], inputs });
  expect(check(free)).toMatchObject({ valueBytes: 0, memoryBytes: 0 });
  const constant = model({
    nodes: [node("Expand", "one size", "big"), node("Mul", "x big", "y")],
    initializers: [float32("one", [1]), int64("size", 2 ** 20, 2 ** 20)],
    inputs,
  });
  expect(() => check(constant)).toThrow(
    refused(
      "FILE_LIMIT",
      "graph.node[0] (Expand) takes float32[1048576, 1048576], 4,398,046,511,104 bytes, the limit is 2,147,483,648 (option limits.valueBytes)",
    ),
  );
});
