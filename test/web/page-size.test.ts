/** What a page that only classifies loads of this package beside the runtime. */
import path from "node:path";
import { gzipSync } from "node:zlib";
import { build, type Metafile } from "esbuild";
import { expect, test } from "vitest";
import { ROOT } from "../program.js";

const LIMIT = 60_000;

const PAGE = `import { openClassifier } from "inceptionkit";
const classifier = await openClassifier("/model.onnx");
document.title = String((await classifier.classify("/photo.jpg"))[0]?.className);`;

test("a page that only classifies costs at most 60 kB gzip", async () => {
  const { outputFiles, metafile } = await build({
    stdin: { contents: PAGE, resolveDir: ROOT },
    bundle: true,
    minify: true,
    splitting: true,
    metafile: true,
    write: false,
    format: "esm",
    platform: "browser",
    outdir: path.join(ROOT, "tmp/page-size"),
    external: ["onnxruntime-web/*", "@jsquash/*"],
  });
  const loaded = closure(metafile, "<stdin>");
  const sizes = outputFiles
    .filter((file) => loaded.has(path.relative(process.cwd(), file.path)))
    .map((file) => gzipSync(file.contents, { level: 9 }).length);
  expect(sizes.length).toBe(loaded.size);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  expect(total).toBeGreaterThan(10_000);
  expect(total).toBeLessThanOrEqual(LIMIT);
});

/** The scripts that an entry loads before it runs; those that it loads later, on demand, are not among them. */
function closure({ outputs }: Metafile, entry: string): ReadonlySet<string> {
  const [first] = Object.entries(outputs).find(([, output]) => output.entryPoint === entry) ?? [];
  const found = new Set<string>();
  const visit = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    for (const { path: next, kind } of outputs[name]?.imports ?? []) if (kind === "import-statement" && next in outputs) visit(next);
  };
  if (first !== undefined) visit(first);
  return found;
}
