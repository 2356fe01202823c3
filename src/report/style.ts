/** The style sheet of the report: light and dark by the reader's preference, no font and no file from elsewhere. */
export const REPORT_STYLE = `
:root{color-scheme:light dark;--ground:#f4f6f8;--card:#fff;--ink:#1b1f24;--soft:#5a6572;--line:#e1e5ea;--train:#3f72b0;--valid:#d2691e;--second:#8a63b8;--rate:#2f8582;--best:#2e8b57;--hit:47 111 179;--miss:206 84 48;--bar:#dbe6f3}
@media (prefers-color-scheme:dark){:root{--ground:#0e1217;--card:#171d24;--ink:#e5e9ee;--soft:#96a2b0;--line:#2a323c;--train:#6ea8f0;--valid:#f2995c;--second:#b795e6;--rate:#57c2bd;--best:#5ccf95;--hit:82 148 222;--miss:226 104 66;--bar:#23384f}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1180px;margin:0 auto;padding:32px 24px 64px}
header{display:flex;flex-wrap:wrap;align-items:baseline;gap:6px 14px;margin-bottom:20px}
h1{font-size:26px;line-height:1.25;margin:0;overflow-wrap:anywhere}
header p{margin:0;color:var(--soft);flex-basis:100%;overflow-wrap:anywhere}
.status{font-size:13px;padding:2px 10px;border-radius:99px;border:1px solid var(--line);background:var(--card);color:var(--soft)}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:20px 22px;margin-top:18px}
h2{font-size:17px;margin:0 0 14px}
h2 small{font-weight:400;font-size:14px;color:var(--soft);margin-left:8px}
.cards{display:flex;flex-wrap:wrap;gap:14px}
.card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:13px 16px;flex:1 1 180px}
.card b{display:block;font-size:21px;line-height:1.3;font-weight:650;font-variant-numeric:tabular-nums;overflow-wrap:break-word}
.card span{color:var(--soft);font-size:13px}
.card.first{border-color:var(--best)}
.card.first b{color:var(--best)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:18px 26px}
figure{margin:0;min-width:0}
.chart.wide{grid-column:1/-1}
.chart figcaption{display:flex;flex-wrap:wrap;justify-content:space-between;gap:4px 16px;font-size:14px}
.legend{display:flex;flex-wrap:wrap;gap:2px 14px;color:var(--soft);font-size:13px}
.key{display:inline-block;width:16px;height:0;border-top:2.5px solid;margin-right:6px;vertical-align:middle}
.key.dashed{border-top-style:dashed}
.train{color:var(--train)}.valid{color:var(--valid)}.second{color:var(--second)}.rate{color:var(--rate)}
svg{display:block;width:100%;height:auto}
svg text{font-size:12px;fill:var(--soft);font-variant-numeric:tabular-nums}
.grid{stroke:var(--line);stroke-width:1;fill:none}
.axis{stroke:var(--soft);stroke-width:1;fill:none;opacity:.6}
.curve{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.curve.faint{stroke-width:1;opacity:.28}
.curve.dashed{stroke-dasharray:5 5}
.dot{fill:none;stroke:currentColor;stroke-width:6;stroke-linecap:round}
.best{fill:none;stroke:var(--best);stroke-width:2}
.best-line{stroke:var(--best);stroke-width:1;stroke-dasharray:2 4;fill:none}
svg .best-label{fill:var(--best);font-weight:600}
.empty,.note{color:var(--soft);font-size:13px;margin:8px 0 0}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
.confusion{display:flex;flex-wrap:wrap;gap:20px 40px;align-items:flex-start}
.confusion>*{min-width:0;max-width:100%}
.heat{font-size:13px}
.heat th{font-weight:500;color:var(--soft)}
.heat th[scope=row]{text-align:right;padding-right:10px;max-width:150px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.heat th[scope=col]{vertical-align:bottom;padding:0 0 6px;min-width:38px}
.heat th[scope=col] span{display:inline-block;writing-mode:vertical-rl;transform:rotate(180deg);max-height:120px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.heat .corner{font-size:12px;vertical-align:bottom;text-align:right;padding:0 10px 6px 0;white-space:nowrap}
.heat td{min-width:38px;height:32px;text-align:center;border:1px solid var(--card);border-radius:4px;padding:0 4px}
.hit{background:rgb(var(--hit)/var(--a));fill:rgb(var(--hit))}
.miss{background:rgb(var(--miss)/var(--a));fill:rgb(var(--miss))}
.deep{color:#fff}
.zero{color:var(--line)}
.ground{fill:var(--ground)}
.matrix svg{width:min(100%,620px)}
.list{font-size:14px;width:100%}
.list caption{text-align:left;font-weight:600;padding-bottom:6px}
.list th{font-weight:500;color:var(--soft);text-align:left;font-size:13px;border-bottom:1px solid var(--line);padding:4px 10px 4px 0;white-space:nowrap}
.list td{border-bottom:1px solid var(--line);padding:5px 10px 5px 0}
.list tr:last-child td{border-bottom:0}
.list .number{text-align:right;white-space:nowrap}
.list td.name{overflow-wrap:anywhere}
.confusion>.scroll{flex:0 1 auto}
.confusion>.pairs{flex:1 1 380px;max-width:640px;width:auto}
.arrow{color:var(--soft)}
.score{width:22%}
.score div{display:flex;align-items:center;gap:8px;justify-content:flex-end}
.score i{flex:1;height:8px;border-radius:4px;background:linear-gradient(to right,var(--train) calc(var(--v)*100%),var(--bar) 0)}
.score span{min-width:62px;text-align:right}
details{margin-top:10px}
summary{cursor:pointer;color:var(--soft);font-size:14px}
.mistakes{display:grid;grid-template-columns:repeat(auto-fill,minmax(160px,1fr));gap:16px}
.mistakes img,.mistakes .none{width:100%;aspect-ratio:1;object-fit:cover;border-radius:8px;background:var(--ground);display:block}
.mistakes .none{display:flex;align-items:center;justify-content:center;color:var(--soft);font-size:13px}
.mistakes figcaption{font-size:13px;line-height:1.45;margin-top:7px;overflow-wrap:anywhere}
.mistakes .said{color:rgb(var(--miss));font-weight:600}
.mistakes small{display:block;color:var(--soft);font-size:12px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:0 18px;align-items:start}
.facts td:first-child{color:var(--soft);width:38%}
.facts td{overflow-wrap:anywhere;vertical-align:top}
@media (max-width:640px){.score i{display:none}.score span{min-width:0}}
@media print{body{background:#fff}section,.card{break-inside:avoid}}
`;
