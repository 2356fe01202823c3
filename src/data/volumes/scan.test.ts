import { describe, expect, test } from "vitest";
import { thrownBy } from "../../../test/failures.js";
import { checkScan, clearOutside } from "./scan.js";
import { createVolume } from "./volume.js";

const NAN = Number.NaN;
const failure = (values: readonly number[]): unknown =>
  thrownBy(() => checkScan(createVolume([2, 2, 2], Float32Array.from(values)), "scan.nii"));

describe("a scan", () => {
  test("with infinite voxels is refused with the first one's place and their number", () => {
    expect(failure([1, 2, NAN, 4, 5, 6, 7, Number.NEGATIVE_INFINITY])).toMatchObject({
      code: "NOT_FINITE",
      message: 'Cannot segment "scan.nii": voxel (1, 1, 1) is -Infinity; 1 of 8 voxels are infinite',
      details: { place: [1, 1, 1], count: 1 },
    });
    expect(failure([1, 2, 3, Number.POSITIVE_INFINITY, 5, Number.POSITIVE_INFINITY, 7, 8])).toMatchObject({
      message: 'Cannot segment "scan.nii": voxel (1, 1, 0) is Infinity; 2 of 8 voxels are infinite',
    });
  });

  test("without a finite voxel, or with one value alone, is refused", () => {
    expect(failure(new Array<number>(8).fill(NAN))).toMatchObject({
      code: "NOT_FINITE",
      message: 'Cannot segment "scan.nii": all 8 voxels are NaN',
    });
    const message = 'Cannot segment "scan.nii": all voxels are 7; expected an image with more than one value';
    expect(failure(new Array<number>(8).fill(7))).toMatchObject({ code: "VOLUME_INVALID", message });
    expect(failure([NAN, 7, 7, 7, 7, 7, 7, NAN])).toMatchObject({ code: "VOLUME_INVALID", message });
    const zeros = createVolume([2, 2, 2], new Int16Array(8));
    expect(() => checkScan(zeros, "scan.nii")).toThrow(
      'Cannot segment "scan.nii": all voxels are 0; expected an image with more than one value',
    );
  });

  test("with NaN beside finite voxels is taken, and labels there become background", () => {
    const outside = checkScan(createVolume([4, 1, 1], Float32Array.of(NAN, 1, 2, NAN)), "scan.nii");
    expect(outside).toEqual(Uint8Array.of(1, 0, 0, 1));
    expect(clearOutside(createVolume([4, 1, 1], Uint8Array.of(3, 3, 2, 0)), outside, 9).data).toEqual(Uint8Array.of(9, 3, 2, 9));
    expect(checkScan(createVolume([2, 1, 1], Float32Array.of(0, 1)), "scan.nii")).toBeNull();
  });
});
