import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Image, PREPROCESSING, type Preprocessing, preprocess, rgbImage } from "../../data/index.js";
import { GOLDEN_FOLDER } from "../../frechet/goldens.cases.js";
import { type FeatureStatistics, frechetDistance, MomentAccumulator, type Moments, statisticsOf } from "../../frechet/index.js";
import type { FrechetEvent } from "../../tasks/frechet/measure.js";
import type { FeatureNetwork } from "../../tasks/frechet/network.js";
import { fillUniform } from "../../tensor/fill.js";
import { distanceInThread, kernelInThread } from "./frechet-thread.js";
import { measureFrechet, saveFrechetStatistics } from "./measure-files.js";
import { readStatisticsFile, saveStatisticsFile } from "./statistics-file.js";

const SIDE = 24;
/** As pytorch-fid's, but small. */
const RECIPE: Preprocessing = { ...PREPROCESSING.pytorch_fid, resize: { ...PREPROCESSING.pytorch_fid.resize, size: SIDE } };
let folder = "";
const at = (...names: readonly string[]): string => path.join(folder, ...names);

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "frechet-"));
  await drawSet("a", 23, 0);
  await drawSet("b", 31, 40);
  await drawSet("two", 2, 0);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Small pictures of noise, the later sets brighter. */
async function drawSet(name: string, count: number, brighter: number): Promise<void> {
  mkdirSync(at(name, "below"), { recursive: true });
  for (let i = 0; i < count; i++) {
    const { width, height, data } = picture(name, i, brighter);
    const file = at(name, i % 3 === 0 ? "below" : "", `${String(i).padStart(3, "0")}.png`);
    await sharp(data, { raw: { width, height, channels: 3 } })
      .png()
      .toFile(file);
  }
}

function picture(name: string, index: number, brighter: number): Image {
  const [width, height] = [20 + index, 30];
  const level = fillUniform(`level ${name} ${index}`, 3, brighter, 200);
  const noise = fillUniform(`noise ${name} ${index}`, width * height * 3, 0, 50);
  return rgbImage(
    width,
    height,
    Uint8Array.from(noise, (value, i) => Math.floor(value + level[i % 3]!)),
  );
}

/** Features that need no network: means of the channels and of their squares; the logits are the same. */
function stubNetwork(changes: Partial<FeatureNetwork> = {}): FeatureNetwork {
  return {
    features: 6,
    classes: 6,
    recipe: RECIPE,
    mode: "pytorch-fid",
    weightsSha256: null,
    run: async ({ shape: [images = 0], data }) => {
      const features = new Float32Array(images * 6);
      const plane = SIDE * SIDE;
      for (let k = 0; k < images * 3; k++) {
        const values = (data as Float32Array).subarray(k * plane, (k + 1) * plane);
        const row = Math.floor(k / 3) * 6 + (k % 3);
        features[row] = values.reduce((sum, value) => sum + value, 0) / plane;
        features[row + 3] = values.reduce((sum, value) => sum + value * value, 0) / plane;
      }
      return { features, logits: features.slice() };
    },
    close: async () => {},
    ...changes,
  };
}

/** Mean and covariance of a drawn set by their definitions. */
async function expectedStatistics(name: string, count: number, brighter: number): Promise<FeatureStatistics> {
  const inputs = Array.from({ length: count }, (_, i) => preprocess(picture(name, i, brighter), RECIPE));
  const rows = await Promise.all(
    inputs.map(async (data) => {
      const { features } = await stubNetwork().run({ dtype: "float32", shape: [1, 3, SIDE, SIDE], data });
      return Array.from(features);
    }),
  );
  const mean = Float64Array.from({ length: 6 }, (_, j) => rows.reduce((sum, row) => sum + row[j]!, 0) / count);
  const covariance = Float64Array.from({ length: 36 }, (_, k) => {
    const [i, j] = [Math.floor(k / 6), k % 6];
    return rows.reduce((sum, row) => sum + (row[i]! - mean[i]!) * (row[j]! - mean[j]!), 0) / (count - 1);
  });
  return { mean, covariance, count };
}

describe("the distance of two folders", () => {
  test("is that of the statistics of all images, whatever the batch, with an interval around it", async () => {
    const events: FrechetEvent[] = [];
    const measured = await measureFrechet(at("a"), at("b"), { network: stubNetwork(), batch: 7, onEvent: (event) => events.push(event) });
    const expected = frechetDistance(await expectedStatistics("a", 23, 0), await expectedStatistics("b", 31, 40));
    expect(measured.fid / expected).toBeCloseTo(1, 6);
    expect(measured).toMatchObject({ features: 6, mode: "pytorch-fid", images: [23, 31], kernel: null, inceptionScore: [null, null] });
    const [low, high] = measured.interval ?? [0, 0];
    expect(low).toBeLessThan(measured.fid);
    expect(high).toBeGreaterThan(measured.fid);
    expect(high - low).toBeLessThan(4 * measured.fid);
    expect(events.filter(({ kind }) => kind === "distances")).toHaveLength(11);
    expect(events.filter(({ kind }) => kind === "images").at(-1)).toEqual({ kind: "images", place: at("b"), done: 31, total: 31 });
    const other = await measureFrechet(at("a"), at("b"), { network: stubNetwork(), batch: 1, threads: 1 });
    expect(other.interval).toEqual(measured.interval);
  });

  test("the other scores come when they are asked for, the interval when it is not refused", async () => {
    const measured = await measureFrechet(at("a"), at("b"), {
      network: stubNetwork(),
      interval: false,
      kernel: { subsets: 20, subsetSize: 10 },
      inceptionScore: { splits: 2 },
    });
    expect(measured.interval).toBeNull();
    expect(measured.kernel).toMatchObject({ subsets: 20, subsetSize: 10 });
    expect(measured.kernel?.value).toBeGreaterThan(0);
    expect(measured.inceptionScore.map((score) => score?.splits)).toEqual([2, 2]);
    expect(measured.inceptionScore[0]?.value).toBeGreaterThan(1);
  });

  test("sets too small to leave an image out have no interval", async () => {
    const measured = await measureFrechet(at("a"), at("two"), { network: stubNetwork() });
    expect(measured.interval).toBeNull();
    expect(measured.images).toEqual([23, 2]);
  });

  test("fewer images than features is said, with the reason", async () => {
    const events: FrechetEvent[] = [];
    await measureFrechet(at("a"), at("two"), { network: stubNetwork(), interval: false, onEvent: (event) => events.push(event) });
    expect(events.filter(({ kind }) => kind === "warning")).toEqual([
      {
        kind: "warning",
        message: `"${at("two")}": 2 images span only 1 of 6 feature dimensions, so FID is biased upward and comparable only between sets of equal size; use more than 6 images, typically 10,000`,
      },
    ]);
  });

  test("files that are no images are left out and named", async () => {
    await drawSet("damaged", 5, 0);
    writeFileSync(at("damaged", "001.png"), "no image");
    const events: FrechetEvent[] = [];
    const measured = await measureFrechet(at("damaged"), at("a"), { network: stubNetwork(), onEvent: (event) => events.push(event) });
    expect(measured.images).toEqual([4, 23]);
    const file = at("damaged", "001.png");
    expect(events.filter(({ kind }) => kind === "skipped")).toEqual([
      {
        kind: "skipped",
        file,
        error: `Cannot decode image "${file}": the content matches no supported image format, expected one of AVIF, GIF, JPEG, PNG, TIFF, WebP`,
      },
    ]);
  });

  test("the orientation that a photograph carries is not applied, as in the tools that are reproduced", async () => {
    mkdirSync(at("turned"));
    const upright = picture("a", 20, 0);
    const { width, height, data } = upright;
    for (const name of ["1.png", "2.png"]) {
      await sharp(data, { raw: { width, height, channels: 3 } })
        .withMetadata({ orientation: 6 })
        .png()
        .toFile(at("turned", name));
    }
    const inputs: Float32Array[] = [];
    const network = stubNetwork();
    const run: FeatureNetwork["run"] = (input) => {
      inputs.push((input.data as Float32Array).slice());
      return network.run(input);
    };
    const seen = { ...network, run };
    await measureFrechet(at("turned"), at("a"), { network: seen, interval: false });
    expect(inputs[0]?.subarray(0, 3 * SIDE * SIDE)).toEqual(preprocess(upright, RECIPE));
  });
});

describe("statistics files", () => {
  test("what was saved gives the same distance, and an interval from the other set's images", async () => {
    const file = at("b.npz");
    expect(await saveFrechetStatistics(at("b"), file, { network: stubNetwork() })).toEqual({
      images: 31,
      features: 6,
      mode: "pytorch-fid",
    });
    const folders = await measureFrechet(at("a"), at("b"), { network: stubNetwork() });
    const mixed = await measureFrechet(at("a"), file, { network: stubNetwork() });
    expect(mixed.fid / folders.fid).toBeCloseTo(1, 12);
    expect(mixed.images).toEqual([23, 31]);
    expect(mixed.interval).not.toBeNull();
    await saveFrechetStatistics(at("a"), at("a.npz"), { network: stubNetwork() });
    const files = await measureFrechet(at("a.npz"), file);
    expect(files).toEqual({
      fid: expect.closeTo(folders.fid, 12) as number,
      features: 6,
      mode: "pytorch-fid",
      images: [23, 31],
      interval: null,
      kernel: null,
      inceptionScore: [null, null],
    });
  });

  test.each(["stored.npz", "compressed.npz", "float32_fortran.npz"])("%s of NumPy is read", async (name) => {
    const { statistics, origin } = await readStatisticsFile(path.join(GOLDEN_FOLDER, name));
    expect(statistics).toEqual({
      mean: Float64Array.of(0.5, -1.25, 3),
      covariance: Float64Array.of(2, 0.5, 0.25, 0.5, 1, 0.125, 0.25, 0.125, 4),
      count: null,
    });
    expect(origin).toEqual({ mode: null, weightsSha256: null });
  });

  test("what is no file of statistics is refused", async () => {
    const refuse = (file: string, message: string) => expect(readStatisticsFile(file)).rejects.toThrow(message);
    const golden = (name: string) => path.join(GOLDEN_FOLDER, name);
    await refuse(
      golden("no_sigma.npz"),
      `Cannot read statistics of "${golden("no_sigma.npz")}": it has no array "sigma", expected mu and sigma as pytorch-fid writes them`,
    );
    writeFileSync(at("text.npz"), "no zip");
    await expect(readStatisticsFile(at("text.npz"))).rejects.toMatchObject({ code: expect.stringMatching(/^FILE_/) as string });
    await expect(readStatisticsFile(at("none.npz"))).rejects.toMatchObject({ code: "FILE_NOT_FOUND" });
    await expect(measureFrechet(golden("indefinite.npz"), golden("stored.npz"))).rejects.toThrow(
      "Cannot use the covariance of A: it has negative eigenvalues",
    );
  });

  test("cut off anywhere, or with any byte changed, a file is read or refused, and nothing else happens", async () => {
    const whole = readFileSync(path.join(GOLDEN_FOLDER, "compressed.npz"));
    const draws = fillUniform("mutations", 400, 0, 1);
    for (let k = 0; k < 100; k++) {
      const bytes = Uint8Array.from(k % 2 === 0 ? whole.subarray(0, Math.floor(draws[4 * k]! * whole.length)) : whole);
      if (k % 2 === 1) bytes[Math.floor(draws[4 * k + 1]! * bytes.length)] = Math.floor(draws[4 * k + 2]! * 256);
      writeFileSync(at("mutated.npz"), bytes);
      const result = await readStatisticsFile(at("mutated.npz")).catch((thrown: unknown) => thrown);
      if (result instanceof Error) expect(result.name).toBe("InceptionError");
    }
  });

  test("statistics of another size, mode or network are refused", async () => {
    const good = await readStatisticsFile(path.join(GOLDEN_FOLDER, "stored.npz"));
    await saveStatisticsFile(at("clean.npz"), { ...good, origin: { mode: "clean", weightsSha256: null } });
    await saveStatisticsFile(at("tf.npz"), { ...good, origin: { mode: "legacy-tensorflow", weightsSha256: "ab".repeat(32) } });
    await expect(measureFrechet(at("clean.npz"), at("tf.npz"))).rejects.toThrow(
      `Cannot compare "${at("tf.npz")}": it was computed in mode legacy-tensorflow, expected clean`,
    );
    await expect(measureFrechet(at("clean.npz"), at("clean.npz"), { features: 64 })).rejects.toThrow(
      `Cannot compare "${at("clean.npz")}": it has 3 features, expected 64`,
    );
    await expect(measureFrechet(at("a"), at("clean.npz"), { network: stubNetwork() })).rejects.toThrow(
      `Cannot compare "${at("clean.npz")}": it has 3 features, expected 6`,
    );
    const network = stubNetwork({ features: 3, mode: null, weightsSha256: "cd".repeat(32) });
    await expect(measureFrechet(at("a"), at("tf.npz"), { network })).rejects.toThrow(
      `Cannot compare "${at("tf.npz")}": it was computed with weights of SHA-256 abababababababab…, expected cdcdcdcdcdcdcdcd…`,
    );
  });
});

describe("what cannot be measured is refused", () => {
  test.each([
    [
      "a folder without images",
      () => measureFrechet(at("empty"), at("a")),
      () => `Cannot evaluate "${at("empty")}": it has no images, expected at least 2 images or a .npz statistics file`,
    ],
    [
      "images without weights",
      () => measureFrechet(at("a"), at("b")),
      () =>
        `Cannot compute features of "${at("a")}": no weights given; pass \`weights\`: pretrained, or the file pt_inception-2015-12-05-6726825d.pth of pytorch-fid`,
    ],
    [
      "a kernel distance of a file",
      () => measureFrechet(at("a"), path.join(GOLDEN_FOLDER, "stored.npz"), { network: stubNetwork(), kernel: {} }),
      () =>
        `Cannot compute the kernel distance of "${path.join(GOLDEN_FOLDER, "stored.npz")}": a file of statistics has no features of single images, expected images`,
    ],
    [
      "no image at a time",
      () => measureFrechet(at("a"), at("b"), { network: stubNetwork(), batch: 0 }),
      () => "Cannot evaluate with a batch size of 0: expected an integer from 1 to 1,024",
    ],
    [
      "a score without logits",
      () => measureFrechet(at("a"), at("b"), { network: stubNetwork({ classes: null }), inceptionScore: {} }),
      () => "Cannot compute Inception Scores: the network has no logits",
    ],
    [
      "statistics of statistics",
      () => saveFrechetStatistics(path.join(GOLDEN_FOLDER, "stored.npz"), at("x.npz")),
      () => `Cannot compute statistics of "${path.join(GOLDEN_FOLDER, "stored.npz")}": it is already a statistics file, expected images`,
    ],
  ])("%s", async (_, work, message) => {
    mkdirSync(at("empty"), { recursive: true });
    await expect(work()).rejects.toThrow(message());
  });

  test("a set of which one image alone can be read", async () => {
    mkdirSync(at("broken"), { recursive: true });
    for (const name of ["1.png", "2.png"]) writeFileSync(at("broken", name), "");
    await expect(measureFrechet(at("broken"), at("a"), { network: stubNetwork() })).rejects.toThrow(
      `Cannot evaluate "${at("broken")}": 0 of its images could be read, expected at least 2; first error: Cannot decode image "${at("broken", "1.png")}": the file is empty`,
    );
  });
});

describe("in a thread", () => {
  function moments(key: string, features: number, count: number): Moments {
    const values = fillUniform(key, features * count, -1, 1);
    const collected = new MomentAccumulator(features);
    for (let r = 0; r < count; r++) collected.add(values.subarray(r * features, (r + 1) * features));
    return collected.finish();
  }

  test("a distance is what it is here, and errors come back as they are", async () => {
    const [a, b] = [() => statisticsOf(moments("a", 256, 300)), () => statisticsOf(moments("b", 256, 290))];
    expect(await distanceInThread({ kind: "distance", a: a(), b: b(), epsilon: 0 })).toBe(frechetDistance(a(), b()));
    const wrong = { ...b(), count: 1 };
    await expect(distanceInThread({ kind: "distance", a: a(), b: wrong, epsilon: 0 })).rejects.toMatchObject({
      code: "OPTION_INVALID",
      message: "Cannot use the statistics of B: they summarize 1 images, expected at least 2",
    });
  });

  test("a kernel distance tells how far it is", async () => {
    const rows = (key: string) => ({ count: 200, features: 64, data: fillUniform(key, 200 * 64, 0, 1) });
    const done: number[] = [];
    const task = { kind: "kernel", a: rows("a"), b: rows("b"), options: { subsets: 50 } } as const;
    const { subsetSize } = await kernelInThread(task, { onProgress: (each) => done.push(each) });
    expect(subsetSize).toBe(100);
    expect(done.at(-1)).toBe(50);
  });
});
