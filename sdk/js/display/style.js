// How messages look. Colours are variables, which look.js sets; sites have variables of their own beside them.

export const STYLE = `
:host {
  all: initial;
  --radius: var(--kindling-radius, 16px);
  --round: var(--kindling-button-radius, 999px);
  font: 16px/1.5 var(--kindling-font, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif);
}
* { box-sizing: border-box; margin: 0; }
.frame {
  background: var(--surface);
  border: 1px solid var(--edge);
  border-radius: var(--radius);
  box-shadow: 0 1px 2px rgb(0 0 0 / 8%), 0 12px 44px rgb(0 0 0 / 24%);
  color: var(--text);
  font: inherit;
  outline: 0;
  overflow: hidden;
  padding: 0;
  -webkit-tap-highlight-color: transparent;
}
.card { position: relative; }
.text { min-width: 0; overflow-wrap: anywhere; }
.image img { display: block; height: 100%; object-fit: cover; width: 100%; }
h2 { font-size: 1.5rem; font-weight: 680; letter-spacing: -.012em; line-height: 1.2; text-wrap: balance; }
p { color: var(--muted); font-size: 1rem; text-wrap: pretty; white-space: pre-line; }
h2 + p { margin-top: 8px; }
.unseen { clip-path: inset(50%); height: 1px; overflow: hidden; position: fixed; white-space: nowrap; width: 1px; }

button { border: 0; cursor: pointer; font: inherit; }
.buttons { display: flex; flex-wrap: wrap; gap: 10px; margin-top: 24px; position: relative; z-index: 1; }
.action {
  background: var(--button-background, transparent);
  border: 1px solid var(--button-border, var(--button-background, var(--edge)));
  border-radius: var(--round);
  color: var(--button-text, var(--text));
  flex: 1 1 auto;
  font-weight: 600;
  line-height: 1.25;
  min-height: 46px;
  padding: 8px 22px;
}
.action:first-child {
  background: var(--button-background, var(--accent));
  border-color: var(--button-border, var(--button-background, var(--accent)));
  color: var(--button-text, var(--on-accent));
}
.close {
  align-items: center;
  background: none;
  border-radius: 50%;
  color: var(--muted);
  display: flex;
  height: 46px;
  inset-block-start: 6px;
  inset-inline-end: 6px;
  justify-content: center;
  padding: 0;
  position: absolute;
  width: 46px;
  z-index: 2;
}
.close::before { border-radius: 50%; content: ""; inset: 5px; position: absolute; z-index: -1; }
dialog .close::before { background: var(--surface); }
dialog.pictured .close::before { box-shadow: 0 1px 6px rgb(0 0 0 / 28%); }
.cover { background: none; border-radius: var(--radius); inset: 0; position: absolute; width: 100%; }
@media (hover: hover) {
  .action:hover { filter: brightness(.94); }
  .close:hover { color: var(--text); }
  .clickable:hover h2 { text-decoration: underline; text-decoration-thickness: 1px; text-underline-offset: 3px; }
}
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.frame:focus-visible { outline: 0; }
.cover:focus-visible { outline-offset: -5px; }
.close:focus-visible { outline-offset: -5px; }

.slide_up {
  animation: slide .38s cubic-bezier(.2, .9, .25, 1);
  inset-inline: 0;
  margin: 16px auto;
  max-width: 440px;
  position: fixed;
  touch-action: pan-x;
  width: calc(100% - 32px);
  z-index: var(--z-index);
}
.bottom { --from: 120%; bottom: env(safe-area-inset-bottom, 0); }
.top { --from: -120%; top: env(safe-area-inset-top, 0); }
.slide_up .card { align-items: center; display: flex; gap: 14px; padding: 16px; padding-inline-end: 54px; }
.slide_up .image { border-radius: 10px; flex: none; height: 64px; overflow: hidden; width: 64px; }
.slide_up .text { flex: 1; }
.slide_up h2 { font-size: 1.0625rem; font-weight: 650; letter-spacing: 0; line-height: 1.3; }
.slide_up p { font-size: .9375rem; line-height: 1.45; }
.slide_up h2 + p { margin-top: 2px; }
.slide_up .buttons { gap: 8px; margin-inline-end: -38px; margin-top: 14px; }
.slide_up .action { font-size: .9375rem; padding-inline: 16px; }

dialog { animation: rise .3s cubic-bezier(.2, .9, .25, 1); }
dialog::backdrop { animation: fade .3s; background: var(--kindling-backdrop, rgb(20 16 12 / 56%)); }
.modal, .survey, .html {
  margin: auto;
  max-height: calc(100dvh - 32px);
  max-width: calc(100% - 32px);
  width: 430px;
}
.modal[open], .survey[open], .full_screen[open] { display: flex; flex-direction: column; }
.card { overscroll-behavior: contain; }
dialog .card { overflow: auto; }
.modal .image, .survey .image { aspect-ratio: 16 / 9; max-height: 42dvh; width: 100%; }
.modal .text, .survey .text { padding: 30px 28px 28px; }
.modal .text { text-align: center; }
.modal:not(.pictured) .text, .survey:not(.pictured) .text { padding-top: 40px; }
.modal .buttons { justify-content: center; }
.modal.long .text { text-align: start; }
dialog p:first-child { color: var(--text); font-size: 1.125rem; font-weight: 600; }

.full_screen {
  border: 0;
  border-radius: 0;
  height: 100dvh;
  margin: 0;
  max-height: none;
  max-width: none;
  width: 100vw;
}
.full_screen .card { display: flex; flex: 1; flex-direction: column; }
.full_screen .image { flex: 0 0 44dvh; }
.full_screen .text {
  display: flex;
  flex: 1;
  flex-direction: column;
  margin-inline: auto;
  max-width: 34rem;
  padding: 32px 24px max(24px, env(safe-area-inset-bottom, 0));
  width: 100%;
}
.full_screen:not(.pictured) .text { justify-content: center; padding-top: 64px; }
.full_screen h2 { font-size: clamp(1.75rem, 4.2vw, 2.75rem); line-height: 1.12; }
.full_screen p { font-size: 1.125rem; }
.full_screen h2 + p { margin-top: 14px; }
.full_screen .buttons { margin-top: auto; padding-top: 28px; }
.full_screen:not(.pictured) .buttons { margin-top: 0; }
@media (min-width: 760px) {
  .full_screen.pictured .card { flex-direction: row; }
  .full_screen .image { flex: 0 0 50%; height: 100dvh; }
  .full_screen.pictured .text { justify-content: center; padding: 64px clamp(32px, 5vw, 88px); }
  .full_screen .buttons { flex-wrap: nowrap; margin-top: 12px; }
  .full_screen .action { flex: 0 1 auto; min-width: 9rem; }
}

@media (max-width: 480px) {
  .modal .buttons, .survey .buttons, .full_screen .buttons { flex-direction: column; }
  .modal .text, .survey .text { padding-inline: 20px; }
}
@keyframes slide { from { transform: translateY(var(--from)); } }
@keyframes rise { from { opacity: 0; transform: translateY(14px) scale(.985); } }
@keyframes fade { from { opacity: 0; } }
@media (prefers-reduced-motion: reduce) {
  .frame, .frame::backdrop { animation: none; }
}
`;
