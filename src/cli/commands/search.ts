import { InceptionError, messageOf, orError } from "../../errors.js";
import { imageThreads } from "../../node/image-threads.js";
import { nodeModels } from "../../node/load-model.js";
import { recordedSource } from "../../node/search/index-directory.js";
import { readIndexHeader } from "../../node/search/index-place.js";
import { openNeighborGraph } from "../../node/search/neighbor-graph.js";
import { duplicatesPage, neighborPage } from "../../node/search/neighbor-page.js";
import { writeFileAtomic } from "../../node/write-file.js";
import type { DuplicateImages, ImageIndex, Neighbor } from "../../tasks/search/open-index.js";
import { openIndexSource } from "../../tasks/search/search-sources.js";
import type { Flags, RunCommand } from "../command.js";
import { EXIT } from "../exit-code.js";
import { integerFlag, numberFlag, textFlag } from "../flags.js";
import { imageInputs } from "../inputs.js";
import { formatCount, formatTable, type Io, lateProgress, printJson, startProgress } from "../io.js";
import { errorText } from "../option-words.js";
import { imageOpener, loadFlags, modelFlags, type Outcome, reportFailures } from "../run-model.js";
import { missing, unexpected } from "../usage-error.js";

/** `search IMAGES --index INDEX`: the nearest images of an index; with --duplicates its own equal and nearly equal images. */
export const run: RunCommand = async ([paths = []], flags, io) => {
  const given = typeof paths === "string" ? [paths] : paths;
  const place = textFlag(flags, "index");
  if (place === undefined) throw missing("--index", "pass a file that inception index wrote");
  const duplicates = flags.duplicates === true;
  checkOperands(given, flags, duplicates);
  const [top, threshold] = [integerFlag(flags, "top", 1, 10_000) ?? 10, numberFlag(flags, "threshold", 0.01, 1) ?? 0.95];
  const inputs = duplicates ? null : await imageInputs(given);
  const images = imageThreads();
  const index = await openIndex(place, flags, io, images).catch((thrown: unknown) => {
    images.close();
    throw thrown;
  });
  try {
    if (index.recall !== null) io.err(`inception: approximate search, recall@10 ${index.recall.toFixed(3)} on vectors of the index\n`);
    if (inputs === null) return await printDuplicates(place, index, threshold, flags, io);
    const failed = inputs.failed.map(({ file, error }) => ({ file, error: errorText(error) }));
    const outcomes = [...failed, ...(await searchAll(index, inputs.files, top, flags, io))];
    const report = textFlag(flags, "report");
    if (report !== undefined) await writeText(report, await neighborPage(place, index, outcomes.filter(isFound), imageOpener(flags, io)));
    if (flags.json === true) printJson(io, outcomes.map(jsonOutcome));
    else for (const outcome of outcomes) if (isFound(outcome)) io.out(formatFound(outcome, outcomes.length > 1));
    return reportFailures(outcomes, io, flags.json === true);
  } finally {
    await index.close();
    images.close();
  }
};

type Found = { readonly file: string; readonly neighbors: readonly Neighbor[] };

function isFound(outcome: Outcome<Found>): outcome is Found {
  return "neighbors" in outcome;
}

function checkOperands(given: readonly string[], flags: Flags, duplicates: boolean): void {
  if (!duplicates && given.length === 0) throw missing("images", "pass image files or directories, or --duplicates");
  if (duplicates && given.length > 0) throw unexpected(given, "--duplicates compares the images of the index with each other");
  if (!duplicates && flags.threshold !== undefined) throw unexpected(["--threshold"], "supported only with --duplicates");
}

async function openIndex(place: string, flags: Flags, io: Io, images: ReturnType<typeof imageThreads>): Promise<ImageIndex> {
  const model = flags.duplicates === true ? null : await queryModel(place, flags, io);
  const loading = model?.options ?? (await loadFlags(flags, io));
  const threads = integerFlag(flags, "threads", 0, 1024) ?? 0;
  const bar = flags.approximate === true ? lateProgress(io, "graph of neighbors") : null;
  const approximate = bar === null ? null : openNeighborGraph({ threads, onProgress: bar.onProgress });
  const host = nodeModels(images, loading);
  return openIndexSource(host, place, loading, { approximate, ...(model === null ? {} : { model: model.model }) }).finally(() =>
    bar?.stop(),
  );
}

/** The model of --model, or the one that the index names. */
async function queryModel(place: string, flags: Flags, io: Io) {
  if (textFlag(flags, "model") !== undefined) return modelFlags(flags, io);
  const { source } = await readIndexHeader(place);
  const { model, weights } = recordedSource(place, source);
  const options = await loadFlags(flags, io);
  return { model, options: { ...(weights === undefined ? {} : { weights }), ...options } };
}

/** Images are read in batches; one that cannot be used fails alone. */
async function searchAll(
  index: ImageIndex,
  files: readonly string[],
  top: number,
  flags: Flags,
  io: Io,
): Promise<readonly Outcome<Found>[]> {
  const size = integerFlag(flags, "batchSize", 1, 1024) ?? 8;
  const open = imageOpener(flags, io);
  const progress = startProgress(io, "images", files.length);
  const outcomes: Outcome<Found>[] = [];
  const searchOne = async (file: string): Promise<Outcome<Found>> => {
    const found = await orError(async () => index.search(await open(file), { top }));
    return found instanceof InceptionError ? { file, error: errorText(found) } : { file, neighbors: found };
  };
  try {
    for (let start = 0; start < files.length; start += size) {
      const some = files.slice(start, start + size);
      const batch = await orError(async () => index.search(await Promise.all(some.map(open)), { top, batchSize: size }));
      // The first image that cannot be used ends a batch; then each is tried by itself.
      if (batch instanceof InceptionError) for (const file of some) outcomes.push(await searchOne(file));
      else outcomes.push(...some.map((file, k) => ({ file, neighbors: batch[k] ?? [] })));
      progress.advance(some.length);
    }
    return outcomes;
  } finally {
    progress.stop();
  }
}

function jsonOutcome(outcome: Outcome<Found>) {
  return isFound(outcome) ? { file: outcome.file, neighbors: outcome.neighbors.map(jsonNeighbor) } : outcome;
}

function jsonNeighbor({ path, label, sha256, score }: Neighbor) {
  return { path, label, sha256, score };
}

function formatFound({ file, neighbors }: Found, named: boolean): string {
  const table = formatTable(
    ["similarity", "image", "label"],
    neighbors.map(({ score, path, label }) => [score.toFixed(4), path, label ?? "-"]),
    [0],
  );
  return named ? `${messageOf(file)}\n${table}\n` : table;
}

async function printDuplicates(place: string, index: ImageIndex, threshold: number, flags: Flags, io: Io): Promise<number> {
  const groups = await index.duplicates({ threshold });
  const report = textFlag(flags, "report");
  if (report !== undefined) await writeText(report, await duplicatesPage(place, index, groups, threshold));
  if (flags.json === true) printJson(io, groups.map(jsonGroup));
  else {
    for (const { images, exact } of groups) {
      io.out(`${exact ? "equal files" : "similar images"}\n`);
      for (const { path, score } of images) io.out(`  ${score.toFixed(4)}  ${messageOf(path)}\n`);
    }
    const count = groups.reduce((sum, { images }) => sum + images.length, 0);
    io.out(`${formatCount(groups.length)} groups of ${formatCount(count)} of ${formatCount(index.images.length)} images\n`);
  }
  return EXIT.success;
}

function jsonGroup({ exact, images }: DuplicateImages) {
  return { exact, images: images.map(jsonNeighbor) };
}

async function writeText(file: string, text: string): Promise<void> {
  await writeFileAtomic(file, [new TextEncoder().encode(text)]);
}
