/** This package as a benchmark program (see bench/README.md): describe, fill, compile, run in the session's own thread. */

import { summarize } from "../../src/analysis/summary.js";
import { compileInference } from "../../src/compile/compile.js";
import { concatChunks } from "../../src/formats/concat-chunks.js";
import { describeModel } from "../../src/models/index.js";
import { createNodeSession } from "../../src/node/ort-session.js";
import type { Session } from "../../src/runtime/session.js";
import { float32Tensor, type Tensor } from "../../src/tensor/tensor.js";
import { goldenParameters } from "../../src/weights/golden.js";
import { fillInput } from "./fill.js";
import { inputShape, NETWORKS } from "./networks.js";
import { type BenchProgram, type LoadCommand, type Loaded, serve } from "./serve.js";

function createProgram(): BenchProgram {
  let session: Session | undefined;
  let input: Tensor | undefined;
  return {
    name: "inceptionkit",
    version: "0.1.0",
    async load({ model, batch, size, threads, form }: LoadCommand): Promise<Loaded> {
      if (form !== null && form !== "plain") throw new RangeError(`Cannot load in form "${form}": expected plain or none`);
      await session?.close();
      const graph = describeModel(model, { inputSize: size });
      const bytes = concatChunks(
        compileInference(graph, goldenParameters(graph), { outputs: ["logits"], optimize: form !== "plain" }).chunks,
      );
      session = await createNodeSession(bytes, { device: "cpu", threads, transfer: true });
      const shape = inputShape(NETWORKS[model], batch, size);
      input = float32Tensor(shape, fillInput(NETWORKS[model].key, shape));
      return { params: summarize(graph).params, threads };
    },
    async forward() {
      if (session === undefined || input === undefined) throw new Error('Cannot run: no network is loaded, send "load" first');
      const { logits } = await session.run({ input });
      if (!(logits?.data instanceof Float32Array)) throw new Error("Cannot run: the session gave no float32 logits");
      return logits.data;
    },
  };
}

await serve(createProgram());
