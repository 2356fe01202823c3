import { concatChunks } from "../../src/formats/concat-chunks.js";
import { encodeModel } from "../../src/formats/onnx/encode.js";
import type { TensorInfo } from "../../src/runtime/session.js";
import { openOnnxBytes } from "../../src/tasks/open-model.js";
import { bytesPerElement, viewBytes } from "../../src/tensor/dtype.js";
import { elementCount, type Tensor } from "../../src/tensor/tensor.js";
import type { Draws } from "./draws.js";
import { openInProcess } from "./in-process-session.js";
import { randomModel } from "./random-graph.js";
import type { FuzzTarget } from "./target.js";

/** Values of an input that is fed; files may state more, which nobody has. */
const MAX_VALUES = 2 ** 20;

/** Far below the defaults, which allow networks for volumes gigabytes and a minute: no case is to come near the limits of the runner. */
const LIMITS = { valueBytes: 2 ** 27, memoryBytes: 2 ** 28, macs: 1e10, trafficBytes: 2 ** 32 };

/** Small graphs of allowed operators with random attributes, arities, types, shapes and operator sets, loaded and run as `loadModel` does. */
export const onnxSemantics: FuzzTarget = {
  name: "onnx-semantics",
  share: 20,
  prepare: async () => (draws) => {
    const model = randomModel(draws, draws.chance(0.1) ? new Map([["inceptionkit", selfCheck(draws)]]) : new Map());
    const bytes = concatChunks(encodeModel(model).chunks);
    return {
      bytes,
      run: async () => {
        const loaded = await openOnnxBytes({ createSession: openInProcess }, bytes.slice(), "fuzz.onnx", {
          threads: 1,
          device: "cpu",
          limits: LIMITS,
        });
        try {
          for (let runs = 0; runs < 2; runs++) {
            const feeds = loaded.session.inputs.map((input) => [input.name, feedOf(draws, input)] as const);
            if (feeds.some(([, tensor]) => tensor === null)) return;
            await loaded.session.run(
              Object.fromEntries(feeds.flatMap(([name, tensor]) => (tensor === null ? [] : [[name, tensor] as const]))),
            );
          }
        } finally {
          await loaded.close();
        }
      },
    };
  },
};

function selfCheck(draws: Draws): string {
  const golden = { key: "k", shape: draws.pick([[1, 3, 8, 8], [2, 6], [1]]), low: -1, high: 1, outputs: { v0_0: [1, 2, 3] } };
  const about = { version: 1, model: "m", options: {}, source: "s", licence: "l", preprocessing: null, labels: null, weightsSha256: null };
  return JSON.stringify({ ...about, golden });
}

function feedOf(draws: Draws, { dtype, shape }: TensorInfo): Tensor | null {
  const sizes = shape.map((size) => (typeof size === "number" ? size : draws.int(1, 9)));
  const count = elementCount(sizes);
  if (count > MAX_VALUES) return null;
  const data = viewBytes(dtype, new Uint8Array(count * bytesPerElement(dtype)));
  for (let i = 0; i < data.length; i++) {
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[i] = BigInt(draws.int(0, 5));
    else
      data[i] =
        dtype === "bool"
          ? draws.int(0, 1)
          : draws.chance(0.01)
            ? draws.pick([Number.NaN, Number.POSITIVE_INFINITY, 1e38])
            : draws.int(-3, 6);
  }
  return { dtype, shape: sizes, data };
}
