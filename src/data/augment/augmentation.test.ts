import fc from "fast-check";
import { expect, test } from "vitest";
import { InceptionError } from "../../errors.js";
import { AUGMENTATIONS, parseAugmentation } from "./augmentation.js";

const erasing = { probability: 0.25, area: [0.02, 0.33], aspect: [0.3, 3.3], fill: "noise" };

test.each(Object.entries(AUGMENTATIONS))("%s goes through JSON and comes by its name", (id, augmentation) => {
  expect(parseAugmentation(JSON.parse(JSON.stringify(augmentation)), "x")).toEqual(augmentation);
  expect(parseAugmentation(id, "x")).toEqual(augmentation);
});

test("the key of color jitter is also read in its former spelling", () => {
  const { color, ...rest } = AUGMENTATIONS.inception;
  expect(parseAugmentation({ ...rest, colour: color }, "a file")).toEqual(AUGMENTATIONS.inception);
});

test("erasing is read, with noise or with a color", () => {
  expect(parseAugmentation({ ...AUGMENTATIONS.light, erasing }, "x").erasing).toEqual(erasing);
  expect(parseAugmentation({ ...AUGMENTATIONS.light, erasing: { ...erasing, fill: [1, 2, 3] } }, "x").erasing?.fill).toEqual([1, 2, 3]);
});

const light = AUGMENTATIONS.light;
test.each([
  ["strong", 'name is "strong", expected one of cifar, inception, light, none, rand_augment, rand_augment_1, trivial_augment'],
  ["toString", 'name is "toString", expected one of cifar, inception, light, none, rand_augment, rand_augment_1, trivial_augment'],
  [null, "value is null, expected an object"],
  [{ ...light, flop: 1 }, 'value is "flop", expected only the fields crop, flip, policy, color, erasing'],
  [{ ...light, flip: 2 }, "flip is 2, expected a number from 0 to 1"],
  [{ ...light, flip: undefined }, "flip is missing, expected a number from 0 to 1"],
  [{ ...light, crop: { kind: "zoom" } }, 'crop.kind is "zoom", expected one of random_area, pad, none'],
  [{ ...light, crop: { ...light.crop, area: [0.5, 0.1] } }, "crop.area is [0.5,0.1], expected [low, high] with low at most high"],
  [{ ...light, crop: { ...light.crop, area: [0, 1] } }, "crop.area is 0, expected a number from 0.000001 to 1"],
  [{ ...light, crop: { ...light.crop, interpolation: "area" } }, 'crop.interpolation is "area", expected one of bilinear, bicubic, random'],
  [{ ...light, crop: { kind: "pad", pixels: 1.5, border: "zero" } }, "crop.pixels is 1.5, expected an integer from 0 to 64"],
  [{ ...light, crop: { kind: "none", pixels: 4 } }, 'crop is "pixels", expected only the fields kind'],
  [{ ...light, policy: { kind: "auto" } }, 'policy.kind is "auto", expected one of trivial_augment_wide, rand_augment'],
  [{ ...light, policy: { kind: "trivial_augment_wide", magnitude: 1 } }, 'policy is "magnitude", expected only the fields kind'],
  [{ ...light, policy: { kind: "rand_augment", magnitude: 9 } }, "policy.operations is missing, expected a number from 0 to 14"],
  [{ ...light, policy: { kind: "rand_augment", operations: 2, magnitude: 31 } }, "policy.magnitude is 31, expected a number from 0 to 30"],
  [
    { ...light, policy: { kind: "rand_augment", operations: 1.5, magnitude: 1 } },
    "policy.operations is 1.5, expected an integer from 0 to 14",
  ],
  [{ ...light, color: { brightness: 0.1 } }, "color.contrast is missing, expected [low, high]"],
  [{ ...light, erasing: { ...erasing, fill: "red" } }, 'erasing.fill is "red", expected "noise" or a color [red, green, blue]'],
  [{ ...light, erasing: { ...erasing, fill: [1, 2, 300] } }, "erasing.fill is 300, expected a number from 0 to 255"],
])("%j is refused by its field", (value, fact) => {
  expect(() => parseAugmentation(value, "run")).toThrowError(
    expect.objectContaining({ code: "OPTION_INVALID", message: `Cannot read the augmentation of run: ${fact}` }),
  );
});

test("any JSON is read or refused", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom("crop", "flip", "policy", "color", "erasing"), (value, field) => {
      try {
        parseAugmentation({ ...AUGMENTATIONS.inception, [field]: value }, "x");
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(InceptionError);
      }
    }),
  );
});
