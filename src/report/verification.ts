/** Verification accuracy with its folds, and the ROC curve. */

import type { Verification } from "../search/verification.js";
import { formatCount } from "../text.js";
import { formatPercent } from "../train/progress.js";
import { lineChart } from "./chart.js";
import { columns, type Fact, factSection, page, section } from "./page.js";
import { table } from "./table.js";

interface VerificationPage {
  readonly model: string;
  readonly pairs: string;
  readonly result: Verification;
  readonly facts: readonly Fact[];
}

/** The page of a verification. Texts may be anything: they are escaped. */
export function verificationPage({ model, pairs, result, facts }: VerificationPage): string {
  const { accuracy, standardError, auc, equalErrorRate, folds, roc, trueAcceptRates } = result;
  const points = roc.map(({ falseAcceptRate, trueAcceptRate }) => ({ x: falseAcceptRate, y: trueAcceptRate }));
  const foldTable = table("Folds", {
    columns: [
      { head: "Fold", kind: "name" },
      { head: "Pairs", kind: "number" },
      { head: "Accuracy", kind: "number" },
      { head: "Threshold", kind: "number" },
    ],
    rows: folds.map((fold, index) => [String(index), formatCount(fold.pairs), formatPercent(fold.accuracy), fold.threshold.toFixed(4)]),
  });
  return page({
    title: `Verification of ${pairs} (${model})`,
    status: { text: `${formatCount(result.pairs)} pairs` },
    lead: `${folds.length}-fold protocol of Labeled Faces in the Wild: the threshold of each fold is chosen on the others`,
    figures: [
      { value: `${formatPercent(accuracy)} ± ${(100 * standardError).toFixed(2)}`, name: "accuracy, mean of the folds ± standard error" },
      { value: auc.toFixed(4), name: "area under the ROC curve" },
      { value: formatPercent(equalErrorRate), name: "equal error rate" },
      ...trueAcceptRates.map(({ falseAcceptRate, trueAcceptRate }) => ({
        value: formatPercent(trueAcceptRate),
        name: `same pairs accepted at a false accept rate of ${falseAcceptRate}`,
      })),
    ],
    markup: [
      columns(
        section(
          "ROC curve",
          lineChart({
            title: "True accept rate by false accept rate",
            xLabel: "false accept rate",
            series: [{ name: "true accept rate", hue: "valid", look: "line", points }],
            format: (y) => y.toFixed(2),
            include: [0, 1],
          }),
        ),
        section("Folds", foldTable),
      ),
      factSection("Model and data", [["Model", model], ["Pairs", pairs], ...facts]),
    ],
  });
}
