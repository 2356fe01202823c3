/** The Open Inference Protocol over REST, through fetch. */
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { float32Tensor } from "../../../src/core.js";
import { type Classifier, openClassifier } from "../../../src/index.js";
import { ROOT } from "../../../test/program.js";
import { type RunningServer, startServer } from "../src/server.js";

const MODEL = path.join(ROOT, "examples/digits/digits.onnx");
let server: RunningServer;
let classifier: Classifier;
/** One image, [1, 3, 64, 64], and its logits, computed without the server. */
let values: Float32Array;
let logits: readonly number[];

beforeAll(async () => {
  server = await startServer({ models: [MODEL, "hippocampus"], options: { port: 0 } });
  classifier = await openClassifier(MODEL);
  const { input } = await classifier.prepare(path.join(ROOT, "examples/digits/images/7-a.png"));
  values = input.data;
  const outputs = await classifier.session.run({ input }, { fetches: ["logits"] });
  logits = Array.from(outputs.logits?.data ?? [], Number);
});
afterAll(async () => {
  await Promise.all([server.close(), classifier.close()]);
});

const INFER = "/v2/models/digits/infer";
const image = () => ({ name: "input", shape: [1, 3, 64, 64], datatype: "FP32" });
const LOGITS = { outputs: [{ name: "logits" }] };

interface Answer {
  readonly outputs: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly datatype: string;
    readonly data?: readonly number[];
    readonly parameters?: { readonly binary_data_size: number };
  }[];
}

function postJson(body: object, route = INFER): Promise<Response> {
  return fetch(`${server.url}${route}`, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } });
}

/** The JSON, then bytes; Triton's client sends a content type that no library parses. */
function postBinary(header: object, bytes: Uint8Array, length?: string): Promise<Response> {
  const json = Buffer.from(JSON.stringify(header));
  const headers = {
    "content-type": "application/vnd.sagemaker-triton.binary+json;json-header-size=1",
    "inference-header-content-length": length ?? String(json.length),
  };
  return fetch(`${server.url}${INFER}`, { method: "POST", body: Uint8Array.from(Buffer.concat([json, bytes])), headers });
}

const asBytes = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array => new Uint8Array(buffer, byteOffset, byteLength);

describe("infer", () => {
  test("JSON in and out: the logits of the task layer to the last bit, flat or nested, and the id comes back", async () => {
    const flat = await postJson({ id: "a-1", inputs: [{ ...image(), data: [...values] }], ...LOGITS });
    expect(await flat.json()).toEqual({
      model_name: "digits",
      model_version: "1",
      id: "a-1",
      outputs: [{ name: "logits", datatype: "FP32", shape: [1, 10], data: logits }],
    });
    const rows = Array.from({ length: 3 * 64 }, (_, row) => [...values.subarray(64 * row, 64 * (row + 1))]);
    const nested = [[rows.slice(0, 64), rows.slice(64, 128), rows.slice(128)]];
    const answer = (await (await postJson({ inputs: [{ ...image(), data: nested }], ...LOGITS })).json()) as Answer;
    expect(answer.outputs[0]?.data).toEqual(logits);
  });

  test("bytes in, bytes or JSON out: the same", async () => {
    const input = { ...image(), parameters: { binary_data_size: 4 * values.length } };
    const plain = (await (await postBinary({ inputs: [input], ...LOGITS }, asBytes(values))).json()) as Answer;
    expect(plain.outputs[0]?.data).toEqual(logits);
    const header = { inputs: [input], outputs: [{ name: "logits", parameters: { binary_data: true } }] };
    const answer = await postBinary(header, asBytes(values));
    const body = Buffer.from(await answer.arrayBuffer());
    const length = Number(answer.headers.get("inference-header-content-length"));
    const { outputs } = JSON.parse(body.subarray(0, length).toString()) as Answer;
    expect(outputs).toEqual([{ name: "logits", datatype: "FP32", shape: [1, 10], parameters: { binary_data_size: 40 } }]);
    expect([...new Float32Array(Uint8Array.from(body.subarray(length)).buffer)]).toEqual(logits);
  });

  test("a batch has a row for each image; without names all outputs come, as bytes where the request says so", async () => {
    const twice = Float32Array.from([...values, ...values]);
    const input = { ...image(), shape: [2, 3, 64, 64], parameters: { binary_data_size: 4 * twice.length } };
    const all = await postBinary({ inputs: [input], parameters: { binary_data_output: true } }, asBytes(twice));
    const body = Buffer.from(await all.arrayBuffer());
    const { outputs } = JSON.parse(body.subarray(0, Number(all.headers.get("inference-header-content-length"))).toString()) as Answer;
    expect(outputs.map(({ name }) => name)).toEqual(classifier.session.outputs.map(({ name }) => name));
    expect(outputs.find(({ name }) => name === "logits")?.shape).toEqual([2, 10]);
    const sizes = outputs.map(({ parameters }) => parameters?.binary_data_size ?? 0);
    expect(body.length).toBe(Number(all.headers.get("inference-header-content-length")) + sizes.reduce((sum, size) => sum + size, 0));
  });
});

describe("requests with one row each run together", () => {
  const DIGITS = [0, 1, 2, 3].map((digit) => path.join(ROOT, `examples/digits/images/${digit}-a.png`));
  const request = (input: Float32Array, rows = 1): RequestInit => ({
    method: "POST",
    body: JSON.stringify({ inputs: [{ ...image(), shape: [rows, 3, 64, 64], data: [...input] }], ...LOGITS }),
  });
  const batches = async (url: string): Promise<string | undefined> => {
    const text = await (await fetch(`${url}/metrics`)).text();
    return /^inception_batch_size_count\{model="digits"\} (\d+)$/m.exec(text)?.[1];
  };

  test("as many as come within the delay, each with its own row; another shape by itself", async () => {
    const joining = await startServer({ models: [MODEL], options: { port: 0, queueDelay: 2_000, maxBatch: 4 } });
    try {
      const inputs = await Promise.all(DIGITS.map(async (file) => (await classifier.prepare(file)).input.data));
      const expected = await Promise.all(inputs.map((data) => classifier.session.run({ input: float32Tensor([1, 3, 64, 64], data) })));
      const url = `${joining.url}${INFER}`;
      const answers = await Promise.all(inputs.map(async (data) => (await (await fetch(url, request(data))).json()) as Answer));
      expect(await batches(joining.url)).toBe("1");
      for (const [index, { outputs }] of answers.entries()) {
        expect(outputs).toMatchObject([{ name: "logits", shape: [1, 10] }]);
        const values = Array.from(expected[index]?.logits?.data ?? [], Number);
        for (const [at, value] of values.entries()) expect(outputs[0]?.data?.[at]).toBeCloseTo(value, 4);
      }
      // A request that cannot be joined waits for no others.
      const began = performance.now();
      const two = (await (
        await fetch(url, request(Float32Array.from(inputs.slice(0, 2).flatMap((data) => [...data])), 2))
      ).json()) as Answer;
      expect(two.outputs[0]?.shape).toEqual([2, 10]);
      expect(performance.now() - began).toBeLessThan(1_900);
      expect(await batches(joining.url)).toBe("2");
    } finally {
      await joining.close();
    }
  });
});

describe("what does not fit is a problem with 400", () => {
  const data = (): number[] => [...values];
  const binary = { ...image(), parameters: { binary_data_size: 4 * 3 * 64 * 64 } };
  test.each<[string, () => Promise<Response>, RegExp]>([
    ["too few elements", () => postJson({ inputs: [{ ...image(), data: [1, 2] }] }), /its shape has 12288 elements, data has 2/],
    ["another shape", () => postJson({ inputs: [{ ...image(), shape: [1, 3, 32, 128], data: data() }] }), /Cannot run/],
    ["another name", () => postJson({ inputs: [{ ...image(), name: "x", data: data() }] }), /input/],
    ["another type", () => postJson({ inputs: [{ ...image(), datatype: "INT32", data: data().map(() => 1) }] }), /float32/],
    ["no type", () => postJson({ inputs: [{ ...image(), datatype: "BYTES", data: [] }] }), /expected a datatype of BOOL/],
    ["a text among numbers", () => postJson({ inputs: [{ ...image(), data: ["1", ...data().slice(1)] }] }), /element 0 is not a number/],
    ["a negative size", () => postJson({ inputs: [{ ...image(), shape: [-1, 3, 64, 64], data: data() }] }), /expected a shape/],
    ["an enormous shape", () => postJson({ inputs: [{ ...image(), shape: [1e9, 1e9], data: [] }] }), /expected a shape/],
    [
      "an integer out of range",
      () => postJson({ inputs: [{ name: "input", shape: [1], datatype: "UINT8", data: [256] }] }),
      /not in the range of UINT8/,
    ],
    ["no inputs", () => postJson({}), /expected a list/],
    ["the same input twice", () => postJson({ inputs: [1, 2].map(() => ({ ...image(), data: data() })) }), /two inputs have one name/],
    [
      "an output that is not there",
      () => postJson({ inputs: [{ ...image(), data: data() }], outputs: [{ name: "none" }] }),
      /the model has .*logits/,
    ],
    [
      "the classification extension",
      () => postJson({ inputs: [{ ...image(), data: data() }], outputs: [{ name: "logits", parameters: { classification: 3 } }] }),
      /not supported/,
    ],
    [
      "fewer bytes than announced",
      () => postBinary({ inputs: [binary] }, new Uint8Array(10)),
      /the body has 10 bytes for an input of 49152/,
    ],
    [
      "more bytes than announced",
      () => postBinary({ inputs: [binary] }, new Uint8Array(4 * 3 * 64 * 64 + 1)),
      /1 bytes belong to no input/,
    ],
    [
      "bytes that the shape does not take",
      () => postBinary({ inputs: [{ ...binary, parameters: { binary_data_size: 8 } }] }, new Uint8Array(8)),
      /its shape takes 49152 bytes/,
    ],
    [
      "a header longer than the body",
      () => postBinary({ inputs: [binary] }, new Uint8Array(0), "100000"),
      /expected inference-header-content-length/,
    ],
    ["tensors for a model of volumes", () => postJson({ inputs: [] }, "/v2/models/hippocampus/infer"), /it supports segment/],
  ])("%s", async (_, send, message) => {
    const answer = await send();
    const problem = (await answer.json()) as { readonly status: number; readonly detail: string };
    expect(problem.detail).toMatch(message);
    expect([answer.status, problem.status]).toEqual([400, 400]);
    expect(problem.detail).not.toContain(ROOT);
  });
});

describe("facts", () => {
  const get = async (route: string) => {
    const answer = await fetch(`${server.url}${route}`);
    return [answer.status, await answer.json()];
  };

  test("of the server and of models, as the specification names them", async () => {
    expect(await get("/v2")).toEqual([200, { name: "inceptionkit", version: "0.1.0", extensions: ["binary_tensor_data"] }]);
    expect(await get("/v2/health/live")).toEqual([200, { live: true }]);
    expect(await get("/v2/health/ready")).toEqual([200, { ready: true }]);
    expect(await get("/v2/models/digits/ready")).toEqual([200, { name: "digits", ready: true }]);
    const [status, metadata] = await get("/v2/models/digits/versions/1");
    expect(status).toBe(200);
    expect(metadata).toMatchObject({
      name: "digits",
      versions: ["1"],
      platform: "onnx_onnxruntime",
      inputs: [{ name: "input", datatype: "FP32", shape: [-1, 3, 64, 64] }],
    });
    expect((metadata as Answer).outputs).toContainEqual({ name: "logits", datatype: "FP32", shape: [-1, 10] });
  });

  test("of what is not there: 404", async () => {
    for (const route of ["/v2/models/none", "/v2/models/digits/versions/2", "/v2/models/none/ready"]) {
      expect(await get(route)).toMatchObject([404, { code: "MODEL_NOT_FOUND" }]);
    }
  });
});
