/** Pages that Vite builds from the packed package, as a user's are, and opens in headless Chromium. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import type { Browser, Page } from "playwright-core";
import { addPackage, unpackPackage } from "../packed-package.js";
import { packageDependencies, ROOT } from "../shared.js";
import { fileContent, ISOLATION, startServer, type TestServer } from "./browser.js";

const run = promisify(execFile);
const BUILD = path.join(import.meta.dirname, "bundlers/build.mjs");

/** Packages that a page is installed with: what npm installs without the optional ones, and the runtime. */
const DEPENDENCIES = ["onnxruntime-web", ...packageDependencies()];

/** The strictest policy that docs/browser.md allows. */
export const POLICY = {
  "content-security-policy":
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; img-src data: blob:; style-src 'self'",
};

/** Installs the packed package and what a page needs beside it. The directory must be outside the project. */
export async function installForPages(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await unpackPackage(folder);
  for (const name of DEPENDENCIES) addPackage(folder, name);
  writeFileSync(path.join(folder, "package.json"), '{ "name": "page", "type": "module", "private": true }');
}

/**
 * Builds a page with a bundler of test/web/bundlers/build.mjs.
 *
 * @param page - its directory, with index.html and main.js, below one that `installForPages` filled
 * @param packages - the directory whose node_modules has the bundler
 * @returns the directory of the built page
 */
export async function buildPage(page: string, out: string, bundler = "vite", packages = ROOT): Promise<string> {
  await run(process.execPath, [BUILD, packages, bundler, page, out]);
  return out;
}

/** Serves a built page under the strictest policy. */
export function servePage(out: string, isolated: boolean): Promise<TestServer> {
  const content = (pathname: string) => fileContent(path.join(out, pathname === "/" ? "index.html" : pathname));
  return startServer(content, { ...POLICY, ...(isolated ? ISOLATION : {}) });
}

/** Writes the files of a page: each a text, or where it is copied from. Those below `public/` are served at the root. */
export function writePage(page: string, files: Readonly<Record<string, string | { readonly copyOf: string }>>): void {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(page, name);
    mkdirSync(path.dirname(file), { recursive: true });
    if (typeof content === "string") writeFileSync(file, content);
    else cpSync(content.copyOf, file, { recursive: true });
  }
}

/** Opens a built page and uses it. What it writes to the console as a warning or error fails the test. */
export async function usePage<T>(browser: Browser, out: string, use: (page: Page) => Promise<T>): Promise<T> {
  const server = await servePage(out, false);
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["warning", "error"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  try {
    await page.goto(server.url);
    const result = await use(page);
    if (complaints.length > 0) throw new Error(complaints.join("\n"));
    return result;
  } finally {
    await page.close();
    await server.close();
  }
}
