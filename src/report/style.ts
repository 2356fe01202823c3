/** The style sheet of every page. Colors and sizes are roles of tokens.ts; nothing is loaded. */
import { TOKENS_CSS } from "./tokens.js";

/** Parts of charts. Standalone drawings hold them too. */
export const PLOT_CSS = `
.grid{stroke:var(--line);fill:none}
.axis{stroke:var(--soft);fill:none;opacity:.6}
.curve{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.faint{stroke-width:1;opacity:.3}
.dashed{stroke-dasharray:5 5}
.dot{fill:none;stroke:currentColor;stroke-width:6.5;stroke-linecap:round}
.train{color:var(--train)}.valid{color:var(--valid)}.second{color:var(--second)}.rate{color:var(--rate)}
.cat-1{color:var(--cat-1)}.cat-2{color:var(--cat-2)}.cat-3{color:var(--cat-3)}.cat-4{color:var(--cat-4)}
`;

/** Small multiples. */
export const PANEL_CSS = `
.panels text{font:12px -apple-system,BlinkMacSystemFont,"Segoe UI",Roboto,"Liberation Sans",Arial,sans-serif;fill:var(--soft)}
.panels .title{font-size:15px;font-weight:600;fill:var(--ink)}.panels .head{font-weight:600;fill:var(--ink)}
.panels .back{fill:var(--surface)}.panels .box{fill:none;stroke:var(--line)}
`;

/** Labels of charts keep about 11 pixels where a chart is drawn smaller than its 540 units. */
const LABEL_SIZES = [480, 450, 420, 390, 360, 330, 300, 270]
  .map((width) => `@container (max-width:${width}px){.chart svg text{font-size:${((11 * 540) / (width - 15)).toFixed(1)}px}}`)
  .join("\n");

const BASE_CSS = `
*,*::before,*::after{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--ground);color:var(--ink);font:var(--text-l)/var(--leading) var(--font)}
h1,h2,p,figure,dl,dd,ul{margin:0;padding:0}
img,svg{display:block}
code{font-family:var(--mono);font-size:.93em}
:focus-visible{outline:2px solid var(--focus);outline-offset:2px;border-radius:var(--r-2)}
main{max-width:var(--report);margin:0 auto;padding:var(--s-8) var(--s-6) var(--s-16)}
`;

/** The skeleton: head, figures, sections, notes, facts. */
const PAGE_CSS = `
header{display:flex;flex-wrap:wrap;align-items:baseline;gap:.35rem .9rem;margin-bottom:var(--s-5)}
h1{font-size:var(--text-3xl);line-height:var(--leading-tight);font-weight:var(--strong);overflow-wrap:anywhere}
header p{flex-basis:100%;color:var(--soft);overflow-wrap:anywhere}
.status{font-size:var(--text-s);padding:.1rem .65rem;border:1px solid var(--line);border-radius:var(--r-full);background:var(--surface);color:var(--soft)}
.status.good{background:var(--good-soft);border-color:var(--good-line);color:var(--good-ink)}
.status.warn{background:var(--warn-soft);border-color:var(--warn-line);color:var(--warn-ink)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,7.8rem),1fr));gap:var(--s-3)}
.figure{min-width:0;background:var(--surface);border:1px solid var(--line);border-radius:var(--r-4);padding:.75rem 1rem}
.figure b{display:block;font-size:var(--text-2xl);line-height:1.3;font-weight:var(--strong);font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.figure span{display:block;color:var(--soft);font-size:var(--text-s);overflow-wrap:anywhere}
.figure.good{border-color:var(--good)}.figure.good b{color:var(--good-ink)}
.figure.warn{border-color:var(--warn)}.figure.warn b{color:var(--warn-ink)}
.figure.bad{border-color:var(--bad)}.figure.bad b{color:var(--bad-ink)}
section{min-width:0;background:var(--surface);border:1px solid var(--line);border-radius:var(--r-4);padding:var(--s-5) 1.4rem;margin-top:var(--s-5)}
h2{display:flex;flex-wrap:wrap;align-items:baseline;gap:.1rem .6rem;font-size:var(--text-xl);line-height:var(--leading-tight);font-weight:var(--strong);margin-bottom:.9rem;overflow-wrap:anywhere}
h2 small{font-weight:400;font-size:var(--text-s);color:var(--soft)}
.note{color:var(--soft);font-size:var(--text-s);margin-top:var(--s-3);max-width:60rem}
section>ul{padding-left:1.2rem;max-width:60rem}
section li{overflow-wrap:anywhere}
section li+li{margin-top:.35rem}
.warnings,.unchecked{border:1px solid var(--line);border-radius:var(--r-4);padding:var(--s-4) 1.4rem;margin-top:var(--s-5)}
.warnings{background:var(--warn-soft);border-color:var(--warn-line)}
.warnings h2{color:var(--warn-ink);margin-bottom:var(--s-2)}
.warnings ul{padding-left:1.2rem}
.warnings li{overflow-wrap:anywhere}
.unchecked{background:var(--surface);color:var(--soft);font-size:var(--text-s)}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:0 var(--s-5);align-items:start}
.columns.first{grid-template-columns:minmax(0,2fr) minmax(0,1fr)}
.facts{columns:19rem 2;column-gap:var(--s-6);font-size:var(--text-s)}
.facts div{display:grid;grid-template-columns:minmax(0,9.5rem) minmax(0,1fr);gap:var(--s-3);padding:.15rem 0;break-inside:avoid}
.facts dt{color:var(--soft);overflow-wrap:anywhere}
.facts dd{overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
details{margin-top:var(--s-3)}
summary{cursor:pointer;color:var(--soft);font-size:var(--text-s);width:fit-content}
details[open]>summary{margin-bottom:var(--s-2)}
.tag{display:inline-block;padding:0 .4rem;border-radius:var(--r-1);background:var(--sunken);color:var(--soft);font-size:var(--text-xs);font-weight:var(--medium);line-height:1.6;white-space:nowrap}
.tag.warn{background:var(--warn-soft);color:var(--warn-ink)}
`;

const TABLE_CSS = `
.scroll{position:relative;overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
.list{width:100%;font-size:var(--text-m)}
caption{text-align:left;font-size:var(--text-m);font-weight:var(--strong);padding-bottom:.4rem}
.list th,.list td{padding:.4rem .75rem;text-align:left;vertical-align:middle;border-bottom:1px solid var(--line)}
.list thead th{font-size:var(--text-s);font-weight:var(--medium);color:var(--soft);white-space:nowrap}
.list tbody th{font-weight:var(--medium);overflow-wrap:anywhere;min-width:7rem}
.list tbody tr:last-child>*{border-bottom:0}
.list :is(th,td):first-child{padding-left:0}
.list :is(th,td):last-child{padding-right:0}
.list .number{text-align:right;white-space:nowrap}
.list .group{border-left:1px solid var(--line)}
.list .sorted{color:var(--ink)}
.list .up::after{content:" ↑"}
.list .down::after{content:" ↓"}
.list .arrow{color:var(--soft);padding-inline:0;text-align:center}
.list .scored{min-width:5rem}
.score{display:flex;align-items:center;gap:.6rem;justify-content:flex-end}
.score i{flex:1;min-width:2.5rem;height:8px;border-radius:var(--r-1);background:linear-gradient(to right,var(--score) calc(var(--v)*100%),var(--bar) 0);print-color-adjust:exact;forced-color-adjust:none}
.score span{min-width:3.7em;text-align:right;white-space:nowrap}
.swatch{display:inline-grid;place-items:center;min-width:1.25rem;height:1.25rem;padding:0 .25rem;margin-right:.5rem;border-radius:var(--r-1);background:var(--c);color:var(--stage);font-size:var(--text-xs);font-weight:var(--strong);print-color-adjust:exact;forced-color-adjust:none}
.swatch.dashed{outline:2px dashed var(--c);outline-offset:1px}
`;

const CHART_CSS = `
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr));gap:var(--s-5) var(--s-6)}
.chart{min-width:0;container-type:inline-size}
.chart figcaption{display:flex;flex-wrap:wrap;justify-content:space-between;gap:.15rem 1rem;font-size:var(--text-m);margin-bottom:.2rem}
.charts>div{min-width:0;align-self:center}
.charts figcaption{min-height:2.7rem;align-content:flex-start}
.chart strong{font-weight:var(--strong)}
.legend{display:flex;flex-wrap:wrap;gap:.1rem .9rem;color:var(--soft);font-size:var(--text-s)}
.key{display:inline-block;position:relative;width:1rem;height:0;border-top:2.5px solid;margin-right:.35rem;vertical-align:middle}
.key.dashed{border-top-style:dashed}
.key.dots::after{content:"";position:absolute;left:5px;top:-4.5px;width:6px;height:6px;border-radius:50%;background:currentColor}
.chart svg{width:100%;height:auto;overflow:visible}
svg text{font-family:var(--font);font-size:12px;fill:var(--soft);font-variant-numeric:tabular-nums}
.accuracy{fill:var(--score)}
.gap{fill:none;stroke:var(--soft)}
.ideal{stroke:var(--faint);stroke-width:1.5;stroke-dasharray:5 5;fill:none}
.best{fill:none;stroke:var(--best);stroke-width:2}
.best-line{stroke:var(--best);stroke-dasharray:2 4;fill:none}
svg .best-label{fill:var(--best-ink);font-weight:600}
svg .name{fill:var(--ink)}
.case{stroke:var(--soft);opacity:.85}
.half{fill:var(--spread)}
.median{stroke:var(--ink);stroke-width:2;fill:none}
.mean{fill:var(--ink)}
.empty{color:var(--soft);font-size:var(--text-s);margin-top:var(--s-2)}
.panels{max-width:none}
.ramp{display:inline-block;width:8.5rem;height:10px;margin:0 .4rem;border-radius:2px;vertical-align:middle;background:linear-gradient(to right,var(--heat));print-color-adjust:exact;forced-color-adjust:none}
`;

const CONFUSION_CSS = `
.confusion{display:flex;flex-wrap:wrap;gap:var(--s-5) 2.5rem;align-items:flex-start}
.confusion>*{min-width:0;max-width:100%}
.confusion>.pairs{flex:1 1 22rem;max-width:40rem}
.heat{font-size:var(--text-s)}
.heat th{font-weight:400;color:var(--soft)}
.heat th[scope=row]{text-align:right;padding-right:.6rem;max-width:9rem;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.heat th[scope=col]{vertical-align:bottom;padding:0 0 .4rem}
.heat th[scope=col] span{display:inline-block;writing-mode:vertical-rl;transform:rotate(180deg);max-height:7.5rem;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.heat .corner{font-size:var(--text-xs);vertical-align:bottom;text-align:right;padding:0 .6rem .4rem 0;white-space:nowrap}
.heat td{min-width:2.5rem;height:2rem;text-align:center;border:1.5px solid var(--surface);border-radius:var(--r-1);padding:0 .2rem;print-color-adjust:exact;forced-color-adjust:none}
.heat .zero{color:var(--faint)}
${["hit", "miss"]
  .flatMap((kind) => [1, 2, 3, 4, 5].map((step) => `.${kind}-${step}{background:var(--${kind}-${step});fill:var(--${kind}-${step})}`))
  .join("")}
.hit-4,.hit-5,.miss-4,.miss-5{color:var(--on-deep)}
.matrix svg{width:min(100%,620px);height:auto;print-color-adjust:exact;forced-color-adjust:none}
.ground{fill:var(--subtle)}
`;

const PICTURE_CSS = `
.mistakes{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,9.5rem),1fr));gap:1.1rem}
.mistakes img,.mistakes .none{width:100%;aspect-ratio:1;object-fit:cover;border-radius:var(--r-3);background:var(--sunken)}
.mistakes .none{display:flex;align-items:center;justify-content:center;color:var(--soft);font-size:var(--text-s)}
figcaption{font-size:var(--text-s);line-height:1.45;margin-top:.4rem;overflow-wrap:anywhere}
figcaption small{display:block;font-size:var(--text-s);color:var(--soft)}
.chart figcaption{margin-top:0}
.mistakes small{font-size:var(--text-xs);overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.twins{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,14rem),1fr));gap:var(--s-5)}
.twin{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:4px;min-width:0}
.twin img,.twin .none{width:100%;aspect-ratio:1;object-fit:cover;border-radius:var(--r-2);background:var(--sunken)}
.twin .none{display:flex;align-items:center;justify-content:center;color:var(--soft);font-size:var(--text-s)}
.twin figcaption{grid-column:1/-1;display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:0 4px;margin-top:.3rem;color:var(--soft)}
.twin b{grid-column:1/-1;font-weight:var(--medium);color:var(--ink)}
.twin span{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.todo{list-style:none;padding:0}
.todo li{display:grid;grid-template-columns:4.2rem minmax(0,1fr);gap:.2rem .6rem;align-items:baseline}
.todo .tag{justify-self:start}
.tag.bad{background:var(--bad-soft);color:var(--bad-ink)}
.bars{display:grid;grid-template-columns:minmax(4rem,8rem) minmax(0,1fr) auto;gap:.4rem .8rem;align-items:center;font-size:var(--text-m);font-variant-numeric:tabular-nums;margin-top:var(--s-3)}
.bars>span{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.two{display:flex;gap:1px;height:12px;border-radius:3px;background:var(--sunken)}
.two .t{background:var(--train)}.two .v{background:var(--valid)}
.two i{print-color-adjust:exact;forced-color-adjust:none}
.bar{fill:var(--score)}
.said{color:var(--bad-ink);font-weight:600}
.nowrap{white-space:nowrap}
.maps{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,12rem),1fr));gap:var(--s-4)}
.maps img{width:100%;height:auto;border-radius:var(--r-3);background:var(--sunken)}
.answers{max-width:34rem;margin-top:var(--s-4)}
.slices{display:flex;flex-wrap:wrap;gap:var(--s-4);align-items:flex-start}
.slices figure{min-width:min(100%,10rem)}
.slice{position:relative;background:var(--stage);border-radius:var(--r-2);overflow:hidden}
.slice img{width:100%;height:auto}
.slice i{position:absolute;font:600 var(--text-s)/1 var(--font);color:var(--stage-ink);text-shadow:0 0 3px var(--stage),0 0 3px var(--stage),0 0 6px var(--stage)}
.slice .left{left:7px;top:50%;transform:translateY(-50%)}
.slice .right{right:7px;top:50%;transform:translateY(-50%)}
.slice .top{top:7px;left:50%;transform:translateX(-50%)}
.slice .bottom{bottom:7px;left:50%;transform:translateX(-50%)}
`;

const NARROW_CSS = `
@media (max-width:640px){
main{padding:var(--s-5) var(--s-4) var(--s-12)}
section{padding:var(--s-4)}
h1{font-size:1.375rem}
.figures{grid-template-columns:repeat(auto-fit,minmax(7rem,1fr))}
.figure{padding:.55rem .75rem}
.list th,.list td{padding-inline:.4rem}
.list .score i{display:none}
.columns.first{grid-template-columns:minmax(0,1fr)}
.charts figcaption{min-height:0}
.maps,.mistakes{grid-template-columns:repeat(auto-fill,minmax(8rem,1fr))}
}
@media print{main{max-width:none;padding:0}section,.figure,figure{break-inside:avoid}.scroll{overflow:visible}}
`;

export const REPORT_CSS = [
  TOKENS_CSS,
  BASE_CSS,
  PAGE_CSS,
  TABLE_CSS,
  PLOT_CSS,
  CHART_CSS,
  PANEL_CSS,
  CONFUSION_CSS,
  PICTURE_CSS,
  LABEL_SIZES,
  NARROW_CSS,
].join("");
