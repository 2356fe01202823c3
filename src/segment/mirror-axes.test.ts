import { describe, expect, test } from "vitest";
import { checkMirrorAxes } from "./mirror-axes.js";

describe("checkMirrorAxes", () => {
  test("accepts the axes of training, and none", () => {
    expect(() => checkMirrorAxes({ mirrorAxes: [0, 2] }, [2, 0], "m")).not.toThrow();
    expect(() => checkMirrorAxes({ mirrorAxes: [] }, [], "m")).not.toThrow();
    expect(() => checkMirrorAxes({}, [], "m")).not.toThrow();
  });

  test.each([
    [
      { mirrorAxes: [0] },
      [0, 1, 2],
      'Cannot mirror "m" along y and z: its training mirrored along x only, so it mislabels volumes mirrored along other axes; mirror along x or none',
    ],
    [
      { mirrorAxes: [2, 0] },
      [1],
      'Cannot mirror "m" along y: its training mirrored along x and z, so it mislabels volumes mirrored along other axes; mirror along x and z or none',
    ],
    [
      { mirrorAxes: [] },
      [2],
      'Cannot mirror "m" along z: its training mirrored along no axis, so it mislabels mirrored volumes; mirror along none',
    ],
    [
      {},
      [1, 0],
      'Cannot mirror "m" along x and y: the model does not record which axes its training mirrored; export it again from its run, or mirror along none',
    ],
  ])("%j refuses %j", (recipe, axes, message) => {
    expect(() => checkMirrorAxes(recipe, axes, "m")).toThrow(expect.objectContaining({ code: "OPTION_INVALID", message }));
  });
});
