import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { byHand, downloadPublished, findKnownWeights, knownWeights, placeOf, resolvePublished } from "../src/node/published-weights.js";
import { sha256Hex } from "../src/node/sha256.js";
import { refused as inception } from "./program.js";

let folder = "";
let place = "";
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-weights-"));
  place = path.join(folder, "inceptionkit", "weights");
  mkdirSync(place, { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", folder);
  vi.stubEnv("HF_HUB_CACHE", path.join(folder, "hub"));
  vi.stubEnv("HF_HUB_OFFLINE", "1");
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(place, { recursive: true });
  mkdirSync(place);
});

const NAME = "torchvision_googlenet";
const SOURCE = "https://download.pytorch.org/models/googlenet-1378be20.pth";
const placed = () => path.join(place, "googlenet-1378be20.pth");

describe("inception weights", () => {
  test("list shows every known file, or those of a model, and whether they are here", async () => {
    const { code, out, err } = await inception("weights", "list", "--json");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const rows: unknown = JSON.parse(out);
    expect(Array.isArray(rows) && rows.length).toBe(knownWeights().length);
    expect(rows).toContainEqual({
      name: NAME,
      model: "googlenet.public",
      set: "torchvision_googlenet",
      source: SOURCE,
      sha256: "1378be20",
      classes: 1000,
      top1: 69.778,
      top5: 89.53,
      license: "BSD-3-Clause (code); trained on ImageNet",
      place: placed(),
      path: null,
    });
    const table = (await inception("weights", "list", "inception_v4")).out;
    expect(table).toMatch(/^inception_v4\.tf_in1k +inception_v4\.public +\d\d\.\d% +no +hf:timm\/inception_v4\.tf_in1k$/m);
    expect(table).not.toContain("googlenet");
    expect(await inception("weights", "list", "nothing")).toEqual({
      code: 2,
      out: "",
      err: 'inception: Cannot list weights of "nothing": no published file of it is known, see inception weights list\n',
    });
  });

  test("path finds a file that was placed by hand, and says where to place one", async () => {
    const missing = `inception: Cannot find weights "${NAME}" on this machine: run inception weights download ${NAME}, or save ${SOURCE} as ${placed()} (its SHA-256 starts with 1378be20)\n`;
    expect(await inception("weights", "path", NAME)).toEqual({ code: 2, out: "", err: missing });
    writeFileSync(path.join(place, "inception_v4.tf_in1k.safetensors"), "weights");
    const here = path.join(place, "inception_v4.tf_in1k.safetensors");
    expect(await inception("weights", "path", "inception_v4.tf_in1k")).toEqual({ code: 0, out: `${here}\n`, err: "" });
    expect(await inception("weights", "download", "inception_v4.tf_in1k")).toEqual({ code: 0, out: `${here}\n`, err: "" });
    expect((await inception("weights", "list", "inception_v4")).out).toMatch(/^inception_v4\.tf_in1k .* yes +hf:/m);
  });

  test("download without a connection is one clear line", async () => {
    expect(await inception("weights", "download", NAME)).toEqual({
      code: 2,
      out: "",
      err: `inception: Cannot download ${SOURCE}: offline mode is on and the file is not in the cache; to place the file by hand, save ${SOURCE} as ${placed()} (its SHA-256 starts with 1378be20)\n`,
    });
    const hub = path.join(folder, "hub", "models--timm--inception_v4.tf_in1k");
    const address = "https://huggingface.co/timm/inception_v4.tf_in1k/resolve/main/model.safetensors";
    expect((await inception("weights", "download", "inception_v4.tf_in1k")).err).toBe(
      `inception: Cannot download hf:timm/inception_v4.tf_in1k: offline mode is on and the file is not in the cache "${hub}"; to place the file by hand, save ${address} as ${path.join(place, "inception_v4.tf_in1k.safetensors")}\n`,
    );
    expect((await inception("weights", "download", "cadene_inception_v4")).err).toMatch(
      /^inception: Cannot find weights "cadene_inception_v4": /,
    );
    const http = "http://data.lip6.fr/cadene/pretrainedmodels/inceptionv4-8e4777a0.pth";
    expect((await inception("weights", "download", "cadene_inceptionv4")).err).toBe(
      `inception: Cannot download weights "cadene_inceptionv4": their publisher serves them without encryption (http:), which is not allowed; to place the file by hand, save ${http} as ${path.join(place, "inceptionv4-8e4777a0.pth")} (its SHA-256 starts with 8e4777a0)\n`,
    );
  });

  test("a name that is not known, an action that is none, and a name that is missing are usage errors", async () => {
    expect((await inception("weights", "path", "googlenet")).err).toBe(
      'inception: Cannot find weights "googlenet": expected one of torchvision_googlenet\n',
    );
    expect((await inception("weights", "path", "resnet50")).err).toBe(
      `inception: Cannot find weights "resnet50": ${knownWeights().length} published files are known, see inception weights list\n`,
    );
    expect((await inception("weights", "fetch")).err).toBe(
      'inception: invalid argument "fetch": expected list, download NAME or path NAME\n',
    );
    expect((await inception("weights", "download")).err).toBe(
      "inception: missing name: pass one that inception weights list shows; see inception weights --help\n",
    );
  });
});

describe("published weights", () => {
  test("that are placed by hand are used by pretrained, and refused when they are another file", async () => {
    writeFileSync(placed(), "something else");
    const hash = sha256Hex(Buffer.from("something else"));
    const message = `Cannot load weights from ${SOURCE}: their SHA-256 is ${hash}, expected one that starts with 1378be20`;
    await expect(resolvePublished(findKnownWeights(NAME), {})).rejects.toThrow(message);
    const { err } = await inception("classify", "examples/digits/images", "--model", "googlenet", "--weights", "pretrained");
    expect(err).toContain(message);
  });

  test("are downloaded without --allow-https when asked for by name, and compared", async () => {
    const asked: string[] = [];
    const local: typeof fetch = async (input) => {
      asked.push(input instanceof Request ? input.url : input.toString());
      return new Response("not the file");
    };
    const options = { env: { XDG_CACHE_HOME: folder }, fetch: local, offline: false };
    const hash = sha256Hex(Buffer.from("not the file"));
    await expect(downloadPublished(findKnownWeights(NAME), options)).rejects.toThrow(
      `Cannot load weights from ${SOURCE}: their SHA-256 is ${hash}, expected one that starts with 1378be20`,
    );
    expect(asked).toEqual([SOURCE]);
  });

  test("have places of their own", () => {
    const places = knownWeights().map((published) => placeOf(published, { XDG_CACHE_HOME: folder }));
    expect(new Set(places).size).toBe(places.length);
    expect(byHand(findKnownWeights(NAME), { XDG_CACHE_HOME: "/c" })).toBe(
      `save ${SOURCE} as /c/inceptionkit/weights/googlenet-1378be20.pth (its SHA-256 starts with 1378be20)`,
    );
  });
});
