import { describe, expect, test } from "vitest";
import { namedSettings, sourceName } from "./source-names.js";

describe("the name of a source", () => {
  test.each([
    ["/home/someone/flowers", "flowers"],
    ["/home/someone/flowers/", "flowers"],
    ["data/train.csv", "train.csv"],
    ["shapes10?train=32&val=10", "shapes10?train=32&val=10"],
    ["/data/shards/{000..099}.tar", "{000..099}.tar"],
    ["file:///home/someone/w.safetensors", "w.safetensors"],
    ["hf:owner/name@main", "hf:owner/name@main"],
    ["pretrained:caffe", "pretrained:caffe"],
    ["https://me:secret@example.org/w.pth?token=1#x", "https://example.org/w.pth"],
  ])("of %s is %s", (source, name) => expect(sourceName(source)).toBe(name));

  test("stands in settings for data and weights, and nothing else changes", () => {
    const settings = { data: "/a/b", valData: null, weights: "/c/d.pth", epochs: 3, freeze: "/x/y" };
    expect(namedSettings(settings)).toEqual({ data: "b", valData: null, weights: "d.pth", epochs: 3, freeze: "/x/y" });
  });
});
