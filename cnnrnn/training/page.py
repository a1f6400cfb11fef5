"""The page around a report: one HTML document with its style sheet inside and nothing outside."""

from __future__ import annotations

import html

from cnnrnn.training.placed import STYLE as PLACED_STYLE

FONTS = (
    'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans",'
    ' "Liberation Sans", Arial, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC",'
    ' "Noto Sans SC", sans-serif'
)

# The policy makes "self-contained" a rule that the browser keeps, whatever a caption contains.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f4f5f7; --card: #fff; --well: #eceef1; --ink: #1a1e24; --soft: #59626e;
  --rule: #dfe3e8; --accent: #1d5bd0; --note: #fff6dd; --note-rule: #d99a00;
  --s0: #8794a5; --s1: #1d5bd0; --s2: #d4630a; --s3: #0d8a72; --s4: #a5379b; --s5: #8a6d00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12151a; --card: #1b1f26; --well: #0c0e12; --ink: #e7e9ec; --soft: #9ca6b3;
    --rule: #2f3640; --accent: #82aeff; --note: #2b2514; --note-rule: #c8952b;
    --s0: #8592a3; --s1: #82aeff; --s2: #ff9d57; --s3: #4fcdb2; --s4: #e38adb; --s5: #d9bd52;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 FONTS;
  -webkit-text-size-adjust: 100%; overflow-wrap: anywhere;
}
main, header, footer { max-width: 66rem; margin: 0 auto; padding: 0 1.5rem; }
header { padding-top: 3rem; }
h1 { margin: 0; font-size: 2rem; line-height: 1.2; font-weight: 650; letter-spacing: -.015em; }
header p { margin: .4rem 0 0; color: var(--soft); font-size: 1.05rem; }
h2 { margin: 3rem 0 1rem; font-size: 1.25rem; line-height: 1.3; font-weight: 650; }
h3 { margin: 0; font-size: 1rem; font-weight: 600; }
p { margin: 0 0 .8rem; max-width: 46rem; }
code { font: .9em ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; }
p code, dd code { background: var(--well); border-radius: 4px; padding: .1em .35em; }
a { color: var(--accent); }
.muted { color: var(--soft); }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; }
main > .card + p, main > .charts + p { margin-top: 1.25rem; }
main > .card + .card, main > .charts + .card { margin-top: 1rem; }
main > :first-child { margin-top: 2rem; }
.note {
  margin: 1.5rem 0 0; padding: .75rem 1rem; max-width: none; background: var(--note);
  border-left: 4px solid var(--note-rule); border-radius: 4px 10px 10px 4px;
}

.headline { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 1px;
  margin: 2rem 0 0; overflow: hidden; background: var(--rule); }
.headline div { background: var(--card); padding: 1rem 1.25rem; }
.headline dt { color: var(--soft); font-size: .875rem; }
.headline dd { margin: 0; }
.headline .value { font-size: 1.75rem; line-height: 1.3; font-weight: 650;
  font-variant-numeric: tabular-nums; letter-spacing: -.01em; }
.headline .remark { color: var(--soft); font-size: .875rem; }

.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 27rem), 1fr));
  gap: 1rem; margin-top: 1rem; }
figure { display: flex; flex-direction: column; margin: 0; padding: 1rem 1.1rem .9rem;
  max-width: 36rem; }
figcaption { display: flex; flex-wrap: wrap; gap: .1rem 1rem; align-items: baseline;
  margin-bottom: .5rem; }
figcaption h3 { margin-right: auto; }
.keys { display: flex; flex-wrap: wrap; gap: 0 1rem; }
figcaption small { display: block; color: var(--soft); font-size: .8125rem; font-weight: 400; }
.key { color: var(--soft); font-size: .875rem; white-space: nowrap; }
.key::before { content: ""; display: inline-block; width: 1.1em; height: 3px; margin-right: .4em;
  border-radius: 2px; vertical-align: .25em; background: var(--c); }
svg { display: block; width: 100%; height: auto; margin-top: auto; }
svg text { font-size: 12px; fill: var(--soft); font-variant-numeric: tabular-nums; }
svg .end { text-anchor: end; }
svg .middle { text-anchor: middle; }
svg .strong { fill: var(--ink); font-weight: 600; }
svg path { fill: none; }
svg .grid { stroke: var(--rule); }
svg .axis { stroke: var(--soft); }
svg .best { stroke: var(--ink); stroke-dasharray: 3 3; }
svg .line { stroke: var(--c); stroke-width: 2.25; stroke-linejoin: round; stroke-linecap: round; }
svg .dot { fill: var(--c); }
svg .ring { fill: var(--card); stroke: var(--c); stroke-width: 2.25; }
.at rect { fill: transparent; }
.at path { stroke: var(--soft); }
.at path, .at circle { opacity: 0; }
.at:hover path, .at:hover circle { opacity: 1; }
.s0 { --c: var(--s0); } .s1 { --c: var(--s1); } .s2 { --c: var(--s2); }
.s3 { --c: var(--s3); } .s4 { --c: var(--s4); } .s5 { --c: var(--s5); }

.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .6rem 1rem; text-align: left; vertical-align: top; overflow-wrap: normal; }
th { color: var(--soft); font-size: .875rem; font-weight: 500; border-bottom: 1px solid var(--rule);
  vertical-align: bottom; }
tr + tr td { border-top: 1px solid var(--rule); }
td:first-child { min-width: 9rem; }
.num { text-align: right; white-space: nowrap; }
td.num { color: var(--soft); }
td.top { color: var(--ink); font-weight: 700; }
.under { margin: .6rem 0 0; color: var(--soft); font-size: .875rem; }

.heat { width: auto; margin: .6rem 1rem 1rem; }
.heat th, .heat td { padding: .3rem .5rem; }
.heat thead th { vertical-align: bottom; }
.heat thead span { writing-mode: vertical-rl; transform: rotate(180deg); white-space: nowrap; }
.heat tbody th { border: 0; text-align: right; white-space: nowrap; }
.heat td, .heat td:first-child { min-width: 2.6rem; text-align: center;
  border: 1px solid var(--rule);
  background: color-mix(in srgb, var(--accent) calc(var(--p) * .75), transparent); }
.heat .hit { outline: 2px solid var(--soft); outline-offset: -2px; }

.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 15rem), 1fr));
  grid-auto-flow: dense; gap: 1rem; }
.gallery .card { display: flex; flex-direction: column; overflow: hidden; margin: 0; }
.gallery .card:has(details[open]) { grid-column: 1 / -1; }
.picture { display: block; width: 100%; height: auto; max-height: 20rem; object-fit: contain;
  background: var(--well); }
.about { padding: .8rem 1rem 1rem; }
.about h3 { display: flex; gap: .5rem; justify-content: space-between; align-items: baseline;
  margin-bottom: .5rem; color: var(--soft); font-size: .8125rem; font-weight: 500; }
.name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.chip { flex: none; color: var(--accent); font-variant-numeric: tabular-nums; }
.about p { margin: .5rem 0 0; line-height: 1.4; color: var(--soft); font-size: .9375rem; }
.about h3 + p { margin: 0; color: var(--ink); font-size: 1.0625rem; font-weight: 600; }
.about small { display: block; color: var(--soft); font-size: .75rem; font-weight: 500; }
details { margin-top: auto; border-top: 1px solid var(--rule); }
summary { padding: .6rem 1rem; color: var(--accent); font-size: .875rem; cursor: pointer; }
details .scroll { padding: 0 1rem 1rem; }
details img { display: block; max-width: none; border-radius: 4px; }

dl.settings { display: grid; grid-template-columns: max-content 1fr; margin: 0;
  padding: .4rem 1.1rem; }
.settings dt, .settings dd { padding: .4rem 0; margin: 0; }
.settings dt { color: var(--soft); padding-right: 2rem; }
.settings dt:not(:first-of-type), .settings dt:not(:first-of-type) + dd {
  border-top: 1px solid var(--rule); }
footer { padding-top: 3rem; padding-bottom: 2rem; color: var(--soft); font-size: .875rem; }

@media (min-width: 40.01rem) {
  .gallery .card:has(details[open]) { display: grid; grid-template-columns: 15rem 1fr; }
  .card details[open] { grid-column: 1 / -1; }
}
@media (max-width: 40rem) {
  main, header, footer { padding-left: 1rem; padding-right: 1rem; }
  header { padding-top: 1.75rem; }
  h1 { font-size: 1.6rem; }
  h2 { margin-top: 2.25rem; }
  .headline { grid-template-columns: 1fr 1fr; }
  .headline div { padding: .8rem 1rem; }
  .headline .value { font-size: 1.4rem; }
  svg text { font-size: 15px; }
  figure { padding: .9rem .8rem .7rem; }
  th, td { padding: .5rem .75rem; }
  th:first-child, td:first-child { position: sticky; left: 0; background: var(--card); }
  dl.settings { display: block; }
  .settings dt { padding: .5rem 0 0; font-size: .875rem; }
  .settings dd { padding: 0 0 .5rem; }
  .settings dt:not(:first-of-type) + dd { border-top: 0; }
}
@media print {
  body { background: none; }
  .card, figure, tr { break-inside: avoid; }
}
""".replace("FONTS", FONTS)


def page(title: str, subtitle: str, body: str, footer: str) -> str:
    """The document. `body` is HTML; the other arguments are plain text."""
    title, subtitle, footer = map(html.escape, (title, subtitle, footer))
    lead = f"<p>{subtitle}</p>" if subtitle else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{STYLE}{PLACED_STYLE}</style>
</head>
<body>
<header><h1>{title}</h1>{lead}</header>
<main>
{body}
</main>
<footer>{footer}</footer>
</body>
</html>
"""
