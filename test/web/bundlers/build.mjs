/**
 * Builds the page with one bundler, or serves it while it is developed:
 *
 *     node build.mjs PACKAGES BUNDLER PAGE OUT [isolated]
 *
 * PACKAGES is a directory whose node_modules has the bundler. Each bundler gets the configuration that docs/browser.md
 * gives for it and no other.
 */
import { cpSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [, , packages, bundler, page, out, isolated] = process.argv;
const ISOLATION = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

/** Entry points beside the page's own, for bundlers that do not follow `new URL(…, import.meta.url)`, and what they load. */
const WORKERS = {
  "inceptionkit/web/worker": "inceptionkit/web/worker",
  "inceptionkit/web/image-worker": "inceptionkit/web/image-worker",
};
const WASM = [
  "onnxruntime-web/dist/ort-wasm-simd-threaded.wasm",
  "@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm",
  "@jsquash/png/codec/pkg/squoosh_png_bg.wasm",
  "@jsquash/webp/codec/dec/webp_dec.wasm",
];

const BUNDLERS = {
  vite: () => viteBuild("vite"),
  "vite-cpu-only": () => viteBuild("vite", { resolve: { conditions: ["inceptionkit-cpu-only", "module", "browser", "development|production"] } }),
  vite5: () => viteBuild("vite5"),
  vite7: () => viteBuild("vite7"),
  vite8: () => viteBuild("vite8"),
  "vite5-serve": () => viteServe("vite5"),
  "vite7-serve": () => viteServe("vite7"),
  "vite8-serve": () => viteServe("vite8"),
  webpack,
  esbuild,
  rollup,
};

async function viteBuild(name, config = {}) {
  const { build } = await load(name);
  await build({ ...config, root: page, base: "./", logLevel: "warn", configFile: false, build: { outDir: out, emptyOutDir: true } });
}

async function viteServe(name) {
  const { createServer } = await load(name);
  const headers = isolated === "isolated" ? ISOLATION : {};
  const server = await createServer({ root: page, logLevel: "warn", configFile: false, server: { host: "localhost", headers } });
  await server.listen(0);
  console.log(`listening on http://localhost:${server.httpServer.address().port}/`);
}

async function webpack() {
  const compile = await load("webpack");
  const output = { path: out, filename: "main.js", chunkFilename: "[name].js" };
  const stats = await new Promise((resolve, reject) => {
    const done = (error, finished) => (error ? reject(error) : resolve(finished));
    compile({ mode: "production", context: page, entry: "./main.js", output, performance: { hints: false } }, done);
  });
  if (stats.hasErrors() || stats.hasWarnings()) throw new Error(stats.toString({ all: false, errors: true, warnings: true }));
}

async function esbuild() {
  const { build } = await load("esbuild");
  const entryPoints = { main: "./main.js", ...WORKERS };
  await build({ entryPoints, bundle: true, format: "esm", minify: true, outdir: out, absWorkingDir: page, logLevel: "warning" });
  copyRuntime();
}

async function rollup() {
  const [bundler, nodeResolve] = [await load("rollup"), await load("@rollup/plugin-node-resolve")];
  const bundle = await bundler.rollup({
    input: { main: path.join(page, "main.js"), ...WORKERS },
    plugins: [nodeResolve({ browser: true, rootDir: page })],
    onwarn: (warning) => {
      throw new Error(warning.message);
    },
  });
  await bundle.write({ dir: out, format: "es" });
  copyRuntime();
}

/** What is left to the author by a bundler that does not follow `new URL(…, import.meta.url)`. */
function copyRuntime() {
  for (const file of WASM) cpSync(path.join(page, "node_modules", file), path.join(out, "inceptionkit/web", path.basename(file)));
}

/** A module of PACKAGES, preferring its form for `import`. */
async function load(name) {
  const root = path.join(packages, "node_modules", name);
  const { exports, main } = createRequire(import.meta.url)(path.join(root, "package.json"));
  const entry = exports?.["."]?.import ?? exports?.["."] ?? main;
  const file = typeof entry === "string" ? entry : entry.default;
  const loaded = await import(pathToFileURL(path.join(root, file)));
  return loaded.default ?? loaded;
}

await BUNDLERS[bundler]();
