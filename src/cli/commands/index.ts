import { messageOf } from "../../errors.js";
import { isFile } from "../../node/file-source.js";
import { imageThreads } from "../../node/image-threads.js";
import { nodeModels } from "../../node/load-model.js";
import { indexPlace, sourceRecord } from "../../node/search/index-directory.js";
import type { IndexImagesOptions } from "../../tasks/search/search-sources.js";
import type { RunCommand } from "../command.js";
import { exitCodeOf } from "../exit-code.js";
import { integerFlag, textFlag } from "../flags.js";
import { formatCount, lateProgress, printJson, skippedWarning } from "../io.js";
import { errorText } from "../option-words.js";
import { modelFlags } from "../run-model.js";
import { missing } from "../usage-error.js";

/** `index DIR --model … --out INDEX`: the vectors of a directory of images as one Parquet file. */
export const run: RunCommand = async ([directory], flags, io) => {
  const out = textFlag(flags, "out");
  if (out === undefined) throw missing("--out", "pass the file to write, such as photos.parquet");
  const batchSize = integerFlag(flags, "batchSize", 1, 1024) ?? 8;
  const { model, options } = await modelFlags(flags, io);
  const images = imageThreads();
  const progress = lateProgress(io, "images");
  try {
    const host = nodeModels(images, options);
    const previous = flags.update === true && (await isFile(out)) ? { previous: out } : {};
    const source = typeof model === "string" ? await sourceRecord(out, model, textFlag(flags, "weights")) : null;
    const onIndexed: IndexImagesOptions["onProgress"] = ({ phase, done, total }) => {
      if (phase === "index") progress.onProgress(done, total);
    };
    const settings = { out, batchSize, ...previous, onProgress: onIndexed };
    const { skipped, bytes: _written, ...counts } = await indexPlace(host, model, String(directory), options, settings, source);
    progress.stop();
    const failed = skipped.map(({ path, error }) => ({ file: path, error: errorText(error) }));
    if (flags.json === true) printJson(io, { output: out, ...counts, skipped: failed });
    else {
      const { images: rows, dimension, model: name, computed, reused, removed } = counts;
      const size = `${formatCount(rows)} vectors of ${formatCount(dimension)} by ${name}`;
      io.out(
        `${messageOf(out)}: ${size} (${formatCount(computed)} computed, ${formatCount(reused)} reused, ${formatCount(removed)} removed)\n`,
      );
      for (const { error } of failed.slice(0, SHOWN)) io.err(`inception: ${error}\n`);
    }
    if (failed.length > 0) io.err(skippedWarning(failed.length, "image"));
    return exitCodeOf(failed.length, counts.images + failed.length);
  } finally {
    progress.stop();
    images.close();
  }
};

/** As many errors as fit on a screen; the rest are counted. */
const SHOWN = 5;
