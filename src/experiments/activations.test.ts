import { describe, expect, test } from "vitest";
import { createTestTrainer } from "../../test/in-process-trainer.js";
import { compileInference } from "../compile/compile.js";
import { concatChunks } from "../formats/concat-chunks.js";
import { float32Tensor } from "../tensor/tensor.js";
import { initialParameters } from "../weights/index.js";
import { activationStatistics, PROBE_OUTPUT, probeProgram } from "./activations.js";
import { LAST_MODULE, residualNetwork } from "./residual-network.js";

describe("activationStatistics", () => {
  test("two images, three channels, two pixels, by hand", () => {
    // Channel 1 is zero in both images; channel 2 only in the first. Negative zero is zero.
    const values = Float32Array.of(1, 0, 0, 0, 0, 0, 3, 0, -0, 0, 2, 2);
    const { zeros, deadChannels, mean, deviation } = activationStatistics(values, [2, 3, 1, 2]);
    expect(zeros).toBe(8 / 12);
    expect(deadChannels).toBe(1 - 2 / 3);
    // Sum 8 of 12; squares 1 + 9 + 4 + 4 = 18; variance 18/12 - (8/12)^2 = 1.0556
    expect(mean).toBe(8 / 12);
    expect(deviation).toBeCloseTo(Math.sqrt(18 / 12 - (8 / 12) ** 2), 12);
  });

  test("only zeros are dead altogether", () => {
    expect(activationStatistics(new Float32Array(8), [2, 4])).toEqual({ zeros: 1, deadChannels: 1, mean: 0, deviation: 0 });
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])("%s among the values leaves nothing to say", (value) => {
    const none = { zeros: Number.NaN, deadChannels: Number.NaN, mean: Number.NaN, deviation: Number.NaN };
    expect(activationStatistics(Float32Array.of(0, value), [1, 2])).toEqual(none);
  });

  test("a shape that does not fit is refused", () => {
    expect(() => activationStatistics(new Float32Array(6), [2, 2, 2])).toThrow(new RangeError("Cannot evaluate 6 values as [2, 2, 2]"));
    expect(() => activationStatistics(new Float32Array(0), [0, 2])).toThrow(new RangeError("Cannot evaluate 0 values as [0, 2]"));
  });
});

describe("probeProgram", () => {
  const network = residualNetwork({ filters: 16, scale: 0.3, norm: "conv", blocks: 2 });
  const parameters = initialParameters(network, 3);
  const images = float32Tensor(
    [4, 3, 32, 32],
    Float32Array.from({ length: 4 * 3 * 32 * 32 }, (_, i) => Math.sin(i)),
  );

  async function probe(mode: "training" | "evaluation") {
    const program = probeProgram(network, LAST_MODULE, 4, mode);
    const state = new Map([...parameters].map(([name, { shape: _, ...tensor }]) => [name, { ...tensor, shape: [tensor.data.length] }]));
    const trainer = await createTestTrainer({ probe: program }, state);
    const { [PROBE_OUTPUT]: activations } = await trainer.run("probe", { input: images });
    await trainer.close();
    return activations;
  }

  test("in evaluation it shows what the inference graph of the module gives", async () => {
    const { InferenceSession, Tensor } = await import("onnxruntime-node");
    const session = await InferenceSession.create(concatChunks(compileInference(network, parameters, { outputs: [LAST_MODULE] }).chunks));
    const { [LAST_MODULE]: expected } = await session.run({ input: new Tensor("float32", images.data as Float32Array, images.shape) });
    const found = await probe("evaluation");
    expect(found?.shape).toEqual([4, 16, 3, 3]);
    const wanted = Array.from(expected?.data as Float32Array);
    for (const [index, value] of Array.from(found?.data as Float32Array).entries())
      expect(value).toBeCloseTo(wanted[index] ?? Number.NaN, 4);
    expect(Math.max(...wanted)).toBeGreaterThan(0.1);
    await session.release();
  });

  test("in training it normalizes with the batch: other values, ReLU's zeros among them", async () => {
    const [training, evaluation] = [await probe("training"), await probe("evaluation")];
    expect(training?.data).not.toEqual(evaluation?.data);
    const { zeros } = activationStatistics(training?.data as Float32Array, training?.shape ?? []);
    expect(zeros).toBeGreaterThan(0);
    expect(zeros).toBeLessThan(1);
  });
});
