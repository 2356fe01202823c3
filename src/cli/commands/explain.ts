import path from "node:path";
import { InceptionError, messageOf, orError } from "../../errors.js";
import { EXPLANATION_METHODS, EXPLANATION_NAMES, type ExplainOptions, type ExplanationName } from "../../explain/index.js";
import { decodeImage } from "../../node/decode-image.js";
import { exportExplanation, openExplainer } from "../../node/explain/explainer.js";
import { clearExplanation, writeExplanationList } from "../../node/explain/results.js";
import { imageName, imageTitle } from "../../node/image-source.js";
import { encodePng, pngUri } from "../../node/png.js";
import { writeFileAtomic } from "../../node/write-file.js";
import { type ExplainedPicture, explanationPage } from "../../report/explanation.js";
import { enlargedPicture, overlay } from "../../report/overlay.js";
import type { Explainer, Explanation } from "../../tasks/explain.js";
import type { DescribedModel } from "../../tasks/model-source.js";
import { formatPercent } from "../../train/progress.js";
import type { Flags, RunCommand } from "../command.js";
import { flagName, integerFlag, textFlag } from "../flags.js";
import { imageInputs } from "../inputs.js";
import { formatBytes, type Io, printJson } from "../io.js";
import { errorText } from "../option-words.js";
import { imageOpener, jsonPrediction, modelFlags, reportFailures } from "../run-model.js";
import { invalid, missing, unexpected } from "../usage-error.js";

/** Where results go that have no place of their own. */
const DEFAULT_OUT = "explanation";
const PAGE = "index.html";

/** `explain FILES|DIR --model ID|RUN [--out DIR]`: overlays and a page; or `--export FILE.onnx` without images. */
export const run: RunCommand = async ([paths = []], flags, io) => {
  const given = typeof paths === "string" ? [paths] : paths;
  const methods = methodsFlag(textFlag(flags, "method") ?? "grad_cam");
  const settings = methodFlags(flags, methods);
  const { model, options } = await modelFlags(flags, io);
  const file = textFlag(flags, "export");
  if (file !== undefined) return exportGraph(model, methods, file, { ...options, ...settings }, given, flags, io);
  const out = textFlag(flags, "out") ?? DEFAULT_OUT;
  if (given.length === 0) throw missing("images", "pass image files or directories");
  const { files, failed } = await imageInputs(given);
  const explainer = await openExplainer(model, { ...options, ...settings, methods });
  try {
    const unlisted = failed.map(({ file, error }) => ({ file, error: errorText(error) }));
    const outcomes = [...unlisted, ...(await explainAll(explainer, files, out, flags, io))];
    if (flags.json === true)
      printJson(
        io,
        outcomes.map((outcome) => ("class" in outcome ? { ...outcome, class: jsonPrediction(outcome.class) } : outcome)),
      );
    return reportFailures(outcomes, io, flags.json === true);
  } finally {
    await explainer.close();
  }
};

type Explained = { readonly file: string; readonly error: string } | Omit<Written, "picture">;

interface Written {
  readonly file: string;
  readonly class: Explanation["targetClass"];
  readonly maps: readonly {
    readonly method: string;
    readonly overlay: string;
    readonly peak: Explanation["attributions"][number]["peak"];
  }[];
  readonly picture: ExplainedPicture;
}

async function explainAll(
  explainer: Explainer,
  files: readonly string[],
  out: string,
  flags: Flags,
  io: Io,
): Promise<readonly Explained[]> {
  const target = textFlag(flags, "class");
  const pictures: ExplainedPicture[] = [];
  const outcomes: Explained[] = [];
  const names = uniqueNames(files);
  const open = imageOpener(flags, io);
  for (const [index, file] of files.entries()) {
    const explanation = await orError(async () => {
      const image = await decodeImage(await open(file), { name: imageName(file) });
      return explainer.explain(image, target);
    });
    if (explanation instanceof InceptionError) {
      outcomes.push({ file, error: errorText(explanation) });
      continue;
    }
    // Not before something replaces them: a class that does not exist is to cost nobody an earlier explanation.
    if (pictures.length === 0) await beginExplanation(out, names, explainer.methods);
    const { picture, ...written } = await writeOverlays(file, explanation, path.join(out, names[index] ?? String(index)));
    pictures.push(picture);
    outcomes.push(written);
    if (flags.json !== true) io.out(formatWritten(written));
  }
  if (pictures.length === 0) return outcomes;
  const page = path.join(out, PAGE);
  await writeFileAtomic(page, [Buffer.from(await explanationPage(explainer.model, pictures, pngUri))]);
  if (flags.json !== true) io.out(`${messageOf(page)}\n`);
  return outcomes;
}

/** Remove an earlier explanation, and list the files to come, so that those of an interrupted run are known. */
async function beginExplanation(out: string, names: readonly string[], methods: readonly ExplanationName[]): Promise<void> {
  await clearExplanation(out);
  await writeExplanationList(out, [...names.flatMap((name) => methods.map((method) => `${name}.${method}.png`)), PAGE]);
}

async function writeOverlays(file: string, explanation: Explanation, base: string): Promise<Written> {
  const maps = [];
  const picture = enlargedPicture(explanation.modelInput);
  for (const map of explanation.attributions) {
    const name = `${base}.${map.method}.png`;
    await writeFileAtomic(name, [await encodePng(overlay(picture, map))]);
    maps.push({ method: map.method, overlay: name, peak: map.peak });
  }
  return { file, class: explanation.targetClass, maps, picture: { title: imageTitle(file), explanation } };
}

/** File names without their endings; where two are equal, with a number. */
function uniqueNames(files: readonly string[]): readonly string[] {
  const seen = new Map<string, number>();
  return files.map((file) => {
    const name = imageTitle(file).replace(/\.[^.]+$/, "");
    const times = seen.get(name) ?? 0;
    seen.set(name, times + 1);
    return times === 0 ? name : `${name}-${times + 1}`;
  });
}

function formatWritten({ file, class: { className, probability }, maps }: Omit<Written, "picture">): string {
  const width = Math.max(...maps.map(({ method }) => method.length));
  const lines = maps.map(
    ({ method, overlay: name, peak }) => `  ${method.padEnd(width)}  maximum at (${peak.x}, ${peak.y})  ${messageOf(name)}`,
  );
  return `${messageOf(file)}: ${messageOf(className)} (${formatPercent(probability)})\n${lines.join("\n")}\n`;
}

function methodsFlag(text: string): readonly ExplanationName[] {
  if (text === "all") return EXPLANATION_NAMES;
  const names = text.split(",").map((name) => EXPLANATION_NAMES.find((candidate) => candidate === name.trim()));
  const known = names.filter((name) => name !== undefined);
  if (known.length === names.length && new Set(known).size === known.length) return known;
  throw invalid("--method", text, `${EXPLANATION_NAMES.join(", ")}, several separated by commas, or all`);
}

/** Options of the methods; one that no chosen method uses is a mistake. */
function methodFlags(flags: Flags, methods: readonly ExplanationName[]): ExplainOptions {
  const layer = textFlag(flags, "layer");
  const numbers = {
    steps: integerFlag(flags, "steps", 2, 256),
    window: integerFlag(flags, "window", 1, 16_384),
    stride: integerFlag(flags, "stride", 1, 16_384),
  };
  const given = Object.entries({ layer, ...numbers }).filter(([, value]) => value !== undefined);
  const used = new Set<string>(methods.flatMap((method) => EXPLANATION_METHODS[method].uses));
  const useless = given.map(([name]) => name).filter((name) => !used.has(name));
  if (useless.length === 0) return Object.fromEntries(given);
  throw unexpected(useless.map(flagName), `not used by --method ${methods.join(",")}`);
}

async function exportGraph(
  model: string | DescribedModel,
  methods: readonly ExplanationName[],
  file: string,
  options: Parameters<typeof exportExplanation>[3],
  images: readonly string[],
  flags: Flags,
  io: Io,
): Promise<number> {
  const useless = ["out", "class"].filter((name) => flags[name] !== undefined).map(flagName);
  const given = [...(images.length > 0 ? ["images"] : []), ...useless];
  if (given.length > 0) throw unexpected(given, "not supported with --export");
  const [method] = methods;
  if (methods.length !== 1 || method === undefined) throw invalid("--method", methods.join(","), "one method with --export");
  const { bytes, outputs } = await exportExplanation(model, method, file, options);
  if (flags.json === true) printJson(io, { file, bytes, method, inputs: ["input", "target"], outputs });
  else
    io.out(
      `wrote ${messageOf(file)} (${formatBytes(bytes)}): inputs input, target; ${outputs.length === 1 ? "output" : "outputs"} ${outputs.join(", ")}\n`,
    );
  return 0;
}
