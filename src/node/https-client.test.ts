import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { createServer, type Server } from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { expectFailure } from "../../test/failures.js";
import { type HttpsClientOptions, httpsClient } from "./https-client.js";
import { resolveSource, type SourceOptions } from "./weight-source.js";

// A real server with a certificate of its own on this machine; where names must lead to it, the resolver is exchanged.

const HAS_OPENSSL = spawnSync("openssl", ["version"]).status === 0;
const withOpenssl = (title: string) => (HAS_OPENSSL ? title : `${title} [skipped: openssl is not installed]`);

let folder: string;
let certificate: { readonly key: string; readonly cert: string } | null = null;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "inception-https-"));
  const [key, cert] = [path.join(folder, "key.pem"), path.join(folder, "cert.pem")];
  const subject = ["-subj", "/CN=files.test", "-addext", "subjectAltName=DNS:files.test,DNS:localhost,IP:127.0.0.1"];
  const made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", ...subject];
  await promisify(execFile)("openssl", [...made, "-keyout", key, "-out", cert]);
  certificate = { key: await readFile(key, "utf8"), cert: await readFile(cert, "utf8") };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let server: Server;
let port: number;
let listener: RequestListener;
let seen: string[];
let cache: string;
beforeEach(async () => {
  seen = [];
  cache = await mkdtemp(path.join(folder, "cache-"));
  server = createServer({ ...certificate }, (request, response) => {
    seen.push(request.url ?? "");
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  port = address.port;
});
afterEach(() => new Promise<void>((resolve) => void server.close(() => resolve()).closeAllConnections()));

/** Every name is this machine: what a hostile name server answers the second time. */
const loopback: NonNullable<HttpsClientOptions["lookup"]> = (_hostname, options, callback) => {
  if (options.all === true) callback(null, [{ address: "127.0.0.1", family: 4 }]);
  else callback(null, "127.0.0.1", 4);
};

function urlOf(input: RequestInfo | URL): string {
  return input instanceof Request ? input.url : input.toString();
}

function client(more: HttpsClientOptions = {}): SourceOptions {
  const fetched = httpsClient({ ca: certificate?.cert ?? "", lookup: loopback, allowPrivateAddresses: true, ...more });
  return sources(async (input, init) => {
    const headers = Object.fromEntries(new Headers(init?.headers));
    return fetched(urlOf(input), { redirect: "manual", headers, signal: init?.signal ?? new AbortController().signal });
  });
}

function sources(fetched?: typeof fetch): SourceOptions {
  return { allowHttps: true, env: { XDG_CACHE_HOME: cache }, ...(fetched === undefined ? {} : { fetch: fetched }) };
}

const cached = async () =>
  (await readdir(cache, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => entry.name);

describe.skipIf(!HAS_OPENSSL)(withOpenssl("the built-in client"), () => {
  test("downloads over HTTPS, follows redirects, and asks whether the file changed", async () => {
    listener = (request, response) => {
      if (request.url === "/a.bin") response.writeHead(302, { Location: "/b.bin" }).end("moved");
      else if (request.headers["if-none-match"] === '"one"') response.writeHead(304).end();
      else response.writeHead(200, { ETag: '"one"' }).end("weights".repeat(100_000));
    };
    const address = `https://files.test:${port}/a.bin`;
    const found = await resolveSource(address, client());
    expect(await readFile(found.path, "utf8")).toBe("weights".repeat(100_000));
    expect(await resolveSource(address, client())).toEqual(found);
    expect(seen).toEqual(["/a.bin", "/b.bin", "/a.bin", "/b.bin"]);
  });

  test("refuses a certificate that it has no reason to trust", async () => {
    listener = (_, response) => response.end("x");
    const message = `Cannot download https://files.test:${port}/a.bin: the server is not reachable: self-signed certificate (DEPTH_ZERO_SELF_SIGNED_CERT)`;
    await expectFailure(resolveSource(`https://files.test:${port}/a.bin`, client({ ca: "" })), "DOWNLOAD_FAILED", message);
    expect(seen).toEqual([]);
  });
});

describe.skipIf(!HAS_OPENSSL)(withOpenssl("a private address"), () => {
  const not = "is not a public address; requests to private and local servers are not allowed";

  test.each([
    ["127.0.0.1", "127.0.0.1"],
    ["2130706433", "127.0.0.1"],
    ["10.1.2.3", "10.1.2.3"],
    ["169.254.169.254", "169.254.169.254"],
    ["[::1]", "::1"],
    ["[::ffff:127.0.0.1]", "::ffff:7f00:1"],
  ])("written as %s is not asked", async (host, address) => {
    const origin = new URL(`https://${host}:${port}`).origin;
    await expectFailure(
      resolveSource(`https://${host}:${port}/a.bin`, sources()),
      "DOWNLOAD_FAILED",
      `Cannot download ${origin}/a.bin: ${address} ${not}`,
    );
    expect(seen).toEqual([]);
  });

  test("that a name leads to is not asked", async () => {
    const thrown: unknown = await resolveSource(`https://localhost:${port}/a.bin`, sources()).catch((error: unknown) => error);
    expect(String(thrown)).toMatch(
      new RegExp(`^InceptionError: Cannot download https://localhost:${port}/a\\.bin: localhost is (127\\.0\\.0\\.1|::1), which ${not}$`),
    );
    expect(seen).toEqual([]);
  });

  test("that a name leads to only when the connection is made is noticed there", async () => {
    const message = `Cannot download https://files.test:${port}/a.bin: files.test is 127.0.0.1, which ${not}`;
    await expectFailure(
      resolveSource(`https://files.test:${port}/a.bin`, client({ allowPrivateAddresses: false })),
      "DOWNLOAD_FAILED",
      message,
    );
    expect(seen).toEqual([]);
  });

  test("that a redirect leads to is not asked", async () => {
    listener = (_, response) => response.writeHead(302, { Location: `https://169.254.169.254/latest` }).end();
    // The first address is allowed here and the next one is not: a client for each.
    const [open, closed] = [client(), httpsClient({ ca: certificate?.cert ?? "" })];
    const both = sources(async (input, init) => {
      const url = urlOf(input);
      if (url.includes("files.test")) return open.fetch?.(url, init) ?? new Response();
      return closed(url, { redirect: "manual", headers: {}, signal: init?.signal ?? new AbortController().signal });
    });
    const message = `Cannot download https://files.test:${port}/a.bin: 169.254.169.254 ${not}`;
    await expectFailure(resolveSource(`https://files.test:${port}/a.bin`, both), "DOWNLOAD_FAILED", message);
  });

  test("is asked where the caller allows it", async () => {
    listener = (_, response) => response.end("content");
    // Without trust in its certificate; the connection is made.
    const message = `Cannot download https://127.0.0.1:${port}/a.bin: the server is not reachable: self-signed certificate (DEPTH_ZERO_SELF_SIGNED_CERT)`;
    await expectFailure(
      resolveSource(`https://127.0.0.1:${port}/a.bin`, { ...sources(), allowPrivateAddresses: true }),
      "DOWNLOAD_FAILED",
      message,
    );
  });
});

describe.skipIf(!HAS_OPENSSL)(withOpenssl("a silent server"), () => {
  test("that does not answer is given up", async () => {
    listener = () => undefined;
    const message = `Cannot download https://files.test:${port}/a.bin: the server is not reachable: it did not answer within 0.3 s`;
    await expectFailure(resolveSource(`https://files.test:${port}/a.bin`, client({ connectSeconds: 0.3 })), "DOWNLOAD_FAILED", message);
  });

  test.each(["at once", "after dripping"])("that stops in the middle is given up, %s", async (when) => {
    let closed = false;
    listener = (_, response) => {
      response.on("close", () => (closed = true));
      response.writeHead(200, { "Content-Length": 10_000 }).write("half");
      if (when === "at once") return;
      const drip = setInterval(() => response.write("x"), 20);
      response.on("close", () => clearInterval(drip));
    };
    const message = `Cannot download https://files.test:${port}/a.bin: the server sent less than 1024 bytes per second for 0.3 s`;
    await expectFailure(resolveSource(`https://files.test:${port}/a.bin`, { ...client(), stallSeconds: 0.3 }), "DOWNLOAD_FAILED", message);
    await expect.poll(() => closed).toBe(true);
    expect(await cached()).toEqual([]);
  });
});
