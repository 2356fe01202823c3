import { describe, test } from "vitest";
import { createNodeSession } from "../../src/node/ort-session.js";
import { sessionCases } from "../../src/runtime/session.cases.js";

describe("a session of onnxruntime-node", () => {
  for (const sessionCase of sessionCases) {
    test(sessionCase.name, () => sessionCase.run((model, options) => createNodeSession(model, options)));
  }
});
