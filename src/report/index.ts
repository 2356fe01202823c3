/** Pages and charts as text: one HTML file each, with nothing loaded from elsewhere. */
export { type ReportData, runReport } from "./training.js";
