import { describe, expect, test } from "vitest";
import { sessionCases } from "../../src/runtime/session.cases.js";
import { trainerCases } from "../../src/runtime/trainer.cases.js";
import { createWebSession, createWebTrainer, type WebWorker } from "../../src/web/index.js";
import { ORT_FOR_NODE, startNodeWorker } from "./node-worker.js";

const web = { runtime: ORT_FOR_NODE, startWorker: startNodeWorker, device: "cpu", threads: 1 } as const;

describe("a session of onnxruntime-web, on WebAssembly in Node", () => {
  for (const sessionCase of sessionCases) {
    test(sessionCase.name, () => sessionCase.run((model, options) => createWebSession(model, { ...web, ...options })));
  }
});

describe("a trainer of onnxruntime-web, on WebAssembly in Node", () => {
  for (const trainerCase of trainerCases) {
    test(trainerCase.name, () => trainerCase.run((programs, state, options) => createWebTrainer(programs, state, { ...web, ...options })));
  }
});

describe("opening", () => {
  test("ends when the worker does not answer in time", async () => {
    let ended = false;
    const silent: WebWorker = {
      onmessage: null,
      onerror: null,
      postMessage: () => {},
      terminate: () => {
        ended = true;
      },
    };
    const opened = createWebSession(new Uint8Array(1), { device: "cpu", startWorker: () => silent, openTimeoutMs: 50, name: "digits" });
    await expect(opened).rejects.toMatchObject({
      code: "SESSION_FAILED",
      message: 'Cannot open "digits": the worker did not answer within 0.05 s; raise openTimeoutMs to wait longer',
    });
    expect(ended).toBe(true);
  });

  test.each([0, -1, Number.NaN])("refuses openTimeoutMs %s", async (openTimeoutMs) => {
    await expect(createWebSession(new Uint8Array(1), { device: "cpu", openTimeoutMs })).rejects.toMatchObject({
      code: "OPTION_INVALID",
      message: `Cannot open "model" with openTimeoutMs ${openTimeoutMs}: expected a positive number of milliseconds`,
    });
  });

  test("says that a worker's script has no runtime", async () => {
    const opened = createWebSession(new Uint8Array(1), { device: "cpu", startWorker: startNodeWorker });
    await expect(opened).rejects.toMatchObject({
      code: "SESSION_FAILED",
      message: 'Cannot open "model" on cpu: the worker\'s script includes no runtime; pass the URL of one as runtime',
    });
  });
});
