import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { concatChunks } from "../formats/concat-chunks.js";
import { encodeModel } from "../formats/onnx/encode.js";
import { float32, floats as input, int, int64, ints, model, node } from "../formats/onnx/onnx-graphs.cases.js";
import type { OnnxGraph } from "../formats/onnx/types.js";
import { type LoadModelOptions, loadModel } from "../node/load-model.js";
import { floats } from "../runtime/session.cases.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "inception-bounded-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function load(graph: Pick<OnnxGraph, "nodes"> & Partial<OnnxGraph>, options: LoadModelOptions = {}) {
  const file = path.join(folder, "m.onnx");
  await writeFile(file, concatChunks(encodeModel(model(graph)).chunks));
  return loadModel(file, { ...options, threads: 2 });
}

function failure(code: string, fact: string): unknown {
  return expect.objectContaining({ code, message: `Cannot ${fact.replace("FILE", `"${path.join(folder, "m.onnx")}"`)}` });
}

const zeros = (...shape: readonly number[]) => floats(shape, Array<number>(shape.reduce((count, size) => count * size, 1)).fill(0));

describe("a model of free size", () => {
  const graph = {
    nodes: [
      node("MaxPool", "x", "p", [ints("kernel_shape", 3, 3)]),
      node("Resize", "p _ by", "r"),
      node("ReduceMax", "r", "y", [int("keepdims", 0)]),
    ],
    initializers: [float32("by", [4], 1, 1, 100, 100)],
    inputs: [input("x", "N", 1, "height", "width")],
  };

  test("runs at sizes within the limits, before and after one that is not", async () => {
    const loaded = await load(graph);
    expect(await loaded.session.run({ x: zeros(1, 1, 8, 8) })).toEqual({ y: floats([], [0]) });
    await expect(loaded.session.run({ x: zeros(1, 1, 500, 500) })).rejects.toThrow(
      failure(
        "FILE_LIMIT",
        "run FILE: graph.node[1] (Resize) takes float32[1, 1, 49800, 49800], 9,920,160,000 bytes, the limit is 2,147,483,648 (option limits.valueBytes)",
      ),
    );
    expect(await loaded.session.run({ x: zeros(2, 1, 8, 8) })).toEqual({ y: floats([], [0]) });
    await loaded.close();
  });

  test("says at which node a size does not fit, and still which input is wrong", async () => {
    const loaded = await load(graph);
    await expect(loaded.session.run({ x: zeros(1, 1, 2, 8) })).rejects.toThrow(
      failure("FEED_INVALID", "run FILE: graph.node[0] (MaxPool) has a window of 3, which does not fit size 2 padded by 0"),
    );
    await expect(loaded.session.run({ z: zeros(1) })).rejects.toThrow(
      failure("FEED_INVALID", 'run FILE: input "x" is missing; input "z" is unknown, the model has x'),
    );
    await loaded.close();
  });

  test("has the limits that the caller states", async () => {
    const loaded = await load(graph, { limits: { valueBytes: 1e6 } });
    await expect(loaded.session.run({ x: zeros(1, 1, 8, 8) })).rejects.toThrow(
      failure(
        "FILE_LIMIT",
        "run FILE: graph.node[1] (Resize) takes float32[1, 1, 600, 600], 1,440,000 bytes, the limit is 1,000,000 (option limits.valueBytes)",
      ),
    );
    await loaded.close();
  });
});

test("what contradicts itself is refused as the file is loaded", async () => {
  await expect(
    load({ nodes: [node("Flatten", "x", "f"), node("MatMul", "f w", "y")], initializers: [float32("w", [8, 8])] }),
  ).rejects.toThrow(failure("FILE_CORRUPT", "load FILE: graph.node[1] (MatMul) cannot multiply float32[1, 192] by float32[8, 8]"));
});

test("what is constant is not computed as the file is opened, unless it is little", async () => {
  // 3.4e12 multiply-adds, just within the limit; one thread takes half a minute for them.
  const products = Array.from({ length: 400 }, (_, i) => node("MatMul", `m${i} m0`, `m${i + 1}`));
  const loaded = await load({
    nodes: [node("Expand", "one size", "m0"), ...products, node("Expand", "x like", "grown"), node("MatMul", "m400 grown", "y")],
    initializers: [float32("one", [1]), int64("size", 2048, 2048), int64("like", 2048, 1)],
    inputs: [input("x", 1, 1)],
  });
  await loaded.close();
}, 15_000);
