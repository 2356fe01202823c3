import { describe, expect, test } from "vitest";
import { outputOf, runGraph } from "../../test/run-graph.js";
import { selectOutputs } from "../ir/prune.js";
import { GraphBuilder, type Ref } from "../ops/build.js";
import { checkGraph } from "../ops/index.js";
import { gradients } from "./gradient.js";
import { segments } from "./segments.js";

/** The gradients of Σ f(x…) for vectors of the given values, as plain lists; null where there is none. */
async function gradientsOf(values: readonly (readonly number[])[], build: (b: GraphBuilder, x: readonly Ref[]) => Ref) {
  const b = new GraphBuilder("test");
  const x = values.map((list, index) => b.input(String(index), [list.length]));
  const y = build(b, x);
  const loss = b.add("reduceSum", "loss", [y], { axes: y.type.shape.map((_, axis) => axis), keepDims: false });
  const found = gradients(b, loss, x);
  b.output("loss", loss);
  for (const [index, gradient] of found.entries()) b.output(`d${index}`, gradient ?? x[index] ?? loss);
  const feeds = Object.fromEntries(values.map((list, index) => [String(index), { shape: [list.length], data: Float32Array.from(list) }]));
  const results = await runGraph(b.finish(), new Map(), feeds);
  // 0 · −1 is −0, which nobody can tell from 0 behind a sum.
  return found.map((gradient, index) => (gradient ? Array.from(outputOf(results, `d${index}`).data, (value) => value + 0) : null));
}

describe("what flows where", () => {
  test("a value that is read three times gets the sum", async () => {
    // d(x·x + x)/dx = 2·x + 1.
    const twice = (b: GraphBuilder, [x]: readonly Ref[]) => b.add("add", "y", [b.add("mul", "square", [x!, x!], {}), x!], {});
    expect(await gradientsOf([[1, -2, 0.5]], twice)).toEqual([[3, -3, 2]]);
  });

  test("a value that the loss does not depend on gets none, and no node", async () => {
    const first = (b: GraphBuilder, [x]: readonly Ref[]) => b.add("scale", "y", [x!], { factor: 3 });
    expect(await gradientsOf([[1, 2], [5]], first)).toEqual([[3, 3], null]);
  });

  test("the loss itself has gradient 1", async () => {
    const b = new GraphBuilder("test");
    const x = b.input("x", []);
    const [gradient] = gradients(b, x, [x]);
    b.output("d", gradient!);
    b.output("x", x);
    const results = await runGraph(b.finish(), new Map(), { x: { shape: [], data: Float32Array.of(7) } });
    expect([...outputOf(results, "d").data]).toEqual([1]);
  });

  test("one part of a split in the loss: zeros for the others", async () => {
    const middle = (b: GraphBuilder, [x]: readonly Ref[]) => b.addAll("split", "parts", [x!], { axis: 0, sizes: [1, 2, 1] })[1]!;
    expect(await gradientsOf([[1, 2, 3, 4]], middle)).toEqual([[0, 1, 1, 0]]);
  });

  test("through an operand that is not wanted nothing is built", () => {
    const b = new GraphBuilder("test");
    const [x, y] = [b.input("x", [3]), b.input("y", [3])];
    const loss = b.add("reduceSum", "loss", [b.add("mul", "product", [x, b.add("exp", "exp", [y], {})], {})], {
      axes: [0],
      keepDims: false,
    });
    const [gradient] = gradients(b, loss, [x]);
    b.output("d", gradient!);
    b.output("loss", loss);
    const added = b.finish().nodes.map(({ path }) => path);
    expect(added.slice(added.indexOf("loss") + 1)).toEqual([
      "gradient.one",
      "gradient.loss.column",
      "gradient.loss.spread",
      "gradient.product.da",
    ]);
  });
});

describe("ties and zeros", () => {
  test("relu lets nothing pass at 0, from either side, and everything just above", async () => {
    const relu = (b: GraphBuilder, [x]: readonly Ref[]) => b.add("relu", "y", [x!], {});
    expect(await gradientsOf([[-1, -0, 0, 1e-30, 1e-20, 2]], relu)).toEqual([[0, 0, 0, 1, 1, 1]]);
  });

  test("below 1e-30 relu's mask is a part, as its law says", async () => {
    const relu = (b: GraphBuilder, [x]: readonly Ref[]) => b.add("relu", "y", [x!], {});
    const [[half, subnormal] = []] = (await gradientsOf([[5e-31, 1e-40]], relu)) as [number[]];
    expect(half).toBeCloseTo(0.5, 6);
    expect(subnormal).toBeLessThan(1.1e-10);
  });

  test("leakyRelu and pRelu have the slope at 0, clip passes nothing on its bounds", async () => {
    const leaky = (b: GraphBuilder, [x]: readonly Ref[]) => b.add("leakyRelu", "y", [x!], { alpha: 0.25 });
    expect(await gradientsOf([[-1, 0, 1]], leaky)).toEqual([[0.25, 0.25, 1]]);
    const learned = (b: GraphBuilder, [x, slope]: readonly Ref[]) => b.add("pRelu", "y", [x!, slope!], {});
    expect(await gradientsOf([[-2, 0, 1], [0.5]], learned)).toEqual([[0.5, 0.5, 1], [-2]]);
    const clip = (b: GraphBuilder, [x]: readonly Ref[]) => b.add("clip", "y", [x!], { min: -1, max: 2 });
    expect(await gradientsOf([[-3, -1, 0, 2, 5]], clip)).toEqual([[0, 0, 1, 0, 0]]);
  });
});

describe("refuses", () => {
  test("an op without a gradient on the way", () => {
    const b = new GraphBuilder("test");
    const x = b.input("x", [3]);
    const loss = b.add("reduceMax", "block.max", [x], { axes: [0], keepDims: false });
    expect(() => gradients(b, loss, [x])).toThrow(
      expect.objectContaining({
        code: "SHAPE_INVALID",
        message:
          'Cannot infer shape of reduceMax "block.max": it is not differentiable, but the loss depends on a trained value through it',
      }),
    );
  });
});

describe("recomputation", () => {
  /** A chain of residual blocks x ← relu(x + w·x²) on vectors: each end of a block is a place where one value is alive. */
  function chain(recompute: boolean) {
    const b = new GraphBuilder("chain");
    const weights = Array.from({ length: 9 }, (_, index) => b.input(`w${index}`, [4]));
    let x = b.input("x", [4]);
    for (const [index, w] of weights.entries()) {
      const product = b.add("mul", `${index}.product`, [w, b.add("mul", `${index}.square`, [x, x], {})], {});
      x = b.add("relu", `${index}.relu`, [b.add("add", `${index}.sum`, [x, product], {})], {});
    }
    const loss = b.add("reduceSum", "loss", [x], { axes: [0], keepDims: false });
    const parts = segments(
      b.nodes().filter(({ path }) => path !== "loss"),
      (value) => value === "x" || value.startsWith("w"),
      (value) => b.ref(value).type,
    );
    const found = gradients(b, loss, weights, recompute ? { recompute: parts } : {});
    for (const [index, gradient] of found.entries()) b.output(`d${index}`, gradient!);
    b.output("loss", loss);
    // Not every value of a second run is needed; whoever differentiates drops what nothing reads.
    return { graph: checkGraph(selectOutputs(b.draft(), ["loss", ...found.map((_, index) => `d${index}`)])), parts };
  }

  test("gives the same gradients, from inner values that are computed twice", async () => {
    const feeds = Object.fromEntries(
      ["x", ...Array.from({ length: 9 }, (_, index) => `w${index}`)].map((name, index) => [
        name,
        { shape: [4], data: Float32Array.of(0.3, 0.1 * index, 0.25, 0.4 - 0.05 * index) },
      ]),
    );
    const [plain, again] = [chain(false), chain(true)];
    const results = await Promise.all([plain, again].map(({ graph }) => runGraph(graph, new Map(), feeds)));
    expect(results[1]).toEqual(results[0]);
    const repeated = again.graph.nodes.filter(({ path, op }) => path.startsWith("recompute.") && op === "mul");
    expect(repeated.length).toBeGreaterThan(6);
    // Everything that a second run reads from the forward pass waits for a gradient.
    const forward = new Set(plain.graph.nodes.filter(({ path }) => /^\d/.test(path)).flatMap(({ outputs }) => outputs));
    for (const node of again.graph.nodes.filter(({ path, op }) => path.startsWith("recompute.") && op !== "add")) {
      expect(node.inputs.filter((input) => forward.has(input))).toEqual([]);
    }
  });

  test("cuts where one value is alive, into about as many parts as the root of such places", () => {
    const { parts } = chain(true);
    // 9 blocks end in one value, and inside a block the sum and the product are alone too: 4 nodes, 3 of them cuts.
    expect(parts.length).toBeGreaterThanOrEqual(3);
    expect(parts.length).toBeLessThanOrEqual(6);
    expect(parts.flat().map(({ path }) => path)).toEqual(
      chain(false)
        .graph.nodes.slice(0, parts.flat().length)
        .map(({ path }) => path),
    );
  });
});
