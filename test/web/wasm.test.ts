import { describe, test } from "vitest";
import { sessionCases } from "../../src/runtime/session.cases.js";
import { trainerCases } from "../../src/runtime/trainer.cases.js";
import { createWebSession, createWebTrainer } from "../../src/web/index.js";
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
