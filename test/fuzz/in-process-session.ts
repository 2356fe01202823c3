import * as ort from "onnxruntime-node";
import { InceptionError } from "../../src/errors.js";
import { baseOptions, ortTensor } from "../../src/node/ort-open.js";
import type { NodeSessionOptions } from "../../src/node/ort-session.js";
import { checkFeeds, checkFetches } from "../../src/runtime/feeds.js";
import { carriedError, errorFrom } from "../../src/runtime/messages.js";
import { sessionEngine } from "../../src/runtime/serve-session.js";
import type { Session } from "../../src/runtime/session.js";

/**
 * A session on the thread of the caller: what the worker of `createNodeSession` does, a hundred times as fast to open.
 * Only for a process that may end.
 */
export async function openInProcess(model: Uint8Array | string, options: NodeSessionOptions): Promise<Session> {
  const { name = "model", threads = 1, constantFolding = true } = options;
  if (typeof model === "string") throw new RangeError("Cannot open a file here: expected its bytes");
  const typed = async <T>(action: string, call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (thrown) {
      if (thrown instanceof InceptionError) throw thrown;
      throw errorFrom(carriedError(thrown, `Cannot ${action} "${name}" on cpu`, { model: name, device: "cpu" }));
    }
  };
  const start = { name, device: "cpu", threads, cells: new SharedArrayBuffer(8) } as const;
  const opened = await typed("open", () => ort.InferenceSession.create(model, baseOptions(start, "cpu", constantFolding)));
  const engine = await typed("open", async () => sessionEngine(name, "cpu", opened, opened, (tensor) => ortTensor(ort, tensor)));
  const { inputs, outputs, device } = engine.ready;
  return {
    device,
    inputs,
    outputs,
    run: async (feeds, { fetches = outputs.map((output) => output.name) } = {}) => {
      checkFeeds(name, inputs, feeds);
      checkFetches(name, outputs, fetches);
      return typed("run", () => engine.run({ feeds, fetches }));
    },
    close: () => engine.close(),
  };
}
