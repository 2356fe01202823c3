/** From the outputs of an exported model to predictions, for programs that run the file in a runtime of their own. */

export {
  METADATA_KEY,
  type ModelMetadata,
  parseModelMetadata,
} from "./model-metadata.js";
export { imageBatch, type Prediction, softmax, topPredictions } from "./predict.js";
