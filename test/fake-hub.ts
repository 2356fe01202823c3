import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";

/** The parts of the Hugging Face hub's HTTP interface that its client asks for, on a free port of this machine. */
export interface FakeHub {
  /** For HF_ENDPOINT. */
  readonly url: string;
  /** Every request so far: method, path and the bearer token, if any. */
  readonly requests: { readonly method: string; readonly path: string; readonly token: string | null }[];
  readonly repositories: Map<string, FakeRepository>;
  /** Answer any request whose path contains the key in this way instead. */
  readonly faults: Map<string, Fault>;
  close(): Promise<void>;
}

export interface FakeRepository {
  /** Branch or tag → commit. */
  readonly refs: Map<string, string>;
  /** Commit → path → file. */
  readonly commits: Map<string, Map<string, FakeFile>>;
}

export interface FakeFile {
  readonly content: Uint8Array;
  /** Large files are kept by their SHA-256, small ones by git's hash. */
  readonly lfs: boolean;
}

export type Fault = { readonly status: number; readonly code?: string } | SentFault | { readonly location: string };

type SentFault = "wrong bytes" | "break off" | "silence";

export async function startFakeHub(): Promise<FakeHub> {
  const repositories = new Map<string, FakeRepository>();
  const requests: FakeHub["requests"] = [];
  const faults = new Map<string, Fault>();
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://hub");
    const token = request.headers.authorization?.replace(/^Bearer /, "") ?? null;
    requests.push({ method: request.method ?? "", path: pathname, token });
    const fault = [...faults].find(([part]) => pathname.includes(part))?.[1] ?? null;
    if (fault !== null && typeof fault === "object") {
      const headers: Record<string, string> =
        "location" in fault ? { Location: fault.location } : fault.code ? { "X-Error-Code": fault.code } : {};
      response.writeHead("location" in fault ? 302 : fault.status, headers).end("nothing for you");
      return;
    }
    if (fault === "silence" && !pathname.includes("/resolve/")) return;
    void answer(repositories, pathname, request, response, fault);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    repositories,
    faults,
    close: () => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()),
  };
}

async function answer(
  repositories: FakeHub["repositories"],
  pathname: string,
  request: IncomingMessage,
  response: ServerResponse,
  fault: SentFault | null,
): Promise<void> {
  const [, api, apiRepo, question, rawRevision = ""] =
    /^\/(api\/models)\/([^/]+\/[^/]+)\/(revision|paths-info)\/([^/]+)$/.exec(pathname) ?? [];
  const [, fileRepo, rawFileRevision = "", filePath = ""] = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(pathname) ?? [];
  const repository = repositories.get(apiRepo ?? fileRepo ?? "");
  if (!repository) return refuse(response, 401, "RepoNotFound");
  const revision = decodeURIComponent(api ? rawRevision : rawFileRevision);
  const commit = repository.refs.get(revision) ?? revision;
  const files = repository.commits.get(commit);
  if (!files) return refuse(response, 404, "RevisionNotFound");
  if (question === "revision") {
    const siblings = [...files.keys()].map((rfilename) => ({ rfilename }));
    return json(response, {
      _id: "1",
      id: apiRepo,
      sha: commit,
      siblings,
      private: false,
      gated: false,
      downloads: 0,
      likes: 0,
      lastModified: 0,
    });
  }
  if (question === "paths-info") return json(response, describeFiles(files, await text(request)));
  const file = files.get(filePath);
  if (!file) return refuse(response, 404, "EntryNotFound");
  sendFile(request, response, file, fault);
}

function describeFiles(files: Map<string, FakeFile>, asked: string): unknown {
  // What the client sends; a fake need not doubt it.
  const { paths } = JSON.parse(asked) as { readonly paths: readonly string[] };
  return paths.flatMap((path) => {
    const file = files.get(path);
    if (!file) return [];
    const size = file.content.byteLength;
    const oid = createHash("sha1").update(`blob ${size}\0`).update(file.content).digest("hex");
    const lfs = { oid: createHash("sha256").update(file.content).digest("hex"), size, pointerSize: 134 };
    return [{ type: "file", path, size, oid, ...(file.lfs ? { lfs } : {}) }];
  });
}

function sendFile(request: IncomingMessage, response: ServerResponse, file: FakeFile, fault: SentFault | null): void {
  const { content } = file;
  const headers = { ETag: '"etag"', "Content-Type": "application/octet-stream" };
  if (request.headers.range === "bytes=0-0") {
    response.writeHead(206, { ...headers, "Content-Range": `bytes 0-0/${content.byteLength}`, "Content-Length": 1 });
    response.end(content.subarray(0, 1));
    return;
  }
  response.writeHead(200, { ...headers, "Content-Length": content.byteLength });
  if (fault === "silence") {
    response.write(content.subarray(0, 1));
    return;
  }
  if (fault === "break off") {
    response.write(content.subarray(0, content.byteLength / 2), () => response.destroy());
    return;
  }
  response.end(fault === "wrong bytes" ? content.map((byte, index) => (index === 10 ? byte ^ 1 : byte)) : content);
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { "X-Error-Code": code }).end();
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(value));
}
