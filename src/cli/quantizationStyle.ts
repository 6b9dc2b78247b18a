/** Style of the page about a quantization. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --page: light-dark(#f6f7f9, #14161a);
  --panel: light-dark(#fff, #1d2026);
  --line: light-dark(#d6dae1, #353a44);
  --text: light-dark(#1b1f27, #e8eaee);
  --quiet: light-dark(#566072, #a4acba);
  --accent: light-dark(#1f5fd0, #8fb6ff);
  --clip: light-dark(#a8201a, #ff9b94);
  font: 16px/1.5 system-ui, sans-serif;
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); }
main { max-width: 72rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { margin: 0 0 0.25rem; font-size: 1.75rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 0 0 0.5rem; font-size: 1.25rem; }
p { max-width: 46rem; margin: 0 0 0.75rem; color: var(--quiet); }
section { margin-top: 1.25rem; padding: 1.25rem; border: 1px solid var(--line); border-radius: 0.75rem; background: var(--panel); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: 0.75rem; margin: 1rem 0 0; }
.facts div { padding: 0.75rem 1rem; border: 1px solid var(--line); border-radius: 0.75rem; background: var(--panel); }
dt { color: var(--quiet); font-size: 0.875rem; }
dd { margin: 0; font-size: 1.5rem; font-weight: 600; line-height: 1.3; }
small { color: var(--quiet); font-size: 0.8125rem; font-weight: 400; }
dd small { display: block; }
.scrolled { overflow: auto; max-height: 34rem; }
.scrolled:focus-visible, summary:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
table { border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
#damage ~ .scrolled { max-height: none; }
#damage ~ .scrolled table { width: 100%; }
th, td { padding: 0.3rem 0.75rem 0.3rem 0; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; vertical-align: top; }
th:first-child { text-align: left; }
.kernel { display: block; width: min(20rem, 60vw); white-space: normal; color: var(--quiet); font-size: 0.75rem; font-weight: 400; }
thead th { position: sticky; top: 0; background: var(--panel); color: var(--quiet); font-weight: 400; }
tbody th { font-weight: 400; }
tbody tr:last-child > * { border-bottom: 0; }
td.bar { width: 40%; min-width: 8rem; }
td.bar span { display: block; min-width: 2px; height: 1.1rem; border-radius: 0 0.2rem 0.2rem 0; background: var(--accent); }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1rem; }
figure { min-width: 0; margin: 0; }
figcaption { color: var(--quiet); font-size: 0.8125rem; overflow-wrap: anywhere; }
figcaption strong { display: block; color: var(--text); font-weight: 600; }
svg { display: block; width: 100%; height: auto; }
svg.curve { max-width: 40rem; }
svg text { fill: var(--quiet); font-size: 11px; }
.bars { fill: var(--accent); }
.line { fill: none; stroke: var(--accent); stroke-width: 1.5; }
.axis { stroke: var(--line); }
.clip { stroke: var(--clip); stroke-width: 1.5; stroke-dasharray: 4 3; }
.chosen { fill: none; stroke: var(--text); stroke-width: 2; }
summary { cursor: pointer; }
`;
