import { describe, expect, test } from "vitest";
import { counting, memoryFile } from "../../test/memory-weights.js";
import type { Graph } from "../ir/graph.js";
import { GraphBuilder } from "../ops/build.js";
import type { Tensor } from "../tensor/tensor.js";
import { bestNameMap, compareWeights, loadWeights } from "./apply.js";
import { type Convention, TENSORFLOW, TORCH } from "./conventions/convention.js";
import { type NameMap, renamePrefixes } from "./name-map.js";

const OWN: NameMap = { source: "test", convention: TORCH, nameOf: (path) => path, ignore: [] };
const HWIO: Convention = { id: "hwio", axes: { conv_kernel: [3, 2, 0, 1], linear_kernel: [1, 0] } };

/** conv 1×2, [2, 3] → flatten → linear: five parameters of four roles. */
function smallGraph(): Graph {
  const b = new GraphBuilder("small");
  const x = b.input("x", ["N", 3, 1, 2]);
  const conv = b.add("conv", "conv", [x, b.parameter("conv.weight", [2, 3, 1, 2], "conv_kernel"), b.parameter("conv.bias", [2], "bias")], {
    kernelShape: [1, 2],
    strides: [1, 1],
    pads: [0, 0, 0, 0],
    dilations: [1, 1],
    groups: 1,
  });
  const features = b.add("flatten", "flatten", [conv], {});
  const fc = [features, b.parameter("fc.weight", [5, 2], "linear_kernel"), b.parameter("fc.bias", [5], "bias")] as const;
  b.output("y", b.add("gemm", "fc", fc, {}));
  return b.finish();
}

const GRAPH = smallGraph();
const SHAPES: readonly (readonly [string, readonly number[]])[] = GRAPH.parameters.map(({ path, type }) => [path, type.shape.map(Number)]);

function fitting(): Map<string, Tensor> {
  return new Map(SHAPES.map(([path, shape]) => [path, counting(shape)]));
}

function without(...names: readonly string[]): Map<string, Tensor> {
  return new Map([...fitting()].filter(([name]) => !names.includes(name)));
}

async function messageOfLoading(tensors: Map<string, Tensor>, map = OWN, reads: string[] = []): Promise<string> {
  const thrown: unknown = await loadWeights(GRAPH, memoryFile(tensors, reads), map).then(
    () => null,
    (error: unknown) => error,
  );
  expect(thrown).toMatchObject({ name: "InceptionError", code: "WEIGHTS_MISMATCH" });
  return thrown instanceof Error ? thrown.message : "";
}

describe("compareWeights", () => {
  test("puts every parameter and every tensor into one list", () => {
    const tensors = new Map([
      ["conv.weight", counting([2, 3, 1, 2])],
      ["conv.bias", counting([2, 1, 1])],
      ["fc.weight", counting([2, 5, 2])],
      ["fc.extra", counting([1])],
      ["conv.num_batches_tracked", counting([])],
    ]);
    expect(compareWeights(GRAPH, memoryFile(tensors), { ...OWN, ignore: [/^.*\.num_batches_tracked$/] })).toEqual({
      source: "test",
      matched: [{ path: "conv.weight", name: "conv.weight" }],
      missing: ["fc.bias"],
      unexpected: ["fc.extra"],
      reshaped: [{ path: "conv.bias", name: "conv.bias", from: [2, 1, 1], to: [2] }],
      mismatched: [{ path: "fc.weight", name: "fc.weight", from: [2, 5, 2], to: [5, 2] }],
      ignored: ["conv.num_batches_tracked"],
    });
  });

  test("compares shapes in our axis order and reports the file's names", () => {
    const tensors = new Map([
      ["conv.kernel", counting([1, 2, 3, 2])],
      ["fc.weight", counting([2, 5])],
    ]);
    const map: NameMap = { ...OWN, convention: HWIO, nameOf: (path) => (path === "conv.weight" ? "conv.kernel" : path) };
    const report = compareWeights(GRAPH, memoryFile(tensors), map);
    expect(report.matched).toEqual([
      { path: "conv.weight", name: "conv.kernel" },
      { path: "fc.weight", name: "fc.weight" },
    ]);
    expect(report.missing).toEqual(["conv.bias", "fc.bias"]);
  });

  test("a name that is expected is never ignored, and reading names reads no values", () => {
    const reads: string[] = [];
    const report = compareWeights(GRAPH, memoryFile(fitting(), reads), { ...OWN, ignore: [/^fc\..*$/] });
    expect(report.matched.length).toBe(4);
    expect(report.ignored).toEqual([]);
    expect(reads).toEqual([]);
  });

  test("the other tensors of a pattern are ignored where the network does not have them", () => {
    const tensors = fitting().set("aux.weight", counting([1]));
    expect(compareWeights(GRAPH, memoryFile(tensors), { ...OWN, ignore: [/^aux\..*$/] })).toMatchObject({
      unexpected: [],
      ignored: ["aux.weight"],
    });
  });
});

describe("classifiers of ImageNet", () => {
  /** A linear layer of two features. */
  function classifier(classes: number): Graph {
    const b = new GraphBuilder("head");
    const x = b.input("x", ["N", 2]);
    b.output(
      "y",
      b.add("gemm", "fc", [x, b.parameter("fc.weight", [classes, 2], "linear_kernel"), b.parameter("fc.bias", [classes], "bias")], {}),
    );
    return b.finish();
  }
  const file = (classes: number) =>
    memoryFile([
      ["fc.weight", counting([classes, 2])],
      ["fc.bias", counting([classes])],
    ]);
  const load = (network: number, classes: number) => loadWeights(classifier(network), file(classes), OWN);

  test("of 1001 classes lose the first, background, in a network of 1000, and the report says so", async () => {
    const { parameters, report } = await load(1000, 1001);
    expect(report.background).toEqual(["fc.weight", "fc.bias"]);
    expect(report.matched.length).toBe(2);
    expect([...(parameters.get("fc.weight")?.data ?? [])].slice(0, 4)).toEqual([2, 3, 4, 5]);
    expect(parameters.get("fc.weight")?.shape).toEqual([1000, 2]);
    const bias = parameters.get("fc.bias")?.data ?? [];
    expect([bias.length, bias[0], bias[999]]).toEqual([1000, 1, 1000]);
  });

  test("of TensorFlow's order of axes too", async () => {
    const tensors: [string, Tensor][] = [
      ["fc.weight", counting([1, 1, 2, 1001])],
      ["fc.bias", counting([1001])],
    ];
    const { parameters } = await loadWeights(classifier(1000), memoryFile(tensors), { ...OWN, convention: TENSORFLOW });
    // Row r, feature f comes from f·1001 + r + 1.
    expect([...(parameters.get("fc.weight")?.data ?? [])].slice(0, 4).map(Number)).toEqual([1, 1002, 2, 1003]);
  });

  test("of as many classes as the network keep them all", async () => {
    for (const classes of [1000, 1001, 1008]) expect((await load(classes, classes)).report.background).toBeUndefined();
  });

  test.each([
    [
      1001,
      1000,
      'a file of 1,000 classes has no "background" class, which a network of 1,001 expects first; describe it with numClasses 1000',
    ],
    [1000, 1008, "a file of 1,008 classes uses another class order; describe the network with numClasses 1008"],
    [1001, 1008, "a file of 1,008 classes uses another class order; describe the network with numClasses 1008"],
  ])("for a network of %i, a file of %i is refused with the reason", async (network, classes, reason) => {
    await expect(load(network, classes)).rejects.toMatchObject({
      code: "WEIGHTS_MISMATCH",
      message: `Cannot load weights into "head" with test naming: 2 shape mismatches (fc.weight: expected [${network}, 2], got [${classes}, 2]; fc.bias: expected [${network}], got [${classes}]); 0 of 2 parameters match; ${reason}`,
    });
  });

  test("of other numbers are a mismatch like any other", async () => {
    await expect(load(10, 11)).rejects.toMatchObject({
      message:
        'Cannot load weights into "head" with test naming: 2 shape mismatches (fc.weight: expected [10, 2], got [11, 2]; fc.bias: expected [10], got [11]); 0 of 2 parameters match',
    });
  });
});

describe("what a source leaves out", () => {
  const map: NameMap = { ...OWN, convention: { id: "test", axes: {}, omitted: { bias: 3 } } };

  test("is filled, and the report says so", async () => {
    const { parameters, report } = await loadWeights(GRAPH, memoryFile(without("fc.bias")), map);
    expect(report.omitted).toEqual(["fc.bias"]);
    expect(parameters.get("fc.bias")).toEqual({ dtype: "float32", shape: [5], data: new Float32Array(5).fill(3) });
  });

  test("other roles are missing all the same", async () => {
    expect(await messageOfLoading(without("fc.weight"), map)).toBe(
      'Cannot load weights into "small" with test naming: 1 missing (fc.weight); 3 of 4 parameters match',
    );
  });
});

describe("names that differ between files of one source", () => {
  const map: NameMap = { ...OWN, canonical: () => (name) => name.replace(/^file\d\//, "") };

  test("are brought to the map's", async () => {
    const tensors = [...fitting()].map(([name, tensor]): [string, Tensor] => [`file1/${name}`, tensor]);
    const { parameters, report } = await loadWeights(GRAPH, memoryFile(tensors), map);
    expect([...parameters]).toEqual([...fitting()]);
    expect(report.unexpected).toEqual([]);
  });

  test("that two tensors would share stay as they are", () => {
    const tensors = [...fitting()].map(([name, tensor]): [string, Tensor] => [`file1/${name}`, tensor]);
    const report = compareWeights(GRAPH, memoryFile([...tensors, ["file2/fc.bias", counting([5])]]), map);
    expect(report.missing).toEqual(["fc.bias"]);
    expect(report.unexpected).toEqual(["file1/fc.bias", "file2/fc.bias"]);
  });
});

describe("loadWeights", () => {
  test("gives float32 values for every parameter under our paths", async () => {
    const { parameters, report } = await loadWeights(GRAPH, memoryFile(fitting()), OWN);
    expect([...parameters]).toEqual([...fitting()]);
    expect(report.matched.length).toBe(4);
  });

  test("moves axes and widens every floating-point type", async () => {
    const tensors = new Map<string, Tensor>([
      // [height 1, width 2, in 3, out 2]
      ["conv.weight", { dtype: "float64", shape: [1, 2, 3, 2], data: Float64Array.from({ length: 12 }, (_, i) => i) }],
      ["conv.bias", { dtype: "float16", shape: [2], data: Uint16Array.of(0x3800, 0xc000) }], // 0.5, −2
      ["fc.weight", counting([2, 5])],
      // The upper halves of the float32 1, 2, -1, 0.5, 0.
      ["fc.bias", { dtype: "bfloat16", shape: [5], data: Uint16Array.of(0x3f80, 0x4000, 0xbf80, 0x3f00, 0) }],
    ]);
    const { parameters } = await loadWeights(GRAPH, memoryFile(tensors), { ...OWN, convention: HWIO });
    const values = (path: string): readonly number[] => Array.from(parameters.get(path)?.data ?? [], Number);
    // [out, in, 1, width]: output o, input i, column w comes from w·6 + i·2 + o.
    expect(values("conv.weight")).toEqual([0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11]);
    expect(values("conv.bias")).toEqual([0.5, -2]);
    expect(values("fc.weight")).toEqual([0, 5, 1, 6, 2, 7, 3, 8, 4, 9]);
    expect(values("fc.bias")).toEqual([1, 2, -1, 0.5, 0]);
    for (const { dtype } of parameters.values()) expect(dtype).toBe("float32");
  });

  test("reads nothing before all names and shapes are right", async () => {
    const reads: string[] = [];
    expect(await messageOfLoading(without("fc.bias"), OWN, reads)).toBe(
      'Cannot load weights into "small" with test naming: 1 missing (fc.bias); 3 of 4 parameters match',
    );
    expect(reads).toEqual([]);
  });

  test("lists all kinds of differences in one message", async () => {
    const tensors = without("conv.bias", "fc.weight", "fc.bias")
      .set("fc.weight", counting([10]))
      .set("fc.bias", counting([4]))
      .set("more", counting([1]));
    expect(await messageOfLoading(tensors)).toBe(
      'Cannot load weights into "small" with test naming: 1 missing (conv.bias); 1 unexpected ("more"); ' +
        "2 shape mismatches (fc.weight: expected [5, 2], got [10]; fc.bias: expected [5], got [4]); 1 of 4 parameters match",
    );
  });

  test("cuts long lists in the message, not in the details", async () => {
    const tensors = fitting();
    for (let i = 0; i < 7; i++) tensors.set(`head.${i}`, counting([1]));
    expect(await messageOfLoading(tensors)).toBe(
      'Cannot load weights into "small" with test naming: 7 unexpected ("head.0", "head.1", "head.2", "head.3" and 3 more); 4 of 4 parameters match',
    );
    await expect(loadWeights(GRAPH, memoryFile(tensors), OWN)).rejects.toMatchObject({
      details: { report: { unexpected: [0, 1, 2, 3, 4, 5, 6].map((i) => `head.${i}`) } },
    });
  });

  test("names out of a file cannot break the line or act on a terminal", async () => {
    expect(await messageOfLoading(fitting().set("a\n\u001b[31mb", counting([1])))).toBe(
      'Cannot load weights into "small" with test naming: 1 unexpected ("a  [31mb"); 4 of 4 parameters match',
    );
  });

  test("accepts what is allowed by name and nothing else", async () => {
    const tensors = without("fc.bias")
      .set("conv.bias", counting([1, 2]))
      .set("more", counting([1]));
    const allow = { missing: ["fc.bias"], unexpected: ["more"], reshaped: ["conv.bias"] };
    const { parameters } = await loadWeights(GRAPH, memoryFile(tensors), OWN, allow);
    expect([...parameters.keys()]).toEqual(["conv.weight", "conv.bias", "fc.weight"]);
    expect(parameters.get("conv.bias")).toEqual(counting([2]));
    for (const kind of ["missing", "unexpected", "reshaped"] as const) {
      const others = { ...allow, [kind]: ["fc", "mor", "conv.bias.*"] };
      await expect(loadWeights(GRAPH, memoryFile(tensors), OWN, others), kind).rejects.toMatchObject({ code: "WEIGHTS_MISMATCH" });
    }
  });

  test("another number of values is never acceptable", async () => {
    const tensors = fitting().set("fc.bias", counting([4]));
    await expect(loadWeights(GRAPH, memoryFile(tensors), OWN, { reshaped: ["fc.bias"] })).rejects.toMatchObject({
      message:
        'Cannot load weights into "small" with test naming: 1 shape mismatch (fc.bias: expected [5], got [4]); 3 of 4 parameters match',
    });
  });

  test("integers are no weights", async () => {
    const tensors = fitting().set("fc.bias", { dtype: "int32", shape: [5], data: new Int32Array(5) });
    await expect(loadWeights(GRAPH, memoryFile(tensors), OWN)).rejects.toMatchObject({
      code: "FILE_UNSUPPORTED",
      message: 'Cannot use tensor "fc.bias" as weights: it contains int32, expected a floating-point type',
    });
    const bits = fitting().set("fc.bias", { dtype: "uint16", shape: [5], data: new Uint16Array(5) });
    await expect(loadWeights(GRAPH, memoryFile(bits), OWN)).rejects.toMatchObject({
      message: 'Cannot use tensor "fc.bias" as weights: it contains uint16, expected a floating-point type',
    });
  });
});

describe("bestNameMap", () => {
  const renamed: NameMap = { ...OWN, source: "renamed", nameOf: renamePrefixes([["fc", "classifier"]]) };

  test("takes the map with the fewest missing parameters", () => {
    const theirs = new Map([...fitting()].map(([name, tensor]) => [renamed.nameOf(name), tensor]));
    expect(bestNameMap(GRAPH, memoryFile(theirs), [OWN, renamed])).toBe(renamed);
    expect(bestNameMap(GRAPH, memoryFile(fitting()), [renamed, OWN])).toBe(OWN);
  });

  test("then the one with the fewest unexpected tensors, then the first", () => {
    const strict: NameMap = { ...OWN, source: "strict" };
    const lenient: NameMap = { ...OWN, source: "lenient", ignore: [/^more$/] };
    const tensors = fitting().set("more", counting([1]));
    expect(bestNameMap(GRAPH, memoryFile(tensors), [strict, lenient])).toBe(lenient);
    expect(bestNameMap(GRAPH, memoryFile(fitting()), [strict, lenient])).toBe(strict);
  });

  test("needs a map to choose", () => {
    expect(() => bestNameMap(GRAPH, memoryFile([]), [])).toThrow(new RangeError("Cannot choose among 0 name maps"));
  });
});
