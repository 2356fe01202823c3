/**
 * How long a Fréchet distance takes, step by step: `npx tsc -p bench/tsconfig.json && node tmp/bench/bench/frechet.js [features]`.
 *
 * Of as many images as features and 300 more, of numbers from a formula. Default 2048 features. Wall time and processor time of the one thread.
 */
import { pivotedCholesky } from "../src/frechet/cholesky.js";
import { type FeatureStatistics, frechetDistance, MomentAccumulator, statisticsOf, symmetricEigenvalues } from "../src/frechet/index.js";
import { gramMatrix, transposedProduct } from "../src/frechet/products.js";
import { fillUniform } from "../src/tensor/fill.js";

const features = Number(process.argv[2] ?? 2048);

function measured<T>(name: string, work: () => T): T {
  const [wall, cpu] = [performance.now(), process.cpuUsage().user];
  const result = work();
  const seconds = [(performance.now() - wall) / 1e3, (process.cpuUsage().user - cpu) / 1e6].map((value) => value.toFixed(2));
  process.stdout.write(`${name.padEnd(40)} ${seconds[0]} s, ${seconds[1]} s of a processor\n`);
  return result;
}

/** Neighboring features are alike, so that the covariance is not diagonal. */
function statistics(key: string): FeatureStatistics {
  const moments = new MomentAccumulator(features);
  for (let image = 0; image < features + 300; image++) {
    const row = fillUniform(`${key} ${image}`, features, 0, 1);
    for (let j = 1; j < features; j++) row[j] = row[j]! + 0.9 * row[j - 1]!;
    moments.add(row);
  }
  return statisticsOf(moments.finish());
}

const a = measured(`moments of ${features + 300} images`, () => statistics("a"));
const b = statistics("b");
measured("the whole distance", () => frechetDistance(a, b));
const small = measured("of it: one Cholesky factor", () => pivotedCholesky(a.covariance, features, "A"));
const large = pivotedCholesky(b.covariance, features, "B");
const product = measured("of it: product of the factors", () => transposedProduct(large, small, { order: small.order, triangular: true }));
const gram = measured("of it: product with itself", () => gramMatrix(product));
measured("of it: eigenvalues", () => symmetricEigenvalues(gram.data.reverse(), gram.columns));
