/** The client of `inceptionkit/client` against the server, and against answers that the server gives rarely. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ClientError, createClient, type InferenceClient } from "../../../src/client/index.js";
import { openClassifier } from "../../../src/index.js";
import { inProcess, ROOT } from "../../../test/program.js";
import { type RunningServer, startServer } from "../src/server.js";

const MODEL = path.join(ROOT, "examples/digits/digits.onnx");
const IMAGE = path.join(ROOT, "examples/digits/images/7-a.png");
const image = Uint8Array.from(readFileSync(IMAGE));
const volume = Uint8Array.from(readFileSync(path.join(ROOT, "examples/segment/hippocampus_001.nii.gz")));

let server: RunningServer;
let client: InferenceClient;
beforeAll(async () => {
  server = await startServer({ models: [MODEL, "hippocampus"], options: { port: 0 } });
  client = createClient(`${server.url}/`);
});
afterAll(() => server.close());

describe("against the server", () => {
  test("classify: as `inception classify`, from a Blob, a buffer, a view and shared memory", async () => {
    const { out } = await inProcess(["classify", IMAGE, "--model", MODEL, "--top", "2", "--json"]);
    const [{ top }] = JSON.parse(out) as [{ readonly top: unknown }];
    const shared = new Uint8Array(new SharedArrayBuffer(image.length));
    shared.set(image);
    const view = new Uint8Array(image.length + 7);
    view.set(image, 5);
    for (const input of [new Blob([image]), image.buffer, image, view.subarray(5, -2), shared])
      expect(await client.classify("digits", input, { top: 2 })).toEqual({ model: "digits", top });
  });

  test("embed and infer: the numbers of the task layer, bit for bit", async () => {
    const classifier = await openClassifier(MODEL);
    const { input } = await classifier.prepare(IMAGE);
    const { logits } = await classifier.session.run({ input }, { fetches: ["logits"] });
    const [vector] = await classifier.embed([IMAGE]);
    await classifier.close();
    expect(await client.embed("digits", image)).toEqual(vector);
    const unit = await client.embed("digits", image, { normalize: true });
    expect(Math.hypot(...unit)).toBeCloseTo(1, 5);
    const answer = await client.infer("digits", { input }, { outputs: ["logits"], id: "a", version: "1" });
    expect(answer).toEqual({
      model: "digits",
      version: "1",
      id: "a",
      outputs: { logits: { shape: [1, 10], datatype: "FP32", data: logits?.data } },
    });
  });

  test("explain and segment in every form", async () => {
    const { width, height, target } = await client.explain("digits", image, "summary", { method: "occlusion", target: 3 });
    expect(target.label).toBe("three");
    const map = await client.explain("digits", image, "map", { method: "occlusion" });
    expect(map.shape).toEqual([height, width]);
    expect(Buffer.from(await client.explain("digits", image, "png")).toString("latin1", 1, 4)).toBe("PNG");
    const summary = await client.segment("hippocampus", volume, "summary");
    const voxels = await client.segment("hippocampus", volume, "voxels");
    expect(voxels.shape).toEqual(summary.shape.toReversed());
    for (const { value, voxels: count } of summary.labels) expect(voxels.data.filter((each) => each === value).length).toBe(count);
    const packed = await client.segment("hippocampus", volume, "nii.gz");
    expect(gunzipSync(packed).equals(await client.segment("hippocampus", volume, "nii"))).toBe(true);
  });

  test("models, metadata, readiness; failures with the code, status and id of the server", async () => {
    expect((await client.models()).map(({ name, task }) => [name, task])).toEqual([
      ["digits", "classify"],
      ["hippocampus", "segment"],
    ]);
    expect((await client.metadata("digits")).inputs).toEqual([{ name: "input", datatype: "FP32", shape: [-1, 3, 64, 64] }]);
    expect([await client.isReady(), await client.isModelReady("digits")]).toEqual([true, true]);
    const about = { name: "ClientError", status: 404, code: "MODEL_NOT_FOUND", requestId: expect.stringMatching(/./) as string };
    await expect(client.classify("a b/c?", image)).rejects.toMatchObject(about);
    await expect(client.isModelReady("none")).rejects.toMatchObject(about);
    await expect(client.classify("digits", image, { signal: AbortSignal.abort("left") })).rejects.toBe("left");
    await expect(createClient("http://127.0.0.1:1").models()).rejects.toMatchObject({ code: "UNREACHABLE", status: null });
  });
});

describe("attempts", () => {
  const busy = (headers: Record<string, string> = {}, status = 429) =>
    new Response('{"code":"QUEUE_FULL","detail":"full"}', { status, headers });
  const answering = (...answers: readonly Response[]) => {
    const left = [...answers];
    return async () => left.shift() ?? new Response('{"models":[]}');
  };

  test("429 and 503 are sent again where asked, at most so often; others and long waits are not", async () => {
    const now = { "retry-after": "0" };
    const twice = () => answering(busy(now), busy(now, 503));
    expect(await createClient("http://x", { fetch: twice(), retries: 2 }).models()).toEqual([]);
    await expect(createClient("http://x", { fetch: twice(), retries: 1 }).models()).rejects.toMatchObject({ status: 503, retryAfter: 0 });
    await expect(createClient("http://x", { fetch: twice() }).models()).rejects.toMatchObject({ status: 429 });
    for (const answer of [busy(now, 500), busy({ "retry-after": "61" })])
      await expect(createClient("http://x", { fetch: answering(answer), retries: 9 }).models()).rejects.toBeInstanceOf(ClientError);
    const late = createClient("http://x", { fetch: answering(busy({ "retry-after": "2" })), retries: 9, deadline: 500 });
    await expect(late.models()).rejects.toMatchObject({ retryAfter: 2 });
  });

  test("answers that are not as described are errors", async () => {
    for (const text of ["", "[]", '{"models":3}', '{"models":[{"name":1}]}'])
      await expect(createClient("http://x", { fetch: async () => new Response(text) }).models()).rejects.toMatchObject({
        code: "ANSWER_INVALID",
      });
    expect(() => createClient("ftp://x")).toThrow(expect.objectContaining({ code: "OPTION_INVALID" }));
  });
});

test("the client costs less than 5 kB gzip", async () => {
  const { outputFiles } = await build({
    entryPoints: [path.join(ROOT, "src/client/index.ts")],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "browser",
  });
  const size = gzipSync(outputFiles[0]?.contents ?? "", { level: 9 }).length;
  console.log(`client: ${size} bytes gzip`);
  expect(size).toBeGreaterThan(1_000);
  expect(size).toBeLessThan(5_000);
});
