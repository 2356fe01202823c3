import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { failureOf } from "../../test/failures.js";
import type { OnnxTensor } from "../formats/onnx/types.js";
import { floats, modelBytes, op, value } from "../runtime/session.cases.js";
import { createNodeSession, openSession } from "./ort-session.js";

// What every session does is in runtime/session.cases.ts; here is what only this one does.

const identity = () => modelBytes([op("Identity", ["x"], ["y"])], [value("x", "float32", [1])], [value("y", "float32", [1])]);
const feeds = { x: floats([1], [5]) };

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "inception-session-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function fileIn(name: string, content: string | Uint8Array): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, content);
  return file;
}

describe("the model", () => {
  test("is opened from a file, which messages name", async () => {
    const session = await createNodeSession(await fileIn("tiny.onnx", identity()));
    expect(await session.run(feeds)).toEqual({ y: floats([1], [5]) });
    expect((await failureOf(session.run({}))).message).toBe('Cannot run "tiny.onnx": input "x" is missing');
    await session.close();
  });

  test("is named by the caller where that says more", async () => {
    const error = await failureOf(createNodeSession(new Uint8Array(4), { name: "googlenet\n.paper" }));
    expect(error.message).toBe('Cannot open "googlenet .paper" on cpu: Failed to load model because protobuf parsing failed.');
    expect(error.details).toEqual({
      model: "googlenet .paper",
      device: "cpu",
      runtime: "Failed to load model because protobuf parsing failed.",
    });
  });

  test("is missing", async () => {
    const file = path.join(folder, "none.onnx");
    const error = await failureOf(createNodeSession(file));
    expect([error.code, error.message]).toEqual(["FILE_NOT_FOUND", `Cannot open "none.onnx": no such file "${file}"`]);
  });

  test("is copied, or given away and then empty", async () => {
    const bytes = identity();
    await (await createNodeSession(bytes)).close();
    expect(bytes).toEqual(identity());
    const session = await createNodeSession(bytes, { transfer: true });
    expect(bytes.byteLength).toBe(0);
    expect(await session.run(feeds)).toEqual({ y: floats([1], [5]) });
    await session.close();
  });

  test("has text inputs, which are no tensors of ours", async () => {
    const texts = modelBytes([op("Identity", ["x"], ["y"])], [value("x", "string", [1])], [value("y", "string", [1])]);
    const error = await failureOf(createNodeSession(texts));
    expect([error.code, error.message]).toEqual([
      "FILE_UNSUPPORTED",
      'Cannot open "model": "x" is a tensor of string, expected numbers or bool',
    ]);
  });

  test.each(["bytes", "file"])("never reads weights from other files (%s)", async (kind) => {
    await fileIn("secret.bin", new Uint8Array(4));
    const external: OnnxTensor = {
      name: "w",
      dtype: "float32",
      shape: [1],
      data: new Uint8Array(0),
      // Bytes have no folder of their own; the runtime would look in the current one, where this file is.
      external: new Map([["location", kind === "file" ? "secret.bin" : "package.json"]]),
    };
    const model = modelBytes([op("Add", ["x", "w"], ["y"])], [value("x", "float32", [1])], [value("y", "float32", [1])], [external]);
    const error = await failureOf(createNodeSession(kind === "file" ? await fileIn("external.onnx", model) : model));
    expect(error.code).toBe("SESSION_FAILED");
    expect(error.message).toContain("External data path");
  });
});

describe("the device", () => {
  test("is the CPU by default here", async () => {
    const session = await createNodeSession(identity());
    expect(["cpu", "cuda"]).toContain(session.device);
    await session.close();
  });

  test("webgpu runs, or says that this machine has no adapter for it", async () => {
    const opened = createNodeSession(identity(), { device: "webgpu" });
    const session = await opened.catch(() => null);
    if (session) {
      expect(session.device).toBe("webgpu");
      expect(await session.run(feeds)).toEqual({ y: floats([1], [5]) });
      await session.close();
      return;
    }
    const error = await failureOf(opened);
    expect(error.code).toBe("DEVICE_UNAVAILABLE");
    expect(error.message).toMatch(/^Cannot open "model" on webgpu: .*adapter.*; it does open on cpu$/);
  });
});

describe("a worker thread that dies", () => {
  const ready =
    'import { parentPort } from "node:worker_threads";\nparentPort.postMessage({ kind: "ready", device: "cpu", inputs: [], outputs: [{ name: "y", dtype: "float32", shape: [] }] });\n';
  const open = async (name: string, script: string) => openSession(pathToFileURL(await fileIn(name, script)), identity(), {});

  test.each([
    ["exits", 'parentPort.on("message", () => process.exit(7));', "the worker thread ended with exit code 7"],
    ["throws", 'parentPort.on("message", () => { throw new Error("out of\\nluck"); });', "the worker thread failed: out of luck"],
  ])("rejects every run that waits: it %s", async (name, script, cause) => {
    const session = await open(`${name}.mjs`, ready + script);
    const runs = Array.from({ length: 5 }, () => failureOf(session.run({})));
    const messages = (await Promise.all(runs)).map((error) => error.message);
    expect(messages).toEqual(messages.map(() => `Cannot run "model": ${cause}`));
    expect((await failureOf(session.run({}))).code).toBe("SESSION_FAILED");
    await session.close();
  });

  test("rejects the opening when it never gets ready", async () => {
    const error = await failureOf(open("early.mjs", "process.exit(5);"));
    expect([error.code, error.message]).toEqual(["SESSION_FAILED", 'Cannot open "model": the worker thread ended with exit code 5']);
  });
});

describe("a process with a session", () => {
  const library = pathToFileURL(path.resolve(import.meta.dirname, "../../dist/node/ort-session.js")).href;
  const preamble = `import { createNodeSession } from ${JSON.stringify(library)};
    const square = { dtype: "float32", shape: [1500, 1500], data: new Float32Array(1500 ** 2).fill(1) };
    const long = { a: square, b: square };\n`;

  /** Runs a program to its end; one that hangs is killed and fails the test. */
  async function program(name: string, script: string): Promise<{ code: number; stdout: string; stderr: string }> {
    const inputs = [value("a", "float32", ["N", "K"]), value("b", "float32", ["K", "M"])];
    const model = await fileIn("matmul.onnx", modelBytes([op("MatMul", ["a", "b"], ["c"])], inputs, [value("c", "float32", ["N", "M"])]));
    const file = await fileIn(name, `${preamble}const model = ${JSON.stringify(model)};\n${script}`);
    try {
      return { code: 0, ...(await promisify(execFile)(process.execPath, [file], { timeout: 30_000 })) };
    } catch (thrown) {
      // Node's documented shape of this rejection; a killed program has code null.
      const { code, stdout, stderr } = thrown as { code: number; stdout: string; stderr: string };
      return { code, stdout, stderr };
    }
  }

  test("ends by itself after close, and without it", async () => {
    const run = "const session = await createNodeSession(model); console.log((await session.run(long)).c.data[0]);";
    expect(await program("closes.mjs", `${run} await session.close();`)).toEqual({ code: 0, stdout: "1500\n", stderr: "" });
    expect(await program("forgets.mjs", run)).toEqual({ code: 0, stdout: "1500\n", stderr: "" });
  });

  test("waits for a run that nobody awaits", async () => {
    const script = "const session = await createNodeSession(model); session.run(long).then((out) => console.log(out.c.data[0]));";
    expect(await program("late.mjs", script)).toEqual({ code: 0, stdout: "1500\n", stderr: "" });
  });

  test("keeps its exit code when it exits, or throws, during a run", async () => {
    const begin = `const session = await createNodeSession(model, { threads: 1 });
      for (let i = 0; i < 3; i++) session.run(long).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 60));\n`;
    expect(await program("exits.mjs", `${begin} process.exit(3);`)).toEqual({ code: 3, stdout: "", stderr: "" });
    const thrown = await program("throws.mjs", `${begin} throw new Error("mine");`);
    expect(thrown.code).toBe(1);
    expect(thrown.stderr).toContain("Error: mine");
    expect(thrown.stderr).not.toContain("terminate called");
  });

  test("opens many sessions without a warning", async () => {
    const script = `const before = [process.getMaxListeners(), process.listenerCount("exit")].join();
      const sessions = await Promise.all(Array.from({ length: 12 }, () => createNodeSession(model, { threads: 1 })));
      await Promise.all(sessions.map((session) => session.close()));
      console.log([process.getMaxListeners(), process.listenerCount("exit")].join() === before);`;
    expect(await program("many.mjs", script)).toEqual({ code: 0, stdout: "true\n", stderr: "" });
  });

  test("gives back the memory of bytes that it was given, once the model is loaded", async () => {
    const side = 6144;
    const weights: OnnxTensor = { name: "w", dtype: "float32", shape: [side, side], data: new Uint8Array(side * side * 4) };
    const io = ["x", "y"].map((name) => value(name, "float32", [1, side]));
    const file = await fileIn("large.onnx", modelBytes([op("MatMul", ["x", "w"], ["y"])], io.slice(0, 1), io.slice(1), [weights]));
    const script = `import { readFile } from "node:fs/promises";
      const before = process.memoryUsage.rss();
      await createNodeSession(await readFile(${JSON.stringify(file)}), { transfer: true });
      const grown = () => (process.memoryUsage.rss() - before) / ${side * side * 4};
      // The garbage is collected beside the program, which may take it a moment on a busy machine.
      for (let i = 0; i < 100 && grown() > 2; i++) await new Promise((resolve) => setTimeout(resolve, 50));
      console.log(grown());`;
    const { stdout, stderr } = await program("memory.mjs", script);
    expect(stderr).toBe("");
    // The runtime keeps the weights once, in its own form, and takes some 25 MB itself; 1.3 times in all; with the bytes it would be 2.3 times.
    expect(Number(stdout)).toBeLessThan(2);
  });
});
