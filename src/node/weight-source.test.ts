import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { expectFailure } from "../../test/failures.js";
import { type DownloadProgress, resolveSource, type SourceOptions } from "./weight-source.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "inception-source-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const sha256 = (content: string) => createHash("sha256").update(content).digest("hex");

describe("a file", () => {
  test("is named by a path or a file: address, absolute in the result", async () => {
    const file = path.join(folder, "a #1.safetensors");
    await writeFile(file, "content");
    expect(await resolveSource(path.relative(process.cwd(), file))).toEqual({ path: file, name: file });
    const url = pathToFileURL(file).href;
    expect(await resolveSource(url)).toEqual({ path: file, name: file });
    expect(await resolveSource(`${url}#sha256=${sha256("content").toUpperCase()}`)).toEqual({
      path: file,
      name: file,
      sha256: sha256("content"),
    });
    await expectFailure(
      resolveSource(`${url}#sha256=${"0".repeat(64)}`),
      "HASH_MISMATCH",
      `Cannot use ${file}: its SHA-256 is ${sha256("content")}, expected ${"0".repeat(64)}`,
    );
  });

  test("that is missing, or no file", async () => {
    const missing = path.join(folder, "none");
    await expectFailure(resolveSource(missing), "FILE_NOT_FOUND", `Cannot open "${missing}": no such file or directory`);
    await expectFailure(resolveSource(folder), "SOURCE_INVALID", `Cannot open "${folder}": it is a directory, not a regular file`);
  });
});

describe("a spec that is none", () => {
  const hub = "expected hf:owner/name, hf:owner/name@revision or hf:owner/name:file";
  const pin = "expected sha256= and 64 hexadecimal digits after #";
  const kinds = "expected a path, hf:owner/name[@revision][:file], file: or https:";
  test.each([
    ["hf:", hub],
    ["hf:name", hub],
    ["hf:owner/name/more", hub],
    ["hf:../name", hub],
    ["hf:owner/..", hub],
    ["hf:owner/name@", hub],
    ["hf:owner/name@../../x", hub],
    ["hf:owner/name:../x", hub],
    ["hf:owner/name:/etc/passwd", hub],
    ["hf:owner/name:a//b", hub],
    ["hf:owner/name:a\\..\\b", hub],
    ["hf:owner/name:C:x", hub],
    ["http://host/x.safetensors", kinds],
    ["ftp://host/x", kinds],
    ["https://host/x", "downloads are not allowed; pass `allowHttps`"],
    ["file://host/x", 'File URL host must be "localhost" or empty on linux'],
    ["file:///x#md5=1", pin],
  ])("%s", async (spec, fact) => {
    await expectFailure(resolveSource(spec, { env: {} }), "SOURCE_INVALID", `Cannot use "${spec}" as a source of weights: ${fact}`);
  });

  test.each([
    ["https://", "https://", "it is not a valid address"],
    ["https://me:secret@host/x?y=1", "https://host/x", "the address contains a user name or password"],
    [`https://host/x#sha256=${"0".repeat(63)}`, `https://host/x#sha256=${"0".repeat(63)}`, pin],
  ])("%s, though the web is allowed", async (spec, shown, fact) => {
    const promise = resolveSource(spec, { env: {}, allowHttps: true });
    await expectFailure(promise, "SOURCE_INVALID", `Cannot use "${shown}" as a source of weights: ${fact}`);
  });
});

describe("an https: address", () => {
  let server: Server;
  let seen: string[];
  let options: SourceOptions;
  let listener: RequestListener;

  beforeEach(async () => {
    seen = [];
    server = createServer((request, response) => {
      seen.push(`${request.url} ${request.headers["if-none-match"] ?? ""}`.trim());
      listener(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("the server has no port");
    // Real HTTP to a real server; only the address and the encryption, for which there is no certificate, are exchanged.
    const local: typeof fetch = (input, init) =>
      fetch(
        (input instanceof Request ? input.url : input.toString()).replace("https://files.test", `http://127.0.0.1:${address.port}`),
        init,
      );
    options = { allowHttps: true, env: { XDG_CACHE_HOME: folder }, fetch: local };
  });
  afterEach(() => new Promise<void>((resolve) => void server.close(() => resolve()).closeAllConnections()));

  const cached = async () =>
    (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => entry.name);

  test("is downloaded, reported, and asked again whether it changed", async () => {
    let version = "one";
    listener = (request, response) => {
      const tag = `"${version}"`;
      if (request.headers["if-none-match"] === tag) response.writeHead(304).end();
      else response.writeHead(200, { ETag: tag }).end(`weights ${version}`);
    };
    const progress: DownloadProgress[] = [];
    const first = await resolveSource("https://files.test/dir/net.safetensors?key=secret", {
      ...options,
      onProgress: (step) => progress.push(step),
    });
    expect(first).toEqual({ path: first.path, name: "https://files.test/dir/net.safetensors" });
    expect(first.path).toMatch(/\/inceptionkit\/https\/[0-9a-f]{32}\/net\.safetensors$/);
    expect(await readFile(first.path, "utf8")).toBe("weights one");
    expect(progress.at(-1)).toEqual({ name: first.name, received: 11, total: 0 });
    expect(await resolveSource("https://files.test/dir/net.safetensors?key=secret", options)).toEqual(first);
    version = "two";
    expect(await readFile((await resolveSource("https://files.test/dir/net.safetensors?key=secret", options)).path, "utf8")).toBe(
      "weights two",
    );
    expect(seen).toEqual(["", ' "one"', ' "one"'].map((tag) => `/dir/net.safetensors?key=secret${tag}`));
    expect(await resolveSource("https://files.test/dir/net.safetensors?key=secret", { ...options, offline: true })).toEqual(first);
    expect(seen.length).toBe(3);
  });

  test("with a pin is not asked again, and refused when it differs", async () => {
    listener = (_, response) => response.writeHead(200).end("content");
    const good = `https://files.test/net.bin#sha256=${sha256("content")}`;
    const found = await resolveSource(good, options);
    expect(found.sha256).toBe(sha256("content"));
    expect(await resolveSource(good, options)).toEqual(found);
    expect(seen).toEqual(["/net.bin"]);
    await writeFile(found.path, "damaged");
    expect(await readFile((await resolveSource(good, options)).path, "utf8")).toBe("content");

    await rm(folder, { recursive: true });
    const message = `Cannot use https://files.test/net.bin: its SHA-256 is ${sha256("content")}, expected ${"1".repeat(64)}`;
    await expectFailure(resolveSource(`https://files.test/net.bin#sha256=${"1".repeat(64)}`, options), "HASH_MISMATCH", message);
    expect(await cached()).toEqual([]);
  });

  test("follows redirects within https, and none that leave it or run in a circle", async () => {
    listener = (request, response) => {
      if (request.url === "/end.bin") response.end("content");
      else response.writeHead(302, { Location: String(new URL(request.url ?? "", "https://files.test").searchParams.get("to")) }).end();
    };
    const found = await resolveSource("https://files.test/a.bin?to=/b.bin%3Fto%3Dhttps://files.test/end.bin", options);
    expect(path.basename(found.path)).toBe("a.bin");
    expect(await readFile(found.path, "utf8")).toBe("content");
    const start = "Cannot download https://files.test/a.bin: the server redirects";
    const to = (target: string) => resolveSource(`https://files.test/a.bin?to=${encodeURIComponent(target)}`, options);
    await expectFailure(to("http://files.test/x"), "DOWNLOAD_FAILED", `${start} to http://files.test, which is not https`);
    await expectFailure(to("https://"), "DOWNLOAD_FAILED", `${start} to "https://", which is not a valid address`);
    await expectFailure(to("file:///etc/passwd"), "DOWNLOAD_FAILED", `${start} to null, which is not https`);
    seen.length = 0;
    listener = (_, response) => response.writeHead(302, { Location: "/a.bin" }).end();
    await expectFailure(to(""), "DOWNLOAD_FAILED", `${start} more than 20 times`);
    expect(seen.length).toBe(21);
  });

  test("is cut off at the limit, whatever length it announces", async () => {
    const message = "Cannot download https://files.test/net.bin: it has more than 1,000 bytes, the limit for one download";
    const limited = { ...options, maxBytes: 1000 };
    listener = (_, response) => response.writeHead(200, { "Content-Length": 10_000_000 }).write("x");
    await expectFailure(resolveSource("https://files.test/net.bin", limited), "FILE_LIMIT", message);
    listener = (_, response) => {
      const timer = setInterval(() => response.write("x".repeat(400)), 1);
      response.on("close", () => clearInterval(timer));
    };
    await expectFailure(resolveSource("https://files.test/net.bin", limited), "FILE_LIMIT", message);
    expect(await cached()).toEqual([]);
  });

  test("fails in one helpful line", async () => {
    const asked = () => resolveSource("https://files.test/net.bin?key=secret", options);
    const start = "Cannot download https://files.test/net.bin: ";
    for (const [status, fact] of [
      [404, "the server returned 404, the file does not exist"],
      [403, "the server returned 403, access is denied"],
      [500, "the server returned 500, try again later"],
      [304, "the server returned 304"],
    ] as const) {
      listener = (_, response) => response.writeHead(status).end();
      await expectFailure(asked(), "DOWNLOAD_FAILED", start + fact);
    }
    listener = (_, response) => response.writeHead(200, { "Content-Length": 100 }).write("half", () => response.destroy());
    await expect(asked()).rejects.toThrow(/^Cannot download https:\/\/files\.test\/net\.bin: the connection (?:failed|closed)[^\n]*$/);
    await expectFailure(
      resolveSource("https://files.test/net.bin", { ...options, offline: true }),
      "DOWNLOAD_FAILED",
      `${start}offline mode is on and the file is not in the cache`,
    );
    const nowhere: typeof fetch = () => fetch("http://127.0.0.1:1/");
    await expect(resolveSource("https://files.test/net.bin", { ...options, fetch: nowhere })).rejects.toThrow(
      `${start}the server is not reachable: `,
    );
    expect(await cached()).toEqual([]);
  });

  test("gives files plain names", async () => {
    listener = (_, response) => response.end("x");
    for (const [address, name] of [
      ["https://files.test/", "download"],
      ["https://files.test/a/..%2f..%2fetc%2fpasswd", "2f..2fetc2fpasswd"],
      ["https://files.test/.hidden", "hidden"],
      [`https://files.test/${"n".repeat(300)}.bin`, `${"n".repeat(96)}.bin`],
    ] as const) {
      const found = await resolveSource(address, options);
      expect(path.dirname(path.dirname(found.path))).toBe(path.join(folder, "inceptionkit", "https"));
      expect(path.basename(found.path).replaceAll("_", "")).toBe(name);
    }
  });
});
