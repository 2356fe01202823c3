/** The page of an experiment: what was found, figures, every network, settings. */
import { escapeMarkup } from "../text.js";
import { bulletList, type Figure, page, section } from "./page.js";
import { type PanelFigure, panelSvg } from "./panels.js";
import { type Table, table } from "./table.js";

/** Everything that the page shows. Texts may be anything: they are escaped. */
interface ExperimentPage {
  readonly title: string;
  readonly status: string;
  readonly lead: string;
  /** The verdict first. */
  readonly figures: readonly Figure[];
  readonly findings: readonly string[];
  readonly panels: readonly PanelFigure[];
  readonly networks: Table;
  readonly settings: readonly string[];
}

export function experimentPage({ title, status, lead, figures, findings, panels, networks, settings }: ExperimentPage): string {
  return page({
    title,
    status: { text: status },
    lead,
    figures,
    markup: [
      section("Findings", bulletList(findings)),
      ...panels.map(panelSection),
      section("All networks", table("All networks", networks)),
      section("Settings", bulletList(settings)),
    ],
  });
}

/** Wider than a page, a figure scrolls: drawn smaller, its labels could not be read. */
function panelSection(figure: PanelFigure): string {
  const label = escapeMarkup(figure.title);
  return `<section><div class="scroll" role="region" aria-label="${label}" tabindex="0">${panelSvg(figure, true)}</div></section>`;
}
