import { openSegmenter } from "inceptionkit";
import { encodeNifti } from "inceptionkit/data";

const [scan, status, overlay, save] = ["scan", "status", "overlay", "save"].map((id) => document.getElementById(id));
const segmenter = openSegmenter("/model.onnx");

scan.onchange = async () => {
  const result = await (await segmenter).segment(scan.files[0]);
  overlay.src = URL.createObjectURL(new Blob([await result.overlayPng()]));
  save.href = URL.createObjectURL(new Blob(encodeNifti(result.labels, result.header)));
  status.value = result.labelStatistics.map(({ name, mm3 }) => `${name}: ${mm3.toFixed(0)} mm³`).join(", ");
};
