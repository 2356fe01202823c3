import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { failureOf } from "../../test/failures.js";
import type { OnnxTensor } from "../formats/onnx/types.js";
import { floats, modelBytes, op, value } from "../runtime/session.cases.js";
import type { Session } from "../runtime/session.js";
import { loadModel } from "./load-model.js";
import { createNodeSession, openSession } from "./ort-session.js";

// What every session does is in runtime/session.cases.ts; here is what only one in a process of its own does.

const DIGITS = path.resolve(import.meta.dirname, "../../examples/digits/digits.onnx");
const LINUX = process.platform === "linux";
const onLinux = (title: string) => (LINUX ? title : `${title} [skipped: processes are found in /proc, which only Linux has]`);

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "inception-process-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function fileIn(name: string, content: string | Uint8Array): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, content);
  return file;
}

function constant(name: string, values: readonly number[]): OnnxTensor {
  return { name, dtype: "float32", shape: [values.length], data: new Uint8Array(Float32Array.from(values).buffer) };
}

/** Ends ONNX Runtime 1.30.0 with SIGSEGV in its first run: the statistics of a training mode that it takes for inference. */
function crashing(): Uint8Array<ArrayBuffer> {
  const inputs = ["x", "s", "b", "mean", "var"];
  const node = op("BatchNormalization", inputs, ["y", "logits", "ov"], [{ name: "training_mode", type: "int", value: 2n }]);
  const parameters = inputs.slice(1).map((name) => constant(name, [1, 1, 1]));
  return modelBytes([node], [value("x", "float32", [1, 3, 8, 8])], [value("logits", "float32", null)], parameters);
}

function matMul(): Uint8Array<ArrayBuffer> {
  const inputs = [value("a", "float32", ["N", "K"]), value("b", "float32", ["K", "M"])];
  return modelBytes([op("MatMul", ["a", "b"], ["c"])], inputs, [value("c", "float32", ["N", "M"])]);
}

const identity = () => modelBytes([op("Identity", ["x"], ["y"])], [value("x", "float32", [1])], [value("y", "float32", [1])]);

const square = (size: number) => ({ dtype: "float32" as const, shape: [size, size], data: new Float32Array(size ** 2).fill(1) });

/** Children of a process that run models, by their number. */
function isolatedChildren(parent = process.pid): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const status = readFileSync(`/proc/${pid}/status`, "utf8");
        return status.includes(`PPid:\t${parent}\n`) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("ort-process-worker.js");
      } catch {
        // It ended meanwhile.
        return false;
      }
    });
}

/** Whether a process is still there half a minute later; a zombie is not. */
async function ends(pid: number): Promise<boolean> {
  for (let waited = 0; waited < 30_000; waited += 50) {
    if (!existsSync(`/proc/${pid}/status`) || readFileSync(`/proc/${pid}/status`, "utf8").includes("State:\tZ")) return true;
    await wait(50);
  }
  return false;
}

describe("a runtime that crashes", () => {
  test("is an error of the session, which names signal and file", async () => {
    const session = await createNodeSession(crashing(), { isolate: true, name: "crash.onnx", threads: 1 });
    const feeds = { x: { dtype: "float32" as const, shape: [1, 3, 8, 8], data: new Float32Array(192) } };
    const errors = await Promise.all([failureOf(session.run(feeds)), failureOf(session.run(feeds)), failureOf(session.run(feeds))]);
    const cause = "its process crashed with SIGSEGV; do not run this model without isolation";
    for (const error of [...errors, await failureOf(session.run(feeds))]) {
      expect([error.code, error.message]).toEqual(["SESSION_FAILED", `Cannot run "crash.onnx": ${cause}`]);
      expect(error.details).toEqual({ model: "crash.onnx", cause, signal: "SIGSEGV" });
    }
    await session.close();
    // This process goes on, and so do other sessions.
    const other = await createNodeSession(identity(), { isolate: true });
    expect(await other.run({ x: floats([1], [5]) })).toEqual({ y: floats([1], [5]) });
    await other.close();
  });

  test.skipIf(!LINUX).each([
    ["SIGKILL", "its process was killed with SIGKILL, as systems do when memory runs out; use smaller batches"],
    ["SIGABRT", "its process crashed with SIGABRT; do not run this model without isolation"],
    ["SIGTERM", "its process was ended by SIGTERM"],
  ] as const)(onLinux("or is ended by %s in the middle of a run rejects that run"), async (signal, cause) => {
    const session = await createNodeSession(matMul(), { isolate: true });
    const run = failureOf(session.run({ a: square(3000), b: square(3000) }));
    const children = isolatedChildren();
    expect(children).toHaveLength(1);
    await wait(30);
    process.kill(children[0] ?? 0, signal);
    expect((await run).message).toBe(`Cannot run "model": ${cause}`);
    await session.close();
    expect(isolatedChildren()).toEqual([]);
  });

  test.skipIf(!LINUX)(onLinux("but not by Ctrl-C, which the terminal sends to all processes"), async () => {
    const session = await createNodeSession(identity(), { isolate: true });
    for (const signal of ["SIGINT", "SIGHUP"] as const) process.kill(isolatedChildren()[0] ?? 0, signal);
    expect(await session.run({ x: floats([1], [5]) })).toEqual({ y: floats([1], [5]) });
    await session.close();
  });
});

describe("limits", () => {
  test("of time end the opening of a model", async () => {
    const error = await failureOf(createNodeSession(identity(), { isolate: true, timeLimit: 0.01 }));
    const cause = "its process was killed: it took longer than the time limit of 0.01 s";
    expect([error.code, error.message, error.details.signal]).toEqual(["SESSION_FAILED", `Cannot open "model": ${cause}`, "SIGKILL"]);
  });

  test("of time end a run, not the pause before it", async () => {
    const script = `process.once("message", () => process.send({ kind: "ready", device: "cpu", inputs: [], outputs: [{ name: "y", dtype: "float32", shape: [] }] }));
      let calls = 0;
      process.on("message", ({ kind, id }) => {
        if (kind === "run" && calls++ === 0) process.send({ kind: "done", id, outputs: { y: { dtype: "float32", shape: [], data: Float32Array.of(7) } } });
      });`;
    const file = pathToFileURL(await fileIn("slow.mjs", script));
    const session = await openSession(file, identity(), { isolate: true, timeLimit: 2 });
    await wait(2500);
    expect(await session.run({})).toEqual({ y: floats([], [7]) });
    const cause = "its process was killed: it took longer than the time limit of 2 s";
    expect((await failureOf(session.run({}))).message).toBe(`Cannot run "model": ${cause}`);
    await session.close();
  });

  test.skipIf(!LINUX)(onLinux("of memory end the process before it has taken all"), async () => {
    const node = op("Expand", ["x", "shape"], ["wide"]);
    const grown = modelBytes(
      [node, op("Exp", ["wide"], ["y"])],
      [value("x", "float32", [1]), value("shape", "int64", [1])],
      [value("y", "float32", null)],
    );
    const session = await createNodeSession(grown, { isolate: true, memoryLimit: 512 * 2 ** 20, threads: 1 });
    const shape = (size: bigint) => ({ dtype: "int64" as const, shape: [1], data: BigInt64Array.of(size) });
    expect((await session.run({ x: floats([1], [0]), shape: shape(3n) })).y).toEqual(floats([3], [1, 1, 1]));
    const { message } = await failureOf(session.run({ x: floats([1], [0]), shape: shape(2n ** 30n) }));
    expect(message).toMatch(
      /^Cannot run "model": its process was killed: it took [\d.]+ GiB of memory, the limit is 0\.50 GiB; use smaller batches or raise the memory limit$/,
    );
    await session.close();
  });

  test.each([
    [{ timeLimit: 5 }, "timeLimit 5: expected isolate, because only a separate process can be terminated"],
    [{ memoryLimit: 2 ** 30 }, "memoryLimit 1073741824: expected isolate, because only a separate process can be terminated"],
    [{ isolate: true, timeLimit: 0 }, "timeLimit 0: expected more than 0 and at most 86400 seconds"],
    [{ isolate: true, timeLimit: Number.NaN }, "timeLimit NaN: expected more than 0 and at most 86400 seconds"],
    [{ isolate: true, memoryLimit: 1000 }, "memoryLimit 1000: expected an integer of at least 268,435,456 bytes"],
  ])("%o are rejected", async (options, fact) => {
    const error = await failureOf(createNodeSession(identity(), options));
    expect([error.code, error.message]).toEqual(["OPTION_INVALID", `Cannot open "model" with ${fact}`]);
  });
});

describe("the child process", () => {
  test("gets nothing of the environment but what finds libraries", async () => {
    const script = `const outputs = Object.keys(process.env).map((name) => ({ name, dtype: "float32", shape: [] }));
      process.once("message", () => process.send({ kind: "ready", device: "cpu", inputs: [], outputs }));
      process.on("message", ({ kind }) => kind === "close" && process.exit(0));`;
    const before = process.env.INCEPTION_TEST_TOKEN;
    process.env.INCEPTION_TEST_TOKEN = "secret";
    try {
      const session = await openSession(pathToFileURL(await fileIn("env.mjs", script)), identity(), { isolate: true });
      const names = session.outputs.map(({ name }) => name);
      expect(names).toContain("PATH");
      // Node's own two say where the messages go.
      expect(
        names.filter((name) => !/^(PATH|LD_LIBRARY_PATH|TMPDIR|TEMP|TMP|CUDA_.*|NVIDIA_.*|ORT_.*|NODE_CHANNEL_.*)$/.test(name)),
      ).toEqual([]);
      await session.close();
    } finally {
      if (before === undefined) delete process.env.INCEPTION_TEST_TOKEN;
      else process.env.INCEPTION_TEST_TOKEN = before;
    }
  });

  test("that fails by itself is an error with its words", async () => {
    const open = async (script: string) =>
      failureOf(openSession(pathToFileURL(await fileIn("fails.mjs", script)), identity(), { isolate: true }));
    expect((await open("process.exit(7);")).message).toBe('Cannot open "model": its process ended with exit code 7');
    const thrown = await open('throw new Error("out of\\u001b[2J luck");');
    expect(thrown.message).toBe('Cannot open "model": its process ended with exit code 1 (Error: out of [2J luck)');
  });

  const library = pathToFileURL(path.resolve(import.meta.dirname, "../../dist/node/ort-session.js")).href;

  /** A program with an isolated session of a matrix product. */
  async function program(name: string, script: string): Promise<string> {
    const model = await fileIn("matmul.onnx", matMul());
    return fileIn(
      name,
      `import { createNodeSession } from ${JSON.stringify(library)};
      const square = { dtype: "float32", shape: [1500, 1500], data: new Float32Array(1500 ** 2).fill(1) };
      const session = await createNodeSession(${JSON.stringify(model)}, { isolate: true });
      ${script}`,
    );
  }

  test.each([
    ["closes", "console.log((await session.run({ a: square, b: square })).c.data[0]); await session.close();"],
    ["forgets to close", "console.log((await session.run({ a: square, b: square })).c.data[0]);"],
    ["does not await", "session.run({ a: square, b: square }).then(({ c }) => console.log(c.data[0]));"],
  ])("ends with a program that %s", async (name, script) => {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [await program(`${name}.mjs`, script)], { timeout: 30_000 });
    expect([stdout, stderr]).toEqual(["1500\n", ""]);
  });

  test.skipIf(!LINUX)(onLinux("ends in the middle of a run when its parent is killed"), async () => {
    // A minute of work.
    const script = `const large = { dtype: "float32", shape: [8000, 8000], data: new Float32Array(8000 ** 2) };
      session.run({ a: large, b: large }, { transfer: true }).catch(() => {});
      console.log("begun");`;
    const parent = spawn(process.execPath, [await program("killed.mjs", script)], { stdio: ["ignore", "pipe", "ignore"] });
    try {
      await once(parent.stdout, "data");
      const [child = 0] = isolatedChildren(parent.pid);
      expect(child).toBeGreaterThan(0);
      await wait(1000);
      parent.kill("SIGKILL");
      expect(await ends(child)).toBe(true);
    } finally {
      parent.kill("SIGKILL");
    }
  });
});

test("a model gives the same bits as in a thread", async () => {
  const run = async (session: Session) => {
    const data = Float32Array.from({ length: 3 * 64 * 64 }, (_, i) => Math.sin(i));
    return session.run({ input: { dtype: "float32", shape: [1, 3, 64, 64], data } });
  };
  const [plain, isolated] = [await loadModel(DIGITS), await loadModel(DIGITS, { isolate: true, timeLimit: 60 })];
  try {
    expect(isolated.selfCheck).toBe(plain.selfCheck);
    expect(await run(isolated.session)).toEqual(await run(plain.session));
  } finally {
    await Promise.all([plain.close(), isolated.close()]);
  }
});
