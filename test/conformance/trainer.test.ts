import { describe, test } from "vitest";
import { createNodeTrainer } from "../../src/node/ort-trainer.js";
import { trainerCases } from "../../src/runtime/trainer.cases.js";

describe("a trainer of onnxruntime-node", () => {
  for (const trainerCase of trainerCases) {
    test(trainerCase.name, () => trainerCase.run(createNodeTrainer));
  }
});
