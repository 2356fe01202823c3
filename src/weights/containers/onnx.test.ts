import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { sharedPath, titleNeeding } from "../../../test/shared.js";
import { bytesSource } from "../../formats/byte-source.js";
import { openWeightFile } from "./index.js";

describe("initializers of ONNX models", () => {
  const folder = "data/model_formats";
  const found = sharedPath(folder);
  // The counts of tensors.txt.
  test.skipIf(!found).each([
    ["light_inception_v1.onnx", 118],
    ["light_inception_v2.onnx", 486],
  ])(titleNeeding("%s", found, folder), async (name, count) => {
    const file = await openWeightFile(bytesSource(name, readFileSync(`${found}/${name}`)));
    expect([file.format, file.tensors.size]).toEqual(["ONNX", count]);
    for (const entry of file.tensors.values()) expect(await entry.read()).toMatchObject({ shape: entry.shape, dtype: entry.dtype });
  });

  test.skipIf(!found)(titleNeeding("the first kernel's bias", found, folder), async () => {
    const file = await openWeightFile(bytesSource("x.onnx", readFileSync(`${found}/light_inception_v1.onnx`)));
    expect(file.tensors.get("conv1/7x7_s2_b_0")).toMatchObject({ dtype: "float32", shape: [64] });
  });
});
