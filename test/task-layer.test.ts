/** The task layer in Node, through the entry that programs import. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { gunzipSync } from "node:zlib";
import { expect, describe as suite, test } from "vitest";
import { parsePreprocessing } from "../src/data/index.js";
import { decodeModel } from "../src/formats/onnx/decode.js";
import { encodeSafetensors } from "../src/formats/safetensors.js";
import { cosineSimilarity, describe, openClassifier, openEmbedder, openSegmenter, toOnnx } from "../src/index.js";
import { convBlock } from "../src/layers/conv-block.js";
import { globalPool, linear } from "../src/layers/head.js";
import { decodeImage } from "../src/node/decode-image.js";
import { readVolume } from "../src/node/volumes.js";
import { topPredictions } from "../src/predict/predict.js";
import { enlargedPicture, overlay } from "../src/report/overlay.js";
import { failureOf } from "./failures.js";
import { ROOT } from "./program.js";

const DIGITS = path.join(ROOT, "examples/digits");
const MODEL = path.join(DIGITS, "digits.onnx");
const WEIGHTS = path.join(DIGITS, "googlenet-digits.safetensors");
const SEVEN = path.join(DIGITS, "images/7-a.png");
const THREE = path.join(DIGITS, "images/3-a.png");
const NETWORK = { widthMultiplier: 0.25, numClasses: 10, inputSize: 64 };
const preprocessing = parsePreprocessing(JSON.parse(readFileSync(path.join(DIGITS, "preprocessing.json"), "utf8")), "preprocessing.json");
const classNames = JSON.parse(readFileSync(path.join(DIGITS, "labels.json"), "utf8")) as readonly string[];
const expected = JSON.parse(readFileSync(path.join(DIGITS, "expected.json"), "utf8")) as {
  readonly images: readonly { readonly file: string; readonly probability: number }[];
};

suite("openClassifier", () => {
  test("takes an image from everywhere, one or many", async () => {
    await using classifier = await openClassifier(MODEL);
    const bytes = readFileSync(SEVEN);
    const [pixels, blob, file] = [await decodeImage(SEVEN), new Blob([bytes]), new File([bytes], "seven.png")];
    const images = [SEVEN, pathToFileURL(SEVEN), pathToFileURL(SEVEN).href, bytes, blob, file, pixels];
    const all = await classifier.classify(images, { top: 3, batchSize: 2 });
    const [first] = all;
    expect(first).toHaveLength(3);
    expect(first?.[0]).toMatchObject({ index: 7, className: "seven" });
    for (const predictions of all) expect(predictions).toEqual(first);
    expect(await classifier.classify(SEVEN, { top: 3 })).toEqual(first);
    expect(classifier).toMatchObject({ model: "googlenet.public", classNames, device: "cpu" });
  });

  test("gives what the recorded example says", async () => {
    await using classifier = await openClassifier(MODEL);
    const name = path.basename(SEVEN);
    const [best] = await classifier.classify(SEVEN, { top: 1 });
    expect(best?.probability).toBeCloseTo(recorded(name), 5);
  });

  test("a model from a path, a URL, bytes, a Blob, an id with weights and a described network: the same probabilities", async () => {
    const bytes = readFileSync(MODEL);
    const described = describe("googlenet", NETWORK);
    const own = { weights: WEIGHTS, preprocessing, classNames };
    const models = [
      await openClassifier(MODEL),
      await openClassifier(pathToFileURL(MODEL)),
      await openClassifier(bytes),
      await openClassifier(new Blob([bytes])),
      await openClassifier("googlenet", { ...own, options: NETWORK }),
      await openClassifier("googlenet", { ...own, weights: readFileSync(WEIGHTS), options: NETWORK }),
      await openClassifier(described, own),
    ];
    const answers = await Promise.all(models.map((model) => model.classify([SEVEN, THREE])));
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    // What was handed over is still the caller's.
    expect(bytes.byteLength).toBe(readFileSync(MODEL).byteLength);
    await Promise.all(models.map((model) => model.close()));
  });

  test("explains, also an exported model, and only then opens a second session", async () => {
    await using exported = await openClassifier(MODEL);
    await using described = await openClassifier("googlenet", { weights: WEIGHTS, preprocessing, classNames, options: NETWORK });
    const [a, b] = [await exported.explain(SEVEN), await described.explain(SEVEN)];
    expect(a).toEqual(b);
    expect(a.targetClass).toMatchObject({ index: 7, className: "seven" });
    expect(a.attributions).toMatchObject([{ method: "grad_cam", width: 64, height: 64 }]);
    // What `inception explain` writes.
    const [map] = a.attributions;
    if (map === undefined) throw new Error("there is no map");
    const drawn = overlay(enlargedPicture(a.modelInput), map);
    expect(await decodeImage(await a.overlayPng())).toEqual(drawn);
    expect([drawn.width, drawn.height]).toEqual([448, 448]);
    expect(structuredClone(a)).toEqual(a);
    const three = await exported.explain(SEVEN, { target: "three", method: "input_gradient" });
    expect([three.targetClass.index, three.attributions[0]?.method]).toEqual([3, "input_gradient"]);
  });

  test("a prepared image gives the numbers of the image itself, in every task and more than once", async () => {
    await using classifier = await openClassifier(MODEL);
    const prepared = await classifier.prepare(SEVEN);
    expect(prepared.input.shape).toEqual([1, 3, 64, 64]);
    for (let round = 0; round < 2; round++) {
      expect(await classifier.classify(prepared)).toEqual(await classifier.classify(SEVEN));
      expect(await classifier.embed(prepared)).toEqual(await classifier.embed(SEVEN));
      expect(await classifier.explain(prepared)).toEqual(await classifier.explain(SEVEN));
    }
    const { logits } = await classifier.session.run({ input: prepared.input });
    expect(topPredictions(Float32Array.from(logits?.data ?? [], Number), 5, classNames)).toEqual(await classifier.classify(SEVEN));
  });

  test("a batch of prepared and other images gives what each gives alone", async () => {
    await using classifier = await openClassifier(MODEL);
    const files = Array.from({ length: 8 }, (_, digit) => path.join(DIGITS, `images/${digit}-a.png`));
    const images = await Promise.all(files.map(async (file, k) => (k % 3 === 0 ? file : classifier.prepare(file))));
    const together = await classifier.classify(images, { batchSize: 8 });
    for (const [k, file] of files.entries()) {
      const alone = await classifier.classify(file);
      expect(together[k]?.map(({ index }) => index)).toEqual(alone.map(({ index }) => index));
      // ONNX Runtime may choose another order of summation for another batch size: 24 bits of a float32, over 10 layers.
      for (const [rank, { probability }] of alone.entries()) expect(together[k]?.[rank]?.probability).toBeCloseTo(probability, 6);
    }
  });

  test("an image of another preprocessing is rejected, and one that cannot be prepared is named", async () => {
    await using classifier = await openClassifier(MODEL);
    await using same = await openClassifier(MODEL);
    await using other = await openClassifier(MODEL, { preprocessing: { ...preprocessing, mean: [1, 2, 3] } });
    const prepared = await classifier.prepare(SEVEN);
    expect(await same.classify(prepared)).toEqual(await classifier.classify(SEVEN));
    for (const use of [() => other.classify(prepared), () => other.embed(prepared), () => other.explain(prepared)]) {
      expect(await failureOf(use())).toMatchObject({
        code: "OPTION_INVALID",
        message: "Cannot use a prepared image: it was prepared by a model with other preprocessing; prepare it with this one",
      });
    }
    expect(await failureOf(classifier.prepare(path.join(DIGITS, "none.png")))).toMatchObject({ code: "FILE_NOT_FOUND" });
    const reason = new Error("enough");
    await expect(classifier.prepare(SEVEN, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  test("an image that cannot be used is named; the model runs on", async () => {
    await using classifier = await openClassifier(MODEL);
    expect(await failureOf(classifier.classify([SEVEN, path.join(DIGITS, "none.png")]))).toMatchObject({
      code: "FILE_NOT_FOUND",
      message: `Cannot open "${path.join(DIGITS, "none.png")}": no such file or directory`,
    });
    expect(await failureOf(classifier.classify([SEVEN, new TextEncoder().encode("no image")]))).toMatchObject({
      code: "FILE_UNRECOGNIZED",
      message:
        'Cannot decode image "image 1": the content matches no supported image format, expected one of AVIF, GIF, JPEG, PNG, TIFF, WebP',
    });
    expect(await failureOf(classifier.classify(SEVEN, { top: 0 }))).toMatchObject({
      code: "OPTION_INVALID",
      message: "Cannot classify with top 0: expected an integer of at least 1",
    });
    expect(await failureOf(classifier.classify(SEVEN, { batchSize: 0 }))).toMatchObject({
      code: "OPTION_INVALID",
      message: "Cannot run images with batchSize 0: expected an integer from 1 to 1,024",
    });
    expect((await classifier.classify(SEVEN))[0]?.index).toBe(7);
  });

  test("obeys a signal, before and between batches, and says how far it is", async () => {
    await using classifier = await openClassifier(MODEL);
    const reason = new Error("enough");
    await expect(classifier.classify(SEVEN, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const seen: (readonly [number, number])[] = [];
    const onProgress = (done: number, total: number) => {
      seen.push([done, total]);
      controller.abort(reason);
    };
    const images = Array.from({ length: 6 }, () => SEVEN);
    await expect(classifier.classify(images, { batchSize: 2, signal: controller.signal, onProgress })).rejects.toBe(reason);
    expect(seen).toEqual([[2, 6]]);
  });

  test("an end closes every session", async () => {
    const classifier = await openClassifier(MODEL);
    await classifier.explain(SEVEN);
    await classifier.close();
    expect(await failureOf(classifier.classify(SEVEN))).toMatchObject({ code: "SESSION_CLOSED" });
  });
});

suite("openSegmenter", () => {
  test("a scan from a path, a URL, packed and unpacked bytes, a Blob and as voxels: the same labels", async () => {
    const file = path.join(ROOT, "examples/segment/hippocampus_001.nii.gz");
    const packed = readFileSync(file);
    await using segmenter = await openSegmenter("hippocampus");
    const first = await segmenter.segment(file);
    expect(first.labelStatistics.map(({ name, voxels }) => [name, voxels > 500])).toEqual([
      ["Anterior", true],
      ["Posterior", true],
    ]);
    const { volume } = await readVolume(file);
    for (const input of [pathToFileURL(file), packed, gunzipSync(packed), new Blob([packed]), volume]) {
      const { labels, labelStatistics: measured } = await segmenter.segment(input);
      expect(labels.data).toEqual(first.labels.data);
      expect(measured).toEqual(first.labelStatistics);
    }
    expect(await failureOf(segmenter.segment(packed.subarray(0, 5000)))).toMatchObject({
      code: "FILE_TRUNCATED",
      message: 'Cannot read NIfTI file "volume": its gzip stream ends before its end',
    });
  });
});

suite("openEmbedder", () => {
  test("gives feature vectors, of length 1 if asked for", async () => {
    await using embedder = await openEmbedder(MODEL);
    const [a, b, other] = await embedder.embed([SEVEN, path.join(DIGITS, "images/7-b.png"), THREE]);
    expect(a).toHaveLength(256);
    expect(cosineSimilarity(a ?? [], b ?? [])).toBeGreaterThan(cosineSimilarity(a ?? [], other ?? []));
    const normalized = await embedder.embed(SEVEN, { normalize: true });
    expect(Math.hypot(...normalized)).toBeCloseTo(1, 6);
    expect(cosineSimilarity(normalized, a ?? [])).toBeCloseTo(1, 6);
  });
});

suite("cosineSimilarity", () => {
  test("is the cosine of the angle", () => {
    expect(cosineSimilarity([1, 0], [1, 1])).toBeCloseTo(Math.SQRT1_2, 15);
    expect(cosineSimilarity([3, 4], [-3, -4])).toBe(-1);
    expect(cosineSimilarity([0, 0], [1, 2])).toBe(0);
    expect(() => cosineSimilarity([1], [1, 2])).toThrow("Cannot compare vectors of 1 and 2 values: expected equal lengths");
  });
});

suite("a custom network", () => {
  const network = describe("tiny", (b) => {
    const x = b.input("input", ["N", 3, 16, 16]);
    const unit = { outChannels: 4, kernelShape: [3, 3], strides: [2, 2] };
    const map = b.stage("stem", convBlock(b, "stem", x, unit, { kind: "batch_norm", epsilon: 1e-3 }));
    const features = globalPool(b, "pool", map, "vector");
    b.output("logits", b.stage("fc", linear(b, "fc", features, 3)));
    b.output("features", features);
  });

  test("is summarized, drawn, and runs like a listed one", async () => {
    expect(network.summary().params).toBe(4 * 27 + 8 + 15);
    expect(await network.diagram("mermaid")).toContain("stem");
    const { header, chunks } = encodeSafetensors([...network.initialize(1)], {});
    const weights = Buffer.concat([header, ...chunks]);
    await using classifier = await openClassifier(network, { weights, preprocessing: { ...preprocessing, crop: [16, 16] } });
    expect(await classifier.classify(SEVEN)).toHaveLength(3);
    expect((await classifier.explain(SEVEN)).attributions).toHaveLength(1);
  });
});

suite("describe", () => {
  test("takes ids and options that exist, checked when code is compiled and when it runs", () => {
    expect(describe("inception_v3", { numClasses: 5 }).summary().params).toBe(21_795_813);
    // @ts-expect-error there is no such option
    expect(() => describe("inception_v3", { numClases: 5 })).toThrow('Cannot set option "numClases" of inception_v3.public');
    // @ts-expect-error there is no such model
    expect(() => describe("inception_resnet_v9")).toThrow('Cannot find model "inception_resnet_v9"');
  });
});

suite("toOnnx", () => {
  test("gives the file that export writes", async () => {
    const options = { weights: WEIGHTS, preprocessing, classNames, options: NETWORK };
    const bytes = await toOnnx("googlenet", options);
    const { graph } = decodeModel(bytes, { name: "own" });
    expect(graph).toEqual(decodeModel(readFileSync(MODEL), { name: "file" }).graph);
    await using classifier = await openClassifier(bytes);
    expect((await classifier.classify(SEVEN))[0]).toMatchObject({ className: "seven" });
  });
});

function recorded(name: string): number {
  return expected.images.find(({ file }) => file === `images/${name}`)?.probability ?? Number.NaN;
}
