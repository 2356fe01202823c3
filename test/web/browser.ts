/**
 * A page of headless Chromium that sees this project as a browser would: the built package through an import map,
 * without a bundler, from a server on this machine that isolates it (which threads of WebAssembly need).
 *
 * `/dist`, `/examples` and `/node_modules` are served as they are; `/src` and `/test` as the JavaScript of their TypeScript, so that
 * the conformance suites, which are no part of the package, run in the page too.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { type Browser, chromium } from "playwright-core";
import ts from "typescript";

const ROOT = path.resolve(import.meta.dirname, "../..");
const CHROMIUM = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";

// With a software adapter for WebGPU, since the machines that run tests have no graphics card.
const FLAGS = ["--no-sandbox", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"];

const IMPORTS = {
  inceptionkit: "/dist/browser.js",
  "inceptionkit/core": "/dist/core.js",
  "inceptionkit/web": "/dist/web/index.js",
  "onnxruntime-web/wasm": "/node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs",
  "onnxruntime-web/webgpu": "/node_modules/onnxruntime-web/dist/ort.webgpu.bundle.min.mjs",
  "@jsquash/jpeg/decode.js": "/node_modules/@jsquash/jpeg/decode.js",
  "@jsquash/png/decode.js": "/node_modules/@jsquash/png/decode.js",
  "@jsquash/webp/decode.js": "/node_modules/@jsquash/webp/decode.js",
  "@bufbuild/protobuf/wire": "/node_modules/@bufbuild/protobuf/dist/esm/wire/index.js",
  fflate: "/node_modules/fflate/esm/browser.js",
  hyparquet: "/node_modules/hyparquet/src/index.js",
  "hyparquet-writer": "/node_modules/hyparquet-writer/src/index.js",
  "@dagrejs/dagre": "/node_modules/@dagrejs/dagre/dist/dagre.esm.js",
};

const PAGE = `<!doctype html><meta charset="utf-8"><title>inceptionkit</title><link rel="icon" href="data:,">
<script type="importmap">${JSON.stringify({ imports: IMPORTS })}</script>`;

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
  ".json": "application/json",
};

/** The browser's program, or null where there is none. */
export const chromiumPath: string | null = existsSync(CHROMIUM) ? CHROMIUM : null;

export const chromiumTitle = (title: string) => (chromiumPath === null ? `${title} [skipped: there is no ${CHROMIUM}]` : title);

export interface BrowserPage {
  /**
   * Call a function that a module exports, in the page. Arguments and result are JSON.
   *
   * @param module - the URL path of the module: `/test/web/page.js`
   */
  call(module: string, name: string, ...args: readonly unknown[]): Promise<unknown>;
  /** Workers of the page that have not ended. */
  workers(): number;
  /** What the page wrote to its console as a warning or error, and errors that nobody caught. */
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

/** Needs `chromiumPath`. */
export function launchChromium(): Promise<Browser> {
  if (chromiumPath === null) throw new Error(`there is no ${CHROMIUM}`);
  return chromium.launch({ executablePath: chromiumPath, args: FLAGS });
}

/** Start the server and open the page. Needs `chromiumPath`. */
export async function openBrowserPage(): Promise<BrowserPage> {
  const server = await startServer(withOddFiles(), ISOLATION);
  const browser = await launchChromium();
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["warning", "error"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(server.url);
  return {
    complaints,
    workers: () => page.workers().length,
    // As text: a function would be rewritten by the test runner, whose imports do not exist in the page.
    call: (module, name, ...args) =>
      page.evaluate(`import(${JSON.stringify(module)}).then((module) => module[${JSON.stringify(name)}](...${JSON.stringify(args)}))`),
    close: async () => {
      await browser.close();
      await server.close();
    },
  };
}

export interface TestServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Headers that isolate a page, which threads of WebAssembly need. */
export const ISOLATION = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

/** Serve what `contentOf` gives for the path of a URL; where it throws, the answer is 404. */
export async function startServer(
  contentOf: (pathname: string) => Promise<Content>,
  headers: Readonly<Record<string, string>>,
): Promise<TestServer> {
  const server = createServer((request, response) => {
    contentOf(new URL(request.url ?? "/", "http://localhost").pathname)
      .then(({ body, type }) => {
        const whole = Buffer.from(body);
        const part = partOf(whole, request.headers.range);
        const etag = `"${createHash("sha1").update(whole).digest("hex")}"`;
        response.writeHead(part.status, { "content-type": type, etag, ...part.headers, ...headers }).end(part.body);
      })
      .catch((thrown: unknown) => response.writeHead(404).end(String(thrown)));
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  return {
    // A server that listens on a port has an address of this form.
    url: `http://localhost:${(server.address() as AddressInfo).port}/`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What a request for one range of bytes gets; the whole without one. */
function partOf(whole: Buffer, range: string | undefined) {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? "") ?? [];
  if (first === undefined || last === undefined) return { status: 200, headers: {}, body: whole };
  const body = whole.subarray(Number(first), Number(last) + 1);
  return { status: 206, headers: { "content-range": `bytes ${first}-${last}/${whole.length}` }, body };
}

/** A file as a server sends it. */
export async function fileContent(file: string): Promise<Content> {
  return { body: await readFile(file), type: TYPES[path.extname(file)] ?? "application/octet-stream" };
}

export interface Content {
  readonly body: string | Uint8Array;
  readonly type: string;
}

/** Two files besides: `/silent.onnx` is never sent; `/counted` changes with each request of `/counted/next`. */
function withOddFiles(): (pathname: string) => Promise<Content> {
  let version = 1;
  return async (pathname) => {
    if (pathname === "/silent.onnx") return new Promise(() => {});
    if (pathname === "/counted/next") version += 1;
    if (pathname.startsWith("/counted")) return { body: `version ${version}`, type: "text/plain" };
    return content(pathname);
  };
}

async function content(pathname: string): Promise<Content> {
  if (pathname === "/") return { body: PAGE, type: "text/html" };
  const [, folder = ""] = pathname.split("/");
  const file = path.join(ROOT, path.normalize(decodeURIComponent(pathname)));
  if (folder === "src" || folder === "test") return { body: await transpiled(file.replace(/\.js$/, ".ts")), type: "text/javascript" };
  if (!["assets", "dist", "examples", "node_modules"].includes(folder)) throw new Error(`${pathname} is not served`);
  return fileContent(file);
}

async function transpiled(file: string): Promise<string> {
  const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023, verbatimModuleSyntax: true };
  return ts.transpileModule(await readFile(file, "utf8"), { compilerOptions: options }).outputText;
}
