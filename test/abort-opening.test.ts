/** A signal ends the opening of a model in every phase: the promise rejects at once with its reason, and what was started ends. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openClassifier, openEmbedder, openSegmenter, toOnnx } from "../src/index.js";
import { httpsSource } from "../src/node/https-source.js";
import { digestContent } from "../src/node/verified-source.js";
import { ROOT } from "./program.js";

const MODEL = path.join(ROOT, "examples/digits/digits.onnx");
const REASON = new Error("changed my mind");

/** Threads that were started in this process and have not ended. */
const alive = new Set<Worker>();
const added = (worker: Worker) => {
  alive.add(worker);
  worker.once("exit", () => alive.delete(worker));
};
beforeAll(() => void process.on("worker", added));
afterAll(() => void process.off("worker", added));

describe("a signal that is aborted", () => {
  test("beforehand opens nothing", async () => {
    const signal = AbortSignal.abort(REASON);
    for (const open of [openClassifier, openEmbedder, openSegmenter, toOnnx]) await expect(open(MODEL, { signal })).rejects.toBe(REASON);
    expect(alive.size).toBe(0);
  });

  test.each([0, 5, 20, 60, 120, 200])("after %i ms ends the opening, and its thread", async (milliseconds) => {
    const stop = new AbortController();
    const opening = openClassifier(MODEL, { signal: stop.signal, device: "cpu" });
    await pause(milliseconds);
    const wasOpen = await Promise.race([opening.then(() => true), pause(0).then(() => false)]);
    stop.abort(REASON);
    if (wasOpen) await (await opening).close();
    else await expect(opening).rejects.toBe(REASON);
    await expect.poll(() => alive.size, { timeout: 10_000 }).toBe(0);
  });

  test("while a thread opens the model rejects before it is open", async () => {
    const stop = new AbortController();
    const opening = openClassifier(MODEL, { signal: stop.signal, device: "cpu" });
    await expect.poll(() => alive.size, { interval: 1 }).toBe(1);
    stop.abort(REASON);
    await expect(opening).rejects.toBe(REASON);
    expect(alive.size).toBe(1);
    await expect.poll(() => alive.size, { timeout: 10_000 }).toBe(0);
  });

  test("after the opening does not concern what is open", async () => {
    const stop = new AbortController();
    await using classifier = await openClassifier(MODEL, { signal: stop.signal, device: "cpu" });
    stop.abort(REASON);
    const photo = path.join(ROOT, "examples/digits/images/7-a.png");
    expect((await classifier.classify(photo, { top: 1 }))[0]?.className).toBe("seven");
    expect((await classifier.explain(photo)).attributions).toHaveLength(1);
  });

  test("while weights are hashed ends the reading", async () => {
    const stop = new AbortController();
    let reads = 0;
    const source = {
      name: "large",
      size: 2 ** 30,
      read: async (_: number, length: number) => {
        reads += 1;
        if (reads === 3) stop.abort(REASON);
        return new Uint8Array(length);
      },
    };
    await expect(digestContent(source, stop.signal)).rejects.toBe(REASON);
    expect(reads).toBe(3);
  });
});

describe("a signal that is aborted during a download", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), "inception-abort-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([
    ["before the server answers", false],
    ["while it sends nothing more", true],
  ])("%s ends it and the connection", async (_, answers) => {
    let closed = false;
    const server = createServer((request, response) => {
      request.on("close", () => {
        closed = true;
      });
      if (answers) response.writeHead(200, { "content-length": "1000" }).write("begin");
    });
    await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
    const stop = new AbortController();
    const plain = `http://localhost:${(server.address() as AddressInfo).port}/`;
    const downloading = httpsSource(new URL("https://example.org/model.onnx"), null, {
      signal: stop.signal,
      env: { XDG_CACHE_HOME: folder, HOME: folder },
      fetch: (__, init) => fetch(plain, init),
    });
    const ended = expect(downloading).rejects.toBe(REASON);
    await pause(200);
    stop.abort(REASON);
    await ended;
    await expect.poll(() => closed).toBe(true);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
});

test("options of a page are rejected in Node", async () => {
  await expect(openClassifier(MODEL, { cache: true })).rejects.toMatchObject({
    code: "OPTION_INVALID",
    message: "Cannot use cache in Node: expected options that are not for a browser only",
  });
});
