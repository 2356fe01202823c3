import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PREPROCESSING } from "../src/data/index.js";
import { bytesSource } from "../src/formats/byte-source.js";
import { openNpy } from "../src/formats/npy.js";
import { decodeImage } from "../src/node/decode-image.js";
import { readImageInputs } from "../src/node/image-inputs.js";
import { type ImageSourceOptions, imageTitle, openImageSource } from "../src/node/image-source.js";
import { inProcess as inception } from "./program.js";
import { sharedPath, titleNeeding } from "./shared.js";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-images-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const IMAGES = "examples/digits/images";
const SEVEN = `${IMAGES}/7-a.png`;
const MODEL = ["--model", "examples/digits/digits.onnx"];

async function* piped(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

describe("standard input", () => {
  test("is an image like any other", async () => {
    const bytes = readFileSync(SEVEN);
    const stdin = () => piped(bytes.subarray(0, 10), bytes.subarray(10));
    const [fromFile] = JSON.parse((await inception(["classify", SEVEN, ...MODEL, "--json"])).out) as readonly { readonly top: unknown }[];
    expect(JSON.parse((await inception(["classify", "-", ...MODEL, "--json"], stdin)).out)).toEqual([{ file: "-", top: fromFile?.top }]);
  });

  test("that is no image, is missing, too long, or wanted twice is one line", async () => {
    const text = () => piped(new TextEncoder().encode("no image"));
    expect((await inception(["classify", "-", ...MODEL], text)).err).toBe(
      'inception: Cannot decode image "-": the content matches no supported image format, expected one of AVIF, GIF, JPEG, PNG, TIFF, WebP\n',
    );
    expect((await inception(["classify", "-", ...MODEL])).err).toBe("inception: Cannot read an image from standard input: it is empty\n");
    const megabyte = new Uint8Array(2 ** 20);
    const endless = () => piped(...Array.from({ length: 65 }, () => megabyte));
    expect(await inception(["classify", "-", ...MODEL], endless)).toEqual({
      code: 2,
      out: "",
      err: "inception: Cannot read an image from standard input: it has more than 67,108,864 bytes\n",
    });
    expect((await inception(["classify", "-", "-", ...MODEL], text)).err).toBe(
      'inception: unexpected argument "-": standard input can be read only once; see inception classify --help\n',
    );
  });
});

describe("URLs", () => {
  const answer = (content: Uint8Array): ImageSourceOptions => ({
    allowHttps: true,
    fetch: async () => new Response(Buffer.from(content)),
  });

  test("are downloaded where it is allowed", async () => {
    const source = await openImageSource("https://files.test/photos/7.png?key=secret#part", answer(readFileSync(SEVEN)));
    expect(await decodeImage(source)).toEqual(await decodeImage(SEVEN));
    const long = openImageSource("https://files.test/7.png?key=secret", answer(new Uint8Array(64 * 2 ** 20 + 1)));
    await expect(long).rejects.toThrow(
      "Cannot download https://files.test/7.png: it has more than 67,108,864 bytes, the limit for one download",
    );
  });

  test("are refused otherwise, one input among others", async () => {
    const errors = [
      ["https://files.test/7.png", [], "downloads are not allowed; pass --allow-https"],
      ["http://files.test/7.png", ["--allow-https"], "expected https:, http: is not allowed"],
      ["https://me:secret@files.test/7.png", ["--allow-https"], "it contains a user name or password"],
      ["https://", ["--allow-https"], "it is not a valid URL"],
    ] as const;
    for (const [url, flags, fact] of errors) {
      const { code, out, err } = await inception(["classify", url, SEVEN, ...MODEL, ...flags]);
      expect({ code, err }).toEqual({
        code: 1,
        err: `inception: Cannot use "${url.replace("me:secret@", "")}" as an image: ${fact}\ninception: 1 of 2 files failed\n`,
      });
      expect(out).toContain("seven");
    }
    expect((await inception(["classify", "https://127.0.0.1/7.png", ...MODEL, "--allow-https"])).err).toBe(
      "inception: Cannot download https://127.0.0.1/7.png: 127.0.0.1 is not a public address; requests to private and local servers are not allowed\n",
    );
  });

  test("are named in errors without what may be secret", async () => {
    const open = (text: string) => openImageSource(text, answer(new TextEncoder().encode("no image")));
    const preprocessing = PREPROCESSING.facenet;
    for await (const [image] of readImageInputs(["https://files.test/7.png?key=secret"], { preprocessing, batch: 1, open })) {
      expect(image).toMatchObject({
        file: "https://files.test/7.png?key=secret",
        input: { message: expect.stringMatching(/^Cannot decode image "https:\/\/files\.test\/7\.png": /) as string },
      });
    }
  });

  test("have short names", () => {
    expect(["-", "https://files.test/a/7.png?x", "https://files.test/", "a/b.png"].map(imageTitle)).toEqual([
      "stdin",
      "7.png",
      "download",
      "b.png",
    ]);
  });
});

test("a quoted pattern is expanded", async () => {
  const { out, code } = await inception(["classify", `${IMAGES}/{7,3}-*.png`, ...MODEL, "--top", "1"]);
  expect(code).toBe(0);
  expect(out).toMatch(/3-a\.png\n.*three(?:.*\n)*.*7-a\.png\n.*seven/);
  expect((await inception(["classify", `${IMAGES}/*.webp`, ...MODEL])).err).toBe(
    `inception: Cannot list images of "${IMAGES}/*.webp": no file matches this pattern\n`,
  );
});

describe("results as files", () => {
  test("classify writes CSV, a row for each class, with the reason for images without any", async () => {
    const [csv, bad] = [path.join(folder, "out.csv"), path.join(folder, "=bad.png")];
    writeFileSync(bad, "no image");
    const { code } = await inception(["classify", SEVEN, bad, ...MODEL, "--top", "2", "--csv", csv]);
    expect(code).toBe(1);
    const [header, first, second, error, end] = readFileSync(csv, "utf8").split("\r\n");
    expect(header).toBe("file,rank,class,name,probability,error");
    expect(first).toMatch(/^examples\/digits\/images\/7-a\.png,1,7,seven,0\.\d+,$/);
    expect(second).toMatch(/^examples\/digits\/images\/7-a\.png,2,\d,[a-z]+,\d[\d.e-]*,$/);
    expect(error).toMatch(/^[^,]*=bad\.png,,,,,"Cannot decode image .*$/);
    expect(end).toBe("");
  });

  test("embed writes which row is of which file", async () => {
    const [array, bad] = [path.join(folder, "vectors.npy"), path.join(folder, "bad.png")];
    writeFileSync(bad, "no image");
    const images = [`${IMAGES}/3-a.png`, bad, SEVEN];
    const { code } = await inception(["embed", ...images, ...MODEL, "--output-name", "logits", "--out", array]);
    expect(code).toBe(1);
    const { shape } = await openNpy(bytesSource("vectors.npy", readFileSync(array)));
    expect(shape).toEqual([2, 10]);
    expect(JSON.parse(readFileSync(path.join(folder, "vectors.files.json"), "utf8"))).toEqual({
      array: "vectors.npy",
      shape: [2, 10],
      files: [images[0], images[2]],
    });
  });
});

describe("ImageNet's files as they come", () => {
  const weights = sharedPath("data/googlenet_bvlc/bvlc_googlenet.safetensors");
  const samples = sharedPath("data/imagenet_samples");
  test.skipIf(!weights || !samples)(
    titleNeeding("a flat directory is evaluated with Keras' class names", weights && samples, "data/googlenet_bvlc and imagenet_samples"),
    async () => {
      const args = ["googlenet.paper", path.join(samples ?? "", "images"), "--weights", weights ?? "", "--json"];
      const result = await inception(["eval", ...args, "--class-names", path.join(samples ?? "", "imagenet_class_index.json")]);
      expect(result.err).toBe("");
      const { images, top1, top5 } = JSON.parse(result.out) as { readonly images: number; readonly top1: number; readonly top5: number };
      expect(images).toBe(110);
      // BVLC states 68.7 % and 88.9 % on ImageNet's validation photographs; less three standard deviations of 110 draws.
      expect(top1).toBeGreaterThan(0.55);
      expect(top5).toBeGreaterThan(0.79);
    },
  );
});
