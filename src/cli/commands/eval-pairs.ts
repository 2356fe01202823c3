import { messageOf } from "../../errors.js";
import { encodeCsv } from "../../formats/csv.js";
import { imageTitle } from "../../node/image-source.js";
import { imageThreads } from "../../node/image-threads.js";
import { nodeModels } from "../../node/load-model.js";
import { readPairs } from "../../node/search/pairs-list.js";
import { writeFileAtomic } from "../../node/write-file.js";
import { verificationPage } from "../../report/verification.js";
import { evaluatePairs } from "../../tasks/search/eval-pairs.js";
import { formatPercent } from "../../train/progress.js";
import type { Flags, RunCommand } from "../command.js";
import { EXIT } from "../exit-code.js";
import { choiceFlag, integerFlag, textFlag } from "../flags.js";
import { formatCount, printJson, startProgress } from "../io.js";
import { modelFlags } from "../run-model.js";

type Evaluated = Awaited<ReturnType<typeof evaluatePairs>>;

/** `eval-pairs PAIRS --model …`: verification accuracy by the protocol of Labeled Faces in the Wild. */
export const run: RunCommand = async ([list], flags, io) => {
  const metric = choiceFlag(flags, "metric", ["cosine", "euclidean"]) ?? "cosine";
  const batchSize = integerFlag(flags, "batchSize", 1, 1024) ?? 8;
  const { model, options } = await modelFlags(flags, io);
  const { pairs, fileOf } = await readPairs(String(list), textFlag(flags, "images"));
  const threads = imageThreads();
  const progress = startProgress(io, "images", new Set(pairs.flatMap(({ first, second }) => [first, second])).size);
  let seen = 0;
  const onImages = (done: number): void => {
    progress.advance(done - seen);
    seen = done;
  };
  try {
    const host = nodeModels(threads, options);
    const evaluated = await evaluatePairs(host, model, pairs, fileOf, options, { metric, batchSize, onImages });
    progress.stop();
    await writeFiles(String(list), metric, evaluated, flags);
    const { result, images } = evaluated;
    if (flags.json === true) printJson(io, { model: evaluated.model, metric, images, ...result });
    else io.out(formatResult(evaluated));
    return EXIT.success;
  } finally {
    progress.stop();
    threads.close();
  }
};

async function writeFiles(list: string, metric: string, { model, images, scores, result }: Evaluated, flags: Flags): Promise<void> {
  const [report, csv] = [textFlag(flags, "report"), textFlag(flags, "csv")];
  const write = (file: string, text: string) => writeFileAtomic(file, [new TextEncoder().encode(text)]);
  if (report !== undefined) {
    const facts = [
      ["Images", formatCount(images)],
      ["Score", metric === "cosine" ? "cosine similarity" : "negative Euclidean distance"],
    ] as const;
    await write(report, verificationPage({ model, pairs: imageTitle(list), result, facts }));
  }
  if (csv === undefined) return;
  const rows = scores.map(({ first, second, same, fold, score }) => [first, second, same ? 1 : 0, fold, score]);
  await write(csv, encodeCsv(["first", "second", "same", "fold", "score"], rows));
}

function formatResult({ model, images, result }: Evaluated): string {
  const { accuracy, standardError, auc, equalErrorRate, folds, pairs, trueAcceptRates } = result;
  return [
    `${messageOf(model)}: ${formatCount(pairs)} pairs of ${formatCount(images)} images in ${folds.length} folds`,
    `accuracy          ${formatPercent(accuracy)} ± ${(100 * standardError).toFixed(2)} (mean of the folds ± standard error)`,
    `AUC               ${auc.toFixed(4)}`,
    `equal error rate  ${formatPercent(equalErrorRate)}`,
    ...trueAcceptRates.map(
      ({ falseAcceptRate, trueAcceptRate }) =>
        `true accept rate  ${formatPercent(trueAcceptRate)} at a false accept rate of ${falseAcceptRate}`,
    ),
    "",
  ].join("\n");
}
