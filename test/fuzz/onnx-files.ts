import { readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { bytesSource } from "../../src/formats/byte-source.js";
import { concatChunks } from "../../src/formats/concat-chunks.js";
import { checkOps } from "../../src/formats/onnx/check-ops.js";
import { decodeModel } from "../../src/formats/onnx/decode.js";
import { encodeModel } from "../../src/formats/onnx/encode.js";
import { modelArbitrary } from "../../src/formats/onnx/model.cases.js";
import { summarizeOnnx } from "../../src/formats/onnx/print.js";
import { INFERENCE_OPS } from "../../src/formats/onnx/schemas.js";
import { looksLikeOnnx } from "../../src/formats/onnx/sniff.js";
import { ROOT } from "../shared.js";
import { mutate } from "./mutate.js";
import type { FuzzTarget } from "./target.js";

/** Files that are varied: models of every kind of content, as many as make a case rare enough to be another each time. */
const MODELS = 400;

/** Damaged encodings of models. What is read is written and read as the same. */
export const onnxFiles: FuzzTarget = {
  name: "onnx-files",
  share: 15,
  prepare: async () => {
    const models = fc.sample(modelArbitrary, { numRuns: MODELS, seed: 1 }).map((model) => concatChunks(encodeModel(model).chunks));
    const files = [...models, readFileSync(path.join(ROOT, "examples/digits/digits.onnx")).subarray(0, 20_000)];
    return (draws) => {
      const bytes = mutate(draws.pick(files), draws);
      return {
        bytes,
        run: async () => {
          await looksLikeOnnx(bytesSource("x.onnx", bytes));
          const model = decodeModel(bytes, { name: "x.onnx" });
          summarizeOnnx(model);
          const again = concatChunks(encodeModel(model).chunks);
          if (!Buffer.from(concatChunks(encodeModel(decodeModel(again)).chunks)).equals(again))
            throw new Error("it is not read as it was written");
          // Most operators of these models are none, which is no fault of the reader.
          if (model.graph.nodes.every(({ opType }) => INFERENCE_OPS.has(opType))) checkOps(model);
        },
      };
    };
  },
};
