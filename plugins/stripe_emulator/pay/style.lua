--- The look of the payment page, for light and dark, from 320 pixels up.
return [[
:root {
  --ink: #1a1f36;
  --soft: #4f566b;
  --line: #c9cedb;
  --paper: #fff;
  --back: #f3f4f8;
  --main: #4b3bd1;
  --main-ink: #fff;
  --bad: #a3123a;
  --bad-back: #fdeef2;
  --good: #0b6b43;
  --good-back: #e8f6ee;
  --chosen: #f1efff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #eef0f7;
    --soft: #b4bace;
    --line: #444b61;
    --paper: #1c2030;
    --back: #12141d;
    --main: #9d90ff;
    --main-ink: #12101f;
    --bad: #ff9db2;
    --bad-back: #3a1a25;
    --good: #7fdcae;
    --good-back: #15301f;
    --chosen: #292644;
  }
}
* {
  box-sizing: border-box;
}
body {
  margin: 0;
  padding: 2rem 1rem;
  background: var(--back);
  color: var(--ink);
  font:
    1rem/1.5 system-ui,
    "Segoe UI",
    Roboto,
    "Helvetica Neue",
    Arial,
    sans-serif;
}
main {
  max-width: 30rem;
  margin: 0 auto;
  padding: 1.75rem;
  background: var(--paper);
  border: 1px solid var(--line);
  border-radius: 1rem;
  box-shadow:
    0 1px 2px rgb(0 0 0 / 6%),
    0 12px 32px rgb(0 0 0 / 8%);
}
footer {
  max-width: 30rem;
  margin: 1rem auto 0;
  color: var(--soft);
  font-size: 0.8125rem;
  text-align: center;
}
.badge {
  display: inline-block;
  margin: 0 0 1rem;
  padding: 0.125rem 0.625rem;
  border-radius: 1rem;
  background: #ffe3b3;
  color: #5c3a00;
  font-size: 0.8125rem;
  font-weight: 600;
}
h1 {
  margin: 0;
  font-size: 1rem;
  font-weight: 500;
  color: var(--soft);
}
.amount {
  margin: 0 0 0.25rem;
  font-size: 2.5rem;
  line-height: 1.2;
  font-weight: 700;
  letter-spacing: -0.02em;
  font-variant-numeric: tabular-nums;
}
.purpose {
  margin: 0 0 1.25rem;
  overflow-wrap: anywhere;
}
dl {
  display: grid;
  grid-template-columns: auto 1fr;
  gap: 0.25rem 1rem;
  margin: 0 0 1.25rem;
  font-size: 0.875rem;
}
dt {
  color: var(--soft);
}
dd {
  margin: 0;
  overflow-wrap: anywhere;
}
.note {
  margin: 0 0 1.25rem;
  padding: 0.75rem 1rem;
  border-radius: 0.625rem;
  border-left: 4px solid;
}
.note strong {
  display: block;
}
.bad {
  background: var(--bad-back);
  border-color: var(--bad);
  color: var(--bad);
}
.good {
  background: var(--good-back);
  border-color: var(--good);
  color: var(--good);
}
fieldset {
  margin: 0 0 1.25rem;
  padding: 0;
  border: 0;
  min-width: 0;
}
legend {
  padding: 0;
  margin-bottom: 0.5rem;
  font-weight: 600;
}
label {
  display: flex;
  align-items: center;
  gap: 0.75rem;
  padding: 0.5rem 0.875rem;
  border: 1px solid var(--line);
  border-bottom-width: 0;
  cursor: pointer;
}
label:first-of-type {
  border-radius: 0.625rem 0.625rem 0 0;
}
label:last-of-type {
  border-radius: 0 0 0.625rem 0.625rem;
  border-bottom-width: 1px;
}
label:hover,
label:has(:checked) {
  background: var(--chosen);
}
input[type="radio"] {
  flex: none;
  width: 1.125rem;
  height: 1.125rem;
  margin: 0;
  accent-color: var(--main);
}
.card {
  display: flex;
  flex-wrap: wrap;
  justify-content: space-between;
  gap: 0 1rem;
  flex: 1;
  min-width: 0;
}
.number {
  color: var(--soft);
  font-variant-numeric: tabular-nums;
  white-space: nowrap;
}
.effect {
  font-size: 0.875rem;
  line-height: 1.5rem;
  color: var(--soft);
}
button,
.button {
  display: block;
  width: 100%;
  padding: 0.75rem 1rem;
  border: 1px solid var(--main);
  border-radius: 0.625rem;
  background: var(--main);
  color: var(--main-ink);
  font: inherit;
  font-weight: 600;
  text-align: center;
  text-decoration: none;
  cursor: pointer;
}
button:hover,
.button:hover {
  filter: brightness(1.08);
}
button.second {
  margin-top: 0.75rem;
  background: transparent;
  color: var(--ink);
  border-color: var(--line);
}
form[aria-busy="true"] button {
  opacity: 0.65;
  cursor: progress;
}
:focus-visible {
  outline: 3px solid var(--main);
  outline-offset: 2px;
}
[role="alert"]:focus {
  outline: none;
}
@media (max-width: 30rem) {
  body {
    padding: 0;
    background: var(--paper);
  }
  main {
    border: 0;
    border-radius: 0;
    box-shadow: none;
    padding: 1.25rem 1rem;
  }
  .card {
    flex-direction: column;
  }
  .amount {
    font-size: 2.125rem;
  }
}
@media (prefers-reduced-motion: no-preference) {
  label,
  button {
    transition: background-color 0.12s;
  }
}
]]
