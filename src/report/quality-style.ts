/** The style sheet of quality pages: light and dark by the reader's preference, no font and no file from elsewhere. */
export const QUALITY_STYLE = `
:root{color-scheme:light dark;--ground:#f4f6f8;--card:#fff;--ink:#1b1f24;--soft:#5a6572;--line:#e1e5ea}
@media (prefers-color-scheme:dark){:root{--ground:#0e1217;--card:#171d24;--ink:#e5e9ee;--soft:#96a2b0;--line:#2a323c}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1240px;margin:0 auto;padding:32px 24px 64px}
h1{font-size:26px;line-height:1.25;margin:0;overflow-wrap:anywhere}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:20px 22px;margin-top:18px}
.warnings,.unchecked{border-radius:12px;padding:16px 22px;margin-top:18px}
.warnings{background:#b42318;color:#fff}
.warnings h2{margin:0 0 8px}
.warnings ul{margin:0;padding-left:20px}
.warnings code{font:600 13px/1.5 ui-monospace,monospace;margin-right:6px}
.unchecked{border:1px solid var(--line);color:var(--soft)}
h2{font-size:17px;margin:0 0 14px}
h2 small{font-weight:400;font-size:14px;color:var(--soft);margin-left:8px}
.slices{display:flex;flex-wrap:wrap;gap:18px;align-items:flex-start}
figure{margin:0;min-width:160px}
.slice{position:relative;background:#000;border-radius:6px;overflow:hidden}
.slice img{display:block;width:100%;height:auto}
.slice i{position:absolute;font:600 13px/1 system-ui,sans-serif;color:#fff;text-shadow:0 0 3px #000,0 0 3px #000,0 0 6px #000}
.left{left:7px;top:50%;transform:translateY(-50%)}
.right{right:7px;top:50%;transform:translateY(-50%)}
.top{top:7px;left:50%;transform:translateX(-50%)}
.bottom{bottom:7px;left:50%;transform:translateX(-50%)}
figcaption{font-size:14px;margin-top:7px}
figcaption small{color:var(--soft);font-size:13px;margin-left:6px}
.note{color:var(--soft);font-size:13px;margin:12px 2px 0}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,380px),1fr));gap:0 18px;align-items:start}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:14px;width:100%;font-variant-numeric:tabular-nums}
th,td{border-bottom:1px solid var(--line);padding:6px 12px 6px 0;text-align:left;vertical-align:top;overflow-wrap:anywhere}
tr:last-child>*{border-bottom:0}
thead th{font-weight:500;color:var(--soft);font-size:13px;padding-top:0}
thead tr:last-child>*{border-bottom:1px solid var(--line)}
tbody th{font-weight:500}
.number{text-align:right;white-space:nowrap}
.facts th{color:var(--soft);font-weight:400;width:34%}
.swatch{display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:9px;vertical-align:-1px;box-shadow:0 0 0 1px rgb(0 0 0/.25)}
@media print{body{background:#fff}section{break-inside:avoid}}
`;
