/** Evaluating, quantizing and distances of image sets on one platform, as numbers that can be compared. */
import { PREPROCESSING } from "../../src/data/preprocessing.js";
import { concatChunks } from "../../src/formats/concat-chunks.js";
import { encodeStatistics } from "../../src/frechet/statistics-file.js";
import type * as Api from "../../src/index.js";

export interface MeasureNumbers {
  /** Of the digits: as the model does it, and as the mean of five crops. */
  readonly evaluated: readonly Api.EvaluationResult[];
  readonly quantized: {
    readonly report: Omit<Api.QuantizedOnnx["report"], "speedup">;
    readonly bytes: number;
    /** Of the int8 model, for each class. */
    readonly probabilities: readonly number[];
    readonly phases: readonly string[];
  };
  readonly distances: readonly number[];
  readonly ofStatistics: number;
  readonly warnings: readonly string[];
  readonly failures: readonly string[];
  /** What ended each call that was aborted in a phase. */
  readonly aborted: readonly string[];
}

type Measures = Pick<typeof Api, "openClassifier" | "labeledImages" | "evaluate" | "quantize" | "frechetDistance">;

const MODEL = "examples/digits/digits.onnx";
const DIGITS = Array.from({ length: 10 }, (_, digit) => `examples/digits/images/${digit}-a.png`);
const WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
const ACCEPT = { minSpeedup: 0, minAgreement: 0, rounds: 1, threads: 1, keepFirst: true } as const;
const SIDE = 8;

export async function runMeasures(api: Measures, at: (file: string) => string): Promise<MeasureNumbers> {
  const set = { network: meansOf(), batch: 3 };
  const [a, b] = [DIGITS.slice(0, 5).map(at), DIGITS.slice(5).map(at)];
  const { fid, interval, kernel, inceptionScore, warnings } = await api.frechetDistance(a, b, {
    ...set,
    kernel: { subsets: 5, subsetSize: 3 },
    inceptionScore: { splits: 2 },
  });
  const scores = inceptionScore.flatMap((score) => (score === null ? [] : [score.value, score.deviation]));
  const labeled = labeledDigits(api, at);
  const undecided = api.labeledImages([
    { image: at(DIGITS[0] ?? ""), label: "zero" },
    { image: at(DIGITS[1] ?? ""), label: "eleven" },
  ]);
  return {
    evaluated: [
      await api.evaluate(at(MODEL), labeled, { batchSize: 4 }),
      await api.evaluate(at(MODEL), labeled, { crops: 10, batchSize: 4 }),
    ],
    quantized: await quantized(api, at),
    distances: [fid, ...(interval ?? []), kernel?.value ?? Number.NaN, ...scores],
    ofStatistics: (await api.frechetDistance(statistics(0), statistics(1))).fid,
    warnings,
    failures: await Promise.all([
      failureOf(api.quantize(at(MODEL), DIGITS.slice(0, 3).map(at))),
      failureOf(api.quantize(at(MODEL), DIGITS.map(at), { images: 0 })),
      failureOf(
        api.quantize(
          at(MODEL),
          DIGITS.map((image) => ({ image: at(image), label: "ten" })),
          ACCEPT,
        ),
      ),
      failureOf(api.frechetDistance(a.slice(0, 1), b, set)),
      failureOf(api.frechetDistance(a, b)),
      failureOf(api.evaluate(at(MODEL), undecided)),
    ]),
    aborted: await aborted(api, at),
  };
}

async function quantized(api: Measures, at: (file: string) => string): Promise<MeasureNumbers["quantized"]> {
  const phases: string[] = [];
  const onProgress = ({ phase, done, total }: Api.TaskProgress<string>) => {
    // Only a page downloads the model.
    if (phase !== "download") phases.push(`${phase} ${done}/${total}`);
  };
  const samples = DIGITS.map((image, label) => ({ image: at(image), label }));
  const { onnx, report } = await api.quantize(at(MODEL), samples, {
    ...ACCEPT,
    onProgress,
  });
  const { speedup, ...rest } = report;
  if (!(speedup > 0)) throw new RangeError(`the speedup is ${speedup}`);
  const model = await api.openClassifier(onnx, { device: "cpu" });
  const [predictions = []] = await model.classify([at("examples/digits/images/7-b.png")], { top: 10 });
  await model.close();
  const probabilities = predictions.toSorted((x, y) => x.index - y.index).map(({ probability }) => probability);
  return { report: rest, bytes: onnx.byteLength, probabilities, phases };
}

function labeledDigits(api: Measures, at: (file: string) => string): Api.LabeledImages {
  return api.labeledImages(DIGITS.map((image, label) => ({ image: at(image), label: WORDS[label] ?? "" })));
}

/** Each phase is where the signal comes; what was given as its reason comes out. */
async function aborted(api: Measures, at: (file: string) => string): Promise<readonly string[]> {
  const all: string[] = [];
  const labeled = labeledDigits(api, at);
  const [a, b] = [DIGITS.slice(0, 5).map(at), DIGITS.slice(5).map(at)];
  for (const wanted of ["calibrate", "evaluate", "time"]) {
    all.push(await failureOf(api.quantize(at(MODEL), DIGITS.map(at), { ...ACCEPT, rounds: 2, ...endedIn(wanted) })));
  }
  for (const wanted of ["images of a", "images of b", "distances"]) {
    all.push(await failureOf(api.frechetDistance(a, b, { network: meansOf(), batch: 2, ...endedIn(wanted) })));
  }
  all.push(await failureOf(api.evaluate(at(MODEL), labeled, { batchSize: 2, ...endedIn("evaluate", "scoring") })));
  const before = AbortSignal.abort(new Error("ended before it began"));
  all.push(await failureOf(api.quantize(at(MODEL), DIGITS.map(at), { signal: before })));
  all.push(await failureOf(api.frechetDistance(DIGITS.map(at), DIGITS.map(at), { network: meansOf(), signal: before })));
  all.push(await failureOf(api.evaluate(at(MODEL), labeled, { signal: before })));
  return all;
}

/** Options of a call that is aborted when it reports a phase. */
function endedIn(wanted: string, shown = wanted) {
  const stop = new AbortController();
  const onProgress = ({ phase }: { readonly phase: string }): void => {
    if (phase === wanted) stop.abort(new Error(`ended in ${shown}`));
  };
  return { signal: stop.signal, onProgress };
}

/** Features that need no weights: the means of the channels, and of their squares. */
function meansOf(): NonNullable<Api.FrechetDistanceOptions["network"]> {
  const { resize } = PREPROCESSING.pytorch_fid;
  return {
    features: 6,
    classes: 6,
    recipe: { ...PREPROCESSING.pytorch_fid, resize: { ...resize, size: SIDE } },
    mode: null,
    weightsSha256: null,
    run: async ({ shape: [images = 0], data }) => {
      const features = new Float32Array(Number(images) * 6);
      const plane = SIDE * SIDE;
      for (let k = 0; k < Number(images) * 3; k++) {
        const row = Math.floor(k / 3) * 6 + (k % 3);
        for (let i = 0; i < plane; i++) {
          const value = Number(data[k * plane + i]);
          features[row] = (features[row] ?? 0) + value / plane;
          features[row + 3] = (features[row + 3] ?? 0) + (value * value) / plane;
        }
      }
      return { features, logits: features.slice() };
    },
    close: async () => {},
  };
}

/** A `.npz` file, as bytes: two features of variance 1 around a mean. */
function statistics(mean: number): Uint8Array {
  const saved = { mean: Float64Array.of(mean, mean), covariance: Float64Array.of(1, 0, 0, 1), count: 100 };
  const chunks = encodeStatistics({ statistics: saved, origin: { mode: null, weightsSha256: null } });
  return concatChunks(chunks);
}

async function failureOf(run: Promise<unknown>): Promise<string> {
  try {
    await run;
    return "no failure";
  } catch (thrown) {
    if (!(thrown instanceof Error)) return String(thrown);
    // Where the images are differs between the platforms.
    const message = thrown.message.replace(/"[^"]*\/(?=examples\/)/, '"');
    return "code" in thrown ? `${String(thrown.code)}: ${message}` : message;
  }
}
