// How pages and surveys look, beside what all messages have.

export const FORM_STYLE = `
.html { background: none; border: 0; width: 480px; }
.html[open] { display: flex; }
iframe { background: var(--surface); block-size: 0; border: 0; border-radius: inherit; color-scheme: inherit; display: block; flex: 1; max-block-size: 100%; }

form { margin-top: 20px; }
textarea {
  background: transparent;
  border: 1px solid var(--muted);
  border-radius: 12px;
  color: var(--text);
  display: block;
  font: inherit;
  padding: 12px 14px;
  resize: vertical;
  width: 100%;
}
textarea::placeholder { color: var(--muted); opacity: 1; }
textarea:focus-visible { border-color: transparent; outline-offset: -1px; }
.option, .number { cursor: pointer; display: flex; position: relative; }
.options { display: grid; gap: 8px; }
.option { align-items: center; border: 1px solid var(--edge); border-radius: 12px; gap: 12px; min-height: 50px; padding: 10px 14px; }
.option:has(:checked) { border-color: var(--accent); box-shadow: inset 0 0 0 1px var(--accent); }
.option input { accent-color: var(--accent); flex: none; height: 20px; width: 20px; }
.option:has(:focus-visible) { outline: 3px solid var(--accent); outline-offset: 2px; }
.option input:focus-visible { outline: 0; }
.numbers { display: grid; gap: 8px; grid-template-columns: repeat(var(--columns), 1fr); }
.number input { appearance: none; inset: 0; margin: 0; position: absolute; cursor: pointer; border-radius: 12px; }
.number span {
  border: 1px solid var(--muted);
  border-radius: 12px;
  display: grid;
  flex: 1;
  font-variant-numeric: tabular-nums;
  font-weight: 600;
  min-height: 50px;
  place-items: center;
}
.number :checked + span { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
.ends { color: var(--muted); display: flex; font-size: .875rem; gap: 16px; justify-content: space-between; margin-top: 8px; }
.ends span:last-child { text-align: end; }
.survey .thanks .text { padding-block: 56px; text-align: center; }
.thanks p { color: var(--text); font-size: 1.25rem; font-weight: 600; }
@media (max-width: 380px) {
  .numbers { gap: 4px; }
}
`;
