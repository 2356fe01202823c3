import type { Triple } from "../../data/index.js";
import { messageOf } from "../../errors.js";
import { type SegmentedFile, type SegmentFilesOptions, segmentFiles } from "../../node/segment/segment-files.js";
import { openSegmenter } from "../../node/segment/segmenter.js";
import type { LabelStatistics } from "../../segment/labels.js";
import { modelName } from "../../tasks/model-source.js";
import type { Segmenter } from "../../tasks/segment/segmenter.js";
import type { Flags, RunCommand } from "../command.js";
import { exitCodeOf } from "../exit-code.js";
import { textFlag } from "../flags.js";
import { volumeInputs } from "../inputs.js";
import { type Io, printJson } from "../io.js";
import { errorText } from "../option-words.js";
import { modelFlags } from "../run-model.js";
import { watchSignals } from "../signals.js";
import { invalid, missing } from "../usage-error.js";
import { windowProgress } from "../window-progress.js";

/** `segment FILES|DIR --model RUN|ID|FILE --out DIR`: label maps. */
export const run: RunCommand = async ([paths = []], flags, io) => {
  const settings = segmentFlags(flags);
  const { model, options } = await modelFlags(flags, io, "hippocampus");
  const { preprocessing, ...opening } = options;
  const { files, failed: unlisted } = await volumeInputs(typeof paths === "string" ? [paths] : paths);
  const total = files.length + unlisted.length;
  const patchSize = patchFlag(flags);
  const segmenter = await openSegmenter(model, { ...opening, ...(patchSize === undefined ? {} : { patchSize }) });
  const watch = watchSignals(["SIGINT"], () => io.err("stopping after this window; press Ctrl-C again to quit immediately\n"));
  watch.start();
  try {
    const json = flags.json === true;
    for (const { error } of unlisted) io.err(`inception: ${errorText(error)}\n`);
    const segmented = await segmentAll(segmenter, files, { ...settings, modelName: modelName(model), signal: watch.signal }, io, json);
    const finished = [...unlisted, ...segmented];
    if (json) printJson(io, finished.map(jsonOf));
    const failed = finished.filter((result) => "error" in result).length;
    if (failed > 0 && total > 1) io.err(`inception: failed to segment ${failed} of ${total} files\n`);
    if (!watch.signal.aborted) return exitCodeOf(failed, total);
    io.err(`interrupted after ${segmented.length} of ${files.length} files; files written so far are complete\n`);
    return watch.exitCode();
  } finally {
    watch.stop();
    await segmenter.close();
  }
};

/** All files, or those that were finished when the signal came. */
async function segmentAll(
  segmenter: Segmenter,
  files: readonly string[],
  settings: SegmentFilesOptions,
  io: Io,
  json: boolean,
): Promise<readonly SegmentedFile[]> {
  const progress = windowProgress(io, files);
  const finished: SegmentedFile[] = [];
  let saidUnchecked = false;
  try {
    await segmentFiles(segmenter, files, {
      ...settings,
      onWindow: progress.onWindow,
      onFile: (result) => {
        progress.onFile();
        finished.push(result);
        if ("error" in result) {
          io.err(`inception: ${errorText(result.error)}\n`);
          return;
        }
        if (result.warnings === null && !saidUnchecked) {
          saidUnchecked = true;
          io.err("warning: the model records no statistics of its training cases; cases are not compared with them\n");
        }
        for (const { message } of result.warnings ?? []) io.err(`warning: ${messageOf(result.file)}: ${messageOf(message)}\n`);
        if (!json) io.out(formatResult(result));
      },
    });
  } catch (thrown) {
    if (!settings.signal?.aborted) throw thrown;
  } finally {
    progress.onFile();
  }
  return finished;
}

function segmentFlags(flags: Flags): SegmentFilesOptions {
  const out = textFlag(flags, "out");
  if (out === undefined) throw missing("--out", "pass a directory for the label maps");
  return {
    out,
    overlap: overlapFlag(textFlag(flags, "overlap") ?? "0.5"),
    mirrorAxes: mirrorFlag(textFlag(flags, "mirror") ?? ""),
    largestComponent: flags.largestComponent === true,
    fillHoles: flags.fillHoles === true,
    probabilities: flags.probabilities === true,
    strict: flags.strict === true,
    quality: flags.qc !== false,
  };
}

function overlapFlag(text: string): number {
  const overlap = Number(text);
  if (text.trim() !== "" && overlap >= 0 && overlap < 1) return overlap;
  throw invalid("--overlap", text, "a number in [0, 1), as in 0.5");
}

function mirrorFlag(text: string): readonly number[] {
  const axes = [...text].map((letter) => "xyz".indexOf(letter));
  if (!axes.includes(-1) && new Set(axes).size === axes.length) return axes;
  throw invalid("--mirror", text, "some of x, y and z, as in xyz");
}

function patchFlag(flags: Flags): Triple | undefined {
  const text = textFlag(flags, "patchSize");
  if (text === undefined) return undefined;
  const [x = 0, y = 0, z = 0, ...more] = text.split(/[x,]/).map((size) => (/^[1-9]\d{0,3}$/.test(size) ? Number(size) : 0));
  if (more.length === 0 && x > 0 && y > 0 && z > 0) return [x, y, z];
  throw invalid("--patch-size", text, "voxels along x, y and z, as in 64x64x64");
}

/** The promised keys. */
function jsonOf(result: SegmentedFile) {
  const { file } = result;
  if ("error" in result) return { file, error: errorText(result.error) };
  return { file, output: result.output, volumesMm3: volumesMm3(result.measured), warnings: result.warnings };
}

function volumesMm3(measured: readonly LabelStatistics[]): Readonly<Record<string, number>> {
  return Object.fromEntries(measured.map(({ name, mm3 }) => [name, mm3]));
}

function formatResult({ output, measured }: Extract<SegmentedFile, { readonly output: string }>): string {
  const volumes = measured.map(({ name, mm3 }) => `${messageOf(name)} ${formatMm3(mm3)} mm³`);
  return `${messageOf(output)}: ${volumes.join(", ")}\n`;
}

function formatMm3(mm3: number): string {
  return mm3.toLocaleString("en-US", { maximumFractionDigits: 1 });
}
