/** Which published file and which set of weights are meant, and what they ask of the network. */
import { describe, expect, test } from "vitest";
import { filledFile, readModelGolden } from "../../test/model-goldens.js";
import { InceptionError } from "../errors.js";
import { findModel, MODELS } from "../models/index.js";
import type { WeightSet } from "../models/weight-set.js";
import { weightSetsOf } from "../models/weights.js";
import { checkPublishedHash, chooseWeightSet, isPretrained, publishedWeights } from "./weight-choice.js";

const V3 = findModel("inception_v3");

describe("published files", () => {
  test("pretrained is the first on the hub, or the first there is", () => {
    expect(publishedWeights(V3, "pretrained")?.file.source).toBe("hf:timm/inception_v3.tv_in1k");
    expect(publishedWeights(findModel("googlenet"), "pretrained")?.file.source).toBe(
      "https://download.pytorch.org/models/googlenet-1378be20.pth",
    );
    expect(publishedWeights(findModel("inception_v4"), "pretrained:cadene_inceptionv4")?.file.classes).toBe(1001);
    expect([isPretrained("pretrained"), isPretrained("pretrained:x"), isPretrained("pretrained.pth")]).toEqual([true, true, false]);
  });

  test.each([
    ["hf:timm/inception_v3.gluon_in1k", "inception_v3.gluon_in1k"],
    ["hf:timm/inception_v3.gluon_in1k@v1", "inception_v3.gluon_in1k"],
    ["hf:timm/inception_v3.gluon_in1k:pytorch_model.bin", "inception_v3.gluon_in1k"],
    ["/models/inception_v3_google-0cc3c7bd.pth", "torchvision_inception_v3"],
    ["C:\\models\\inception_v3_google-0cc3c7bd.pth", "torchvision_inception_v3"],
    ["https://mirror.example/inception_v3_google-0cc3c7bd.pth#sha256=00", "torchvision_inception_v3"],
    ["hf:timm/inception_v3.gluon_in1k2", undefined],
    ["/models/mine.pth", undefined],
  ])("%s is %s", (source, name) => expect(publishedWeights(V3, source)?.file.name).toBe(name));

  test("every one is found by its name", () => {
    const all = MODELS.flatMap((model) => weightSetsOf(model.id).flatMap((set) => set.files.map((file) => ({ model, file }))));
    expect(all.length).toBeGreaterThan(12);
    for (const { model, file } of all) expect(publishedWeights(model, `pretrained:${file.name}`)?.file).toBe(file);
  });

  test("unknown names and networks without weights are refused", () => {
    const refused = (id: string, weights: string) => () => publishedWeights(findModel(id), weights);
    expect(refused("inception_v4", "pretrained:x")).toThrow(
      expect.objectContaining({
        code: "OPTION_INVALID",
        message: expect.stringMatching(
          /^Cannot use "pretrained:x" as weights of inception_v4\.public: expected pretrained:inception_v4\.tf_in1k, /,
        ) as string,
      }),
    );
    const message = 'Cannot use "pretrained" as weights of inception_resnet_v2.spec: no published file is known';
    expect(refused("inception_resnet_v2.spec", "pretrained")).toThrow(expect.objectContaining({ code: "OPTION_INVALID", message }));
  });

  test("a download that is another file is refused", () => {
    const published = publishedWeights(V3, "pretrained:torchvision_inception_v3");
    expect(() => checkPublishedHash(published, "0cc3c7bd".padEnd(64, "1"))).not.toThrow();
    const other = "f".repeat(64);
    const message = `Cannot load weights from https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth: their SHA-256 is ${other}, expected one that starts with 0cc3c7bd`;
    expect(() => checkPublishedHash(published, other)).toThrow(expect.objectContaining({ code: "HASH_MISMATCH", message }));
    expect(() => checkPublishedHash(publishedWeights(V3, "pretrained"), other)).not.toThrow();
  });
});

describe("sets of weights", () => {
  const file = filledFile(readModelGolden("torchvision.inception_v3").state_dict);

  test("of sets with equal names, the one that the file was published in", () => {
    const plain = chooseWeightSet(V3, file, { saved: {}, asked: {} }, null);
    expect(plain.set?.id).toBe(weightSetsOf(V3.id)[0]?.id);
    const published = publishedWeights(V3, "pretrained:torchvision_inception_v3");
    expect(chooseWeightSet(V3, file, { saved: {}, asked: {} }, published).set?.id).toBe("torchvision_inception_v3");
  });

  /** A set as another publisher's would be: same names, other pools. */
  function withOptions(set: WeightSet | undefined): WeightSet {
    if (set === undefined) throw new RangeError("Cannot find a set");
    return { ...set, id: "other", options: { countIncludePad: false } };
  }

  test("choose the options that they were trained with, and refuse others", () => {
    const [first] = weightSetsOf(V3.id);
    const sets = [withOptions(first)];
    const chosen = chooseWeightSet(V3, file, { saved: {}, asked: { numClasses: 1000 } }, null, sets);
    expect(chosen.given).toEqual({ countIncludePad: false, numClasses: 1000 });
    const pool = chosen.graph.nodes.find(({ path }) => path === "Mixed_5b.pool");
    expect(pool?.attributes.countIncludePad).toBe(false);
    expect(chooseWeightSet(V3, file, { saved: {}, asked: { countIncludePad: "false" } }, null, sets).set?.id).toBe("other");
    const refused = () => chooseWeightSet(V3, file, { saved: {}, asked: { countIncludePad: true } }, null, sets);
    expect(refused).toThrow(InceptionError);
    expect(refused).toThrow(
      expect.objectContaining({
        code: "OPTION_INVALID",
        message: "Cannot use option countIncludePad true of inception_v3.public with weights in timm naming: they were trained with false",
      }),
    );
  });
});
