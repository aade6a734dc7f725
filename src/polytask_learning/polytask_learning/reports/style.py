"""How pages look, by day, by night and on a phone."""

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #171b22; --soft: #5b6472; --rule: #e3e6eb;
  --first: #1f62d6; --second: #c2571a; --faint: #a9c1ec; --good: #1d8a4e;
  --heat: #7aa5f0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1217; --card: #171b22; --ink: #e8ebf0; --soft: #98a2b1; --rule: #2a303a;
    --first: #74a7ff; --second: #f2a065; --faint: #33496f; --good: #5ccb8d;
    --heat: #2c5aa8;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
main { max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 2.1rem; line-height: 1.15; margin: .1rem 0 .4rem; letter-spacing: -.015em;
  overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.75rem 0 .9rem; }
h3 { font-size: .95rem; margin: 0 0 .5rem; }
p { margin: 0 0 .6rem; }
small, .soft { color: var(--soft); font-size: .875rem; font-weight: 400; }
.over { color: var(--soft); font-size: .875rem; margin: 0; }
.pair { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1rem;
  align-items: stretch; }
.card, figure { margin: 0; min-width: 0; background: var(--card); border: 1px solid var(--rule);
  border-radius: .6rem; padding: 1.1rem 1.2rem; }
.head { margin-top: 1.6rem; }
.number { font-size: 4rem; line-height: 1; font-weight: 650; letter-spacing: -.03em;
  margin: .35rem 0 .6rem; font-variant-numeric: tabular-nums; }
.number small { font-size: 1.05rem; letter-spacing: 0; margin-left: .5rem; }
figcaption { font-weight: 600; font-size: .95rem; margin-bottom: .55rem; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { fill: var(--soft); font-size: 12px; font-variant-numeric: tabular-nums; }
svg polyline { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
polyline.first { stroke: var(--first); }
polyline.second { stroke: var(--second); stroke-dasharray: 5 4; }
polyline.faint { stroke: var(--faint); stroke-width: 1; }
circle.first { fill: var(--first); }
circle.second { fill: var(--card); stroke: var(--second); stroke-width: 1.5; }
circle.faint { fill: var(--faint); }
circle.ring { fill: none; stroke: var(--ink); stroke-width: 1.25; }
line.grid { stroke: var(--rule); }
line.axis { stroke: var(--soft); }
line.best { stroke: var(--good); stroke-width: 1.5; stroke-dasharray: 3 3; }
.track { fill: var(--rule); }
.reach { fill: var(--first); opacity: .35; }
.rate { fill: var(--first); }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .1rem 1rem; margin: .5rem 0 0;
  padding: 0; color: var(--soft); font-size: .825rem; }
.legend li { display: flex; align-items: center; gap: .4rem; }
.legend i { flex: none; width: 1.1rem; border-top: 2px solid var(--first); }
.legend i.second { border-top: 2px dashed var(--second); }
.legend i.faint { border-color: var(--faint); }
.legend i.ring { width: .75rem; height: .75rem; border: 1.25px solid var(--ink);
  border-radius: 50%; }
.legend i.best { width: 0; height: .9rem; border: 0; border-left: 2px dashed var(--good); }
video { display: block; width: 100%; aspect-ratio: 1; border-radius: .35rem; background: #000; }
.none { display: grid; place-content: center; text-align: center; }
code { font: .95em ui-monospace, Menlo, Consolas, monospace; }
td code { white-space: nowrap; }
.wide { overflow-x: auto; }
.wide + .soft { margin-top: .6rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; font-weight: 400; padding: .32rem 1rem .32rem 0; vertical-align: top;
  border-bottom: 1px solid var(--rule); }
tbody tr:last-child > * { border-bottom: 0; }
thead th, tbody th { color: var(--soft); }
td { font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.facts td { text-align: right; padding-right: 0; }
.counts th, .counts td { white-space: nowrap; }
.named tbody th, .heat tbody th { color: var(--ink); white-space: nowrap; }
.named th:first-child, .heat th:first-child { position: sticky; left: 0; background: var(--card); }
.bars svg { min-width: 6rem; height: .7rem; margin-top: .35rem; }
.bars th, .bars td:last-child { white-space: nowrap; }
.meanings th { color: var(--ink); }
.meanings small { display: block; }
.meanings td { white-space: nowrap; }
.sentences td:nth-child(3) { min-width: 14rem; }
.bars td:nth-child(2) { width: 60%; }
.heat { width: auto; border-collapse: separate; border-spacing: 2px; }
.heat th, .heat td { border: 0; padding: .28rem .5rem; vertical-align: middle; }
.heat td, .heat thead th:not(:first-child) { text-align: center; min-width: 2.9rem; }
.heat td { border-radius: .25rem;
  background: color-mix(in srgb, var(--heat) var(--share, 0%), var(--page)); }
.heat td.empty, .heat td.unknown { background: none; }
.heat td.joins { box-shadow: inset 0 0 0 1.5px var(--ink); }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap; }
.films { display: grid; grid-template-columns: repeat(auto-fill, minmax(12rem, 1fr)); gap: 1rem; }
.films figure { padding: .8rem; }
.films figcaption small { display: block; }
.hash { font: .8rem/1.6 ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere;
  margin: 0; padding-left: 1.4rem; }
.stack { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem; align-content: start; }
pre { margin: 0; overflow-x: auto; font: .83rem/1.7 ui-monospace, Menlo, Consolas, monospace;
  white-space: pre-wrap; overflow-wrap: anywhere; }
pre span { display: block; padding-left: 2ch; text-indent: -2ch; }
@media (max-width: 42rem) {
  main { padding-top: 1.5rem; }
  .pair { grid-template-columns: minmax(0, 1fr); }
  h1 { font-size: 1.7rem; }
  .named tbody th, .heat tbody th { white-space: normal; min-width: 7rem; }
  .films { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .7rem; }
}
@media print { body { background: none; } figure, .card { break-inside: avoid; } }
"""
