import { expect, test } from "vitest";
import { hostTensor, onnxTensor } from "./tensor.js";

test("there and back shares the memory", () => {
  const data = Float32Array.of(9, 1, 2, 3).subarray(1);
  const onnx = onnxTensor("w", { dtype: "float32", shape: [3], data });
  expect(onnx).toEqual({ name: "w", dtype: "float32", shape: [3], data: new Uint8Array(Float32Array.of(1, 2, 3).buffer) });
  const host = hostTensor(onnx);
  expect(host).toEqual({ dtype: "float32", shape: [3], data });
  expect(host.data.buffer).toBe(data.buffer);
});

test("bytes that are not aligned are copied", () => {
  const data = new Uint8Array(5).subarray(1);
  data.set([1, 0, 0, 0]);
  expect(hostTensor({ name: "w", dtype: "int32", shape: [], data }).data).toEqual(Int32Array.of(1));
});

test("types without a host form and values in other files are refused", () => {
  expect(() => hostTensor({ name: "w", dtype: "int4", shape: [2], data: new Uint8Array(1) })).toThrow(
    expect.objectContaining({ code: "FILE_UNSUPPORTED", message: 'Cannot use tensor "w": elements of type int4 are not supported' }),
  );
  expect(() => hostTensor({ name: "w", dtype: "int8", shape: [2], data: new Uint8Array(0), external: new Map() })).toThrow(
    expect.objectContaining({ code: "FILE_UNSUPPORTED", message: 'Cannot use tensor "w": its values are in another file' }),
  );
});
