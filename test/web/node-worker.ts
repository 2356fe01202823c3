/** The web worker of `inceptionkit/web` in a thread of Node, so that WebAssembly is tested without a browser. */
import path from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import type { WebWorker } from "../../src/web/index.js";

const ROOT = path.resolve(import.meta.dirname, "../..");
const fileUrl = (file: string) => pathToFileURL(path.join(ROOT, file)).href;

/** onnxruntime-web's module for Node. */
export const ORT_FOR_NODE = fileUrl("node_modules/onnxruntime-web/dist/ort.node.min.mjs");

const SCRIPT = `
  const { parentPort } = require("node:worker_threads");
  import(${JSON.stringify(fileUrl("dist/web/serve.js"))}).then(({ serveWeb }) => {
    const scope = { onmessage: null, postMessage: (message, transfer) => parentPort.postMessage(message, transfer) };
    parentPort.on("message", (data) => scope.onmessage?.({ data }));
    serveWeb(scope);
  });`;

export function startNodeWorker(): WebWorker {
  const thread = new Worker(SCRIPT, { eval: true, execArgv: [] });
  const worker: WebWorker = {
    onmessage: null,
    onerror: null,
    postMessage: (message, transfer) => thread.postMessage(message, transfer),
    terminate: () => void thread.terminate(),
  };
  // Only the fields that are read.
  thread.on("message", (data: unknown) => worker.onmessage?.({ data } as MessageEvent));
  thread.on("error", (error) => worker.onerror?.({ message: error.message } as ErrorEvent));
  return worker;
}
