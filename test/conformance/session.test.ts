import { describe, test } from "vitest";
import { createNodeSession } from "../../src/node/ort-session.js";
import { sessionCases } from "../../src/runtime/session.cases.js";

describe("a session of onnxruntime-node", () => {
  for (const sessionCase of sessionCases) {
    test(sessionCase.name, () => sessionCase.run((model, options) => createNodeSession(model, options)));
  }
});

describe("a session of onnxruntime-node in a child process", () => {
  for (const sessionCase of sessionCases) {
    test(sessionCase.name, () => sessionCase.run((model, options) => createNodeSession(model, { ...options, isolate: true })));
  }
});
