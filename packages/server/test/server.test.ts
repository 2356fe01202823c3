/** The server through real HTTP clients: fetch, and raw sockets where a client misbehaves. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { failureOf } from "../../../test/failures.js";
import { begin, ended, inProcess, ROOT } from "../../../test/program.js";
import { sharedPath, titleNeeding } from "../../../test/shared.js";
import { type RunningServer, startServer } from "../src/server.js";

const DIGITS = path.join(ROOT, "examples/digits");
const MODEL = path.join(DIGITS, "digits.onnx");
const VOLUME = path.join(ROOT, "examples/segment/hippocampus_001.nii.gz");
const folder = mkdtempSync(path.join(tmpdir(), "inception-serve-"));
const DIGIT_NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
const digit = (name: string): Buffer => readFileSync(path.join(DIGITS, `images/${name}.png`));

let server: RunningServer;
beforeAll(async () => {
  server = await startServer({ models: [MODEL, "hippocampus"], options: { port: 0, maxBody: 1, bodyTimeout: 1 } });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

interface Sent {
  readonly body?: string | Uint8Array | FormData;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

function post(route: string, { body = digit("7-a"), ...rest }: Sent = {}, url = server.url): Promise<Response> {
  return fetch(`${url}${route}`, { method: "POST", body: body instanceof Uint8Array ? Uint8Array.from(body) : body, ...rest });
}

const CLASSIFY = "/v1/models/digits/classify";

interface Predicted {
  readonly top: readonly { readonly index: number; readonly label: string; readonly probability: number }[];
}

/** What `inception classify` prints for each file, run by itself. */
async function ofCommand(files: readonly string[], ...model: readonly string[]): Promise<readonly Predicted["top"][]> {
  const { out } = await inProcess(["classify", ...files, ...model, "--batch-size", "1", "--json"]);
  return (JSON.parse(out) as readonly Predicted[]).map(({ top }) => top);
}

describe("classify", () => {
  test("says which images are unknown to a model with a threshold, as `inception classify` does", async () => {
    const names = Array.from({ length: 20 }, (_, index) => `${Math.floor(index / 2)}-${index % 2 === 0 ? "a" : "b"}`);
    const list = path.join(folder, "digits.csv");
    // A model that is never wrong has no temperature: every fourth label is.
    const labels = names.map((name, index) => DIGIT_NAMES[(Number(name[0]) + (index % 4 === 0 ? 1 : 0)) % 10]);
    const rows = names.map((name, index) => `${path.join(DIGITS, "images", `${name}.png`)},${labels[index]}`);
    writeFileSync(list, `path,label\n${rows.join("\n")}\n`);
    const file = path.join(folder, "decides.onnx");
    const made = await inProcess(["calibrate", MODEL, list, "--out", file, "--unknown", "energy", "--false-rejection", "0.5"]);
    expect(made.err).toBe("");
    const { out } = await inProcess(["classify", path.join(DIGITS, "images"), "--model", file, "--batch-size", "1", "--json"]);
    const expected = JSON.parse(out) as readonly { readonly file: string; readonly top: unknown; readonly unknown: unknown }[];
    expect(expected.map(({ unknown }) => unknown)).toContainEqual(expect.objectContaining({ isUnknown: true }));
    const deciding = await startServer({ models: [file], options: { port: 0 } });
    for (const { file: image, top, unknown } of expected) {
      const answer = await post("/v1/models/decides/classify", { body: readFileSync(image) }, deciding.url);
      expect(await answer.json()).toEqual({ model: "decides", top, unknown });
    }
    await deciding.close();
  });

  test("answers a file, a form and base64 text as `inception classify` does", async () => {
    const [top] = await ofCommand([path.join(DIGITS, "images/7-a.png")], "--model", MODEL);
    const expected = { model: "digits", top };
    const form = new FormData();
    form.append("comment", "a text beside the file");
    form.append("image", new Blob([Uint8Array.from(digit("7-a"))]), "7-a.png");
    const json = JSON.stringify({ image: digit("7-a").toString("base64") });
    const answers = await Promise.all([
      post(CLASSIFY, { headers: { "content-type": "image/png" } }),
      post(CLASSIFY, { headers: { "content-type": "application/octet-stream; x=1" } }),
      post(CLASSIFY, { body: form }),
      post(CLASSIFY, { body: json, headers: { "content-type": "application/json" } }),
    ]);
    for (const answer of answers) {
      expect(answer.status).toBe(200);
      expect(await answer.json()).toEqual(expected);
    }
    const two = await post(`${CLASSIFY}?top=2`);
    expect(await two.json()).toEqual({ model: "digits", top: top?.slice(0, 2) });
  });

  test("many at once, each with its own image and number of classes, give what each gives alone", async () => {
    const requests = Array.from({ length: 30 }, (_, k) => ({ file: `${k % 10}-a`, top: (k % 5) + 1 }));
    const answers = await Promise.all(requests.map(({ file, top }) => post(`${CLASSIFY}?top=${top}`, { body: digit(file) })));
    const files = Array.from({ length: 10 }, (_, k) => path.join(DIGITS, `images/${k}-a.png`));
    const expected = await ofCommand(files, "--model", MODEL);
    for (const [k, { top }] of requests.entries()) {
      const answer = (await answers[k]?.json()) as Predicted;
      const alone = expected[k % 10] ?? [];
      expect(answer.top.map(({ index }) => index)).toEqual(alone.slice(0, top).map(({ index }) => index));
      // A batch of another size may be summed in another order.
      for (const [rank, { probability }] of answer.top.entries())
        expect(probability).toBeCloseTo(alone[rank]?.probability ?? Number.NaN, 6);
    }
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toMatch(/inception_batch_size_sum\{model="digits"\} \d+/);
    expect(metrics).toContain('inception_requests_total{route="/v1/models/:name/classify",model="digits",code="OK"}');
    expect(metrics).toContain('inception_queue_length{model="digits"} 0');
  });

  const weights = sharedPath("data/googlenet_bvlc/bvlc_googlenet.safetensors");
  const samples = sharedPath("data/imagenet_samples/images");
  test.skipIf(!weights || !samples)(titleNeeding("with the BVLC GoogLeNet as the command does", weights && samples, "data"), async () => {
    const options = { port: 0, weights };
    const googlenet = await startServer({ models: ["googlenet.paper"], options });
    try {
      const files = readdirSync(samples ?? "").map((name) => path.join(samples ?? "", name));
      const expected = await ofCommand(files, "--model", "googlenet.paper", "--weights", weights ?? "");
      expect(files.length).toBeGreaterThan(100);
      for (const [k, file] of files.entries()) {
        const answer = await post("/v1/models/googlenet.paper/classify", { body: readFileSync(file) }, googlenet.url);
        expect(await answer.json()).toEqual({ model: "googlenet.paper", top: expected[k] });
      }
    } finally {
      await googlenet.close();
    }
  });
});

describe("other tasks", () => {
  test("embed: JSON, or .npy with the same numbers; vectors of length 1 where asked for", async () => {
    const route = "/v1/models/digits/embed";
    const { embedding } = (await (await post(route)).json()) as { readonly embedding: readonly number[] };
    const file = Buffer.from(await (await post(route, { headers: { accept: "application/x-npy, */*;q=0.1" } })).arrayBuffer());
    expect(file.toString("latin1")).toContain(`'descr': '<f4', 'fortran_order': False, 'shape': (${embedding.length},)`);
    const values = new Float32Array(Uint8Array.from(file.subarray(file.length - 4 * embedding.length)).buffer);
    expect([...values]).toEqual(embedding);
    const { embedding: unit } = (await (await post(`${route}?normalize=true`)).json()) as { readonly embedding: readonly number[] };
    expect(Math.hypot(...unit)).toBeCloseTo(1, 6);
  });

  test("explain: a PNG, or the facts; the target can be named", async () => {
    const route = "/v1/models/digits/explain";
    const png = await post(route);
    expect([png.status, png.headers.get("content-type")]).toEqual([200, "image/png"]);
    expect(
      Buffer.from(await png.arrayBuffer())
        .subarray(1, 4)
        .toString(),
    ).toBe("PNG");
    const facts = await post(`${route}?method=input_gradient&target=three`, { headers: { accept: "application/json" } });
    expect(await facts.json()).toMatchObject({ method: "input_gradient", target: { index: 3, label: "three" }, width: 64, height: 64 });
    const wrong = await post(`${route}?target=eleven`);
    expect(await wrong.json()).toMatchObject({ status: 400, code: "OPTION_INVALID" });
  });

  test("segment: the labels of `inception segment`, byte for byte, as a NIfTI file; statistics as JSON", async () => {
    const out = path.join(folder, "segmented");
    expect((await inProcess(["segment", VOLUME, "--model", "hippocampus", "--out", out])).code).toBe(0);
    const route = "/v1/models/hippocampus/segment";
    const answer = await post(route, { body: readFileSync(VOLUME) });
    expect(answer.headers.get("content-type")).toBe("application/gzip");
    const written = gunzipSync(readFileSync(path.join(out, "hippocampus_001.nii.gz")));
    expect(gunzipSync(Buffer.from(await answer.arrayBuffer())).equals(written)).toBe(true);
    const plain = await post(route, { body: readFileSync(VOLUME), headers: { accept: "application/x-nifti" } });
    expect(Buffer.from(await plain.arrayBuffer()).equals(written)).toBe(true);
    const facts = await post(route, { body: readFileSync(VOLUME), headers: { accept: "application/json" } });
    expect(await facts.json()).toMatchObject({ shape: [35, 51, 35], labels: [{ name: "Anterior" }, { name: "Posterior" }] });
  });

  test("lists its models", async () => {
    const models = await (await fetch(`${server.url}/v1/models`)).json();
    expect(models).toEqual({
      models: [
        { name: "digits", model: "googlenet.public", task: "classify", device: "cpu", classes: 10 },
        { name: "hippocampus", model: "inception_resnet_3d.table", task: "segment", device: "cpu", classes: 3 },
      ],
    });
  });
});

describe("problems", () => {
  const json = { "content-type": "application/json" };
  const oversized = Buffer.alloc(1_000_001);
  const deep = `{"image":${"[".repeat(40)}${"]".repeat(40)}}`;
  test.each<[string, string, Sent, number, string]>([
    ["no image", CLASSIFY, { body: "this is text" }, 422, "FILE_UNRECOGNIZED"],
    ["half an image", CLASSIFY, { body: digit("7-a").subarray(0, 100) }, 422, "IMAGE_INVALID"],
    ["an empty body", CLASSIFY, { body: "" }, 400, "REQUEST_INVALID"],
    ["a body above the limit", CLASSIFY, { body: oversized }, 413, "BODY_LIMIT"],
    ["a model that is not there", "/v1/models/none/classify", {}, 404, "MODEL_NOT_FOUND"],
    ["a task that the model does not have", "/v1/models/digits/segment", { body: readFileSync(VOLUME) }, 400, "OPTION_INVALID"],
    ["no such route", "/v1/none", {}, 404, "NOT_FOUND"],
    ["no classes", `${CLASSIFY}?top=0`, {}, 400, "REQUEST_INVALID"],
    ["an unknown parameter", `${CLASSIFY}?tops=1`, {}, 400, "REQUEST_INVALID"],
    ["a type that the route does not have", CLASSIFY, { headers: { accept: "image/png" } }, 406, "NOT_ACCEPTABLE"],
    ["text that is not base64", CLASSIFY, { body: '{"image":"%%%%"}', headers: json }, 400, "REQUEST_INVALID"],
    ["a URL", CLASSIFY, { body: '{"image":"https://example.com/x.png"}', headers: json }, 400, "REQUEST_INVALID"],
    ["what is not JSON", CLASSIFY, { body: "{", headers: json }, 400, "REQUEST_INVALID"],
    ["JSON that nests too deeply", CLASSIFY, { body: deep, headers: json }, 400, "REQUEST_INVALID"],
    ["what is not a form", CLASSIFY, { body: "x", headers: { "content-type": "multipart/form-data; boundary=a" } }, 400, "REQUEST_INVALID"],
    ["a form without a boundary", CLASSIFY, { headers: { "content-type": "multipart/form-data" } }, 400, "REQUEST_INVALID"],
    ["a compressed body", CLASSIFY, { headers: { "content-encoding": "gzip" } }, 415, "REQUEST_INVALID"],
    ["a deadline that is not one", CLASSIFY, { headers: { "x-deadline-ms": "soon" } }, 400, "REQUEST_INVALID"],
    ["no volume", "/v1/models/hippocampus/segment", { body: "this is text" }, 422, "FILE_TRUNCATED"],
  ])("%s", async (_, route, sent, status, code) => {
    const answer = await post(route, { ...sent, headers: { "x-request-id": "test-1", ...sent.headers } });
    expect(answer.headers.get("content-type")).toBe("application/problem+json; charset=utf-8");
    const problem = (await answer.json()) as { readonly detail: string };
    expect(problem).toMatchObject({ status, code, type: `urn:inceptionkit:error:${code}`, instance: "urn:request:test-1" });
    expect(answer.status).toBe(status);
    expect(problem.detail).not.toContain(ROOT);
    expect((await post(CLASSIFY)).status).toBe(200);
  });

  test("every answer has the headers of security and the id of its request", async () => {
    for (const answer of [await post(CLASSIFY), await post("/v1/none"), await fetch(`${server.url}/v2/health/live`)]) {
      expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
      expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
      expect(answer.headers.get("access-control-allow-origin")).toBeNull();
      expect(answer.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    }
  });
});

describe("load", () => {
  test("a full queue answers 429 with Retry-After; whatever was accepted is answered, also while the server closes", async () => {
    const small = await startServer({ models: [MODEL], options: { port: 0, queueSize: 2, maxBatch: 1 } });
    const answers = await Promise.all(Array.from({ length: 40 }, () => post(CLASSIFY, {}, small.url)));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    for (const { headers } of refused) expect(Number(headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(answers.filter(({ status }) => status !== 429 && status !== 200)).toEqual([]);
    await small.close();
  });

  test("closing answers what was accepted, says 503 to the rest, and resets no connection", async () => {
    const closing = await startServer({ models: [MODEL], options: { port: 0 } });
    const sent = Array.from({ length: 40 }, async () => (await post(CLASSIFY, {}, closing.url)).status);
    const all = Promise.all(sent);
    await sent[0];
    await closing.close();
    const statuses = await all;
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(0);
    expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
    await expect(post(CLASSIFY, {}, closing.url)).rejects.toThrow("fetch failed");
  });

  test("a deadline that has passed answers 504", async () => {
    const route = "/v1/models/hippocampus/segment";
    const first = post(route, { body: readFileSync(VOLUME) });
    const late = await post(route, { body: readFileSync(VOLUME), headers: { "x-deadline-ms": "1" } });
    expect(await late.json()).toMatchObject({ status: 504, code: "DEADLINE_EXCEEDED" });
    expect((await first).status).toBe(200);
  });

  test("clients that leave free their places", async () => {
    const controller = new AbortController();
    const route = "/v1/models/hippocampus/segment";
    const sent = Array.from({ length: 10 }, () => post(route, { body: readFileSync(VOLUME), signal: controller.signal }));
    setTimeout(() => controller.abort(), 100);
    const outcomes = await Promise.allSettled(sent);
    expect(outcomes.filter(({ status }) => status === "rejected").length).toBeGreaterThan(0);
    const began = performance.now();
    expect((await post(route, { body: readFileSync(VOLUME) })).status).toBe(200);
    // Ten would take seconds.
    expect(performance.now() - began).toBeLessThan(2500);
  });
});

describe("slow and broken clients", () => {
  /** What the server sends to a client that writes this and then waits, until the server closes the connection. */
  function answerTo(...texts: readonly string[]): Promise<string> {
    const { hostname, port } = new URL(server.url);
    return new Promise((resolve, reject) => {
      let received = "";
      const socket = connect(Number(port), hostname, () => {
        for (const text of texts) socket.write(text);
      });
      socket.on("data", (chunk) => (received += chunk.toString()));
      socket.on("close", () => resolve(received));
      socket.on("error", reject);
    });
  }
  const head = (length: number): string => `POST ${CLASSIFY} HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n`;

  test("one that never finishes its head, its body, or says nothing is disconnected", { timeout: 20_000 }, async () => {
    const answers = await Promise.all([answerTo("POST /v1/mod"), answerTo(head(1000), "half"), answerTo()]);
    for (const answer of answers) expect(answer).toMatch(/^(HTTP\/1\.1 408 |$)/);
    expect((await post(CLASSIFY)).status).toBe(200);
  });

  test("garbage is answered with 400, and the server goes on", async () => {
    expect(await answerTo("garbage\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 /);
    expect((await post(CLASSIFY)).status).toBe(200);
  });
});

describe("a session that ends by itself", () => {
  /** Processes of sessions that this process started. */
  function sessionProcesses(): readonly number[] {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => {
        const stat = read(`/proc/${pid}/stat`);
        const parent = stat.slice(stat.lastIndexOf(")")).split(" ")[2];
        return parent === String(process.pid) && read(`/proc/${pid}/cmdline`).includes("ort-process-worker");
      })
      .map(Number);
  }
  /** A process may end while it is looked at. */
  function read(file: string): string {
    try {
      return readFileSync(file, "utf8");
    } catch {
      return "";
    }
  }

  const skipped = process.platform === "linux" ? "" : " [skipped: it reads /proc, which only Linux has]";
  test.skipIf(skipped !== "")(`fails its own batch with 503, is replaced, and other models never notice${skipped}`, async () => {
    const isolated = await startServer({ names: [`a=${MODEL}`, `b=${MODEL}`], options: { port: 0, isolate: true } });
    try {
      const expected = await (await post("/v1/models/a/classify", {}, isolated.url)).json();
      const [first, second] = sessionProcesses().toSorted((a, b) => a - b);
      if (first === undefined || second === undefined) throw new Error("expected two processes");
      process.kill(first, "SIGKILL");
      const failed = await post("/v1/models/a/classify", {}, isolated.url);
      expect(await failed.json()).toMatchObject({ status: 503, code: "SESSION_FAILED" });
      expect((await post("/v1/models/b/classify", {}, isolated.url)).status).toBe(200);
      expect(await (await post("/v1/models/a/classify", {}, isolated.url)).json()).toEqual(expected);
      const metrics = await (await fetch(`${isolated.url}/metrics`)).text();
      expect(metrics).toContain('inception_sessions_replaced_total{model="a"} 1');
      expect(sessionProcesses()).toHaveLength(2);
    } finally {
      await isolated.close();
    }
    expect(sessionProcesses()).toEqual([]);
  });

  test("a time limit needs a process", async () => {
    const failure = await failureOf(startServer({ models: [MODEL], options: { port: 0, timeLimit: 1 } }));
    expect(failure.message).toBe("Cannot use `timeLimit` without `isolate`: only a child process can be ended");
  });
});

describe("as a process", () => {
  test("SIGTERM under load: everything accepted is answered, the exit code is 0, and the log has no body", {
    timeout: 60_000,
  }, async () => {
    const child = begin("serve", MODEL, "--port", "0", "--json");
    const end = ended(child);
    const url = await new Promise<string>((resolve) => {
      child.stdout?.once("data", (chunk: Buffer) => resolve((JSON.parse(chunk.toString()) as { readonly url: string }).url));
    });
    const sent = Array.from({ length: 40 }, async () => (await post(CLASSIFY, {}, url)).status);
    const all = Promise.all(sent);
    await sent[0];
    child.kill("SIGTERM");
    const statuses = await all;
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(0);
    expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
    const { code, err } = await end;
    expect(code).toBe(0);
    expect(err).toMatch(/"reqId":"[0-9a-f-]{36}".*"statusCode":200/);
    expect(err).not.toContain("PNG");
  });
});

describe("safety", () => {
  test("other machines need a token; with one every route but the probes asks for it", async () => {
    const refused = await failureOf(startServer({ models: [MODEL], options: { host: "0.0.0.0", port: 0 } }));
    expect(refused.message).toBe(
      "Cannot listen on 0.0.0.0: other machines could use the server; pass `tokenFile`, or `insecure` to allow it",
    );
    const tokenFile = path.join(folder, "token");
    writeFileSync(tokenFile, "short\n");
    expect((await failureOf(startServer({ models: [MODEL], options: { tokenFile, port: 0 } }))).code).toBe("OPTION_INVALID");
    writeFileSync(tokenFile, "0123456789abcdef\n");
    const guarded = await startServer({ models: [MODEL], options: { host: "0.0.0.0", port: 0, tokenFile } });
    try {
      const url = guarded.url.replace("0.0.0.0", "127.0.0.1");
      const bearing = (token: string) => post(CLASSIFY, { headers: { authorization: `Bearer ${token}` } }, url);
      expect((await bearing("0123456789abcdef")).status).toBe(200);
      const without = await post(CLASSIFY, {}, url);
      expect([without.status, without.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
      expect((await bearing("0123456789abcdeF")).status).toBe(401);
      expect((await fetch(`${url}/metrics`)).status).toBe(401);
      expect((await fetch(`${url}/v2/health/ready`)).status).toBe(200);
    } finally {
      await guarded.close();
    }
  });

  test("a port in use and a model that does not open are one error, and nothing stays open", async () => {
    const port = new URL(server.url).port;
    expect(await failureOf(startServer({ models: [MODEL], options: { port } }))).toMatchObject({
      code: "SOURCE_INVALID",
      message: `Cannot listen on 127.0.0.1, port ${port}: the port is in use`,
    });
    expect(await failureOf(startServer({ models: [path.join(folder, "none.onnx")], options: { port: 0 } }))).toMatchObject({
      code: "FILE_NOT_FOUND",
    });
  });
});
