import { expect, test } from "vitest";
import { InceptionError } from "../errors.js";
import { devicesToTry, type InstalledDevices } from "./devices.js";

const linux: InstalledDevices = { providers: ["cpu", "webgpu", "cuda", "tensorrt"], cudaLibrary: false, platform: "linux-x64" };
const mac: InstalledDevices = { providers: ["cpu", "webgpu", "coreml"], cudaLibrary: false, platform: "darwin-arm64" };

test("auto is CUDA where its library is, then the CPU, and never WebGPU", () => {
  expect(devicesToTry("auto", linux)).toEqual(["cpu"]);
  expect(devicesToTry("auto", { ...linux, cudaLibrary: true })).toEqual(["cuda", "cpu"]);
  expect(devicesToTry("auto", mac)).toEqual(["cpu"]);
});

test("a device that is asked for is the only one tried", () => {
  expect(devicesToTry("cpu", { ...linux, cudaLibrary: true })).toEqual(["cpu"]);
  expect(devicesToTry("webgpu", linux)).toEqual(["webgpu"]);
  expect(devicesToTry("cuda", { ...linux, cudaLibrary: true })).toEqual(["cuda"]);
});

test("an absent device is refused with what to do about it", () => {
  expect(() => devicesToTry("cuda", linux)).toThrow(
    new InceptionError(
      "DEVICE_UNAVAILABLE",
      'Cannot use device "cuda": onnxruntime-node is installed without libonnxruntime_providers_cuda.so; ' +
        "get it with ONNXRUNTIME_NODE_INSTALL=true node node_modules/onnxruntime-node/script/install.js",
      { device: "cuda" },
    ),
  );
  expect(() => devicesToTry("cuda", mac)).toThrow(
    new InceptionError(
      "DEVICE_UNAVAILABLE",
      'Cannot use device "cuda": onnxruntime-node for darwin-arm64 does not support it on this platform; available are cpu, webgpu',
      { device: "cuda", platform: "darwin-arm64" },
    ),
  );
});
